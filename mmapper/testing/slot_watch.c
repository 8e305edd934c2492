/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/slot_watch.h"

#include <stdio.h>
#include <string.h>

#include "mmapper/mapper.h"

_Static_assert(+WATCH_STATE_COUNT == +MAP_STATE_COUNT &&
                   +WATCH_EXCLUDED == +MAP_EXCLUDED && +WATCH_SEALED == +MAP_SEALED &&
                   +WATCH_RELEASING_X == +MAP_RELEASING_X,
               "the states are those of map_state.h");

static bool is_slot(const struct mmapper *mapper, const void *address, size_t *chunk)
{
    const mm_atomic_u16 *slots = mapper->table.slots;
    const uintptr_t offset = (uintptr_t)address - (uintptr_t)slots;
    *chunk = offset / sizeof(*slots);
    return *chunk < mapper->table.chunks;
}

static bool is_word(const struct mmapper *mapper, const void *address, size_t *region)
{
    const mm_atomic_u32 *words = mapper->table.regions;
    const uintptr_t offset = (uintptr_t)address - (uintptr_t)words;
    *region = offset / sizeof(*words);
    return *region <= chunk_region(&mapper->table, mapper->table.chunks - 1);
}

static struct watch_value decode(const struct mmapper *mapper, map_value value)
{
    const struct watch_value decoded = {
        .state = (enum watch_state)map_state_of(value),
        .owner = owner_at(&mapper->owners, map_owner_of(value)),
    };
    return decoded;
}

struct watch_value slot_watch_chunk(const struct mmapper *mapper, size_t chunk)
{
    const uint32_t word =
        mapper->table.regions[chunk_region(&mapper->table, chunk)].value;
    return decode(mapper, word & REGION_SPLIT
                              ? chunk_slot_value(word, mapper->table.slots[chunk].value)
                              : chunk_word_value(word));
}

static struct watch_change watch_word(const struct mmapper *mapper, size_t region,
                                      uint32_t before, uint32_t after)
{
    struct watch_change change = {.kind = WATCH_CHUNKS};
    change.first = region << mapper->table.log_region;
    change.end = chunk_region_end(&mapper->table, change.first);
    change.before = decode(mapper, chunk_word_value(before));
    change.after = decode(mapper, chunk_word_value(after));
    if (before & REGION_SPLIT) {
        change.kind = WATCH_BROKEN;
        change.problem = after & REGION_SPLIT ? "a split region changed its base"
                                              : "a split region became uniform again";
    } else if (after & REGION_SPLIT) {
        change.kind = WATCH_SPLIT;
        if (chunk_word_value(before) != chunk_word_value(after)) {
            change.kind = WATCH_BROKEN;
            change.problem = "a split lost the region's base";
        }
    }
    return change;
}

struct watch_change slot_watch_store(const struct mmapper *mapper, const void *address,
                                     uint64_t before, uint64_t after)
{
    struct watch_change change = {.kind = WATCH_NOTHING};
    size_t index;
    if (is_word(mapper, address, &index)) {
        return watch_word(mapper, index, (uint32_t)before, (uint32_t)after);
    }
    if (!is_slot(mapper, address, &index)) {
        return change;
    }
    const uint32_t word =
        mapper->table.regions[chunk_region(&mapper->table, index)].value;
    change.first = index;
    change.end = index + 1;
    if (!(word & REGION_SPLIT)) {
        change.kind = WATCH_BROKEN;
        change.problem = "a slot changed in a region that is not split";
        return change;
    }
    change.kind = WATCH_CHUNKS;
    change.before = decode(mapper, chunk_slot_value(word, (uint16_t)before));
    change.after = decode(mapper, chunk_slot_value(word, (uint16_t)after));
    return change;
}

/* The index of the entry that the address is in; 0 for none. */
static size_t entry_of(const struct mmapper *mapper, const void *address)
{
    const uintptr_t offset = (uintptr_t)address - (uintptr_t)mapper->owners.owners;
    const size_t index = offset / sizeof(struct mm_owner);
    return index <= (size_t)mapper->owners.max + 1 ? index : 0;
}

