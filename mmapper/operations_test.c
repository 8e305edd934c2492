/* SPDX-License-Identifier: MIT */
/* The operations one after another, on the simulated kernel: outcomes, atomicity, and
 * what the error records say. Fourteen chunks, regions [0,4) [4,8) [8,12) [12,14). */
#include "mmapper/testing/fixture.h"

#define QUARANTINE(f, owner, a, n)                                                     \
    mmapper_quarantine((f)->mapper, (owner), fixture_extent(a, n), &(f)->error)
#define ENSURE(f, owner, a, n)                                                         \
    mmapper_ensure_mapped((f)->mapper, (owner), fixture_extent(a, n), &(f)->error)
#define DECOMMIT(f, owner, a, n)                                                       \
    mmapper_decommit((f)->mapper, (owner), fixture_extent(a, n), &(f)->error)
#define RELEASE(f, owner, a, n)                                                        \
    mmapper_release((f)->mapper, (owner), fixture_extent(a, n), &(f)->error)
#define TRANSFER(f, from, to, a, n)                                                    \
    mmapper_transfer((f)->mapper, (from), (to), fixture_extent(a, n), &(f)->error)
#define ADOPT(f, owner, a, n)                                                          \
    mmapper_adopt((f)->mapper, (owner), fixture_extent(a, n), &(f)->error)
#define EXCLUDE(f, owner, a, n)                                                        \
    mmapper_exclude((f)->mapper, (owner), fixture_extent(a, n), &(f)->error)

static void test_life_of_a_range(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(QUARANTINE(&f, f.heap, 1, 9));
    EXPECT_PICTURE(&f, ".qqqqqqqqq....");
    EXPECT_OK(ENSURE(&f, f.heap, 3, 6));
    EXPECT_PICTURE(&f, ".qqmmmmmmq....");
    EXPECT_OK(DECOMMIT(&f, f.heap, 2, 3));
    EXPECT_PICTURE(&f, ".qqqqmmmmq....");
    EXPECT_OK(TRANSFER(&f, f.heap, f.other, 4, 2));
    EXPECT_PICTURE(&f, ".qqqQMmmmq....");
    EXPECT_OK(RELEASE(&f, f.heap, 1, 3));
    EXPECT_PICTURE(&f, "....QMmmmq....");
    EXPECT_OK(ENSURE(&f, f.heap, 11, 3));
    EXPECT_PICTURE(&f, "....QMmmmq.mmm");
    fixture_end(&f);
}

static void test_external(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_mapping boot_image = {.extent = fixture_extent(0, 5),
                                          .access = MM_ACCESS_READ,
                                          .file = true,
                                          .name = "boot.image"};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &boot_image), 0);
    EXPECT_OK(ADOPT(&f, f.image, 0, 5));
    EXPECT_OK(EXCLUDE(&f, f.image, 6, 2));
    EXPECT_PICTURE(&f, "MMMMM.XX......");
    EXPECT_OK(ENSURE(&f, f.image, 0, 5));
    EXPECT_STATUS(ENSURE(&f, f.image, 4, 2), MM_WRONG_STATE);
    EXPECT_STATUS(ENSURE(&f, f.image, 6, 1), MM_WRONG_STATE);
    EXPECT_STATUS(DECOMMIT(&f, f.image, 0, 1), MM_WRONG_STATE);
    EXPECT_STATUS(QUARANTINE(&f, f.image, 9, 1), MM_WRONG_STATE);
    EXPECT_STATUS(ADOPT(&f, f.heap, 9, 1), MM_WRONG_STATE);
    EXPECT_STATUS(EXCLUDE(&f, f.heap, 9, 1), MM_WRONG_STATE);
    EXPECT_STATUS(ENSURE(&f, f.heap, 5, 2), MM_CONFLICT);
    EXPECT_STR(f.error.holder.name, "image");
    EXPECT_PICTURE(&f, "MMMMM.XX......");
    EXPECT_OK(RELEASE(&f, f.image, 1, 3));
    EXPECT_OK(RELEASE(&f, f.image, 6, 2));
    EXPECT_PICTURE(&f, "M...M.........");
    /* No OS call was made for any of it. */
    const struct sim_statistics statistics = sim_kernel_statistics(f.kernel);
    EXPECT_EQ(statistics.calls[MM_OS_RESERVE], 0);
    EXPECT_EQ(statistics.calls[MM_OS_RELEASE], 0);
    fixture_end(&f);
}

