/* SPDX-License-Identifier: MIT */
/* Stores, and who may see which: the memory model of sim_run.h. */
#include "mmapper/atomic.h"
#include "mmapper/testing/sim_engine.h"

/* --------------------------------------------------------------------- stores */

static struct sim_store *store_number(const struct sim_location *location,
                                      unsigned number)
{
    return &mm_sim.stores[location - mm_sim.locations][number % SIM_HISTORY];
}

/* The first store to a location in a run gives it a place in the views. Store 0 is the
 * initial value, which everybody knows and which carries nothing. */
static void begin_history(struct sim_location *location)
{
    if (mm_sim.slot_count == SIM_VIEW_SLOTS) {
        sim_end_with(SIM_TOO_LONG, (unsigned)mm_sim.running);
    }
    location->stored = true;
    location->slot = (uint8_t)mm_sim.slot_count++;
}

static uint64_t value_of(const struct sim_location *location, unsigned number)
{
    return number == 0 ? location->initial : store_number(location, number)->value;
}

/* Appends a store. `chained`: a read-modify-write, which continues the release sequence
 * of the store that it read. */
static void append(struct sim_location *location, uint64_t value, unsigned order,
                   bool chained)
{
    struct sim_thread *thread = &mm_sim.threads[mm_sim.running];
    if (!location->stored) {
        begin_history(location);
    }
    if (location->newest == SIM_MAX_STORES) {
        sim_end_with(SIM_TOO_LONG, (unsigned)mm_sim.running);
    }
    const struct sim_store *last = store_number(location, location->newest);
    const bool goes_on = chained && location->newest != 0;
    location->newest++;
    struct sim_store *store = store_number(location, location->newest);
    store->value = value;
    store->clock = goes_on ? last->clock : (sim_clock){0};
    if (order & SIM_RELEASE) {
        sim_join_clock(&store->clock, &thread->clock);
    }
    /* Without a weak memory everybody reads the newest: views are for nothing. */
    if (mm_sim.options.weak) {
        store->view = goes_on ? last->view : (sim_view){0};
        thread->view[location->slot] = location->newest;
        if (order & SIM_RELEASE) {
            sim_join_view(&store->view, &thread->view);
        }
        store->view[location->slot] = location->newest;
    }
    if (order == SIM_SEQ_CST) {
        location->sc_floor = location->newest;
    }
    const uint64_t before = sim_peek(location->address, location->bytes);
    sim_poke((void *)location->address, location->bytes, value);
    sim_wake_readers(location);
    if (mm_sim.observer.stored != NULL) {
        mm_sim.observing = true;
        mm_sim.observer.stored(mm_sim.observer.context, location->address,
                               location->bytes, before, value);
        mm_sim.observing = false;
    }
}

/* Makes the running thread know what store `number` carries. */
static void take_up(struct sim_location *location, unsigned number, unsigned order)
{
    struct sim_thread *thread = &mm_sim.threads[mm_sim.running];
    if (location->ordinal < SIM_READ_WORDS * 64) {
        thread->reads[location->ordinal / 64] |= UINT64_C(1) << location->ordinal % 64;
    } else {
        thread->changed = true;
    }
    if (number == 0) {
        return;
    }
    const struct sim_store *store = store_number(location, number);
    if (order & SIM_ACQUIRE) {
        sim_join_clock(&thread->clock, &store->clock);
    }
    if (mm_sim.options.weak) {
        thread->view[location->slot] = (uint8_t)number;
        if (order & SIM_ACQUIRE) {
            sim_join_view(&thread->view, &store->view);
        }
    }
    if (order == SIM_SEQ_CST && location->sc_floor < number) {
        location->sc_floor = (uint8_t)number;
    }
}

/* The oldest store that the running thread may read. */
static unsigned oldest_visible(const struct sim_location *location, unsigned order)
{
    unsigned oldest = mm_sim.threads[mm_sim.running].view[location->slot];
    if (order == SIM_SEQ_CST && location->sc_floor > oldest) {
        oldest = location->sc_floor;
    }
    if (location->newest >= SIM_HISTORY &&
        oldest < location->newest - (SIM_HISTORY - 1U)) {
        oldest = location->newest - (SIM_HISTORY - 1U);
    }
    return oldest;
}

static unsigned choose_store(const struct sim_location *location, unsigned order)
{
    if (!location->stored || !mm_sim.options.weak) {
        return location->newest;
    }
    const unsigned oldest = oldest_visible(location, order);
    if (oldest == location->newest) {
        return location->newest;
    }
    const struct sim_choice choice = {.kind = SIM_CHOOSE_VALUE,
                                      .point = ++mm_sim.points,
                                      .options = location->newest - oldest + 1,
                                      .current = mm_sim.running};
    const unsigned older =
        mm_sim.options.chooser(mm_sim.options.chooser_context, &choice);
    if (older != 0) {
        /* It will see the newer one some time: who waits for a change need not. */
        mm_sim.threads[mm_sim.running].changed = true;
    }
    return location->newest - (older < choice.options ? older : 0);
}

