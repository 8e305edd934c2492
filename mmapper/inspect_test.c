/* SPDX-License-Identifier: MIT */
/* Runs, dump, statistics, error text and verify. */
#include "mmapper/testing/fixture.h"

static void expect_run(const struct fixture *f, const struct mm_run *run, size_t first,
                       size_t count, enum mm_state state, const struct mm_owner *owner)
{
    (void)f;
    const struct mm_extent extent = fixture_extent(first, count);
    EXPECT_EQ(run->extent.start, extent.start);
    EXPECT_EQ(run->extent.bytes, extent.bytes);
    EXPECT_EQ(run->state, state);
    EXPECT(run->owner == owner);
}

static void lay_out(struct fixture *f)
{
    EXPECT_OK(mmapper_quarantine(f->mapper, f->heap, fixture_extent(2, 8), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f->mapper, f->heap, fixture_extent(3, 3), NULL));
    EXPECT_OK(mmapper_quarantine(f->mapper, f->other, fixture_extent(10, 2), NULL));
    EXPECT_PICTURE(f, "..qmmmqqqqQQ..");
}

static void test_runs(void)
{
    struct fixture f;
    struct mm_run run;
    fixture_begin(&f, NULL);
    EXPECT(mmapper_next_run(f.mapper, 0, &run));
    expect_run(&f, &run, 0, FIXTURE_CHUNKS, MM_UNMAPPED, NULL);
    lay_out(&f);
    uintptr_t at = 0;
    EXPECT(mmapper_next_run(f.mapper, at, &run));
    expect_run(&f, &run, 0, 2, MM_UNMAPPED, NULL);
    EXPECT(mmapper_next_run(f.mapper, at = mm_extent_end(run.extent), &run));
    expect_run(&f, &run, 2, 1, MM_QUARANTINED, f.heap);
    EXPECT(mmapper_next_run(f.mapper, at = mm_extent_end(run.extent), &run));
    expect_run(&f, &run, 3, 3, MM_MAPPED, f.heap);
    EXPECT(mmapper_next_run(f.mapper, at = mm_extent_end(run.extent), &run));
    expect_run(&f, &run, 6, 4, MM_QUARANTINED, f.heap);
    EXPECT(mmapper_next_run(f.mapper, at = mm_extent_end(run.extent), &run));
    expect_run(&f, &run, 10, 2, MM_QUARANTINED, f.other);
    EXPECT(mmapper_next_run(f.mapper, at = mm_extent_end(run.extent), &run));
    expect_run(&f, &run, 12, 2, MM_UNMAPPED, NULL);
    EXPECT(!mmapper_next_run(f.mapper, mm_extent_end(run.extent), &run));
    EXPECT(!mmapper_next_run(f.mapper, UINTPTR_MAX, &run));
    /* From the middle of a chunk: its run from that chunk on. */
    EXPECT(mmapper_next_run(f.mapper, fixture_extent(4, 1).start + 5, &run));
    expect_run(&f, &run, 4, 2, MM_MAPPED, f.heap);
    fixture_end(&f);
}

static void test_queries_anywhere(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    lay_out(&f);
    const uintptr_t addresses[] = {
        0, 1, FIXTURE_BASE - 1, fixture_extent(FIXTURE_CHUNKS, 1).start, UINTPTR_MAX};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        EXPECT(!mmapper_is_mapped(f.mapper, addresses[i]));
        EXPECT_EQ(mmapper_lookup(f.mapper, addresses[i]).state, MM_UNMAPPED);
        EXPECT(mmapper_lookup(f.mapper, addresses[i]).owner == NULL);
    }
    EXPECT(mmapper_is_mapped(f.mapper, fixture_extent(4, 0).start - 1));
    EXPECT(mmapper_lookup(f.mapper, fixture_extent(11, 1).start + 7).owner == f.other);
    fixture_end(&f);
}

static void test_dump(void)
{
    struct fixture f;
    char text[1024];
    char small[200];
    fixture_begin(&f, NULL);
    EXPECT(mmapper_dump(f.mapper, text, sizeof text) < sizeof text);
    EXPECT_STR(text, "");
    lay_out(&f);
    const size_t needed = mmapper_dump(f.mapper, text, sizeof text);
    EXPECT(needed < sizeof text);
    EXPECT_CONTAINS(text, "mapped        48 KiB  test \"heap\"");
    EXPECT_CONTAINS(text, "quarantined   32 KiB  test \"other\"");
    EXPECT(strstr(text, "more") == NULL);
    memset(small, 'X', sizeof small);
    EXPECT_EQ(mmapper_dump(f.mapper, small, 150), needed);
    EXPECT(memchr(small, '\0', 150) != NULL);
    EXPECT_EQ((unsigned char)small[150], 'X');
    EXPECT_CONTAINS(small, "... and 3 runs more\n");
    EXPECT_EQ(mmapper_dump(f.mapper, NULL, 0), needed);
    char *exact = malloc(needed);
    EXPECT(exact != NULL);
    EXPECT_EQ(mmapper_dump(f.mapper, exact, needed), needed);
    EXPECT_STR(exact, text);
    free(exact);
    fixture_end(&f);
}

