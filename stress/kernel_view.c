/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/kernel_view.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool kernel_view_read(struct mm_extent range, struct kernel_view *view)
{
    char line[512];
    FILE *file = fopen("/proc/self/maps", "r");
    *view = (struct kernel_view){0};
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uintptr_t start = 0;
        uintptr_t end = 0;
        char access[5] = "";
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s", &start, &end, access) != 3) {
            continue; /* the rest of an overlong line */
        }
        start = start > range.start ? start : range.start;
        end = end < mm_extent_end(range) ? end : mm_extent_end(range);
        if (start < end) {
            view->mappings++;
            view->bytes += end - start;
            view->writable += strncmp(access, "rw", 2) == 0 ? end - start : 0;
        }
    }
    const bool good = ferror(file) == 0;
    (void)fclose(file);
    return good;
}

bool kernel_view_resident(struct mm_extent range, size_t page_bytes, uint64_t *pages)
{
    enum { ENTRIES = 4096 };
    static const uint64_t present = UINT64_C(3) << 62; /* in memory, or swapped */
    uint64_t entries[ENTRIES];
    const int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    const uint64_t end = mm_extent_end(range) / page_bytes;
    *pages = 0;
    if (file < 0) {
        return false;
    }
    for (uint64_t page = range.start / page_bytes; page < end;) {
        const uint64_t left = end - page;
        const size_t wanted = (size_t)(left < ENTRIES ? left : ENTRIES);
        const ssize_t got = pread(file, entries, wanted * sizeof(entries[0]),
                                  (off_t)(page * sizeof(entries[0])));
        if (got <= 0) {
            (void)close(file);
            return false;
        }
        const size_t count = (size_t)got / sizeof(entries[0]);
        for (size_t i = 0; i < count; i++) {
            *pages += (entries[i] & present) != 0 ? 1 : 0;
        }
        page += count;
    }
    (void)close(file);
    return true;
}
