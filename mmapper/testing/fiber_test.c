/* SPDX-License-Identifier: MIT */
/*
 * Fibers: each has its own stack and registers, however deep it is and however often it
 * is left; one that is prepared again begins again. Compiled twice, for the machine's
 * own switch and for ucontext.
 */
#include "mmapper/testing/fiber.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdbool.h>

#include "mmapper/testing/expect.h"

enum { FIBERS = 4, STACK_BYTES = 256 * 1024, ROUNDS = 1000, DEPTH = 200 };

static _Alignas(64) char stacks[FIBERS][STACK_BYTES];
static struct fiber fibers[FIBERS];
static struct fiber main_fiber;
static struct {
    unsigned order[4 * FIBERS];
    unsigned count;
    uint64_t sums[FIBERS];
    unsigned rounds[FIBERS];
    bool over;
} log;

static unsigned index_of(const struct fiber *fiber)
{
    return (unsigned)(fiber - fibers);
}

static void prepare(unsigned index, void (*entry)(void *argument))
{
    fiber_prepare(&fibers[index], stacks[index], STACK_BYTES, entry, &fibers[index]);
}

/* --------------------------------------------------------------------- switches */

static void take_turns(void *argument)
{
    struct fiber *me = argument;
    for (;;) {
        log.order[log.count++] = index_of(me);
        const unsigned next = index_of(me) + 1;
        fiber_switch(me, next < FIBERS ? &fibers[next] : &main_fiber);
    }
}

static void test_turns(void)
{
    log.count = 0;
    for (unsigned i = 0; i < FIBERS; i++) {
        prepare(i, take_turns);
    }
    for (unsigned round = 0; round < 4; round++) {
        fiber_switch(&main_fiber, &fibers[0]);
    }
    EXPECT_EQ(log.count, 4 * FIBERS);
    for (unsigned i = 0; i < log.count; i++) {
        EXPECT_EQ(log.order[i], i % FIBERS);
    }
}

/* -------------------------------------------------------------------- registers */

/* More live values than there are registers, integers and floating point, across
 * switches to a fiber that has as many. */
static void keep_values(void *argument)
{
    struct fiber *me = argument;
    const uint64_t seed = index_of(me) + 1;
    volatile uint64_t source = seed;
    uint64_t a = source * 3;
    uint64_t b = source * 5;
    uint64_t c = source * 7;
    uint64_t d = source * 11;
    uint64_t e = source * 13;
    uint64_t f = source * 17;
    uint64_t g = source * 19;
    uint64_t h = source * 23;
    double x = (double)source / 3;
    double y = (double)source / 5;
    for (unsigned round = 0; round < ROUNDS; round++) {
        fiber_switch(me, &main_fiber);
        a += b;
        b ^= c;
        c += d;
        d ^= e;
        e += f;
        f ^= g;
        g += h;
        h ^= a;
        x = x / 2 + y;
        y = y / 3 + 1;
        log.sums[index_of(me)] =
            a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ (uint64_t)(int64_t)(x * 1000);
        log.rounds[index_of(me)]++;
    }
    fiber_switch(me, &main_fiber);
}

static void test_registers(void)
{
    uint64_t alone[FIBERS];
    for (unsigned i = 0; i < FIBERS; i++) {
        log.rounds[i] = 0;
        prepare(i, keep_values);
        for (unsigned round = 0; round <= ROUNDS; round++) {
            fiber_switch(&main_fiber, &fibers[i]);
        }
        EXPECT_EQ(log.rounds[i], ROUNDS);
        alone[i] = log.sums[i];
    }
    for (unsigned i = 0; i < FIBERS; i++) {
        prepare(i, keep_values);
        log.sums[i] = 0;
    }
    for (unsigned round = 0; round <= ROUNDS; round++) {
        for (unsigned i = 0; i < FIBERS; i++) {
            fiber_switch(&main_fiber, &fibers[i]);
        }
    }
    for (unsigned i = 0; i < FIBERS; i++) {
        EXPECT_EQ(log.sums[i], alone[i]);
        EXPECT(i == 0 || alone[i] != alone[i - 1]);
    }
}

