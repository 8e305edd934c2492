/* SPDX-License-Identifier: MIT */
/* gcbench: runs the workloads on a heap from a mapper, or from mmap. See README.md. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/collector/workload.h"

enum { EXIT_WRONG = 1, EXIT_USAGE = 2, MAX_THREADS = 64, MAX_SCALE = 100000 };

static const size_t heap_bytes = (size_t)1 << 30;
static const size_t chunk_bytes = (size_t)1 << 20;
static const size_t least_budget = (size_t)8 << 20;

static const char *const usage =
    "usage: gcbench [--memory mapper|keep|bare] [--threads N] [--scale N] [--dump] "
    "trees|lists\n"
    "  --memory mapper  from a mapper; what is free goes back to the system (default)\n"
    "  --memory keep    from a mapper; what is free stays mapped\n"
    "  --memory bare    one region from mmap, nothing goes back: to compare with\n"
    "  --threads N      mutators (1 to 64; 2)\n"
    "  --scale N        how much they do (1 to 100000; 20)\n"
    "  --dump           print who held what at the end\n";

struct options {
    bool bare;
    bool keep;
    bool dump;
    unsigned threads;
    unsigned scale;
    workload_body *body;
};

static int refuse(const char *what, const char *value)
{
    (void)fprintf(stderr, "gcbench: %s: %s\n%s", what, value, usage);
    return EXIT_USAGE;
}

static int fail(const char *what, const struct mm_error *error)
{
    char text[1024];
    (void)mm_error_format(error, text, sizeof(text));
    (void)fprintf(stderr, "gcbench: %s: %s\n", what, text);
    return EXIT_USAGE;
}

static bool parse_number(const char *text, unsigned most, unsigned *number)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);
    *number = (unsigned)value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value > 0 &&
           value <= most;
}

static bool parse_memory(const char *text, struct options *options)
{
    options->bare = strcmp(text, "bare") == 0;
    options->keep = strcmp(text, "keep") == 0;
    return options->bare || options->keep || strcmp(text, "mapper") == 0;
}

static int parse_workload(int argc, char **argv, struct options *options)
{
    if (argc - optind != 1) {
        return refuse("one workload", argc == optind ? "none" : argv[optind + 1]);
    }
    if (strcmp(argv[optind], "trees") == 0) {
        options->body = workload_trees;
    } else if (strcmp(argv[optind], "lists") == 0) {
        options->body = workload_lists;
    } else {
        return refuse("no such workload", argv[optind]);
    }
    return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"memory", required_argument, NULL, 'm'},
        {"threads", required_argument, NULL, 't'},
        {"scale", required_argument, NULL, 's'},
        {"dump", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'm' && !parse_memory(optarg, options)) {
            return refuse("no such memory", optarg);
        }
        if (option == 't' && !parse_number(optarg, MAX_THREADS, &options->threads)) {
            return refuse("--threads wants 1 to 64", optarg);
        }
        if (option == 's' && !parse_number(optarg, MAX_SCALE, &options->scale)) {
            return refuse("--scale wants 1 to 100000", optarg);
        }
        if (option == 'h') {
            (void)fputs(usage, stdout);
            exit(0);
        }
        if (option == '?') {
            return refuse("no such option, or a value is missing", argv[optind - 1]);
        }
        options->dump = options->dump || option == 'd';
    }
    return parse_workload(argc, argv, options);
}

static void dump(const struct mmapper *mapper)
{
    char text[4096];
    (void)mmapper_dump(mapper, text, sizeof(text));
    (void)fputs(text, stdout);
}

/* Runs the workload on the memory, which it gives back. */
static int run(const struct options *options, struct heap_memory *memory,
               const struct mmapper *mapper)
{
    struct collector collector;
    struct mm_error error;
    if (collector_init(&collector, memory, least_budget) != MM_OK) {
        (void)memory->operations->destroy(memory, NULL);
        return refuse("no collector", "out of locks");
    }
    const bool good =
        workload_run(&collector, options->threads, options->scale, options->body);
    (void)printf("%s: %" PRIu64 " collections, %zu objects live at the last, %" PRIu64
                 " blocks given back\n",
                 good ? "good" : "WRONG", collector.statistics.collections,
                 collector.statistics.live_objects, collector.statistics.blocks_given);
    if (options->dump) {
        dump(mapper);
    }
    if (collector_destroy(&collector, &error) != MM_OK) {
        return fail("not everything could be given back", &error);
    }
    return good ? 0 : EXIT_WRONG;
}

static int run_bare(const struct options *options)
{
    struct heap_memory *memory;
    if (options->dump) {
        return refuse("--dump wants a mapper", "--memory bare");
    }
    if (bare_memory_create(heap_bytes, &memory) != MM_OK) {
        return refuse("no memory", "mmap");
    }
    return run(options, memory, NULL);
}

static int run_mapped(const struct options *options)
{
    const struct mmap_support support = mmap_support_linux();
    const struct mmapper_options small_chunks = {.chunk_bytes = chunk_bytes};
    const struct mapper_memory_options heap = {
        .name = "heap", .bytes = heap_bytes, .keep = options->keep};
    struct mmapper *mapper;
    struct heap_memory *memory;
    struct mm_error error;
    if (mmapper_create(&small_chunks, &support, &mapper, &error) != MM_OK) {
        return fail("no mapper", &error);
    }
    const int code = mapper_memory_create(mapper, &heap, &memory, &error) == MM_OK
                         ? run(options, memory, mapper)
                         : fail("no heap", &error);
    if (mmapper_destroy(mapper, &error) != MM_OK) {
        return fail("not everything could be given back", &error);
    }
    return code;
}

int main(int argc, char **argv)
{
    struct options options = {.threads = 2, .scale = 20};
    const int code = parse(argc, argv, &options);
    if (code != 0) {
        return code;
    }
    return options.bare ? run_bare(&options) : run_mapped(&options);
}
