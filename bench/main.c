/* SPDX-License-Identifier: MIT */
/* The benchmark's program: measures the cases that it is told, or all. What it prints is in
 * protocol.h; `tools/harness bench` makes tables of it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers.h"
#include "bench/protocol.h"

static const struct bench_topic *const topics[] = {
    &bench_queries, &bench_ensures,    &bench_fresh,     &bench_quarantines,
    &bench_claims,  &bench_extents,    &bench_immortals, &bench_freelists,
    &bench_pages,   &bench_lifecycles, &bench_memory,
};

struct options {
    struct bench_protocol protocol;
    bool inlined; /* only those cases that are measured inlined as well */
    bool list;    /* print names, measure nothing */
    char **names; /* of cases, count of them; none: all */
    int count;
};

static int usage(void)
{
    (void)fprintf(stderr,
                  "usage: bench [--repetitions N] [--microseconds N] [--seed N]\n"
                  "             [--inlined] [--list] [CASE...]\n");
    return 2;
}

/* A positive number up to 10^9, else 0. */
static unsigned number(const char *text)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    return *end == '\0' && value <= 1000000000 ? (unsigned)value : 0;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"repetitions", required_argument, NULL, 'r'},
        {"microseconds", required_argument, NULL, 'm'},
        {"seed", required_argument, NULL, 's'},
        {"inlined", no_argument, NULL, 'i'},
        {"list", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int letter;
    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        unsigned value = 1;
        switch (letter) {
        case 'r':
            options->protocol.repetitions = value = number(optarg);
            break;
        case 'm':
            value = number(optarg);
            options->protocol.sample_ns = (uint64_t)value * 1000;
            break;
        case 's':
            options->protocol.seed = value = number(optarg);
            break;
        case 'i':
            options->inlined = true;
            break;
        case 'l':
            options->list = true;
            break;
        default:
            return false;
        }
        if (value == 0) {
            return false;
        }
    }
    options->names = argv + optind;
    options->count = argc - optind;
    return true;
}

static bool wanted(const struct options *options, const char *name, bool inlined)
{
    bool named = options->count == 0;
    for (int i = 0; i < options->count && !named; i++) {
        named = strcmp(options->names[i], name) == 0;
    }
    return named && (inlined || !options->inlined);
}

/* Returns how many cases and gauges of the topic were wanted. */
static size_t run_topic(const struct bench_machine *machine,
                        const struct options *options, const struct bench_topic *topic)
{
    size_t found = 0;
    for (size_t i = 0; i < topic->case_count; i++) {
        const struct bench_case *one = &topic->cases[i];
        if (!wanted(options, one->name, one->inlined)) {
            continue;
        }
        found++;
        if (options->list) {
            (void)puts(one->name);
        } else {
            bench_run_case(machine, &options->protocol, one);
        }
    }
    for (size_t i = 0; i < topic->gauge_count; i++) {
        const struct bench_gauge *gauge = &topic->gauges[i];
        if (!wanted(options, gauge->name, false)) {
            continue;
        }
        found++;
        if (options->list) {
            (void)puts(gauge->name);
        } else {
            gauge->take(gauge);
        }
    }
    return found;
}

int main(int argc, char **argv)
{
    struct options options = {
        .protocol = {.repetitions = 8, .sample_ns = 2000000, .seed = 1},
    };
    if (!read_options(argc, argv, &options)) {
        return usage();
    }
    bench_peers_environment(argv);
    const struct bench_machine machine = bench_machine_of();
    size_t found = 0;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++) {
        found += run_topic(&machine, &options, topics[i]);
    }
    if (found < (size_t)options.count) {
        (void)fprintf(stderr, "bench: %zu of %d cases are known; see --list\n", found,
                      options.count);
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 2;
}
