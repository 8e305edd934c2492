/* SPDX-License-Identifier: MIT */
/*
 * The mapper that runtimes have today, to be measured beside ours: a state in a byte for
 * each chunk, and one mutex, which every transition takes and keeps over its system calls,
 * also to find that nothing is to be done. Its calls are ours without owners and records.
 * Memory becomes accessible by a mapping over the reserved one, chunk by chunk.
 *
 * The shape is that of MMTk's ChunkStateMmapper (mmtk-core, June 2026).
 */
#ifndef BENCH_REFERENCE_MAPPER_H
#define BENCH_REFERENCE_MAPPER_H

#include "mmapper/mmapper.h"

struct reference_mapper;

/* A mapper of the chunks in [base, base + bytes). Ends the program when there is no
 * memory. */
struct reference_mapper *reference_mapper_create(struct mm_extent window,
                                                 size_t chunk_bytes);
/* Gives back the table; what is still mapped is the caller's. */
void reference_mapper_destroy(struct reference_mapper *mapper);

/* True at an instant; takes no lock. */
bool reference_mapper_is_mapped(const struct reference_mapper *mapper,
                                uintptr_t address);

/* Whole chunks. WRONG_STATE, with nothing changed, when one of them is not unmapped. */
enum mm_status reference_mapper_quarantine(struct reference_mapper *mapper,
                                           struct mm_extent extent);
/* Rounded outwards to chunks. */
enum mm_status reference_mapper_ensure_mapped(struct reference_mapper *mapper,
                                              struct mm_extent extent);
enum mm_status reference_mapper_release(struct reference_mapper *mapper,
                                        struct mm_extent extent);

#endif /* BENCH_REFERENCE_MAPPER_H */
