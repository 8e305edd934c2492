/* SPDX-License-Identifier: MIT */
#include "spaces/side_metadata.h"

#include <stdlib.h>

#include "mmapper/atomic.h"
#include "spaces/space_error.h"

enum {
    LOG_BITS_PER_BYTE = 3,
    LOG_BITS_PER_WORD = 6,
    WORD_BITS = 64,
    /* Tables begin at cache lines, so that threads working on different tables do not
     * share one, and so that the word of a value is the table's alone. */
    TABLE_ALIGNMENT = 64,
};

/* A value's bits in its word are also its bits in its byte. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "side metadata layout");

struct table {
    struct mm_extent extent;
    unsigned log_data_bytes;
    unsigned log_bits;
};

struct side_metadata {
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent data;
    struct mm_extent extent;
    bool reserved; /* false once destroy gave the reservation back */
    unsigned table_count;
    struct table tables[];
};

/* ----------------------------------------------------------------- layout */

/* The bytes of a table, rounded up to where the next one may begin; false when they are
 * more than an address can count, or the table does not fit the data. */
static bool table_bytes(struct mm_extent data, const struct side_metadata_table *table,
                        size_t *bytes)
{
    if (table->log_data_bytes >= WORD_BITS ||
        table->log_bits > SIDE_METADATA_MAX_LOG_BITS) {
        return false;
    }
    const size_t grain = (size_t)1 << table->log_data_bytes;
    if (!mm_is_aligned(data.start, grain) || !mm_is_aligned(data.bytes, grain)) {
        return false;
    }
    const size_t values = data.bytes >> table->log_data_bytes;
    if (values > (SIZE_MAX >> table->log_bits) - (WORD_BITS - 1)) {
        return false;
    }
    const size_t bits = values << table->log_bits;
    const size_t whole_bytes = (bits + 7) >> LOG_BITS_PER_BYTE;
    return mm_align_up(whole_bytes, TABLE_ALIGNMENT, bytes);
}

/* Places the tables one behind the other from 0 on; their size in *total, in chunks. */
static bool lay_out(struct side_metadata *metadata,
                    const struct side_metadata_options *options, size_t *total)
{
    size_t end = 0;
    for (unsigned i = 0; i < options->table_count; i++) {
        size_t bytes;
        if (!table_bytes(options->data, &options->tables[i], &bytes) ||
            bytes > SIZE_MAX - end) {
            return false;
        }
        metadata->tables[i] = (struct table){
            .extent = mm_extent_of(end, bytes),
            .log_data_bytes = options->tables[i].log_data_bytes,
            .log_bits = options->tables[i].log_bits,
        };
        end += bytes;
    }
    return mm_align_up(end, mmapper_chunk_bytes(metadata->mapper), total);
}

/* ---------------------------------------------------------------- lifecycle */

static enum mm_status check_options(const struct mmapper *mapper,
                                    const struct side_metadata_options *options,
                                    struct mm_error *error)
{
    const char *wrong = NULL;
    struct mm_extent request = mm_extent_of(0, 0);
    if (mapper == NULL || options == NULL) {
        wrong = "no mapper or no options";
    } else if (options->tables == NULL || options->table_count == 0 ||
               options->table_count > SIDE_METADATA_MAX_TABLES) {
        wrong = "no tables, or too many";
    } else if (options->strategy.backing != MM_BACKING_RESERVED) {
        wrong = "the mapper must map side metadata";
    } else if (!mm_extent_valid(options->data)) {
        wrong = "the data is empty or overflows";
        request = options->data;
    }
    if (wrong == NULL) {
        return MM_OK;
    }
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE, wrong, request);
}

static enum mm_status acquire_extent(struct side_metadata *metadata,
                                     const struct side_metadata_options *options,
                                     struct mm_error *error)
{
    size_t total;
    if (!lay_out(metadata, options, &total)) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE,
                          "a table does not fit the data, or is too large",
                          options->data);
    }
    const struct mm_owner_options owner = {
        .name = options->name,
        .kind = MM_KIND_SIDE_METADATA,
        .strategy = options->strategy,
    };
    enum mm_status status =
        mmapper_register_owner(metadata->mapper, &owner, &metadata->owner, error);
    if (status != MM_OK) {
        return status;
    }
    status = space_placement_quarantine(metadata->mapper, metadata->owner,
                                        &options->placement, total, &metadata->extent,
                                        error);
    if (status != MM_OK) {
        (void)mmapper_unregister_owner(metadata->mapper, metadata->owner, NULL);
        return status;
    }
    for (unsigned i = 0; i < options->table_count; i++) {
        metadata->tables[i].extent.start += metadata->extent.start;
    }
    metadata->reserved = true;
    return MM_OK;
}

