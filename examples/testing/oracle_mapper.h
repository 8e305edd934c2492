/* SPDX-License-Identifier: MIT */
/*
 * The oracles that the examples run under: a mapper whose calls to the kernel are mirrored
 * in an independent address map, can be made to fail, and are compared with the kernel's
 * own list; and a stranger who is refused what the example holds.
 */
#ifndef EXAMPLES_TESTING_ORACLE_MAPPER_H
#define EXAMPLES_TESTING_ORACLE_MAPPER_H

#include "mmapper/mmapper.h"
#include "mmapper/testing/address_map.h"
#include "mmapper/testing/checked_decorator.h"
#include "spaces/failing_support.h"

struct oracle_mapper {
    struct failing_support kernel; /* armed by tests with one thread */
    struct address_map *held;
    struct checked_decorator *checked;
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *stranger;
};

/* `oracle` must not move until end. */
struct mmapper *oracle_mapper_begin(struct oracle_mapper *oracle, size_t chunk_bytes);

/* At any time when nothing else runs: the table, the kernel and the address map agree. */
void oracle_mapper_check(struct oracle_mapper *oracle);

/* The chunk of `address` is refused to the stranger in every way, with `name` as the one
 * who holds it, and nothing changes. */
void oracle_mapper_expect_refused(struct oracle_mapper *oracle, uintptr_t address,
                                  const char *name);

/* All was given back, before and by the mapper's end. */
void oracle_mapper_end(struct oracle_mapper *oracle);

/* Bytes of the range that are in memory. */
size_t oracle_resident_bytes(struct mm_extent extent);

#endif /* EXAMPLES_TESTING_ORACLE_MAPPER_H */
