/* SPDX-License-Identifier: MIT */
#include "examples/collector/collector.h"

#include "examples/collector/mark.h"
#include "examples/collector/sweep.h"

enum mm_status collector_init(struct collector *collector, struct heap_memory *memory,
                              size_t least_budget)
{
    collector->mutators = NULL;
    collector->globals = NULL;
    collector->statistics = (struct collector_statistics){0};
    if (pthread_mutex_init(&collector->lock, NULL) != 0) {
        return MM_NO_MEMORY;
    }
    if (!world_init(&collector->world)) {
        (void)pthread_mutex_destroy(&collector->lock);
        return MM_NO_MEMORY;
    }
    if (heap_init(&collector->heap, memory, least_budget) != MM_OK) {
        world_destroy(&collector->world);
        (void)pthread_mutex_destroy(&collector->lock);
        return MM_NO_MEMORY;
    }
    return MM_OK;
}

enum mm_status collector_destroy(struct collector *collector, struct mm_error *error)
{
    const enum mm_status status = heap_destroy(&collector->heap, error);
    if (status == MM_OK) {
        world_destroy(&collector->world);
        (void)pthread_mutex_destroy(&collector->lock);
    }
    return status;
}

/* -------------------------------------------------------------------- mutators */

void collector_attach(struct collector *collector, struct mutator *mutator)
{
    *mutator = (struct mutator){.collector = collector};
    /* Enters first: then no collection is under way that would miss it. */
    world_enter(&collector->world);
    (void)pthread_mutex_lock(&collector->lock);
    mutator->next = collector->mutators;
    if (mutator->next != NULL) {
        mutator->next->before = mutator;
    }
    collector->mutators = mutator;
    (void)pthread_mutex_unlock(&collector->lock);
}

void collector_detach(struct mutator *mutator)
{
    struct collector *collector = mutator->collector;
    (void)pthread_mutex_lock(&collector->lock);
    if (mutator->before != NULL) {
        mutator->before->next = mutator->next;
    } else {
        collector->mutators = mutator->next;
    }
    if (mutator->next != NULL) {
        mutator->next->before = mutator->before;
    }
    (void)pthread_mutex_unlock(&collector->lock);
    world_leave(&collector->world);
}

void collector_add_global(struct collector *collector, struct root_global *root)
{
    (void)pthread_mutex_lock(&collector->lock);
    root->next = collector->globals;
    collector->globals = root;
    (void)pthread_mutex_unlock(&collector->lock);
}

void collector_block(struct mutator *mutator)
{
    world_leave(&mutator->collector->world);
}

void collector_unblock(struct mutator *mutator)
{
    world_enter(&mutator->collector->world);
}

/* ------------------------------------------------------------------ collecting */

/* With the world stopped. */
static void collect(struct collector *collector)
{
    struct marker marker;
    marker_init(&marker, &collector->heap);
    roots_mark_globals(&marker, collector->globals);
    for (struct mutator *mutator = collector->mutators; mutator != NULL;
         mutator = mutator->next) {
        roots_mark_frames(&marker, mutator->frames);
        allocator_reset(&mutator->allocator);
    }
    marker_finish(&marker);
    const struct sweep_result swept = heap_sweep(&collector->heap);
    collector->statistics.collections++;
    collector->statistics.rescans += marker.rescans;
    collector->statistics.live_objects = swept.objects;
    collector->statistics.live_bytes = swept.bytes;
    collector->statistics.blocks_given += swept.given;
}

void collector_collect(struct mutator *mutator)
{
    struct collector *collector = mutator->collector;
    if (world_stop(&collector->world)) {
        collect(collector);
        world_resume(&collector->world);
    }
}

void collector_stop(struct mutator *mutator)
{
    struct collector *collector = mutator->collector;
    while (!world_stop(&collector->world)) {
        /* Another one collected meanwhile. */
    }
    collect(collector);
}

void collector_resume(struct mutator *mutator)
{
    world_resume(&mutator->collector->world);
}

/* ------------------------------------------------------------------ allocating */

struct object *collector_alloc(struct mutator *mutator, uint32_t slots, uint32_t bytes,
                               struct mm_error *error)
{
    struct collector *collector = mutator->collector;
    struct heap *heap = &collector->heap;
    collector_poll(mutator);
    if (heap_wants_collection(heap)) {
        collector_collect(mutator);
    }
    struct object *object = heap_alloc(heap, &mutator->allocator, slots, bytes);
    if (object == NULL) {
        collector_collect(mutator);
        object = heap_alloc(heap, &mutator->allocator, slots, bytes);
    }
    if (object == NULL && error != NULL) {
        (void)pthread_mutex_lock(&heap->lock);
        *error = heap->failure;
        (void)pthread_mutex_unlock(&heap->lock);
    }
    return object;
}
