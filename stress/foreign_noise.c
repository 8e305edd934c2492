/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/foreign_noise.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "stress/tokens.h"

enum {
    HELD = 24,        /* mappings in the window at a time, at most */
    LONGEST = 6,      /* granules */
    ELSEWHERE = 8192, /* bytes of a mapping outside of the window */
    PAGE = 4096,
};

struct foreign_noise {
    struct foreign_noise_options options;
    pthread_t thread;
    mm_atomic_u32 stopping; /* relaxed: the join is what orders */
    struct stress_random random;
    struct ownership_session *session;
    struct mm_extent held[HELD];
    size_t count;
    uint64_t epoch;
    uint64_t made;
};

bool foreign_map(struct mm_extent extent)
{
    void *got =
        mmap((void *)extent.start, extent.bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        return false;
    }
    if ((uintptr_t)got != extent.start) {
        (void)munmap(got, extent.bytes); /* a kernel that does not know NOREPLACE */
        return false;
    }
    return true;
}

void foreign_unmap(struct mm_extent extent)
{
    if (munmap((void *)extent.start, extent.bytes) != 0) {
        abort();
    }
}

static void claim(struct foreign_noise *noise, struct mm_extent extent)
{
    const struct foreign_noise_options *options = &noise->options;
    const uint64_t end = mm_extent_end(extent) / options->granule;
    for (uint64_t key = extent.start / options->granule; key < end; key++) {
        const struct ownership_entry entry = {key, options->owner, noise->epoch};
        struct ownership_entry other;
        if (!ownership_claim(noise->session, &entry, &other)) {
            stress_violation(options->run, NULL,
                             "O1: the kernel gave %#" PRIxPTR
                             " to foreign code while owner %" PRIu64 " has it",
                             extent.start, other.owner);
            return;
        }
    }
}

static void drop(struct foreign_noise *noise, struct mm_extent extent)
{
    const struct foreign_noise_options *options = &noise->options;
    const uint64_t end = mm_extent_end(extent) / options->granule;
    for (uint64_t key = extent.start / options->granule; key < end; key++) {
        struct ownership_entry found;
        (void)ownership_drop(noise->session, key, options->owner, &found);
    }
}

static void map_in_window(struct foreign_noise *noise)
{
    const struct foreign_noise_options *options = &noise->options;
    const size_t granules = options->window.bytes / options->granule;
    const size_t length = 1 + stress_random_below(&noise->random, LONGEST);
    const size_t first = stress_random_below(&noise->random, granules - length);
    const struct mm_extent extent = mm_extent_of(
        options->window.start + first * options->granule, length * options->granule);
    if (noise->count == HELD || !foreign_map(extent)) {
        return;
    }
    noise->made++;
    claim(noise, extent);
    token_write(extent.start, PAGE, options->owner, extent.start);
    noise->held[noise->count++] = extent;
}

static void unmap_in_window(struct foreign_noise *noise)
{
    struct token found;
    if (noise->count == 0) {
        return;
    }
    const size_t index = stress_random_below(&noise->random, noise->count);
    const struct mm_extent extent = noise->held[index];
    noise->held[index] = noise->held[--noise->count];
    if (!token_check(extent.start, PAGE, noise->options.owner, extent.start, &found)) {
        stress_violation(noise->options.run, NULL,
                         "O3: foreign memory at %#" PRIxPTR " was overwritten",
                         extent.start);
    }
    drop(noise, extent);
    foreign_unmap(extent);
}

static void map_elsewhere(struct foreign_noise *noise)
{
    void *got = mmap(NULL, ELSEWHERE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got != MAP_FAILED) {
        noise->made++;
        foreign_unmap(mm_extent_of((uintptr_t)got, ELSEWHERE));
    }
}

static void *make_noise(void *argument)
{
    struct foreign_noise *noise = argument;
    noise->session = ownership_session_begin(noise->options.log);
    while (mm_load_relaxed_u32(&noise->stopping) == 0) {
        switch (stress_random_below(&noise->random, 4)) {
        case 0:
            map_elsewhere(noise);
            break;
        case 1:
            unmap_in_window(noise);
            break;
        default:
            map_in_window(noise);
            break;
        }
        (void)sched_yield(); /* noise, not a load: the threads under test go first */
    }
    while (noise->count > 0) {
        unmap_in_window(noise);
    }
    ownership_session_end(noise->session);
    return NULL;
}

struct foreign_noise *foreign_noise_start(const struct foreign_noise_options *options)
{
    struct foreign_noise *noise = calloc(1, sizeof(*noise));
    if (noise == NULL) {
        return NULL;
    }
    noise->options = *options;
    stress_random_seed(&noise->random, options->seed, UINT64_MAX - options->owner);
    if (pthread_create(&noise->thread, NULL, make_noise, noise) != 0) {
        free(noise);
        return NULL;
    }
    return noise;
}

uint64_t foreign_noise_stop(struct foreign_noise *noise)
{
    mm_store_relaxed_u32(&noise->stopping, 1);
    (void)pthread_join(noise->thread, NULL);
    const uint64_t made = noise->made;
    free(noise);
    return made;
}
