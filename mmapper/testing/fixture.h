/* SPDX-License-Identifier: MIT */
/*
 * What the mapper's unit tests share: a mapper of few small chunks in tiny regions on
 * the simulated kernel, so that borders are everywhere and nothing real is mapped.
 */
#ifndef MMAPPER_TESTING_FIXTURE_H
#define MMAPPER_TESTING_FIXTURE_H

#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/sim_kernel.h"

/* The simulated kernel's pages; the build makes each test for other sizes, too. */
#ifndef FIXTURE_PAGE
#define FIXTURE_PAGE 4096
#endif

enum { FIXTURE_CHUNK = 4 * FIXTURE_PAGE, FIXTURE_CHUNKS = 14 };
#define FIXTURE_BASE UINT64_C(0x7e8000000000)

struct fixture {
    struct sim_kernel *kernel;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *heap;  /* plain */
    struct mm_owner *other; /* equal strategy */
    struct mm_owner *image; /* external */
    struct mm_error error;
};

static inline struct mm_owner *fixture_owner(struct fixture *fixture, const char *name,
                                             struct mm_strategy strategy)
{
    const struct mm_owner_options options = {
        .name = name, .kind = MM_KIND_TEST, .strategy = strategy};
    struct mm_owner *owner;
    EXPECT_OK(
        mmapper_register_owner(fixture->mapper, &options, &owner, &fixture->error));
    return owner;
}

/* Regions of four chunks; the last has two. */
static inline void fixture_begin(struct fixture *fixture,
                                 const struct sim_kernel_options *kernel)
{
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .base = FIXTURE_BASE,
        .limit = FIXTURE_BASE + (uintptr_t)FIXTURE_CHUNKS * FIXTURE_CHUNK,
        .log_region_chunks = 2,
    };
    struct sim_kernel_options of_pages = {.page_bytes = 0};
    if (kernel != NULL) {
        of_pages = *kernel;
    }
    of_pages.page_bytes = FIXTURE_PAGE;
    memset(fixture, 0, sizeof *fixture);
    fixture->kernel = sim_kernel_create(&of_pages);
    fixture->support = sim_kernel_support(fixture->kernel, 0);
    EXPECT_OK(
        mmapper_create(&options, &fixture->support, &fixture->mapper, &fixture->error));
    fixture->heap = fixture_owner(fixture, "heap", (struct mm_strategy){0});
    fixture->other = fixture_owner(fixture, "other", (struct mm_strategy){0});
    fixture->image = fixture_owner(
        fixture, "image", (struct mm_strategy){.backing = MM_BACKING_EXTERNAL});
}

/* Chunks [first, first + count). */
static inline struct mm_extent fixture_extent(size_t first, size_t count)
{
    return mm_extent_of(FIXTURE_BASE + first * FIXTURE_CHUNK, count * FIXTURE_CHUNK);
}

static inline enum mm_state fixture_state(const struct fixture *fixture, size_t chunk)
{
    return mmapper_lookup(fixture->mapper, fixture_extent(chunk, 1).start).state;
}

/* One letter a chunk: '.' unmapped, q quarantined, m mapped, x excluded, s sealed, '?' transient;
 * of another owner than heap in upper case. */
static inline const char *fixture_picture(const struct fixture *fixture, char *picture)
{
    for (size_t chunk = 0; chunk < FIXTURE_CHUNKS; chunk++) {
        static const char letters[MM_STATE_COUNT] = ".?qm???x?s";
        const struct mm_lookup lookup =
            mmapper_lookup(fixture->mapper, fixture_extent(chunk, 1).start);
        char letter = letters[lookup.state];
        if (lookup.owner != NULL && lookup.owner != fixture->heap && letter != '?') {
            letter = (char)(letter - 'a' + 'A');
        }
        picture[chunk] = letter;
    }
    picture[FIXTURE_CHUNKS] = '\0';
    return picture;
}

#define EXPECT_PICTURE(fixture, expected)                                              \
    do {                                                                               \
        char expect_picture[FIXTURE_CHUNKS + 1];                                       \
        EXPECT_STR(fixture_picture((fixture), expect_picture), (expected));            \
    } while (0)

/* The table and the kernel agree, nobody was overwritten, and everything goes. */
static inline void fixture_end(struct fixture *fixture)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(fixture->mapper, NULL, &result, &fixture->error));
    EXPECT_EQ(result.differences, 0);
    EXPECT_EQ(result.unsettled, 0);
    EXPECT_OK(mmapper_destroy(fixture->mapper, &fixture->error));
    EXPECT_STR(sim_kernel_violation_text(fixture->kernel), "");
    EXPECT_EQ(sim_kernel_statistics(fixture->kernel).client_bytes, 0);
    EXPECT_EQ(sim_kernel_statistics(fixture->kernel).tables, 0);
    sim_kernel_destroy(fixture->kernel);
}

#endif /* MMAPPER_TESTING_FIXTURE_H */
