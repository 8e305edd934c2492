/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/sim_kernel.h"

#include <errno.h>

#include "mmapper/testing/expect.h"

enum { PAGE = 4096, RW = MM_ACCESS_READ | MM_ACCESS_WRITE };
#define BASE ((uintptr_t)0x7e8000000000)

static const struct mm_strategy plain = {0};
static const struct mm_strategy unaccounted = {.accounting = MM_UNACCOUNTED};

/* A kernel and its first client's operations, called without ceremony. */
struct fixture {
    struct sim_kernel *kernel;
    struct mmap_support support;
};

static struct fixture set_up(struct sim_kernel_options options)
{
    struct fixture f;
    f.kernel = sim_kernel_create(&options);
    f.support = sim_kernel_support(f.kernel, 0);
    return f;
}

static struct mm_extent pages(size_t first, size_t count)
{
    return mm_extent_of(BASE + first * PAGE, count * PAGE);
}

static int reserve(struct fixture f, size_t first, size_t count)
{
    return f.support.operations->reserve(f.support.context, pages(first, count),
                                         &plain);
}

static int commit(struct fixture f, size_t first, size_t count)
{
    return f.support.operations->commit(f.support.context, pages(first, count), &plain);
}

static int decommit(struct fixture f, size_t first, size_t count)
{
    return f.support.operations->decommit(f.support.context, pages(first, count),
                                          &plain);
}

static int release(struct fixture f, size_t first, size_t count)
{
    return f.support.operations->release(f.support.context, pages(first, count));
}

static int foreign(struct fixture f, size_t first, size_t count, unsigned access)
{
    const struct mm_mapping mapping = {.extent = pages(first, count), .access = access};
    return sim_kernel_foreign_map(f.kernel, &mapping);
}

static uintptr_t page_address(size_t page)
{
    return BASE + page * PAGE;
}

static uint64_t read_page(struct fixture f, size_t page)
{
    uint64_t token = 0;
    EXPECT_EQ(sim_kernel_read(f.kernel, page_address(page), &token), 0);
    return token;
}

static void expect_clean(struct fixture f)
{
    EXPECT_STR(sim_kernel_violation_text(f.kernel), "");
    EXPECT_EQ(sim_kernel_violations(f.kernel), 0);
    sim_kernel_destroy(f.kernel);
}

static void test_reserving_never_replaces(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    EXPECT_EQ(foreign(f, 4, 1, MM_ACCESS_READ), 0);
    EXPECT_EQ(reserve(f, 0, 4), 0);
    EXPECT_EQ(reserve(f, 3, 1), EEXIST);
    EXPECT_EQ(reserve(f, 4, 1), EEXIST);
    EXPECT_EQ(reserve(f, 4, 4), EEXIST);
    EXPECT_EQ(reserve(f, 5, 3), 0);
    EXPECT_EQ(foreign(f, 7, 1, RW), EEXIST);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).client_bytes, 7 * PAGE);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).failures[MM_OS_RESERVE], 3);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(4)).client, -1);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(5)).client, 0);
    EXPECT(!sim_kernel_view(f.kernel, page_address(8)).mapped);
    expect_clean(f);
}

static void test_old_kernel_maps_elsewhere_and_undoes(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){.old_kernel = true});
    EXPECT_EQ(reserve(f, 0, 4), 0);
    const struct sim_statistics before = sim_kernel_statistics(f.kernel);
    EXPECT_EQ(reserve(f, 3, 2), EEXIST);
    const struct sim_statistics after = sim_kernel_statistics(f.kernel);
    EXPECT_EQ(after.client_bytes, before.client_bytes);
    EXPECT_EQ(after.mappings, before.mappings);
    expect_clean(f);
}

static void test_contents(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    EXPECT_EQ(reserve(f, 0, 4), 0);
    EXPECT_EQ(sim_kernel_write(f.kernel, page_address(1), 7), EFAULT);
    EXPECT_EQ(commit(f, 0, 4), 0);
    EXPECT_EQ(sim_kernel_write(f.kernel, page_address(1) + 5, 7), 0);
    EXPECT_EQ(sim_kernel_write(f.kernel, page_address(2), 8), 0);
    EXPECT_EQ(commit(f, 0, 4), 0);
    EXPECT_EQ(read_page(f, 1), 7);
    EXPECT_EQ(read_page(f, 0), 0);
    EXPECT_EQ(decommit(f, 1, 1), 0);
    EXPECT_EQ(sim_kernel_write(f.kernel, page_address(1), 7), EFAULT);
    EXPECT_EQ(commit(f, 1, 1), 0);
    EXPECT_EQ(read_page(f, 1), 0);
    EXPECT_EQ(read_page(f, 2), 8);
    EXPECT_EQ(release(f, 2, 1), 0);
    EXPECT_EQ(reserve(f, 2, 1), 0);
    EXPECT_EQ(commit(f, 2, 1), 0);
    EXPECT_EQ(read_page(f, 2), 0);
    expect_clean(f);
}

