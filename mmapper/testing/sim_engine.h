/* SPDX-License-Identifier: MIT */
/*
 * The engine's state, shared by its parts: sim_run.c (threads, switches, choices),
 * sim_locations.c (places in memory), sim_memory.c (stores, views, clocks), sim_wait.c.
 */
#ifndef MMAPPER_TESTING_SIM_ENGINE_H
#define MMAPPER_TESTING_SIM_ENGINE_H

#include <string.h>

#include "mmapper/testing/fiber.h"
#include "mmapper/testing/sim_run.h"

enum {
    SIM_VIEW_SLOTS = 64,     /* locations stored to in one run */
    SIM_HISTORY = 8,         /* stores that a location remembers */
    SIM_MAX_LOCATIONS = 512, /* of one program */
    SIM_MAX_STORES = 250,    /* to one location in one run */
    SIM_PLACE_BITS = 11,
    SIM_PLACES = 1 << SIM_PLACE_BITS, /* for locations, by a hash of their addresses */
    SIM_READ_WORDS = 4, /* of bits, one for each location touched in a run */
};

/* For each location stored to, the number of the newest store known. */
typedef uint8_t sim_view __attribute__((vector_size(SIM_VIEW_SLOTS)));
/* For each thread, how far it had come. */
typedef int16_t sim_clock __attribute__((vector_size(16)));

struct sim_store {
    sim_view view; /* what its writer released with it */
    sim_clock clock;
    uint64_t value;
};

struct sim_location {
    const void *address; /* NULL: nothing has this place */
    uint64_t initial;
    uint8_t bytes;
    /* Learned, over all runs. */
    uint8_t accessors; /* a bit for each thread */
    bool written;
    bool shared; /* written, and accessed by two threads */
    /* Of this run. */
    bool touched;
    bool stored;       /* has a view slot and stores */
    bool plain;        /* accessed by mm_plain_*: has clocks, no stores */
    uint8_t slot;      /* in the views */
    uint8_t newest;    /* the number of the newest store; 0: the initial value */
    uint8_t sc_floor;  /* the newest that a seq_cst access met */
    uint16_t ordinal;  /* of the first touch in this run */
    sim_clock readers; /* plain: when each thread last read it */
    int16_t write_time;
    uint8_t writer;
};
_Static_assert(sizeof(struct sim_location) == 64, "a cache line");

enum sim_thread_state {
    SIM_THREAD_READY = 0,
    SIM_THREAD_WAITING, /* until something that it read is stored to */
    SIM_THREAD_BLOCKED, /* until a mutex is free */
    SIM_THREAD_ENDED,
};

struct sim_thread {
    sim_view view;
    sim_clock clock;
    struct fiber fiber;
    enum sim_thread_state state;
    bool changed;                   /* what it read since it last waited */
    uint64_t reads[SIM_READ_WORDS]; /* ordinals read since it last waited */
    const void *mutex;              /* that it is blocked on */
    uint32_t alone_from;            /* step at which it began to run alone */
};

struct sim_mutex {
    sim_view view;
    sim_clock clock;
    const void *address;
    int holder; /* -1: free */
};

enum { SIM_MAX_MUTEXES = 4 };

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): there is only one. */
struct sim_engine {
    struct sim_run_options options;
    struct sim_observer observer;
    struct sim_thread threads[SIM_MAX_THREADS];
    struct fiber main;
    int running;    /* -1 outside of a run */
    bool observing; /* the observer is told of a store */
    unsigned runnable;
    unsigned frozen;
    uint32_t steps;
    uint32_t points;
    uint64_t hash;
    int switched_from;
    bool learned;
    enum sim_verdict verdict;
    unsigned verdict_thread;
    const void *race;
    struct sim_mutex mutexes[SIM_MAX_MUTEXES];
    unsigned mutex_count;
    /* Memory. */
    unsigned location_count;
    unsigned touched_count;
    unsigned slot_count;
    struct sim_location *touched[SIM_MAX_LOCATIONS];
    _Alignas(64) struct sim_location locations[SIM_PLACES];
    /* Of each location its last: number n is at n % SIM_HISTORY. Apart from the rest,
     * which is looked at in every step and fits in a cache line. */
    struct sim_store stores[SIM_PLACES][SIM_HISTORY];
};

extern struct sim_engine mm_sim;

/* Before a step on `location` (NULL: on something that is always shared). */
void sim_point(const struct sim_location *location);

/* The running thread cannot go on: somebody else does. Returns when it can again. */
void sim_give_way(void);

/* Makes threads ready that wait for a change of what they read. */
void sim_wake_readers(const struct sim_location *location);

void sim_end_with(enum sim_verdict verdict, unsigned thread) __attribute__((noreturn));

/* The location that the running thread is about to access: a step. */
struct sim_location *sim_access(const void *address, unsigned bytes, bool write);

/* Begins a run: nothing touched, empty views. */
void sim_memory_begin(void);

void sim_report(struct sim_event *event);

static inline uint64_t sim_peek(const void *address, unsigned bytes)
{
    uint64_t value = 0;
    switch (bytes) {
    case 2:
        return *(const uint16_t *)address;
    case 4:
        return *(const uint32_t *)address;
    case 8:
        return *(const uint64_t *)address;
    default:
        memcpy(&value, address, bytes < sizeof(value) ? bytes : sizeof(value));
        return value;
    }
}

static inline void sim_poke(void *address, unsigned bytes, uint64_t value)
{
    switch (bytes) {
    case 2:
        *(uint16_t *)address = (uint16_t)value;
        break;
    case 4:
        *(uint32_t *)address = (uint32_t)value;
        break;
    case 8:
        *(uint64_t *)address = value;
        break;
    default:
        memcpy(address, &value, bytes < sizeof(value) ? bytes : sizeof(value));
    }
}

/* By pointer: a view is too long for the registers that every x86-64 has. */
static inline void sim_join_view(sim_view *into, const sim_view *from)
{
    *into = __builtin_elementwise_max(*into, *from);
}

static inline void sim_join_clock(sim_clock *into, const sim_clock *from)
{
    *into = __builtin_elementwise_max(*into, *from);
}

static inline void sim_mix(uint64_t value)
{
    mm_sim.hash = (mm_sim.hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    mm_sim.hash ^= mm_sim.hash >> 29;
}

#endif /* MMAPPER_TESTING_SIM_ENGINE_H */
