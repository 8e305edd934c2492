/* SPDX-License-Identifier: MIT */
/* What a mapper is made of: options at their bounds, the size of its memory, and where
 * its first search begins. */
#include <errno.h>
#include <sys/mman.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/fixture.h"

enum { PAGE = 4096 };

/* The simulated kernel, but for the memory of the mapper itself. */
static struct {
    struct sim_kernel *kernel;
    struct mmap_operations operations;
    struct mmap_support support;
    void *table;
    size_t bytes;
    int release_error;
} g;

/* Always in the same place where it fits, so that a window can be laid around it. */
static _Alignas(FIXTURE_CHUNK) char small[4 * FIXTURE_CHUNK];

static int acquire(void *context, size_t bytes, void **table)
{
    (void)context;
    EXPECT(g.table == NULL);
    memset(small, 0, sizeof small);
    g.bytes = bytes;
    g.table = bytes <= sizeof small
                  ? small
                  : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT(g.table != MAP_FAILED);
    *table = g.table;
    return 0;
}

static int release(void *context, void *table, size_t bytes)
{
    (void)context;
    EXPECT(table == g.table);
    EXPECT_EQ(bytes, g.bytes);
    if (g.release_error != 0) {
        return g.release_error;
    }
    if (table != small) {
        EXPECT_EQ(munmap(table, bytes), 0);
    }
    g.table = NULL;
    return 0;
}

static void begin(void)
{
    memset(&g, 0, sizeof g);
    g.kernel = sim_kernel_create(NULL);
    g.support = sim_kernel_support(g.kernel, 0);
    g.operations = *g.support.operations;
    g.operations.acquire_table = acquire;
    g.operations.release_table = release;
    g.support.operations = &g.operations;
}

static void end(void)
{
    EXPECT(g.table == NULL);
    sim_kernel_destroy(g.kernel);
}

