/* SPDX-License-Identifier: MIT */
/*
 * The atomic operations of this project, each with its memory order in its name.
 *
 * This is the only file that names Concurrency Kit's ck_pr, the compiler's atomic
 * builtins or C11 atomics. There are no bare fences: an order stands on the access
 * that needs it, which is what ThreadSanitizer and the edge table in
 * docs/MEMORY_ORDERING.md can follow. Every use cites its edge.
 *
 * Backends, chosen by one define, from the same sources:
 *   (none)                Concurrency Kit: the product
 *   MMAPPER_ATOMIC_C11    __atomic builtins: for ThreadSanitizer, which cannot see
 *                         through Concurrency Kit's inline assembly
 *   MMAPPER_ATOMIC_SIM    the deterministic scheduler's, with a weak memory model
 *                         (mmapper/testing/atomic_sim.h): for //stress/explore
 *
 * There is no seq_cst store: the store-buffering shapes here are all between an RMW
 * and a later load. mm_load_seq_cst is ordered after the RMWs of its thread, which on
 * x86 costs nothing.
 */
#ifndef MMAPPER_ATOMIC_H
#define MMAPPER_ATOMIC_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint16_t value;
} mm_atomic_u16;
typedef struct {
    uint32_t value;
} mm_atomic_u32;
typedef struct {
    uint64_t value;
} mm_atomic_u64;

/* State of one waiting loop; zero before the first round. */
struct mm_backoff {
    unsigned rounds;
};

#if defined(MMAPPER_ATOMIC_SIM)

#include "mmapper/testing/atomic_sim.h"

#elif defined(MMAPPER_ATOMIC_C11)

#define MM_DEFINE_ATOMIC(W)                                                            \
    static inline uint##W##_t mm_load_relaxed_u##W(const mm_atomic_u##W *a)            \
    {                                                                                  \
        return __atomic_load_n(&a->value, __ATOMIC_RELAXED);                           \
    }                                                                                  \
    static inline uint##W##_t mm_load_acquire_u##W(const mm_atomic_u##W *a)            \
    {                                                                                  \
        return __atomic_load_n(&a->value, __ATOMIC_ACQUIRE);                           \
    }                                                                                  \
    static inline uint##W##_t mm_load_seq_cst_u##W(const mm_atomic_u##W *a)            \
    {                                                                                  \
        return __atomic_load_n(&a->value, __ATOMIC_SEQ_CST);                           \
    }                                                                                  \
    static inline void mm_store_relaxed_u##W(mm_atomic_u##W *a, uint##W##_t v)         \
    {                                                                                  \
        __atomic_store_n(&a->value, v, __ATOMIC_RELAXED);                              \
    }                                                                                  \
    static inline void mm_store_release_u##W(mm_atomic_u##W *a, uint##W##_t v)         \
    {                                                                                  \
        __atomic_store_n(&a->value, v, __ATOMIC_RELEASE);                              \
    }                                                                                  \
    static inline bool mm_cas_relaxed_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        return __atomic_compare_exchange_n(&a->value, &expected, desired, false,       \
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED);        \
    }                                                                                  \
    static inline bool mm_cas_acquire_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        return __atomic_compare_exchange_n(&a->value, &expected, desired, false,       \
                                           __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);        \
    }                                                                                  \
    static inline bool mm_cas_release_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        return __atomic_compare_exchange_n(&a->value, &expected, desired, false,       \
                                           __ATOMIC_RELEASE, __ATOMIC_RELAXED);        \
    }                                                                                  \
    static inline bool mm_cas_acq_rel_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        return __atomic_compare_exchange_n(&a->value, &expected, desired, false,       \
                                           __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);        \
    }                                                                                  \
    static inline bool mm_cas_seq_cst_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        return __atomic_compare_exchange_n(&a->value, &expected, desired, false,       \
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
    }                                                                                  \
    static inline uint##W##_t mm_fetch_add_relaxed_u##W(mm_atomic_u##W *a,             \
                                                        uint##W##_t delta)             \
    {                                                                                  \
        return __atomic_fetch_add(&a->value, delta, __ATOMIC_RELAXED);                 \
    }                                                                                  \
    static inline uint##W##_t mm_fetch_add_release_u##W(mm_atomic_u##W *a,             \
                                                        uint##W##_t delta)             \
    {                                                                                  \
        return __atomic_fetch_add(&a->value, delta, __ATOMIC_RELEASE);                 \
    }                                                                                  \
    static inline uint##W##_t mm_fetch_add_seq_cst_u##W(mm_atomic_u##W *a,             \
                                                        uint##W##_t delta)             \
    {                                                                                  \
        return __atomic_fetch_add(&a->value, delta, __ATOMIC_SEQ_CST);                 \
    }

/* One round of waiting for another thread's store. */
static inline void mm_wait(struct mm_backoff *backoff)
{
    backoff->rounds++;
    (void)sched_yield();
}

#else /* Concurrency Kit */

#include <ck_backoff.h>
#include <ck_pr.h>