static void test_commit_over_a_hole_is_half_done(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    EXPECT_EQ(reserve(f, 0, 4), 0);
    EXPECT_EQ(release(f, 2, 1), 0);
    EXPECT_EQ(commit(f, 0, 4), ENOMEM);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(1)).mapping.access, RW);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(3)).mapping.access, 0);
    EXPECT_EQ(sim_kernel_write(f.kernel, page_address(1), 9), 0);
    EXPECT_EQ(decommit(f, 0, 4), ENOMEM); /* contents gone, access kept */
    EXPECT_EQ(read_page(f, 1), 0);
    EXPECT_EQ(release(f, 0, 4), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 0);
    expect_clean(f);
}

static void test_touching_foreign_memory_is_a_violation(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    EXPECT_EQ(reserve(f, 0, 2), 0);
    EXPECT_EQ(foreign(f, 2, 1, MM_ACCESS_READ), 0);
    EXPECT_EQ(commit(f, 0, 4), ENOMEM);
    EXPECT_EQ(sim_kernel_violations(f.kernel), 1);
    EXPECT_CONTAINS(sim_kernel_violation_text(f.kernel), "commit of 0x7e8000000000");
    EXPECT_CONTAINS(sim_kernel_violation_text(f.kernel), "of foreign code");
    /* As the kernel does, it made the foreign page writable. */
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(2)).mapping.access, RW);
    struct fixture other = f;
    other.support = sim_kernel_support(f.kernel, 3);
    EXPECT_EQ(decommit(other, 0, 1), 0);
    EXPECT_EQ(release(other, 1, 1), 0);
    EXPECT_EQ(
        other.support.operations->advise(other.support.context, pages(0, 1), &plain),
        0);
    EXPECT_EQ(sim_kernel_violations(f.kernel), 4);
    sim_kernel_reset(f.kernel, NULL);
    expect_clean(f);
}

static void test_foreign_changes(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    EXPECT_EQ(reserve(f, 0, 4), 0);
    EXPECT_EQ(commit(f, 0, 4), 0);
    sim_kernel_foreign_unmap(f.kernel, pages(1, 1));
    sim_kernel_foreign_protect(f.kernel, pages(2, 1), MM_ACCESS_READ);
    EXPECT(!sim_kernel_view(f.kernel, page_address(1)).mapped);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(2)).mapping.access,
              MM_ACCESS_READ);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(3)).mapping.access, RW);
    expect_clean(f);
}

static void test_limit_on_mappings(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){.max_map_count = 3});
    EXPECT_EQ(reserve(f, 0, 9), 0);
    EXPECT_EQ(commit(f, 3, 3), 0); /* - rw - */
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 3);
    EXPECT_EQ(release(f, 1, 1), ENOMEM); /* a split */
    EXPECT_EQ(commit(f, 1, 1), ENOMEM);
    EXPECT_EQ(f.support.operations->explain_no_memory(f.support.context, MM_OS_COMMIT,
                                                      NULL, PAGE),
              MM_CAUSE_MAP_COUNT);
    EXPECT_EQ(commit(f, 2, 1), 0);   /* moves a border */
    EXPECT_EQ(decommit(f, 5, 1), 0); /* likewise */
    EXPECT_EQ(decommit(f, 2, 3), 0); /* merges all */
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 1);
    EXPECT_EQ(release(f, 1, 1), 0);
    EXPECT_EQ(release(f, 3, 1), 0);
    EXPECT_EQ(reserve(f, 20, 1), 0); /* the kernel lets it go one over */
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 4);
    EXPECT_EQ(reserve(f, 21, 1), ENOMEM); /* even though it would merge */
    EXPECT_EQ(release(f, 0, 21), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 0);
    expect_clean(f);
}

