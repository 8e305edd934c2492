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

/* Entries of pagemap from page `first` on; returns how many were read. */
static size_t read_pagemap(int file, uint64_t first, uint64_t *entries, size_t count)
{
    const ssize_t got = pread(file, entries, count * sizeof(entries[0]),
                              (off_t)(first * sizeof(entries[0])));
    return got <= 0 ? 0 : (size_t)got / sizeof(entries[0]);
}

bool kernel_view_touched(struct mm_extent range, uint64_t *bytes)
{
    enum { ENTRIES = 4096 };
    static const uint64_t present = UINT64_C(3) << 62; /* in memory, or swapped out */
    const uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t end = mm_extent_end(range) / page_bytes;
    uint64_t page = range.start / page_bytes;
    uint64_t entries[ENTRIES];
    const int file = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    *bytes = 0;
    if (file < 0) {
        return false;
    }
    while (page < end) {
        const size_t wanted = end - page < ENTRIES ? (size_t)(end - page) : ENTRIES;
        const size_t count = read_pagemap(file, page, entries, wanted);
        if (count == 0) {
            break;
        }
        for (size_t i = 0; i < count; i++) {
            *bytes += (entries[i] & present) != 0 ? page_bytes : 0;
        }
        page += count;
    }
    (void)close(file);
    return page == end;
}
