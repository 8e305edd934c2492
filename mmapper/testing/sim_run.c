/* SPDX-License-Identifier: MIT */
/* Threads, switches and choices of the deterministic scheduler. */
#include "mmapper/testing/sim_run.h"

#include <stdlib.h>
#include <string.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/sim_engine.h"

enum {
    STACK_BYTES = 128 * 1024,
    DEFAULT_MAX_ALONE = 4000,
    MAX_STEPS = 30000, /* clocks have 15 bits */
};

struct sim_engine mm_sim = {.running = -1};

static _Alignas(64) char stacks[SIM_MAX_THREADS][STACK_BYTES];

int sim_thread(void)
{
    return mm_sim.running;
}

uint32_t sim_now(void)
{
    return mm_sim.steps;
}

int16_t sim_time(void)
{
    if (mm_sim.running < 0) {
        return 0;
    }
    return mm_sim.threads[mm_sim.running].clock[mm_sim.running];
}

void sim_known(int16_t times[SIM_MAX_THREADS])
{
    for (unsigned i = 0; i < SIM_MAX_THREADS; i++) {
        times[i] = 0;
        if (mm_sim.running >= 0) {
            times[i] = mm_sim.threads[mm_sim.running].clock[i];
        }
    }
}

void sim_hash(uint64_t value)
{
    sim_mix(value);
}

/* ------------------------------------------------------------------- switches */

/* Does not return, and does not say so: AddressSanitizer makes two system calls before a
 * call that it is told will not. */
static void end_run(enum sim_verdict verdict, unsigned thread)
{
    mm_sim.verdict = verdict;
    mm_sim.verdict_thread = thread;
    struct fiber *from = &mm_sim.threads[mm_sim.running].fiber;
    mm_sim.running = -1;
    fiber_switch(from, &mm_sim.main);
    __builtin_trap(); /* nobody resumes a run that has ended */
}

void sim_end_with(enum sim_verdict verdict, unsigned thread)
{
    end_run(verdict, thread);
    __builtin_trap();
}

void sim_stop(void)
{
    sim_end_with(SIM_STOPPED, (unsigned)mm_sim.running);
}

static void go_on_with(unsigned next)
{
    const int last = mm_sim.running;
    if ((int)next == last) {
        return;
    }
    mm_sim.switched_from = last;
    mm_sim.threads[next].alone_from = mm_sim.steps;
    mm_sim.running = (int)next;
    fiber_switch(&mm_sim.threads[last].fiber, &mm_sim.threads[next].fiber);
}

static unsigned lowest(unsigned mask)
{
    return (unsigned)__builtin_ctz(mask);
}

static unsigned choose_thread(unsigned runnable, int current)
{
    const struct sim_choice choice = {.kind = SIM_CHOOSE_THREAD,
                                      .point = mm_sim.points,
                                      .runnable = runnable,
                                      .current = current};
    const unsigned next =
        mm_sim.options.chooser(mm_sim.options.chooser_context, &choice);
    const unsigned left = runnable & ~mm_sim.frozen;
    if (next < SIM_MAX_THREADS && (left & 1U << next) != 0) {
        return next;
    }
    if (current >= 0 && (left & 1U << current) != 0) {
        return (unsigned)current;
    }
    return left != 0 ? lowest(left) : SIM_MAX_THREADS;
}

/* The threads that could go on; those that are frozen only when nobody else is left. */
static unsigned candidates(void)
{
    const unsigned left = mm_sim.runnable & ~mm_sim.frozen;
    if (left != 0 || mm_sim.frozen == 0) {
        return left;
    }
    for (unsigned i = 0; i < mm_sim.options.threads; i++) {
        if ((mm_sim.frozen & 1U << i) == 0 &&
            mm_sim.threads[i].state != SIM_THREAD_ENDED) {
            sim_end_with(SIM_FROZEN_OUT, i);
        }
    }
    mm_sim.frozen = 0; /* all others have ended: thaw */
    return mm_sim.runnable;
}

void sim_give_way(void)
{
    mm_sim.points++;
    const unsigned able = candidates();
    if (able == 0) {
        sim_end_with(SIM_DEADLOCK, (unsigned)mm_sim.running);
    }
    unsigned next = choose_thread(able, -1);
    if (next == SIM_MAX_THREADS) {
        next = lowest(candidates());
    }
    go_on_with(next);
}

static void count_step(void)
{
    const struct sim_thread *thread = &mm_sim.threads[mm_sim.running];
    mm_sim.steps++;
    if (mm_sim.steps - thread->alone_from > mm_sim.options.max_alone) {
        sim_end_with(SIM_ALONE, (unsigned)mm_sim.running);
    }
    if (mm_sim.steps > MAX_STEPS) {
        sim_end_with(SIM_TOO_LONG, (unsigned)mm_sim.running);
    }
    mm_sim.threads[mm_sim.running].clock[mm_sim.running]++;
}