static void expect_made(struct mmapper_options options)
{
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(&options, &g.support, &mapper, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

static void expect_refused(struct mmapper_options options)
{
    struct mmapper *mapper;
    EXPECT_STATUS(mmapper_create(&options, &g.support, &mapper, NULL),
                  MM_INVALID_ARGUMENT);
}

static void test_bounds(void)
{
    const size_t large = (size_t)1 << 30;
    begin();
    expect_made((struct mmapper_options){.log_space = 22});
    expect_refused((struct mmapper_options){.log_space = 21});
    expect_made((struct mmapper_options){.log_region_chunks = 20});
    expect_refused((struct mmapper_options){.log_region_chunks = 21});
    expect_made((struct mmapper_options){.log_space = 30, .max_owners = MM_MAX_OWNERS});
    expect_refused((struct mmapper_options){.max_owners = MM_MAX_OWNERS + 1});
    expect_made((struct mmapper_options){.chunk_bytes = large, .log_space = 57});
    expect_refused((struct mmapper_options){.chunk_bytes = large, .log_space = 58});
    expect_refused((struct mmapper_options){.chunk_bytes = 2 * large});
    expect_made((struct mmapper_options){.chunk_bytes = PAGE, .log_space = 30});
    expect_refused((struct mmapper_options){.chunk_bytes = PAGE / 2, .log_space = 30});
    expect_made((struct mmapper_options){
        .chunk_bytes = PAGE, .log_space = 30, .base = large - PAGE, .limit = large});
    expect_refused((struct mmapper_options){.log_space = 30, .limit = large + PAGE});
    expect_refused((struct mmapper_options){.base = large, .limit = large});
    g.support.page_bytes = (size_t)4 * PAGE;
    expect_made((struct mmapper_options){.chunk_bytes = (size_t)4 * PAGE});
    expect_refused((struct mmapper_options){.chunk_bytes = (size_t)2 * PAGE});
    end();
}

static void test_bad_supports(void)
{
    struct mmapper *mapper;
    begin();
    EXPECT_STATUS(mmapper_create(NULL, &g.support, NULL, NULL), MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmapper_create(NULL, NULL, &mapper, NULL), MM_INVALID_ARGUMENT);
    struct mmap_support bad = g.support;
    bad.page_bytes = 0;
    EXPECT_STATUS(mmapper_create(NULL, &bad, &mapper, NULL), MM_INVALID_ARGUMENT);
    bad.page_bytes = 3 * PAGE;
    EXPECT_STATUS(mmapper_create(NULL, &bad, &mapper, NULL), MM_INVALID_ARGUMENT);
    bad.page_bytes = PAGE;
    bad.operations = NULL;
    EXPECT_STATUS(mmapper_create(NULL, &bad, &mapper, NULL), MM_INVALID_ARGUMENT);
    end();
}

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* The mapper, its owners, a word for each region, a slot for each chunk, whole pages:
 * nothing more, also where nothing has to be rounded. */
static void expect_memory(size_t chunks, unsigned max_owners)
{
    struct mmapper *mapper;
    const struct mmapper_options options = {.chunk_bytes = PAGE,
                                            .limit = chunks * PAGE,
                                            .log_region_chunks = 2,
                                            .max_owners = max_owners};
    const size_t owners =
        round_up(sizeof(struct mmapper), OWNER_BYTES) + (max_owners + 2) * OWNER_BYTES;
    const size_t words = round_up((chunks + 3) / 4 * 4, OWNER_CACHE_LINE);
    EXPECT_OK(mmapper_create(&options, &g.support, &mapper, NULL));
    EXPECT_EQ(g.bytes, round_up(owners + words + 2 * chunks, PAGE));
    EXPECT_EQ((uintptr_t)mapper->table.slots % OWNER_CACHE_LINE, 0);
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

static void test_memory(void)
{
    begin();
    for (unsigned owners = 1; owners <= 4; owners++) { /* one of them fills its pages */
        expect_memory(4096, owners);
        expect_memory(4097, owners);
        expect_memory(4095, owners);
        expect_memory(64, owners);
        expect_memory(1, owners);
    }
    end();
}

/* Where the first chunk is placed in a window from `below` chunks below the mapper's own
 * memory to `above` chunks above its beginning, all of it free: in chunks from there. */
static ptrdiff_t first_place(ptrdiff_t below, ptrdiff_t above)
{
    const uintptr_t here = (uintptr_t)small;
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .base = here - (uintptr_t)below * FIXTURE_CHUNK,
        .limit = here + (uintptr_t)above * FIXTURE_CHUNK,
        .max_owners = 1};
    const struct mm_owner_options name = {.name = "first"};
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent extent;
    EXPECT_OK(mmapper_create(&options, &g.support, &mapper, NULL));
    EXPECT((char *)mapper == small);
    EXPECT_OK(mmapper_register_owner(mapper, &name, &owner, NULL));
    EXPECT_OK(
        mmapper_quarantine_anywhere(mapper, owner, FIXTURE_CHUNK, 0, &extent, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    return ((ptrdiff_t)extent.start - (ptrdiff_t)here) / FIXTURE_CHUNK;
}

/* Just below the mapper's own memory where that is in the window, as the kernel would do
 * it, and else at its upper end. */
static void test_first_search(void)
{
    begin();
    EXPECT_EQ(first_place(8, 8), -1);
    EXPECT_EQ(first_place(1, 8), -1);
    EXPECT_EQ(first_place(0, 8), 7);
    EXPECT_EQ(first_place(-1, 8), 7);
    EXPECT_EQ(first_place(8, 1), -1);
    EXPECT_EQ(first_place(8, 0), -1);
    EXPECT_EQ(first_place(8, -1), -2);
    end();
}

/* A mapper whose memory cannot be given back lives on. */
static void test_memory_is_kept(void)
{
    struct mmapper *mapper;
    struct mm_statistics statistics;
    struct mm_error error;
    const struct mmapper_options options = {.chunk_bytes = PAGE, .limit = 64 * PAGE};
    begin();
    EXPECT_OK(mmapper_create(&options, &g.support, &mapper, NULL));
    g.release_error = ENOMEM;
    EXPECT_STATUS(mmapper_destroy(mapper, &error), MM_NO_MEMORY);
    EXPECT_EQ(error.operation, MM_OPERATION_DESTROY);
    EXPECT_EQ(error.os_call, MM_OS_RELEASE_TABLE);
    EXPECT_EQ(error.address, (uintptr_t)mapper);
    mmapper_statistics(mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_RELEASE_TABLE], 1);
    EXPECT_EQ(statistics.os_failures[MM_OS_RELEASE_TABLE], 1);
    EXPECT_EQ(statistics.os_calls[MM_OS_ACQUIRE_TABLE], 1);
    EXPECT_EQ(statistics.os_failures[MM_OS_ACQUIRE_TABLE], 0);
    g.release_error = 0;
    EXPECT_OK(mmapper_destroy(mapper, &error));
    end();
}

/* Where this program, its data and its stack are, a mapper made with no options knows. */
static void test_default_window(void)
{
    const struct mmap_support real = mmap_support_linux();
    static const char data = 1;
    struct mmapper *mapper;
    EXPECT_OK(mmapper_create(NULL, &real, &mapper, NULL));
    const struct mm_extent window = mmapper_window(mapper);
    EXPECT(mm_extent_contains(window, mm_extent_of((uintptr_t)&data, 1)));
    EXPECT(mm_extent_contains(window, mm_extent_of((uintptr_t)&mapper, 1)));
    EXPECT(mm_extent_contains(window, mm_extent_of((uintptr_t)mapper, 1)));
#if defined(__aarch64__)
    EXPECT_EQ(window.bytes, (size_t)1 << 48);
#else
    EXPECT_EQ(window.bytes, (size_t)1 << 47);
#endif
    EXPECT_OK(mmapper_destroy(mapper, NULL));
}

int main(void)
{
    test_bounds();
    test_bad_supports();
    test_memory();
    test_first_search();
    test_memory_is_kept();
    test_default_window();
    return 0;
}
