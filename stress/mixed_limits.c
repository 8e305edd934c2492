/* SPDX-License-Identifier: MIT */
/*
 * Children that run into the limits of address space, with threads: the mapper says
 * which limit it was (G7), keeps all that it has, and works again when there is room.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/layout.h"
#include "stress/mixed.h"
#include "stress/sanitizers.h"

enum {
    THREADS = 2,
    ROUNDS = 4,
    SMALL_CHUNK = 4096,
    BIG_CHUNK = 1 << 20,
    ROOM_BYTES = 64 << 20, /* of address space that the first child may still map */
    MOST_PARCELS = 256,
    MOST_MAP_COUNT = 1 << 18, /* with more it would take too long to get there */
};

enum verdict {
    VERDICT_GOOD = 0,
    VERDICT_SET_UP = 10,
    VERDICT_NOT_REFUSED,
    VERDICT_WRONG_CAUSE,
    VERDICT_CHANGED,
    VERDICT_STUCK,
    VERDICT_DIFFERENT,
};

static const char *verdict_text(int verdict)
{
    switch (verdict) {
    case VERDICT_SET_UP:
        return "cannot be set up";
    case VERDICT_NOT_REFUSED:
        return "the limit was never reached";
    case VERDICT_WRONG_CAUSE:
        return "G7: refused in another way";
    case VERDICT_CHANGED:
        return "G4: a refused call changed something";
    case VERDICT_STUCK:
        return "it does not work again with room";
    case VERDICT_DIFFERENT:
        return "O2: table and kernel differ";
    default:
        return "it died";
    }
}

struct limited {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mm_owner *owner;
    struct mm_extent all;      /* what the owner holds, for the second child */
    pthread_barrier_t barrier; /* THREADS and the main thread */
};

struct worker {
    struct limited *limited;
    unsigned index;
    pthread_t handle;
    enum verdict verdict;
};

static bool make_limited(struct limited *limited, size_t chunk_bytes, size_t chunks)
{
    const struct mmapper_options options = {.chunk_bytes = chunk_bytes,
                                            .base = STRESS_BASE,
                                            .limit =
                                                STRESS_BASE + chunks * chunk_bytes};
    const struct mm_owner_options owner = {.name = "limited", .kind = MM_KIND_TEST};
    limited->support = mmap_support_linux();
    return pthread_barrier_init(&limited->barrier, NULL, THREADS + 1) == 0 &&
           mmapper_create(&options, &limited->support, &limited->mapper, NULL) ==
               MM_OK &&
           mmapper_register_owner(limited->mapper, &owner, &limited->owner, NULL) ==
               MM_OK;
}

static bool is_same(const struct mmapper *mapper)
{
    const struct mm_verify_options options = {.sole = true};
    struct mm_verify_result result;
    return mmapper_verify(mapper, &options, &result, NULL) == MM_OK &&
           result.differences == 0 && result.unsettled == 0;
}

static bool start_workers(struct limited *limited, struct worker *workers,
                          void *(*work)(void *))
{
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.limited = limited, .index = i};
        if (pthread_create(&workers[i].handle, NULL, work, &workers[i]) != 0) {
            return false;
        }
    }
    return true;
}

static enum verdict join_workers(struct worker *workers)
{
    enum verdict verdict = VERDICT_GOOD;
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(workers[i].handle, NULL);
        verdict = workers[i].verdict != VERDICT_GOOD ? workers[i].verdict : verdict;
    }
    return verdict;
}

/* ------------------------------------------------------------------- RLIMIT_AS */

/* Reserves until it is refused, then gives all back. */
static enum verdict fill_up(struct limited *limited)
{
    struct mm_extent parcels[MOST_PARCELS];
    struct mm_error error;
    enum mm_status status = MM_OK;
    unsigned count = 0;
    while (count < MOST_PARCELS && status == MM_OK) {
        status = mmapper_quarantine_anywhere(limited->mapper, limited->owner, BIG_CHUNK,
                                             0, &parcels[count], &error);
        count += status == MM_OK;
    }
    if (status == MM_OK) {
        return VERDICT_NOT_REFUSED;
    }
    /* UNKNOWN: the other worker gave something back before the cause was looked for. */
    const bool explained =
        error.cause == MM_CAUSE_ADDRESS_SPACE || error.cause == MM_CAUSE_UNKNOWN;
    if (status != MM_NO_MEMORY || !explained || error.os_error != ENOMEM) {
        return VERDICT_WRONG_CAUSE;
    }
    while (count > 0) {
        count--;
        if (mmapper_ensure_mapped(limited->mapper, limited->owner, parcels[count],
                                  NULL) != MM_OK) {
            return VERDICT_CHANGED;
        }
        *(volatile unsigned char *)parcels[count].start = 1;
        enum mm_status released = MM_BUSY;
        while (released == MM_BUSY) { /* the other worker may be pinned */
            released =
                mmapper_release(limited->mapper, limited->owner, parcels[count], NULL);
        }
        if (released != MM_OK) {
            return VERDICT_STUCK;
        }
    }
    return VERDICT_GOOD;
}

static void *fill_up_worker(void *argument)
{
    struct worker *worker = argument;
    (void)pthread_barrier_wait(&worker->limited->barrier);
    for (unsigned i = 0; i < ROUNDS && worker->verdict == VERDICT_GOOD; i++) {
        worker->verdict = fill_up(worker->limited);
    }
    return NULL;
}

static bool limit_address_space(size_t room)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu", &pages) != 1) {
        return false;
    }
    (void)fclose(file);
    const rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + room;
    const struct rlimit limit = {bytes, bytes};
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

