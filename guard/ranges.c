/* SPDX-License-Identifier: MIT */
#include "guard/ranges.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guard/kernel.h"

/* A change makes at most two ranges more. */
enum { ROOM = 2, FIRST_CAPACITY = 2048 };

static bool grow(struct guard_ranges *ranges)
{
    if (ranges->count + ROOM <= ranges->capacity) {
        return true;
    }
    const size_t capacity =
        ranges->capacity == 0 ? FIRST_CAPACITY : ranges->capacity * 2;
    const long arguments[GUARD_ARGUMENTS] = {0,
                                             (long)(capacity * sizeof(*ranges->held)),
                                             PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS,
                                             -1,
                                             0};
    const long got = guard_kernel6(SYS_mmap, arguments);
    if (guard_failed(got)) {
        return false;
    }
    struct guard_held *held = (struct guard_held *)got;
    if (ranges->count > 0) {
        memcpy(held, ranges->held, ranges->count * sizeof(*held));
        (void)guard_kernel(SYS_munmap, (long)ranges->held,
                           (long)(ranges->capacity * sizeof(*held)), 0, 0);
    }
    ranges->held = held;
    ranges->capacity = capacity;
    return true;
}

/* The first that ends above `address`. */
static size_t find(const struct guard_ranges *ranges, uintptr_t address)
{
    size_t low = 0;
    size_t high = ranges->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (ranges->held[middle].range.end > address) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Puts `more` in the place of those from `from` up to `to`. */
static void replace(struct guard_ranges *ranges, size_t from, size_t to,
                    const struct guard_held *more, size_t count)
{
    memmove(&ranges->held[from + count], &ranges->held[to],
            (ranges->count - to) * sizeof(*more));
    memcpy(&ranges->held[from], more, count * sizeof(*more));
    ranges->count = ranges->count - (to - from) + count;
}

/* Takes `range` out and puts `middle`, if any, into its place. */
static bool cut(struct guard_ranges *ranges, struct guard_range range,
                const struct guard_held *middle)
{
    struct guard_held pieces[3];
    size_t count = 0;
    if (range.start >= range.end) {
        return true;
    }
    if (!grow(ranges)) {
        return false;
    }
    const size_t from = find(ranges, range.start);
    size_t to = from;
    while (to < ranges->count && ranges->held[to].range.start < range.end) {
        to++;
    }
    if (from < to && ranges->held[from].range.start < range.start) {
        pieces[count] = ranges->held[from];
        pieces[count++].range.end = range.start;
    }
    if (middle != NULL) {
        pieces[count++] = *middle;
    }
    if (from < to && ranges->held[to - 1].range.end > range.end) {
        pieces[count] = ranges->held[to - 1];
        pieces[count++].range.start = range.end;
    }
    replace(ranges, from, to, pieces, count);
    return true;
}

static bool alike(const struct guard_held *a, const struct guard_held *b)
{
    return a->table == b->table && strcmp(a->name, b->name) == 0;
}

/* Neighbours that are alike are one range: a heap that grows would else fill the set. */
static struct guard_range with_neighbours(const struct guard_ranges *ranges,
                                          const struct guard_held *held)
{
    struct guard_range range = held->range;
    const size_t below = find(ranges, range.start - 1);
    if (range.start > 0 && below < ranges->count &&
        ranges->held[below].range.end == range.start &&
        alike(&ranges->held[below], held)) {
        range.start = ranges->held[below].range.start;
    }
    const size_t above = find(ranges, range.end);
    if (above < ranges->count && ranges->held[above].range.start == range.end &&
        alike(&ranges->held[above], held)) {
        range.end = ranges->held[above].range.end;
    }
    return range;
}

bool guard_ranges_add(struct guard_ranges *ranges, struct guard_held held)
{
    held.range = with_neighbours(ranges, &held);
    return cut(ranges, held.range, &held);
}

bool guard_ranges_remove(struct guard_ranges *ranges, struct guard_range range)
{
    return cut(ranges, range, NULL);
}

bool guard_ranges_name(struct guard_ranges *ranges, struct guard_range range,
                       const char *name)
{
    const struct guard_held *held = guard_ranges_meet(ranges, range);
    while (held != NULL) {
        struct guard_held named = *held;
        named.range = guard_range_common(held->range, range);
        memset(named.name, 0, sizeof(named.name));
        strncpy(named.name, name, sizeof(named.name) - 1);
        range.start = named.range.end;
        if (!guard_ranges_add(ranges, named)) {
            return false;
        }
        held = guard_ranges_meet(ranges, range);
    }
    return true;
}

const struct guard_held *guard_ranges_meet(const struct guard_ranges *ranges,
                                           struct guard_range range)
{
    const size_t i = find(ranges, range.start);
    if (range.start >= range.end || i == ranges->count ||
        ranges->held[i].range.start >= range.end) {
        return NULL;
    }
    return &ranges->held[i];
}

const struct guard_held *guard_ranges_end(const struct guard_ranges *ranges)
{
    return ranges->held + ranges->count;
}
