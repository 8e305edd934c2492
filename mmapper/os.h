/* SPDX-License-Identifier: MIT */
/*
 * The mapper's calls into its mmap_support, counted. Results are 0 or an errno value.
 */
#ifndef MMAPPER_OS_H
#define MMAPPER_OS_H

#include "mmapper/mapper.h"

int mm_os_reserve(struct mmapper *mapper, const struct mm_owner *owner,
                  struct mm_extent extent);
int mm_os_commit(struct mmapper *mapper, const struct mm_owner *owner,
                 struct mm_extent extent);
int mm_os_decommit(struct mmapper *mapper, const struct mm_owner *owner,
                   struct mm_extent extent);
int mm_os_release(struct mmapper *mapper, struct mm_extent extent);
int mm_os_protect(struct mmapper *mapper, struct mm_extent extent, unsigned access);
int mm_os_guard(struct mmapper *mapper, struct mm_extent extent);
int mm_os_unguard(struct mmapper *mapper, struct mm_extent extent);
int mm_os_seal(struct mmapper *mapper, struct mm_extent extent);
int mm_os_is_sealed(const struct mmapper *mapper, struct mm_extent extent,
                    unsigned access, bool *sealed);
int mm_os_collapse(struct mmapper *mapper, struct mm_extent extent);
int mm_os_residency(const struct mmapper *mapper, struct mm_extent extent,
                    struct mm_residency *residency);
/* Counts a table call, which creation and destruction make themselves. */
void mm_os_count_table(struct mmapper *mapper, enum mm_os_call call, int error);
int mm_os_each_mapping(const struct mmapper *mapper, struct mm_extent range,
                       mm_mapping_visitor visit, void *argument);

/* The lowest mapping that meets `range`; *first has no bytes when there is none. */
int mm_os_first_mapping(const struct mmapper *mapper, struct mm_extent range,
                        struct mm_mapping *first);

/* Which limit a refused call met. `owner` may be NULL. */
enum mm_memory_cause mm_os_explain(const struct mmapper *mapper,
                                   const struct mm_owner *owner, enum mm_os_call call,
                                   size_t bytes);

/* Names the reservation and asks for huge pages and NUMA nodes, as support and strategy
 * want it.
 * Nothing here can fail a call: what the kernel refuses is counted. */
void mm_os_dress(struct mmapper *mapper, const struct mm_owner *owner,
                 struct mm_extent extent);

/* Names a reservation that has a new owner. */
void mm_os_rename(struct mmapper *mapper, const struct mm_owner *owner,
                  struct mm_extent extent);

#endif /* MMAPPER_OS_H */
