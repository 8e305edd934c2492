/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/litmus_run.h"

#include <string.h>

#include "mmapper/testing/expect.h"

enum { MAX_DEPTH = 1024 };

struct frame {
    unsigned options;
    unsigned at;
};

struct search_state {
    const struct litmus_search *search;
    unsigned depth;
    unsigned stale; /* loads of this run */
    bool frozen;
    unsigned count;
    struct frame frames[MAX_DEPTH];
};

/* The next choice of this run: as in the last run, and behind that the first option. */
static unsigned take(struct search_state *state, unsigned options)
{
    if (options == 1) {
        return 0;
    }
    EXPECT(state->depth < MAX_DEPTH);
    struct frame *frame = &state->frames[state->depth];
    if (state->depth++ == state->count) {
        state->count++;
        *frame = (struct frame){options, 0};
    }
    EXPECT_EQ(frame->options, options); /* the same choices give the same run */
    return frame->at;
}

static unsigned take_thread(struct search_state *state, unsigned runnable)
{
    const unsigned freeze = state->search->freeze;
    const unsigned able = (unsigned)__builtin_popcount(runnable);
    const bool may_freeze = freeze != 0 && !state->frozen;
    unsigned at = take(state, able + may_freeze);
    if (at == able) {
        state->frozen = true;
        sim_freeze(freeze);
        const unsigned left = runnable & ~freeze;
        return left != 0 ? (unsigned)__builtin_ctz(left) : SIM_MAX_THREADS;
    }
    while (at-- > 0) {
        runnable &= runnable - 1;
    }
    return (unsigned)__builtin_ctz(runnable);
}

static unsigned choose(void *context, const struct sim_choice *choice)
{
    struct search_state *state = context;
    if (choice->kind == SIM_CHOOSE_THREAD) {
        return take_thread(state, choice->runnable);
    }
    if (choice->kind == SIM_CHOOSE_VALUE && state->search->bounded &&
        state->stale == state->search->stale) {
        return 0;
    }
    const unsigned value = take(state, choice->options);
    state->stale += choice->kind == SIM_CHOOSE_VALUE && value != 0;
    return value;
}

/* To the next run; false when that was the last. */
static bool advance(struct search_state *state)
{
    while (state->count > 0) {
        struct frame *frame = &state->frames[state->count - 1];
        if (++frame->at < frame->options) {
            return true;
        }
        state->count--;
    }
    return false;
}

static void add_outcome(struct litmus_found *found, uint64_t outcome)
{
    unsigned at = 0;
    while (at < found->count && found->outcomes[at].outcome < outcome) {
        at++;
    }
    if (at == found->count || found->outcomes[at].outcome != outcome) {
        EXPECT(found->count < LITMUS_OUTCOMES);
        memmove(&found->outcomes[at + 1], &found->outcomes[at],
                (found->count - at) * sizeof(found->outcomes[0]));
        found->count++;
        found->outcomes[at].outcome = outcome;
        found->outcomes[at].executions = 0;
    }
    found->outcomes[at].executions++;
}

/* One run. False when the search has to begin again. */
static bool run(struct search_state *state, struct litmus_found *found)
{
    const struct litmus_search *search = state->search;
    const struct sim_run_options options = {
        .threads = search->threads == 0 ? 2 : search->threads,
        .body = search->body,
        .context = search->context,
        .chooser = choose,
        .chooser_context = state,
        .observer = search->observer,
        .weak = !search->strong,
        .elide = search->elide,
        .max_alone = search->max_alone,
    };
    state->depth = 0;
    state->stale = 0;
    state->frozen = false;
    if (search->begin != NULL) {
        search->begin(search->context);
    }
    const struct sim_run_result result = sim_run(&options);
    const bool good = !search->elide || !result.learned;
    if (good) {
        found->executions++;
        found->verdicts[result.verdict]++;
        if (result.verdict == SIM_DONE && search->outcome != NULL) {
            add_outcome(found, search->outcome(search->context));
        }
    }
    sim_memory_restore();
    return good;
}

void litmus_explore(const struct litmus_search *search, struct litmus_found *found)
{
    static struct search_state state;
    state.search = search;
    state.count = 0;
    memset(found, 0, sizeof(*found));
    sim_memory_forget();
    do {
        while (!run(&state, found)) {
            const uint64_t restarts = found->restarts + 1;
            memset(found, 0, sizeof(*found));
            found->restarts = restarts;
            state.count = 0;
        }
    } while (advance(&state));
}

uint64_t litmus_count(const struct litmus_found *found, uint64_t outcome)
{
    for (unsigned i = 0; i < found->count; i++) {
        if (found->outcomes[i].outcome == outcome) {
            return found->outcomes[i].executions;
        }
    }
    return 0;
}

void litmus_print(const char *name, const struct litmus_found *found)
{
    static const char *const names[LITMUS_VERDICTS] = {
        "done", "stopped", "deadlock", "frozen out", "runs alone", "too long", "race"};
    (void)printf("%-34s %7" PRIu64 " executions", name, found->executions);
    for (unsigned i = 0; i < LITMUS_VERDICTS; i++) {
        if (found->verdicts[i] > 0) {
            (void)printf(", %s %" PRIu64, names[i], found->verdicts[i]);
        }
    }
    (void)printf("\n");
}

struct litmus_found litmus_show(const struct litmus_search *search, const char *name)
{
    static struct litmus_found found;
    litmus_explore(search, &found);
    litmus_print(name, &found);
    return found;
}

void litmus_expect_all(const struct litmus_found *found, enum sim_verdict verdict)
{
    EXPECT(found->executions > 0);
    EXPECT_EQ(found->verdicts[verdict], found->executions);
}
