/* SPDX-License-Identifier: MIT */
/*
 * mmapper: the one authority through which a runtime maps its address space.
 *
 * A mapper hands out address space in chunks to registered owners. Every managed
 * mapping has exactly one owner; whatever another one holds is refused, by name,
 * before the operating system is asked.
 *
 *                claim            publish              commit + CAS (any thread helps)
 *     UNMAPPED ─────────▶ RESERVING ─────▶ QUARANTINED ─────────────────────▶ MAPPED
 *        ▲  ▲                │ failed         │  ▲                              │
 *        │  └────────────────┘                │  └─ publish ◀─ DECOMMITTING ◀───┘
 *        └───────── release ◀── RELEASING ◀───┴─────────────────────────────────┘
 *     adopt     UNMAPPED ▶ RESERVING ▶ MAPPED    memory that its owner mapped itself
 *     exclude   UNMAPPED ▶ RESERVING ▶ EXCLUDED  a range its owner maps directly
 *     transfer  QUARANTINED|MAPPED ▶ TRANSFERRING ▶ the same, of another owner
 *     seal      MAPPED ▶ SEALING ▶ SEALED            for good: the kernel refuses changes
 *
 * The contract:
 *
 *  G1 Exclusion. At no instant do two owners hold a chunk. MAPPED, seen by a query
 *     (acquire), implies that its owner committed it. QUARANTINED implies that it is
 *     reserved for its owner, not that access faults: a commit that lost a race may
 *     leave it readable as zeroes.
 *  G2 Queries. mmapper_is_mapped and mmapper_lookup are wait-free, make at most two
 *     loads, are async-signal-safe, take any address, and are true at an instant during
 *     the call. is_mapped is false while decommit or release of the chunk is under way,
 *     true while a transfer or sealing of a mapped chunk is.
 *  G3 Progress. mmapper_ensure_mapped on quarantined or mapped chunks is lock-free:
 *     threads stopped anywhere delay nobody. On UNMAPPED chunks it quarantines first
 *     and may wait for a thread of the same owner that is inside the reserving system
 *     call of the same chunk. Where its own owner is decommitting, releasing,
 *     transferring or sealing it returns MM_BUSY at once. Nobody waits for another owner; every
 *     other operation waits for nobody.
 *  G4 Atomicity. quarantine, transfer, release, adopt and exclude are all or nothing: a
 *     failing call leaves every chunk as it was. ensure_mapped is monotone: after an
 *     error some chunks may be quarantined or mapped, calling again is safe; the error
 *     names the chunk that is in the way or, when the OS refused, the first that is not
 *     mapped. decommit is monotone: when the OS failed, the chunks are QUARANTINED and
 *     their contents undefined. seal is all or nothing in the table; protect and guard
 *     may have changed a part of the pages when the OS failed.
 *  G5 Quiescence, the caller's part. When decommit or release of X is called, every
 *     mutating call of the owner whose footprint meets X (its chunks, rounded outwards,
 *     and for ensure_mapped the strategy's commit-ahead behind them) has returned or
 *     starts after, and so have loads and stores to X. For transfer, loads and stores may
 *     go on; the recipient may call ensure_mapped early (MM_CONFLICT until published)
 *     but must not decommit, release or transfer X before the transfer returned. A breach between mapper calls is detected: MM_BUSY,
 *     nothing changed. No mapper call ever touches another owner's memory, breach or
 *     not.
 *  G6 Neighbours. Other mappers in the process, and everything that maps without a
 *     mapper, are kept apart by the kernel: a reservation never replaces a mapping.
 *  G7 Errors. Every failure is a status and, if asked for, an error record: which
 *     address, which owner holds it or is reserving it, or which foreign mapping lies
 *     there, errno, and for ENOMEM which limit. (A search that finds no place names
 *     none.) Operating errors never abort. Programming errors inside the library trap,
 *     also in release builds.
 *  G8 Fork. A child has the parent's mappings and table, but other threads' transient
 *     states and pins stay frozen. mmapper_after_fork_in_child resolves them; then the
 *     mapper is as usable as in the parent.
 *
 * Unless a function says otherwise: all functions are thread-safe; sizes and
 * alignments are in bytes; `error` may be NULL and is written only on failure; bad
 * input gets a status and changes nothing; errno is left as it was. A successful
 * mutating call happens before (release) any query that sees its outcome (acquire).
 */
