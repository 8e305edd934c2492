/* SPDX-License-Identifier: MIT */
/* What an exploration came to, as text and JSON. */
#ifndef STRESS_EXPLORE_REPORT_H
#define STRESS_EXPLORE_REPORT_H

#include "stress/explore/campaign.h"
#include "stress/explore/explore_options.h"

struct report_line {
    char name[PROGRAM_NAME_BYTES];
    unsigned threads;
    uint64_t runs;
    uint64_t steps;
    uint64_t frozen_out;
    double seconds;
    bool exhausted;
};

struct explore_report {
    const struct explore_options *options;
    double begun;
    uint64_t runs;
    uint64_t steps;
    struct report_line *lines; /* one for each scenario */
    enum oracle failed;
    char scenario[PROGRAM_NAME_BYTES];
    char text[WORLD_TEXT];
    char saved[256];
};

struct explore_report *report_create(const struct explore_options *options);
void report_destroy(struct explore_report *report);

/* Adds a campaign to its scenario's line; a violation is saved if that was asked for. */
void report_add(struct explore_report *report, unsigned scenario,
                const struct program *program, const struct campaign *campaign);

/* Whether every scenario that was searched was searched to the end. */
bool report_exhausted(const struct explore_report *report);

void report_progress(const struct explore_report *report);
void report_print(const struct explore_report *report);
bool report_write(const struct explore_report *report, const char *path);

#endif /* STRESS_EXPLORE_REPORT_H */
