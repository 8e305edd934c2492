/* SPDX-License-Identifier: MIT */
#include "stress/mixed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stress/kernel_view.h"
#include "stress/layout.h"

static const char *const counters[] = {
    "parcels",  "foreign conflicts", "adopted", "excluded",      "metadata",
    "immortal", "page runs",         "slots",   "brief mappers", "forks",
    NULL,
};

struct workshop {
    struct mixed mixed;
    struct mixer *mixers;
};

static bool make_mappers(struct mixed *mixed)
{
    static const size_t chunk_bytes[MIXED_MAPPERS] = {4 * MIXED_GRANULE, MIXED_GRANULE};
    mixed->window =
        mm_extent_of(STRESS_BASE, (size_t)MIXED_WINDOW_GRANULES * MIXED_GRANULE);
    mixed->support = mmap_support_linux();
    for (unsigned i = 0; i < MIXED_MAPPERS; i++) {
        const struct mmapper_options options = {.chunk_bytes = chunk_bytes[i],
                                                .base = mixed->window.start,
                                                .limit = mm_extent_end(mixed->window),
                                                .log_region_chunks = 5};
        mixed->chunk_bytes[i] = chunk_bytes[i];
        if (mmapper_create(&options, &mixed->support, &mixed->mappers[i], NULL) !=
            MM_OK) {
            return false;
        }
    }
    return true;
}

static bool make_mixer(struct mixed *mixed, struct mixer *mixer, unsigned index)
{
    const struct mm_owner_options own = {.name = "mixer", .kind = MM_KIND_TEST};
    const struct mm_owner_options external = {.name = "image",
                                              .kind = MM_KIND_RUNTIME_IMAGE,
                                              .strategy.backing = MM_BACKING_EXTERNAL};
    mixer->mixed = mixed;
    mixer->thread = stress_run_thread(mixed->run, index);
    mixer->self = index + 1;
    return mmapper_register_owner(mixed->mappers[0], &own, &mixer->owners[0], NULL) ==
               MM_OK &&
           mmapper_register_owner(mixed->mappers[1], &own, &mixer->owners[1], NULL) ==
               MM_OK &&
           mmapper_register_owner(mixed->mappers[0], &external, &mixer->external,
                                  NULL) == MM_OK;
}

static bool start_noise(struct mixed *mixed)
{
    const struct foreign_noise_options options = {
        .run = mixed->run,
        .window = mixed->window,
        .granule = MIXED_GRANULE,
        .log = mixed->log,
        .owner = MIXED_NOISE_OWNER,
        .seed = stress_run_options(mixed->run)->seed};
    mixed->noise = foreign_noise_start(&options);
    return mixed->noise != NULL;
}

static bool set_up(struct stress_run *run)
{
    const unsigned threads = stress_run_options(run)->threads;
    mixed_limits(run);
    struct workshop *workshop = calloc(1, sizeof(*workshop));
    if (workshop == NULL) {
        return false;
    }
    struct mixed *mixed = &workshop->mixed;
    stress_run_set_state(run, workshop);
    mixed->run = run;
    mixed->log = ownership_log_create(MIXED_WINDOW_GRANULES);
    workshop->mixers = calloc(threads, sizeof(*workshop->mixers));
    if (mixed->log == NULL || workshop->mixers == NULL || !make_mappers(mixed) ||
        !mixed_spaces_create(mixed)) {
        return false;
    }
    mixed->session = ownership_session_begin(mixed->log);
    for (unsigned i = 0; i < threads; i++) {
        if (!make_mixer(mixed, &workshop->mixers[i], i)) {
            return false;
        }
    }
    return start_noise(mixed);
}

static void thread_begin(struct stress_thread *thread)
{
    struct workshop *workshop = stress_run_state(thread->run);
    struct mixer *mixer = &workshop->mixers[thread->index];
    mixer->session = ownership_session_begin(workshop->mixed.log);
    thread->state = mixer;
}

