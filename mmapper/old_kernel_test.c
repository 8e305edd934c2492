/* SPDX-License-Identifier: MIT */
/* The mapper on a kernel that knows neither MAP_FIXED_NOREPLACE (before 4.17) nor
 * PROCMAP_QUERY (before 6.11), MADV_GUARD_INSTALL (6.13) or PAGEMAP_SCAN (6.7): the linker
 * puts these functions in place of libc's, and they do what such a kernel does. */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmapper/linux_maps.h"
#include "mmapper/mmapper.h"
#include "mmapper/testing/emulated.h"
#include "mmapper/testing/expect.h"

enum { CHUNK = 1 << 22, NOREPLACE = 0x100000 };

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
void *__real_mmap(void *address, size_t bytes, int protection, int flags, int file,
                  off_t offset);
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file,
                  off_t offset);
int __wrap_ioctl(int file, unsigned long request, ...);
int __real_madvise(void *address, size_t bytes, int advice);
int __wrap_madvise(void *address, size_t bytes, int advice);

static unsigned hints_moved;
static struct mm_extent moved_to;
static unsigned queries_refused;

/* An unknown flag is ignored, so that the address is only a hint. */
void *__wrap_mmap(void *address, size_t bytes, int protection, int flags, int file,
                  off_t offset)
{
    void *got =
        __real_mmap(address, bytes, protection, flags & ~NOREPLACE, file, offset);
    if ((flags & NOREPLACE) && got != address) {
        hints_moved++;
        moved_to = mm_extent_of((uintptr_t)got, bytes);
    }
    return got;
}

int __wrap_ioctl(int file, unsigned long request, ...)
{
    (void)file;
    (void)request;
    queries_refused++;
    errno = ENOTTY;
    return -1;
}

static unsigned guards_refused;

int __wrap_madvise(void *address, size_t bytes, int advice)
{
    enum { GUARD_INSTALL = 102, GUARD_REMOVE = 103 };
    if (advice == GUARD_INSTALL || advice == GUARD_REMOVE) {
        guards_refused++;
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(address, bytes, advice);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static bool count(void *argument, const struct mm_mapping *mapping)
{
    (void)mapping;
    ++*(unsigned *)argument;
    return true;
}

static unsigned mappings_in(struct mm_extent extent)
{
    unsigned mappings = 0;
    EXPECT_EQ(mm_linux_each_mapping_text(extent, count, &mappings), 0);
    return mappings;
}

/* A guard is a page without access, as far as anybody can see. */
static void test_guards(struct mmapper *mapper, struct mm_owner *owner,
                        struct mm_extent extent)
{
    const unsigned rw = MM_ACCESS_READ | MM_ACCESS_WRITE;
    const struct mm_extent page = mm_extent_of(extent.start, (size_t)getpagesize());
    volatile char *byte = (volatile char *)extent.start;
    struct mm_residency residency;
    struct mm_error error;
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_OK(mmapper_ensure_mapped(mapper, owner, extent, NULL));
    *byte = 1;
    const unsigned before = mappings_in(extent);
    EXPECT_OK(mmapper_guard(mapper, owner, page, NULL));
    EXPECT(mappings_in(extent) > before);
    EXPECT_EQ(write(ends[1], (void *)page.start, 1), -1);
    EXPECT_EQ(errno, EFAULT);
    EXPECT_OK(mmapper_protect(mapper, owner, page, rw, NULL));
    EXPECT_EQ(*byte, 0);
    EXPECT_OK(mmapper_guard(mapper, owner, page, NULL));
    EXPECT_OK(mmapper_decommit(mapper, owner, extent, NULL));
    EXPECT_OK(mmapper_ensure_mapped(mapper, owner, extent, NULL));
    EXPECT_EQ(*byte, 0);
    EXPECT(guards_refused > 0);
    EXPECT_STATUS(mmapper_residency(mapper, owner, &residency, &error), MM_OS_ERROR);
    EXPECT_EQ(error.os_error, ENOTTY);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct mmap_support support = mmap_support_linux();
    const struct mm_owner_options options = {.name = "old"};
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent extent;
    struct mm_error error;
    EXPECT(support.address_end > (uintptr_t)&error); /* the stack is below */
    EXPECT(support.address_end < (uintptr_t)1 << 57);
    EXPECT_OK(mmapper_create(NULL, &support, &mapper, &error));
    EXPECT_OK(mmapper_register_owner(mapper, &options, &owner, &error));
    EXPECT_OK(mmapper_quarantine_anywhere(mapper, owner, CHUNK, 0, &extent, &error));

    test_guards(mapper, owner, extent);
    char *theirs = mmap(NULL, 2 * (size_t)CHUNK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(theirs != MAP_FAILED);
    theirs[CHUNK] = 42;
    const struct mm_extent taken =
        mm_extent_of(mm_align_down((uintptr_t)theirs + CHUNK, CHUNK), CHUNK);
    hints_moved = 0; /* the search for the end of user space moved some */
    EXPECT_STATUS(mmapper_quarantine(mapper, owner, taken, &error), MM_CONFLICT);
    EXPECT_EQ(hints_moved, 1);
    EXPECT_EQ(error.os_error, EEXIST);
    /* The text of the list names the mapping as the query would. */
    EXPECT(queries_refused > 0);
    EXPECT(mm_extent_overlaps(error.foreign.extent, taken));
    EXPECT_EQ(mappings_in(moved_to), 0); /* what was mapped elsewhere is gone */
    EXPECT_EQ(theirs[CHUNK], 42);
    EXPECT_EQ(munmap(theirs, 2 * (size_t)CHUNK), 0);

    EXPECT_OK(mmapper_ensure_mapped(mapper, owner, extent, &error));
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(mapper, NULL, &result, &error));
    if (!left_out_if_emulated("verify", "qemu lists nothing that touches its own")) {
        EXPECT_EQ(result.differences, 0);
    }
    EXPECT_OK(mmapper_destroy(mapper, &error));
    return 0;
}
