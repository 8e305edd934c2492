/* SPDX-License-Identifier: MIT */
/*
 * The mapper's calls into its mmap_support, counted. Results are 0 or an errno value.
 */
#ifndef MMAPPER_OS_H
#define MMAPPER_OS_H

#include "mmapper/mapper.h"

int os_reserve(struct mmapper *mapper, const struct mm_owner *owner,
               struct mm_extent extent);
int os_commit(struct mmapper *mapper, const struct mm_owner *owner,
              struct mm_extent extent);
int os_decommit(struct mmapper *mapper, const struct mm_owner *owner,
                struct mm_extent extent);
int os_release(struct mmapper *mapper, struct mm_extent extent);
/* Counts a table call, which creation and destruction make themselves. */
void os_count_table(struct mmapper *mapper, enum mm_os_call call, int error);
int os_each_mapping(const struct mmapper *mapper, struct mm_extent range,
                    mm_mapping_visitor visit, void *argument);

/* Names the reservation and asks for huge pages, as support and strategy want it.
 * Nothing here can fail a call: what the kernel refuses is counted. */
void os_dress(struct mmapper *mapper, const struct mm_owner *owner,
              struct mm_extent extent);

/* Names a reservation that has a new owner. */
void os_rename(struct mmapper *mapper, const struct mm_owner *owner,
               struct mm_extent extent);

#endif /* MMAPPER_OS_H */
