/* SPDX-License-Identifier: MIT */
/*
 * Side metadata: tables of small values about ranges of data, kept beside the data.
 *
 *     data      |  grain 0  |  grain 1  |  grain 2  | ...      2^log_data_bytes each
 *     table t   | v0 | v1 | v2 | ...                           2^log_bits each
 *
 * All tables of an instance lie in one reservation of the mapper, one behind the other,
 * and share chunks where they meet. Nothing is mapped before side_metadata_map asks for
 * the values of a range of data; fresh values are zero. What was mapped stays mapped
 * for the life of the instance: a chunk may hold values of other data and of other
 * tables.
 *
 * A value of fewer than 8 bits lies in the byte that side_metadata_address names, the
 * value of the lowest data in the lowest bits; larger ones are little endian, as the
 * machine's. Compiled barriers may access them with their own atomic instructions.
 *
 * Functions are thread-safe but for create and destroy of the same instance. `error`
 * may be NULL and is written only on failure.
 */
#ifndef SPACES_SIDE_METADATA_H
#define SPACES_SIDE_METADATA_H

#include "mmapper/mmapper.h"
#include "spaces/space_placement.h"

#ifdef __cplusplus
extern "C" {
#endif

struct side_metadata;

enum {
    SIDE_METADATA_MAX_TABLES = 64,
    SIDE_METADATA_MAX_LOG_BITS = 6,
};

struct side_metadata_table {
    unsigned log_data_bytes; /* log2 of the bytes of data that have one value */
    unsigned log_bits;       /* log2 of the bits of a value, 0 to 6 */
};

struct side_metadata_options {
    const char *name;            /* of the owner it registers: MM_KIND_SIDE_METADATA */
    struct mm_strategy strategy; /* of that owner; backing MM_BACKING_RESERVED */
    unsigned table_count;        /* 1 to SIDE_METADATA_MAX_TABLES */
    struct space_placement placement; /* of the reservation, in whole chunks */
    /* All data that can have metadata. Start and bytes are multiples of every table's
     * grain (2^log_data_bytes). It need not be mapped, nor in the mapper's window. */
    struct mm_extent data;
    const struct side_metadata_table *tables; /* copied */
};

/* Registers an owner and reserves room for all tables; maps nothing. All or nothing.
 * Errors: INVALID_ARGUMENT (also when the tables' size overflows), NO_MEMORY, those of
 * registering and quarantining. */
enum mm_status side_metadata_create(struct mmapper *mapper,
                                    const struct side_metadata_options *options,
                                    struct side_metadata **metadata,
                                    struct mm_error *error);

/* Gives the reservation and the owner back. No call may be running or follow, nobody
 * may use the tables. After an error (BUSY, NO_MEMORY, OS_ERROR, as mmapper_release)
 * the instance lives on and destroy can be called again. */
enum mm_status side_metadata_destroy(struct side_metadata *metadata,
                                     struct mm_error *error);

/* Maps the values of all tables for `data`, rounded outwards to whole values and
 * chunks. Lock-free, also when threads race for the same chunks; idempotent; keeps
 * values. Monotone: after an error a part may be mapped, calling again is safe. Errors:
 * INVALID_ARGUMENT, OUT_OF_RANGE (not all of it is in the instance's data), those of
 * mmapper_ensure_mapped. */
enum mm_status side_metadata_map(struct side_metadata *metadata, struct mm_extent data,
                                 struct mm_error *error);

/* The address of the byte in which the value for `address` begins; 0 when there is no
 * such table or the address is not in the data. Constant time, never faults. */
uintptr_t side_metadata_address(const struct side_metadata *metadata, unsigned table,
                                uintptr_t address);

/*
 * Atomic access to one value. Neighbouring values, also in the same byte, are never
 * disturbed. A load (acquire) that sees a store or exchange (release) happens after it.
 * The value's data must be mapped (side_metadata_map), else they fault. load is
 * wait-free, the others lock-free. Errors, with nothing changed: INVALID_ARGUMENT (no
 * such table, or a value that has too many bits), OUT_OF_RANGE (address not in data).
 */
enum mm_status side_metadata_load(const struct side_metadata *metadata, unsigned table,
                                  uintptr_t address, uint64_t *value);
enum mm_status side_metadata_store(const struct side_metadata *metadata, unsigned table,
                                   uintptr_t address, uint64_t value);
/* Stores `desired` if the value is `expected`. *found is what the value was: equal to
 * `expected` exactly when it was stored. An exchange that fails acquires as well. */
enum mm_status side_metadata_exchange(const struct side_metadata *metadata,
                                      unsigned table, uintptr_t address,
                                      uint64_t expected, uint64_t desired,
                                      uint64_t *found);

/* Constant while the instance lives. */
struct mm_extent side_metadata_extent(const struct side_metadata *metadata);
/* The bytes of one table; empty if there is no such table. */
struct mm_extent side_metadata_table_extent(const struct side_metadata *metadata,
                                            unsigned table);
struct mm_owner *side_metadata_owner(const struct side_metadata *metadata);

#ifdef __cplusplus
}
#endif

#endif /* SPACES_SIDE_METADATA_H */