#ifndef MMAPPER_MMAPPER_H
#define MMAPPER_MMAPPER_H

#include "mmapper/error.h"
#include "mmapper/extent.h"
#include "mmapper/inspect.h"
#include "mmapper/mmap_support.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mmapper;
struct mm_owner;

/* ----------------------------------------------------------------- lifecycle */

struct mmapper_options {
    /* A power of two, 4 KiB to 1 GiB, a multiple of the page size. 0: 4 MiB. */
    size_t chunk_bytes;
    /* log2 of the mappable space, at most 57. 0: 47, on 64-bit Arm 48. What a larger
     * space has above that, a kernel gives to explicit addresses only; the mapper's are.
     * Where less can be mapped, placement ends at the support's address_end. */
    unsigned log_space;
    /* The window: only addresses in [base, limit) are handed out. Multiples of
     * chunk_bytes. limit 0: 2^log_space. The window sizes the tables: 2 bytes a
     * chunk of address space, of which only what is used is ever touched. */
    uintptr_t base;
    uintptr_t limit;
    /* log2 of the chunks in a region, the unit in which a huge range costs one step.
     * 1 to 20. 0: 16. */
    unsigned log_region_chunks;
    /* Owners at a time, at most MM_MAX_OWNERS. 0: MM_MAX_OWNERS. 1 KiB of address space
     * each, of which only what is used is ever touched. */
    unsigned max_owners;
};

/*
 * Makes a mapper. `options` may be NULL for the defaults. Costs a few system calls
 * and touches a few pages, however large the window is. Errors: INVALID_ARGUMENT,
 * NO_MEMORY (RLIMIT_AS too small for the tables), OS_ERROR.
 */
enum mm_status mmapper_create(const struct mmapper_options *options,
                              const struct mmap_support *support,
                              struct mmapper **mapper, struct mm_error *error);

/*
 * Gives back every reservation that is still held and the mapper itself. External
 * memory (adopted, excluded) is left alone, and so is sealed memory, which stays mapped.
 * No other call on this mapper may be running or follow. Errors: BUSY when a chunk is in a transient state or an owner is
 * pinned, NO_MEMORY or OS_ERROR when the OS refused a release; then the mapper and
 * what was not yet released live on.
 */
enum mm_status mmapper_destroy(struct mmapper *mapper, struct mm_error *error);

/* The window and the chunk size in use. Constant for the life of the mapper. */
struct mm_extent mmapper_window(const struct mmapper *mapper);
size_t mmapper_chunk_bytes(const struct mmapper *mapper);

/* The system's page size, as the mapper's support tells it. */
size_t mmapper_page_bytes(const struct mmapper *mapper);

/* -------------------------------------------------------------------- owners */

struct mm_owner_options {
    /* Not NULL, not empty; copied, cut to MM_NAME_BYTES - 1 bytes. Need not be
     * unique. */
    const char *name;
    enum mm_kind kind;
    struct mm_strategy strategy;
};

/* At most this many owners at a time in one mapper. */
enum { MM_MAX_OWNERS = 4093 };

/*
 * Registers an owner. The handle is good for this mapper only, until unregistered.
 * Lock-free. Errors: INVALID_ARGUMENT, LIMIT.
 */
enum mm_status mmapper_register_owner(struct mmapper *mapper,
                                      const struct mm_owner_options *options,
                                      struct mm_owner **owner, struct mm_error *error);

/*
 * Forgets an owner that holds nothing. No call for this owner may be running or
 * follow. Looks at the whole table: for tear-down, not for hot paths. Errors:
 * UNKNOWN_OWNER, WRONG_STATE when it still holds a chunk (the record says which),
 * BUSY when it is pinned.
 */
