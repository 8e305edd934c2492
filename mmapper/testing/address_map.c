/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/address_map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

struct claim {
    uintptr_t first;
    uintptr_t last; /* inclusive: an extent may end at the top */
    uint64_t token;
};

/* Claims in ascending order, none adjacent to one of the same token. */
struct address_map {
    pthread_mutex_t lock;
    struct claim *claims;
    size_t count;
    size_t capacity;
};

struct address_map *address_map_create(void)
{
    struct address_map *map = calloc(1, sizeof(*map));
    if (map == NULL || pthread_mutex_init(&map->lock, NULL) != 0) {
        abort();
    }
    return map;
}

void address_map_destroy(struct address_map *map)
{
    (void)pthread_mutex_destroy(&map->lock);
    free(map->claims);
    free(map);
}

static struct claim claim_of(struct mm_extent extent, uint64_t token)
{
    if (extent.bytes == 0 || extent.bytes - 1 > UINTPTR_MAX - extent.start) {
        abort();
    }
    const struct claim claim = {extent.start, extent.start + (extent.bytes - 1), token};
    return claim;
}

static struct address_claim report(const struct claim *claim)
{
    const struct address_claim reported = {
        {claim->first, claim->last - claim->first + 1}, claim->token};
    return reported;
}

/* Index of the first claim that does not lie wholly below `address`. */
static size_t seek(const struct address_map *map, uintptr_t address)
{
    size_t from = 0;
    size_t to = map->count;
    while (from < to) {
        const size_t probe = (from + to) / 2;
        if (map->claims[probe].last < address) {
            from = probe + 1;
        } else {
            to = probe;
        }
    }
    return from;
}

static void open_gap(struct address_map *map, size_t at)
{
    if (map->count == map->capacity) {
        map->capacity = map->capacity == 0 ? FIRST_CAPACITY : map->capacity * 2;
        struct claim *const grown =
            realloc(map->claims, map->capacity * sizeof(map->claims[0]));
        if (grown == NULL) {
            abort();
        }
        map->claims = grown;
    }
    memmove(map->claims + at + 1, map->claims + at,
            (map->count - at) * sizeof(map->claims[0]));
    map->count++;
}

static void close_gap(struct address_map *map, size_t at)
{
    map->count--;
    memmove(map->claims + at, map->claims + at + 1,
            (map->count - at) * sizeof(map->claims[0]));
}

/* Makes one of the claims before and at `at`, if they are one. */
static void join(struct address_map *map, size_t at)
{
    if (at == 0 || at >= map->count) {
        return;
    }
    struct claim *left = &map->claims[at - 1];
    const struct claim *right = &map->claims[at];
    if (left->token == right->token && left->last + 1 == right->first) {
        left->last = right->last;
        close_gap(map, at);
    }
}

/* Adds a claim where none is. */
static void put(struct address_map *map, struct claim claim)
{
    const size_t at = seek(map, claim.first);
    open_gap(map, at);
    map->claims[at] = claim;
    join(map, at + 1);
    join(map, at);
}

/* Takes out `claim`, which lies within one that is there. */
static void cut(struct address_map *map, struct claim claim)
{
    const size_t at = seek(map, claim.first);
    const struct claim whole = map->claims[at];
    close_gap(map, at);
    if (whole.last > claim.last) {
        open_gap(map, at);
        map->claims[at] = (struct claim){claim.last + 1, whole.last, whole.token};
    }
    if (whole.first < claim.first) {
        open_gap(map, at);
        map->claims[at] = (struct claim){whole.first, claim.first - 1, whole.token};
    }
}

