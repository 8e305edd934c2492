/* SPDX-License-Identifier: MIT */
/*
 * A naive raw memory free list, to compare the real one with: an array of what is at
 * each unit, an array for the order of each list, everything by linear search, no code
 * or representation shared. Its calls return what the real ones have to return.
 */
#ifndef SPACES_FREELIST_MODEL_H
#define SPACES_FREELIST_MODEL_H

#include "spaces/raw_memory_freelist.h"

enum {
    MODEL_MAX_UNITS = 240, /* so that a unit's number fits in a byte */
    MODEL_MAX_HEADS = 4,
    MODEL_MAX_LISTS = 80, /* the bins of so few units, and bin 0, which is none */
};

enum model_unit {
    MODEL_INSIDE = 0, /* of the block that began at a lower unit */
    MODEL_USED,       /* a used block begins */
    MODEL_FREE,       /* a free block begins */
};

struct model_list {
    uint8_t units[MODEL_MAX_UNITS]; /* first units of free blocks, in list order */
    uint32_t count;
};

struct freelist_model {
    struct raw_memory_freelist_shape shape; /* `units` are the units there are now */
    enum model_unit at[MODEL_MAX_UNITS];
    bool border[MODEL_MAX_UNITS + 1];
    struct model_list lists[MODEL_MAX_LISTS]; /* of heads, or bins */
};

/* The shape is valid and within the limits above. */
void freelist_model_init(struct freelist_model *model,
                         const struct raw_memory_freelist_shape *shape);

/* The lists that have blocks: heads or bins. */
uint32_t freelist_model_lists(const struct freelist_model *model);

enum mm_status freelist_model_alloc(struct freelist_model *model, uint32_t head,
                                    uint32_t units, uint32_t *unit);
enum mm_status freelist_model_alloc_from_unit(struct freelist_model *model,
                                              uint32_t head, uint32_t units,
                                              uint32_t unit);
enum mm_status freelist_model_free(struct freelist_model *model, uint32_t head,
                                   uint32_t unit,
                                   struct raw_memory_freelist_freed *freed);
enum mm_status freelist_model_grow(struct freelist_model *model, uint32_t head,
                                   uint32_t units);
enum mm_status freelist_model_set_border(struct freelist_model *model, uint32_t unit,
                                         bool border);

/* The units of the block that begins at `unit`; 0 if none does. */
uint32_t freelist_model_block_size(const struct freelist_model *model, uint32_t unit);

#endif /* SPACES_FREELIST_MODEL_H */
