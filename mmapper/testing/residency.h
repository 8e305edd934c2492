/* SPDX-License-Identifier: MIT */
/*
 * How many pages of the real kernel have memory behind them. Asked page by page: who
 * emulates a kernel of larger pages answers for its own smaller ones, and refuses ranges
 * of which a part is inaccessible. Includers compile with -D_GNU_SOURCE.
 */
#ifndef MMAPPER_TESTING_RESIDENCY_H
#define MMAPPER_TESTING_RESIDENCY_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mmapper/testing/expect.h"

static inline bool page_is_resident(uintptr_t page, size_t page_bytes)
{
    enum { MOST_PARTS = 16 }; /* 64 KiB of 4 KiB pages */
    unsigned char parts[MOST_PARTS] = {0};
    if (mincore((void *)page, page_bytes, parts) != 0) {
        EXPECT_EQ(errno, ENOMEM); /* nothing there, or nothing accessible */
        return false;
    }
    return (parts[0] & 1) != 0;
}

/* `start` is a multiple of the page size. */
static inline size_t resident_pages(uintptr_t start, size_t bytes)
{
    const size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t resident = 0;
    for (size_t at = 0; at < bytes; at += page_bytes) {
        resident += page_is_resident(start + at, page_bytes);
    }
    return resident;
}

#endif /* MMAPPER_TESTING_RESIDENCY_H */
