/* SPDX-License-Identifier: MIT */
/*
 * A simulated kernel behind `struct mmap_operations`.
 *
 * It models, at page granularity and after Linux (mm/mmap.c, mm/mprotect.c, read):
 *  - reservations: all or nothing, EEXIST on any overlap; on an "old kernel", which
 *    ignores MAP_FIXED_NOREPLACE, the raw call maps elsewhere and the operation sees
 *    that, undoes it and says EEXIST, as mmap_support_linux does;
 *  - commit as mprotect: idempotent, contents kept, mapping by mapping in ascending
 *    order, so that a hole (ENOMEM) or a limit is met *after* what lies before it was
 *    changed, foreign mappings included;
 *  - decommit as MADV_DONTNEED, then PROT_NONE; release as munmap, which passes over
 *    holes;
 *  - contents: a token a page, zero until written, lost by decommit and release;
 *  - mappings split and merge as the kernel's do, and at max_map_count what needs a
 *    split fails with ENOMEM while what merges or fits still works;
 *  - the commit limit with the charge that touched memory keeps, RLIMIT_AS,
 * RLIMIT_DATA;
 *  - names and huge page advice, which hinder merging; a kernel without names (EINVAL);
 *  - guards, which outlive MADV_DONTNEED and mprotect, or a kernel that has none; seals,
 *    which refuse mprotect and munmap with EPERM, foreign code's too;
 *  - foreign mappings that come, go and change at any moment.
 *
 * The kernel knows who made each mapping. A client is one user of the operations (one
 * mapper, or several that share). Every operation that meets a byte which another
 * client or foreign code mapped is recorded as a violation, whether or not it failed.
 *
 * It does not model: contents of shared or file memory, page tables and the cost of
 * anything, the stack and brk, huge pages, NUMA, fork, protection keys, splits that the
 * kernel leaves behind after an operation that failed half way. Foreign calls are not held to
 * limits, but count towards them.
 *
 * Thread-safe (one mutex; each operation is one step, except that each_mapping looks at
 * one mapping at a time, as PROCMAP_QUERY does) unless created single_threaded.
 */
#ifndef MMAPPER_TESTING_SIM_KERNEL_H
#define MMAPPER_TESTING_SIM_KERNEL_H

#include "mmapper/mmap_support.h"
#include "mmapper/mmapper.h"

/* Clients are numbered 0 to SIM_CLIENTS - 1. */
enum { SIM_CLIENTS = 8 };

struct sim_kernel_options {
    size_t page_bytes;     /* a power of two; 0: 4096 */
    unsigned address_bits; /* of user space; 0: 47 */
    size_t max_map_count;  /* 0: 65530 */
    size_t commit_bytes;   /* the commit limit; 0: none */
    size_t address_bytes;  /* RLIMIT_AS; 0: none */
    size_t data_bytes;     /* RLIMIT_DATA; 0: none */
    bool old_kernel;       /* does not know MAP_FIXED_NOREPLACE */
    bool no_names;         /* built without CONFIG_ANON_VMA_NAME */
    bool no_guards;        /* before MADV_GUARD_INSTALL */
    bool no_seals;         /* before mseal */
    bool single_threaded;  /* no lock */
};

struct sim_kernel;

/* `options` may be NULL for a modern kernel without limits. Aborts when out of memory,
 * as everything here does. */
struct sim_kernel *sim_kernel_create(const struct sim_kernel_options *options);
void sim_kernel_destroy(struct sim_kernel *kernel);

/* Forgets all mappings, names, contents, counts and violations, but not tables, and
 * takes new options (NULL: keeps them). Much cheaper than a new kernel. */
void sim_kernel_reset(struct sim_kernel *kernel,
                      const struct sim_kernel_options *options);

/* The operations for one client, annotations on. Good while the kernel lives. */
struct mmap_support sim_kernel_support(struct sim_kernel *kernel, unsigned client);

/* ------------------------------------------------------------- foreign code */

/* Maps `mapping` (extent, access, shared, file, name) as foreign code. EEXIST, and
 * nothing changed, when a byte of it is mapped. */
int sim_kernel_foreign_map(struct sim_kernel *kernel, const struct mm_mapping *mapping);

/* Unmaps whatever is in `extent`, whoever made it. */
void sim_kernel_foreign_unmap(struct sim_kernel *kernel, struct mm_extent extent);

/* Changes the access of whatever is in `extent`, whoever made it. */
void sim_kernel_foreign_protect(struct sim_kernel *kernel, struct mm_extent extent,
                                unsigned access);

/* ----------------------------------------------------------------- contents */

/* Writes `token` to the page of `address`, or reads it (0: never written). EFAULT when
 * the access faults. */
int sim_kernel_write(struct sim_kernel *kernel, uintptr_t address, uint64_t token);
int sim_kernel_read(struct sim_kernel *kernel, uintptr_t address, uint64_t *token);

/* --------------------------------------------------------------- inspection */

struct sim_view {
    bool mapped;
    int client;       /* who made it; -1: foreign */
    bool unaccounted; /* MAP_NORESERVE */
    bool charged;     /* counts towards the commit limit */
    bool huge;        /* MADV_HUGEPAGE */
    bool sealed;
    bool guarded;              /* the page of the address */
    struct mm_mapping mapping; /* as the kernel lists it */
};

/* What is at `address`. */
struct sim_view sim_kernel_view(struct sim_kernel *kernel, uintptr_t address);

/* Whether every byte of `extent` was mapped by `client` and has this access (-1: any
 * access); and whether none of it was mapped by him. Cheap. */
bool sim_kernel_holds(const struct sim_kernel *kernel, struct mm_extent extent,
                      unsigned client, int access);
bool sim_kernel_holds_none(const struct sim_kernel *kernel, struct mm_extent extent,
                           unsigned client);

/* A copy of mappings, contents, names and counts, to go back to as often as wanted.
 * Not of tables, which live on. */
struct sim_kernel_image;
struct sim_kernel_image *sim_kernel_save(const struct sim_kernel *kernel);
void sim_kernel_restore(struct sim_kernel *kernel,
                        const struct sim_kernel_image *image);
void sim_kernel_forget(struct sim_kernel_image *image);

/* Violations since creation or reset, and a description of the first ("" if none). */
uint64_t sim_kernel_violations(struct sim_kernel *kernel);
const char *sim_kernel_violation_text(struct sim_kernel *kernel);

struct sim_statistics {
    uint64_t calls[MM_OS_CALL_COUNT]; /* made by clients */
    uint64_t failures[MM_OS_CALL_COUNT];
    size_t mappings;      /* now, as the kernel counts them */
    size_t client_bytes;  /* now mapped by clients */
    size_t foreign_bytes; /* and by others */
    size_t charged_bytes; /* of the commit limit */
    size_t touched_pages; /* pages that hold something */
    size_t tables;        /* acquire_table minus release_table */
    size_t table_bytes;
};

struct sim_statistics sim_kernel_statistics(struct sim_kernel *kernel);

#endif /* MMAPPER_TESTING_SIM_KERNEL_H */
