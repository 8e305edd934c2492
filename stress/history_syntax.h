/* SPDX-License-Identifier: MIT */
/*
 * The words of an strace line: numbers, flag sets, argument lists. Nothing here knows
 * what a call means, and nothing here trusts its input.
 */
#ifndef STRESS_HISTORY_SYNTAX_H
#define STRESS_HISTORY_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a line, not terminated. */
struct history_text {
    const char *at;
    const char *end;
};

struct history_text history_text_of(const char *word);
size_t history_text_bytes(struct history_text text);
bool history_text_is(struct history_text text, const char *word);
struct history_text history_trim(struct history_text text);

/* Where `word` first stands in `text`, or NULL. */
const char *history_find(struct history_text text, const char *word);

/* Steps over `word` if `text` begins with it. */
bool history_skip(struct history_text *text, const char *word);

/* Takes a decimal number off the front; false (nothing taken) when there is none or it
 * passes 2^64. */
bool history_take_decimal(struct history_text *text, uint64_t *value);

/* All of `text` is one number: NULL, hexadecimal, octal or decimal, perhaps followed by
 * a comment. */
bool history_number(struct history_text text, uint64_t *value);

/* The number behind "name=" in a braced or named argument. */
bool history_field(struct history_text text, const char *name, uint64_t *value);

struct history_word {
    const char *name;
    uint64_t value;
};

/* All of `text` is words and numbers joined by '|'. Words that `words` (ended by a NULL
 * name) lacks must at least look like names; they are ignored. */
bool history_flags(struct history_text text, const struct history_word *words,
                   uint64_t *value);

/* A file descriptor, perhaps with the path that strace -y adds: 3</usr/lib/x.so>. */
bool history_descriptor(struct history_text text, int64_t *fd,
                        struct history_text *path);

enum { HISTORY_MAX_ARGUMENTS = 8 };

struct history_call {
    struct history_text name;
    size_t count; /* of all arguments, also those that are not kept */
    struct history_text arguments[HISTORY_MAX_ARGUMENTS];
    struct history_text result; /* all behind the '=' */
};

/* Splits `name(arguments) = result`. NULL, or what is wrong with it. */
const char *history_split_call(struct history_text line, struct history_call *call);

struct history_result {
    bool known;     /* not "?" */
    bool failed;    /* "-1 ENAME (text)" */
    bool no_memory; /* ... and the name is ENOMEM */
    uint64_t value; /* when it did not fail */
};

/* NULL, or what is wrong with it. */
const char *history_read_result(struct history_text text,
                                struct history_result *result);

#endif /* STRESS_HISTORY_SYNTAX_H */
