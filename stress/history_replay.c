/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/history_replay.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stress/history_grow.h"
#include "stress/history_run.h"

/* ------------------------------------------------------------------------- outcome */

bool replay_stopping(struct replay *replay)
{
    /* Relaxed: ends the run soon, and orders nothing. */
    return mm_load_relaxed_u64(&replay->stop) != 0;
}

static void stop(struct replay *replay)
{
    /* Relaxed: see replay_stopping. */
    mm_store_relaxed_u64(&replay->stop, 1);
}

void replay_violation(struct replay *replay, uint64_t line, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)pthread_mutex_lock(&replay->lock);
    replay->result->violations++;
    (void)fprintf(stderr,
                  "VIOLATION: %s, line %" PRIu64 ", %s: %s (seed %" PRIu64 ")\n",
                  replay->options->name, line,
                  replay->options->threads ? "as many threads" : "one thread", text,
                  replay->options->seed);
    (void)pthread_mutex_unlock(&replay->lock);
    stop(replay);
}

static void environment(struct replay *replay, const char *what)
{
    (void)pthread_mutex_lock(&replay->lock);
    replay->result->environment = true;
    (void)fprintf(stderr, "%s: the replay cannot go on here: %s\n",
                  replay->options->name, what);
    (void)pthread_mutex_unlock(&replay->lock);
    stop(replay);
}

void replay_failure(struct replay *replay, const struct history_step *step,
                    const struct mm_error *error)
{
    char text[384];
    (void)mm_error_format(error, text, sizeof(text));
    if (error->status == MM_NO_MEMORY) {
        environment(replay, text);
    } else {
        replay_violation(replay, step != NULL ? step->line : 0, "%s", text);
    }
}

/* -------------------------------------------------------------------------- spaces */

static bool register_owners(struct replay *replay, uint32_t index)
{
    const struct history_plan *plan = replay->plan;
    struct replay_space *space = &replay->spaces[index];
    struct mm_error error;
    size_t capacity = 0;
    space->owners = history_grow(NULL, &capacity, plan->slot_counts[index] + 1,
                                 sizeof(*space->owners));
    memset(space->owners, 0, capacity * sizeof(*space->owners));
    for (uint32_t i = plan->model->spaces[index].origins; i != HISTORY_NONE;
         i = plan->model->origins[i].next) {
        char name[MM_NAME_BYTES];
        /* Recorded memory is as large as that machine let it be: do not account. */
        const struct mm_owner_options options = {
            .name = name,
            .kind = MM_KIND_TEST,
            .strategy = {.accounting = MM_UNACCOUNTED}};
        const uint32_t slot = plan->slots[i];
        if (slot == HISTORY_NONE || space->owners[slot] != NULL) {
            continue;
        }
        history_origin_name(plan->model, i, name, sizeof(name));
        if (mmapper_register_owner(space->mapper, &options, &space->owners[slot],
                                   &error) != MM_OK) {
            replay_failure(replay, NULL, &error);
            return false;
        }
    }
    return true;
}

/* Small regions let ranges of a few megabytes cross their borders; a huge window must
 * not have too many of them, as each costs a step. */
static unsigned region_log(uint64_t window_bytes, struct stress_random *random)
{
    enum { LEAST = 6, MOST = 20, MOST_REGIONS_LOG = 16 };
    unsigned least = LEAST;
    while (least < MOST &&
           window_bytes / HISTORY_CHUNK_BYTES >> least >> MOST_REGIONS_LOG != 0) {
        least++;
    }
    return least + (unsigned)stress_random_below(random, MOST - least + 1);
}

static bool make_space(struct replay *replay, uint32_t index,
                       struct stress_random *random)
{
    struct replay_space *space = &replay->spaces[index];
    struct mm_error error;
    const uint64_t bytes = replay->plan->layouts[index].bytes;
    const struct mmapper_options options = {.chunk_bytes = HISTORY_CHUNK_BYTES,
                                            .base = space->base,
                                            .limit = space->base + bytes,
                                            .log_region_chunks =
                                                region_log(bytes, random)};
    if (mmapper_create(&options, &replay->support, &space->mapper, &error) != MM_OK) {
        replay_failure(replay, NULL, &error);
        return false;
    }
    return register_owners(replay, index);
}

