/* SPDX-License-Identifier: MIT */
/* A swap that says that it swapped has: with operands in registers that hold more than the
 * operand, as they do where one was computed. */
#include "mmapper/atomic.h"

#include "mmapper/testing/expect.h"

enum { OLD = 0x1234, NEW = 0x4321 };

/* What is above the 16 bits comes from outside, so that nobody can know that it is none. */
static volatile uint32_t above[] = {0, 1U << 16, 0xffffU << 16, 1U << 31};

#define DEFINE_SWAPS(order)                                                            \
    static void test_##order##_16(uint32_t e, uint32_t d)                              \
    {                                                                                  \
        mm_atomic_u16 place = {OLD};                                                   \
        EXPECT(                                                                        \
            mm_cas_##order##_u16(&place, (uint16_t)(e + OLD), (uint16_t)(d + NEW)));   \
        EXPECT_EQ(mm_load_relaxed_u16(&place), NEW);                                   \
        EXPECT(!mm_cas_##order##_u16(&place, (uint16_t)(e + OLD), (uint16_t)d));       \
        EXPECT_EQ(mm_load_relaxed_u16(&place), NEW);                                   \
    }                                                                                  \
    static void test_##order##_32(uint64_t e, uint64_t d)                              \
    {                                                                                  \
        mm_atomic_u32 place = {OLD};                                                   \
        EXPECT(                                                                        \
            mm_cas_##order##_u32(&place, (uint32_t)(e + OLD), (uint32_t)(d + NEW)));   \
        EXPECT_EQ(mm_load_relaxed_u32(&place), NEW);                                   \
        EXPECT(!mm_cas_##order##_u32(&place, (uint32_t)(e + OLD), (uint32_t)d));       \
        EXPECT_EQ(mm_load_relaxed_u32(&place), NEW);                                   \
    }
DEFINE_SWAPS(relaxed)
DEFINE_SWAPS(acquire)
DEFINE_SWAPS(release)
DEFINE_SWAPS(acq_rel)
DEFINE_SWAPS(seq_cst)
#undef DEFINE_SWAPS

static void test_additions(uint32_t e, uint32_t d)
{
    mm_atomic_u16 place = {OLD};
    EXPECT_EQ(mm_fetch_add_relaxed_u16(&place, (uint16_t)(e + 1)), OLD);
    EXPECT_EQ(mm_fetch_add_release_u16(&place, (uint16_t)(d + 1)), OLD + 1);
    EXPECT_EQ(mm_fetch_add_seq_cst_u16(&place, (uint16_t)(e - 2)), OLD + 2);
    EXPECT_EQ(mm_load_seq_cst_u16(&place), OLD);
    mm_store_release_u16(&place, (uint16_t)(d + NEW));
    EXPECT_EQ(mm_load_acquire_u16(&place), NEW);
}

int main(void)
{
    enum { CASES = sizeof above / sizeof *above };
    for (unsigned i = 0; i < CASES; i++) {
        for (unsigned j = 0; j < CASES; j++) {
            const uint32_t e = above[i];
            const uint32_t d = above[j];
            test_relaxed_16(e, d);
            test_acquire_16(e, d);
            test_release_16(e, d);
            test_acq_rel_16(e, d);
            test_seq_cst_16(e, d);
            test_relaxed_32((uint64_t)e << 32, (uint64_t)d << 32);
            test_acquire_32((uint64_t)e << 32, (uint64_t)d << 32);
            test_release_32((uint64_t)e << 32, (uint64_t)d << 32);
            test_acq_rel_32((uint64_t)e << 32, (uint64_t)d << 32);
            test_seq_cst_32((uint64_t)e << 32, (uint64_t)d << 32);
            test_additions(e, d);
        }
    }
    return 0;
}
