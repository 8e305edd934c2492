/* SPDX-License-Identifier: MIT */
#include "spaces/space_map.h"

#include <stdlib.h>

#include "mmapper/atomic.h"
#include "mmapper/check.h"
#include "spaces/space_error.h"

enum slot_state {
    SLOT_FREE = 0,
    SLOT_CHANGING, /* one thread is taking it or giving it back: the slot is its own */
    SLOT_HELD,
};

struct slot {
    mm_atomic_u64 space; /* what queries see; 0: none */
    mm_atomic_u32 state;
    struct mm_owner *owner; /* only for the thread that made it CHANGING */
};

enum {
    DEFAULT_LOG_SLOT_BYTES = 41,
    DEFAULT_SLOTS = 16,
};

struct space_map {
    struct mmapper *mapper;
    struct mm_extent extent;
    unsigned log_slot_bytes;
    unsigned count;
    struct slot slots[];
};

/* The bytes of all slots, 0 when that is no sensible number. */
static size_t total_bytes(const struct mmapper *mapper, unsigned log_slot_bytes,
                          unsigned slots)
{
    if (log_slot_bytes >= 64 || slots > SPACE_MAP_MAX_SLOTS) {
        return 0;
    }
    const size_t slot_bytes = (size_t)1 << log_slot_bytes;
    if (slot_bytes < mmapper_chunk_bytes(mapper) || slots > SIZE_MAX / slot_bytes) {
        return 0;
    }
    return slots * slot_bytes;
}

static enum mm_status check_exact(const struct mmapper *mapper,
                                  const struct space_placement *placement,
                                  struct mm_extent extent, struct mm_error *error)
{
    const size_t chunk_bytes = mmapper_chunk_bytes(mapper);
    const size_t alignment =
        placement->alignment == 0 ? chunk_bytes : placement->alignment;
    if (!mm_is_power_of_two(alignment) || !mm_is_aligned(extent.start, alignment) ||
        !mm_is_aligned(extent.start, chunk_bytes) || !mm_extent_valid(extent)) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE,
                          "the exact start is misaligned, or the end overflows",
                          extent);
    }
    if (!mm_extent_contains(mmapper_window(mapper), extent)) {
        return space_fail(error, MM_OUT_OF_RANGE, MM_OPERATION_CREATE,
                          "the slots pass the mapper's window", extent);
    }
    return MM_OK;
}

/* Finds a free range by reserving it for an instant: only the kernel knows what lies
 * outside the mapper's table. */
static enum mm_status find_range(struct mmapper *mapper,
                                 const struct space_placement *placement,
                                 size_t slot_bytes, struct mm_extent *extent,
                                 struct mm_error *error)
{
    const struct mm_owner_options options = {
        .name = "space map",
        .kind = MM_KIND_SPACE,
        .strategy = {.accounting = MM_UNACCOUNTED},
    };
    struct space_placement aligned = *placement;
    if (aligned.alignment == 0) {
        aligned.alignment = slot_bytes;
    }
    struct mm_owner *owner;
    enum mm_status status = mmapper_register_owner(mapper, &options, &owner, error);
    if (status != MM_OK) {
        return status;
    }
    status = space_placement_quarantine(mapper, owner, &aligned, extent->bytes, extent,
                                        error);
    if (status == MM_OK) {
        status = mmapper_release(mapper, owner, *extent, error);
    }
    /* Fails, as it must, when the range could not be given back. */
    (void)mmapper_unregister_owner(mapper, owner, NULL);
    return status;
}

enum mm_status space_map_create(struct mmapper *mapper,
                                const struct space_map_options *options,
                                struct space_map **map, struct mm_error *error)
{
    struct mm_extent extent = mm_extent_of(0, 0);
    if (mapper == NULL || options == NULL || map == NULL) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE,
                          "no mapper, no options or no result", extent);
    }
    const unsigned log_slot_bytes =
        options->log_slot_bytes == 0 ? DEFAULT_LOG_SLOT_BYTES : options->log_slot_bytes;
    const unsigned count = options->slots == 0 ? DEFAULT_SLOTS : options->slots;
    extent = mm_extent_of(options->placement.start,
                          total_bytes(mapper, log_slot_bytes, count));
    if (extent.bytes == 0) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_CREATE,
                          "slots smaller than a chunk, or too many or too large",
                          extent);
    }
    struct space_map *made = calloc(1, sizeof(*made) + count * sizeof(made->slots[0]));
    if (made == NULL) {
        return space_fail(error, MM_NO_MEMORY, MM_OPERATION_CREATE,
                          "no memory for the map itself", extent);
    }
    const enum mm_status status =
        options->placement.rule == SPACE_EXACT
            ? check_exact(mapper, &options->placement, extent, error)
            : find_range(mapper, &options->placement, (size_t)1 << log_slot_bytes,
                         &extent, error);
    if (status != MM_OK) {
        free(made);
        return status;
    }
    made->mapper = mapper;
    made->extent = extent;
    made->log_slot_bytes = log_slot_bytes;
    made->count = count;
    *map = made;
    return MM_OK;
}

