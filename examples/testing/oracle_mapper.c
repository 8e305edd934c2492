/* SPDX-License-Identifier: MIT */
#include "examples/testing/oracle_mapper.h"

#include "mmapper/testing/expect.h"
#include "stress/kernel_view.h"

enum { ORACLE_TOKEN = 1 };

struct mmapper *oracle_mapper_begin(struct oracle_mapper *oracle, size_t chunk_bytes)
{
    const struct mmapper_options options = {.chunk_bytes = chunk_bytes};
    const struct mm_owner_options stranger = {.name = "stranger", .kind = MM_KIND_TEST};
    failing_support_init(&oracle->kernel, mmap_support_linux());
    oracle->held = address_map_create();
    oracle->checked =
        checked_decorator_create(&oracle->kernel.support, oracle->held, ORACLE_TOKEN);
    oracle->support = checked_decorator_support(oracle->checked);
    EXPECT_OK(mmapper_create(&options, &oracle->support, &oracle->mapper, NULL));
    EXPECT_OK(
        mmapper_register_owner(oracle->mapper, &stranger, &oracle->stranger, NULL));
    return oracle->mapper;
}

static void print_difference(void *argument, const struct mm_difference *difference)
{
    (void)argument;
    (void)fprintf(stderr, "%s: %#" PRIxPTR " + %#zx, held by \"%s\"\n",
                  mm_difference_kind_name(difference->kind), difference->extent.start,
                  difference->extent.bytes, difference->holder.name);
}

void oracle_mapper_check(struct oracle_mapper *oracle)
{
    const struct mm_verify_options options = {.report = print_difference};
    struct mm_verify_result result;
    EXPECT_STR(checked_decorator_violation_text(oracle->checked), "");
    EXPECT_OK(mmapper_verify(oracle->mapper, &options, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_EQ(result.unsettled, 0);
    struct mm_statistics statistics;
    mmapper_statistics(oracle->mapper, &statistics);
    const size_t chunk_bytes = mmapper_chunk_bytes(oracle->mapper);
    EXPECT_EQ(checked_decorator_reserved_bytes(oracle->checked),
              (statistics.chunks[MM_QUARANTINED] + statistics.chunks[MM_MAPPED]) *
                  chunk_bytes);
}

void oracle_mapper_expect_refused(struct oracle_mapper *oracle, uintptr_t address,
                                  const char *name)
{
    typedef enum mm_status attempt(struct mmapper *, struct mm_owner *,
                                   struct mm_extent, struct mm_error *);
    attempt *const attempts[] = {mmapper_quarantine, mmapper_ensure_mapped,
                                 mmapper_decommit, mmapper_release};
    const size_t chunk_bytes = mmapper_chunk_bytes(oracle->mapper);
    const struct mm_extent chunk =
        mm_extent_of(mm_align_down(address, chunk_bytes), chunk_bytes);
    const struct mm_lookup before = mmapper_lookup(oracle->mapper, address);
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        struct mm_error error;
        EXPECT_STATUS(attempts[i](oracle->mapper, oracle->stranger, chunk, &error),
                      MM_CONFLICT);
        EXPECT_STR(error.holder.name, name);
        EXPECT_EQ(error.address, chunk.start);
    }
    const struct mm_lookup after = mmapper_lookup(oracle->mapper, address);
    EXPECT_EQ(after.state, before.state);
    EXPECT_EQ((uintptr_t)after.owner, (uintptr_t)before.owner);
}

void oracle_mapper_end(struct oracle_mapper *oracle)
{
    oracle_mapper_check(oracle);
    EXPECT_OK(mmapper_unregister_owner(oracle->mapper, oracle->stranger, NULL));
    struct mm_statistics statistics;
    mmapper_statistics(oracle->mapper, &statistics);
    EXPECT_EQ(statistics.runs, 0);
    EXPECT_EQ(statistics.owners, 0);
    EXPECT_EQ(checked_decorator_reserved_bytes(oracle->checked), 0);
    EXPECT_OK(mmapper_destroy(oracle->mapper, NULL));
    EXPECT_STR(checked_decorator_violation_text(oracle->checked), "");
    EXPECT_EQ(address_map_bytes(oracle->held), 0);
    checked_decorator_destroy(oracle->checked);
    address_map_destroy(oracle->held);
}

size_t oracle_resident_bytes(struct mm_extent extent)
{
    uint64_t bytes = 0;
    EXPECT(kernel_view_touched(extent, &bytes));
    return bytes;
}
