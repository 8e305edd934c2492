/* SPDX-License-Identifier: MIT */
/*
 * The hot paths, called some hundred times each, for their instructions to be counted by
 * `valgrind --tool=callgrind`. No system call is made for extents and nothing depends on
 * time, addresses or chance, so that the counts are the same on every machine; they change
 * with the sources and with the compiler.
 *
 * Each function counted_NAME does one operation, and is what is counted, once with its own
 * few instructions: see tools/harness_lib/bench_instructions.py.
 */
#include <stdlib.h>

#include "bench/fail.h"
#include "bench/world.h"
#include "spaces/freelist_space.h"
#include "spaces/immortal_window.h"
#include "spaces/raw_memory_freelist.h"

enum {
    CALLS = 500,
    UNITS = 4000, /* no border of size classes */
    SPACE_CHUNKS = 8,
    ALLOCATED_BYTES = 16,
};

#define COUNTED __attribute__((noinline))

struct counted {
    struct bench_world world;
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_error error;
    struct immortal_space *immortal;
    struct raw_memory_freelist *list;
    struct freelist_space *pages;
};

/* ------------------------------------------------------------ what is counted */

static COUNTED bool counted_is_mapped_uniform(const struct counted *c, uintptr_t at)
{
    return mmapper_is_mapped(c->mapper, at);
}

static COUNTED bool counted_is_mapped_split(const struct counted *c, uintptr_t at)
{
    return mmapper_is_mapped(c->mapper, at);
}

static COUNTED struct mm_lookup counted_lookup_uniform(const struct counted *c,
                                                       uintptr_t at)
{
    return mmapper_lookup(c->mapper, at);
}

static COUNTED struct mm_lookup counted_lookup_split(const struct counted *c,
                                                     uintptr_t at)
{
    return mmapper_lookup(c->mapper, at);
}

static COUNTED enum mm_status counted_ensure_mapped_uniform(struct counted *c,
                                                            uintptr_t at)
{
    return mmapper_ensure_mapped(c->mapper, c->owner, mm_extent_of(at, BENCH_CHUNK),
                                 &c->error);
}

static COUNTED enum mm_status counted_ensure_mapped_split(struct counted *c,
                                                          uintptr_t at)
{
    return mmapper_ensure_mapped(c->mapper, c->owner, mm_extent_of(at, BENCH_CHUNK),
                                 &c->error);
}

static COUNTED enum mm_status counted_quarantine(struct counted *c, uintptr_t at)
{
    return mmapper_quarantine(c->mapper, c->owner, mm_extent_of(at, BENCH_CHUNK),
                              &c->error);
}

static COUNTED enum mm_status counted_ensure_mapped_fresh(struct counted *c,
                                                          uintptr_t at)
{
    return mmapper_ensure_mapped(c->mapper, c->owner, mm_extent_of(at, BENCH_CHUNK),
                                 &c->error);
}

static COUNTED enum mm_status counted_decommit(struct counted *c, uintptr_t at)
{
    return mmapper_decommit(c->mapper, c->owner, mm_extent_of(at, BENCH_CHUNK),
                            &c->error);
}

static COUNTED enum mm_status counted_release(struct counted *c, uintptr_t at)
{
    return mmapper_release(c->mapper, c->owner, mm_extent_of(at, BENCH_CHUNK),
                           &c->error);
}

static COUNTED enum mm_status counted_immortal_alloc(struct counted *c,
                                                     uintptr_t *address)
{
    return immortal_space_alloc(c->immortal, ALLOCATED_BYTES, 8, address, &c->error);
}

static COUNTED enum mm_status counted_immortal_window(struct immortal_window *window,
                                                      uintptr_t *address)
{
    return immortal_window_alloc(window, ALLOCATED_BYTES, 8, address, NULL);
}

static COUNTED enum mm_status counted_freelist_pair(struct counted *c)
{
    uint32_t unit;
    const enum mm_status status = raw_memory_freelist_alloc(c->list, 0, 1, &unit);
    return status == MM_OK ? raw_memory_freelist_free(c->list, 0, unit, NULL) : status;
}

static COUNTED enum mm_status counted_freelist_binned_pair(struct counted *c)
{
    uint32_t unit;
    const enum mm_status status = raw_memory_freelist_alloc(c->list, 0, 1, &unit);
    return status == MM_OK ? raw_memory_freelist_free(c->list, 0, unit, NULL) : status;
}

static COUNTED enum mm_status counted_freelist_space_pair(struct counted *c)
{
    uintptr_t address;
    const enum mm_status status =
        freelist_space_alloc(c->pages, 1, &address, &c->error);
    return status == MM_OK ? freelist_space_free(c->pages, address, NULL, &c->error)
                           : status;
}

/* -------------------------------------------------------------------- the rest */

