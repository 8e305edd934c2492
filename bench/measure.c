/* SPDX-License-Identifier: MIT */
#include "bench/measure.h"

#include <pthread.h>
#include <time.h>

#include "bench/fail.h"
#include "mmapper/atomic.h"

enum { CLOCK_TRIALS = 1000, CACHE_LINE = 64 };

/* One thread's times of the steps that it took last. */
struct seat {
    _Alignas(CACHE_LINE) uint64_t start;
    uint64_t end;
};

struct team {
    const struct bench_machine *machine;
    const struct bench_side *side;
    void *state;
    unsigned threads;
    uint64_t steps;
    mm_atomic_u64
        arrivals; /* at the gate, of all threads; still while steps are taken */
    struct seat seats[BENCH_MAX_THREADS];
};

struct member {
    struct team *team;
    unsigned thread;
    uint64_t rounds;   /* times that it came to the gate */
    uint64_t timed_ns; /* of the whole team; the first member's counts */
    uint64_t result;
};

static uint64_t now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static uint64_t clock_cost(void)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < CLOCK_TRIALS; i++) {
        const uint64_t start = now();
        const uint64_t cost = now() - start;
        least = cost < least ? cost : least;
    }
    return least;
}

struct bench_machine bench_machine_of(void)
{
    struct bench_machine machine;
    BENCH_CHECK(sched_getaffinity(0, sizeof machine.allowed, &machine.allowed) == 0);
    machine.cpus = (unsigned)CPU_COUNT(&machine.allowed);
    machine.clock_ns = clock_cost();
    return machine;
}

static void pin(const struct bench_machine *machine, unsigned thread)
{
    unsigned before = thread % machine->cpus;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &machine->allowed) && before-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            BENCH_CHECK(pthread_setaffinity_np(pthread_self(), sizeof one, &one) == 0);
            return;
        }
    }
}

/* Waits until all members came here as often as this one. They spin, so that they leave
 * together, unless they have to share processors. */
static void gate(struct member *member)
{
    struct team *team = member->team;
    const uint64_t all = ++member->rounds * team->threads;
    struct mm_backoff backoff = {0};
    /* Everything before the gate is seen by everybody behind it: release and acquire. */
    (void)mm_fetch_add_release_u64(&team->arrivals, 1);
    while (mm_load_acquire_u64(&team->arrivals) < all) {
        if (team->threads > team->machine->cpus) {
            mm_wait(&backoff);
        }
    }
}

/* From the first start to the last end. The members are at the gate again, or done. */
static uint64_t team_time(const struct team *team)
{
    uint64_t start = UINT64_MAX;
    uint64_t end = 0;
    for (unsigned i = 0; i < team->threads; i++) {
        const struct seat *seat = &team->seats[i];
        start = seat->start < start ? seat->start : start;
        end = seat->end > end ? seat->end : end;
    }
    const uint64_t clock_ns = team->machine->clock_ns;
    return end - start > clock_ns ? end - start - clock_ns : 0;
}

static void timed_steps(struct member *member, uint64_t steps)
{
    const struct team *team = member->team;
    struct seat *seat = &member->team->seats[member->thread];
    uint64_t result = 0;
    gate(member);
    seat->start = now();
    for (uint64_t i = 0; i < steps; i++) {
        result += team->side->step(team->state, member->thread);
    }
    seat->end = now();
    gate(member);
    member->timed_ns += team_time(team);
    member->result += result;
}

static void *take_steps(void *argument)
{
    struct member *member = argument;
    const struct team *team = member->team;
    const struct bench_side *side = team->side;
    pin(team->machine, member->thread);
    if (side->before == NULL && side->after == NULL) {
        timed_steps(member, team->steps);
        return NULL;
    }
    for (uint64_t i = 0; i < team->steps; i++) {
        if (side->before != NULL) {
            side->before(team->state, member->thread);
        }
        timed_steps(member, 1);
        if (side->after != NULL) {
            side->after(team->state, member->thread);
        }
    }
    return NULL;
}

struct bench_time bench_measure(const struct bench_machine *machine,
                                const struct bench_side *side, void *state,
                                unsigned threads, uint64_t steps)
{
    BENCH_CHECK(threads >= 1 && threads <= BENCH_MAX_THREADS);
    struct team team = {.machine = machine,
                        .side = side,
                        .state = state,
                        .threads = threads,
                        .steps = steps};
    struct member members[BENCH_MAX_THREADS] = {0};
    pthread_t handles[BENCH_MAX_THREADS];
    const uint64_t start = now();
    for (unsigned i = 0; i < threads; i++) {
        members[i].team = &team;
        members[i].thread = i;
        if (i > 0) {
            BENCH_CHECK(pthread_create(&handles[i], NULL, take_steps, &members[i]) ==
                        0);
        }
    }
    (void)take_steps(&members[0]);
    for (unsigned i = 1; i < threads; i++) {
        BENCH_CHECK(pthread_join(handles[i], NULL) == 0);
    }
    volatile uint64_t result =
        members[0].result; /* nothing that led to it is left out */
    (void)result;
    const struct bench_time time = {.timed_ns = members[0].timed_ns,
                                    .whole_ns = now() - start};
    return time;
}