static enum verdict meet_address_space(void)
{
    struct limited limited;
    struct worker workers[THREADS];
    if (!make_limited(&limited, BIG_CHUNK, 1024) ||
        !start_workers(&limited, workers, fill_up_worker) ||
        !limit_address_space(ROOM_BYTES)) {
        return VERDICT_SET_UP;
    }
    (void)pthread_barrier_wait(&limited.barrier);
    const enum verdict verdict = join_workers(workers);
    if (verdict != VERDICT_GOOD) {
        return verdict;
    }
    if (!is_same(limited.mapper)) {
        return VERDICT_DIFFERENT;
    }
    return mmapper_destroy(limited.mapper, NULL) == MM_OK ? VERDICT_GOOD
                                                          : VERDICT_STUCK;
}

/* ------------------------------------------------------------------ max_map_count */

static struct mm_extent chunk_at(const struct limited *limited, size_t index)
{
    return mm_extent_of(limited->all.start + index * SMALL_CHUNK, SMALL_CHUNK);
}

/* Maps every other chunk, so that each is a mapping of its own. */
static void *checker_worker(void *argument)
{
    struct worker *worker = argument;
    struct limited *limited = worker->limited;
    const size_t chunks = limited->all.bytes / SMALL_CHUNK;
    enum mm_status status = MM_OK;
    struct mm_error error;
    (void)pthread_barrier_wait(&limited->barrier);
    for (size_t i = 2 * worker->index; i < chunks && status == MM_OK;
         i += 2 * THREADS) {
        status = mmapper_ensure_mapped(limited->mapper, limited->owner,
                                       chunk_at(limited, i), &error);
    }
    if (status == MM_OK) {
        worker->verdict = VERDICT_NOT_REFUSED;
    } else if (status != MM_NO_MEMORY || error.cause != MM_CAUSE_MAP_COUNT) {
        worker->verdict = VERDICT_WRONG_CAUSE;
    }
    return NULL;
}

/* At the limit: what would need one more mapping is refused and changes nothing, what
 * needs fewer works, and makes room. */
static enum verdict live_at_the_limit(struct limited *limited)
{
    struct mmapper *mapper = limited->mapper;
    struct mm_owner *owner = limited->owner;
    struct mm_error error;
    const size_t chunks = limited->all.bytes / SMALL_CHUNK;
    /* The last chunk but one: the middle of what was never mapped. */
    const struct mm_extent middle = chunk_at(limited, chunks - 2);
    const enum mm_status status = mmapper_release(mapper, owner, middle, &error);
    if (status != MM_NO_MEMORY || error.cause != MM_CAUSE_MAP_COUNT) {
        return VERDICT_WRONG_CAUSE;
    }
    if (mmapper_lookup(mapper, middle.start).state != MM_QUARANTINED ||
        !mmapper_is_mapped(mapper, chunk_at(limited, 0).start)) {
        return VERDICT_CHANGED;
    }
    for (size_t i = 0; i < 64; i += 2) {
        if (mmapper_decommit(mapper, owner, chunk_at(limited, i), &error) != MM_OK) {
            return VERDICT_STUCK;
        }
    }
    if (mmapper_ensure_mapped(mapper, owner, middle, &error) != MM_OK ||
        mmapper_release(mapper, owner, middle, &error) != MM_OK) {
        return VERDICT_STUCK;
    }
    return VERDICT_GOOD;
}

static enum verdict meet_map_count(size_t most)
{
    struct limited limited;
    struct worker workers[THREADS];
    const size_t chunks = 2 * most + 1024;
    if (!make_limited(&limited, SMALL_CHUNK, chunks)) {
        return VERDICT_SET_UP;
    }
    limited.all = mmapper_window(limited.mapper);
    if (mmapper_quarantine(limited.mapper, limited.owner, limited.all, NULL) != MM_OK ||
        !start_workers(&limited, workers, checker_worker)) {
        return VERDICT_SET_UP;
    }
    (void)pthread_barrier_wait(&limited.barrier);
    enum verdict verdict = join_workers(workers);
    if (verdict == VERDICT_GOOD) {
        verdict = live_at_the_limit(&limited);
    }
    if (verdict == VERDICT_GOOD && !is_same(limited.mapper)) {
        verdict = VERDICT_DIFFERENT;
    }
    if (verdict != VERDICT_GOOD) {
        return verdict;
    }
    return mmapper_destroy(limited.mapper, NULL) == MM_OK ? VERDICT_GOOD
                                                          : VERDICT_STUCK;
}

static size_t max_map_count(void)
{
    size_t count = 0;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file != NULL) {
        if (fscanf(file, "%zu", &count) != 1) {
            count = 0;
        }
        (void)fclose(file);
    }
    return count;
}

/* ----------------------------------------------------------------------- children */

static void judge_child(struct stress_run *run, const char *name, pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != VERDICT_GOOD) {
        stress_violation(run, NULL, "%s: %s (status %#x)", name,
                         verdict_text(WIFEXITED(status) ? WEXITSTATUS(status) : -1),
                         (unsigned)status);
        return;
    }
    (void)printf("mixed: %s: good\n", name);
}

void mixed_limits(struct stress_run *run)
{
    const size_t most = max_map_count();
    if (STRESS_SANITIZED) {
        return;
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        _exit((int)meet_address_space());
    }
    judge_child(run, "a child with a small RLIMIT_AS", child);
    if (most == 0 || most > MOST_MAP_COUNT) {
        (void)printf("mixed: vm.max_map_count is %zu: not tried\n", most);
        return;
    }
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        _exit((int)meet_map_count(most));
    }
    judge_child(run, "a child at vm.max_map_count", child);
}
