/* SPDX-License-Identifier: MIT */
/*
 * Forks while other threads are inside of operations. The child resolves what they left
 * (G8), finds its mappers in agreement with the kernel and the forking thread's memory
 * as it was, goes on with both, and destroys them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress/mixed.h"
#include "stress/sanitizers.h"
#include "stress/tokens.h"

#if STRESS_TSAN
/* The child of a process with threads goes on and maps memory: by default
 * ThreadSanitizer stops it. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}
#endif

enum { PAGE = 4096 };

/* Exit codes of the child: what was wrong. */
enum verdict {
    VERDICT_GOOD = 0,
    VERDICT_UNRESOLVED = 10,
    VERDICT_UNREADABLE,
    VERDICT_DIFFERENT,
    VERDICT_TRANSIENT,
    VERDICT_LOOKUP,
    VERDICT_TOKEN,
    VERDICT_LIST,
    VERDICT_UNUSABLE,
    VERDICT_UNDESTROYED,
};

static const char *verdict_text(int verdict)
{
    switch (verdict) {
    case VERDICT_UNRESOLVED:
        return "after_fork_in_child failed";
    case VERDICT_UNREADABLE:
        return "verify failed";
    case VERDICT_DIFFERENT:
        return "O2: table and kernel differ";
    case VERDICT_TRANSIENT:
        return "O10: transient chunks are left";
    case VERDICT_LOOKUP:
        return "O6: a chunk that the forking thread held is not its owner's";
    case VERDICT_TOKEN:
        return "O3: memory of the forking thread changed";
    case VERDICT_LIST:
        return "O4: the free list contradicts itself";
    case VERDICT_UNUSABLE:
        return "O6: the mapper cannot be used";
    case VERDICT_UNDESTROYED:
        return "O6: the mapper cannot be destroyed";
    default:
        return "it died";
    }
}

/* ------------------------------------------------ in the child: no locks, no output */

static enum verdict check_mapper(const struct mmapper *mapper)
{
    const struct mm_verify_options options = {.sole = false};
    struct mm_verify_result result;
    struct mm_statistics statistics;
    if (mmapper_verify(mapper, &options, &result, NULL) != MM_OK) {
        return VERDICT_UNREADABLE;
    }
    if (result.differences != 0) {
        return VERDICT_DIFFERENT;
    }
    mmapper_statistics(mapper, &statistics);
    const uint64_t *chunks = statistics.chunks;
    return chunks[MM_RESERVING] + chunks[MM_DECOMMITTING] + chunks[MM_RELEASING] +
                       chunks[MM_TRANSFERRING] + result.unsettled ==
                   0
               ? VERDICT_GOOD
               : VERDICT_TRANSIENT;
}

static enum verdict check_parcels(const struct mixer *mixer)
{
    for (size_t i = 0; i < mixer->parcel_count; i++) {
        const struct parcel *parcel = &mixer->parcels[i];
        const uintptr_t start = parcel->extent.start;
        const struct mm_lookup seen =
            mmapper_lookup(mixer->mixed->mappers[parcel->mapper], start);
        struct token found;
        if (seen.owner != mixer->owners[parcel->mapper] ||
            seen.state != (parcel->mapped ? MM_MAPPED : MM_QUARANTINED)) {
            return VERDICT_LOOKUP;
        }
        if (parcel->mapped &&
            !token_check(start, PAGE, mixer->self, parcel->epoch, &found)) {
            return VERDICT_TOKEN;
        }
    }
    return VERDICT_GOOD;
}

static enum verdict use_mapper(struct mmapper *mapper, struct mm_owner *owner)
{
    struct mm_extent extent;
    struct token found;
    if (mmapper_quarantine_anywhere(mapper, owner, mmapper_chunk_bytes(mapper), 0,
                                    &extent, NULL) != MM_OK ||
        mmapper_ensure_mapped(mapper, owner, extent, NULL) != MM_OK) {
        return VERDICT_UNUSABLE;
    }
    token_write(extent.start, PAGE, 1, 1);
    if (!token_check(extent.start, PAGE, 1, 1, &found) ||
        mmapper_decommit(mapper, owner, extent, NULL) != MM_OK ||
        mmapper_release(mapper, owner, extent, NULL) != MM_OK) {
        return VERDICT_UNUSABLE;
    }
    return VERDICT_GOOD;
}

static enum verdict child_main(struct mixer *mixer)
{
    struct mixed *mixed = mixer->mixed;
    enum verdict verdict = VERDICT_GOOD;
    for (unsigned i = 0; i < MIXED_MAPPERS; i++) {
        if (mmapper_after_fork_in_child(mixed->mappers[i], NULL, NULL) != MM_OK) {
            return VERDICT_UNRESOLVED;
        }
    }
    freelist_space_fork_done(mixed->pages);
    if (!freelist_space_verify(mixed->pages)) {
        return VERDICT_LIST;
    }
    verdict = check_parcels(mixer);
    for (unsigned i = 0; i < MIXED_MAPPERS && verdict == VERDICT_GOOD; i++) {
        verdict = check_mapper(mixed->mappers[i]);
        if (verdict == VERDICT_GOOD) {
            verdict = use_mapper(mixed->mappers[i], mixer->owners[i]);
        }
    }
    for (unsigned i = 0; i < MIXED_MAPPERS && verdict == VERDICT_GOOD; i++) {
        if (mmapper_destroy(mixed->mappers[i], NULL) != MM_OK) {
            verdict = VERDICT_UNDESTROYED;
        }
    }
    return verdict;
}

/* ------------------------------------------------------------------ in the parent */

void mixed_fork_step(struct mixer *mixer)
{
    struct mixed *mixed = mixer->mixed;
    int status = 0;
    freelist_space_fork_prepare(mixed->pages);
    const pid_t child = fork();
    if (child == 0) {
        _exit((int)child_main(mixer));
    }
    freelist_space_fork_done(mixed->pages);
    if (child < 0) {
        return; /* no memory or processes for it now: nothing to check */
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != VERDICT_GOOD) {
        stress_violation(mixed->run, mixer->thread,
                         "in a child of fork: %s (status %#x)",
                         verdict_text(WIFEXITED(status) ? WEXITSTATUS(status) : -1),
                         (unsigned)status);
    }
    stress_count(mixer->thread, COUNT_FORKS);
}