static void thread_end(struct stress_thread *thread)
{
    struct mixer *mixer = thread->state;
    ownership_session_end(mixer->session);
    mixer->session = mixer->mixed->session; /* the main thread finishes its work */
}

static void step(struct stress_thread *thread)
{
    static void (*const steps[])(struct mixer *) = {
        mixed_parcel_step,   mixed_parcel_step,   mixed_parcel_step, mixed_parcel_step,
        mixed_adopt_step,    mixed_exclude_step,  mixed_pages_step,  mixed_pages_step,
        mixed_immortal_step, mixed_metadata_step, mixed_slots_step,
    };
    struct mixer *mixer = thread->state;
    const uint64_t choice = stress_random_below(&thread->random, 2000);
    if (choice == 0) {
        mixed_fork_step(mixer);
    } else if (choice < 20) {
        mixed_brief_mapper_step(mixer);
    } else {
        steps[choice % (sizeof(steps) / sizeof(steps[0]))](mixer);
    }
}

static void check_verify(struct mixed *mixed, bool sole)
{
    const struct mm_verify_options options = {.sole = sole};
    for (unsigned i = 0; i < MIXED_MAPPERS; i++) {
        struct mm_verify_result result;
        if (mmapper_verify(mixed->mappers[i], &options, &result, NULL) != MM_OK ||
            result.differences != 0 || result.unsettled != 0) {
            stress_violation(mixed->run, NULL,
                             "O2: verify of mapper %u: %" PRIu64 " differences", i,
                             result.differences);
        }
    }
}

static void checkpoint(struct stress_run *run)
{
    struct workshop *workshop = stress_run_state(run);
    for (unsigned i = 0; i < stress_run_options(run)->threads; i++) {
        mixed_parcels_check(&workshop->mixers[i]);
    }
    mixed_spaces_checkpoint(&workshop->mixed);
    check_verify(&workshop->mixed, false);
}

static void finish(struct stress_run *run)
{
    struct workshop *workshop = stress_run_state(run);
    struct mixed *mixed = &workshop->mixed;
    struct kernel_view view;
    (void)printf("mixed: foreign code made %" PRIu64 " mappings\n",
                 foreign_noise_stop(mixed->noise));
    for (unsigned i = 0; i < stress_run_options(run)->threads; i++) {
        mixed_parcels_release(&workshop->mixers[i]);
        mixed_pages_release(&workshop->mixers[i]);
    }
    mixed_spaces_destroy(mixed);
    const size_t logged = ownership_each(mixed->session, NULL, NULL);
    if (!kernel_view_read(mixed->window, &view) || view.bytes != 0 || logged != 0) {
        stress_violation(run, NULL,
                         "O4: at the end %" PRIu64
                         " bytes are mapped, %zu granules are "
                         "in the log",
                         view.bytes, logged);
    }
    check_verify(mixed, true);
}

static void tear_down(struct stress_run *run)
{
    struct workshop *workshop = stress_run_state(run);
    ownership_session_end(workshop->mixed.session);
    ownership_log_destroy(workshop->mixed.log);
    for (unsigned i = 0; i < MIXED_MAPPERS; i++) {
        if (mmapper_destroy(workshop->mixed.mappers[i], NULL) != MM_OK) {
            stress_violation(run, NULL, "O4: mapper %u cannot be destroyed", i);
        }
    }
    free(workshop->mixers);
    free(workshop);
}

static uint64_t mapped_bytes(struct stress_run *run)
{
    const struct workshop *workshop = stress_run_state(run);
    uint64_t bytes = 0;
    for (unsigned i = 0; i < MIXED_MAPPERS; i++) {
        struct mm_statistics statistics;
        mmapper_statistics(workshop->mixed.mappers[i], &statistics);
        bytes += statistics.chunks[MM_MAPPED] * workshop->mixed.chunk_bytes[i];
    }
    return bytes;
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "mixed",
        .summary = "mixed: two mappers, all spaces, foreign code, forks and limits.",
        .counters = counters,
        .round_steps = 2000,
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
