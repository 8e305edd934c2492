/* SPDX-License-Identifier: MIT */
#include "stress/kernel_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

bool kernel_view_resident(struct mm_extent range, uint64_t *bytes)
{
    char line[512];
    bool inside = false;
    uint64_t covered = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    *bytes = 0;
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        uintptr_t start = 0;
        uintptr_t end = 0;
        uint64_t kib = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &start, &end) == 2) {
            inside = start < end &&
                     mm_extent_contains(range, mm_extent_of(start, end - start));
            covered += inside ? end - start : 0;
        } else if (inside && sscanf(line, "Rss: %" SCNu64 " kB", &kib) == 1) {
            *bytes += kib * 1024;
        }
    }
    const bool good = ferror(file) == 0;
    (void)fclose(file);
    return good && covered == range.bytes;
}
