/* SPDX-License-Identifier: MIT */
/*
 * What is resident, by PAGEMAP_SCAN (Linux 6.7): one call over a range, however large, that
 * passes over what was never touched and says of the rest what kind of page it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mmapper/linux_pages.h"

/* After the kernel's documentation (admin-guide/mm/pagemap), which is newer than the C
 * library's headers may be. */
enum {
    SCAN_PRESENT = 1 << 3,
    SCAN_ZERO = 1 << 5, /* the page of zeroes that all share */
    SCAN_HUGE = 1 << 6,
    SCAN_REGIONS = 64,
};

struct scan_region {
    uint64_t start;
    uint64_t end;
    uint64_t categories;
};

struct scan_request {
    uint64_t size;
    uint64_t flags;
    uint64_t start;
    uint64_t end;
    uint64_t walk_end;
    uint64_t regions;
    uint64_t region_count;
    uint64_t max_pages;
    uint64_t category_inverted;
    uint64_t category_mask;
    uint64_t category_anyof_mask;
    uint64_t return_mask;
};

#define SCAN_REQUEST _IOWR('f', 16, struct scan_request)

static int scan(int file, struct mm_extent extent, struct mm_residency *residency)
{
    struct scan_region regions[SCAN_REGIONS];
    struct scan_request request = {
        .size = sizeof request,
        .start = extent.start,
        .end = mm_extent_end(extent),
        .regions = (uintptr_t)regions,
        .region_count = SCAN_REGIONS,
        .category_inverted = SCAN_ZERO,
        .category_mask = SCAN_PRESENT | SCAN_ZERO,
        .return_mask = SCAN_PRESENT | SCAN_HUGE,
    };
    while (request.start < request.end) {
        const int found = ioctl(file, SCAN_REQUEST, &request);
        if (found < 0) {
            return errno;
        }
        for (int i = 0; i < found; i++) {
            const size_t bytes = (size_t)(regions[i].end - regions[i].start);
            residency->resident += bytes;
            residency->huge += (regions[i].categories & SCAN_HUGE) != 0 ? bytes : 0;
        }
        request.start = request.walk_end;
    }
    return 0;
}

int mm_linux_residency(void *context, struct mm_extent extent,
                       struct mm_residency *residency)
{
    (void)context;
    const int saved_errno = errno;
    int cancel = PTHREAD_CANCEL_ENABLE; /* open and close are cancellation points */
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    const int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    int error = file < 0 ? errno : 0;
    if (error == 0) {
        error = scan(file, extent, residency);
        (void)close(file);
    }
    (void)pthread_setcancelstate(cancel, NULL);
    errno = saved_errno;
    return error;
}
