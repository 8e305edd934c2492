/* SPDX-License-Identifier: MIT */
/* The places in memory that a run touches, and what was there before it. */
#include <string.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/sim_engine.h"

static unsigned hash_of(const void *address)
{
    return (unsigned)(((uintptr_t)address >> 1) * UINT64_C(0x9E3779B97F4A7C15) >>
                      (64 - SIM_PLACE_BITS));
}

static struct sim_location *make_location(struct sim_location *place,
                                          const void *address, unsigned bytes)
{
    if (mm_sim.location_count == SIM_MAX_LOCATIONS) {
        sim_end_with(SIM_TOO_LONG, (unsigned)mm_sim.running);
    }
    mm_sim.location_count++;
    *place = (struct sim_location){.address = address, .bytes = (uint8_t)bytes};
    return place;
}

static struct sim_location *find_location(const void *address, unsigned bytes)
{
    unsigned at = hash_of(address);
    while (mm_sim.locations[at].address != NULL) {
        if (mm_sim.locations[at].address == address) {
            return &mm_sim.locations[at];
        }
        at = (at + 1) % SIM_PLACES;
    }
    return make_location(&mm_sim.locations[at], address, bytes);
}

static void touch(struct sim_location *location)
{
    location->touched = true;
    location->stored = false;
    location->plain = false;
    location->newest = 0;
    location->sc_floor = 0;
    location->ordinal = (uint16_t)mm_sim.touched_count;
    location->initial = sim_peek(location->address, location->bytes);
    mm_sim.touched[mm_sim.touched_count++] = location;
}

struct sim_location *sim_access(const void *address, unsigned bytes, bool write)
{
    struct sim_location *location = find_location(address, bytes);
    location->accessors |= (uint8_t)(1U << mm_sim.running);
    location->written |= write;
    if (!location->shared && location->written &&
        (location->accessors & (location->accessors - 1)) != 0) {
        location->shared = true;
        mm_sim.learned = true;
    }
    sim_point(location);
    if (!location->touched) {
        touch(location);
    }
    return location;
}

void sim_memory_begin(void)
{
    for (unsigned i = 0; i < mm_sim.touched_count; i++) {
        mm_sim.touched[i]->touched = false;
    }
    mm_sim.touched_count = 0;
    mm_sim.slot_count = 0;
}

void sim_memory_restore(void)
{
    for (unsigned i = 0; i < mm_sim.touched_count; i++) {
        const struct sim_location *location = mm_sim.touched[i];
        if (location->stored || location->plain) {
            sim_poke((void *)location->address, location->bytes, location->initial);
        }
    }
    sim_memory_begin();
}

/* A sum: in which order they were touched does not matter. */
uint64_t sim_memory_digest(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < mm_sim.touched_count; i++) {
        const struct sim_location *location = mm_sim.touched[i];
        if (location->stored || location->plain) {
            const uint64_t where =
                (uintptr_t)location->address * UINT64_C(0x9E3779B97F4A7C15);
            uint64_t hash = sim_peek(location->address, location->bytes) ^ where;
            hash = (hash ^ hash >> 32) * UINT64_C(0xD1342543DE82EF95);
            sum += hash ^ hash >> 29;
        }
    }
    return sum;
}

void sim_memory_forget(void)
{
    mm_sim.touched_count = 0;
    mm_sim.location_count = 0;
    memset(mm_sim.locations, 0, sizeof(mm_sim.locations));
}
