/* SPDX-License-Identifier: MIT */
/*
 * The history target: reads recordings, tells what they did, and replays them on
 * mappers on the real kernel.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/history_file.h"
#include "stress/history_grow.h"
#include "stress/history_print.h"
#include "stress/options.h"

enum { SHOWN_ROWS = 20 };

struct arguments {
    struct stress_options options;
    const char **files;
    size_t file_count;
    bool bounded; /* --seconds or --operations is given: replay until then */
    bool verbose;
    unsigned copies; /* of a history, replayed at once */
};

struct outcome {
    uint64_t operations, refused, busy, runs, histories, overwrites, unreadable;
    uint64_t violations;
    bool environment;
    double seconds;
};

static void usage(const char *program)
{
    stress_options_usage(
        program,
        "Replays mapping histories, recorded with\n"
        "    strace -f -e trace=%memory,%process -o FILE PROGRAM ...\n"
        "on mappers on the real kernel: once from one thread, then from as many\n"
        "threads as the history has.");
    (void)printf(
        "\nAfter the flags: FILE..., plain or gzipped, - for the standard "
        "input.\n"
        "  --verbose       show all overwritten ranges, not only %d\n"
        "Here --seconds is for all files together (default: once each way), an\n"
        "operation is a step of a replay, and --threads is how many copies of a\n"
        "history are replayed at once, each on its own threads (default 1).\n",
        SHOWN_ROWS);
}

/* ----------------------------------------------------------------------- arguments */

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

/* Takes the files out of the command line: what is left is the common flags'. */
static int take_files(struct arguments *arguments, int argc, char *argv[], char **rest)
{
    int kept = 0;
    bool threads = false;
    for (int i = 0; i < argc; i++) {
        const bool flag = i > 0 && begins(argv[i], "-") && strcmp(argv[i], "-") != 0;
        if (i > 0 && strcmp(argv[i], "--verbose") == 0) {
            arguments->verbose = true;
        } else if (i > 0 && !flag) {
            arguments->files[arguments->file_count++] = argv[i];
        } else {
            rest[kept++] = argv[i];
            const bool has_value = flag && strchr(argv[i], '=') == NULL &&
                                   strcmp(argv[i], "--help") != 0 &&
                                   strcmp(argv[i], "-h") != 0;
            arguments->bounded = arguments->bounded || begins(argv[i], "--seconds") ||
                                 begins(argv[i], "--operations");
            threads = threads || begins(argv[i], "--threads");
            if (has_value && i + 1 < argc) {
                rest[kept++] = argv[++i];
            }
        }
    }
    arguments->copies = threads ? 0 : 1;
    return kept;
}

static bool read_arguments(struct arguments *arguments, int argc, char *argv[],
                           char *message, size_t bytes)
{
    size_t capacity = 0;
    char **rest = history_grow(NULL, &capacity, (size_t)argc + 1, sizeof(*rest));
    capacity = 0;
    *arguments = (struct arguments){0};
    arguments->files =
        history_grow(NULL, &capacity, (size_t)argc + 1, sizeof(*arguments->files));
    const int kept = take_files(arguments, argc, argv, rest);
    bool good = stress_options_parse(&arguments->options, kept, rest, message, bytes);
    free(rest);
    if (arguments->copies == 0) {
        arguments->copies = arguments->options.threads;
    }
    if (good && !arguments->options.help && arguments->file_count == 0) {
        (void)snprintf(message, bytes, "which FILE?");
        good = false;
    }
    return good;
}

/* ------------------------------------------------------------------------- replays */

static void add_result(struct history_replays *replays,
                       const struct history_replay_result *result)
{
    struct history_replay_result *sum = &replays->sum;
    replays->rounds++;
    sum->steps += result->steps;
    sum->refused += result->refused;
    sum->busy += result->busy;
    sum->spaces += result->spaces;
    sum->runs += result->runs;
    sum->accessible += result->accessible;
    sum->os_calls += result->os_calls;
    sum->races_lost += result->races_lost;
    sum->violations += result->violations;
    sum->seconds += result->seconds;
    sum->threads = result->threads > sum->threads ? result->threads : sum->threads;
    sum->environment = sum->environment || result->environment;
}

struct copy {
    pthread_t thread;
    const struct history_plan *plan;
    struct history_replay_options options;
    struct history_replay_result result;
};

static void *replay_copy(void *argument)
{
    struct copy *copy = argument;
    history_replay(copy->plan, &copy->options, &copy->result);
    return NULL;
}

