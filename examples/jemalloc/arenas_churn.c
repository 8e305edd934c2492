/* SPDX-License-Identifier: MIT */
/*
 * Arenas of jemalloc under the stress oracles (examples/churn/churn.h), and besides: an arena's
 * owner holds exactly what jemalloc says that the arena has, and nothing in the end (O4).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "examples/churn/churn.h"
#include "examples/jemalloc/arenas.h"
#include "stress/kernel_view.h"
#include "stress/layout.h"

#define WINDOW_BYTES ((uintptr_t)16 << 30)

struct arenas {
    struct jemalloc_arena items[CHURN_POOLS];
};

static unsigned arena_index(const struct churn *churn, size_t pool)
{
    const struct arenas *arenas = churn->state;
    return arenas->items[pool].index;
}

/* ----------------------------------------------------------------- the subject */

static int flags_of(struct stress_thread *thread, size_t pool)
{
    return MALLOCX_TCACHE_NONE |
           MALLOCX_ARENA(arena_index(stress_run_state(thread->run), pool));
}

static void *allocate(struct stress_thread *thread, size_t pool, size_t bytes,
                      size_t alignment, bool zero)
{
    return mallocx(bytes, flags_of(thread, pool) | MALLOCX_ALIGN(alignment) |
                              (zero ? MALLOCX_ZERO : 0));
}

static void *resize(struct stress_thread *thread, size_t pool, void *memory,
                    size_t bytes)
{
    return rallocx(memory, bytes, flags_of(thread, pool));
}

static void give_back(void *memory)
{
    dallocx(memory, MALLOCX_TCACHE_NONE);
}

static bool purge(struct stress_thread *thread, size_t pool)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "arena.%u.purge",
                   arena_index(stress_run_state(thread->run), pool));
    return mallctl(name, NULL, NULL, NULL, 0) == 0;
}

static const struct churn_subject subject = {
    .pools = CHURN_POOLS,
    .allocate = allocate,
    .resize = resize,
    .free = give_back,
    .purge = purge,
};

/* -------------------------------------------------------------------- set-up */

/* Half of them decommit small extents too, half give everything back at once. */
static bool make_arena(const struct churn *churn, struct jemalloc_arena *arena,
                       size_t index)
{
    char name[MM_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "arena %zu", index);
    const struct mm_owner_options owner = {.name = name,
                                           .strategy.accounting = MM_UNACCOUNTED};
    struct mm_error error;
    if (jemalloc_arena_create(arena, churn->mapper, &owner, &error) != MM_OK) {
        char text[512];
        (void)mm_error_format(&error, text, sizeof(text));
        (void)fprintf(stderr, "arenas_churn: no arena: %s\n", text);
        return false;
    }
    if (index % 2 == 0) {
        arena->extents.decommit_bytes = (size_t)1 << 16;
    }
    if (index >= 2) {
        ssize_t at_once = 0;
        (void)snprintf(name, sizeof(name), "arena.%u.dirty_decay_ms", arena->index);
        return mallctl(name, NULL, NULL, &at_once, sizeof(at_once)) == 0;
    }
    return true;
}

static bool set_up(struct stress_run *run)
{
    const struct mmapper_options options = {.chunk_bytes = jemalloc_page_bytes(),
                                            .base = STRESS_BASE,
                                            .limit = STRESS_BASE + WINDOW_BYTES,
                                            .log_region_chunks = 8};
    struct churn *churn = churn_create(run, &subject, &options);
    if (churn == NULL) {
        return false;
    }
    struct arenas *arenas = calloc(1, sizeof(*arenas));
    if (arenas == NULL) {
        return false;
    }
    churn->state = arenas;
    bool good = true;
    for (size_t i = 0; i < CHURN_POOLS && good; i++) {
        good = make_arena(churn, &arenas->items[i], i);
        churn->owners[i] = arenas->items[i].extents.owner;
    }
    return good;
}

/* --------------------------------------------------------------------- checks */

static size_t jemalloc_figure(unsigned arena, const char *what)
{
    char name[64];
    size_t value = 0;
    size_t bytes = sizeof(value);
    (void)snprintf(name, sizeof(name), "stats.arenas.%u.%s", arena, what);
    return mallctl(name, &value, &bytes, NULL, 0) == 0 ? value : SIZE_MAX;
}

static void checkpoint(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    uint64_t epoch = 1;
    churn_checkpoint(run);
    /* jemalloc's figures are those of the last "epoch". */
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    for (size_t i = 0; i < CHURN_POOLS; i++) {
        const uint64_t held = churn_owner_bytes(churn, churn->owners[i]);
        const size_t expected = jemalloc_figure(arena_index(churn, i), "mapped") +
                                jemalloc_figure(arena_index(churn, i), "retained");
        if (held != expected) {
            stress_violation(run, NULL,
                             "O4: \"%s\" holds %" PRIu64 " bytes, jemalloc says %zu",
                             mm_owner_name(churn->owners[i]), held, expected);
        }
    }
}

/* What threads did not free goes with its arena. */
static void finish(struct stress_run *run)
{
    struct churn *churn = stress_run_state(run);
    struct arenas *arenas = churn->state;
    struct kernel_view view;
    struct mm_error error;
    char text[512];
    churn_check_dump(run);
    for (size_t i = 0; i < CHURN_POOLS; i++) {
        if (jemalloc_arena_destroy(&arenas->items[i], &error) != MM_OK) {
            (void)mm_error_format(&error, text, sizeof(text));
            stress_violation(run, NULL, "O4: arena %zu stays: %s", i, text);
        }
    }
    churn_check_mapper(run);
    if (churn_reserved_bytes(run) != 0 ||
        !kernel_view_read(mmapper_window(churn->mapper), &view) || view.bytes != 0) {
        stress_violation(run, NULL, "O4: something is left in the window");
    }
}

static void tear_down(struct stress_run *run)
{
    struct churn *churn = stress_run_state(run);
    if (mmapper_destroy(churn->mapper, NULL) != MM_OK) {
        stress_violation(run, NULL, "O4: the mapper cannot be destroyed");
    }
    free(churn->state);
    churn_destroy(churn);
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "arenas_churn",
        .summary = "arenas_churn: threads use arenas of jemalloc on a mapper.",
        .counters = churn_counters,
        .round_steps = 2000,
        .set_up = set_up,
        .thread_begin = churn_thread_begin,
        .step = churn_step,
        .thread_end = churn_thread_end,
        .checkpoint = checkpoint,
        .finish = finish,
        .tear_down = tear_down,
        .mapped_bytes = churn_reserved_bytes,
    };
    return stress_main(argc, argv, &workload);
}
