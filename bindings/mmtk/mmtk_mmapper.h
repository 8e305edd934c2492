/* SPDX-License-Identifier: MIT */
/*
 * A binding with the shape of MMTk's `Mmapper` trait: its calls, its pages, strategies
 * and annotations, on a mapper whose memory has owners. README.md beside this file goes
 * through the trait call by call.
 *
 * The trait says for each call what memory is for (an annotation) and how it shall be
 * (a strategy); the mapper binds both to an owner. So each annotation maps for one owner,
 * which is registered when the annotation is used first, or before that by
 * mmtk_mmapper_declare:
 *
 *     Space{name}            an owner of its own, of kind space
 *     SideMeta{space, meta}  all of them one owner, "side-metadata": one chunk holds the
 *                            metadata of many spaces
 *     Test{file, line}       an owner for each file
 *     Misc{name}             an owner of its own, of kind misc
 *
 * A range belongs to the owner whose annotation quarantined it, or mapped it first, for
 * good. Another annotation is refused, and told who holds it, unless mmtk_mmapper_share
 * has said that the two map in the same memory.
 *
 * A strategy is an owner's, too. A call may ask for less than the memory of its
 * annotation has; what asks for more is INVALID_ARGUMENT and changes nothing.
 *
 * For all functions: thread-safe but for create and destroy of the same binding; counts of
 * pages are in units of the options' page_bytes, everything else in bytes; ranges are
 * rounded outwards to chunks; no pages, nothing happens. `error` may be NULL and is
 * written only on failure, and bad input changes nothing (G7 in mmapper/mmapper.h). A
 * successful call happens before any query that sees its outcome. Progress: lock-free,
 * waiting for nobody, but for ensure_mapped's own rules (G3).
 */
#ifndef BINDINGS_MMTK_MMTK_MMAPPER_H
#define BINDINGS_MMTK_MMTK_MMAPPER_H

#include "mmapper/mmapper.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mmtk_mmapper;

/* --------------------------------------------------- the arguments of the trait */

/* Text as Rust has it (`as_ptr`, `len`): it need not end with a NUL. */
struct mmtk_text {
    const char *text;
    size_t bytes;
};

/* The four kinds of MmapAnnotation. */
enum mmtk_annotation_kind {
    MMTK_SPACE = 0,
    MMTK_SIDE_METADATA,
    MMTK_TEST,
    MMTK_MISC,
};

/* Borrowed for the call. */
struct mmtk_annotation {
    enum mmtk_annotation_kind kind;
    uint32_t line; /* of MMTK_TEST; no owner is told from another by it */
    /* The space of MMTK_SPACE and MMTK_SIDE_METADATA, the file of MMTK_TEST, the name of
     * MMTK_MISC. Not empty. The owner is called so, cut short (a file: its end is kept). */
    struct mmtk_text name;
    struct mmtk_text meta; /* of MMTK_SIDE_METADATA; as line */
};

enum mmtk_protection {
    MMTK_READ_WRITE = 0,
    MMTK_READ_WRITE_EXECUTE,
    MMTK_NO_ACCESS,
};

enum mmtk_huge_pages {
    MMTK_HUGE_PAGES_NO = 0,
    MMTK_HUGE_PAGES_TRANSPARENT,
};

/* MmapStrategy without its `replace`: nothing here replaces a mapping. */
struct mmtk_strategy {
    enum mmtk_huge_pages huge_pages;
    enum mmtk_protection protection;
    bool reserve; /* count what is mapped against the commit limit */
};

/* -------------------------------------------------------------------- lifecycle */

/* BYTES_IN_PAGE of MMTk, whatever the pages of the system. */
enum { MMTK_DEFAULT_PAGE_BYTES = 1 << 12 };

struct mmtk_mmapper_options {
    size_t page_bytes; /* a power of two, at most a chunk. 0: MMTK_DEFAULT_PAGE_BYTES */
    /* Annotations that can be told apart, rounded up to a power of two, at most
     * MM_MAX_OWNERS. 0: 256. */
    unsigned annotations;
    const char *vm_name; /* the owner of what is marked as mapped. NULL: "vm" */
};

/*
 * Makes a binding on a mapper, which must outlive it and may have other users, other
 * bindings among them. `options` may be NULL. Errors: INVALID_ARGUMENT, NO_MEMORY,
 * LIMIT (of the mapper's owners).
 */
enum mm_status mmtk_mmapper_create(struct mmapper *mapper,
                                   const struct mmtk_mmapper_options *options,
                                   struct mmtk_mmapper **binding,
                                   struct mm_error *error);

/*
 * Releases all that the binding's owners hold (what was marked as mapped is just
 * forgotten), then the owners and the binding. What is sealed stays, and so does its
 * owner. No other call on the binding may be running or follow. Errors: those of
 * mmapper_release; then the binding and what was not yet released live on.
 */
enum mm_status mmtk_mmapper_destroy(struct mmtk_mmapper *binding,
                                    struct mm_error *error);

/* ------------------------------------------------------------ calls of the trait */

/* log2 of the unit in which ranges are mapped, and that unit: a chunk. */
unsigned mmtk_mmapper_log_granularity(const struct mmtk_mmapper *binding);
size_t mmtk_mmapper_granularity(const struct mmtk_mmapper *binding);

/* log2 of the addresses that can be mapped: none is at or above 2 to the power of this. */
unsigned mmtk_mmapper_log_mappable_bytes(const struct mmtk_mmapper *binding);

