/* SPDX-License-Identifier: MIT */
/* How choices are made at random, from bytes and from a recording. */
#include "stress/explore/explorer.h"

const char *strategy_name(enum strategy_kind strategy)
{
    static const char *const names[STRATEGY_COUNT] = {
        "uniform", "sticky", "pct", "dfs", "freeze", "bytes", "replay"};
    return (unsigned)strategy < STRATEGY_COUNT ? names[strategy] : "?";
}

static unsigned lowest(unsigned mask)
{
    return (unsigned)__builtin_ctz(mask);
}

/* For each set of threads how many they are, and which. A table: this is done before each
 * step, and a loop over bits would be mispredicted as often as the choice is random. */
static const struct {
    uint8_t count;
    uint8_t threads[SIM_MAX_THREADS];
} sets[1 << SIM_MAX_THREADS] = {
    {0, {0}},    {1, {0}},       {1, {1}},       {2, {0, 1}},
    {1, {2}},    {2, {0, 2}},    {2, {1, 2}},    {3, {0, 1, 2}},
    {1, {3}},    {2, {0, 3}},    {2, {1, 3}},    {3, {0, 1, 3}},
    {2, {2, 3}}, {3, {0, 2, 3}}, {3, {1, 2, 3}}, {4, {0, 1, 2, 3}},
};

static unsigned any_thread(struct explorer *explorer, unsigned mask)
{
    return sets[mask].threads[explorer_below(explorer, sets[mask].count)];
}

/* Stale values and faults: one in four is not the default. */
static unsigned random_option(struct explorer *explorer, unsigned options)
{
    return explorer_below(explorer, 4) != 0 ? 0 : explorer_below(explorer, options);
}

static unsigned sticky(struct explorer *explorer, const struct sim_choice *choice)
{
    if (choice->current >= 0 && explorer_below(explorer, 8) != 0) {
        return (unsigned)choice->current;
    }
    return any_thread(explorer, choice->runnable);
}

/* -------------------------------------------------------------------------- PCT */

static void begin_pct(struct explorer *explorer)
{
    const unsigned threads = explorer->world->program->threads;
    for (unsigned i = 0; i < threads; i++) {
        explorer->priority[i] = (uint8_t)(explorer->depth + i);
    }
    for (unsigned i = threads; i > 1; i--) {
        const unsigned j = explorer_below(explorer, i);
        const uint8_t swap = explorer->priority[i - 1];
        explorer->priority[i - 1] = explorer->priority[j];
        explorer->priority[j] = swap;
    }
    for (unsigned i = 0; i + 1 < explorer->depth && i < 8; i++) {
        explorer->change_points[i] =
            1 + explorer_below(explorer, explorer->expected_points);
    }
}

static unsigned highest_priority(const struct explorer *explorer, unsigned mask)
{
    unsigned best = lowest(mask);
    for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
        const unsigned thread = lowest(rest);
        if (explorer->priority[thread] > explorer->priority[best]) {
            best = thread;
        }
    }
    return best;
}

static unsigned pct(struct explorer *explorer, const struct sim_choice *choice)
{
    for (unsigned i = 0; i + 1 < explorer->depth && i < 8; i++) {
        /* Points without a choice are passed over: at the first one behind it. */
        if (explorer->change_points[i] != 0 &&
            choice->point >= explorer->change_points[i] && choice->current >= 0) {
            explorer->change_points[i] = 0;
            explorer->priority[choice->current] = (uint8_t)i;
        }
    }
    return highest_priority(explorer, choice->runnable);
}

/* ----------------------------------------------------------------------- freeze */

/* The run is repeated with the same choices up to freeze_point, where the threads of
 * freeze_mask stop. Runs with point 0 stop nobody: they tell how many points there are.
 */
