/* SPDX-License-Identifier: MIT */
/* The real operations, one by one, and the mapper on them. */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmapper/linux_maps.h"
#include "mmapper/mmapper.h"
#include "mmapper/testing/emulated.h"
#include "mmapper/testing/expect.h"

/* Sanitizers need address space of their own, more than these limits leave. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

enum { CHUNK = 1 << 22 };

static const struct mm_strategy plain = {0};

struct real {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_error error;
};

static void begin(struct real *real, const struct mmapper_options *options,
                  struct mm_strategy strategy)
{
    const struct mm_owner_options owner = {.name = "real", .strategy = strategy};
    real->support = mmap_support_linux();
    EXPECT_OK(mmapper_create(options, &real->support, &real->mapper, &real->error));
    EXPECT_OK(mmapper_register_owner(real->mapper, &owner, &real->owner, &real->error));
}

static struct mm_extent anywhere(struct real *real, size_t bytes)
{
    struct mm_extent extent;
    EXPECT_OK(mmapper_quarantine_anywhere(real->mapper, real->owner, bytes, 0, &extent,
                                          &real->error));
    return extent;
}

/* The list is read with cancellation off, whatever it was. */
static void expect_cancellable(void)
{
    int state = -1;
    EXPECT_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
    EXPECT_EQ(state, PTHREAD_CANCEL_ENABLE);
}

static void end(struct real *real)
{
    struct mm_verify_result result;
    errno = 4711; /* reading the list leaves it alone */
    EXPECT_OK(mmapper_verify(real->mapper, NULL, &result, &real->error));
    EXPECT_EQ(errno, 4711);
    expect_cancellable();
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmapper_destroy(real->mapper, &real->error));
}

struct listing {
    unsigned count;
    struct mm_mapping mappings[512];
};

static bool list_one(void *argument, const struct mm_mapping *mapping)
{
    struct listing *listing = argument;
    if (listing->count < sizeof listing->mappings / sizeof *listing->mappings) {
        listing->mappings[listing->count++] = *mapping;
    }
    return true;
}

static struct mm_mapping mapping_at(uintptr_t address)
{
    struct listing listing = {.count = 0};
    EXPECT_EQ(mm_linux_each_mapping(mm_extent_of(address, 1), list_one, &listing), 0);
    EXPECT_EQ(listing.count, 1);
    return listing.mappings[0];
}

static void test_memory(void)
{
    struct real real;
    begin(&real, NULL, plain);
    const struct mm_extent extent = anywhere(&real, 4 * (size_t)CHUNK);
    EXPECT_EQ(mapping_at(extent.start).access, 0);
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner,
                                    mm_extent_of(extent.start + CHUNK, 2 * CHUNK),
                                    &real.error));
    char *memory = (char *)extent.start + CHUNK;
    EXPECT_EQ(memory[0], 0);
    memory[0] = 1;
    memory[2 * CHUNK - 1] = 2;
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner, extent, &real.error));
    EXPECT_EQ(memory[0], 1); /* committing again keeps contents */
    EXPECT_EQ(memory[2 * CHUNK - 1], 2);
    EXPECT_OK(mmapper_decommit(real.mapper, real.owner,
                               mm_extent_of(extent.start + CHUNK, CHUNK), &real.error));
    EXPECT_EQ(mapping_at((uintptr_t)memory).access, 0);
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner, extent, &real.error));
    EXPECT_EQ(memory[0], 0);
    EXPECT_EQ(memory[2 * CHUNK - 1], 2);
    end(&real);
}

static void test_protection(void)
{
    struct real real;
    const struct mm_strategy code = {.protection = MM_PROTECTION_RWX,
                                     .accounting = MM_UNACCOUNTED};
    begin(&real, NULL, code);
    const struct mm_extent extent = anywhere(&real, CHUNK);
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner, extent, &real.error));
    EXPECT_EQ(mapping_at(extent.start).access,
              MM_ACCESS_READ | MM_ACCESS_WRITE | MM_ACCESS_EXECUTE);
    EXPECT_EQ(mm_owner_strategy(real.owner).protection, MM_PROTECTION_RWX);
    end(&real);
}

/* Whether the kernel took the advice: "hg" among the flags of the mapping. */
static bool is_advised(uintptr_t start)
{
    char line[512];
    bool here = false;
    bool advised = false;
    FILE *smaps = fopen("/proc/self/smaps", "r");
    EXPECT(smaps != NULL);
    while (fgets(line, sizeof line, smaps) != NULL) {
        uintptr_t from;
        uintptr_t to;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &from, &to) == 2) {
            here = from <= start && start < to;
        }
        advised = advised ||
                  (here && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " hg"));
    }
    EXPECT_EQ(fclose(smaps), 0);
    return advised;
}

