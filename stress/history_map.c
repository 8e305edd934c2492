/* SPDX-License-Identifier: MIT */
#include "stress/history_map.h"

#include <string.h>

#include "stress/history_grow.h"

void history_map_free(struct history_map *map)
{
    free(map->pieces);
    *map = (struct history_map){0};
}

size_t history_map_find(const struct history_map *map, uint64_t address)
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

bool history_map_meets(const struct history_map *map, uint64_t start, uint64_t end)
{
    const size_t i = history_map_find(map, start);
    return i < map->count && map->pieces[i].start < end;
}

static void insert_at(struct history_map *map, size_t index, struct history_piece piece)
{
    map->pieces =
        history_grow(map->pieces, &map->capacity, map->count + 1, sizeof(piece));
    memmove(&map->pieces[index + 1], &map->pieces[index],
            (map->count - index) * sizeof(piece));
    map->pieces[index] = piece;
    map->count++;
}

static void erase(struct history_map *map, size_t from, size_t to)
{
    if (from < to) {
        memmove(&map->pieces[from], &map->pieces[to],
                (map->count - to) * sizeof(map->pieces[0]));
        map->count -= to - from;
    }
}

void history_map_cut(struct history_map *map, uint64_t address)
{
    const size_t i = history_map_find(map, address);
    if (i == map->count || map->pieces[i].start >= address) {
        return;
    }
    struct history_piece upper = map->pieces[i];
    map->pieces[i].end = address;
    upper.start = address;
    insert_at(map, i + 1, upper);
}

void history_map_remove(struct history_map *map, uint64_t start, uint64_t end)
{
    history_map_cut(map, start);
    history_map_cut(map, end);
    const size_t from = history_map_find(map, start);
    size_t to = from;
    while (to < map->count && map->pieces[to].start < end) {
        map->bytes -= map->pieces[to].end - map->pieces[to].start;
        to++;
    }
    erase(map, from, to);
}

static bool mergeable(const struct history_piece *low, const struct history_piece *high)
{
    return low->end == high->start && low->origin == high->origin &&
           low->line == high->line && low->protection == high->protection &&
           low->no_fork == high->no_fork;
}

void history_map_merge(struct history_map *map, uint64_t start, uint64_t end)
{
    size_t i = history_map_find(map, start);
    i = i > 0 ? i - 1 : 0;
    while (i + 1 < map->count && map->pieces[i].start <= end) {
        if (mergeable(&map->pieces[i], &map->pieces[i + 1])) {
            map->pieces[i].end = map->pieces[i + 1].end;
            erase(map, i + 1, i + 2);
        } else {
            i++;
        }
    }
}

void history_map_add(struct history_map *map, struct history_piece piece)
{
    insert_at(map, history_map_find(map, piece.start), piece);
    map->bytes += piece.end - piece.start;
    history_map_merge(map, piece.start, piece.end);
}

uint64_t history_map_hole(const struct history_map *map, uint64_t start, uint64_t end)
{
    uint64_t at = start;
    size_t i = history_map_find(map, start);
    while (at < end && i < map->count && map->pieces[i].start <= at) {
        at = map->pieces[i].end;
        i++;
    }
    return at < end ? at : end;
}

bool history_map_valid(const struct history_map *map)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < map->count; i++) {
        const struct history_piece *piece = &map->pieces[i];
        if (piece->start >= piece->end) {
            return false;
        }
        if (i > 0 &&
            (map->pieces[i - 1].end > piece->start || mergeable(piece - 1, piece))) {
            return false;
        }
        bytes += piece->end - piece->start;
    }
    return bytes == map->bytes;
}