static void call_uniform(struct counted *c)
{
    const struct mm_extent region = mm_extent_of(BENCH_OURS, BENCH_REGION);
    bench_world_quarantine(&c->world, region);
    bench_world_map(&c->world, region);
    for (size_t i = 0; i < CALLS; i++) {
        const uintptr_t at = BENCH_OURS + i * BENCH_CHUNK;
        BENCH_CHECK(counted_is_mapped_uniform(c, at));
        BENCH_CHECK(counted_lookup_uniform(c, at).owner == c->owner);
        bench_must(counted_ensure_mapped_uniform(c, at), &c->error);
    }
}

static void call_split(struct counted *c)
{
    const uintptr_t base = BENCH_OURS + BENCH_REGION;
    bench_world_split(&c->world, mm_extent_of(base, BENCH_REGION));
    for (size_t i = 0; i < CALLS; i++) {
        const uintptr_t at = base + i * BENCH_CHUNK;
        bench_must(counted_quarantine(c, at), &c->error);
        bench_must(counted_ensure_mapped_fresh(c, at), &c->error);
        BENCH_CHECK(counted_is_mapped_split(c, at));
        BENCH_CHECK(counted_lookup_split(c, at).owner == c->owner);
        bench_must(counted_ensure_mapped_split(c, at), &c->error);
        bench_must(counted_decommit(c, at), &c->error);
        bench_must(counted_release(c, at), &c->error);
    }
}

static void call_window(struct immortal_space *space)
{
    const size_t bytes = (CALLS + 1) * (size_t)ALLOCATED_BYTES;
    struct immortal_window window = immortal_window_of(space, bytes);
    uintptr_t address; /* the first one takes all of the window from the space */
    bench_must(immortal_window_alloc(&window, ALLOCATED_BYTES, 8, &address, NULL),
               NULL);
    for (size_t i = 0; i < CALLS; i++) {
        bench_must(counted_immortal_window(&window, &address), NULL);
    }
}

static void call_immortal(struct counted *c)
{
    const struct immortal_space_options options = {
        .name = "immortal",
        .placement = {.rule = SPACE_EXACT, .start = BENCH_OURS + 2 * BENCH_REGION},
        .bytes = SPACE_CHUNKS * BENCH_CHUNK,
    };
    bench_must(immortal_space_create(c->mapper, &options, &c->immortal, &c->error),
               &c->error);
    for (size_t i = 0; i < CALLS; i++) {
        uintptr_t address;
        bench_must(counted_immortal_alloc(c, &address), &c->error);
    }
    call_window(c->immortal);
    bench_must(immortal_space_destroy(c->immortal, &c->error), &c->error);
}

static void call_freelist(struct counted *c, enum raw_memory_freelist_policy policy)
{
    const struct raw_memory_freelist_shape shape = {.max_units = UNITS,
                                                    .units = UNITS,
                                                    .grain = UNITS,
                                                    .heads = 1,
                                                    .policy = policy};
    const bool binned = policy == RAW_MEMORY_FREELIST_BINNED;
    const size_t bytes = raw_memory_freelist_table_bytes(&shape);
    void *table = calloc(1, bytes);
    BENCH_CHECK(table != NULL);
    bench_must(raw_memory_freelist_create_on(table, bytes, &shape, &c->list, NULL),
               NULL);
    for (size_t i = 0; i < CALLS; i++) {
        bench_must(binned ? counted_freelist_binned_pair(c) : counted_freelist_pair(c),
                   NULL);
    }
    bench_must(raw_memory_freelist_destroy(c->list, NULL), NULL);
    free(table);
}

/* On real memory, for the list lies in it: the first pair maps what all others use. */
static void call_freelist_space(struct counted *c)
{
    struct bench_world world;
    const struct bench_world_options options = {0};
    bench_world_open(&world, 1, &options);
    const struct freelist_space_options space = {
        .name = "pages",
        .strategy = bench_strategy(&options),
        .placement = {.rule = SPACE_EXACT, .start = BENCH_FLOOR},
        .bytes = SPACE_CHUNKS * BENCH_CHUNK,
    };
    uintptr_t address;
    bench_must(freelist_space_create(world.mapper, &space, &c->pages, &c->error),
               &c->error);
    bench_must(freelist_space_alloc(c->pages, 1, &address, &c->error), &c->error);
    bench_must(freelist_space_free(c->pages, address, NULL, &c->error), &c->error);
    for (size_t i = 0; i < CALLS; i++) {
        bench_must(counted_freelist_space_pair(c), &c->error);
    }
    bench_must(freelist_space_destroy(c->pages, &c->error), &c->error);
    bench_world_close(&world);
}

int main(void)
{
    struct counted c = {0};
    const struct bench_world_options options = {.idle = true};
    bench_world_open(&c.world, 1, &options);
    c.mapper = c.world.mapper;
    c.owner = c.world.owners[0];
    call_uniform(&c);
    call_split(&c);
    call_immortal(&c);
    call_freelist(&c, RAW_MEMORY_FREELIST_FIRST_FIT);
    call_freelist(&c, RAW_MEMORY_FREELIST_BINNED);
    call_freelist_space(&c);
    bench_world_close(&c.world);
    return 0;
}