static void test_half_done_at_the_limit(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){.max_map_count = 3});
    EXPECT_EQ(reserve(f, 0, 2), 0);
    EXPECT_EQ(
        f.support.operations->reserve(f.support.context, pages(2, 4), &unaccounted), 0);
    EXPECT_EQ(foreign(f, 8, 1, RW), 0);
    EXPECT_EQ(commit(f, 0, 4), ENOMEM); /* 0-1 is a whole mapping, 2-3 would split */
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(1)).mapping.access, RW);
    EXPECT_EQ(sim_kernel_view(f.kernel, page_address(2)).mapping.access, 0);
    sim_kernel_foreign_unmap(f.kernel, pages(8, 1));
    EXPECT_EQ(commit(f, 0, 4), 0);
    expect_clean(f);
}

static void test_commit_limit(void)
{
    const struct fixture f =
        set_up((struct sim_kernel_options){.commit_bytes = 4 * PAGE});
    EXPECT_EQ(reserve(f, 0, 8), 0);
    EXPECT_EQ(commit(f, 0, 5), ENOMEM);
    EXPECT_EQ(f.support.operations->explain_no_memory(f.support.context, MM_OS_COMMIT,
                                                      NULL, 5 * PAGE),
              MM_CAUSE_COMMIT_LIMIT);
    EXPECT_EQ(commit(f, 0, 4), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).charged_bytes, 4 * PAGE);
    EXPECT_EQ(decommit(f, 0, 2), 0); /* untouched: given back */
    EXPECT_EQ(sim_kernel_statistics(f.kernel).charged_bytes, 2 * PAGE);
    EXPECT_EQ(sim_kernel_write(f.kernel, page_address(2), 1), 0);
    EXPECT_EQ(decommit(f, 2, 2), 0); /* touched: kept */
    EXPECT_EQ(sim_kernel_statistics(f.kernel).charged_bytes, 2 * PAGE);
    EXPECT_EQ(commit(f, 2, 2), 0); /* and not charged again */
    EXPECT_EQ(sim_kernel_statistics(f.kernel).charged_bytes, 2 * PAGE);
    EXPECT_EQ(release(f, 0, 8), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).charged_bytes, 0);
    EXPECT_EQ(
        f.support.operations->reserve(f.support.context, pages(0, 64), &unaccounted),
        0);
    EXPECT_EQ(
        f.support.operations->commit(f.support.context, pages(0, 64), &unaccounted), 0);
    EXPECT(sim_kernel_view(f.kernel, BASE).unaccounted);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).charged_bytes, 0);
    expect_clean(f);
}

static void test_address_space_and_data_limits(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){
        .address_bytes = 16 * PAGE, .data_bytes = 2 * PAGE});
    void *table = NULL;
    EXPECT_EQ(f.support.operations->acquire_table(f.support.context, 2 * PAGE, &table),
              0);
    for (size_t i = 0; i < 2 * PAGE; i++) {
        EXPECT_EQ(((const char *)table)[i], 0);
    }
    EXPECT_EQ(reserve(f, 0, 15), ENOMEM);
    EXPECT_EQ(f.support.operations->explain_no_memory(f.support.context, MM_OS_COMMIT,
                                                      NULL, 15 * PAGE),
              MM_CAUSE_ADDRESS_SPACE);
    EXPECT_EQ(reserve(f, 0, 6), 0);
    EXPECT_EQ(commit(f, 0, 3), ENOMEM);
    EXPECT_EQ(f.support.operations->explain_no_memory(f.support.context, MM_OS_COMMIT,
                                                      NULL, 3 * PAGE),
              MM_CAUSE_DATA_SIZE);
    EXPECT_EQ(commit(f, 0, 2), 0);
    EXPECT_EQ(decommit(f, 0, 2), 0);
    EXPECT_EQ(commit(f, 4, 2), 0);
    void *more = NULL;
    EXPECT_EQ(f.support.operations->acquire_table(f.support.context, 9 * PAGE, &more),
              ENOMEM);
    EXPECT_EQ(f.support.operations->release_table(f.support.context, table, 2 * PAGE),
              0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).tables, 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).table_bytes, 0);
    expect_clean(f);
}

static void test_bounds_of_user_space(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    const struct mmap_operations *call = f.support.operations;
    const uintptr_t top = ((uintptr_t)1 << 47) - PAGE;
    EXPECT_EQ(call->reserve(f.support.context, mm_extent_of(top, PAGE), &plain),
              ENOMEM);
    EXPECT_EQ(call->reserve(f.support.context, mm_extent_of(top - PAGE, PAGE), &plain),
              0);
    EXPECT_EQ(call->reserve(f.support.context, mm_extent_of(PAGE, PAGE), &plain),
              EPERM);
    expect_clean(f);
}