/*
 * Reserves a range for the annotation. What the annotation holds of it already stays as it
 * is. All or nothing when all of it is unmapped; otherwise what the table refuses is found
 * before anything is changed, but when the system refuses one of the free parts those below
 * stay quarantined: calling again is safe. `strategy`: `reserve` has no meaning here, and the
 * protection only when the annotation is used for the first time: it is what its memory will
 * have, MMTK_NO_ACCESS meaning that nothing but reading and writing is known of it.
 * Errors: CONFLICT (with the owner or the foreign mapping), BUSY (a fellow thread is changing
 * the state of a chunk: try again), INVALID_ARGUMENT, OUT_OF_RANGE, LIMIT, NO_MEMORY,
 * OS_ERROR.
 */
enum mm_status mmtk_mmapper_quarantine_address_range(
    struct mmtk_mmapper *binding, uintptr_t start, size_t pages,
    const struct mmtk_strategy *strategy, const struct mmtk_annotation *annotation,
    struct mm_error *error);

/*
 * Reserves that many pages somewhere and says where; `alignment` is 0 or a power of two, at
 * least a chunk is used. All or nothing. No pages is INVALID_ARGUMENT: there is no address to
 * tell. Errors: as above, and NO_SPACE.
 */
enum mm_status mmtk_mmapper_quarantine_address_range_anywhere(
    struct mmtk_mmapper *binding, size_t pages, size_t alignment,
    const struct mmtk_strategy *strategy, const struct mmtk_annotation *annotation,
    uintptr_t *address, struct mm_error *error);

/*
 * Reserves the range at `start`, rounded down to the alignment, if it is free, else as much
 * anywhere. The range must be free for the annotation, too: what it holds already is not
 * free. Errors: as for anywhere.
 */
enum mm_status mmtk_mmapper_quarantine_address_range_preferred(
    struct mmtk_mmapper *binding, uintptr_t start, size_t pages, size_t alignment,
    const struct mmtk_strategy *strategy, const struct mmtk_annotation *annotation,
    uintptr_t *address, struct mm_error *error);

/*
 * Makes a range readable and writable (and executable, if that is its owner's protection);
 * what is unmapped is quarantined first. Fresh memory reads as zero, mapped memory keeps its
 * contents. Where all is mapped it costs finding the annotation, and mmapper_ensure_mapped's
 * one load. MMTK_NO_ACCESS is INVALID_ARGUMENT. Errors and progress: mmapper_ensure_mapped,
 * and LIMIT.
 */
enum mm_status mmtk_mmapper_ensure_mapped(struct mmtk_mmapper *binding, uintptr_t start,
                                          size_t pages,
                                          const struct mmtk_strategy *strategy,
                                          const struct mmtk_annotation *annotation,
                                          struct mm_error *error);

/*
 * Records `bytes` bytes that the runtime has mapped itself: its image, say. No system call.
 * What is recorded so already stays. What another owner holds is refused, quarantined
 * memory included. The mapper never touches it. Errors: CONFLICT, BUSY, INVALID_ARGUMENT,
 * OUT_OF_RANGE; then nothing of it is recorded that was not, unless another call got in
 * between.
 */
enum mm_status mmtk_mmapper_mark_as_mapped(struct mmtk_mmapper *binding,
                                           uintptr_t start, size_t bytes,
                                           struct mm_error *error);

/* Whether the chunk of `address` is mapped, by whomever. Any address; wait-free,
 * async-signal-safe. */
bool mmtk_mmapper_is_mapped_address(const struct mmtk_mmapper *binding,
                                    uintptr_t address);

/* ------------------------------------------------------------- beyond the trait */

/*
 * Says what the memory of an annotation is to be before its first use: executable, on
 * certain nodes, not accounted, committed ahead. With external backing it is
 * INVALID_ARGUMENT; saying the same again is not, but anything else is when the annotation
 * is known already. Errors: INVALID_ARGUMENT, LIMIT, NO_MEMORY.
 */
enum mm_status mmtk_mmapper_declare(struct mmtk_mmapper *binding,
                                    const struct mmtk_annotation *annotation,
                                    const struct mm_strategy *strategy,
                                    struct mm_error *error);

/*
 * Says, before its first use, that an annotation maps in the memory of `host`, which is
 * known: spaces that hand each other chunks, or a free list inside its space. Errors:
 * INVALID_ARGUMENT (host is not known, or the annotation maps for another owner), LIMIT,
 * NO_MEMORY.
 */
enum mm_status mmtk_mmapper_share(struct mmtk_mmapper *binding,
                                  const struct mmtk_annotation *annotation,
                                  const struct mmtk_annotation *host,
                                  struct mm_error *error);

/* The owner that an annotation maps for, NULL while it is not known; and the external one of
 * what is marked as mapped. For what the trait has no call for: mmapper_release,
 * mmapper_decommit, mmapper_protect and their like. Lock-free. */
struct mm_owner *mmtk_mmapper_owner(const struct mmtk_mmapper *binding,
                                    const struct mmtk_annotation *annotation);
struct mm_owner *mmtk_mmapper_vm_owner(const struct mmtk_mmapper *binding);

/* A failure as the errno value that std::io::Error is made of; the table is in README.md.
 * `error` is a record that a call here has written. */
int mmtk_mmapper_errno(const struct mm_error *error);

#ifdef __cplusplus
}
#endif

#endif /* BINDINGS_MMTK_MMTK_MMAPPER_H */
