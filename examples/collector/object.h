/* SPDX-License-Identifier: MIT */
/*
 * What the collector manages: an object is a header, references, and plain bytes.
 *
 *     | slots, bytes | slot 0 | slot 1 | ... | bytes ...        |
 *       8 bytes        references, or NULL     the mutator's
 *
 * Mutators share objects, so references are atomic: who loads one (acquire) sees what was
 * written before it was stored (release), the object's header above all.
 */
#ifndef EXAMPLES_COLLECTOR_OBJECT_H
#define EXAMPLES_COLLECTOR_OBJECT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct object {
    uint32_t slots;
    uint32_t bytes;
    _Atomic(struct object *) slot[];
};

/* Cannot overflow: both are 32 bits. */
static inline size_t object_size(uint32_t slots, uint32_t bytes)
{
    return sizeof(struct object) + slots * sizeof(void *) + (size_t)bytes;
}

static inline struct object *object_get(struct object *object, uint32_t slot)
{
    return atomic_load_explicit(&object->slot[slot], memory_order_acquire);
}

static inline void object_set(struct object *object, uint32_t slot,
                              struct object *target)
{
    atomic_store_explicit(&object->slot[slot], target, memory_order_release);
}

/* The plain bytes: what mutators do there is between them. */
static inline void *object_bytes(struct object *object)
{
    return &object->slot[object->slots];
}

#endif /* EXAMPLES_COLLECTOR_OBJECT_H */