static void test_names_and_advice_hinder_merging(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    const struct mmap_operations *call = f.support.operations;
    const struct mm_strategy huge = {.huge_pages = MM_HUGE_PAGES_TRANSPARENT};
    EXPECT_EQ(reserve(f, 0, 4), 0);
    EXPECT_EQ(reserve(f, 4, 4), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 1);
    EXPECT_EQ(call->annotate(f.support.context, pages(0, 4), "mmapper:space:a"), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 2);
    const struct sim_view named = sim_kernel_view(f.kernel, BASE);
    EXPECT_STR(named.mapping.name, "[anon:mmapper:space:a]");
    EXPECT_EQ(call->annotate(f.support.context, pages(4, 4), "mmapper:space:a"), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 1);
    EXPECT_EQ(call->annotate(f.support.context, pages(0, 1), "[x]"), EINVAL);
    EXPECT_EQ(call->annotate(f.support.context, pages(7, 2), "b"), ENOMEM);
    EXPECT_STR(sim_kernel_view(f.kernel, page_address(7)).mapping.name, "[anon:b]");
    EXPECT_EQ(call->advise(f.support.context, pages(0, 2), &huge), 0);
    EXPECT(sim_kernel_view(f.kernel, BASE).huge);
    EXPECT(!sim_kernel_view(f.kernel, page_address(2)).huge);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 3);
    expect_clean(f);
    const struct fixture none = set_up((struct sim_kernel_options){.no_names = true});
    EXPECT_EQ(reserve(none, 0, 4), 0);
    EXPECT_EQ(none.support.operations->annotate(none.support.context, pages(0, 4), "a"),
              EINVAL);
    expect_clean(none);
}

struct listing {
    size_t count;
    size_t stop_after;
    struct mm_mapping mappings[8];
};

static bool list(void *argument, const struct mm_mapping *mapping)
{
    struct listing *listing = argument;
    listing->mappings[listing->count++] = *mapping;
    return listing->count != listing->stop_after;
}

static void test_listing(void)
{
    const struct fixture f = set_up((struct sim_kernel_options){0});
    struct fixture other = f;
    other.support = sim_kernel_support(f.kernel, 1);
    EXPECT_EQ(reserve(f, 0, 2), 0);
    EXPECT_EQ(reserve(other, 2, 2), 0); /* the kernel lists the two as one */
    EXPECT_EQ(commit(other, 3, 1), 0);
    const struct mm_mapping mapping = {.extent = pages(6, 2),
                                       .access = MM_ACCESS_READ,
                                       .shared = true,
                                       .file = true,
                                       .name = "/lib/x"};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &mapping), 0);
    EXPECT_EQ(sim_kernel_statistics(f.kernel).mappings, 3);
    struct listing all = {0};
    EXPECT_EQ(
        f.support.operations->each_mapping(f.support.context, pages(1, 6), list, &all),
        0);
    EXPECT_EQ(all.count, 3);
    EXPECT_EQ(all.mappings[0].extent.start, BASE);
    EXPECT_EQ(all.mappings[0].extent.bytes, 3 * PAGE);
    EXPECT_EQ(all.mappings[1].extent.bytes, PAGE);
    EXPECT_EQ(all.mappings[1].access, RW);
    EXPECT(all.mappings[2].shared && all.mappings[2].file);
    EXPECT_STR(all.mappings[2].name, "/lib/x");
    struct listing first = {.stop_after = 1};
    EXPECT_EQ(f.support.operations->each_mapping(f.support.context, pages(0, 8), list,
                                                 &first),
              0);
    EXPECT_EQ(first.count, 1);
    struct listing none = {0};
    EXPECT_EQ(
        f.support.operations->each_mapping(f.support.context, pages(4, 2), list, &none),
        0);
    EXPECT_EQ(none.count, 0);
    expect_clean(f);
}

int main(void)
{
    test_reserving_never_replaces();
    test_old_kernel_maps_elsewhere_and_undoes();
    test_contents();
    test_commit_over_a_hole_is_half_done();
    test_touching_foreign_memory_is_a_violation();
    test_foreign_changes();
    test_limit_on_mappings();
    test_half_done_at_the_limit();
    test_commit_limit();
    test_address_space_and_data_limits();
    test_bounds_of_user_space();
    test_names_and_advice_hinder_merging();
    test_listing();
    return 0;
}