/* One round from as many threads as the history has, in several copies at once. */
static void replay_copies(const struct history_plan *plan, unsigned count,
                          const struct history_replay_options *options,
                          struct history_replays *replays)
{
    struct copy copies[STRESS_MAX_THREADS];
    const double start = history_now();
    unsigned made = 0;
    for (; made < count; made++) {
        struct copy *copy = &copies[made];
        *copy = (struct copy){.plan = plan, .options = *options};
        copy->options.base += made * plan->bytes;
        copy->options.seed += made;
        if (pthread_create(&copy->thread, NULL, replay_copy, copy) != 0) {
            replays->sum.environment = true;
            break;
        }
    }
    const double before = replays->sum.seconds;
    for (unsigned i = 0; i < made; i++) {
        (void)pthread_join(copies[i].thread, NULL);
        add_result(replays, &copies[i].result);
    }
    replays->sum.seconds = before + history_now() - start;
}

static bool go_on(const struct arguments *arguments, const struct outcome *outcome,
                  const struct history_replays *alone,
                  const struct history_replays *threads, double deadline)
{
    const uint64_t steps = outcome->operations + alone->sum.steps + threads->sum.steps;
    const uint64_t most = arguments->options.operations;
    return arguments->bounded && alone->sum.violations == 0 &&
           threads->sum.violations == 0 && !alone->sum.environment &&
           !threads->sum.environment && (most == 0 || steps < most) &&
           (deadline == 0 || history_now() < deadline);
}

/* About once a second, while rounds go on. */
static void show_progress(const char *name, const struct history_replays *alone,
                          const struct history_replays *threads, double deadline,
                          double *shown)
{
    const double now = history_now();
    if (now - *shown >= 1) {
        *shown = now;
        (void)fprintf(stderr,
                      "history: %s: %" PRIu64 " rounds, %" PRIu64
                      " operations, %" PRIu64 " refused, %.0f s left\n",
                      name, alone->rounds + threads->rounds,
                      alone->sum.steps + threads->sum.steps,
                      alone->sum.refused + threads->sum.refused,
                      deadline > now ? deadline - now : 0);
    }
}

static void replay_all(const struct arguments *arguments, const char *name,
                       const struct history_plan *plan, uintptr_t base, double deadline,
                       const struct outcome *outcome, struct history_replays *alone,
                       struct history_replays *threads)
{
    struct history_replay_options options = {
        .seed = arguments->options.seed, .base = base, .name = name};
    double shown = history_now();
    do {
        struct history_replay_result result;
        options.threads = false;
        history_replay(plan, &options, &result);
        add_result(alone, &result);
        options.threads = true;
        if (result.violations == 0 && !result.environment) {
            replay_copies(plan, arguments->copies, &options, threads);
        }
        if (alone->sum.violations + threads->sum.violations > 0) {
            (void)printf("again: %s --threads=%u --seed=%" PRIu64 " %s\n",
                         arguments->options.program, arguments->copies, options.seed,
                         name);
        }
        show_progress(name, alone, threads, deadline, &shown);
        options.seed += arguments->copies;
        options.deadline = deadline;
    } while (go_on(arguments, outcome, alone, threads, deadline));
}

/* ----------------------------------------------------------------------- histories */

static void add_outcome(struct outcome *outcome, const struct history_model *model,
                        const struct history_replays *alone,
                        const struct history_replays *threads)
{
    const struct history_replay_result *sums[2] = {&alone->sum, &threads->sum};
    for (unsigned i = 0; i < 2; i++) {
        outcome->operations += sums[i]->steps;
        outcome->refused += sums[i]->refused;
        outcome->busy += sums[i]->busy;
        outcome->runs += sums[i]->runs;
        outcome->violations += sums[i]->violations;
        outcome->environment = outcome->environment || sums[i]->environment;
        outcome->seconds += sums[i]->seconds;
    }
    outcome->histories++;
    outcome->overwrites += model->overwrite_count;
    outcome->unreadable += model->history->lines.unreadable;
}

