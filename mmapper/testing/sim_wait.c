/* SPDX-License-Identifier: MIT */
/* Waiting: for a change of what a thread has read, and for mutexes. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/sim_engine.h"

unsigned sim_atomic_thread(void)
{
    return mm_sim.running < 0 ? 0 : (unsigned)mm_sim.running;
}

void sim_wake_readers(const struct sim_location *location)
{
    for (unsigned i = 0; i < mm_sim.options.threads; i++) {
        struct sim_thread *thread = &mm_sim.threads[i];
        if ((int)i == mm_sim.running ||
            (location->ordinal < SIM_READ_WORDS * 64 &&
             (thread->reads[location->ordinal / 64] >> location->ordinal % 64 & 1) ==
                 0)) {
            continue;
        }
        thread->changed = true;
        if (thread->state == SIM_THREAD_WAITING) {
            thread->state = SIM_THREAD_READY;
            mm_sim.runnable |= 1U << i;
        }
    }
}

static void announce_wait(enum sim_event_kind kind, const void *address)
{
    if (mm_sim.observer.waits != NULL) {
        mm_sim.observer.waits(mm_sim.observer.context, (unsigned)mm_sim.running,
                              address);
    }
    if (mm_sim.observer.event != NULL) {
        struct sim_event event = {.kind = kind, .address = address};
        sim_report(&event);
    }
}

void sim_atomic_wait(void)
{
    if (mm_sim.running < 0) {
        return;
    }
    const unsigned me = (unsigned)mm_sim.running;
    struct sim_thread *thread = &mm_sim.threads[me];
    sim_point(NULL);
    sim_mix(SIM_EVENT_WAIT);
    if (!thread->changed) {
        announce_wait(SIM_EVENT_WAIT, NULL);
        thread->state = SIM_THREAD_WAITING;
        mm_sim.runnable &= ~(1U << me);
        sim_give_way();
    }
    thread->changed = false;
    memset(thread->reads, 0, sizeof(thread->reads));
}

/* ------------------------------------------------------------------- mutexes */

static struct sim_mutex *find_mutex(const void *address)
{
    for (unsigned i = 0; i < mm_sim.mutex_count; i++) {
        if (mm_sim.mutexes[i].address == address) {
            return &mm_sim.mutexes[i];
        }
    }
    if (mm_sim.mutex_count == SIM_MAX_MUTEXES) {
        sim_end_with(SIM_TOO_LONG, (unsigned)mm_sim.running);
    }
    struct sim_mutex *made = &mm_sim.mutexes[mm_sim.mutex_count++];
    memset(made, 0, sizeof(*made));
    made->address = address;
    made->holder = -1;
    return made;
}

static void take_mutex(struct sim_mutex *mutex, const void *address)
{
    struct sim_thread *thread = &mm_sim.threads[mm_sim.running];
    mutex->holder = mm_sim.running;
    sim_join_view(&thread->view, &mutex->view);
    sim_join_clock(&thread->clock, &mutex->clock);
    sim_mix(SIM_EVENT_LOCK);
    if (mm_sim.observer.event != NULL) {
        struct sim_event event = {.kind = SIM_EVENT_LOCK, .address = address};
        sim_report(&event);
    }
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */

/* The linker puts these in the place of pthread_mutex_lock and so on
 * (-Wl,--wrap=...), for the spaces that have locks. */
int __wrap_pthread_mutex_lock(pthread_mutex_t *address);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *address);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *address);
int __wrap_sched_getcpu(void);
int __real_pthread_mutex_lock(pthread_mutex_t *address);
int __real_pthread_mutex_trylock(pthread_mutex_t *address);
int __real_pthread_mutex_unlock(pthread_mutex_t *address);

int __wrap_pthread_mutex_lock(pthread_mutex_t *address)
{
    if (mm_sim.running < 0) {
        return __real_pthread_mutex_lock(address);
    }
    const unsigned me = (unsigned)mm_sim.running;
    struct sim_thread *thread = &mm_sim.threads[me];
    sim_point(NULL);
    struct sim_mutex *mutex = find_mutex(address);
    while (mutex->holder >= 0) {
        announce_wait(SIM_EVENT_WAIT, address);
        thread->state = SIM_THREAD_BLOCKED;
        thread->mutex = address;
        mm_sim.runnable &= ~(1U << me);
        sim_give_way();
    }
    take_mutex(mutex, address);
    return 0;
}

/* What it is told when the mutex is held orders nothing. */
int __wrap_pthread_mutex_trylock(pthread_mutex_t *address)
{
    if (mm_sim.running < 0) {
        return __real_pthread_mutex_trylock(address);
    }
    sim_point(NULL);
    struct sim_mutex *mutex = find_mutex(address);
    if (mutex->holder >= 0) {
        sim_mix(SIM_EVENT_LOCK + ((uint64_t)EBUSY << 8));
        return EBUSY;
    }
    take_mutex(mutex, address);
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *address)
{
    if (mm_sim.running < 0) {
        return __real_pthread_mutex_unlock(address);
    }
    const struct sim_thread *thread = &mm_sim.threads[mm_sim.running];
    sim_point(NULL);
    struct sim_mutex *mutex = find_mutex(address);
    if (mutex->holder != mm_sim.running) {
        return 1; /* EPERM: not the holder */
    }
    mutex->holder = -1;
    sim_join_view(&mutex->view, &thread->view);
    sim_join_clock(&mutex->clock, &thread->clock);
    for (unsigned i = 0; i < mm_sim.options.threads; i++) {
        struct sim_thread *other = &mm_sim.threads[i];
        if (other->state == SIM_THREAD_BLOCKED && other->mutex == address) {
            other->state = SIM_THREAD_READY;
            mm_sim.runnable |= 1U << i;
        }
    }
    sim_mix(SIM_EVENT_UNLOCK);
    if (mm_sim.observer.event != NULL) {
        struct sim_event event = {.kind = SIM_EVENT_UNLOCK, .address = address};
        sim_report(&event);
    }
    return 0;
}

/* Each thread runs on a processor of its own, what is no thread's on the first one. */
int __wrap_sched_getcpu(void)
{
    return (int)sim_atomic_thread();
}

/* NOLINTEND(bugprone-reserved-identifier) */