static bool ensure_space(struct replay *replay, uint32_t index,
                         struct stress_random *random)
{
    struct replay_space *space = &replay->spaces[index];
    if (mm_load_acquire_u64(&space->ready) != 0) { /* edge: HISTORY-READY */
        return true;
    }
    (void)pthread_mutex_lock(&space->lock);
    /* Relaxed: the lock orders it. */
    const bool good =
        mm_load_relaxed_u64(&space->ready) != 0 || make_space(replay, index, random);
    if (good) {
        mm_store_release_u64(&space->ready, 1); /* edge: HISTORY-READY */
    }
    (void)pthread_mutex_unlock(&space->lock);
    return good;
}

static void destroy_space(struct replay *replay, uint32_t index)
{
    struct replay_space *space = &replay->spaces[index];
    struct mm_error error;
    if (space->mapper != NULL && mmapper_destroy(space->mapper, &error) != MM_OK) {
        replay_failure(replay, NULL, &error);
    }
    space->mapper = NULL;
    free(space->owners);
    space->owners = NULL;
}

/* ----------------------------------------------------------------------- the steps */

static void *run_task(void *argument);

static void start_task(struct replay *replay, uint32_t task)
{
    struct replay_task *child = &replay->tasks[task];
    pthread_attr_t attributes;
    enum { STACK_BYTES = 512 * 1024 };
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (pthread_create(&child->thread, &attributes, run_task, child) != 0) {
        environment(replay, "no more threads");
    } else {
        child->started = true;
    }
    (void)pthread_attr_destroy(&attributes);
}

/* Whoever takes the last step in a space compares it and puts it away. */
static void finish_step(struct replay *replay, uint32_t space)
{
    /* edge: HISTORY-DONE (seq_cst: the last one sees what all others did) */
    const uint64_t before = mm_fetch_add_seq_cst_u64(&replay->spaces[space].done, 1);
    const bool last = before + 1 == replay->plan->space_steps[space];
    if (last && replay->spaces[space].mapper != NULL && !replay_stopping(replay)) {
        replay_check_space(replay, space);
        destroy_space(replay, space);
    }
}

static void take_step(struct replay *replay, uint32_t index,
                      struct stress_random *random)
{
    const struct history_step *step = &replay->plan->model->steps[index];
    const bool pages =
        step->kind != HISTORY_STEP_START && step->kind != HISTORY_STEP_WAIT;
    if (step->kind == HISTORY_STEP_START && replay->options->threads) {
        start_task(replay, step->other);
    }
    /* In some address spaces nothing happens but that processes begin. */
    if (pages && ensure_space(replay, step->space, random)) {
        replay_take_step(replay, step);
    }
    if (!replay_stopping(replay)) {
        finish_step(replay, step->space);
    }
}

/* Until all that the step depends on has been done. */
static bool wait_for_turn(struct replay *replay, uint32_t index)
{
    const struct history_plan *plan = replay->plan;
    for (size_t i = plan->after_first[index]; i < plan->after_first[index + 1]; i++) {
        const struct history_after *after = &plan->after[i];
        struct mm_backoff backoff = {0};
        /* edge: HISTORY-TURN */
        while (mm_load_acquire_u64(&replay->tasks[after->task].taken) < after->steps) {
            if (replay_stopping(replay)) {
                return false;
            }
            mm_wait(&backoff);
        }
    }
    return !replay_stopping(replay);
}

static bool past_deadline(const struct replay *replay, size_t steps)
{
    enum { LOOK_EVERY = 256 };
    return replay->options->deadline > 0 && steps % LOOK_EVERY == 0 &&
           history_now() > replay->options->deadline;
}

static void cut_short(struct replay *replay)
{
    (void)pthread_mutex_lock(&replay->lock);
    replay->result->cut_short = true;
    (void)pthread_mutex_unlock(&replay->lock);
    stop(replay);
}

