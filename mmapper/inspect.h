/* SPDX-License-Identifier: MIT */
/*
 * Looking at a mapper: queries, runs, dump, statistics, and the comparison with the
 * kernel. Nothing here changes anything (contract: G2 in mmapper.h, which includes this
 * file).
 */
#ifndef MMAPPER_INSPECT_H
#define MMAPPER_INSPECT_H

#include "mmapper/error.h"
#include "mmapper/extent.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mmapper;
struct mm_owner;

/* Whether the chunk of `address` is mapped, by whomever. G2. */
bool mmapper_is_mapped(const struct mmapper *mapper, uintptr_t address);

/* State and owner of one chunk. owner is NULL for UNMAPPED. */
struct mm_lookup {
    enum mm_state state;
    const struct mm_owner *owner;
};

/* The state and owner of the chunk of `address`; UNMAPPED outside the window. G2. */
struct mm_lookup mmapper_lookup(const struct mmapper *mapper, uintptr_t address);

/* A maximal range of chunks with equal state and owner. */
struct mm_run {
    struct mm_extent extent;
    enum mm_state state;
    const struct mm_owner *owner; /* NULL for UNMAPPED */
};

/*
 * The run from the chunk of `address` (or the window's base, if that is higher) up to
 * where state or owner changes; false past the window. Walk with
 *     for (at = base; mmapper_next_run(m, at, &run); at = mm_extent_end(run.extent))
 * Wait-free; costs a step per region or, where one is split, per chunk. Each chunk is
 * true at an instant; the walk as a whole is no snapshot while others mutate.
 */
bool mmapper_next_run(const struct mmapper *mapper, uintptr_t address,
                      struct mm_run *run);

/*
 * Prints the runs that are not UNMAPPED, a line each, into `buffer`: extent, state,
 * kind, owner. Writes at most `bytes` bytes, NUL included; a dump that does not fit
 * ends with a line that says how many runs are missing. Returns the bytes that are
 * needed for all.
 */
size_t mmapper_dump(const struct mmapper *mapper, char *buffer, size_t bytes);

/* ---------------------------------------------------- a dump for another process */

/* Takes `bytes` bytes of a dump. The result is 0 or an errno value. */
typedef int (*mm_dump_sink)(void *argument, const char *text, size_t bytes);

/*
 * Writes what the table holds as lines of ASCII for a program to read (tools/harness map
 * is one), in pieces, to `sink`:
 *
 *     mmapper-dump 1                        the format; readers refuse another number
 *     process 4711
 *     mapper 0x7f5a14c00000 0x7f5a25a20000  its own tables; tells mappers apart
 *     prefix "mmapper"                      of the names in the kernel's list
 *     window 0x0 0x800000000000
 *     chunk 4194304                         bytes, as are pages
 *     page 4096
 *     statistic chunks.mapped 3             as mmapper_statistics, a line each
 *     run 0x20000000000 0x20000c00000 mapped 2 immortal accounting=unaccounted "code"
 *     end 1                                 runs; without this line a dump is cut off
 *
 * A run has its start, end, state, the number of its owner in this mapper, and the owner's
 * kind, strategy and name. Runs ascend; what no run names is UNMAPPED. A strategy is what
 * differs from the default, KEY=VALUE with commas between, or "default"; readers pass over
 * keys and kinds of lines that they do not know. Names are quoted; a quote, a backslash
 * and every byte that is not printable ASCII is \xHH. `- - -` stands for kind, strategy
 * and name where the run changed hands while its line was made.
 *
 * Async-signal-safe if the sink is, on less than 2 KiB of stack: no allocation, no lock, no
 * stdio, nothing written but to the sink, errno left alone; a handler may interrupt any
 * call of this mapper, also on its own thread, but for create and destroy. Wait-free but
 * for the sink. Each chunk is true at an instant during the call; the whole is a snapshot
 * only when nothing else runs. Errors: OS_ERROR with what the sink said (the dump is cut
 * off), INVALID_ARGUMENT for no sink.
 */
enum mm_status mmapper_write_dump(const struct mmapper *mapper, mm_dump_sink sink,
                                  void *argument, struct mm_error *error);

/* The same into a file descriptor, by write(2), which is begun again after a signal and
 * carried on after a short one: async-signal-safe, but a cancellation point. One write for
 * every 512 bytes. Errors: as above, with write's errno; EAGAIN is one. */