static void tell(enum sim_event_kind kind, const struct sim_location *location,
                 unsigned order, uint64_t before, uint64_t after, bool swapped,
                 unsigned stale)
{
    /* Plain memory holds pointers too, which are others in each process. */
    const uint64_t value = kind == SIM_EVENT_PLAIN_LOAD ? 0 : after;
    sim_mix(((uint64_t)kind << 56) ^ ((uint64_t)mm_sim.running << 48) ^
            ((uint64_t)location->ordinal << 32) ^ order ^ (uint64_t)swapped << 8 ^
            value * UINT64_C(0xD1342543DE82EF95));
    if (mm_sim.observer.event == NULL) {
        return;
    }
    struct sim_event event = {.kind = kind,
                              .address = location->address,
                              .bytes = location->bytes,
                              .order = order,
                              .before = before,
                              .after = after,
                              .swapped = swapped,
                              .stale = stale};
    sim_report(&event);
}

/* ----------------------------------------------------------------- operations */

/* What an observer reads is no step: a switch in the middle of it would show it, after
 * the store that it is told of, what others have done since. */
static bool is_outside(void)
{
    return mm_sim.running < 0 || mm_sim.observing;
}

static void end_with_race(const struct sim_location *location)
{
    mm_sim.race = location->address;
    sim_end_with(SIM_RACE, (unsigned)mm_sim.running);
}

/* A step of an atomic operation. A place is for atomic or for plain accesses, in a run:
 * the history of one knows nothing of the other. */
static struct sim_location *access_atomic(const void *address, unsigned bytes,
                                          bool write)
{
    struct sim_location *location = sim_access(address, bytes, write);
    if (location->plain) {
        end_with_race(location);
    }
    return location;
}

uint64_t sim_atomic_load(const void *address, unsigned bytes, enum sim_order order)
{
    if (is_outside()) {
        return sim_peek(address, bytes);
    }
    struct sim_location *location = access_atomic(address, bytes, false);
    const unsigned number = choose_store(location, order);
    const uint64_t value = value_of(location, number);
    const unsigned stale = location->newest - number;
    take_up(location, number, order);
    tell(SIM_EVENT_LOAD, location, order, value, value, false, stale);
    return value;
}

void sim_atomic_store(void *address, unsigned bytes, enum sim_order order,
                      uint64_t value)
{
    if (is_outside()) {
        sim_poke(address, bytes, value);
        return;
    }
    struct sim_location *location = access_atomic(address, bytes, true);
    const uint64_t before = sim_peek(address, bytes);
    tell(SIM_EVENT_STORE, location, order, before, value, true, 0);
    append(location, value, order, false);
}

bool sim_atomic_cas(void *address, unsigned bytes, enum sim_order success,
                    uint64_t expected, uint64_t desired)
{
    if (is_outside()) {
        const bool swaps = sim_peek(address, bytes) == expected;
        if (swaps) {
            sim_poke(address, bytes, desired);
        }
        return swaps;
    }
    /* A failure orders what a load could. */
    const unsigned failure =
        success == SIM_SEQ_CST ? SIM_SEQ_CST : success & (unsigned)SIM_ACQUIRE;
    struct sim_location *location = access_atomic(address, bytes, true);
    const uint64_t before = sim_peek(address, bytes);
    const bool swaps = before == expected;
    take_up(location, location->newest, swaps ? success : failure);
    tell(SIM_EVENT_CAS, location, success, before, swaps ? desired : before, swaps, 0);
    if (swaps) {
        append(location, desired, success, true);
    }
    return swaps;
}

uint64_t sim_atomic_fetch_add(void *address, unsigned bytes, enum sim_order order,
                              uint64_t delta)
{
    const uint64_t mask = bytes == 8 ? UINT64_MAX : (UINT64_C(1) << bytes * 8) - 1;
    if (is_outside()) {
        const uint64_t old = sim_peek(address, bytes);
        sim_poke(address, bytes, (old + delta) & mask);
        return old;
    }
    struct sim_location *location = access_atomic(address, bytes, true);
    const uint64_t before = sim_peek(address, bytes);
    take_up(location, location->newest, order);
    tell(SIM_EVENT_ADD, location, order, before, (before + delta) & mask, true, 0);
    append(location, (before + delta) & mask, order, true);
    return before;
}

/* ---------------------------------------------------------------------- races */

void sim_plain_access(const void *address, unsigned bytes, bool write)
{
    if (is_outside()) {
        return;
    }
    struct sim_location *location = sim_access(address, bytes, write);
    const unsigned me = (unsigned)mm_sim.running;
    struct sim_thread *thread = &mm_sim.threads[me];
    if (!location->plain) {
        location->plain = true;
        location->readers = (sim_clock){0};
        location->write_time = 0;
        location->writer = (uint8_t)me;
    }
    bool race =
        location->stored || location->write_time > thread->clock[location->writer];
    if (write) {
        for (unsigned other = 0; other < mm_sim.options.threads; other++) {
            race |= other != me && location->readers[other] > thread->clock[other];
        }
        location->write_time = thread->clock[me];
        location->writer = (uint8_t)me;
    } else {
        location->readers[me] = thread->clock[me];
    }
    const uint64_t value = sim_peek(address, bytes);
    tell(write ? SIM_EVENT_PLAIN_STORE : SIM_EVENT_PLAIN_LOAD, location, 0, value,
         write ? 0 : value, write, 0);
    if (race) {
        end_with_race(location);
    }
}
