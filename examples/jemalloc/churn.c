/* SPDX-License-Identifier: MIT */
/*
 * What must hold of arenas on a mapper, whatever threads do: allocations are disjoint (O1),
 * mapped and the arena's by the mapper's table, which agrees with the kernel (O2); their
 * contents are nobody else's (O3); an arena's owner holds exactly what jemalloc says that the
 * arena has, and nothing in the end (O4); every call to the kernel was about memory that the
 * mapper holds (the checked decorator); other owners are refused by name (O6).
 */
#include "examples/jemalloc/churn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/allocations.h"
#include "stress/kernel_view.h"
#include "stress/layout.h"

static const char *const counters[] = {"allocated", "resized",       "freed",
                                       "purges",    "rival refused", NULL};

#define WINDOW_BYTES ((uintptr_t)16 << 30)

/* -------------------------------------------------------------------- set-up */

/* One arena gives everything back at once, one decommits small extents too. */
static bool make_arena(struct churn *churn, size_t index)
{
    struct jemalloc_arena *arena = &churn->arenas[index];
    char name[MM_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "arena %zu", index);
    const struct mm_owner_options owner = {.name = name,
                                           .strategy.accounting = MM_UNACCOUNTED};
    struct mm_error error;
    if (jemalloc_arena_create(arena, churn->mapper, &owner, &error) != MM_OK) {
        char text[512];
        (void)mm_error_format(&error, text, sizeof(text));
        (void)fprintf(stderr, "churn: no arena: %s\n", text);
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

static bool make_arenas(struct churn *churn)
{
    bool good = true;
    for (size_t i = 0; i < CHURN_ARENAS; i++) {
        good = make_arena(churn, i) && good;
    }
    return good;
}

static bool set_up(struct stress_run *run)
{
    struct churn *churn = calloc(1, sizeof(*churn));
    if (churn == NULL) {
        return false;
    }
    const struct mmap_support system = mmap_support_linux();
    const struct mmapper_options options = {.chunk_bytes = jemalloc_page_bytes(),
                                            .base = STRESS_BASE,
                                            .limit = STRESS_BASE + WINDOW_BYTES,
                                            .log_region_chunks = 8};
    const struct mm_owner_options rival = {.name = "rival", .kind = MM_KIND_TEST};
    stress_run_set_state(run, churn);
    churn->oracle = address_map_create();
    churn->checked = checked_decorator_create(&system, churn->oracle, 1);
    churn->support = checked_decorator_support(churn->checked);
    return pthread_mutex_init(&churn->sharing, NULL) == 0 &&
           mmapper_create(&options, &churn->support, &churn->mapper, NULL) == MM_OK &&
           mmapper_register_owner(churn->mapper, &rival, &churn->rival, NULL) ==
               MM_OK &&
           make_arenas(churn);
}

static void thread_begin(struct stress_thread *thread)
{
    struct churn *churn = stress_run_state(thread->run);
    thread->state = churn->blocks[thread->index];
}

/* Half of its blocks are freed, the others go with their arenas. */
static void thread_end(struct stress_thread *thread)
{
    struct block *blocks = thread->state;
    for (size_t i = 0; i < CHURN_BLOCKS / 2; i++) {
        churn_free(&blocks[i]);
    }
}

/* --------------------------------------------------------------- checkpoints */

static void list_blocks(struct stress_run *run, struct allocations *list,
                        const struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].address != 0) {
            const struct allocation allocation = {
                .extent = {blocks[i].address, blocks[i].bytes},
                .owner = blocks[i].owner,
                .epoch = blocks[i].epoch};
            churn_check_block(run, NULL, &blocks[i]);
            allocations_add(list, &allocation);
        }
    }
}

static void check_blocks(struct stress_run *run, const struct churn *churn)
{
    struct allocations list = {0};
    struct allocation first;
    struct allocation second;
    for (unsigned i = 0; i < stress_run_options(run)->threads; i++) {
        list_blocks(run, &list, churn->blocks[i], CHURN_BLOCKS);
    }
    list_blocks(run, &list, churn->shared, CHURN_SHARED);
    if (!allocations_disjoint(&list, &first, &second)) {
        stress_violation(run, NULL, "O1: 0x%" PRIxPTR "+0x%zx was given out twice",
                         second.extent.start, second.extent.bytes);
    }
    allocations_clear(&list);
}