static void test_huge_pages(void)
{
    struct real real;
    struct mm_statistics statistics;
    begin(&real, NULL, (struct mm_strategy){.huge_pages = MM_HUGE_PAGES_TRANSPARENT});
    const struct mm_extent extent = anywhere(&real, 2 * (size_t)CHUNK);
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner, extent, &real.error));
    mmapper_statistics(real.mapper, &statistics);
    EXPECT_EQ(statistics.os_calls[MM_OS_ADVISE], 1); /* once per reservation */
    /* A kernel without transparent huge pages refuses, and is only counted. */
    EXPECT_EQ(is_advised(extent.start), statistics.os_failures[MM_OS_ADVISE] == 0);
    end(&real);
    /* Who does not want them is given none. */
    begin(&real, NULL, plain);
    const struct mm_extent other = anywhere(&real, CHUNK);
    EXPECT_EQ(real.support.operations->advise(real.support.context, other, &plain), 0);
    EXPECT(!is_advised(other.start));
    end(&real);
}

/* Unaccounted memory may be larger than all memory of the machine; accounted memory is
 * refused early, and the record says why. */
static void test_accounting(void)
{
    const size_t huge = (size_t)1 << 41;
    struct real real;
    begin(&real, NULL, (struct mm_strategy){.accounting = MM_UNACCOUNTED});
    const struct mm_extent extent = anywhere(&real, huge);
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner, extent, &real.error));
    end(&real);
    begin(&real, NULL, plain);
    const struct mm_extent accounted = anywhere(&real, huge);
    const enum mm_status status =
        mmapper_ensure_mapped(real.mapper, real.owner, accounted, &real.error);
    if (status != MM_OK) { /* a machine that overcommits without limit says yes */
        EXPECT_EQ(status, MM_NO_MEMORY);
        EXPECT_EQ(real.error.cause, MM_CAUSE_COMMIT_LIMIT);
        EXPECT_EQ(real.error.os_error, ENOMEM);
        EXPECT_EQ(mmapper_lookup(real.mapper, accounted.start).state, MM_QUARANTINED);
    }
    end(&real);
}

static void test_never_replaces(void)
{
    struct real real;
    const int saved = errno = 4711;
    begin(&real, NULL, plain);
    const size_t page = real.support.page_bytes;
    char *theirs =
        mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(theirs != MAP_FAILED);
    theirs[0] = 42;
    const struct mm_extent around =
        mm_extent_of(mm_align_down((uintptr_t)theirs, CHUNK), CHUNK);
    EXPECT_STATUS(mmapper_quarantine(real.mapper, real.owner, around, &real.error),
                  MM_CONFLICT);
    EXPECT_STATUS(mmapper_ensure_mapped(real.mapper, real.owner, around, &real.error),
                  MM_CONFLICT);
    EXPECT(real.error.foreign.extent.bytes > 0);
    EXPECT(mm_extent_overlaps(real.error.foreign.extent, around));
    EXPECT_EQ(theirs[0], 42);
    EXPECT_EQ(errno, saved);
    EXPECT_EQ(mmapper_lookup(real.mapper, around.start).state, MM_UNMAPPED);
    EXPECT_EQ(munmap(theirs, page), 0);
    end(&real);
}

/* Asking why leaves everything as it was. */
static void test_explaining(void)
{
    const struct mmap_support support = mmap_support_linux();
    errno = 4711;
    (void)support.operations->explain_no_memory(support.context, MM_OS_COMMIT, &plain,
                                                CHUNK);
    EXPECT_EQ(errno, 4711);
    expect_cancellable();
}

