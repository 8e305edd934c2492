/* SPDX-License-Identifier: MIT */
/*
 * Who relies on a system call must have it in his past: through the mapper's own edges
 * (docs/MEMORY_ORDERING.md), not by luck. Each call leaves a mark with its thread's time;
 * who builds on it must know that time.
 *
 *   commit             the reservation, and the decommit before it
 *   reserve            the release of whoever was there
 *   decommit, release  the reservation, and every commit: none may be still running;
 *                      so protect, guard and seal, which leave no mark
 *   seeing MAPPED      one commit at least
 */
#include <string.h>

#include "stress/explore/world.h"

static bool knows(const struct stamp *stamp)
{
    int16_t known[SIM_MAX_THREADS];
    sim_known(known);
    return stamp->step == 0 || known[stamp->thread] >= stamp->time;
}

static void expect_known(struct world *world, enum mm_os_call call, size_t chunk,
                         const struct stamp *stamp, const char *what)
{
    if (!knows(stamp)) {
        world_fail(world, ORACLE_RACE, "%s of chunk %zu is not ordered behind %s",
                   mm_os_call_name(call), chunk, what);
    }
}

static void expect_commits_known(struct world *world, enum mm_os_call call,
                                 size_t chunk)
{
    const struct marks *marks = &world->facts.marks[chunk];
    int16_t known[SIM_MAX_THREADS];
    sim_known(known);
    for (unsigned thread = 0; thread < SIM_MAX_THREADS; thread++) {
        if (marks->committed[thread] > known[thread]) {
            world_fail(world, ORACLE_RACE,
                       "%s of chunk %zu is not ordered behind the commit of thread %u",
                       mm_os_call_name(call), chunk, thread);
        }
    }
}

void marks_before(struct world *world, unsigned mapper, enum mm_os_call call,
                  size_t first, size_t end)
{
    for (size_t chunk = first; chunk < end && sim_thread() >= 0; chunk++) {
        const struct marks *marks = &world->facts.marks[chunk];
        if (marks->mapper != mapper) {
            continue; /* two mappers are kept apart by the kernel alone */
        }
        switch (call) {
        case MM_OS_RESERVE:
            expect_known(world, call, chunk, &marks->vacated, "the release");
            break;
        case MM_OS_COMMIT:
            expect_known(world, call, chunk, &marks->reserved, "the reservation");
            expect_known(world, call, chunk, &marks->vacated, "the decommit");
            break;
        default:
            expect_known(world, call, chunk, &marks->reserved, "the reservation");
            expect_commits_known(world, call, chunk);
            break;
        }
    }
}

void marks_after(struct world *world, unsigned mapper, enum mm_os_call call,
                 size_t first, size_t end)
{
    for (size_t chunk = first; chunk < end && sim_thread() >= 0; chunk++) {
        struct marks *marks = &world->facts.marks[chunk];
        const struct marks last = *marks;
        switch (call) {
        case MM_OS_RESERVE:
            memset(marks, 0, sizeof(*marks));
            if (last.mapper == mapper) {
                marks->vacated = last.vacated; /* some may still see the time before */
            }
            marks->reserved = world_stamp();
            marks->mapper = (uint8_t)mapper;
            break;
        case MM_OS_COMMIT:
            marks->committed[sim_thread()] = sim_time();
            break;
        default:
            memset(marks, 0, sizeof(*marks));
            marks->vacated = world_stamp();
            marks->mapper = (uint8_t)mapper;
            break;
        }
    }
}

void marks_see_mapped(struct world *world, size_t chunk)
{
    const struct marks *marks = &world->facts.marks[chunk];
    int16_t known[SIM_MAX_THREADS];
    bool committed = false;
    sim_known(known);
    for (unsigned thread = 0; thread < SIM_MAX_THREADS; thread++) {
        if (marks->committed[thread] != 0) {
            committed = true;
            if (known[thread] >= marks->committed[thread]) {
                return;
            }
        }
    }
    /* Who does not know that it was vacated since may have seen the time before. */
    if (committed && !marks->from_setup && knows(&marks->vacated) &&
        knows(&marks->reserved)) {
        world_fail(world, ORACLE_RACE,
                   "chunk %zu is seen MAPPED, and the commit that made it so is not",
                   chunk);
    }
}