enum mm_status mmapper_write_dump_to(const struct mmapper *mapper, int descriptor,
                                     struct mm_error *error);

struct mm_statistics {
    /* OS calls made, and how many of them failed; 0 unless the support counts them. */
    uint64_t os_calls[MM_OS_CALL_COUNT];
    uint64_t os_failures[MM_OS_CALL_COUNT];
    uint64_t conflicts;     /* calls that ended with MM_CONFLICT */
    uint64_t busy;          /* calls that ended with MM_BUSY */
    uint64_t races_lost;    /* CAS failures: somebody else changed the chunk first */
    uint64_t waits;         /* rounds of waiting for a fellow thread (G3) */
    uint64_t regions_split; /* regions that went from uniform to split, for good */
    uint64_t owners;        /* registered now */
    uint64_t runs;          /* maximal runs that are not UNMAPPED */
    uint64_t chunks[MM_STATE_COUNT];
};

/* Counters since creation, and a walk over the table. Exact when nothing runs. */
void mmapper_statistics(const struct mmapper *mapper, struct mm_statistics *statistics);

/* The chunks that one owner holds, by state. A walk over the table. Errors:
 * UNKNOWN_OWNER. */
enum mm_status mmapper_owner_chunks(const struct mmapper *mapper,
                                    const struct mm_owner *owner,
                                    uint64_t chunks[MM_STATE_COUNT],
                                    struct mm_error *error);

/*
 * The memory behind what one owner holds, or with NULL behind all that the mapper's owners
 * hold but external ones: what the kernel really gave, in bytes. Not while others release:
 * what takes a range's place meanwhile is counted too. Errors: UNKNOWN_OWNER, OS_ERROR
 * (ENOTTY before Linux 6.7, ENOSYS when the support has no residency).
 */
enum mm_status mmapper_residency(const struct mmapper *mapper,
                                 const struct mm_owner *owner,
                                 struct mm_residency *residency,
                                 struct mm_error *error);

/* -------------------------------------------------------------- verification */

enum mm_difference_kind {
    MM_DIFFERENCE_MISSING = 0, /* the table says reserved, the kernel has nothing */
    MM_DIFFERENCE_PROTECTION,  /* MAPPED with another access than the strategy's */
    MM_DIFFERENCE_BACKING,     /* a file or shared mapping lies on reserved memory */
    MM_DIFFERENCE_UNOWNED,     /* a mapping where the table says UNMAPPED */
    MM_DIFFERENCE_UNSEALED,    /* SEALED, but the kernel lets it be changed */
    MM_NOTE_ACCESSIBLE,        /* QUARANTINED but accessible: allowed by G1 */
    /* MAPPED or SEALED with less access than the strategy's, of an owner who has used
     * mmapper_protect or mmapper_guard. Which of its pages are so it alone knows. */
    MM_NOTE_PROTECTED,
    MM_DIFFERENCE_KIND_COUNT,
};

struct mm_difference {
    enum mm_difference_kind kind;
    struct mm_extent extent;
    struct mm_holder holder;
    struct mm_mapping mapping; /* what the kernel has there, bytes == 0 if nothing */
};

struct mm_verify_options {
    /* Nobody else maps in the window: a mapping on UNMAPPED chunks is a difference. */
    bool sole;
    /* Called for every difference and note; may be NULL. */
    void (*report)(void *argument, const struct mm_difference *difference);
    void *argument;
};

struct mm_verify_result {
    uint64_t differences; /* of all kinds but notes */
    uint64_t notes;
    uint64_t mappings;  /* of the kernel, looked at */
    uint64_t unsettled; /* pieces passed over: a transition was under way there */
};

/* A static English name such as "missing"; "?" for values out of range. */
const char *mm_difference_kind_name(enum mm_difference_kind kind);

/*
 * Compares the table with the kernel's list over the whole window. Differences are not
 * errors: the status is OK when the comparison was made, `result` has what it found.
 * Exact when no mutating call runs; while one does, its chunks may be reported. Errors:
 * OS_ERROR when the list cannot be read.
 */
enum mm_status mmapper_verify(const struct mmapper *mapper,
                              const struct mm_verify_options *options,
                              struct mm_verify_result *result, struct mm_error *error);

#ifdef __cplusplus
}
#endif

#endif /* MMAPPER_INSPECT_H */