enum mm_status side_metadata_create(struct mmapper *mapper,
                                    const struct side_metadata_options *options,
                                    struct side_metadata **metadata,
                                    struct mm_error *error)
{
    enum mm_status status = check_options(mapper, options, error);
    if (status != MM_OK) {
        return status;
    }
    struct side_metadata *made =
        calloc(1, sizeof(*made) + options->table_count * sizeof(made->tables[0]));
    if (made == NULL) {
        return space_fail(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                          "no memory for the tables' description", options->data);
    }
    made->mapper = mapper;
    made->data = options->data;
    made->table_count = options->table_count;
    status = acquire_extent(made, options, error);
    if (status != MM_OK) {
        free(made);
        return status;
    }
    *metadata = made;
    return MM_OK;
}

enum mm_status side_metadata_destroy(struct side_metadata *metadata,
                                     struct mm_error *error)
{
    enum mm_status status;
    if (metadata->reserved) {
        status =
            mmapper_release(metadata->mapper, metadata->owner, metadata->extent, error);
        if (status != MM_OK) {
            return status;
        }
        metadata->reserved = false;
    }
    status = mmapper_unregister_owner(metadata->mapper, metadata->owner, error);
    if (status == MM_OK) {
        free(metadata);
    }
    return status;
}

/* ------------------------------------------------------------------ mapping */

/* The bytes of the table that hold the values of `data`, which lies in the instance's
 * data, rounded outwards. */
static struct mm_extent values_of(const struct side_metadata *metadata,
                                  const struct table *table, struct mm_extent data)
{
    const size_t first = (data.start - metadata->data.start) >> table->log_data_bytes;
    const size_t last =
        (mm_extent_end(data) - 1 - metadata->data.start) >> table->log_data_bytes;
    const size_t first_byte = (first << table->log_bits) >> LOG_BITS_PER_BYTE;
    /* The byte in which the last value begins: values are aligned to their size, so
     * none lies in two chunks. */
    const size_t last_byte = (last << table->log_bits) >> LOG_BITS_PER_BYTE;
    return mm_extent_of(table->extent.start + first_byte, last_byte - first_byte + 1);
}

enum mm_status side_metadata_map(struct side_metadata *metadata, struct mm_extent data,
                                 struct mm_error *error)
{
    if (metadata == NULL || !mm_extent_valid(data)) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_ENSURE_MAPPED,
                          "no instance, or data that is empty or overflows", data);
    }
    if (!mm_extent_contains(metadata->data, data)) {
        return space_fail(error, MM_OUT_OF_RANGE, MM_OPERATION_ENSURE_MAPPED,
                          "not all of it is data with metadata", data);
    }
    for (unsigned i = 0; i < metadata->table_count; i++) {
        /* Tables share chunks, and so do threads: all of them may ask for the same
         * chunk at once, the mapper lets them help each other. */
        const enum mm_status status = mmapper_ensure_mapped(
            metadata->mapper, metadata->owner,
            values_of(metadata, &metadata->tables[i], data), error);
        if (status != MM_OK) {
            return status;
        }
    }
    return MM_OK;
}

/* ------------------------------------------------------------------- access */

/* Where a value is: bits [shift, shift + width) of a word. */
struct place {
    mm_atomic_u64 *word;
    unsigned shift;
    uint64_t mask; /* of the value, before shifting */
};

/* The number of the first bit of the value for `address`, in its table. */
static enum mm_status find_bit(const struct side_metadata *metadata, unsigned table,
                               uintptr_t address, size_t *bit)
{
    if (table >= metadata->table_count) {
        return MM_INVALID_ARGUMENT;
    }
    if (!mm_extent_contains_address(metadata->data, address)) {
        return MM_OUT_OF_RANGE;
    }
    const struct table *t = &metadata->tables[table];
    *bit = ((address - metadata->data.start) >> t->log_data_bytes) << t->log_bits;
    return MM_OK;
}

