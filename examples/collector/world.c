/* SPDX-License-Identifier: MIT */
#include "examples/collector/world.h"

bool world_init(struct world *world)
{
    atomic_init(&world->stopping, false);
    world->running = 0;
    if (pthread_mutex_init(&world->lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&world->changed, NULL) != 0) {
        (void)pthread_mutex_destroy(&world->lock);
        return false;
    }
    return true;
}

void world_destroy(struct world *world)
{
    (void)pthread_cond_destroy(&world->changed);
    (void)pthread_mutex_destroy(&world->lock);
}

static bool is_stopping(const struct world *world)
{
    /* Relaxed: under the lock. */
    return atomic_load_explicit(&world->stopping, memory_order_relaxed);
}

static void enter_locked(struct world *world)
{
    while (is_stopping(world)) {
        (void)pthread_cond_wait(&world->changed, &world->lock);
    }
    world->running++;
}

static void leave_locked(struct world *world)
{
    world->running--;
    (void)pthread_cond_broadcast(&world->changed);
}

void world_enter(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    enter_locked(world);
    (void)pthread_mutex_unlock(&world->lock);
}

void world_leave(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    leave_locked(world);
    (void)pthread_mutex_unlock(&world->lock);
}

void world_park(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    if (is_stopping(world)) {
        leave_locked(world);
        enter_locked(world);
    }
    (void)pthread_mutex_unlock(&world->lock);
}

bool world_stop(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    const bool mine = !is_stopping(world);
    if (mine) {
        atomic_store_explicit(&world->stopping, true, memory_order_relaxed);
        world->running--;
        while (world->running > 0) {
            (void)pthread_cond_wait(&world->changed, &world->lock);
        }
    } else {
        leave_locked(world);
        enter_locked(world);
    }
    (void)pthread_mutex_unlock(&world->lock);
    return mine;
}

void world_resume(struct world *world)
{
    (void)pthread_mutex_lock(&world->lock);
    atomic_store_explicit(&world->stopping, false, memory_order_relaxed);
    world->running++;
    (void)pthread_cond_broadcast(&world->changed);
    (void)pthread_mutex_unlock(&world->lock);
}
