/* SPDX-License-Identifier: MIT */
/*
 * Everything that one fault run has: kernel, decorator, mapper, model, page tokens; and
 * the checks that compare them.
 */
#ifndef MMAPPER_TESTING_FAULT_WORLD_H
#define MMAPPER_TESTING_FAULT_WORLD_H

#include "mmapper/testing/fault_run.h"
#include "mmapper/testing/sim_kernel.h"

enum { WORLD_PAGES = WORKLOAD_CHUNKS * (WORKLOAD_CHUNK / WORKLOAD_PAGE) };

struct world {
    const struct fault_run *run;
    size_t step; /* index, for messages */
    struct sim_kernel *kernel;
    struct fault_decorator *faults;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *owners[WORKLOAD_OWNERS + 1]; /* [OWNER_NONE] is NULL */
    struct model model;
    uint64_t tokens[WORLD_PAGES];
    uint64_t last_token;
    uint64_t reserves; /* calls so far */
    bool intruded;
    bool undefined[WORKLOAD_CHUNKS]; /* contents, after a failed decommit */
};

/* Prints what was expected and how it came to this, and aborts, unless `condition`. */
void world_require(const struct world *world, bool condition, const char *file,
                   int line, const char *text);
#define REQUIRE(world, condition)                                                      \
    world_require(world, condition, __FILE__, __LINE__, #condition)

const char *world_owner_name(enum workload_owner owner);
uintptr_t world_chunk(size_t chunk);
/* The chunk that an address in the window lies in. */
size_t world_chunk_of(uintptr_t address);

/* Whether the kernel is to have memory of the mapper there. */
bool world_is_reserved(const struct model_chunk *chunk);

/* Whether faults of the plan may concern calls of this kind. */
bool world_may_fail(const struct world *world, enum mm_os_call call);

/* Compares table, kernel and contents with the model. `before` is the model before the
 * step that was just taken. */
void world_check(const struct world *world, const struct model *before);

/* That mmapper_verify finds no difference. */
void world_verify(const struct world *world);

/* Writes a new token to every page that is the mapper's and mapped. */
void world_write_tokens(struct world *world);

#endif /* MMAPPER_TESTING_FAULT_WORLD_H */