static size_t jemalloc_figure(unsigned arena, const char *what)
{
    char name[64];
    size_t value = 0;
    size_t bytes = sizeof(value);
    (void)snprintf(name, sizeof(name), "stats.arenas.%u.%s", arena, what);
    return mallctl(name, &value, &bytes, NULL, 0) == 0 ? value : SIZE_MAX;
}

static void check_arena(struct stress_run *run, const struct churn *churn, size_t index)
{
    const struct jemalloc_arena *arena = &churn->arenas[index];
    const size_t expected = jemalloc_figure(arena->index, "mapped") +
                            jemalloc_figure(arena->index, "retained");
    uint64_t chunks[MM_STATE_COUNT];
    uint64_t held = 0;
    (void)mmapper_owner_chunks(churn->mapper, arena->extents.owner, chunks, NULL);
    for (size_t i = 0; i < MM_STATE_COUNT; i++) {
        held += chunks[i] * mmapper_chunk_bytes(churn->mapper);
    }
    if (held != expected) {
        stress_violation(run, NULL,
                         "O4: \"%s\" holds %" PRIu64 " bytes, jemalloc says %zu",
                         mm_owner_name(arena->extents.owner), held, expected);
    }
}

static void check_mapper(struct stress_run *run, const struct churn *churn)
{
    struct mm_verify_result result;
    if (mmapper_verify(churn->mapper, NULL, &result, NULL) != MM_OK ||
        result.differences != 0) {
        stress_violation(run, NULL, "O2: the kernel has something else: %" PRIu64,
                         result.differences);
    }
    if (checked_decorator_violations(churn->checked) != 0) {
        stress_violation(run, NULL, "O2: %s",
                         checked_decorator_violation_text(churn->checked));
    }
}

static void checkpoint(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    uint64_t epoch = 1;
    /* jemalloc's figures are those of the last "epoch". */
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    check_mapper(run, churn);
    check_blocks(run, churn);
    for (size_t i = 0; i < CHURN_ARENAS; i++) {
        check_arena(run, churn, i);
    }
}

/* ---------------------------------------------------------------------- end */

/* Every arena is in the dump by name. */
static void check_dump(struct stress_run *run, const struct churn *churn)
{
    const size_t bytes = mmapper_dump(churn->mapper, NULL, 0);
    char *text = malloc(bytes);
    if (text == NULL) {
        return;
    }
    (void)mmapper_dump(churn->mapper, text, bytes);
    for (size_t i = 0; i < CHURN_ARENAS; i++) {
        char name[MM_NAME_BYTES];
        (void)snprintf(name, sizeof(name), "space \"arena %zu\"", i);
        if (strstr(text, name) == NULL) {
            stress_violation(run, NULL, "O4: no %s in the dump", name);
        }
    }
    free(text);
}

static void finish(struct stress_run *run)
{
    struct churn *churn = stress_run_state(run);
    struct kernel_view view;
    struct mm_error error;
    char text[512];
    check_dump(run, churn);
    for (size_t i = 0; i < CHURN_ARENAS; i++) {
        if (jemalloc_arena_destroy(&churn->arenas[i], &error) != MM_OK) {
            (void)mm_error_format(&error, text, sizeof(text));
            stress_violation(run, NULL, "O4: arena %zu stays: %s", i, text);
        }
    }
    check_mapper(run, churn);
    if (checked_decorator_reserved_bytes(churn->checked) != 0 ||
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
    checked_decorator_destroy(churn->checked);
    address_map_destroy(churn->oracle);
    (void)pthread_mutex_destroy(&churn->sharing);
    free(churn);
}

static uint64_t mapped_bytes(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    return checked_decorator_reserved_bytes(churn->checked);
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "jemalloc",
        .summary = "jemalloc: threads use arenas of jemalloc that a mapper maps for.",
        .counters = counters,
        .round_steps = 2000,
        .set_up = set_up,
        .thread_begin = thread_begin,
        .step = churn_step,
        .thread_end = thread_end,
        .checkpoint = checkpoint,
        .finish = finish,
        .tear_down = tear_down,
        .mapped_bytes = mapped_bytes,
    };
    return stress_main(argc, argv, &workload);
}
