/* SPDX-License-Identifier: MIT */
/*
 * What Linux lists of this process: mappings and limits. Allocates nothing, so that it
 * works when memory is what is missing.
 */
#ifndef MMAPPER_LINUX_MAPS_H
#define MMAPPER_LINUX_MAPS_H

#include "mmapper/mmap_support.h"

/* PROCMAP_QUERY (Linux 6.11), or ENOTTY/EINVAL where the kernel has none, ENOSYS where
 * what emulates a kernel (qemu's user mode) knows none; then nothing was visited. */
int mm_linux_each_mapping_query(struct mm_extent range, mm_mapping_visitor visit,
                                void *argument);

/* The text of /proc/self/maps: any kernel, slow with many mappings. */
int mm_linux_each_mapping_text(struct mm_extent range, mm_mapping_visitor visit,
                               void *argument);

/* The first that works. */
int mm_linux_each_mapping(struct mm_extent range, mm_mapping_visitor visit,
                          void *argument);

/* Which limit stands against `call` on `bytes` bytes (see mmap_support.h). */
enum mm_memory_cause mm_linux_explain_no_memory(enum mm_os_call call,
                                                const struct mm_strategy *strategy,
                                                size_t bytes);

#endif /* MMAPPER_LINUX_MAPS_H */
