/* SPDX-License-Identifier: MIT */
#include "examples/collector/mark.h"

#include <stdio.h>
#include <stdlib.h>

enum { STACK_STEP_BYTES = 256 * 1024 };

void marker_init(struct marker *marker, struct heap *heap)
{
    *marker = (struct marker){
        .heap = heap,
        .stack = (struct object **)heap->memory->mark_stack.start,
    };
}

static bool has_room(struct marker *marker)
{
    if (marker->count < marker->mapped) {
        return true;
    }
    const struct heap_memory *memory = marker->heap->memory;
    size_t bytes = marker->mapped * sizeof(marker->stack[0]) + STACK_STEP_BYTES;
    if (bytes > memory->mark_stack.bytes) {
        bytes = memory->mark_stack.bytes;
    }
    if (memory->operations->grow_stack(marker->heap->memory, bytes, NULL) != MM_OK) {
        return false;
    }
    marker->mapped = bytes / sizeof(marker->stack[0]);
    return marker->count < marker->mapped;
}

void marker_mark(struct marker *marker, struct object *object)
{
    struct heap *heap = marker->heap;
    if (object == NULL) {
        return;
    }
    if (!heap_is_object(heap, (uintptr_t)object)) {
        (void)fprintf(stderr, "collector: a reference to %p, where no object is\n",
                      (void *)object);
        abort();
    }
    const size_t bit = heap_bit(heap, (uintptr_t)object);
    const uint64_t word = heap_word_load(heap->memory->marks, bit);
    if ((word & heap_mask(bit)) != 0) {
        return;
    }
    heap_word_store(heap->memory->marks, bit, word | heap_mask(bit));
    if (object->slots == 0) {
        return;
    }
    if (has_room(marker)) {
        marker->stack[marker->count++] = object;
    } else {
        marker->overflowed = true;
    }
}

static void mark_slots(struct marker *marker, struct object *object)
{
    for (uint32_t i = 0; i < object->slots; i++) {
        marker_mark(marker, object_get(object, i));
    }
}

static void drain(struct marker *marker)
{
    while (marker->count > 0) {
        mark_slots(marker, marker->stack[--marker->count]);
    }
}

static void rescan(void *argument, struct object *object)
{
    struct marker *marker = argument;
    mark_slots(marker, object);
    drain(marker);
}

void marker_finish(struct marker *marker)
{
    drain(marker);
    while (marker->overflowed) {
        marker->overflowed = false;
        marker->rescans++;
        heap_each_object(marker->heap, true, rescan, marker);
    }
}
