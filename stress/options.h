/* SPDX-License-Identifier: MIT */
/*
 * The command line that all stress targets share.
 */
#ifndef STRESS_OPTIONS_H
#define STRESS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of every stress target. */
enum {
    STRESS_EXIT_GOOD = 0,
    STRESS_EXIT_VIOLATION = 1,
    STRESS_EXIT_USAGE = 2,
};

enum {
    STRESS_MAX_THREADS = 64,
    STRESS_DEFAULT_THREADS = 4,
    STRESS_DEFAULT_SECONDS = 10,
    STRESS_DEFAULT_SEED = 1,
};

struct stress_options {
    const char *program; /* argv[0] */
    unsigned threads;
    uint64_t seconds;    /* 0: no limit of time */
    uint64_t operations; /* of all threads together; 0: no limit */
    uint64_t seed;
    const char *json; /* a file to write the outcome to, or NULL */
    bool help;
};

/*
 * Reads the arguments, `--name value` or `--name=value`. A run is bounded by seconds or
 * by operations, whichever comes first; when only operations are given, by those alone.
 * False when something is wrong; `message` then says what.
 */
bool stress_options_parse(struct stress_options *options, int argc, char *const argv[],
                          char *message, size_t bytes);

/* The usage text, for --help. */
void stress_options_usage(const char *program, const char *summary);

/* The command line that runs the same again. */
void stress_options_command(const struct stress_options *options, char *text,
                            size_t bytes);

#endif /* STRESS_OPTIONS_H */
