/* SPDX-License-Identifier: MIT */
/*
 * Threads allocate and free runs of pages in free-list spaces: one that keeps what is
 * freed mapped, one that decommits wholly free chunks, one of 2 TiB whose list's table
 * must stay untouched where nothing was allocated (O7), and one with bins and stripes
 * that decommits as well. Pages have one holder
 * (O1), keep their tokens (O3), and are all accounted for (O4).
 */
#include "stress/freelist.h"

#include <stdio.h>
#include <stdlib.h>

#include "stress/layout.h"

static const char *const counters[] = {
    "allocated", "freed", "exhausted", "rival refused", "misuse refused", "trims", NULL,
};

static bool make_shelf(struct freelist *freelist, unsigned index)
{
    struct mm_error error;
    char text[512];
    struct shelf *shelf = &freelist->shelves[index];
    struct freelist_space_options options = {.name = "pages"};
    options.bytes = (size_t)FREELIST_SPACE_CHUNKS * FREELIST_CHUNK_BYTES;
    options.freed = index == 1 || index == FREELIST_STRIPED ? FREELIST_SPACE_DECOMMIT
                                                            : FREELIST_SPACE_KEEP;
    if (index == FREELIST_STRIPED) {
        options.policy = RAW_MEMORY_FREELIST_BINNED;
        options.stripes = FREELIST_STRIPES;
    }
    if (index == FREELIST_HUGE) {
        options.bytes = STRESS_HUGE_BYTES;
        options.strategy.accounting = MM_UNACCOUNTED;
    }
    if (freelist_space_create(freelist->mapper, &options, &shelf->space, &error) !=
        MM_OK) {
        (void)mm_error_format(&error, text, sizeof(text));
        (void)fprintf(stderr, "freelist: cannot make a space: %s\n", text);
        return false;
    }
    const struct freelist_space_usage usage = freelist_space_usage(shelf->space);
    shelf->total_pages = usage.used_pages + usage.free_pages;
    shelf->page_bytes = freelist_space_page_bytes(shelf->space);
    shelf->decommits = options.freed == FREELIST_SPACE_DECOMMIT;
    return true;
}

static bool set_up(struct stress_run *run)
{
    struct freelist *freelist = calloc(1, sizeof(*freelist));
    const struct mmapper_options options = {.chunk_bytes = FREELIST_CHUNK_BYTES,
                                            .base = STRESS_HUGE_BASE,
                                            .limit = STRESS_HUGE_BASE +
                                                     STRESS_HUGE_WINDOW_BYTES};
    const struct mm_owner_options rival = {.name = "rival", .kind = MM_KIND_TEST};
    if (freelist == NULL) {
        return false;
    }
    freelist->support = mmap_support_linux();
    freelist->log = ownership_log_create(1 << 13);
    stress_run_set_state(run, freelist);
    if (freelist->log == NULL ||
        mmapper_create(&options, &freelist->support, &freelist->mapper, NULL) !=
            MM_OK ||
        mmapper_register_owner(freelist->mapper, &rival, &freelist->rival, NULL) !=
            MM_OK) {
        return false;
    }
    freelist->session = ownership_session_begin(freelist->log);
    bool good = true;
    for (unsigned i = 0; i < FREELIST_SPACES; i++) {
        good = good && make_shelf(freelist, i);
    }
    return good;
}

static void thread_begin(struct stress_thread *thread)
{
    const struct freelist *freelist = stress_run_state(thread->run);
    thread->state = ownership_session_begin(freelist->log);
}

static void thread_end(struct stress_thread *thread)
{
    ownership_session_end(thread->state);
}

static void step(struct stress_thread *thread)
{
    struct freelist *freelist = stress_run_state(thread->run);
    struct stress_random *random = &thread->random;
    struct shelf *shelf =
        &freelist->shelves[stress_random_below(random, FREELIST_SPACES)];
    const uint64_t choice = stress_random_below(random, 64);
    if (choice < 30) {
        freelist_alloc(thread, freelist, shelf);
    } else if (choice < 57) {
        freelist_free(thread, shelf);
    } else if (choice < 60) {
        freelist_intrude(thread, freelist, shelf);
    } else if (choice < 63) {
        freelist_misuse(thread, shelf);
    } else {
        freelist_trim(thread, shelf);
    }
}

static void checkpoint(struct stress_run *run)
{
    freelist_check_all(run, stress_run_state(run));
}

static void finish(struct stress_run *run)
{
    struct freelist *freelist = stress_run_state(run);
    freelist_check_all(run, freelist);
    freelist_free_all(run, freelist);
    freelist_check_empty(run, freelist);
}

static void tear_down(struct stress_run *run)
{
    struct freelist *freelist = stress_run_state(run);
    ownership_session_end(freelist->session);
    ownership_log_destroy(freelist->log);
    if (mmapper_destroy(freelist->mapper, NULL) != MM_OK) {
        stress_violation(run, NULL, "O4: the mapper cannot be destroyed");
    }
    free(freelist);
}

/* The huge list's table is mapped as a whole: what is mapped of pages says more. */
static uint64_t mapped_bytes(struct stress_run *run)
{
    struct freelist *freelist = stress_run_state(run);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < FREELIST_SPACES; i++) {
        const struct shelf *shelf = &freelist->shelves[i];
        bytes += freelist_space_usage(shelf->space).used_pages * shelf->page_bytes;
    }
    return bytes;
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "freelist",
        .summary = "freelist: threads allocate and free pages in free-list spaces.",
        .counters = counters,
        .round_steps = 10000,
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