enum mm_status mmapper_unregister_owner(struct mmapper *mapper, struct mm_owner *owner,
                                        struct mm_error *error);

/* What it was registered with; constant while it is registered. */
const char *mm_owner_name(const struct mm_owner *owner);
enum mm_kind mm_owner_kind(const struct mm_owner *owner);
struct mm_strategy mm_owner_strategy(const struct mm_owner *owner);

/* ---------------------------------------------------------------- operations */

/*
 * Reserves exactly `extent` (multiples of the chunk size) for the owner: UNMAPPED to
 * QUARANTINED. One system call, however large, and one each for a name and for huge
 * pages if those are wanted. All or nothing, lock-free.
 * Errors: CONFLICT (with the owner or the foreign mapping), WRONG_STATE (own already;
 * or the owner's backing is external), BUSY, NO_MEMORY, OS_ERROR, INVALID_ARGUMENT,
 * OUT_OF_RANGE, UNKNOWN_OWNER.
 */
enum mm_status mmapper_quarantine(struct mmapper *mapper, struct mm_owner *owner,
                                  struct mm_extent extent, struct mm_error *error);

/*
 * Reserves `bytes` (a multiple of the chunk size) somewhere in the window, aligned to
 * `alignment` (0 or a power of two; at least the chunk size is used), and says where.
 * Claims in the table before it asks the OS, so it never maps, not even for an
 * instant, where another owner may map (but see MAP_FIXED_NOREPLACE before Linux 4.17
 * in docs/DESIGN.md). Lock-free. Errors: as quarantine, and NO_SPACE; BUSY when the
 * only ranges that might fit are being changed by other calls.
 */
enum mm_status mmapper_quarantine_anywhere(struct mmapper *mapper,
                                           struct mm_owner *owner, size_t bytes,
                                           size_t alignment, struct mm_extent *extent,
                                           struct mm_error *error);

/*
 * Reserves `preferred` if it is free and in the window, else as many bytes anywhere.
 * `preferred.start` need not be aligned: it is rounded down to the alignment.
 */
enum mm_status mmapper_quarantine_preferred(struct mmapper *mapper,
                                            struct mm_owner *owner,
                                            struct mm_extent preferred,
                                            size_t alignment, struct mm_extent *extent,
                                            struct mm_error *error);

/*
 * Makes every chunk that `extent` meets (rounded outwards) accessible with the owner's
 * protection; quarantines UNMAPPED ones first. Fresh memory reads as zero, memory that
 * is mapped already keeps its contents. When all is mapped it costs one load per
 * region, or per four chunks where a region is split, and no store. With commit-ahead
 * in the owner's strategy, QUARANTINED chunks behind the extent may become MAPPED as
 * well, as if another thread of the owner had asked for them. Progress: G3. Monotone:
 * G4. Errors: CONFLICT, BUSY, NO_MEMORY, OS_ERROR, WRONG_STATE (own but EXCLUDED, or
 * UNMAPPED for an external owner), INVALID_ARGUMENT, OUT_OF_RANGE, UNKNOWN_OWNER.
 */
enum mm_status mmapper_ensure_mapped(struct mmapper *mapper, struct mm_owner *owner,
                                     struct mm_extent extent, struct mm_error *error);

/*
 * Drops the contents and the access of `extent` (multiples of the chunk size), all of
 * it own QUARANTINED or MAPPED chunks; they are QUARANTINED afterwards and read as
 * zero when mapped again. For accounted owners the commit charge of touched memory
 * stays until release. Needs quiescence (G5). Errors: CONFLICT, BUSY (a call of the
 * owner is pinned anywhere, or a transition of these chunks is under way), WRONG_STATE
 * (UNMAPPED, EXCLUDED, or external backing), NO_MEMORY, OS_ERROR (G4: quarantined,
 * contents and guards undefined), INVALID_ARGUMENT, OUT_OF_RANGE, UNKNOWN_OWNER.
 */
