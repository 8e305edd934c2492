/* SPDX-License-Identifier: MIT */
/*
 * The deterministic scheduler: runs a few simulated threads, step by step, under the
 * control of a chooser, on code that was compiled with the SIM backend of atomic.h.
 *
 * A step is an atomic operation, a checked plain access, an OS call of the simulated
 * kernel, a mutex operation, or the beginning or end of a call (sim_step). Before each
 * step the chooser says which thread goes on. Where the memory model allows a load to
 * see an older store the chooser says which; where the user asks (faults), too. The same
 * choices give the same run: same steps, same values, same hash, in every build.
 *
 * Memory model (sim_memory.c): each location keeps its last stores with the view of
 * their writers; a load may read any that coherence and happens-before allow; acquire
 * joins what release left; read-modify-writes, failed ones too, read the newest; seq_cst
 * operations have one order, that of execution, in which a load cannot pass over the
 * last seq_cst access of its location. Not modelled: load buffering (a load that sees a
 * store which is later in program order), stores that enter a location's order before its
 * newest (the weak outcome of 2+2W), seq_cst orders other than that of execution, weak
 * compare-and-swap, and consume.
 *
 * Races: plain accesses are compared by vector clocks with all earlier ones.
 *
 * One engine, not thread-safe: atomic operations have no argument that could name one.
 */
#ifndef MMAPPER_TESTING_SIM_RUN_H
#define MMAPPER_TESTING_SIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_MAX_THREADS = 4 };

enum sim_choice_kind {
    SIM_CHOOSE_THREAD = 0, /* a thread of `runnable`; default: `current`, else lowest */
    SIM_CHOOSE_VALUE,      /* how many stores older than the newest; default 0 */
    SIM_CHOOSE_FAULT,      /* what the user's sim_choose_fault means; default 0 */
};

struct sim_choice {
    enum sim_choice_kind kind;
    uint32_t point;    /* number of the place in the run where a choice may be made */
    unsigned options;  /* VALUE, FAULT: 0 to options - 1 */
    unsigned runnable; /* THREAD: a bit for each */
    int current;       /* the thread that could go on, or -1 */
};

/* The choice that changes nothing. */
static inline unsigned sim_choice_default(const struct sim_choice *choice)
{
    if (choice->kind != SIM_CHOOSE_THREAD) {
        return 0;
    }
    return choice->current >= 0 ? (unsigned)choice->current
                                : (unsigned)__builtin_ctz(choice->runnable);
}

/* Returns the choice. With SIM_CHOOSE_THREAD it may call sim_freeze. */
typedef unsigned (*sim_chooser)(void *context, const struct sim_choice *choice);

enum sim_event_kind {
    SIM_EVENT_LOAD = 0,
    SIM_EVENT_STORE,
    SIM_EVENT_CAS,
    SIM_EVENT_ADD,
    SIM_EVENT_WAIT,
    SIM_EVENT_PLAIN_LOAD,
    SIM_EVENT_PLAIN_STORE,
    SIM_EVENT_LOCK,
    SIM_EVENT_UNLOCK,
    SIM_EVENT_USER, /* of sim_step */
};

struct sim_event {
    enum sim_event_kind kind;
    unsigned thread;
    uint32_t point; /* of the latest choice */
    const void *address;
    unsigned bytes;
    unsigned order; /* enum sim_order */
    uint64_t before;
    uint64_t after;    /* what was read, for loads */
    bool swapped;      /* of a CAS */
    unsigned stale;    /* stores passed over by a load */
    int switched_from; /* the thread that ran before, if another; else -1 */
};

struct sim_observer {
    void *context;
    /* After each store that changed or rewrote a location, in its thread. NULL: none.*/
    void (*stored)(void *context, const void *address, unsigned bytes, uint64_t before,
                   uint64_t after);
    /* A thread stops until another one does something: what it read changes (`mutex`
     * is NULL), or the mutex is free. May call sim_stop. NULL: none. */
    void (*waits)(void *context, unsigned thread, const void *mutex);
    /* Each step, for traces, before its store. NULL: none. */
    void (*event)(void *event_context, const struct sim_event *event);
    void *event_context;
};

enum sim_verdict {
    SIM_DONE = 0,   /* all threads ended */
    SIM_STOPPED,    /* sim_stop was called */
    SIM_DEADLOCK,   /* nobody can go on */
    SIM_FROZEN_OUT, /* nobody but frozen threads could go on */
    SIM_ALONE,      /* a thread ran too long although no other interfered */
    SIM_TOO_LONG,   /* more steps than the engine can hold */
    SIM_RACE,       /* two plain accesses, not ordered, one of them a store; or a plain
                     * and an atomic one to the same place */
};

struct sim_run_options {
    unsigned threads;
    void (*body)(void *context, unsigned thread);
    void *context;
    sim_chooser chooser;
    void *chooser_context;
    const struct sim_observer *observer; /* may be NULL */
    bool weak;                           /* loads may be stale */
    bool elide; /* no choice before steps that commute with all others: see below */
    unsigned max_alone; /* steps of one thread in a row, in one call; 0: 4000 */
};

struct sim_run_result {
    enum sim_verdict verdict;
    unsigned thread;     /* that the verdict is about */
    const void *address; /* of a race */
    uint32_t steps;
    uint32_t points;
    uint64_t hash;
    bool learned; /* a location turned out to be shared: see sim_memory_forget */
};

/* Runs the threads to their ends. Locations keep what the run left in them, for the caller
 * to look at, until sim_memory_restore. */
struct sim_run_result sim_run(const struct sim_run_options *options);

/* Writes back what was there before the last run to all locations that it stored to, the
 * plain ones too that were accessed through mm_plain_store. */
void sim_memory_restore(void);

/* A hash of what the run left in all locations that it stored to. */
uint64_t sim_memory_digest(void);

/*
 * With `elide`, no choice is offered before an access to a location that no two threads
 * access or that nobody stores to: moving a switch from before such a step to behind it
 * changes nothing. Which locations these are is learned: `learned` says that a run found
 * one more to be shared, so that exhaustive exploration has to begin again. Forgets all
 * that was learned (for another program).
 */
void sim_memory_forget(void);

/* ------------------------------------------- for code that runs in a thread */

/* The running thread; -1 outside of a run. */
int sim_thread(void);

/* A step of the user's: a place to switch; `what` enters the hash. */
void sim_step(uint64_t what);

/* The beginning of a call of the running thread: the count of steps alone, and what it
 * has read (for waiting), begin anew. */
void sim_call_begins(void);

/* A choice of 0 to options - 1. Not a step. */
unsigned sim_choose_fault(unsigned options);

/* Ends the run at once, from within a thread. Does not return. */
void sim_stop(void) __attribute__((noreturn));

/* After a jump out of a run (a signal): its threads are given up. */
void sim_abandon(void);

/* From within the chooser: these threads stop until all others have ended. */
void sim_freeze(unsigned threads);

/* Steps of the run so far, by all threads. */
uint32_t sim_now(void);

/* The running thread's own time, and what it knows of the others': an event of thread t
 * at its time n happened before now if times[t] >= n. */
int16_t sim_time(void);
void sim_known(int16_t times[SIM_MAX_THREADS]);

/* Enters a value into the hash. */
void sim_hash(uint64_t value);

#endif /* MMAPPER_TESTING_SIM_RUN_H */