void sim_point(const struct sim_location *location)
{
    mm_sim.points++;
    if (!mm_sim.options.elide || location == NULL || location->shared) {
        const unsigned able = mm_sim.runnable & ~mm_sim.frozen;
        if ((able & (able - 1)) != 0) {
            const unsigned next = choose_thread(able, mm_sim.running);
            if (next == SIM_MAX_THREADS) {
                go_on_with(lowest(candidates()));
            } else {
                go_on_with(next);
            }
        }
    }
    count_step();
}

void sim_freeze(unsigned threads)
{
    mm_sim.frozen |= threads;
}

void sim_step(uint64_t what)
{
    if (mm_sim.running < 0) {
        return;
    }
    sim_point(NULL);
    sim_mix(what ^ ((uint64_t)mm_sim.running << 48));
    if (mm_sim.observer.event != NULL) {
        struct sim_event event = {.kind = SIM_EVENT_USER, .after = what};
        sim_report(&event);
    }
}

void sim_call_begins(void)
{
    struct sim_thread *thread = &mm_sim.threads[mm_sim.running];
    thread->alone_from = mm_sim.steps;
    thread->changed = false;
    memset(thread->reads, 0, sizeof(thread->reads));
}

unsigned sim_choose_fault(unsigned options)
{
    if (mm_sim.running < 0 || options < 2) {
        return 0;
    }
    const struct sim_choice choice = {.kind = SIM_CHOOSE_FAULT,
                                      .point = ++mm_sim.points,
                                      .options = options,
                                      .current = mm_sim.running};
    const unsigned chosen =
        mm_sim.options.chooser(mm_sim.options.chooser_context, &choice);
    sim_mix(chosen);
    return chosen < options ? chosen : 0;
}

void sim_report(struct sim_event *event)
{
    event->thread = (unsigned)mm_sim.running;
    event->point = mm_sim.points;
    event->switched_from = mm_sim.switched_from;
    mm_sim.switched_from = -1;
    mm_sim.observer.event(mm_sim.observer.event_context, event);
}

/* ------------------------------------------------------------------------ run */

static void thread_main(void *argument)
{
    struct sim_thread *thread = argument;
    const unsigned me = (unsigned)(thread - mm_sim.threads);
    mm_sim.options.body(mm_sim.options.context, me);
    thread->state = SIM_THREAD_ENDED;
    mm_sim.runnable &= ~(1U << me);
    mm_sim.frozen &= ~(1U << me);
    bool all_ended = true;
    for (unsigned i = 0; i < mm_sim.options.threads; i++) {
        all_ended &= mm_sim.threads[i].state == SIM_THREAD_ENDED;
    }
    if (all_ended) {
        end_run(SIM_DONE, me);
    }
    sim_give_way();
    __builtin_trap(); /* a thread that ended is never chosen */
}

static void begin_run(const struct sim_run_options *options)
{
    static const struct sim_observer nobody = {0};
    mm_sim.options = *options;
    mm_sim.observer = options->observer != NULL ? *options->observer : nobody;
    if (mm_sim.options.max_alone == 0) {
        mm_sim.options.max_alone = DEFAULT_MAX_ALONE;
    }
    mm_sim.runnable = (1U << options->threads) - 1;
    mm_sim.frozen = 0;
    mm_sim.steps = 0;
    mm_sim.points = 1;
    mm_sim.hash = 0;
    mm_sim.switched_from = -1;
    mm_sim.learned = false;
    mm_sim.observing = false;
    mm_sim.race = NULL;
    mm_sim.mutex_count = 0;
    sim_memory_begin();
    for (unsigned i = 0; i < options->threads; i++) {
        struct sim_thread *thread = &mm_sim.threads[i];
        thread->view = (sim_view){0};
        thread->clock = (sim_clock){0};
        thread->clock[i] = 1;
        thread->state = SIM_THREAD_READY;
        thread->changed = false;
        memset(thread->reads, 0, sizeof(thread->reads));
        thread->alone_from = 0;
        fiber_prepare(&thread->fiber, stacks[i], STACK_BYTES, thread_main, thread);
    }
}

struct sim_run_result sim_run(const struct sim_run_options *options)
{
    begin_run(options);
    unsigned first = choose_thread(mm_sim.runnable, -1);
    first = first == SIM_MAX_THREADS ? 0 : first;
    mm_sim.running = (int)first;
    fiber_switch(&mm_sim.main, &mm_sim.threads[first].fiber);
    const struct sim_run_result result = {
        .verdict = mm_sim.verdict,
        .thread = mm_sim.verdict_thread,
        .address = mm_sim.race,
        .steps = mm_sim.steps,
        .points = mm_sim.points,
        .hash = mm_sim.hash,
        .learned = mm_sim.learned,
    };
    return result;
}

void sim_abandon(void)
{
    mm_sim.running = -1;
}