static void test_statistics(void)
{
    struct fixture f;
    struct mm_statistics s;
    uint64_t chunks[MM_STATE_COUNT];
    fixture_begin(&f, NULL);
    lay_out(&f);
    EXPECT_STATUS(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(10, 1), NULL),
                  MM_CONFLICT);
    mmapper_statistics(f.mapper, &s);
    EXPECT_EQ(s.os_calls[MM_OS_RESERVE], 2);
    EXPECT_EQ(s.os_calls[MM_OS_COMMIT], 1);
    EXPECT_EQ(s.os_calls[MM_OS_ANNOTATE], 2);
    EXPECT_EQ(s.os_failures[MM_OS_RESERVE], 0);
    EXPECT_EQ(s.conflicts, 1);
    EXPECT_EQ(s.busy, 0);
    EXPECT_EQ(s.races_lost, 0);
    EXPECT_EQ(s.regions_split, 3);
    EXPECT_EQ(s.owners, 3);
    EXPECT_EQ(s.runs, 4);
    EXPECT_EQ(s.chunks[MM_UNMAPPED], 4);
    EXPECT_EQ(s.chunks[MM_QUARANTINED], 7);
    EXPECT_EQ(s.chunks[MM_MAPPED], 3);
    EXPECT_OK(mmapper_owner_chunks(f.mapper, f.heap, chunks, NULL));
    EXPECT_EQ(chunks[MM_MAPPED], 3);
    EXPECT_EQ(chunks[MM_QUARANTINED], 5);
    EXPECT_EQ(chunks[MM_UNMAPPED], 0);
    fixture_end(&f);
}

/* An annotation that the kernel does not know is counted and harms nothing; and is not
 * tried when it is not wanted. */
static void test_annotations(void)
{
    struct fixture f;
    struct mm_statistics s;
    fixture_begin(&f, &(struct sim_kernel_options){.no_names = true});
    lay_out(&f);
    mmapper_statistics(f.mapper, &s);
    EXPECT_EQ(s.os_failures[MM_OS_ANNOTATE], 2);
    f.support.annotations = false;
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, fixture_extent(0, 1), NULL));
    mmapper_statistics(f.mapper, &s);
    EXPECT_EQ(s.os_calls[MM_OS_ANNOTATE], 2);
    fixture_end(&f);
    fixture_begin(&f, NULL);
    lay_out(&f);
    EXPECT_CONTAINS(sim_kernel_view(f.kernel, fixture_extent(4, 1).start).mapping.name,
                    "mmapper:test:heap");
    fixture_end(&f);
}

struct found {
    unsigned of[MM_DIFFERENCE_KIND_COUNT];
    struct mm_difference last;
};

static void note(void *argument, const struct mm_difference *difference)
{
    struct found *found = argument;
    found->of[difference->kind]++;
    found->last = *difference;
}

static struct mm_verify_result verify(struct fixture *f, bool sole, struct found *found)
{
    struct mm_verify_result result;
    const struct mm_verify_options options = {
        .sole = sole, .report = note, .argument = found};
    memset(found, 0, sizeof *found);
    EXPECT_OK(mmapper_verify(f->mapper, &options, &result, &f->error));
    return result;
}

/* verify is told apart from a function that returns 0: every kind of difference is made
 * behind the mapper's back, and found. */
