/* SPDX-License-Identifier: MIT */
/*
 * Threads allocate from immortal spaces until they are full. Allocations are disjoint
 * (O1), fresh and not overwritten (O3), used + free is the extent exactly and what a
 * cursor makes of the allocations (O4), a failing call moves nothing (O6), and a
 * space's memory is the mapper's to know about: a rival owner is refused by name, also
 * while the space maps (O2).
 */
#include "stress/immortal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stress/kernel_view.h"
#include "stress/layout.h"

static const char *const counters[] = {"exhausted", "rival refused", "spaces", NULL};

/* -------------------------------------------------------------------- set-up */

/* The huge one is the only unaccounted one: the kernel never merges its mapping with
 * those of the others, so that its residency can be told. */
static bool make_space(struct immortal *immortal, size_t bytes,
                       enum immortal_mapping mapping, enum mm_accounting accounting,
                       struct immortal_space **space)
{
    struct mm_error error;
    char text[512];
    const struct immortal_space_options options = {.name = "immortal",
                                                   .bytes = bytes,
                                                   .mapping = mapping,
                                                   .strategy.accounting = accounting};
    if (immortal_space_create(immortal->mapper, &options, space, &error) == MM_OK) {
        return true;
    }
    (void)mm_error_format(&error, text, sizeof(text));
    (void)fprintf(stderr, "immortal: cannot make a space: %s\n", text);
    return false;
}

static void open_windows(struct arena *arena, bool windowed)
{
    arena->windowed = windowed;
    for (unsigned i = 0; i < STRESS_MAX_THREADS; i++) {
        arena->windows[i] = immortal_window_of(arena->space, IMMORTAL_WINDOW_BYTES);
    }
}

static bool make_spaces(struct immortal *immortal)
{
    bool good = true;
    for (unsigned i = 0; i < IMMORTAL_SPACES; i++) {
        good =
            make_space(immortal, (size_t)IMMORTAL_SPACE_CHUNKS * IMMORTAL_CHUNK_BYTES,
                       i % 2 == 0 ? IMMORTAL_EAGER : IMMORTAL_ON_DEMAND, MM_ACCOUNTED,
                       &immortal->arenas[i].space) &&
            good;
        open_windows(&immortal->arenas[i], i >= IMMORTAL_SPACES / 2);
    }
    immortal->epoch++;
    return good;
}

static bool set_up(struct stress_run *run)
{
    struct immortal *immortal = calloc(1, sizeof(*immortal));
    const struct mmapper_options options = {.chunk_bytes = IMMORTAL_CHUNK_BYTES,
                                            .base = STRESS_HUGE_BASE,
                                            .limit = STRESS_HUGE_BASE +
                                                     STRESS_HUGE_WINDOW_BYTES};
    const struct mm_owner_options rival = {.name = "rival", .kind = MM_KIND_TEST};
    if (immortal == NULL) {
        return false;
    }
    immortal->support = mmap_support_linux();
    immortal->log = ownership_log_create(1 << 16);
    stress_run_set_state(run, immortal);
    if (immortal->log == NULL ||
        mmapper_create(&options, &immortal->support, &immortal->mapper, NULL) !=
            MM_OK ||
        mmapper_register_owner(immortal->mapper, &rival, &immortal->rival, NULL) !=
            MM_OK) {
        return false;
    }
    immortal->session = ownership_session_begin(immortal->log);
    return make_space(immortal, STRESS_HUGE_BYTES, IMMORTAL_EAGER, MM_UNACCOUNTED,
                      &immortal->huge) &&
           make_spaces(immortal);
}

/* --------------------------------------------------------------------- steps */

static void thread_begin(struct stress_thread *thread)
{
    const struct immortal *immortal = stress_run_state(thread->run);
    thread->state = ownership_session_begin(immortal->log);
}

static void thread_end(struct stress_thread *thread)
{
    ownership_session_end(thread->state);
}

