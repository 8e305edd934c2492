/* SPDX-License-Identifier: MIT */
/* mmlua: runs Lua programs whose memory a mapper maps. See README.md. */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/lua/lua_run.h"

enum { EXIT_LUA = 1, EXIT_USAGE = 2, MAX_THREADS = 64, CHUNK_BYTES = 2 << 20 };

struct options {
    enum lua_memory_kind kind;
    size_t limit;
    size_t threads;
    bool dump;
    char *const *files;
    size_t file_count;
};

/* A thread with a state of its own, in memory of its own. */
struct worker {
    const struct options *options;
    struct lua_memory memory;
    char name[MM_NAME_BYTES];
    pthread_t thread;
    char *output; /* what it printed, whole, so that threads' lines do not mix */
    size_t output_bytes;
    char *message; /* NULL: all went well */
    bool good;
};

static const char *const usage =
    "usage: mmlua [--immortal | --malloc] [--limit BYTES] [--threads N] [--dump] "
    "FILE...\n"
    "  --immortal     nothing is freed before the end; Lua's collector is stopped\n"
    "  --malloc       memory from malloc, without the mapper, to compare with\n"
    "  --limit BYTES  of memory for each state: Lua's error \"not enough memory\" "
    "beyond\n"
    "  --threads N    N states run the files at the same time (1 to 64)\n"
    "  --dump         print who held what when the programs had ended\n";

static int refuse(const char *what, const char *value)
{
    (void)fprintf(stderr, "mmlua: %s: %s\n%s", what, value, usage);
    return EXIT_USAGE;
}

static bool parse_number(const char *text, size_t most, size_t *number)
{
    char *end;
    const unsigned long long value = strtoull(text, &end, 10);
    *number = value;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && value > 0 &&
           value <= most;
}

static int parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"immortal", no_argument, NULL, 'i'},
        {"malloc", no_argument, NULL, 'm'},
        {"limit", required_argument, NULL, 'l'},
        {"threads", required_argument, NULL, 't'},
        {"dump", no_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "+", known, NULL)) != -1) {
        switch (option) {
        case 'i':
        case 'm':
            if (options->kind != LUA_MEMORY_HEAP) {
                return refuse("--immortal or --malloc, once", argv[optind - 1]);
            }
            options->kind = option == 'i' ? LUA_MEMORY_IMMORTAL : LUA_MEMORY_MALLOC;
            break;
        case 'l':
            if (!parse_number(optarg, SIZE_MAX / 2, &options->limit)) {
                return refuse("--limit wants a number of bytes", optarg);
            }
            break;
        case 't':
            if (!parse_number(optarg, MAX_THREADS, &options->threads)) {
                return refuse("--threads wants 1 to 64", optarg);
            }
            break;
        case 'd':
            options->dump = true;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            exit(0);
        default:
            return refuse("no such option, or a value is missing", argv[optind - 1]);
        }
    }
    if (optind == argc) {
        return refuse("nothing to run", "no FILE");
    }
    options->files = &argv[optind];
    options->file_count = (size_t)(argc - optind);
    return 0;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    FILE *out = open_memstream(&worker->output, &worker->output_bytes);
    if (out == NULL) {
        return NULL;
    }
    worker->good = lua_run_files(&worker->memory, out, worker->options->files,
                                 worker->options->file_count, &worker->message);
    (void)fclose(out);
    return NULL;
}

static int fail(const char *what, const struct mm_error *error)
{
    char text[1024];
    (void)mm_error_format(error, text, sizeof(text));
    (void)fprintf(stderr, "mmlua: %s: %s\n", what, text);
    return EXIT_USAGE;
}

static void dump(const struct mmapper *mapper)
{
    const size_t bytes = mmapper_dump(mapper, NULL, 0) + 1;
    char *text = malloc(bytes);
    if (text != NULL) {
        (void)mmapper_dump(mapper, text, bytes);
        (void)fputs(text, stdout);
        free(text);
    }
}

/* Prints what the worker's programs printed and said. */
static bool report(const struct worker *worker)
{
    if (worker->output != NULL) {
        (void)fwrite(worker->output, 1, worker->output_bytes, stdout);
    }
    if (!worker->good) {
        (void)fprintf(stderr, "mmlua: %s: %s\n", worker->name,
                      worker->message == NULL ? "no memory" : worker->message);
    }
    return worker->good;
}

/* Runs all workers and waits for them. */
static int run_workers(struct worker *workers, size_t count, struct mmapper *mapper)
{
    size_t started = 0;
    while (started < count && pthread_create(&workers[started].thread, NULL, work,
                                             &workers[started]) == 0) {
        started++;
    }
    int code = started == count ? 0 : EXIT_USAGE;
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    for (size_t i = 0; i < started; i++) {
        if (!report(&workers[i])) {
            code = EXIT_LUA;
        }
        free(workers[i].output);
        free(workers[i].message);
    }
    if (started > 0 && workers[0].options->dump) {
        dump(mapper);
    }
    return code;
}

static int run(const struct options *options, struct mmapper *mapper)
{
    struct mm_error error;
    size_t opened = 0;
    int code = 0;
    struct worker *workers = calloc(options->threads, sizeof(*workers));
    if (workers == NULL) {
        return refuse("no memory for threads", "calloc");
    }
    while (opened < options->threads && code == 0) {
        struct worker *worker = &workers[opened];
        worker->options = options;
        (void)snprintf(worker->name, sizeof(worker->name), "lua-%zu", opened);
        if (lua_memory_open(&worker->memory, options->kind, mapper, worker->name,
                            options->limit, &error) != MM_OK) {
            code = fail(worker->name, &error);
        } else {
            opened++;
        }
    }
    if (code == 0) {
        code = run_workers(workers, opened, mapper);
    }
    while (opened > 0) {
        if (lua_memory_close(&workers[--opened].memory, &error) != MM_OK) {
            code = fail(workers[opened].name, &error);
        }
    }
    free(workers);
    return code;
}

int main(int argc, char **argv)
{
    struct options options = {.threads = 1};
    int code = parse(argc, argv, &options);
    if (code != 0) {
        return code;
    }
    const struct mmap_support support = mmap_support_linux();
    const struct mmapper_options small_chunks = {.chunk_bytes = CHUNK_BYTES};
    struct mmapper *mapper;
    struct mm_error error;
    if (mmapper_create(&small_chunks, &support, &mapper, &error) != MM_OK) {
        return fail("no mapper", &error);
    }
    code = run(&options, mapper);
    if (mmapper_destroy(mapper, &error) != MM_OK) {
        return fail("not everything could be given back", &error);
    }
    return code;
}