/* Whether one claim of the token has it all; claims are maximal, so one or none. */
static bool held(const struct address_map *map, struct claim wanted,
                 struct address_claim *found)
{
    struct address_claim other = {{wanted.first, 0}, 0};
    size_t at = seek(map, wanted.first);
    if (at < map->count && map->claims[at].first <= wanted.first &&
        map->claims[at].token == wanted.token) {
        if (map->claims[at].last >= wanted.last) {
            return true;
        }
        other.extent.start = map->claims[at].last + 1;
        at++;
    }
    if (at < map->count && map->claims[at].first <= other.extent.start) {
        other = report(&map->claims[at]);
    } else if (at < map->count) {
        other.extent.bytes = map->claims[at].first - other.extent.start;
    }
    if (found != NULL) {
        *found = other;
    }
    return false;
}

bool address_map_insert(struct address_map *map, struct mm_extent extent,
                        uint64_t token, struct address_claim *found)
{
    const struct claim wanted = claim_of(extent, token);
    (void)pthread_mutex_lock(&map->lock);
    const size_t at = seek(map, wanted.first);
    const bool is_free = at == map->count || map->claims[at].first > wanted.last;
    if (is_free) {
        put(map, wanted);
    } else if (found != NULL) {
        *found = report(&map->claims[at]);
    }
    (void)pthread_mutex_unlock(&map->lock);
    return is_free;
}

bool address_map_remove(struct address_map *map, struct mm_extent extent,
                        uint64_t token, struct address_claim *found)
{
    const struct claim wanted = claim_of(extent, token);
    (void)pthread_mutex_lock(&map->lock);
    const bool is_held = held(map, wanted, found);
    if (is_held) {
        cut(map, wanted);
    }
    (void)pthread_mutex_unlock(&map->lock);
    return is_held;
}

bool address_map_change(struct address_map *map, struct mm_extent extent, uint64_t from,
                        uint64_t to, struct address_claim *found)
{
    const struct claim wanted = claim_of(extent, from);
    (void)pthread_mutex_lock(&map->lock);
    const bool is_held = held(map, wanted, found);
    if (is_held) {
        cut(map, wanted);
        put(map, claim_of(extent, to));
    }
    (void)pthread_mutex_unlock(&map->lock);
    return is_held;
}

bool address_map_holds(struct address_map *map, struct mm_extent extent, uint64_t token,
                       struct address_claim *found)
{
    const struct claim wanted = claim_of(extent, token);
    (void)pthread_mutex_lock(&map->lock);
    const bool is_held = held(map, wanted, found);
    (void)pthread_mutex_unlock(&map->lock);
    return is_held;
}

bool address_map_query(struct address_map *map, uintptr_t address,
                       struct address_claim *claim)
{
    (void)pthread_mutex_lock(&map->lock);
    const size_t at = seek(map, address);
    const bool is_held = at < map->count && map->claims[at].first <= address;
    if (is_held) {
        *claim = report(&map->claims[at]);
    }
    (void)pthread_mutex_unlock(&map->lock);
    return is_held;
}

bool address_map_next(struct address_map *map, uintptr_t address,
                      struct address_claim *claim)
{
    (void)pthread_mutex_lock(&map->lock);
    const size_t at = seek(map, address);
    const bool exists = at < map->count;
    if (exists) {
        *claim = report(&map->claims[at]);
    }
    (void)pthread_mutex_unlock(&map->lock);
    return exists;
}

size_t address_map_count(struct address_map *map)
{
    (void)pthread_mutex_lock(&map->lock);
    const size_t count = map->count;
    (void)pthread_mutex_unlock(&map->lock);
    return count;
}

static uint64_t sum(struct address_map *map, bool of_all, uint64_t token)
{
    uint64_t bytes = 0;
    (void)pthread_mutex_lock(&map->lock);
    for (size_t i = 0; i < map->count; i++) {
        if (of_all || map->claims[i].token == token) {
            bytes += report(&map->claims[i]).extent.bytes;
        }
    }
    (void)pthread_mutex_unlock(&map->lock);
    return bytes;
}

uint64_t address_map_bytes(struct address_map *map)
{
    return sum(map, true, 0);
}

uint64_t address_map_token_bytes(struct address_map *map, uint64_t token)
{
    return sum(map, false, token);
}
