/* SPDX-License-Identifier: MIT */
/*
 * Two arenas of mimalloc under the stress oracles (examples/churn/churn.h): one for the heaps
 * that every thread has, outside of which mimalloc may not go (O2), and one for heaps that
 * allocate there only. The arenas fill up: then malloc says so, and goes on when something was
 * freed. In the end the owners hold exactly what they held in the beginning, mapped (O4).
 */
#include <inttypes.h>
#include <stdio.h>

#include "examples/churn/churn.h"
#include "examples/mimalloc/mapped_arena.h"
#include "stress/layout.h"

enum { COMMON = 0, EXCLUSIVE, POOLS };

#define ARENA_BYTES ((size_t)12 * MAPPED_ARENA_UNIT)
#define WINDOW_BYTES ((uintptr_t)4 << 30)

/* The thread's heap in the exclusive arena. */
static _Thread_local mi_heap_t *exclusive_heap;

/* mimalloc keeps its arenas as long as the process lives, and so do the mapper and all that is
 * below it; volatile, so that a leak checker finds the pointer, which nothing reads. */
static struct mapped_arena arenas[POOLS];
static struct churn *volatile kept;

/* ----------------------------------------------------------------- the subject */

static mi_heap_t *heap_of(size_t pool)
{
    return pool == EXCLUSIVE ? exclusive_heap : mi_heap_get_default();
}

/* With an offset of 0: mimalloc 2.0.9's mi_heap_malloc_aligned takes blocks of 512 bytes to be
 * aligned to 512, which they are not. */
static void *allocate(struct stress_thread *thread, size_t pool, size_t bytes,
                      size_t alignment, bool zero)
{
    (void)thread;
    return zero ? mi_heap_zalloc_aligned_at(heap_of(pool), bytes, alignment, 0)
                : mi_heap_malloc_aligned_at(heap_of(pool), bytes, alignment, 0);
}

static void *resize(struct stress_thread *thread, size_t pool, void *memory,
                    size_t bytes)
{
    (void)thread;
    return mi_heap_realloc(heap_of(pool), memory, bytes);
}

static bool purge(struct stress_thread *thread, size_t pool)
{
    (void)thread;
    mi_heap_collect(heap_of(pool), true);
    return true;
}

static const struct churn_subject subject = {
    .pools = POOLS,
    .may_run_out = true,
    .allocate = allocate,
    .resize = resize,
    .free = mi_free,
    .purge = purge,
};

/* -------------------------------------------------------------------- set-up */

static bool make_arena(struct churn *churn, size_t pool)
{
    const struct mapped_arena_options options = {
        .name = pool == COMMON ? "mimalloc" : "mimalloc, exclusive",
        .bytes = ARENA_BYTES,
        .exclusive = pool == EXCLUSIVE,
        .sole = pool == COMMON,
    };
    struct mm_error error;
    if (mapped_arena_create(&arenas[pool], churn->mapper, &options, &error) != MM_OK) {
        char text[512];
        (void)mm_error_format(&error, text, sizeof(text));
        (void)fprintf(stderr, "arena_churn: no arena: %s\n", text);
        return false;
    }
    churn->owners[pool] = immortal_space_owner(arenas[pool].space);
    return true;
}

static bool set_up(struct stress_run *run)
{
    const struct mmapper_options options = {.chunk_bytes = 2 << 20,
                                            .base = STRESS_BASE,
                                            .limit = STRESS_BASE + WINDOW_BYTES};
    struct churn *churn = churn_create(run, &subject, &options);
    return churn != NULL && make_arena(churn, COMMON) && make_arena(churn, EXCLUSIVE);
}

static void thread_begin(struct stress_thread *thread)
{
    churn_thread_begin(thread);
    exclusive_heap = mi_heap_new_in_arena(arenas[EXCLUSIVE].id);
}

/* --------------------------------------------------------------------- checks */

static void check_arena(struct stress_run *run, const struct churn *churn, size_t pool)
{
    const struct mm_extent extent = immortal_space_extent(arenas[pool].space);
    size_t bytes = 0;
    struct mm_run held;
    const void *start = mi_arena_area(arenas[pool].id, &bytes);
    (void)mmapper_next_run(churn->mapper, extent.start, &held);
    if ((uintptr_t)start != extent.start || bytes != extent.bytes ||
        !mm_extent_contains(held.extent, extent) || held.state != MM_MAPPED ||
        held.owner != churn->owners[pool] ||
        churn_owner_bytes(churn, churn->owners[pool]) != ARENA_BYTES) {
        stress_violation(run, NULL,
                         "O4: mimalloc's arena 0x%" PRIxPTR
                         "+0x%zx is \"%s\"'s 0x%" PRIxPTR "+0x%zx, %s",
                         (uintptr_t)start, bytes, mm_owner_name(churn->owners[pool]),
                         extent.start, extent.bytes, mm_state_name(held.state));
    }
}

static void checkpoint(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    churn_checkpoint(run);
    for (size_t i = 0; i < POOLS; i++) {
        check_arena(run, churn, i);
    }
}

static void finish(struct stress_run *run)
{
    checkpoint(run);
    churn_check_dump(run);
}

static void tear_down(struct stress_run *run)
{
    kept = stress_run_state(run);
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "arena_churn",
        .summary = "arena_churn: threads use arenas of mimalloc on immortal spaces.",
        .counters = churn_counters,
        .round_steps = 2000,
        .set_up = set_up,
        .thread_begin = thread_begin,
        .step = churn_step,
        .thread_end = churn_thread_end,
        .checkpoint = checkpoint,
        .finish = finish,
        .tear_down = tear_down,
        .mapped_bytes = churn_reserved_bytes,
    };
    return stress_main(argc, argv, &workload);
}
