/* SPDX-License-Identifier: MIT */
/*
 * How a mapper reaches the operating system, and nothing else.
 *
 * A `struct mmap_support` holds every OS call that a mapper makes and the options
 * of those calls. It is borrowed: it must stay constant and alive while a mapper
 * uses it. One support may serve several mappers or be private to one. Runtimes
 * that own their memory layer bring their own operations table; tests bring a
 * simulated kernel.
 *
 * There is no operation that replaces a mapping. What must not happen cannot be
 * asked for.
 */
#ifndef MMAPPER_MMAP_SUPPORT_H
#define MMAPPER_MMAP_SUPPORT_H

#include <stdint.h>

#include "mmapper/extent.h"

/* Marks a function that makes system calls for a mapper. It keeps its own place in the
 * program: by the address that a call returns to, `tools/harness guard` tells the
 * mapper's calls from everybody else's. A runtime that brings its own operations marks
 * those with it. Such a call must not be the last thing that the function does, or its
 * return address is another one's. */
#define MM_CALLS_OS __attribute__((noinline, section("mmapper_os")))

#ifdef __cplusplus
extern "C" {
#endif

/* Who makes the mappings of an owner. */
enum mm_backing {
    /* The mapper reserves, commits, decommits and releases. */
    MM_BACKING_RESERVED = 0,
    /* The owner maps by other means (the runtime's own image, a library's arena).
     * The mapper only records the range: no OS call is ever made for it. */
    MM_BACKING_EXTERNAL,
};

/* The access that committed memory gives. Quarantined memory gives none. */
enum mm_protection {
    MM_PROTECTION_RW = 0,
    MM_PROTECTION_RWX,
};

enum mm_huge_pages {
    MM_HUGE_PAGES_DEFAULT = 0, /* as the system is set */
    /* MADV_HUGEPAGE, once per reservation; and where the mapper chooses the place of
     * one as large as a huge page, it begins at a multiple of that if it can. mmapper_collapse
     * asks for what the kernel did not give by itself, mmapper_residency says what it
     * gave. */
    MM_HUGE_PAGES_TRANSPARENT,
};

/* Which nodes of a NUMA machine the pages of a reservation come from, once they are
 * touched. A wish: where its nodes are full or unknown the kernel takes others. */
enum mm_numa {
    MM_NUMA_DEFAULT = 0, /* as the thread that touches a page is set */
    MM_NUMA_PREFER,      /* from these nodes, nearest first, while they have any */
    MM_NUMA_INTERLEAVE,  /* from these nodes in turn */
};

/* Whether committing is counted against the system's commit limit. */
enum mm_accounting {
    MM_ACCOUNTED = 0, /* committing too much fails early, with MM_NO_MEMORY */
    /* MAP_NORESERVE: extents larger than memory work, unless vm.overcommit_memory is 2,
     * which ignores it; touching more than there is may be fatal. */
    MM_UNACCOUNTED,
};

/* How an owner's memory is mapped. It belongs to the owner, not to the call: any
 * thread of the owner may finish a commit that another one began, so all of them
 * must mean the same thing by it. All zero is a plain RW heap. */
struct mm_strategy {
    enum mm_backing backing;
    enum mm_protection protection;
    enum mm_huge_pages huge_pages;
    enum mm_accounting accounting;
    /* Commit-ahead, in chunks; 0: never. When ensure_mapped commits chunks of a
     * quarantined run, it may commit as many of the ones behind them too, in the same
     * system call: none at first, more with every commit that goes on where the last
     * one ended, never more than this and never past the owner's own run. Pages stay
     * untouched, so residency is what it was; with MM_ACCOUNTED the commit charge is
     * that of all that is committed. Ignored for external owners. */
    uint16_t commit_ahead;
    enum mm_numa numa;
    /* A bit for each node of `numa`, node 0 the lowest; 0 for MM_NUMA_DEFAULT only. */
    uint64_t numa_nodes;
};

/* Bytes of a name, its terminating NUL included. */
enum { MM_NAME_BYTES = 64 };

enum {
    MM_ACCESS_READ = 1,
    MM_ACCESS_WRITE = 2,
    MM_ACCESS_EXECUTE = 4,
};

/* One mapping as the kernel lists it. */
struct mm_mapping {
    struct mm_extent extent;  /* bytes == 0: no mapping */
    unsigned access;          /* MM_ACCESS_* */
    bool shared;              /* MAP_SHARED */
    bool file;                /* backed by a file or device, not anonymous */
    char name[MM_NAME_BYTES]; /* the kernel's name for it, cut short; "" if none */
};

/* Called with one mapping; returns false to stop the walk. */
typedef bool (*mm_mapping_visitor)(void *argument, const struct mm_mapping *mapping);

/* The kinds of calls that the operations below make. */
enum mm_os_call {
    MM_OS_RESERVE = 0,
    MM_OS_COMMIT,
    MM_OS_DECOMMIT,
    MM_OS_RELEASE,
    MM_OS_ADVISE,
    MM_OS_ANNOTATE,
    MM_OS_EACH_MAPPING,
    MM_OS_ACQUIRE_TABLE,
    MM_OS_RELEASE_TABLE,
    MM_OS_PROTECT,
    MM_OS_GUARD,
    MM_OS_UNGUARD,
    MM_OS_SEAL,
    MM_OS_IS_SEALED,
    MM_OS_COLLAPSE,
    MM_OS_RESIDENCY,
    MM_OS_CALL_COUNT,
    MM_OS_NONE = MM_OS_CALL_COUNT,
};

/* Why the OS said ENOMEM. */
enum mm_memory_cause {
    MM_CAUSE_NONE = 0,      /* the error was not ENOMEM */
    MM_CAUSE_UNKNOWN,       /* none of the limits below explains it */
    MM_CAUSE_COMMIT_LIMIT,  /* vm.overcommit_memory's limit */
    MM_CAUSE_ADDRESS_SPACE, /* RLIMIT_AS */
    MM_CAUSE_DATA_SIZE,     /* RLIMIT_DATA */
    MM_CAUSE_MAP_COUNT,     /* vm.max_map_count */
};

/* What memory of a process is behind address space, in bytes. */
struct mm_residency {
    size_t resident; /* in memory */
    size_t huge;     /* of that, in huge pages */
};

/*
 * The OS calls. For all: `extent` is valid, start and bytes are multiples of the
 * page size; thread-safe; no cancellation point (a thread cancelled inside would leave
 * its claims behind); the result is 0 or an errno value; errno itself is left as it
 * was.
 */
struct mmap_operations {
    /* Makes `extent`, all of it, inaccessible address space of this process.
     * EEXIST when any byte of it is mapped already; never replaces, also on
     * kernels that do not know MAP_FIXED_NOREPLACE. All or nothing. */
    int (*reserve)(void *context, struct mm_extent extent,
                   const struct mm_strategy *strategy);
    /* Gives reserved memory the strategy's protection. Idempotent: contents are
     * kept, fresh pages read as zero. After an error a part may be committed. */
    int (*commit)(void *context, struct mm_extent extent,
                  const struct mm_strategy *strategy);
    /* Drops contents and access, keeps the address. After an error a part may be
     * decommitted. */
    int (*decommit)(void *context, struct mm_extent extent,
                    const struct mm_strategy *strategy);
    /* Gives reserved address space back. All or nothing. May fail: ENOMEM at
     * vm.max_map_count. */
    int (*release)(void *context, struct mm_extent extent);
    /* Asks for the strategy's huge pages and NUMA nodes. Called once per reservation,
     * only when the strategy wants any; failure is counted, never fatal. */
    int (*advise)(void *context, struct mm_extent extent,
                  const struct mm_strategy *strategy);
    /* Names a reservation in the kernel's list. Called once per reservation when
     * the support's `annotations` is set; failure (EINVAL on kernels without
     * CONFIG_ANON_VMA_NAME) is counted, never fatal. */
    int (*annotate)(void *context, struct mm_extent extent, const char *name);
    /* Calls `visit` for every mapping of the process that meets `range`, in
     * ascending order, until it returns false. */
    int (*each_mapping)(void *context, struct mm_extent range, mm_mapping_visitor visit,
                        void *argument);
    /* Why `call` on `bytes` bytes, for an owner with `strategy` (NULL: for tables, or a
     * release), just failed with ENOMEM: the best guess that the limits of the process
     * allow. May be slow; called on failures only. */
    enum mm_memory_cause (*explain_no_memory)(void *context, enum mm_os_call call,
                                              const struct mm_strategy *strategy,
                                              size_t bytes);
    /* Memory for the mapper's own tables: zero-filled, private, not backed by
     * pages before it is touched, not accounted, aligned to the page size. Outside
     * every reservation. */
    int (*acquire_table)(void *context, size_t bytes, void **table);
    int (*release_table)(void *context, void *table, size_t bytes);

    /* What follows may be NULL: what needs it then fails with ENOSYS, as it does where
     * the kernel is too old. All of it is called on committed memory. */

    /* Gives pages this access (MM_ACCESS_*, 0: none), contents kept. After an error a
     * part may have it. */
    int (*protect)(void *context, struct mm_extent extent, unsigned access);
    /* Makes every access to these pages fault and drops their contents, until unguard or
     * release. Idempotent. After an error a part may be guarded. */
    int (*guard)(void *context, struct mm_extent extent);
    /* Undoes guard: the pages have the access that protect or commit gave last, and
     * read as zero. Pages that are not guarded are left alone. */
    int (*unguard)(void *context, struct mm_extent extent);
    /* Makes the mappings unchangeable for the life of the process. Idempotent. After
     * ENOMEM a part may be sealed. */
    int (*seal)(void *context, struct mm_extent extent);
    /* Whether one mapping, which has `access`, is sealed. */
    int (*is_sealed)(void *context, struct mm_extent extent, unsigned access,
                     bool *sealed);
    /* Asks the kernel to put into huge pages what is resident here. */
    int (*collapse)(void *context, struct mm_extent extent);
    /* Adds what is behind `extent` to *residency. */
    int (*residency)(void *context, struct mm_extent extent,
                     struct mm_residency *residency);
};

/* The OS calls and their options, per instance. */
struct mmap_support {
    const struct mmap_operations *operations;
    void *context;     /* handed to every operation */
    size_t page_bytes; /* the smallest unit of the operations; a power of two */
    /* About where mappable addresses end; 0: not known. Placement does not try at or
     * above it. */
    uintptr_t address_end;
    size_t huge_page_bytes; /* a power of two; 0: not known, or there are none */
    bool annotations;       /* name reservations in the kernel's list */
    /* Count OS calls and their failures for mmapper_statistics: an atomic addition a
     * call, nothing beside a system call, but a fifth of what an operation costs whose
     * `operations` make none. */
    bool count_calls;
    /* First part of the names: PREFIX:KIND:NAME. NULL means "mmapper". */
    const char *annotation_prefix;
};

/* The real Linux operations with annotations and counts on. Makes some ten system calls
 * to find address_end: it maps one page just below it, where nothing was, and unmaps it again.
 * Source of the behaviours: Linux 4.17 (MAP_FIXED_NOREPLACE; detected and emulated
 * before), 5.17 (PR_SET_VMA_ANON_NAME), 6.11 (PROCMAP_QUERY; /proc/self/maps before), 6.13
 * (MADV_GUARD_INSTALL; MADV_DONTNEED and PROT_NONE before), 6.10 (mseal), 6.1
 * (MADV_COLLAPSE), 6.7 (PAGEMAP_SCAN, for residency): ENOSYS, EINVAL or ENOTTY before. */
struct mmap_support mmap_support_linux(void);

#ifdef __cplusplus
}
#endif

#endif /* MMAPPER_MMAP_SUPPORT_H */
