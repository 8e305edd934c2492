/* SPDX-License-Identifier: MIT */
/*
 * Runs of one program under a strategy that decides: which thread goes on, which store
 * a load sees, which OS call fails. All that a strategy decided differently from the
 * default is recorded, and replays.
 */
#ifndef STRESS_EXPLORE_EXPLORER_H
#define STRESS_EXPLORE_EXPLORER_H

#include "stress/explore/world.h"

enum strategy_kind {
    STRATEGY_UNIFORM = 0, /* any runnable thread at each point */
    STRATEGY_STICKY,      /* another thread at one point in eight */
    STRATEGY_PCT,         /* priorities, with `depth` - 1 changes at random points */
    STRATEGY_DFS,         /* all choices within the bounds */
    STRATEGY_FREEZE, /* sticky; then each subset of threads stopped at each point */
    STRATEGY_BYTES,  /* a byte a choice, then the defaults */
    STRATEGY_REPLAY, /* recorded choices */
    STRATEGY_COUNT,
};

struct choice {
    uint32_t point;
    uint8_t kind; /* enum sim_choice_kind, or CHOICE_FREEZE */
    uint8_t value;
};

enum {
    CHOICE_FREEZE = 7, /* value: a bit for each thread that stops */
    MAX_CHOICES = 8192,
};

struct choices {
    unsigned count;
    struct choice items[MAX_CHOICES];
};

struct bounds {
    unsigned preemptions;
    unsigned stale;
    unsigned faults;
};

/* A place of the search where a choice was made. */
struct dfs_frame {
    uint32_t point;
    uint8_t kind;
    uint8_t count; /* of options, the default first */
    uint8_t at;    /* the option taken */
    uint8_t options[SIM_MAX_THREADS + 4];
    struct bounds left; /* before the choice */
};

enum { DFS_MAX_FRAMES = 4096 };

struct explorer {
    struct world *world;
    enum strategy_kind strategy;
    unsigned depth; /* PCT */
    struct bounds bounds;
    bool weak;
    bool elide; /* no choices where nothing is shared; off for replays */
    uint64_t seed;

    /* Of the strategies. */
    uint64_t random;
    uint8_t priority[SIM_MAX_THREADS];
    uint32_t change_points[8];
    uint32_t expected_points;
    struct dfs_frame *frames;
    unsigned frame_count;
    unsigned frame_at;
    struct bounds left;    /* of the run so far */
    bool exhausted;        /* DFS: all choices within the bounds were made */
    bool cut_off;          /* DFS: a run was too long to be searched to its end */
    bool ended;            /* DFS: there is nothing more to do */
    uint32_t freeze_point; /* the next to stop somebody at; 0: only measure */
    uint32_t freeze_began; /* what it was when the run began */
    unsigned freeze_mask;
    const uint8_t *bytes;
    size_t byte_count;
    size_t byte_at;
    unsigned stale_left; /* loads that may still be made stale */
    const struct choices *recorded;
    unsigned recorded_at;
    struct sim_observer observer; /* with a trace, or the plain one */

    /* Results. */
    struct choices made; /* what the last run chose differently from the default */
    struct sim_run_result last;
    uint64_t runs;
    uint64_t steps;
    uint64_t restarts; /* of an exhaustive search that found a location to be shared */
    uint64_t frozen_out; /* runs in which only frozen threads could have gone on */
};

void explorer_init(struct explorer *explorer, struct world *world,
                   enum strategy_kind strategy, uint64_t seed);
void explorer_free(struct explorer *explorer);

/* One run. False when an oracle failed: world->failed and text say which, and `made`
 * how. The world is as setup left it afterwards. */
bool explorer_run(struct explorer *explorer);

/* explorer_run under the guard of explorer_guard: a trap, a fault or a hang in the code
 * under test becomes a failure too; then the world must not be used again. */
bool explorer_run_guarded(struct explorer *explorer);

/* Installs the signal handlers that explorer_run_guarded needs. SIGTERM and SIGINT ask
 * for an early end, which explorer_told_to_end tells. */
void explorer_guard(void);
bool explorer_told_to_end(void);

/* The choosers, one for each strategy, and what each wants before and after a run. */
void strategy_begin_run(struct explorer *explorer);
void strategy_end_run(struct explorer *explorer);
unsigned strategy_choose(void *context, const struct sim_choice *choice);
unsigned dfs_choose(struct explorer *explorer, const struct sim_choice *choice);
void dfs_end_run(struct explorer *explorer);

const char *strategy_name(enum strategy_kind strategy);

static inline uint64_t explorer_random(struct explorer *explorer)
{
    /* xorshift64*, as in stress/random.h: fast, and good enough for choices. */
    uint64_t x = explorer->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    explorer->random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

static inline unsigned explorer_below(struct explorer *explorer, unsigned limit)
{
    return (unsigned)((explorer_random(explorer) >> 32) * limit >> 32);
}

#endif /* STRESS_EXPLORE_EXPLORER_H */