enum mm_status space_map_destroy(struct space_map *map, struct mm_error *error)
{
    for (unsigned i = 0; i < map->count; i++) {
        /* Relaxed: the caller has ordered all other calls before this one. */
        if (mm_load_relaxed_u32(&map->slots[i].state) != SLOT_FREE) {
            return space_fail(error, MM_WRONG_STATE, MM_OPERATION_DESTROY,
                              "a slot is still held", space_map_slot_extent(map, i));
        }
    }
    free(map);
    return MM_OK;
}

/* Takes a slot that was FREE just now; false when somebody was faster. */
static bool begin_take(struct slot *slot)
{
    /* edge: SLOT-STATE. Acquires the owner and space fields from whoever freed it. Who
     * sees CHANGING looks at nothing, so it releases nothing. */
    return mm_cas_acquire_u32(&slot->state, SLOT_FREE, SLOT_CHANGING);
}

static void settle(struct slot *slot, enum slot_state state)
{
    mm_store_release_u32(&slot->state, (uint32_t)state); /* edge: SLOT-STATE */
}

/* The slot is CHANGING and this thread's. */
static enum mm_status fill_slot(struct space_map *map, unsigned index,
                                struct mm_owner *owner, uintptr_t space,
                                struct mm_extent *extent, struct mm_error *error)
{
    struct slot *slot = &map->slots[index];
    const struct mm_extent wanted = space_map_slot_extent(map, index);
    if (owner != NULL) {
        const enum mm_status status =
            mmapper_quarantine(map->mapper, owner, wanted, error);
        if (status != MM_OK) {
            settle(slot, SLOT_FREE);
            return status;
        }
    }
    mm_plain_store(&slot->owner, owner);
    /* edge: SLOT-SPACE. After the quarantine, so that a query names a space only when
     * the slot is its own; before HELD, so that giving back finds it. */
    mm_store_release_u64(&slot->space, space);
    settle(slot, SLOT_HELD);
    *extent = wanted;
    return MM_OK;
}

static enum mm_status check_take(const struct space_map *map, uintptr_t space,
                                 const struct mm_extent *extent, struct mm_error *error)
{
    if (map != NULL && space != 0 && extent != NULL) {
        return MM_OK;
    }
    return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_QUARANTINE,
                      "no map, no space or no result", mm_extent_of(0, 0));
}

enum mm_status space_map_take_slot(struct space_map *map, unsigned slot,
                                   struct mm_owner *owner, uintptr_t space,
                                   struct mm_extent *extent, struct mm_error *error)
{
    const enum mm_status status = check_take(map, space, extent, error);
    if (status != MM_OK) {
        return status;
    }
    const struct mm_extent wanted = space_map_slot_extent(map, slot);
    if (slot >= map->count) {
        return space_fail(error, MM_OUT_OF_RANGE, MM_OPERATION_QUARANTINE,
                          "no such slot", wanted);
    }
    if (begin_take(&map->slots[slot])) {
        return fill_slot(map, slot, owner, space, extent, error);
    }
    /* edge: SLOT-STATE. Only to say why; but who is told "held" must see by whom. */
    if (mm_load_acquire_u32(&map->slots[slot].state) == SLOT_HELD) {
        return space_fail(error, MM_WRONG_STATE, MM_OPERATION_QUARANTINE,
                          "the slot is held", wanted);
    }
    return space_fail(error, MM_BUSY, MM_OPERATION_QUARANTINE,
                      "the slot is being taken or given back", wanted);
}

