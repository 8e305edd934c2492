/* SPDX-License-Identifier: MIT */
/*
 * Outcomes: the status of a call, and the record of a failure (contract: G7 in
 * mmapper.h, which includes this file).
 */
#ifndef MMAPPER_ERROR_H
#define MMAPPER_ERROR_H

#include "mmapper/extent.h"
#include "mmapper/mmap_support.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mm_owner;

enum mm_status {
    MM_OK = 0,
    MM_CONFLICT,         /* another owner or a foreign mapping is there */
    MM_BUSY,             /* another call is in the way: the owner's own, or when placing
                  * anybody's; try again */
    MM_NO_MEMORY,        /* the OS said ENOMEM; the record says which limit */
    MM_NO_SPACE,         /* no free range of that size in the window */
    MM_INVALID_ARGUMENT, /* empty, overflowing, misaligned, contradictory */
    MM_OUT_OF_RANGE,     /* not inside the mapper's window */
    MM_UNKNOWN_OWNER,    /* not registered with this mapper */
    MM_WRONG_STATE,      /* own chunk, but not in a state that allows this */
    MM_LIMIT,            /* too many owners */
    MM_OS_ERROR,         /* another errno; the record has it */
    MM_STATUS_COUNT,
};

enum mm_state {
    MM_UNMAPPED = 0,
    MM_RESERVING,
    MM_QUARANTINED,
    MM_MAPPED,
    MM_DECOMMITTING,
    MM_RELEASING,
    MM_TRANSFERRING,
    MM_EXCLUDED,
    MM_SEALING,
    MM_SEALED,
    MM_STATE_COUNT,
};

/* The public operation that an error record speaks of. */
enum mm_operation {
    MM_OPERATION_CREATE = 0,
    MM_OPERATION_DESTROY,
    MM_OPERATION_REGISTER_OWNER,
    MM_OPERATION_UNREGISTER_OWNER,
    MM_OPERATION_QUARANTINE,
    MM_OPERATION_ENSURE_MAPPED,
    MM_OPERATION_DECOMMIT,
    MM_OPERATION_RELEASE,
    MM_OPERATION_TRANSFER,
    MM_OPERATION_ADOPT,
    MM_OPERATION_EXCLUDE,
    MM_OPERATION_OWNER_CHUNKS,
    MM_OPERATION_VERIFY,
    MM_OPERATION_FORK,
    MM_OPERATION_PROTECT,
    MM_OPERATION_GUARD,
    MM_OPERATION_SEAL,
    MM_OPERATION_COLLAPSE,
    MM_OPERATION_RESIDENCY,
    MM_OPERATION_WRITE_DUMP,
    MM_OPERATION_COUNT,
};

/* What an owner is to the runtime. It names mappings and changes no behaviour. */
enum mm_kind {
    MM_KIND_SPACE = 0,
    MM_KIND_IMMORTAL,
    MM_KIND_FREELIST,
    MM_KIND_SIDE_METADATA,
    MM_KIND_RUNTIME_IMAGE,
    MM_KIND_MISC,
    MM_KIND_TEST,
    MM_KIND_COUNT,
};

/* Who holds a chunk. A copy: it stays readable when the owner is gone. */
struct mm_holder {
    enum mm_state state;
    const struct mm_owner *owner; /* NULL when nobody holds it */
    enum mm_kind kind;
    char name[MM_NAME_BYTES];
};

struct mm_error {
    enum mm_status status;
    enum mm_operation operation;
    const char *detail;       /* what is wrong, in a few words; never NULL */
    struct mm_extent request; /* what was asked for */
    uintptr_t address;        /* the first address at fault */
    /* Who holds that address, when a chunk is what stands in the way. owner is NULL
     * otherwise, and when the holder was gone before the record was made. */
    struct mm_holder holder;
    struct mm_mapping foreign;  /* the mapping in the way, for CONFLICT with one */
    enum mm_os_call os_call;    /* the call that failed, or MM_OS_NONE */
    int os_error;               /* its errno value, or 0 */
    enum mm_memory_cause cause; /* for NO_MEMORY */
};

/* Static English names such as "conflict"; "?" for values out of range. */
const char *mm_status_name(enum mm_status status);
const char *mm_state_name(enum mm_state state);
const char *mm_operation_name(enum mm_operation operation);
const char *mm_os_call_name(enum mm_os_call call);
const char *mm_kind_name(enum mm_kind kind);
const char *mm_memory_cause_name(enum mm_memory_cause cause);

/* One line for a log: what, where, who. Returns the length that the whole line has;
 * writes at most `bytes` bytes, NUL included. */
size_t mm_error_format(const struct mm_error *error, char *text, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif /* MMAPPER_ERROR_H */