/* Concurrency Kit believes its ck_md.h, which a cross compiler finds for the machine that
 * it runs on. Configured for x86, its fences would be none on Arm. */
#if defined(__aarch64__) && !defined(CK_MD_RMO)
#error "ck_md.h is another machine's: put third_party/ck/aarch64 before it"
#endif

/* Its swap of 16 bits on 64-bit Arm compares a whole register, of which a 16-bit operand
 * defines only half; clang leaves anything in the other. It could find equal values
 * different, store nothing, and then say that it did: so this one is the compiler's. */
#if defined(__aarch64__)
static inline bool mm_swap_16(uint16_t *target, uint16_t expected, uint16_t desired)
{
    return __atomic_compare_exchange_n(target, &expected, desired, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
#else
#define mm_swap_16 ck_pr_cas_16
#endif
#define mm_swap_32 ck_pr_cas_32
#define mm_swap_64 ck_pr_cas_64

/* Concurrency Kit's accesses are relaxed and its fences name what they order; on x86
 * all the fences used here only stop the compiler. What they are on 64-bit Arm is in
 * mmapper/atomic_aarch64.txt. */
#define MM_DEFINE_ATOMIC(W)                                                            \
    static inline uint##W##_t mm_load_relaxed_u##W(const mm_atomic_u##W *a)            \
    {                                                                                  \
        return ck_pr_load_##W(&a->value);                                              \
    }                                                                                  \
    static inline uint##W##_t mm_load_acquire_u##W(const mm_atomic_u##W *a)            \
    {                                                                                  \
        const uint##W##_t v = ck_pr_load_##W(&a->value);                               \
        ck_pr_fence_acquire();                                                         \
        return v;                                                                      \
    }                                                                                  \
    static inline uint##W##_t mm_load_seq_cst_u##W(const mm_atomic_u##W *a)            \
    {                                                                                  \
        ck_pr_fence_atomic_load();                                                     \
        return mm_load_acquire_u##W(a);                                                \
    }                                                                                  \
    static inline void mm_store_relaxed_u##W(mm_atomic_u##W *a, uint##W##_t v)         \
    {                                                                                  \
        ck_pr_store_##W(&a->value, v);                                                 \
    }                                                                                  \
    static inline void mm_store_release_u##W(mm_atomic_u##W *a, uint##W##_t v)         \
    {                                                                                  \
        ck_pr_fence_release();                                                         \
        ck_pr_store_##W(&a->value, v);                                                 \
    }                                                                                  \
    static inline bool mm_cas_relaxed_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        return mm_swap_##W(&a->value, expected, desired);                              \
    }                                                                                  \
    static inline bool mm_cas_acquire_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        const bool swapped = mm_swap_##W(&a->value, expected, desired);                \
        ck_pr_fence_acquire();                                                         \
        return swapped;                                                                \
    }                                                                                  \
    static inline bool mm_cas_release_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        ck_pr_fence_release();                                                         \
        return mm_swap_##W(&a->value, expected, desired);                              \
    }                                                                                  \
    static inline bool mm_cas_acq_rel_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        ck_pr_fence_release();                                                         \
        const bool swapped = mm_swap_##W(&a->value, expected, desired);                \
        ck_pr_fence_acquire();                                                         \
        return swapped;                                                                \
    }                                                                                  \
    static inline bool mm_cas_seq_cst_u##W(mm_atomic_u##W *a, uint##W##_t expected,    \
                                           uint##W##_t desired)                        \
    {                                                                                  \
        ck_pr_fence_atomic();                                                          \
        return mm_cas_acq_rel_u##W(a, expected, desired);                              \
    }                                                                                  \
    static inline uint##W##_t mm_fetch_add_relaxed_u##W(mm_atomic_u##W *a,             \
                                                        uint##W##_t delta)             \
    {                                                                                  \
        return ck_pr_faa_##W(&a->value, delta);                                        \
    }                                                                                  \
    static inline uint##W##_t mm_fetch_add_release_u##W(mm_atomic_u##W *a,             \
                                                        uint##W##_t delta)             \
    {                                                                                  \
        ck_pr_fence_release();                                                         \
        return ck_pr_faa_##W(&a->value, delta);                                        \
    }                                                                                  \
    static inline uint##W##_t mm_fetch_add_seq_cst_u##W(mm_atomic_u##W *a,             \
                                                        uint##W##_t delta)             \
    {                                                                                  \
        ck_pr_fence_atomic();                                                          \
        const uint##W##_t old = mm_fetch_add_release_u##W(a, delta);                   \
        ck_pr_fence_acquire();                                                         \
        return old;                                                                    \
    }

/* One round of waiting for another thread's store: spin a little, then let others run
 * (the thread waited for may not have a core). */
static inline void mm_wait(struct mm_backoff *backoff)
{
    enum { MM_SPIN_ROUNDS = 6 };
    if (backoff->rounds < MM_SPIN_ROUNDS) {
        unsigned spins = 8U << backoff->rounds;
        ck_backoff_eb(&spins);
    } else {
        (void)sched_yield();
    }
    backoff->rounds++;
}