enum mm_status space_map_take(struct space_map *map, struct mm_owner *owner,
                              uintptr_t space, struct mm_extent *extent,
                              struct mm_error *error)
{
    enum mm_status status = check_take(map, space, extent, error);
    if (status != MM_OK) {
        return status;
    }
    bool conflict = false;
    for (unsigned i = 0; i < map->count; i++) {
        if (!begin_take(&map->slots[i])) {
            continue;
        }
        /* Only the first conflict is told; any other error ends the search. */
        struct mm_error failure;
        status = fill_slot(map, i, owner, space, extent, &failure);
        if (status != MM_OK && error != NULL && !(conflict && status == MM_CONFLICT)) {
            *error = failure;
        }
        if (status != MM_CONFLICT) {
            return status;
        }
        conflict = true;
    }
    if (conflict) {
        return MM_CONFLICT;
    }
    return space_fail(error, MM_NO_SPACE, MM_OPERATION_QUARANTINE, "no free slot",
                      map->extent);
}

/* The slot is CHANGING and this thread's. */
static enum mm_status empty_slot(struct space_map *map, unsigned index, uintptr_t space,
                                 struct mm_error *error)
{
    struct slot *slot = &map->slots[index];
    struct mm_owner *const owner = mm_plain_load(&slot->owner);
    const struct mm_extent extent = space_map_slot_extent(map, index);
    enum mm_status status = MM_OK;
    /* Relaxed: written before the slot was HELD, which begin acquired. */
    if (mm_load_relaxed_u64(&slot->space) != space) {
        status = space_fail(error, MM_CONFLICT, MM_OPERATION_RELEASE,
                            "another space holds the slot", extent);
    } else if (owner != NULL) {
        status = mmapper_release(map->mapper, owner, extent, error);
    }
    if (status != MM_OK) {
        settle(slot, SLOT_HELD);
        return status;
    }
    /* Only now: a release that fails must not have hidden the space from anybody. */
    mm_plain_store(&slot->owner, NULL);
    /* Relaxed: who finds no space looks at nothing; the next holder acquires it. */
    mm_store_relaxed_u64(&slot->space, 0);
    settle(slot, SLOT_FREE);
    return MM_OK;
}

enum mm_status space_map_give_back(struct space_map *map, uintptr_t start,
                                   uintptr_t space, struct mm_error *error)
{
    const struct mm_extent request = mm_extent_of(start, 0);
    if (map == NULL || space == 0) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_RELEASE,
                          "no map or no space", request);
    }
    if (!mm_extent_contains_address(map->extent, start)) {
        return space_fail(error, MM_OUT_OF_RANGE, MM_OPERATION_RELEASE,
                          "not in the map", request);
    }
    const unsigned index =
        (unsigned)((start - map->extent.start) >> map->log_slot_bytes);
    if (space_map_slot_extent(map, index).start != start) {
        return space_fail(error, MM_INVALID_ARGUMENT, MM_OPERATION_RELEASE,
                          "not the start of a slot", request);
    }
    struct slot *slot = &map->slots[index];
    /* edge: SLOT-STATE. Acquires the fields from the thread that took it. */
    if (mm_cas_acquire_u32(&slot->state, SLOT_HELD, SLOT_CHANGING)) {
        return empty_slot(map, index, space, error);
    }
    /* edge: SLOT-STATE. Only to say why; but who is told "free" must see it so. */
    if (mm_load_acquire_u32(&slot->state) == SLOT_FREE) {
        return space_fail(error, MM_WRONG_STATE, MM_OPERATION_RELEASE,
                          "the slot is free already", request);
    }
    return space_fail(error, MM_BUSY, MM_OPERATION_RELEASE,
                      "the slot is being taken or given back", request);
}

uintptr_t space_map_space_of(const struct space_map *map, uintptr_t address)
{
    if (!mm_extent_contains_address(map->extent, address)) {
        return 0;
    }
    const size_t index = (address - map->extent.start) >> map->log_slot_bytes;
    MM_CHECK(index < map->count);
    return (uintptr_t)mm_load_acquire_u64(
        &map->slots[index].space); /* edge: SLOT-SPACE */
}

struct mm_extent space_map_extent(const struct space_map *map)
{
    return map->extent;
}

unsigned space_map_slots(const struct space_map *map)
{
    return map->count;
}

struct mm_extent space_map_slot_extent(const struct space_map *map, unsigned slot)
{
    if (slot >= map->count) {
        return mm_extent_of(0, 0);
    }
    return mm_extent_of(map->extent.start + ((uintptr_t)slot << map->log_slot_bytes),
                        (size_t)1 << map->log_slot_bytes);
}
