/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/sim_mappings.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIRST_CAPACITY = 64,
    /* Both neighbours, and the three parts of a piece changed in its middle. */
    MAX_PARTS = 5,
};

/* The pieces [first, first + removed) are to become parts[0 .. count). */
struct replacement {
    size_t first;
    size_t removed;
    size_t count;
    struct sim_piece parts[MAX_PARTS];
};

void sim_mappings_free(struct sim_mappings *map)
{
    free(map->pieces);
    memset(map, 0, sizeof(*map));
}

size_t sim_mappings_find(const struct sim_mappings *map, uintptr_t address)
{
    size_t low = 0;
    size_t high = map->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (map->pieces[middle].end > address) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

bool sim_mappings_any(const struct sim_mappings *map, uintptr_t start, uintptr_t end)
{
    const size_t index = sim_mappings_find(map, start);
    return index < map->count && map->pieces[index].start < end;
}

/* Whether the kernel would make one mapping of the two. */
static bool is_one_mapping(const struct sim_piece *a, const struct sim_piece *b)
{
    const unsigned difference = (unsigned)(a->flags ^ b->flags);
    return a->end == b->start && a->access == b->access && a->name == b->name &&
           (difference & ~(unsigned)SIM_FLAG_TOUCHED) == 0;
}

struct sim_piece sim_mappings_whole(const struct sim_mappings *map, size_t index)
{
    struct sim_piece whole = map->pieces[index];
    for (size_t i = index; i > 0; i--) {
        if (!is_one_mapping(&map->pieces[i - 1], &map->pieces[i])) {
            break;
        }
        whole.start = map->pieces[i - 1].start;
    }
    for (size_t i = index + 1; i < map->count; i++) {
        if (!is_one_mapping(&map->pieces[i - 1], &map->pieces[i])) {
            break;
        }
        whole.end = map->pieces[i].end;
    }
    return whole;
}

/* Appends a part, or lengthens the last one by it. Empty parts vanish. */
static void append(struct replacement *to, const struct sim_piece *part)
{
    if (part->start >= part->end) {
        return;
    }
    if (to->count > 0) {
        struct sim_piece *last = &to->parts[to->count - 1];
        if (last->holder == part->holder && is_one_mapping(last, part)) {
            last->end = part->end;
            last->flags |= part->flags;
            return;
        }
    }
    to->parts[to->count++] = *part;
}

static void append_bounded(struct replacement *to, const struct sim_piece *piece,
                           uintptr_t start, uintptr_t end)
{
    struct sim_piece part = *piece;
    part.start = start;
    part.end = end;
    append(to, &part);
}

/* Begins a replacement of the pieces from `index` on with the neighbour before them,
 * so that the two can merge. */
static void begin(const struct sim_mappings *map, size_t index, struct replacement *to)
{
    to->first = index;
    to->removed = 0;
    to->count = 0;
    if (index > 0) {
        to->first--;
        to->removed++;
        append(to, &map->pieces[index - 1]);
    }
}

/* Ends it with the neighbour behind. */
static void finish(const struct sim_mappings *map, struct replacement *to)
{
    const size_t next = to->first + to->removed;
    if (next < map->count) {
        append(to, &map->pieces[next]);
        to->removed++;
    }
}

/* How many mappings begin in `pieces`, given what precedes them. Neighbours are part of
 * every replacement, so the piece before never matters: it never merges with the first
 * part differently than before. */
static size_t count_heads(const struct sim_piece *pieces, size_t count)
{
    size_t heads = 0;
    for (size_t i = 0; i < count; i++) {
        heads += i == 0 || !is_one_mapping(&pieces[i - 1], &pieces[i]);
    }
    return heads;
}

static void make_room(struct sim_mappings *map, size_t count)
{
    if (count <= map->capacity) {
        return;
    }
    const size_t capacity = map->capacity == 0 ? FIRST_CAPACITY : 2 * map->capacity;
    struct sim_piece *pieces = realloc(map->pieces, capacity * sizeof(*pieces));
    if (pieces == NULL) {
        abort(); /* a test double has nobody to report to */
    }
    map->pieces = pieces;
    map->capacity = capacity;
}

static bool apply(struct sim_mappings *map, const struct replacement *to, size_t limit)
{
    const size_t before = count_heads(&map->pieces[to->first], to->removed);
    const size_t after = count_heads(to->parts, to->count);
    if (after > before && map->mappings + (after - before) > limit) {
        return false;
    }
    make_room(map, map->count + to->count);
    const size_t old_end = to->first + to->removed;
    memmove(&map->pieces[to->first + to->count], &map->pieces[old_end],
            (map->count - old_end) * sizeof(map->pieces[0]));
    memcpy(&map->pieces[to->first], to->parts, to->count * sizeof(map->pieces[0]));
    map->count = map->count + to->count - to->removed;
    map->mappings = map->mappings + after - before;
    return true;
}

void sim_mappings_add(struct sim_mappings *map, const struct sim_piece *piece)
{
    struct replacement to;
    make_room(map, 1);
    begin(map, sim_mappings_find(map, piece->start), &to);
    append(&to, piece);
    finish(map, &to);
    (void)apply(map, &to, SIZE_MAX);
}

bool sim_mappings_change(struct sim_mappings *map, size_t index,
                         const struct sim_piece *changed, size_t limit)
{
    const struct sim_piece *piece = &map->pieces[index];
    struct replacement to;
    begin(map, index, &to);
    to.removed++;
    append_bounded(&to, piece, piece->start, changed->start);
    append(&to, changed);
    append_bounded(&to, piece, changed->end, piece->end);
    finish(map, &to);
    return apply(map, &to, limit);
}

bool sim_mappings_remove(struct sim_mappings *map, uintptr_t start, uintptr_t end,
                         size_t limit)
{
    const size_t first = sim_mappings_find(map, start);
    size_t last = first;
    while (last < map->count && map->pieces[last].start < end) {
        last++;
    }
    if (last == first) {
        return true;
    }
    struct replacement to;
    begin(map, first, &to);
    to.removed += last - first;
    append_bounded(&to, &map->pieces[first], map->pieces[first].start, start);
    append_bounded(&to, &map->pieces[last - 1], end, map->pieces[last - 1].end);
    finish(map, &to);
    return apply(map, &to, limit);
}