static enum mm_status find_place(const struct side_metadata *metadata, unsigned table,
                                 uintptr_t address, struct place *place)
{
    size_t bit;
    const enum mm_status status = find_bit(metadata, table, address, &bit);
    if (status != MM_OK) {
        return status;
    }
    const struct table *t = &metadata->tables[table];
    /* Always whole words: tables and chunks are multiples of them, so a word is mapped
     * as soon as one of its bits is. */
    const uintptr_t word =
        t->extent.start + (bit >> LOG_BITS_PER_WORD) * sizeof(mm_atomic_u64);
    /* The integer names memory that the mapper gave; there is no pointer to derive
     * from. NOLINTNEXTLINE(performance-no-int-to-ptr) */
    place->word = (mm_atomic_u64 *)word;
    place->shift = (unsigned)(bit % WORD_BITS);
    place->mask = UINT64_MAX >> (WORD_BITS - (1U << t->log_bits));
    return MM_OK;
}

uintptr_t side_metadata_address(const struct side_metadata *metadata, unsigned table,
                                uintptr_t address)
{
    size_t bit;
    if (find_bit(metadata, table, address, &bit) != MM_OK) {
        return 0;
    }
    return metadata->tables[table].extent.start + (bit >> LOG_BITS_PER_BYTE);
}

enum mm_status side_metadata_load(const struct side_metadata *metadata, unsigned table,
                                  uintptr_t address, uint64_t *value)
{
    struct place place;
    const enum mm_status status = find_place(metadata, table, address, &place);
    if (status == MM_OK) {
        const uint64_t word =
            mm_load_acquire_u64(place.word); /* edge: METADATA-VALUE */
        *value = (word >> place.shift) & place.mask;
    }
    return status;
}

static uint64_t with_value(uint64_t word, const struct place *place, uint64_t value)
{
    return (word & ~(place->mask << place->shift)) | (value << place->shift);
}

enum mm_status side_metadata_store(const struct side_metadata *metadata, unsigned table,
                                   uintptr_t address, uint64_t value)
{
    struct place place;
    const enum mm_status status = find_place(metadata, table, address, &place);
    if (status != MM_OK) {
        return status;
    }
    if (value > place.mask) {
        return MM_INVALID_ARGUMENT;
    }
    uint64_t word;
    do {
        /* Relaxed: only the neighbours' bits are kept, and the CAS confirms them. */
        word = mm_load_relaxed_u64(place.word);
        /* edge: METADATA-VALUE. An RMW also where the value fills the word, so that a
         * neighbour's release in the same word stays visible through this one. */
    } while (!mm_cas_release_u64(place.word, word, with_value(word, &place, value)));
    return MM_OK;
}

enum mm_status side_metadata_exchange(const struct side_metadata *metadata,
                                      unsigned table, uintptr_t address,
                                      uint64_t expected, uint64_t desired,
                                      uint64_t *found)
{
    struct place place;
    const enum mm_status status = find_place(metadata, table, address, &place);
    if (status != MM_OK) {
        return status;
    }
    if (expected > place.mask || desired > place.mask) {
        return MM_INVALID_ARGUMENT;
    }
    for (;;) {
        const uint64_t word =
            mm_load_acquire_u64(place.word); /* edge: METADATA-VALUE */
        const uint64_t value = (word >> place.shift) & place.mask;
        /* edge: METADATA-VALUE. A CAS that fails only because of a neighbour is tried
         * again. */
        if (value != expected ||
            mm_cas_acq_rel_u64(place.word, word, with_value(word, &place, desired))) {
            *found = value;
            return MM_OK;
        }
    }
}

/* -------------------------------------------------------------------- queries */

struct mm_extent side_metadata_extent(const struct side_metadata *metadata)
{
    return metadata->extent;
}

struct mm_extent side_metadata_table_extent(const struct side_metadata *metadata,
                                            unsigned table)
{
    if (table >= metadata->table_count) {
        return mm_extent_of(0, 0);
    }
    return metadata->tables[table].extent;
}

struct mm_owner *side_metadata_owner(const struct side_metadata *metadata)
{
    return metadata->owner;
}
