/* SPDX-License-Identifier: MIT */
/*
 * A tracing collector: mark and sweep, stop the world, precise roots, any number of
 * mutators, objects that never move. Its memory is a mapper's.
 *
 *     collector.c   what a runtime calls: allocate, collect, and when
 *     world.c       mutators, and how they are brought to stand still
 *     roots.h       where references are found first
 *     mark.c        what can be reached
 *     sweep.c       what cannot: cells and blocks become free, memory goes back
 *     heap.c        blocks, cells, large objects
 *     mapper_memory.c   blocks, tables and mark stack from a mapper
 */
#ifndef EXAMPLES_COLLECTOR_COLLECTOR_H
#define EXAMPLES_COLLECTOR_COLLECTOR_H

#include "examples/collector/heap.h"
#include "examples/collector/roots.h"
#include "examples/collector/world.h"

struct collector_statistics {
    uint64_t collections;
    uint64_t rescans;    /* of marking, when its stack could not grow */
    size_t live_objects; /* by the last collection */
    size_t live_bytes;
    uint64_t blocks_given; /* back, by all collections */
};

struct collector {
    struct heap heap;
    struct world world;
    pthread_mutex_t lock; /* of the lists */
    struct mutator *mutators;
    struct root_global *globals;
    struct collector_statistics statistics; /* written with the world stopped */
};

/* A thread's part. The fields are the collector's. */
struct mutator {
    struct collector *collector;
    struct mutator *next;
    struct mutator *before;
    struct allocator allocator;
    struct root_frame *frames;
};

/*
 * Makes a collector on `memory`, which it takes over. The first collection is due when
 * `least_budget` bytes were allocated, each later one when as much was as the last one
 * left, or `least_budget` if that is more. NO_MEMORY when there are no locks; then the
 * memory is still the caller's.
 */
enum mm_status collector_init(struct collector *collector, struct heap_memory *memory,
                              size_t least_budget);

/* No mutator is attached. Gives all memory back; errors are the memory's, after which
 * destroy can be called again. */
enum mm_status collector_destroy(struct collector *collector, struct mm_error *error);

/* The calling thread is a mutator from here on, running. */
void collector_attach(struct collector *collector, struct mutator *mutator);
void collector_detach(struct mutator *mutator);

void collector_add_global(struct collector *collector, struct root_global *root);

static inline void roots_push(struct mutator *mutator, struct root_frame *frame)
{
    frame->below = mutator->frames;
    mutator->frames = frame;
}

static inline void roots_pop(struct mutator *mutator, const struct root_frame *frame)
{
    mutator->frames = frame->below;
}

/*
 * A new object, all zero. May collect, here or by another thread: what the caller needs
 * is in its roots. NULL when there is no memory for it even after a collection; *error,
 * which may be NULL, says why.
 */
struct object *collector_alloc(struct mutator *mutator, uint32_t slots, uint32_t bytes,
                               struct mm_error *error);

/* A safe point, for loops that do not allocate. */
static inline void collector_poll(struct mutator *mutator)
{
    world_poll(&mutator->collector->world);
}

/* Around whatever may wait for another thread. In between the mutator touches no object. */
void collector_block(struct mutator *mutator);
void collector_unblock(struct mutator *mutator);

/* Collects now; if another mutator is collecting, that will do. */
void collector_collect(struct mutator *mutator);

/* Stops all other mutators after a whole collection, until resume, to look at the heap. */
void collector_stop(struct mutator *mutator);
void collector_resume(struct mutator *mutator);

#endif /* EXAMPLES_COLLECTOR_COLLECTOR_H */
