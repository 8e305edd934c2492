/* SPDX-License-Identifier: MIT */
/* Address space for the windows: far from where the kernel puts mappings on its own. */
#include "mmapper/mmap_support.h"
#include "stress/history_replay.h"
#include "stress/sanitizers.h"

/* The kernel places mappings downwards from below the stack, whose place is random
 * within a terabyte; sanitizers allow this area, but not every other. */
#define ROOM_BASE UINT64_C(0x7e8000000000)
#define ROOM_BYTES (UINT64_C(448) << 30)
/* Without a sanitizer all is usable below where the kernel puts position-independent
 * programs, which is two thirds up. */
#define WIDE_BASE UINT64_C(0x100000000000)
#define WIDE_BYTES (UINT64_C(64) << 40)

struct search {
    uint64_t bytes;
    uintptr_t from;
    bool found;
};

static bool pass_mapping(void *argument, const struct mm_mapping *mapping)
{
    struct search *search = argument;
    if (mapping->extent.start >= search->from &&
        mapping->extent.start - search->from >= search->bytes) {
        search->found = true;
        return false;
    }
    search->from = mm_extent_end(mapping->extent);
    return true;
}

static bool search_in(uint64_t base, uint64_t room, uint64_t bytes, uintptr_t *place)
{
    const struct mmap_support support = mmap_support_linux();
    struct search search = {.bytes = bytes, .from = base};
    const struct mm_extent range = mm_extent_of(base, room);
    if (support.operations->each_mapping(support.context, range, pass_mapping,
                                         &search) != 0) {
        return false;
    }
    if (!search.found &&
        (search.from >= base + room || base + room - search.from < bytes)) {
        return false;
    }
    *place = search.from;
    return true;
}

bool history_find_room(uint64_t bytes, uintptr_t *base)
{
    return search_in(ROOM_BASE, ROOM_BYTES, bytes, base) ||
           (!STRESS_SANITIZED && search_in(WIDE_BASE, WIDE_BYTES, bytes, base));
}

uint64_t history_room(void)
{
    return STRESS_SANITIZED ? ROOM_BYTES : WIDE_BYTES;
}