/* ------------------------------------------------------------------- deep stacks */

/* Goes down, stops at each level on the way down and up, and its frames stay. */
static uint64_t descend(struct fiber *me, unsigned depth)
{
    volatile unsigned char frame[256];
    const unsigned char mark = (unsigned char)(depth + 31 * index_of(me));
    for (unsigned i = 0; i < sizeof(frame); i++) {
        frame[i] = mark;
    }
    fiber_switch(me, &main_fiber);
    const uint64_t below = depth == 0 ? 0 : descend(me, depth - 1);
    fiber_switch(me, &main_fiber);
    for (unsigned i = 0; i < sizeof(frame); i++) {
        EXPECT_EQ(frame[i], mark);
    }
    return below + depth;
}

static void go_deep(void *argument)
{
    struct fiber *me = argument;
    log.sums[index_of(me)] = descend(me, DEPTH);
    log.rounds[index_of(me)] = 1;
    fiber_switch(me, &main_fiber);
}

static void test_deep_stacks(void)
{
    for (unsigned i = 0; i < FIBERS; i++) {
        log.rounds[i] = 0;
        prepare(i, go_deep);
    }
    for (unsigned step = 0; step < 2 * (DEPTH + 1) + 1; step++) {
        for (unsigned i = 0; i < FIBERS; i++) {
            fiber_switch(&main_fiber, &fibers[i]);
        }
    }
    for (unsigned i = 0; i < FIBERS; i++) {
        EXPECT_EQ(log.rounds[i], 1);
        EXPECT_EQ(log.sums[i], DEPTH * (DEPTH + 1) / 2);
    }
}

/* --------------------------------------------------------------------- restarts */

static void stop_in_the_middle(void *argument)
{
    struct fiber *me = argument;
    volatile char deep[2000];
    memset((void *)(uintptr_t)deep, 1, sizeof(deep));
    log.rounds[index_of(me)]++;
    fiber_switch(me, &main_fiber);
    EXPECT(false); /* nobody goes on with it */
}

/* As the scheduler does at the beginning of each run, whatever the last one left. */
static void test_restarts(void)
{
    log.rounds[0] = 0;
    log.rounds[1] = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        prepare(0, stop_in_the_middle);
        prepare(1, round % 2 == 0 ? stop_in_the_middle : go_deep);
        fiber_switch(&main_fiber, &fibers[0]);
        for (unsigned i = 0; i < 1 + (round % 2) * 17; i++) {
            fiber_switch(&main_fiber, &fibers[1]);
        }
    }
    EXPECT_EQ(log.rounds[0], ROUNDS);
    EXPECT_EQ(log.rounds[1], ROUNDS / 2);
}

/* The stack of a fiber is aligned as the ABI wants it: a variable that needs it traps
 * otherwise. */
static void look_at_alignment(void *argument)
{
    struct fiber *me = argument;
    _Alignas(16) volatile char aligned[16];
    aligned[0] = 1;
    const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    log.over = (uintptr_t)aligned % 16 == 0 && frame % 16 == 0;
    fiber_switch(me, &main_fiber);
}

static void test_alignment(void)
{
    for (unsigned odd = 0; odd < 64; odd += 7) {
        log.over = false;
        fiber_prepare(&fibers[0], stacks[0], STACK_BYTES - odd, look_at_alignment,
                      &fibers[0]);
        fiber_switch(&main_fiber, &fibers[0]);
        EXPECT(log.over);
    }
}

/* A jump out of a fiber gives it up, as the explorer does after a trap. */
static jmp_buf escape;

static void jump_out(void *argument)
{
    (void)argument;
    longjmp(escape, 1);
}

static void test_jump_out(void)
{
    static volatile unsigned jumps;
    if (setjmp(escape) == 0) {
        prepare(0, jump_out);
        fiber_switch(&main_fiber, &fibers[0]);
        EXPECT(false);
    }
    jumps++;
    EXPECT_EQ(jumps, 1);
    test_turns();
}

int main(void)
{
    test_turns();
    test_registers();
    test_deep_stacks();
    test_restarts();
    test_alignment();
    test_jump_out();
    return 0;
}