/* The count; beside it is the hint of commit-ahead. */
static bool is_pin(const struct mm_owner *owner, const void *address)
{
    const uintptr_t at = (uintptr_t)address - (uintptr_t)owner->pins;
    return at < sizeof(owner->pins) &&
           at % sizeof(owner->pins[0]) == offsetof(struct owner_pin, count);
}

const struct mm_owner *slot_watch_pin(const struct mmapper *mapper, const void *address)
{
    const size_t index = entry_of(mapper, address);
    const struct mm_owner *owner = &mapper->owners.owners[index];
    return index != 0 && is_pin(owner, address) ? owner : NULL;
}

uint64_t slot_watch_pins(const struct mm_owner *owner)
{
    uint64_t pins = 0;
    for (unsigned i = 0; i < OWNER_PIN_STRIPES; i++) {
        pins += owner->pins[i].count.value;
    }
    return pins;
}

const char *watch_state_name(enum watch_state state)
{
    static const char *const names[WATCH_STATE_COUNT] = {
        "UNMAPPED",       "RESERVING",   "QUARANTINED", "MAPPED",      "DECOMMITTING_Q",
        "DECOMMITTING_M", "RELEASING_Q", "RELEASING_M", "RELEASING_X", "TRANSFERRING_Q",
        "TRANSFERRING_M", "EXCLUDED",    "SEALING",     "SEALED",
    };
    return (unsigned)state < WATCH_STATE_COUNT ? names[state] : "?";
}

static void name_owner_part(const struct mm_owner *owner, const void *address,
                            char *text, size_t bytes)
{
    const uintptr_t at = (uintptr_t)address;
    const char *name = mm_owner_name(owner);
    if (at >= (uintptr_t)owner->pins) {
        const unsigned stripe =
            (unsigned)((at - (uintptr_t)owner->pins) / sizeof(owner->pins[0]));
        (void)snprintf(text, bytes, "%s %s/%u",
                       is_pin(owner, address) ? "pin" : "ahead", name, stripe);
        return;
    }
    const char *part = at == (uintptr_t)&owner->status     ? "status"
                       : at == (uintptr_t)&owner->kind     ? "kind"
                       : at == (uintptr_t)&owner->strategy ? "strategy"
                                                           : "name";
    (void)snprintf(text, bytes, "owner %s %s", name, part);
}

bool slot_watch_name(const struct mmapper *mapper, const void *address, char *text,
                     size_t bytes)
{
    size_t index;
    if (is_word(mapper, address, &index)) {
        (void)snprintf(text, bytes, "word %zu", index);
    } else if (is_slot(mapper, address, &index)) {
        (void)snprintf(text, bytes, "slot %zu", index);
    } else if (entry_of(mapper, address) != 0) {
        name_owner_part(&mapper->owners.owners[entry_of(mapper, address)], address,
                        text, bytes);
    } else if (address == &mapper->owners.next.value) {
        (void)snprintf(text, bytes, "owners next");
    } else if (address == &mapper->search.value) {
        (void)snprintf(text, bytes, "search");
    } else {
        return false;
    }
    return true;
}

static void name_value(struct watch_value value, char *text, size_t bytes)
{
    (void)snprintf(text, bytes, "%s%s%s", watch_state_name(value.state),
                   value.owner != NULL ? " " : "",
                   value.owner != NULL ? mm_owner_name(value.owner) : "");
}

bool slot_watch_value(const struct mmapper *mapper, const void *address, uint64_t value,
                      char *text, size_t bytes)
{
    enum { VALUE_BYTES = 96 };
    char plain[VALUE_BYTES];
    size_t index;
    if (is_word(mapper, address, &index)) {
        name_value(decode(mapper, chunk_word_value((uint32_t)value)), plain,
                   sizeof(plain));
        (void)snprintf(text, bytes, "%s(%s)",
                       value & REGION_SPLIT ? "SPLIT" : "UNIFORM", plain);
        return true;
    }
    if (!is_slot(mapper, address, &index)) {
        return false;
    }
    if (value == 0) {
        (void)snprintf(text, bytes, "as base");
    } else if (value == MAP_UNMAPPED_EXPLICIT) {
        (void)snprintf(text, bytes, "UNMAPPED");
    } else {
        name_value(decode(mapper, (map_value)value), text, bytes);
    }
    return true;
}