/* G4: another owner's chunk at the first, a middle and the last place, at region
 * borders and beside them: nothing changes, and the record names chunk and holder. */
static void test_conflicts_change_nothing(void)
{
    static const size_t places[] = {2, 3, 4, 5, 7, 8, 10, 11};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct fixture f;
        char before[FIXTURE_CHUNKS + 1];
        const size_t place = places[i];
        fixture_begin(&f, NULL);
        EXPECT_OK(QUARANTINE(&f, f.other, place, 1));
        (void)fixture_picture(&f, before);
        EXPECT_STATUS(QUARANTINE(&f, f.heap, 2, 10), MM_CONFLICT);
        EXPECT_PICTURE(&f, before);
        EXPECT_EQ(f.error.address, fixture_extent(place, 1).start);
        EXPECT_STR(f.error.holder.name, "other");
        EXPECT_EQ(f.error.holder.state, MM_QUARANTINED);
        EXPECT(f.error.holder.owner == f.other);
        EXPECT_STATUS(ADOPT(&f, f.image, 2, 10), MM_CONFLICT);
        EXPECT_STATUS(EXCLUDE(&f, f.image, 2, 10), MM_CONFLICT);
        EXPECT_STATUS(ENSURE(&f, f.heap, 2, 10), MM_CONFLICT);
        EXPECT_EQ(f.error.address, fixture_extent(place, 1).start);
        EXPECT_PICTURE(&f, before); /* found before any system call */
        if (place > 2) {
            EXPECT_OK(ENSURE(&f, f.heap, 2, place - 2));
        }
        if (place < 11) {
            EXPECT_OK(QUARANTINE(&f, f.heap, place + 1, 11 - place));
        }
        (void)fixture_picture(&f, before);
        EXPECT_STATUS(RELEASE(&f, f.heap, 2, 10), MM_CONFLICT);
        EXPECT_STATUS(DECOMMIT(&f, f.heap, 2, 10), MM_CONFLICT);
        EXPECT_STATUS(TRANSFER(&f, f.heap, f.other, 2, 10), MM_CONFLICT);
        EXPECT_PICTURE(&f, before);
        fixture_end(&f);
    }
}

/* The same with a hole instead of another owner. */
static void test_wrong_states_change_nothing(void)
{
    static const size_t holes[] = {2, 3, 4, 7, 8, 11};
    for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
        struct fixture f;
        char before[FIXTURE_CHUNKS + 1];
        fixture_begin(&f, NULL);
        EXPECT_OK(ENSURE(&f, f.heap, 2, 10));
        EXPECT_OK(RELEASE(&f, f.heap, holes[i], 1));
        (void)fixture_picture(&f, before);
        EXPECT_STATUS(RELEASE(&f, f.heap, 2, 10), MM_WRONG_STATE);
        EXPECT_EQ(f.error.address, fixture_extent(holes[i], 1).start);
        EXPECT_EQ(f.error.holder.state, MM_UNMAPPED);
        EXPECT_STATUS(DECOMMIT(&f, f.heap, 2, 10), MM_WRONG_STATE);
        EXPECT_STATUS(TRANSFER(&f, f.heap, f.other, 2, 10), MM_WRONG_STATE);
        /* A range is quarantined once: twice is an error, also partly. */
        EXPECT_STATUS(QUARANTINE(&f, f.heap, 2, 10), MM_WRONG_STATE);
        EXPECT_PICTURE(&f, before);
        EXPECT_OK(ENSURE(&f, f.heap, 2, 10));
        fixture_end(&f);
    }
}