/* Both readers of the kernel's list say the same of a range that holds still. */
static void test_listing(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 16 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(memory != MAP_FAILED);
    EXPECT_EQ(mprotect(memory + 2 * page, page, PROT_READ), 0);
    EXPECT_EQ(mprotect(memory + 4 * page, page, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(munmap(memory + 6 * page, page), 0);
    EXPECT(mmap(memory + 8 * page, page, PROT_READ,
                MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    const struct mm_extent range = mm_extent_of((uintptr_t)memory + page, 14 * page);
    struct listing text = {.count = 0};
    struct listing query = {.count = 0};
    EXPECT_EQ(mm_linux_each_mapping_text(range, list_one, &text), 0);
    EXPECT(text.count >= 8);
    EXPECT_EQ(text.mappings[1].access, MM_ACCESS_READ);
    const int error = mm_linux_each_mapping_query(range, list_one, &query);
    if (error == 0) {
        EXPECT_EQ(query.count, text.count);
        for (unsigned i = 0; i < text.count; i++) {
            EXPECT_EQ(query.mappings[i].extent.start, text.mappings[i].extent.start);
            EXPECT_EQ(query.mappings[i].extent.bytes, text.mappings[i].extent.bytes);
            EXPECT_EQ(query.mappings[i].access, text.mappings[i].access);
            EXPECT_EQ(query.mappings[i].shared, text.mappings[i].shared);
            EXPECT_EQ(query.mappings[i].file, text.mappings[i].file);
            EXPECT_STR(query.mappings[i].name, text.mappings[i].name);
        }
    } else {
        EXPECT(error == ENOTTY || error == EINVAL || error == ENOSYS);
    }
    /* Nothing above the last mapping is no error. */
    struct listing none = {.count = 0};
    const struct mm_extent top = mm_extent_of(0 - 2 * page, page);
    EXPECT_EQ(mm_linux_each_mapping(top, list_one, &none), 0);
    EXPECT_EQ(none.count, 0);
    EXPECT_EQ(munmap(memory, 16 * page), 0);
}

/* Runs `body` in a child, under limits of its own. */
static void in_child(void (*body)(void))
{
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

static void limit(int resource, rlim_t bytes)
{
    const struct rlimit limits = {bytes, bytes};
    EXPECT_EQ(setrlimit((__rlimit_resource_t)resource, &limits), 0);
}

/* The defaults work under `ulimit -v` 512 MiB, and what is then too much is told apart
 * from the other ways of having no memory. */
static void small_address_space(void)
{
    struct real real;
    limit(RLIMIT_AS, (rlim_t)512 << 20);
    begin(&real, NULL, plain);
    (void)anywhere(&real, 8 * (size_t)CHUNK);
    struct mm_extent extent;
    EXPECT_STATUS(mmapper_quarantine_anywhere(real.mapper, real.owner,
                                              256 * (size_t)CHUNK, 0, &extent,
                                              &real.error),
                  MM_NO_MEMORY);
    EXPECT_EQ(real.error.cause, MM_CAUSE_ADDRESS_SPACE);
    /* A table that does not fit is an error as well, not an abort. */
    struct mmapper *mapper;
    const struct mmapper_options fine = {.chunk_bytes = real.support.page_bytes};
    EXPECT_STATUS(mmapper_create(&fine, &real.support, &mapper, &real.error),
                  MM_NO_MEMORY);
    EXPECT_EQ(real.error.cause, MM_CAUSE_ADDRESS_SPACE);
    EXPECT_EQ(real.error.os_call, MM_OS_ACQUIRE_TABLE);
    end(&real);
}

static void small_data(void)
{
    struct real real;
    begin(&real, NULL, plain);
    const struct mm_extent extent = anywhere(&real, 64 * (size_t)CHUNK);
    limit(RLIMIT_DATA, (rlim_t)128 << 20);
    EXPECT_STATUS(mmapper_ensure_mapped(real.mapper, real.owner, extent, &real.error),
                  MM_NO_MEMORY);
    EXPECT_EQ(real.error.cause, MM_CAUSE_DATA_SIZE);
    EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner,
                                    mm_extent_of(extent.start, CHUNK), &real.error));
    end(&real);
}

/* From the smallest to the largest chunk, and spaces beyond what this machine has: the
 * tables follow the window. */
static void test_sizes(void)
{
    const size_t page_bytes = mmap_support_linux().page_bytes;
    for (size_t chunk = page_bytes; chunk <= (size_t)1 << 30; chunk <<= 6) {
        struct real real;
        const struct mmapper_options options = {.chunk_bytes = chunk,
                                                .base = UINT64_C(0x7e8000000000),
                                                .limit = UINT64_C(0x7e8000000000) +
                                                         64 * ((uintptr_t)1 << 30)};
        begin(&real, &options, (struct mm_strategy){.accounting = MM_UNACCOUNTED});
        const struct mm_extent extent = anywhere(&real, 3 * chunk);
        EXPECT_OK(mmapper_ensure_mapped(real.mapper, real.owner,
                                        mm_extent_of(extent.start + chunk + 1, 1),
                                        &real.error));
        *(char *)(extent.start + chunk + 1) = 1;
        EXPECT_EQ(mmapper_lookup(real.mapper, extent.start).state, MM_QUARANTINED);
        end(&real);
    }
    struct real real;
    const struct mmapper_options wide = {.chunk_bytes = (size_t)1 << 30,
                                         .log_space = 57};
    begin(&real, &wide, plain);
    EXPECT_EQ(mmapper_window(real.mapper).bytes, (size_t)1 << 57);
    EXPECT(!mmapper_is_mapped(real.mapper, ((uintptr_t)1 << 57) - 1));
    end(&real);
}

/* Two mappers over the same window: the kernel keeps them apart. */
static void test_two_mappers(void)
{
    struct real a;
    struct real b;
    begin(&a, NULL, plain);
    begin(&b, NULL, plain);
    const struct mm_extent extent = anywhere(&a, CHUNK);
    EXPECT_STATUS(mmapper_quarantine(b.mapper, b.owner, extent, &b.error), MM_CONFLICT);
    EXPECT_EQ(b.error.foreign.extent.bytes > 0, 1);
    EXPECT_STATUS(mmapper_ensure_mapped(b.mapper, a.owner, extent, &b.error),
                  MM_UNKNOWN_OWNER);
    EXPECT_OK(mmapper_release(a.mapper, a.owner, extent, &a.error));
    EXPECT_OK(mmapper_quarantine(b.mapper, b.owner, extent, &b.error));
    end(&a);
    end(&b);
}

int main(void)
{
    test_memory();
    test_protection();
    test_never_replaces();
    test_explaining();
    test_listing();
    test_sizes();
    test_two_mappers();
    if (left_out_if_emulated("huge pages, 2 TiB, limits",
                             "qemu takes neither advice nor limits")) {
        return 0;
    }
    test_huge_pages();
    if (!SANITIZED) {
        test_accounting();
        in_child(small_address_space);
        in_child(small_data);
    }
    return 0;
}
