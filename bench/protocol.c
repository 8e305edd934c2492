/* SPDX-License-Identifier: MIT */
#include "bench/protocol.h"

#include <stdio.h>

#include "bench/fail.h"

enum {
    MAX_VARIANTS = 32,
    /* What is not timed may take this many times as long as what is. */
    UNTIMED_SHARE = 8,
    MAX_STEPS = 1 << 24,
};

struct variant {
    const struct bench_side *side;
    unsigned side_number;
    unsigned threads;
    uint64_t steps; /* of a sample */
};

struct run {
    const struct bench_machine *machine;
    const struct bench_protocol *protocol;
    const struct bench_case *one;
    void *states[BENCH_MAX_SIDES]; /* NULL: not open, or cannot be measured here */
    struct variant variants[MAX_VARIANTS];
    unsigned variant_count;
};

static unsigned thread_counts(const struct bench_case *one)
{
    unsigned counts = 0;
    while (counts < sizeof one->threads && one->threads[counts] != 0) {
        counts++;
    }
    return counts;
}

static unsigned most_threads(const struct bench_case *one)
{
    unsigned most = 1;
    for (unsigned i = 0; i < thread_counts(one); i++) {
        most = one->threads[i] > most ? one->threads[i] : most;
    }
    return most;
}

static unsigned side_count(const struct bench_case *one)
{
    unsigned count = 0;
    while (count < BENCH_MAX_SIDES && one->sides[count] != NULL) {
        count++;
    }
    return count;
}

static uint64_t operations_of(const struct bench_case *one,
                              const struct bench_side *side)
{
    return side->operations != 0 ? side->operations : one->operations;
}

/* The sides with as many threads stand side by side: so do their samples. */
static void list_variants(struct run *run)
{
    const struct bench_case *one = run->one;
    const unsigned counts = thread_counts(one);
    for (unsigned i = 0; i == 0 || i < counts; i++) {
        for (unsigned side = 0; side < side_count(one); side++) {
            BENCH_CHECK(run->variant_count < MAX_VARIANTS);
            run->variants[run->variant_count++] = (struct variant){
                .side = one->sides[side],
                .side_number = side,
                .threads = counts > 0 ? one->threads[i] : 1,
            };
        }
    }
}

static void open_sides(struct run *run)
{
    const struct bench_case *one = run->one;
    for (unsigned i = 0; i < side_count(one); i++) {
        const struct bench_side *side = one->sides[i];
        const struct bench_setting setting = {
            .shape = one->shape,
            .operations = operations_of(one, side),
            .threads = most_threads(one),
            .seed = run->protocol->seed * BENCH_MAX_SIDES + i,
        };
        const char *reason = "";
        run->states[i] = side->open(&setting, &reason);
        if (run->states[i] == NULL) {
            (void)printf("{\"case\": \"%s\", \"side\": \"%s\", \"skipped\": \"%s\"}\n",
                         one->name, side->name, reason);
        }
    }
}

static void close_sides(struct run *run)
{
    for (unsigned i = 0; i < side_count(run->one); i++) {
        if (run->states[i] != NULL) {
            run->one->sides[i]->close(run->states[i]);
            run->states[i] = NULL;
        }
    }
}

static struct bench_time sample(const struct run *run, const struct variant *variant,
                                uint64_t steps)
{
    return bench_measure(run->machine, variant->side, run->states[variant->side_number],
                         variant->threads, steps);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The shorter of two samples by one thread: what interrupted one of them would pass for the
 * steps' own time, and threads that share processors are interrupted all the time. */
static struct bench_time trial(const struct run *run, const struct variant *variant,
                               uint64_t steps)
{
    void *state = run->states[variant->side_number];
    const struct bench_time one =
        bench_measure(run->machine, variant->side, state, 1, steps);
    const struct bench_time two =
        bench_measure(run->machine, variant->side, state, 1, steps);
    return (struct bench_time){.timed_ns = least(one.timed_ns, two.timed_ns),
                               .whole_ns = least(one.whole_ns, two.whole_ns)};
}

/* Doubles the steps until they take a quarter of a sample's time, then scales. */
static void find_steps(const struct run *run, struct variant *variant)
{
    const uint64_t wanted = run->protocol->sample_ns;
    const uint64_t most = UNTIMED_SHARE * wanted;
    uint64_t steps = 1;
    struct bench_time time = trial(run, variant, steps);
    while (time.timed_ns < wanted / 4 && time.whole_ns < most / 4 &&
           steps < MAX_STEPS) {
        steps *= 2;
        time = trial(run, variant, steps);
    }
    const double by_time = (double)wanted / (double)(time.timed_ns + 1);
    const double by_whole = (double)most / (double)(time.whole_ns + 1);
    const double scaled = (double)steps * (by_time < by_whole ? by_time : by_whole);
    variant->steps = scaled < 1 ? 1 : (uint64_t)scaled;
}

static void print_sample(const struct run *run, const struct variant *variant,
                         unsigned repetition, struct bench_time time)
{
    const unsigned at_once =
        variant->threads < run->machine->cpus ? variant->threads : run->machine->cpus;
    const double calls = (double)operations_of(run->one, variant->side) *
                         (double)variant->steps * variant->threads;
    (void)printf("{\"case\": \"%s\", \"side\": \"%s\", \"threads\": %u, "
                 "\"repetition\": %u, \"ns\": %.5g}\n",
                 run->one->name, variant->side->name, variant->threads, repetition,
                 (double)time.timed_ns * at_once / calls);
}

static bool is_open(const struct run *run, const struct variant *variant)
{
    return run->states[variant->side_number] != NULL;
}

static void warm_up(struct run *run)
{
    for (unsigned i = 0; i < run->variant_count; i++) {
        struct variant *variant = &run->variants[i];
        if (is_open(run, variant)) {
            find_steps(run, variant);
            (void)sample(run, variant, variant->steps);
        }
    }
}

static void repeat(const struct run *run, unsigned repetition)
{
    for (unsigned i = 0; i < run->variant_count; i++) {
        const struct variant *variant =
            &run->variants[(repetition + i) % run->variant_count];
        if (is_open(run, variant)) {
            const struct bench_time time = sample(run, variant, variant->steps);
            print_sample(run, variant, repetition, time);
        }
    }
}

void bench_run_case(const struct bench_machine *machine,
                    const struct bench_protocol *protocol, const struct bench_case *one)
{
    struct run run = {.machine = machine, .protocol = protocol, .one = one};
    list_variants(&run);
    open_sides(&run);
    warm_up(&run);
    for (unsigned i = 0; i < protocol->repetitions; i++) {
        repeat(&run, i);
    }
    close_sides(&run);
}

void bench_gauge_report(const struct bench_gauge *gauge, const char *side, double value,
                        const char *unit)
{
    (void)printf("{\"case\": \"%s\", \"side\": \"%s\", \"value\": %.9g, "
                 "\"unit\": \"%s\"}\n",
                 gauge->name, side, value, unit);
}
