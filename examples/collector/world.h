/* SPDX-License-Identifier: MIT */
/*
 * The world: the threads that use the heap, and how all but one of them are brought to
 * stand still.
 *
 *     RUNNING ─── poll while stopping, block ───▶ STILL     touches no object, has its
 *        ▲                                          │       roots where they are found
 *        └───── poll or unblock, when resumed ◀─────┘
 *
 * A running thread polls often, and blocks around everything that may wait for another
 * thread; who holds a lock that another running thread may want does neither. What a
 * thread did while running happens before what the stopper does, and that before what the
 * thread does next: both through the world's lock.
 */
#ifndef EXAMPLES_COLLECTOR_WORLD_H
#define EXAMPLES_COLLECTOR_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct world {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool stopping; /* written under the lock */
    size_t running;
};

/* False when there is no lock to be had. */
bool world_init(struct world *world);
void world_destroy(struct world *world);

/* The calling thread begins and ends to be one that runs. enter waits while the world is
 * stopped. Blocking is leaving for a while. */
void world_enter(struct world *world);
void world_leave(struct world *world);

/* Stands still while the world is stopped. */
void world_park(struct world *world);

static inline void world_poll(struct world *world)
{
    /* Relaxed: park looks again under the lock. */
    if (atomic_load_explicit(&world->stopping, memory_order_relaxed)) {
        world_park(world);
    }
}

/* By a running thread: stops all others, true; or, when another thread is stopping them,
 * stands still until that has resumed, false. */
bool world_stop(struct world *world);
void world_resume(struct world *world);

#endif /* EXAMPLES_COLLECTOR_WORLD_H */
