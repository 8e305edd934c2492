/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the binding share: one on a mapper of few small chunks on the
 * simulated kernel, and annotations.
 */
#ifndef BINDINGS_MMTK_TEST_FIXTURE_H
#define BINDINGS_MMTK_TEST_FIXTURE_H

#include "bindings/mmtk/mmtk_mmapper.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/sim_kernel.h"

enum { CHUNK = 16 * 1024, CHUNKS = 14, PAGE = 4 * 1024, CHUNK_PAGES = CHUNK / PAGE };
#define BASE UINT64_C(0x7e8000000000)

static const struct mmtk_strategy read_write = {.reserve = true};
static const struct mmtk_strategy executable = {.protection = MMTK_READ_WRITE_EXECUTE,
                                                .reserve = true};
static const struct mmtk_strategy huge = {.huge_pages = MMTK_HUGE_PAGES_TRANSPARENT,
                                          .reserve = true};
static const struct mmtk_strategy no_reserve = {.reserve = false};
static const struct mmtk_strategy no_access = {.protection = MMTK_NO_ACCESS};

static inline struct mmtk_text text_of(const char *text)
{
    return (struct mmtk_text){text, strlen(text)};
}

static inline struct mmtk_annotation space(const char *name)
{
    return (struct mmtk_annotation){.kind = MMTK_SPACE, .name = text_of(name)};
}

static inline struct mmtk_annotation metadata(const char *space_name, const char *meta)
{
    return (struct mmtk_annotation){
        .kind = MMTK_SIDE_METADATA, .name = text_of(space_name), .meta = text_of(meta)};
}

static inline struct mmtk_annotation misc(const char *name)
{
    return (struct mmtk_annotation){.kind = MMTK_MISC, .name = text_of(name)};
}

struct fixture {
    struct sim_kernel *kernel;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mmtk_mmapper *binding;
    struct mmtk_annotation a; /* Space{"a"}, and so on */
    struct mmtk_annotation b;
    struct mmtk_annotation meta;
    struct mm_error error;
};

/* Regions of four chunks; the last has two. */
static inline void fixture_begin(struct fixture *fixture,
                                 const struct sim_kernel_options *kernel)
{
    const struct mmapper_options options = {
        .chunk_bytes = CHUNK,
        .base = BASE,
        .limit = BASE + (uintptr_t)CHUNKS * CHUNK,
        .log_region_chunks = 2,
    };
    memset(fixture, 0, sizeof *fixture);
    fixture->kernel = sim_kernel_create(kernel);
    fixture->support = sim_kernel_support(fixture->kernel, 0);
    EXPECT_OK(mmapper_create(&options, &fixture->support, &fixture->mapper, NULL));
    EXPECT_OK(mmtk_mmapper_create(fixture->mapper, NULL, &fixture->binding, NULL));
    fixture->a = space("a");
    fixture->b = space("b");
    fixture->meta = metadata("a", "mark-bits");
}

/* The table and the kernel agree, nobody was overwritten, and everything goes. */
static inline void fixture_end(struct fixture *fixture)
{
    struct mm_verify_result result;
    struct mm_statistics statistics;
    EXPECT_OK(mmapper_verify(fixture->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmtk_mmapper_destroy(fixture->binding, NULL));
    mmapper_statistics(fixture->mapper, &statistics);
    EXPECT_EQ(statistics.owners, 0);
    EXPECT_EQ(statistics.runs, 0);
    EXPECT_OK(mmapper_destroy(fixture->mapper, NULL));
    EXPECT_STR(sim_kernel_violation_text(fixture->kernel), "");
    EXPECT_EQ(sim_kernel_statistics(fixture->kernel).client_bytes, 0);
    sim_kernel_destroy(fixture->kernel);
}

/* The start of a chunk. */
static inline uintptr_t at(size_t chunk)
{
    return BASE + chunk * CHUNK;
}

/* A letter a chunk, the first one of its owner's name, which is a small one: small when it is quarantined,
 * capital when it is mapped; '.' unmapped, '?' anything else. */
static inline const char *fixture_picture(const struct fixture *fixture, char *picture)
{
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        const struct mm_lookup lookup = mmapper_lookup(fixture->mapper, at(chunk));
        picture[chunk] = lookup.state == MM_UNMAPPED ? '.' : '?';
        if (lookup.state == MM_QUARANTINED || lookup.state == MM_MAPPED) {
            picture[chunk] = mm_owner_name(lookup.owner)[0];
        }
        if (lookup.state == MM_MAPPED) {
            picture[chunk] = (char)(picture[chunk] - 'a' + 'A');
        }
    }
    picture[CHUNKS] = '\0';
    return picture;
}

#define EXPECT_PICTURE(fixture, expected)                                              \
    do {                                                                               \
        char expect_picture[CHUNKS + 1];                                               \
        EXPECT_STR(fixture_picture((fixture), expect_picture), (expected));            \
    } while (0)

/* The record of the last failure, and its text, say this. */
#define EXPECT_ERROR(fixture, wanted, errno_wanted, part)                              \
    do {                                                                               \
        char expect_text[1024];                                                        \
        EXPECT_STATUS((fixture)->error.status, wanted);                                \
        EXPECT_EQ(mmtk_mmapper_errno(&(fixture)->error), errno_wanted);                \
        (void)mm_error_format(&(fixture)->error, expect_text, sizeof expect_text);     \
        EXPECT_CONTAINS(expect_text, part);                                            \
    } while (0)

static inline enum mm_status quarantine(struct fixture *fixture, size_t chunk,
                                        size_t chunks, struct mmtk_annotation *who)
{
    return mmtk_mmapper_quarantine_address_range(fixture->binding, at(chunk),
                                                 chunks * CHUNK_PAGES, &read_write, who,
                                                 &fixture->error);
}

static inline enum mm_status ensure(struct fixture *fixture, size_t chunk,
                                    size_t chunks, struct mmtk_annotation *who)
{
    return mmtk_mmapper_ensure_mapped(fixture->binding, at(chunk), chunks * CHUNK_PAGES,
                                      &read_write, who, &fixture->error);
}

static inline enum mm_status mark(struct fixture *fixture, size_t chunk, size_t chunks)
{
    return mmtk_mmapper_mark_as_mapped(fixture->binding, at(chunk), chunks * CHUNK,
                                       &fixture->error);
}

#endif /* BINDINGS_MMTK_TEST_FIXTURE_H */
