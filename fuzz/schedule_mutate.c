/* SPDX-License-Identifier: MIT */
/*
 * How libFuzzer changes a schedule: bytes at random mostly change nothing, or all that
 * comes later. So: one preemption more, fewer or elsewhere, one operation another.
 */
#include <string.h>

#include "fuzz/fuzz_target.h"
#include "fuzz/schedule_unit.h"

enum { REACH = 256 }; /* choices that a new preemption may be put behind the last */

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
                                 const uint8_t *two, size_t two_size, uint8_t *out,
                                 size_t max_size, unsigned seed);

static unsigned below(unsigned *seed, size_t limit)
{
    *seed = *seed * 1664525U + 1013904223U;
    return (unsigned)((uint64_t)*seed * limit >> 32);
}

static uint8_t preemption(unsigned *seed)
{
    return (uint8_t)(UNIT_PREEMPTS + below(seed, 256 - UNIT_PREEMPTS));
}

/* The place of any preemption; 0 when there is none. */
static size_t find_preemption(const uint8_t *data, size_t size, unsigned *seed)
{
    const size_t choices = size - UNIT_CHOICES;
    const size_t begin = choices > 0 ? below(seed, choices) : 0;
    for (size_t i = 0; i < choices; i++) {
        const size_t at = UNIT_CHOICES + (begin + i) % choices;
        if (data[at] >= UNIT_PREEMPTS) {
            return at;
        }
    }
    return 0;
}

static size_t put_preemption(uint8_t *data, size_t size, size_t max_size,
                             unsigned *seed)
{
    const size_t end = size + REACH < max_size ? size + REACH : max_size;
    if (end <= UNIT_CHOICES) {
        return size;
    }
    const size_t at = UNIT_CHOICES + below(seed, end - UNIT_CHOICES);
    if (at >= size) {
        memset(data + size, 0, at - size);
        size = at + 1;
    }
    data[at] = preemption(seed);
    return size;
}

/* A step or a few earlier or later. */
static size_t move_preemption(uint8_t *data, size_t size, size_t max_size,
                              unsigned *seed)
{
    const size_t from = find_preemption(data, size, seed);
    const size_t to = from + below(seed, 9) - 4;
    if (from == 0 || to < UNIT_CHOICES || to >= max_size) {
        return put_preemption(data, size, max_size, seed);
    }
    const uint8_t byte = data[from];
    data[from] = 0;
    if (to >= size) {
        memset(data + size, 0, to - size);
        size = to + 1;
    }
    data[to] = byte;
    return size;
}

static void change_op(uint8_t *data, unsigned *seed)
{
    const size_t ops = UNIT_THREADS * UNIT_THREAD_OPS;
    uint8_t *op = data + UNIT_OPS + UNIT_OP_BYTES * below(seed, ops);
    if (below(seed, 4) == 0) {
        memcpy(op, data + UNIT_OPS + UNIT_OP_BYTES * below(seed, ops), UNIT_OP_BYTES);
    } else {
        op[below(seed, UNIT_OP_BYTES)] = (uint8_t)below(seed, 256);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
                               unsigned seed)
{
    if (max_size <= UNIT_CHOICES) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    if (size < UNIT_CHOICES) {
        memset(data + size, 0, UNIT_CHOICES - size);
        size = UNIT_CHOICES;
    }
    switch (below(&seed, 10)) {
    case 0:
    case 1:
    case 2:
        return put_preemption(data, size, max_size, &seed);
    case 3:
    case 4:
        return move_preemption(data, size, max_size, &seed);
    case 5: {
        const size_t at = find_preemption(data, size, &seed);
        if (at != 0) {
            data[at] = 0;
        }
        return size;
    }
    case 6:
    case 7:
        change_op(data, &seed);
        return size;
    case 8:
        /* Memory, faults, threads and the like. */
        data[UNIT_FLAGS] ^= (uint8_t)(1U << below(&seed, 8));
        return size;
    default:
        return LLVMFuzzerMutate(data, size, max_size);
    }
}

/* The operations of one thread, or the choices, from another unit. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
                                 const uint8_t *two, size_t two_size, uint8_t *out,
                                 size_t max_size, unsigned seed)
{
    enum { THREAD_BYTES = UNIT_OP_BYTES * UNIT_THREAD_OPS };
    const size_t thread = below(&seed, UNIT_THREADS + 1);
    size_t size = one_size < max_size ? one_size : max_size;
    memcpy(out, one, size);
    if (size < UNIT_CHOICES || two_size < UNIT_CHOICES) {
        return size;
    }
    if (thread < UNIT_THREADS) {
        const size_t at = UNIT_OPS + thread * THREAD_BYTES;
        memcpy(out + at, two + at, THREAD_BYTES);
        return size;
    }
    size = two_size < max_size ? two_size : max_size;
    memcpy(out + UNIT_CHOICES, two + UNIT_CHOICES, size - UNIT_CHOICES);
    return size;
}