static bool run_model(const struct arguments *arguments, const char *name,
                      const struct history_model *model, double deadline, FILE *json,
                      struct outcome *outcome)
{
    struct history_replays alone = {0};
    struct history_replays threads = {0};
    struct history_plan plan;
    uintptr_t base = 0;
    const char *wrong =
        history_plan_make(model, history_room() / arguments->copies, &plan);
    if (wrong == NULL && !history_find_room(plan.bytes * arguments->copies, &base)) {
        wrong = "no address space is free for its windows";
    }
    history_print(name, model, arguments->verbose ? SIZE_MAX : SHOWN_ROWS);
    if (wrong != NULL) {
        (void)fprintf(stderr, "%s: %s\n", name, wrong);
    } else {
        replay_all(arguments, name, &plan, base, deadline, outcome, &alone, &threads);
        history_print_replays("one thread", &plan, &alone);
        history_print_replays("threads", &plan, &threads);
    }
    if (json != NULL) {
        (void)fprintf(json, "%s", outcome->histories == 0 ? "" : ", ");
        history_json(json, name, model, &alone, &threads);
    }
    add_outcome(outcome, model, &alone, &threads);
    history_plan_free(&plan);
    (void)fflush(stdout);
    return wrong == NULL;
}

static bool run_file(const struct arguments *arguments, const char *path,
                     double deadline, FILE *json, struct outcome *outcome)
{
    char message[256];
    size_t bytes;
    char *text = history_load(path, &bytes, message, sizeof(message));
    if (text == NULL) {
        (void)fprintf(stderr, "history: %s\n", message);
        return false;
    }
    struct history *history = history_read(text, bytes);
    struct history_model *model = history_model_build(history);
    bool good = run_model(arguments, path, model, deadline, json, outcome);
    if (history->count == 0) {
        (void)fprintf(stderr, "%s: there is no call in it\n", path);
        good = false;
    }
    history_model_free(model);
    history_free(history);
    free(text);
    return good;
}

static void close_json(FILE *json, const struct arguments *arguments,
                       const struct outcome *outcome)
{
    (void)fprintf(
        json,
        "], \"target\": \"history\", \"seed\": %" PRIu64
        ", \"threads\": %u, \"seconds\": %.3f, \"rate\": %.1f, "
        "\"operations\": %" PRIu64 ", \"conflicts\": %" PRIu64 ", \"busy\": %" PRIu64
        ", \"counters\": {\"histories\": %" PRIu64 ", \"overwrites\": %" PRIu64
        ", \"unreadable_lines\": %" PRIu64 ", \"runs_compared\": %" PRIu64
        "}, \"violations\": %" PRIu64 "}\n",
        arguments->options.seed, arguments->copies, outcome->seconds,
        outcome->seconds > 0 ? (double)outcome->operations / outcome->seconds : 0,
        outcome->operations, outcome->refused, outcome->busy, outcome->histories,
        outcome->overwrites, outcome->unreadable, outcome->runs, outcome->violations);
}

static int run(const struct arguments *arguments)
{
    struct outcome outcome = {0};
    const char *path = arguments->options.json;
    FILE *json = path != NULL ? fopen(path, "w") : NULL;
    bool good = path == NULL || json != NULL;
    const bool timed = arguments->bounded && arguments->options.seconds != 0;
    const double start = history_now();
    if (json != NULL) {
        (void)fprintf(json, "{\"histories\": [");
    }
    for (size_t i = 0; i < arguments->file_count && outcome.violations == 0; i++) {
        const double share =
            (double)arguments->options.seconds / (double)arguments->file_count;
        good = run_file(arguments, arguments->files[i],
                        timed ? start + share * (double)(i + 1) : 0, json, &outcome) &&
               good;
    }
    if (json != NULL) {
        close_json(json, arguments, &outcome);
        good = ferror(json) == 0 && good;
        good = fclose(json) == 0 && good;
    }
    (void)printf("history: %" PRIu64 " histories, %" PRIu64 " operations, seed %" PRIu64
                 ", %" PRIu64 " violations\n",
                 outcome.histories, outcome.operations, arguments->options.seed,
                 outcome.violations);
    if (outcome.violations > 0) {
        return STRESS_EXIT_VIOLATION;
    }
    return good && !outcome.environment ? STRESS_EXIT_GOOD : STRESS_EXIT_USAGE;
}

int main(int argc, char *argv[])
{
    struct arguments arguments;
    char message[256];
    int code = STRESS_EXIT_USAGE;
    if (!read_arguments(&arguments, argc, argv, message, sizeof(message))) {
        (void)fprintf(stderr, "%s: %s; try --help\n", argv[0], message);
    } else if (arguments.options.help) {
        usage(argv[0]);
        code = STRESS_EXIT_GOOD;
    } else {
        code = run(&arguments);
    }
    free(arguments.files);
    return code;
}