static void test_foreign_mapping(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_mapping library = {
        .extent =
            mm_extent_of(fixture_extent(5, 1).start + FIXTURE_PAGE, 2 * FIXTURE_PAGE),
        .access = MM_ACCESS_READ | MM_ACCESS_EXECUTE,
        .file = true,
        .name = "/lib/libforeign.so"};
    EXPECT_EQ(sim_kernel_foreign_map(f.kernel, &library), 0);
    EXPECT_STATUS(QUARANTINE(&f, f.heap, 2, 8), MM_CONFLICT);
    EXPECT_PICTURE(&f, "..............");
    EXPECT_EQ(f.error.foreign.extent.start, library.extent.start);
    EXPECT_STR(f.error.foreign.name, "/lib/libforeign.so");
    EXPECT_EQ(f.error.os_error, 17); /* EEXIST */
    EXPECT(f.error.holder.owner == NULL);
    /* Monotone: what lies before is mapped at most, and calling again is safe. */
    EXPECT_STATUS(ENSURE(&f, f.heap, 4, 3), MM_CONFLICT);
    EXPECT_STATUS(ENSURE(&f, f.heap, 5, 1), MM_CONFLICT);
    char text[512];
    (void)mm_error_format(&f.error, text, sizeof text);
    EXPECT_CONTAINS(text, "/lib/libforeign.so");
    EXPECT_CONTAINS(text, "conflict");
    sim_kernel_foreign_unmap(f.kernel, library.extent);
    EXPECT_OK(ENSURE(&f, f.heap, 4, 3));
    fixture_end(&f);
}

static void test_contents(void)
{
    struct fixture f;
    uint64_t token;
    fixture_begin(&f, NULL);
    const uintptr_t page = fixture_extent(3, 1).start + FIXTURE_PAGE;
    EXPECT_OK(ENSURE(&f, f.heap, 2, 4));
    EXPECT_EQ(sim_kernel_write(f.kernel, page, 77), 0);
    EXPECT_OK(ENSURE(&f, f.heap, 0, 8)); /* keeps what is mapped */
    EXPECT_OK(TRANSFER(&f, f.heap, f.other, 2, 4));
    EXPECT_EQ(sim_kernel_read(f.kernel, page, &token), 0);
    EXPECT_EQ(token, 77);
    EXPECT_OK(DECOMMIT(&f, f.other, 2, 4));
    EXPECT(sim_kernel_read(f.kernel, page, &token) != 0); /* faults */
    EXPECT_OK(ENSURE(&f, f.other, 2, 4));
    EXPECT_EQ(sim_kernel_read(f.kernel, page, &token), 0);
    EXPECT_EQ(token, 0);
    fixture_end(&f);
}

/* ensure_mapped takes bytes and rounds outwards; nothing else is touched. */
static void test_rounding(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const uintptr_t border = fixture_extent(4, 1).start;
    EXPECT_OK(
        mmapper_ensure_mapped(f.mapper, f.heap, mm_extent_of(border - 1, 2), &f.error));
    EXPECT_PICTURE(&f, "...mm.........");
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap,
                                    mm_extent_of(fixture_extent(7, 1).start, 1), NULL));
    EXPECT_PICTURE(&f, "...mm..m......");
    fixture_end(&f);
}

static void test_transfer_checks(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    struct mm_owner *code = fixture_owner(
        &f, "code", (struct mm_strategy){.protection = MM_PROTECTION_RWX});
    EXPECT_OK(ENSURE(&f, f.heap, 0, 4));
    EXPECT_STATUS(TRANSFER(&f, f.heap, code, 0, 4), MM_INVALID_ARGUMENT);
    EXPECT_CONTAINS(f.error.detail, "strateg");
    EXPECT_STATUS(TRANSFER(&f, f.heap, f.heap, 0, 4), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(TRANSFER(&f, f.other, f.heap, 0, 4), MM_CONFLICT);
    EXPECT_STATUS(TRANSFER(&f, f.heap, NULL, 0, 4), MM_UNKNOWN_OWNER);
    EXPECT_PICTURE(&f, "mmmm..........");
    fixture_end(&f);
}

int main(void)
{
    test_life_of_a_range();
    test_external();
    test_conflicts_change_nothing();
    test_wrong_states_change_nothing();
    test_foreign_mapping();
    test_contents();
    test_rounding();
    test_transfer_checks();
    return 0;
}