static void begin_freeze(struct explorer *explorer)
{
    explorer->random = (explorer->seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

static unsigned freeze(struct explorer *explorer, const struct sim_choice *choice)
{
    if (explorer->freeze_point != 0 && choice->point >= explorer->freeze_point) {
        sim_freeze(explorer->freeze_mask);
        struct choices *made = &explorer->made;
        if (made->count < MAX_CHOICES) {
            made->items[made->count++] = (struct choice){
                choice->point, CHOICE_FREEZE, (uint8_t)explorer->freeze_mask};
        }
        explorer->freeze_point = UINT32_MAX;
        const unsigned left = choice->runnable & ~explorer->freeze_mask;
        return left != 0 ? lowest(left) : sim_choice_default(choice);
    }
    return sticky(explorer, choice);
}

static void end_freeze(struct explorer *explorer, uint32_t point)
{
    const unsigned all = (1U << explorer->world->program->threads) - 1;
    if (point == 0) {
        explorer->expected_points = explorer->last.points;
        explorer->freeze_point = 1;
        explorer->freeze_mask = 1;
        return;
    }
    explorer->freeze_mask++;
    explorer->freeze_point = point;
    if (explorer->freeze_mask >= all) {
        explorer->freeze_mask = 1;
        explorer->freeze_point++;
    }
    if (explorer->freeze_point > explorer->expected_points) {
        explorer->seed++;
        explorer->freeze_point = 0;
    }
}

/* ------------------------------------------------------------- bytes and replay */

enum { MAX_STALE = 32 }; /* loads of one run that bytes may make stale */

/* Mostly "as you were": three bytes in four. */
static unsigned from_bytes(struct explorer *explorer, const struct sim_choice *choice)
{
    if (explorer->byte_at == explorer->byte_count) {
        return sim_choice_default(choice);
    }
    const unsigned byte = explorer->bytes[explorer->byte_at++];
    const bool stale = choice->kind == SIM_CHOOSE_VALUE;
    /* Memory shows the newest value some time, or a loop would never end. */
    if (byte < 192 || (stale && explorer->stale_left == 0)) {
        return sim_choice_default(choice);
    }
    explorer->stale_left -= stale;
    if (choice->kind != SIM_CHOOSE_THREAD) {
        return (byte - 192) % choice->options;
    }
    const unsigned count = sets[choice->runnable].count;
    return sets[choice->runnable].threads[(byte - 192) % count];
}

static unsigned replay(struct explorer *explorer, const struct sim_choice *choice)
{
    const struct choices *recorded = explorer->recorded;
    unsigned value = sim_choice_default(choice);
    while (explorer->recorded_at < recorded->count &&
           recorded->items[explorer->recorded_at].point <= choice->point) {
        const struct choice *item = &recorded->items[explorer->recorded_at++];
        if (item->point != choice->point) {
            continue;
        }
        if (item->kind == CHOICE_FREEZE && choice->kind == SIM_CHOOSE_THREAD) {
            sim_freeze(item->value);
            const unsigned left = choice->runnable & ~(unsigned)item->value;
            value = left != 0 ? lowest(left) : value;
        } else if (item->kind == choice->kind) {
            value = item->value;
        }
    }
    return value;
}

/* -------------------------------------------------------------------------- all */

void strategy_begin_run(struct explorer *explorer)
{
    switch (explorer->strategy) {
    case STRATEGY_PCT:
        begin_pct(explorer);
        break;
    case STRATEGY_FREEZE:
        begin_freeze(explorer);
        break;
    default:
        explorer->left = explorer->bounds;
        explorer->frame_at = 0;
        explorer->byte_at = 0;
        explorer->stale_left = MAX_STALE;
        explorer->recorded_at = 0;
        break;
    }
}

static unsigned decide(struct explorer *explorer, const struct sim_choice *choice)
{
    switch (explorer->strategy) {
    case STRATEGY_DFS:
        return dfs_choose(explorer, choice);
    case STRATEGY_BYTES:
        return from_bytes(explorer, choice);
    case STRATEGY_REPLAY:
        return replay(explorer, choice);
    default:
        break;
    }
    if (choice->kind != SIM_CHOOSE_THREAD) {
        return random_option(explorer, choice->options);
    }
    switch (explorer->strategy) {
    case STRATEGY_STICKY:
        return sticky(explorer, choice);
    case STRATEGY_PCT:
        return pct(explorer, choice);
    case STRATEGY_FREEZE:
        return freeze(explorer, choice);
    default:
        return any_thread(explorer, choice->runnable);
    }
}

unsigned strategy_choose(void *context, const struct sim_choice *choice)
{
    struct explorer *explorer = context;
    const unsigned value = decide(explorer, choice);
    struct choices *made = &explorer->made;
    if (value != sim_choice_default(choice) && made->count < MAX_CHOICES) {
        made->items[made->count++] =
            (struct choice){choice->point, (uint8_t)choice->kind, (uint8_t)value};
    }
    return value;
}

void strategy_end_run(struct explorer *explorer)
{
    const uint32_t points = explorer->last.points;
    switch (explorer->strategy) {
    case STRATEGY_DFS:
        dfs_end_run(explorer);
        break;
    case STRATEGY_FREEZE:
        end_freeze(explorer, explorer->freeze_began);
        explorer->freeze_began = explorer->freeze_point;
        break;
    case STRATEGY_PCT:
        explorer->expected_points = points > 0 ? points : 1;
        break;
    default:
        break;
    }
}
