/* SPDX-License-Identifier: MIT */
#include "stress/explore/explore_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/explore/scenarios.h"

static const char usage[] =
    "usage: explore [--scenario NAME|all] [--strategy NAME] [--threads N] [--depth D]\n"
    "               [--preemptions P] [--stale S] [--faults F] [--memory weak|strong]\n"
    "               [--schedules N | --seconds S] [--seed X] [--json FILE]\n"
    "               [--save FILE] [--oracles O1,O2,.. | --without O1,..] [--quiet]\n"
    "       explore --replay FILE [--trace FILE]\n"
    "       explore --minimize FILE --save FILE\n"
    "       explore --list\n"
    "strategies: uniform, sticky, pct, dfs, freeze, portfolio (default)\n"
    "exit codes: 0 no violation, 1 a violation, 2 usage\n";

enum {
    SCENARIO = 1,
    STRATEGY,
    THREADS,
    DEPTH,
    PREEMPTIONS,
    STALE,
    FAULTS,
    MEMORY,
    SCHEDULES,
    SECONDS,
    SEED,
    JSON,
    SAVE,
    ORACLES,
    WITHOUT,
    QUIET,
    REPLAY,
    TRACE,
    MINIMIZE,
    LIST,
    HELP,
};

static const struct option known[] = {
    {"scenario", required_argument, NULL, SCENARIO},
    {"strategy", required_argument, NULL, STRATEGY},
    {"threads", required_argument, NULL, THREADS},
    {"depth", required_argument, NULL, DEPTH},
    {"preemptions", required_argument, NULL, PREEMPTIONS},
    {"stale", required_argument, NULL, STALE},
    {"faults", required_argument, NULL, FAULTS},
    {"memory", required_argument, NULL, MEMORY},
    {"schedules", required_argument, NULL, SCHEDULES},
    {"seconds", required_argument, NULL, SECONDS},
    {"seed", required_argument, NULL, SEED},
    {"json", required_argument, NULL, JSON},
    {"save", required_argument, NULL, SAVE},
    {"oracles", required_argument, NULL, ORACLES},
    {"without", required_argument, NULL, WITHOUT},
    {"quiet", no_argument, NULL, QUIET},
    {"replay", required_argument, NULL, REPLAY},
    {"trace", required_argument, NULL, TRACE},
    {"minimize", required_argument, NULL, MINIMIZE},
    {"list", no_argument, NULL, LIST},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static bool complain(const char *what, const char *value)
{
    (void)fprintf(stderr, "explore: %s %s\n%s", what, value, usage);
    return false;
}

static bool read_number(const char *text, uint64_t limit, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 0);
    return end != text && *end == '\0' && text[0] != '-' && *value <= limit;
}

static bool read_unsigned(const char *text, unsigned limit, unsigned *value)
{
    uint64_t number;
    const bool good = read_number(text, limit, &number);
    *value = (unsigned)number;
    return good;
}

static bool read_strategy(struct explore_options *options, const char *text)
{
    options->portfolio = strcmp(text, "portfolio") == 0;
    for (int i = 0; i <= STRATEGY_FREEZE; i++) {
        if (strcmp(strategy_name((enum strategy_kind)i), text) == 0) {
            options->strategy = (enum strategy_kind)i;
            return true;
        }
    }
    return options->portfolio;
}

/* A list such as O1,O8 as bits. */
static bool read_oracles(const char *text, unsigned *bits)
{
    *bits = 0;
    while (*text != '\0') {
        const size_t length = strcspn(text, ",");
        unsigned found = 0;
        for (unsigned i = 1; i < ORACLE_COUNT; i++) {
            const char *name = oracle_name((enum oracle)i);
            if (strlen(name) == length && strncmp(name, text, length) == 0) {
                found = 1U << i;
            }
        }
        if (found == 0) {
            return false;
        }
        *bits |= found;
        text += length + (text[length] == ',');
    }
    return *bits != 0;
}

static bool take_bounds(struct explore_options *options, int which, const char *text)
{
    switch (which) {
    case THREADS:
        return read_unsigned(text, PROGRAM_THREADS, &options->threads);
    case DEPTH:
        return read_unsigned(text, 9, &options->depth) && options->depth > 0;
    case PREEMPTIONS:
        return read_unsigned(text, 100, &options->bounds.preemptions);
    case STALE:
        options->weak = true;
        return read_unsigned(text, 100, &options->bounds.stale);
    case FAULTS:
        return read_unsigned(text, 100, &options->bounds.faults);
    case SCHEDULES:
        return read_number(text, UINT64_MAX, &options->schedules);
    case SEED:
        return read_number(text, UINT64_MAX, &options->seed);
    case SECONDS:
        options->seconds = strtod(text, NULL);
        return options->seconds > 0;
    default:
        return false;
    }
}

static bool take(struct explore_options *options, int which, const char *text)
{
    switch (which) {
    case SCENARIO:
        options->scenario = strcmp(text, "all") == 0 ? -1 : scenario_find(text);
        return options->scenario >= 0 || strcmp(text, "all") == 0;
    case STRATEGY:
        return read_strategy(options, text);
    case MEMORY:
        options->weak = strcmp(text, "weak") == 0;
        return options->weak || strcmp(text, "strong") == 0;
    case JSON:
        options->json = text;
        return true;
    case SAVE:
        options->save = text;
        return true;
    case ORACLES:
        return read_oracles(text, &options->oracles);
    case WITHOUT:
        if (!read_oracles(text, &options->oracles)) {
            return false;
        }
        options->oracles = ~options->oracles;
        return true;
    case REPLAY:
        options->replay = text;
        return true;
    case TRACE:
        options->trace = text;
        return true;
    case MINIMIZE:
        options->minimize = text;
        return true;
    default:
        return take_bounds(options, which, text);
    }
}

bool explore_options_read(struct explore_options *options, int argc, char **argv)
{
    memset(options, 0, sizeof(*options));
    options->scenario = -1;
    options->portfolio = true;
    options->seed = 1;
    options->bounds = (struct bounds){2, 0, 1};
    int index = 0;
    for (;;) {
        const int which = getopt_long(argc, argv, "", known, &index);
        if (which == -1) {
            break;
        }
        if (which == QUIET) {
            options->quiet = true;
        } else if (which == LIST) {
            options->list = true;
        } else if (which == '?' || which == HELP) {
            (void)fputs(usage, stderr);
            return false;
        } else if (!take(options, which, optarg)) {
            (void)fprintf(stderr, "explore: --%s: ", known[index].name);
            return complain("it cannot be", optarg);
        }
    }
    if (optind < argc) {
        return complain("what is", argv[optind]);
    }
    if (options->minimize != NULL && options->save == NULL) {
        return complain("--minimize needs", "--save FILE");
    }
    return true;
}
