/* SPDX-License-Identifier: MIT */
#include "stress/explore/explorer.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

void explorer_init(struct explorer *explorer, struct world *world,
                   enum strategy_kind strategy, uint64_t seed)
{
    memset(explorer, 0, sizeof(*explorer));
    explorer->world = world;
    explorer->strategy = strategy;
    explorer->depth = 3;
    explorer->bounds = (struct bounds){2, 0, 0};
    explorer->elide = strategy != STRATEGY_REPLAY && strategy != STRATEGY_BYTES;
    explorer->seed = seed;
    explorer->random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
    explorer->expected_points = 64;
    explorer->observer = (struct sim_observer){
        .context = world, .stored = world_stored, .waits = world_waits};
    if (strategy == STRATEGY_DFS) {
        explorer->frames = calloc(DFS_MAX_FRAMES, sizeof(*explorer->frames));
        if (explorer->frames == NULL) {
            abort();
        }
    }
}

void explorer_free(struct explorer *explorer)
{
    free(explorer->frames);
    explorer->frames = NULL;
}

/* What the scheduler itself found. */
static void judge(struct explorer *explorer)
{
    struct world *world = explorer->world;
    const struct sim_run_result *last = &explorer->last;
    switch (last->verdict) {
    case SIM_DEADLOCK:
        world_fail(world, ORACLE_O9, "nobody can go on");
        break;
    case SIM_ALONE:
        world_fail(world, ORACLE_O9,
                   "thread %u does not get done although all others stand still",
                   last->thread);
        break;
    case SIM_TOO_LONG:
        world_fail(world, ORACLE_O9, "the run does not end");
        break;
    case SIM_RACE:
        world_fail(world, ORACLE_RACE, "thread %u races on plain memory", last->thread);
        break;
    case SIM_FROZEN_OUT:
        /* Who waits may: world_waits looks at what for, each time. */
        explorer->frozen_out++;
        break;
    default:
        break;
    }
}

bool explorer_run(struct explorer *explorer)
{
    struct world *world = explorer->world;
    const struct sim_run_options options = {
        .threads = world->program->threads,
        .body = world_thread,
        .context = world,
        .chooser = strategy_choose,
        .chooser_context = explorer,
        .observer = &explorer->observer,
        .weak = explorer->weak,
        .elide = explorer->elide,
        .max_alone = 1500,
    };
    world->weak = explorer->weak;
    world_begin_run(world);
    explorer->made.count = 0;
    strategy_begin_run(explorer);
    explorer->last = sim_run(&options);
    judge(explorer);
    if (world->failed == ORACLE_NONE && explorer->last.verdict == SIM_DONE) {
        world_check_end(world);
    }
    if (explorer->observer.event != NULL) {
        explorer->observer.event(explorer->observer.event_context, NULL);
    }
    world_end_run(world);
    explorer->runs++;
    explorer->steps += explorer->last.steps;
    strategy_end_run(explorer);
    return world->failed == ORACLE_NONE;
}

/* ---------------------------------------------------------------------- guard */

enum { HANG_SECONDS = 20 };

static sigjmp_buf escape;
static volatile sig_atomic_t guarded;
static volatile sig_atomic_t caught;
static volatile uint64_t begun;      /* guarded runs */
static volatile uint64_t begun_then; /* at the last tick */

static volatile sig_atomic_t told_to_end;

bool explorer_told_to_end(void)
{
    return told_to_end != 0;
}

static void on_signal(int signal)
{
    if (signal == SIGTERM || signal == SIGINT) {
        told_to_end = 1;
        return;
    }
    if (signal == SIGALRM && begun != begun_then) {
        begun_then = begun;
        return;
    }
    if (guarded) {
        caught = signal;
        siglongjmp(escape, 1);
    }
    if (signal != SIGALRM) {
        /* Not ours: as without a handler. */
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
        (void)raise(signal);
    }
}

void explorer_guard(void)
{
    static char stack[64 * 1024];
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    const int signals[] = {SIGILL,  SIGTRAP, SIGSEGV, SIGBUS, SIGFPE,
                           SIGABRT, SIGALRM, SIGTERM, SIGINT};
    struct sigaction action = {.sa_handler = on_signal,
                               .sa_flags = SA_ONSTACK | SA_NODEFER};
    const struct itimerval tick = {{HANG_SECONDS, 0}, {HANG_SECONDS, 0}};
    (void)sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        (void)sigaction(signals[i], &action, NULL);
    }
    (void)setitimer(ITIMER_REAL, &tick, NULL);
}

bool explorer_run_guarded(struct explorer *explorer)
{
    if (sigsetjmp(escape, 0) != 0) {
        guarded = 0;
        sim_abandon();
        world_fail(explorer->world, ORACLE_TRAP, "%s",
                   caught == SIGALRM ? "the code under test hangs"
                   : caught == SIGILL || caught == SIGTRAP
                       ? "an assertion of the code under test (MM_CHECK) failed"
                       : strsignal(caught));
        return false;
    }
    guarded = 1;
    begun++;
    const bool good = explorer_run(explorer);
    guarded = 0;
    return good;
}
