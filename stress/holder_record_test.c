/* SPDX-License-Identifier: MIT */
#include "stress/holder_record.h"

#include "mmapper/testing/expect.h"

enum { CHUNKS = 8, OWNERS = 3 };

static void test_a_stranger_is_not_plausible(void)
{
    struct holder_record *record = holder_record_create(CHUNKS, OWNERS);
    const uint64_t since = holder_record_now(record);
    holder_record_begin(record, 2, 5, 1);
    EXPECT(holder_record_plausible(record, 2, 1, since));
    EXPECT(holder_record_plausible(record, 4, 1, since));
    EXPECT(!holder_record_plausible(record, 1, 1, since));
    EXPECT(!holder_record_plausible(record, 5, 1, since));
    EXPECT(!holder_record_plausible(record, 2, 0, since));
    EXPECT(!holder_record_plausible(record, 2, 2, since));
    holder_record_destroy(record);
}

static void test_a_former_holder_is_plausible_only_during_the_call(void)
{
    struct holder_record *record = holder_record_create(CHUNKS, OWNERS);
    holder_record_begin(record, 0, 1, 1);
    const uint64_t before = holder_record_now(record);
    holder_record_end(record, 0, 1, 1);
    const uint64_t after = holder_record_now(record);
    EXPECT(holder_record_plausible(record, 0, 1, before));
    EXPECT(!holder_record_plausible(record, 0, 1, after));
    holder_record_destroy(record);
}

static void test_interests_nest(void)
{
    struct holder_record *record = holder_record_create(CHUNKS, OWNERS);
    holder_record_begin(record, 0, 2, 2);
    holder_record_begin(record, 1, 2, 2);
    holder_record_end(record, 0, 2, 2);
    const uint64_t since = holder_record_now(record);
    EXPECT(!holder_record_plausible(record, 0, 2, since));
    EXPECT(holder_record_plausible(record, 1, 2, since));
    holder_record_destroy(record);
}

static void test_anywhere_is_every_chunk(void)
{
    struct holder_record *record = holder_record_create(CHUNKS, OWNERS);
    const uint64_t before = holder_record_now(record);
    holder_record_begin_anywhere(record, 1);
    EXPECT(holder_record_plausible(record, 0, 1, before));
    EXPECT(holder_record_plausible(record, CHUNKS - 1, 1, before));
    EXPECT(!holder_record_plausible(record, 0, 2, before));
    holder_record_end_anywhere(record, 1);
    EXPECT(holder_record_plausible(record, 3, 1, before));
    EXPECT(!holder_record_plausible(record, 3, 1, holder_record_now(record)));
    holder_record_destroy(record);
}

int main(void)
{
    test_a_stranger_is_not_plausible();
    test_a_former_holder_is_plausible_only_during_the_call();
    test_interests_nest();
    test_anywhere_is_every_chunk();
    return 0;
}