static void test_verify_finds(void)
{
    struct fixture f;
    struct found found;
    fixture_begin(&f, NULL);
    lay_out(&f);
    EXPECT_EQ(verify(&f, true, &found).differences, 0);
    sim_kernel_foreign_unmap(f.kernel, fixture_extent(4, 1));
    EXPECT_EQ(verify(&f, true, &found).differences, 1);
    EXPECT_EQ(found.of[MM_DIFFERENCE_MISSING], 1);
    EXPECT_EQ(found.last.extent.start, fixture_extent(4, 1).start);
    EXPECT_EQ(found.last.extent.bytes, fixture_extent(4, 1).bytes);
    EXPECT_STR(found.last.holder.name, "heap");
    const struct mm_mapping file = {.extent = fixture_extent(4, 1),
                                    .access = MM_ACCESS_READ | MM_ACCESS_WRITE,
                                    .file = true,
                                    .name = "/intruder"};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &file), 0);
    EXPECT_EQ(verify(&f, true, &found).differences, 1);
    EXPECT_EQ(found.of[MM_DIFFERENCE_BACKING], 1);
    EXPECT_STR(found.last.mapping.name, "/intruder");
    sim_kernel_foreign_unmap(f.kernel, fixture_extent(4, 1));
    const struct mm_mapping again = {.extent = fixture_extent(4, 1),
                                     .access = MM_ACCESS_READ | MM_ACCESS_WRITE};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &again), 0);
    sim_kernel_foreign_protect(f.kernel, fixture_extent(3, 1), MM_ACCESS_READ);
    EXPECT_EQ(verify(&f, true, &found).differences, 1);
    EXPECT_EQ(found.of[MM_DIFFERENCE_PROTECTION], 1);
    sim_kernel_foreign_protect(f.kernel, fixture_extent(3, 1),
                               MM_ACCESS_READ | MM_ACCESS_WRITE);
    const struct mm_mapping stray = {.extent = fixture_extent(13, 1), .access = 0};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &stray), 0);
    EXPECT_EQ(verify(&f, false, &found).differences, 0);
    EXPECT_EQ(verify(&f, true, &found).differences, 1);
    EXPECT_EQ(found.of[MM_DIFFERENCE_UNOWNED], 1);
    sim_kernel_foreign_unmap(f.kernel, stray.extent);
    /* G1: readable although QUARANTINED is a note, no difference. */
    sim_kernel_foreign_protect(f.kernel, fixture_extent(8, 1), MM_ACCESS_READ);
    EXPECT_EQ(verify(&f, true, &found).differences, 0);
    EXPECT_EQ(found.of[MM_NOTE_ACCESSIBLE], 1);
    EXPECT_OK(mmapper_destroy(f.mapper, NULL));
    sim_kernel_destroy(f.kernel);
}

static void test_names(void)
{
    char line[32];
    char whole[512];
    for (unsigned i = 0; i < MM_STATUS_COUNT; i++) {
        EXPECT(strcmp(mm_status_name((enum mm_status)i), "?") != 0);
    }
    for (unsigned i = 0; i < MM_STATE_COUNT; i++) {
        EXPECT(strcmp(mm_state_name((enum mm_state)i), "?") != 0);
    }
    for (unsigned i = 0; i < MM_OPERATION_COUNT; i++) {
        EXPECT(strcmp(mm_operation_name((enum mm_operation)i), "?") != 0);
    }
    for (unsigned i = 0; i <= MM_OS_CALL_COUNT; i++) {
        EXPECT(strcmp(mm_os_call_name((enum mm_os_call)i), "?") != 0);
    }
    for (unsigned i = 0; i < MM_KIND_COUNT; i++) {
        EXPECT(strcmp(mm_kind_name((enum mm_kind)i), "?") != 0);
    }
    for (unsigned i = 0; i < MM_DIFFERENCE_KIND_COUNT; i++) {
        EXPECT(strcmp(mm_difference_kind_name((enum mm_difference_kind)i), "?") != 0);
    }
    EXPECT_STR(mm_status_name((enum mm_status) - 1), "?");
    EXPECT_STR(mm_memory_cause_name(MM_CAUSE_MAP_COUNT), "vm.max_map_count");
    struct fixture f;
    fixture_begin(&f, NULL);
    lay_out(&f);
    EXPECT_STATUS(
        mmapper_ensure_mapped(f.mapper, f.other, fixture_extent(2, 3), &f.error),
        MM_CONFLICT);
    const size_t length = mm_error_format(&f.error, whole, sizeof whole);
    EXPECT_EQ(length, strlen(whole));
    EXPECT_CONTAINS(whole, "ensure_mapped of 0x7e8000008000-0x7e8000014000 (48 KiB)");
    EXPECT_CONTAINS(whole, "is quarantined for test \"heap\"");
    EXPECT_EQ(mm_error_format(&f.error, line, sizeof line), length);
    EXPECT_EQ(strlen(line), sizeof line - 1);
    EXPECT_EQ(mm_error_format(&f.error, NULL, 0), length);
    fixture_end(&f);
}

int main(void)
{
    test_runs();
    test_queries_anywhere();
    test_dump();
    test_statistics();
    test_annotations();
    test_verify_finds();
    test_names();
    return 0;
}