static void step(struct stress_thread *thread)
{
    struct immortal *immortal = stress_run_state(thread->run);
    struct arena *arena =
        &immortal->arenas[stress_random_below(&thread->random, IMMORTAL_SPACES)];
    if (stress_random_one_in(&thread->random, 8)) {
        immortal_intrude(thread, immortal, arena);
    } else {
        immortal_allocate(thread, immortal, arena);
    }
}

/* --------------------------------------------------------------- checkpoints */

static void forget_entry(void *argument, const struct ownership_entry *entry)
{
    struct ownership_entry found;
    const struct immortal *immortal = argument;
    (void)ownership_drop(immortal->session, entry->key, entry->owner, &found);
}

static void destroy_spaces(struct stress_run *run, struct immortal *immortal)
{
    for (unsigned i = 0; i < IMMORTAL_SPACES; i++) {
        struct arena *arena = &immortal->arenas[i];
        if (immortal_space_destroy(arena->space, NULL) != MM_OK) {
            stress_violation(run, NULL, "O6: a quiet space cannot be destroyed");
        }
        for (unsigned k = 0; k < stress_run_options(run)->threads; k++) {
            allocations_clear(&arena->given[k]);
        }
    }
    (void)ownership_each(immortal->session, forget_entry, immortal);
}

/* When three quarters of all of them are used up, new spaces take their place: filling
 * up and being full are both tried. */
static bool are_spent(const struct immortal *immortal)
{
    size_t free_bytes = 0;
    for (unsigned i = 0; i < IMMORTAL_SPACES; i++) {
        free_bytes += immortal_space_usage(immortal->arenas[i].space).free;
    }
    return free_bytes < IMMORTAL_CHUNK_BYTES;
}

static void checkpoint(struct stress_run *run)
{
    struct immortal *immortal = stress_run_state(run);
    for (unsigned i = 0; i < IMMORTAL_SPACES; i++) {
        immortal_check_arena(run, &immortal->arenas[i]);
    }
    immortal_check_verify(run, immortal);
    immortal_check_huge(run, immortal);
    if (are_spent(immortal)) {
        destroy_spaces(run, immortal);
        stress_count(stress_run_thread(run, 0), COUNT_SPACES);
        if (!make_spaces(immortal)) {
            stress_violation(run, NULL, "O4: there is no room for new spaces: a leak");
        }
    }
}

static void finish(struct stress_run *run)
{
    struct immortal *immortal = stress_run_state(run);
    struct kernel_view view;
    destroy_spaces(run, immortal);
    if (immortal_space_destroy(immortal->huge, NULL) != MM_OK) {
        stress_violation(run, NULL, "O6: the huge space cannot be destroyed");
    }
    immortal_check_verify(run, immortal);
    if (!kernel_view_read(mmapper_window(immortal->mapper), &view) || view.bytes != 0) {
        stress_violation(run, NULL, "O4: %" PRIu64 " bytes are left in the window",
                         view.bytes);
    }
}

static void tear_down(struct stress_run *run)
{
    struct immortal *immortal = stress_run_state(run);
    ownership_session_end(immortal->session);
    ownership_log_destroy(immortal->log);
    if (mmapper_destroy(immortal->mapper, NULL) != MM_OK) {
        stress_violation(run, NULL, "O4: the mapper cannot be destroyed");
    }
    free(immortal);
}

static uint64_t mapped_bytes(struct stress_run *run)
{
    const struct immortal *immortal = stress_run_state(run);
    struct mm_statistics statistics;
    mmapper_statistics(immortal->mapper, &statistics);
    return statistics.chunks[MM_MAPPED] * IMMORTAL_CHUNK_BYTES;
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "immortal",
        .summary =
            "immortal: threads allocate from immortal spaces until they are full.",
        .counters = counters,
        .round_steps = 4000,
        .set_up = set_up,
        .thread_begin = thread_begin,
        .step = step,
        .thread_end = thread_end,
        .checkpoint = checkpoint,
        .finish = finish,
        .tear_down = tear_down,
        .mapped_bytes = mapped_bytes,
    };
    return stress_main(argc, argv, &workload);
}