enum mm_status mmapper_decommit(struct mmapper *mapper, struct mm_owner *owner,
                                struct mm_extent extent, struct mm_error *error);

/*
 * Gives `extent` (multiples of the chunk size), all of it own chunks, back: to the
 * kernel, or for external owners just forgotten. Needs quiescence (G5). All or
 * nothing. Errors: as decommit; NO_MEMORY at vm.max_map_count.
 */
enum mm_status mmapper_release(struct mmapper *mapper, struct mm_owner *owner,
                               struct mm_extent extent, struct mm_error *error);

/*
 * Hands `extent` (multiples of the chunk size), all of it QUARANTINED or MAPPED chunks
 * of `from`, to `to`, states and contents kept. Both have equal strategies, but for
 * commit-ahead. All or nothing. Quiescence: G5. Errors: CONFLICT, BUSY, WRONG_STATE, INVALID_ARGUMENT
 * (strategies differ, from == to), OUT_OF_RANGE, UNKNOWN_OWNER.
 */
enum mm_status mmapper_transfer(struct mmapper *mapper, struct mm_owner *from,
                                struct mm_owner *to, struct mm_extent extent,
                                struct mm_error *error);

/*
 * Records `extent` (multiples of the chunk size) as MAPPED by an owner with external
 * backing, who mapped it by other means: UNMAPPED to MAPPED without a system call.
 * All or nothing, lock-free. Errors: CONFLICT, BUSY, WRONG_STATE (own already; or the
 * owner's backing is not external), INVALID_ARGUMENT, OUT_OF_RANGE, UNKNOWN_OWNER.
 */
enum mm_status mmapper_adopt(struct mmapper *mapper, struct mm_owner *owner,
                             struct mm_extent extent, struct mm_error *error);

/*
 * Partitions `extent` (multiples of the chunk size) off for an owner with external
 * backing, who will map in it by other means: UNMAPPED to EXCLUDED. The mapper never
 * touches it and refuses it to all others until it is released. Errors: as adopt.
 */
enum mm_status mmapper_exclude(struct mmapper *mapper, struct mm_owner *owner,
                               struct mm_extent extent, struct mm_error *error);

/*
 * Seals `extent` (multiples of the chunk size), all of it own MAPPED chunks, with mseal
 * (Linux 6.10): MAPPED to SEALED, for the life of the process. From then on the kernel
 * refuses every munmap, mremap, mprotect and MAP_FIXED mmap that meets it, whoever asks,
 * and so does the mapper every decommit, release, transfer, protect and guard. Memory
 * stays what it is, to be read and written; what is read-only by mmapper_protect when it
 * is sealed stays so. What the kernel does not refuse is MADV_DONTNEED and its kin on
 * writable memory: they drop contents, not the mapping. mmapper_destroy leaves sealed memory
 * mapped. Guards are of the kind that can still be taken off: what is to have no access for
 * ever gets access 0 by mmapper_protect first. One system call, all or nothing but for
 * NO_MEMORY: then the chunks are MAPPED, and the kernel may have sealed a part of them; the
 * only call that can succeed on that part is to seal it again. Needs quiescence as
 * decommit does, of calls, not of loads and stores. Errors: CONFLICT, BUSY, WRONG_STATE (not
 * MAPPED; or external backing), NO_MEMORY, OS_ERROR (ENOSYS: the kernel has no mseal),
 * INVALID_ARGUMENT, OUT_OF_RANGE, UNKNOWN_OWNER.
 */
enum mm_status mmapper_seal(struct mmapper *mapper, struct mm_owner *owner,
                            struct mm_extent extent, struct mm_error *error);

/* --------------------------------------------------------------------- pages */

