/* SPDX-License-Identifier: MIT */
/*
 * What one unit of mapper_fuzz works on: a mapper on the simulated kernel with a
 * planned fault in between, and the model beside it.
 */
#ifndef MMAPPER_FUZZ_MAPPER_WORLD_H
#define MMAPPER_FUZZ_MAPPER_WORLD_H

#include "fuzz/mapper_model.h"
#include "fuzz/op_stream.h"
#include "mmapper/mmapper.h"
#include "mmapper/testing/sim_kernel.h"

struct world {
    struct op_stream stream;
    struct sim_kernel *kernel;
    struct mmap_support inner;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *owners[MODEL_OWNERS];
    struct model model;
    struct mm_error error;
    enum mm_os_call fault_call; /* the next call of this kind fails */
    int fault_error;
    int fault_fired; /* the errno of the fault that the current operation met */
    bool no_seals;
    unsigned step;
};

/* Says what is wrong and aborts, unless `condition`. */
void require(const struct world *world, bool condition, const char *what);

/* Takes the header of the stream, and makes mapper, owners and model from it. */
void world_begin(struct world *world);

/* Compares with the kernel, destroys the mapper, and expects that nothing is left. */
void world_end(struct world *world);

/* The model against the mapper, chunk by chunk. */
void world_compare(const struct world *world);

/* The model's number of an owner. */
int owner_index(const struct world *world, const struct mm_owner *owner);

static inline uintptr_t address_of(unsigned chunk)
{
    return MODEL_BASE + (uintptr_t)chunk * MODEL_CHUNK;
}

static inline struct mm_extent extent_of(struct model_range range)
{
    return mm_extent_of(address_of(range.first), (size_t)range.count * MODEL_CHUNK);
}

#endif /* MMAPPER_FUZZ_MAPPER_WORLD_H */