static void *run_task(void *argument)
{
    struct replay_task *task = argument;
    struct replay *replay = task->replay;
    const struct history_plan *plan = replay->plan;
    const size_t number = (size_t)(task - replay->tasks);
    uint64_t taken = 0;
    for (size_t i = plan->task_first[number]; i < plan->task_first[number + 1]; i++) {
        if (!wait_for_turn(replay, plan->order[i])) {
            break;
        }
        if (stress_random_one_in(&task->random, 4)) {
            (void)sched_yield(); /* another order than the last time */
        }
        take_step(replay, plan->order[i], &task->random);
        if (replay_stopping(replay)) {
            break;
        }
        taken++;
        mm_store_release_u64(&task->taken, taken); /* edge: HISTORY-TURN */
        if (past_deadline(replay, taken)) {
            cut_short(replay);
        }
    }
    (void)pthread_mutex_lock(&replay->lock);
    replay->result->steps += taken;
    replay->result->threads++;
    (void)pthread_mutex_unlock(&replay->lock);
    return NULL;
}

static void run_threads(struct replay *replay)
{
    const struct history_plan *plan = replay->plan;
    for (uint32_t i = 0; i < plan->model->task_count; i++) {
        if (plan->root[i]) {
            start_task(replay, i);
        }
    }
    /* A task is made by an earlier one, so that whoever is joined here has been
     * started, or never will be. */
    for (uint32_t i = 0; i < plan->model->task_count; i++) {
        if (replay->tasks[i].started) {
            (void)pthread_join(replay->tasks[i].thread, NULL);
        }
    }
}

static void run_alone(struct replay *replay)
{
    const size_t count = replay->plan->model->step_count;
    struct stress_random random;
    stress_random_seed(&random, replay->options->seed, 0);
    size_t i = 0;
    while (i < count && !replay_stopping(replay)) {
        take_step(replay, (uint32_t)i, &random);
        i += replay_stopping(replay) ? 0 : 1;
        if (past_deadline(replay, i) && i < count) {
            cut_short(replay);
        }
    }
    replay->result->steps = i;
    replay->result->threads = 1;
}

/* -------------------------------------------------------------------------- public */

double history_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *zeroed(size_t count, size_t item_bytes)
{
    size_t capacity = 0;
    void *items = history_grow(NULL, &capacity, count + 1, item_bytes);
    memset(items, 0, capacity * item_bytes);
    return items;
}

static void set_up(struct replay *replay)
{
    const struct history_plan *plan = replay->plan;
    replay->support = mmap_support_linux();
    replay->spaces = zeroed(plan->model->space_count, sizeof(*replay->spaces));
    replay->tasks = zeroed(plan->model->task_count, sizeof(*replay->tasks));
    (void)pthread_mutex_init(&replay->lock, NULL);
    for (size_t i = 0; i < plan->model->space_count; i++) {
        (void)pthread_mutex_init(&replay->spaces[i].lock, NULL);
        replay->spaces[i].base = replay->options->base + plan->offsets[i];
    }
    for (size_t i = 0; i < plan->model->task_count; i++) {
        replay->tasks[i].replay = replay;
        stress_random_seed(&replay->tasks[i].random, replay->options->seed, i);
    }
}

static void tear_down(struct replay *replay)
{
    for (uint32_t i = 0; i < replay->plan->model->space_count; i++) {
        destroy_space(replay, i); /* only after an early end is there one left */
        (void)pthread_mutex_destroy(&replay->spaces[i].lock);
    }
    (void)pthread_mutex_destroy(&replay->lock);
    free(replay->spaces);
    free(replay->tasks);
}

void history_replay(const struct history_plan *plan,
                    const struct history_replay_options *options,
                    struct history_replay_result *result)
{
    struct replay replay = {.plan = plan, .options = options, .result = result};
    const struct history_model *model = plan->model;
    *result = (struct history_replay_result){0};
    for (size_t i = 0; i < model->step_count; i++) {
        result->refused += model->steps[i].kind == HISTORY_STEP_REFUSED ? 1 : 0;
    }
    set_up(&replay);
    const double start = history_now();
    if (options->threads) {
        run_threads(&replay);
    } else {
        run_alone(&replay);
    }
    result->seconds = history_now() - start;
    /* Relaxed: the threads are joined. */
    result->busy = mm_load_relaxed_u64(&replay.busy);
    tear_down(&replay);
}