/*
 * Gives pages (`extent`: multiples of the page size) in own MAPPED chunks the access
 * `access`: MM_ACCESS_*, at most what the owner's strategy gives; 0: none. Contents are
 * kept; pages that were guarded are no more, and read as zero. The chunks stay MAPPED:
 * is_mapped is true, ensure_mapped changes nothing. Threads of the owner may protect and
 * guard different pages at the same time; what several do to one page has no order. Lock-free.
 * Errors: CONFLICT, BUSY (a thread of the owner is inside ensure_mapped anywhere, and
 * might give the pages full access afterwards; or a transition of these chunks is under way),
 * WRONG_STATE (not MAPPED; or external backing), NO_MEMORY (vm.max_map_count, as a rule),
 * OS_ERROR, INVALID_ARGUMENT, OUT_OF_RANGE, UNKNOWN_OWNER. After NO_MEMORY or OS_ERROR a
 * part may be changed: calling again is safe.
 */
enum mm_status mmapper_protect(struct mmapper *mapper, struct mm_owner *owner,
                               struct mm_extent extent, unsigned access,
                               struct mm_error *error);

/*
 * Makes guard pages of pages (as above): their contents are gone, every access faults, until
 * mmapper_protect gives them access again or the chunks are decommitted or released.
 * MADV_GUARD_INSTALL where the kernel has it (6.13): it costs page-table entries and
 * no mapping, so that guards do not use up vm.max_map_count; before, MADV_DONTNEED and
 * PROT_NONE. Errors: as mmapper_protect.
 */
enum mm_status mmapper_guard(struct mmapper *mapper, struct mm_owner *owner,
                             struct mm_extent extent, struct mm_error *error);

/*
 * Asks the kernel to move what is resident in pages (as above) into huge pages now
 * (MADV_COLLAPSE, Linux 6.1), whatever the owner's strategy: for a heap that has
 * just been compacted, say. Where a huge page's range has a resident page the rest is filled
 * up with zeroes; where it has none the kernel says EINVAL. mmapper_residency tells what came of
 * it; a range without a whole huge page is left as it is. Other threads may use the memory
 * meanwhile. Errors: as mmapper_protect, but never BUSY for ensure_mapped; NO_MEMORY when there
 * are no huge pages to be had, OS_ERROR with EINVAL, EAGAIN or EBUSY when some of the range could
 * not be collapsed.
 */
enum mm_status mmapper_collapse(struct mmapper *mapper, struct mm_owner *owner,
                                struct mm_extent extent, struct mm_error *error);

/* ---------------------------------------------------------------------- fork */

struct mm_fork_report {
    uint64_t pins;      /* pins of threads that do not exist in the child */
    uint64_t restored;  /* transient chunks put back to what they were */
    uint64_t freed;     /* transient chunks that are UNMAPPED now */
    uint64_t abandoned; /* transient chunks EXCLUDED for the child's life: the kernel
                         * has a mapping there that need not be ours */
};

/*
 * Resolves what the parent's other threads were doing at the moment of the fork. Call
 * it once, first thing in the child, while it has one thread. Chunks whose reserving or
 * releasing was cut off are UNMAPPED if the kernel has nothing there; if it has
 * something, that may be the cut-off call's or anybody's, so they are never unmapped
 * but abandoned: EXCLUDED, held by the owner "abandoned-by-fork". For external owners,
 * whose mappings are their own business, such chunks are UNMAPPED. A decommit that was
 * cut off is done, so that QUARANTINED memory reads as zero when it is mapped again,
 * unless the kernel refuses (G4). A transfer, adopt or exclude that was being published
 * is cut at a chunk: what was not yet handed over stays with the giver, or UNMAPPED. A seal
 * that was cut off is done, or if the kernel refuses undone.
 * Calls that had returned before the fork are complete in the child. `report` may be
 * NULL. Errors: OS_ERROR when the kernel's list cannot be read; then nothing changed.
 */
enum mm_status mmapper_after_fork_in_child(struct mmapper *mapper,
                                           struct mm_fork_report *report,
                                           struct mm_error *error);

#ifdef __cplusplus
}
#endif

#endif /* MMAPPER_MMAPPER_H */
