/* SPDX-License-Identifier: MIT */
/*
 * The SIM backend of mmapper/atomic.h: every operation is a step of the deterministic
 * scheduler (sim_run.h), with the memory model of sim_memory.c. Outside of a run the
 * operations are plain accesses, for setting up and looking at the end.
 *
 * Declarations only, so that this header can be included by the product's sources
 * without making the product depend on a test double; the program that is linked brings
 * the engine.
 */
#ifndef MMAPPER_TESTING_ATOMIC_SIM_H
#define MMAPPER_TESTING_ATOMIC_SIM_H

enum sim_order {
    SIM_RELAXED = 0,
    SIM_ACQUIRE = 1,
    SIM_RELEASE = 2,
    SIM_ACQ_REL = SIM_ACQUIRE | SIM_RELEASE,
    SIM_SEQ_CST = SIM_ACQ_REL | 4,
};

uint64_t sim_atomic_load(const void *address, unsigned bytes, enum sim_order order);
void sim_atomic_store(void *address, unsigned bytes, enum sim_order order,
                      uint64_t value);
bool sim_atomic_cas(void *address, unsigned bytes, enum sim_order success,
                    uint64_t expected, uint64_t desired);
uint64_t sim_atomic_fetch_add(void *address, unsigned bytes, enum sim_order order,
                              uint64_t delta);
void sim_atomic_wait(void);
unsigned sim_atomic_thread(void);
/* Of a plain access: a step, and checked for a race. `write` says which it is. */
void sim_plain_access(const void *address, unsigned bytes, bool write);

#define MM_DEFINE_SIM_LOAD(W, order, ORDER)                                            \
    static inline uint##W##_t mm_load_##order##_u##W(const mm_atomic_u##W *a)          \
    {                                                                                  \
        return (uint##W##_t)sim_atomic_load(&a->value, (W) / 8, ORDER);                \
    }
#define MM_DEFINE_SIM_STORE(W, order, ORDER)                                           \
    static inline void mm_store_##order##_u##W(mm_atomic_u##W *a, uint##W##_t v)       \
    {                                                                                  \
        sim_atomic_store(&a->value, (W) / 8, ORDER, v);                                \
    }
#define MM_DEFINE_SIM_CAS(W, order, ORDER)                                             \
    static inline bool mm_cas_##order##_u##W(mm_atomic_u##W *a, uint##W##_t expected,  \
                                             uint##W##_t desired)                      \
    {                                                                                  \
        return sim_atomic_cas(&a->value, (W) / 8, ORDER, expected, desired);           \
    }
#define MM_DEFINE_SIM_FETCH_ADD(W, order, ORDER)                                       \
    static inline uint##W##_t mm_fetch_add_##order##_u##W(mm_atomic_u##W *a,           \
                                                          uint##W##_t delta)           \
    {                                                                                  \
        return (uint##W##_t)sim_atomic_fetch_add(&a->value, (W) / 8, ORDER, delta);    \
    }

#define MM_DEFINE_ATOMIC(W)                                                            \
    MM_DEFINE_SIM_LOAD(W, relaxed, SIM_RELAXED)                                        \
    MM_DEFINE_SIM_LOAD(W, acquire, SIM_ACQUIRE)                                        \
    MM_DEFINE_SIM_LOAD(W, seq_cst, SIM_SEQ_CST)                                        \
    MM_DEFINE_SIM_STORE(W, relaxed, SIM_RELAXED)                                       \
    MM_DEFINE_SIM_STORE(W, release, SIM_RELEASE)                                       \
    MM_DEFINE_SIM_CAS(W, relaxed, SIM_RELAXED)                                         \
    MM_DEFINE_SIM_CAS(W, acquire, SIM_ACQUIRE)                                         \
    MM_DEFINE_SIM_CAS(W, release, SIM_RELEASE)                                         \
    MM_DEFINE_SIM_CAS(W, acq_rel, SIM_ACQ_REL)                                         \
    MM_DEFINE_SIM_CAS(W, seq_cst, SIM_SEQ_CST)                                         \
    MM_DEFINE_SIM_FETCH_ADD(W, relaxed, SIM_RELAXED)                                   \
    MM_DEFINE_SIM_FETCH_ADD(W, acquire, SIM_ACQUIRE)                                   \
    MM_DEFINE_SIM_FETCH_ADD(W, release, SIM_RELEASE)                                   \
    MM_DEFINE_SIM_FETCH_ADD(W, acq_rel, SIM_ACQ_REL)                                   \
    MM_DEFINE_SIM_FETCH_ADD(W, seq_cst, SIM_SEQ_CST)

MM_DEFINE_ATOMIC(16)
MM_DEFINE_ATOMIC(32)
MM_DEFINE_ATOMIC(64)
#undef MM_DEFINE_ATOMIC

static inline void mm_wait(struct mm_backoff *backoff)
{
    backoff->rounds++;
    sim_atomic_wait();
}

/* Few stripes, so that threads meet on one and that a look at all of them is short. */
enum { MM_STRIPE_BITS = 1 };

static inline unsigned mm_thread_stripe(void)
{
    return sim_atomic_thread() & ((1U << MM_STRIPE_BITS) - 1);
}

/* No step: nothing depends on an event counter. */
static inline void mm_count_u64(mm_atomic_u64 *counter)
{
    counter->value++;
}

#define mm_plain_load(place)                                                           \
    (sim_plain_access((place), sizeof(*(place)), false), *(place))
#define mm_plain_store(place, value)                                                   \
    (sim_plain_access((place), sizeof(*(place)), true), (void)(*(place) = (value)))

#define mm_plain_writes(field) sim_plain_access((field), sizeof(*(field)), true)

#endif /* MMAPPER_TESTING_ATOMIC_SIM_H */