#endif

#if !defined(MMAPPER_ATOMIC_SIM)

MM_DEFINE_ATOMIC(16)
MM_DEFINE_ATOMIC(32)
MM_DEFINE_ATOMIC(64)
#undef MM_DEFINE_ATOMIC

/* What is written by many threads is spread over 2^MM_STRIPE_BITS cache lines. */
enum { MM_STRIPE_BITS = 3 };

/* A number below 2^MM_STRIPE_BITS that is mostly different for threads that run at the
 * same time and constant within a thread. Every thread has its own errno, so its
 * address tells threads apart without a thread-local variable of ours. */
static inline unsigned mm_thread_stripe(void)
{
    const uint64_t place = (uint64_t)(uintptr_t)&errno;
    return (unsigned)(((place >> 6) * UINT64_C(0x9E3779B97F4A7C15)) >>
                      (64 - MM_STRIPE_BITS));
}

/* Adds 1 to an event counter. Relaxed; nothing may depend on it but a statistic. */
static inline void mm_count_u64(mm_atomic_u64 *counter)
{
    (void)mm_fetch_add_relaxed_u64(counter, 1);
}

/* Accesses to plain memory that several threads share and that a lock or an edge
 * protects: nothing more than the access here, checked for races in the simulation.
 * `place` is a pointer, evaluated once or twice. */
#define mm_plain_load(place) (*(place))
#define mm_plain_store(place, value) ((void)(*(place) = (value)))

/* The same for a structure as a whole, such as a list: one of its fields stands for it.
 * Who is about to change the structure says so; who reads it loads the field. */
#define mm_plain_writes(field) ((void)(field))

#endif

/*
 * Groups of four 16-bit values, aligned to their size. Each of the four is loaded or
 * swapped atomically for itself; the four together are no snapshot, and a swap may end
 * after any of them. With Concurrency Kit that is one 64-bit access, which the machines
 * in question make as a whole and so each of the four; the other backends, which must
 * not mix sizes, make four accesses.
 */
enum { MM_GROUP = 4 };
#define MM_GROUP_OF(value) ((value) * UINT64_C(0x0001000100010001))

#if !defined(MMAPPER_ATOMIC_SIM) && !defined(MMAPPER_ATOMIC_C11) &&                    \
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

static inline uint64_t mm_load_acquire_u16_group(const mm_atomic_u16 *a)
{
    const uint64_t group = ck_pr_load_64((const uint64_t *)a);
    ck_pr_fence_acquire();
    return group;
}

static inline uint64_t mm_load_seq_cst_u16_group(const mm_atomic_u16 *a)
{
    ck_pr_fence_atomic_load();
    return mm_load_acquire_u16_group(a);
}

static inline unsigned mm_cas_release_u16_group(mm_atomic_u16 *a, uint16_t expected,
                                                uint16_t desired)
{
    ck_pr_fence_release();
    return ck_pr_cas_64((uint64_t *)a, MM_GROUP_OF(expected), MM_GROUP_OF(desired))
               ? MM_GROUP
               : 0;
}

static inline unsigned mm_cas_seq_cst_u16_group(mm_atomic_u16 *a, uint16_t expected,
                                                uint16_t desired)
{
    ck_pr_fence_atomic();
    const unsigned swapped = mm_cas_release_u16_group(a, expected, desired);
    ck_pr_fence_acquire();
    return swapped;
}

#else

#define MM_DEFINE_GROUP_LOAD(order)                                                    \
    static inline uint64_t mm_load_##order##_u16_group(const mm_atomic_u16 *a)         \
    {                                                                                  \
        return mm_load_##order##_u16(a) |                                              \
               (uint64_t)mm_load_##order##_u16(a + 1) << 16 |                          \
               (uint64_t)mm_load_##order##_u16(a + 2) << 32 |                          \
               (uint64_t)mm_load_##order##_u16(a + 3) << 48;                           \
    }
#define MM_DEFINE_GROUP_CAS(order)                                                     \
    static inline unsigned mm_cas_##order##_u16_group(                                 \
        mm_atomic_u16 *a, uint16_t expected, uint16_t desired)                         \
    {                                                                                  \
        unsigned swapped = 0;                                                          \
        while (swapped < MM_GROUP &&                                                   \
               mm_cas_##order##_u16(a + swapped, expected, desired)) {                 \
            swapped++;                                                                 \
        }                                                                              \
        return swapped;                                                                \
    }
MM_DEFINE_GROUP_LOAD(acquire)
MM_DEFINE_GROUP_LOAD(seq_cst)
MM_DEFINE_GROUP_CAS(release)
MM_DEFINE_GROUP_CAS(seq_cst)
#undef MM_DEFINE_GROUP_LOAD
#undef MM_DEFINE_GROUP_CAS

#endif

#endif /* MMAPPER_ATOMIC_H */
