/* SPDX-License-Identifier: MIT */
/*
 * Systematic faults: every workload is run with OS call 1, 2, ... n failing, until it
 * runs without reaching the fault; for every kind of call, with every errno that
 * applies to it, once and from then on, and with nothing, half or all of the call's
 * work done; and with foreign code coming in just before reserve call 1, 2, ..., on a
 * new and on an old kernel. What is checked after every step is in fault_run.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mmapper/testing/expect.h"
#include "mmapper/testing/fault_run.h"
#include "mmapper/testing/shard.h"

enum {
    FIRST_SEED = 1,
    RANDOM_WORKLOADS = 100,
    RANDOM_STEPS = 16,
    /* A workload that never ends would be a fault that is never passed. */
    MAX_CALLS = 1000,
};

/* What may go wrong with one kind of call. */
struct fault_kind {
    enum mm_os_call call;
    int errors[5];          /* up to the first 0 */
    enum fault_extent most; /* how much may be done of a call that fails */
};

static const struct fault_kind fault_kinds[] = {
    {MM_OS_RESERVE, {ENOMEM, EEXIST, EAGAIN, EPERM, EINVAL}, FAULT_NOTHING},
    {MM_OS_COMMIT, {ENOMEM, EAGAIN, EPERM, EINVAL}, FAULT_ALL},
    {MM_OS_DECOMMIT, {ENOMEM, EAGAIN, EPERM, EINVAL}, FAULT_ALL},
    {MM_OS_RELEASE, {ENOMEM, EAGAIN, EPERM, EINVAL}, FAULT_NOTHING},
    {MM_OS_ADVISE, {ENOMEM, EINVAL}, FAULT_ALL},
    {MM_OS_ANNOTATE, {ENOMEM, EINVAL}, FAULT_ALL},
    {MM_OS_EACH_MAPPING, {ENOMEM, EPERM}, FAULT_HALF},
    {MM_OS_ACQUIRE_TABLE, {ENOMEM, EAGAIN, EPERM}, FAULT_NOTHING},
    {MM_OS_RELEASE_TABLE, {ENOMEM, EPERM}, FAULT_NOTHING},
    {MM_OS_NONE, {ENOMEM, EPERM}, FAULT_NOTHING},
};

struct tally {
    struct test_shard shard;
    uint64_t workloads; /* every shard runs its share of them */
    uint64_t runs;
    uint64_t faults[MM_OS_CALL_COUNT + 1];
    uint64_t intrusions;
};

/* Fails call 1, 2, ... of the plan until the workload does not reach it. */
static void run_all_calls(const struct workload *workload, struct fault_plan plan,
                          unsigned log_region_chunks, struct tally *tally)
{
    for (plan.at = 1;; plan.at++) {
        const struct fault_run run = {
            .workload = workload, .plan = plan, .log_region_chunks = log_region_chunks};
        tally->runs++;
        if (!fault_run_execute(&run)) {
            return;
        }
        tally->faults[plan.call]++;
        EXPECT(plan.at < MAX_CALLS);
    }
}

/* Lets foreign code in before reserve call 1, 2, ... */
static void run_all_intrusions(const struct workload *workload,
                               unsigned log_region_chunks, bool old_kernel,
                               struct tally *tally)
{
    struct fault_run run = {.workload = workload,
                            .log_region_chunks = log_region_chunks,
                            .intrude_at = 1,
                            .old_kernel = old_kernel};
    for (; fault_run_execute(&run); run.intrude_at++) {
        tally->runs++;
        tally->intrusions++;
        EXPECT(run.intrude_at < MAX_CALLS);
    }
}

static void run_all_kinds(const struct workload *workload, unsigned log_region_chunks,
                          struct tally *tally)
{
    if (tally->workloads++ % tally->shard.total != tally->shard.index) {
        return;
    }
    run_all_intrusions(workload, log_region_chunks, false, tally);
    run_all_intrusions(workload, log_region_chunks, true, tally);
    for (size_t k = 0; k < sizeof(fault_kinds) / sizeof(fault_kinds[0]); k++) {
        const struct fault_kind *kind = &fault_kinds[k];
        for (size_t e = 0; e < 5 && kind->errors[e] != 0; e++) {
            for (enum fault_extent done = 0; done <= kind->most; done++) {
                struct fault_plan plan = {.call = kind->call,
                                          .os_error = kind->errors[e],
                                          .done = done,
                                          .cause = MM_CAUSE_MAP_COUNT};
                run_all_calls(workload, plan, log_region_chunks, tally);
                plan.from_then_on = true;
                run_all_calls(workload, plan, log_region_chunks, tally);
            }
        }
    }
}

#define S(kind, owner, other, first, count)                                            \
    {STEP_##kind, OWNER_##owner, OWNER_##other, first, count}

/* Regions have 2 or 4 chunks, so that 1-9 is a part, whole regions, and a part. */
static const struct workload workloads[] = {
    {"a life",
     7,
     {S(QUARANTINE, A, NONE, 1, 9), S(ENSURE, A, NONE, 3, 4),
      S(DECOMMIT, A, NONE, 4, 2), S(ENSURE, A, NONE, 0, 12),
      S(DECOMMIT, A, NONE, 0, 12), S(RELEASE, A, NONE, 4, 4),
      S(RELEASE, A, NONE, 8, 4)}},
    {"uniform regions",
     6,
     {S(QUARANTINE, A, NONE, 0, 18), S(ENSURE, A, NONE, 0, 18),
      S(DECOMMIT, A, NONE, 4, 8), S(TRANSFER, A, B, 0, 18), S(ENSURE, B, NONE, 6, 3),
      S(RELEASE, B, NONE, 0, 18)}},
    {"several owners",
     10,
     {S(ENSURE, A, NONE, 0, 5), S(ENSURE, B, NONE, 5, 5), S(ENSURE, HUGE, NONE, 10, 5),
      S(QUARANTINE, HUGE, NONE, 15, 2), S(ENSURE, HUGE, NONE, 9, 9),
      S(ENSURE, HUGE, NONE, 10, 8), S(DECOMMIT, HUGE, NONE, 11, 3),
      S(RELEASE, B, NONE, 6, 2), S(QUARANTINE, A, NONE, 6, 2),
      S(RELEASE, HUGE, NONE, 10, 8)}},
    {"transfers",
     9,
     {S(QUARANTINE, A, NONE, 1, 10), S(ENSURE, A, NONE, 2, 3), S(TRANSFER, A, B, 3, 6),
      S(ENSURE, B, NONE, 3, 6), S(TRANSFER, B, A, 3, 6), S(TRANSFER, B, A, 3, 6),
      S(TRANSFER, A, B, 0, 4), S(TRANSFER, A, HUGE, 1, 2), S(RELEASE, A, NONE, 1, 10)}},
    {"external memory",
     10,
     {S(ADOPT, X, NONE, 2, 5), S(EXCLUDE, X, NONE, 7, 5), S(QUARANTINE, A, NONE, 0, 4),
      S(ENSURE, A, NONE, 10, 4), S(ENSURE, X, NONE, 3, 2), S(ENSURE, X, NONE, 6, 2),
      S(DECOMMIT, X, NONE, 3, 1), S(ADOPT, A, NONE, 14, 1), S(RELEASE, X, NONE, 4, 6),
      S(QUARANTINE, A, NONE, 4, 6)}},
    {"foreign mappings",
     12,
     {S(FOREIGN_MAP, NONE, NONE, 5, 1), S(QUARANTINE, A, NONE, 1, 8),
      S(ENSURE, A, NONE, 1, 8), S(QUARANTINE, A, NONE, 5, 3), S(ENSURE, A, NONE, 0, 6),
      S(QUARANTINE, A, NONE, 1, 4), S(ENSURE, A, NONE, 3, 3), S(ENSURE, A, NONE, 2, 3),
      S(ADOPT, X, NONE, 5, 1), S(FOREIGN_UNMAP, NONE, NONE, 5, 1),
      S(RELEASE, X, NONE, 5, 1), S(ENSURE, A, NONE, 0, 12)}},
    {"placement",
     11,
     {S(ANYWHERE, A, NONE, 0, 3), S(ANYWHERE, HUGE, NONE, 4, 3),
      S(PREFERRED, B, NONE, 2, 4), S(PREFERRED, A, NONE, 2, 4),
      S(FOREIGN_MAP, NONE, NONE, 9, 1), S(ANYWHERE, A, NONE, 0, 2),
      S(ANYWHERE, A, NONE, 0, 12), S(ANYWHERE, X, NONE, 0, 1),
      S(PREFERRED, A, NONE, 9, 1), S(RELEASE, A, NONE, 0, 1),
      S(ANYWHERE, B, NONE, 2, 1)}},
};

#undef S

/* An operation over several regions that meets what is in its way at its first, a
 * middle, or its last chunk. */
static void add(struct workload *workload, enum step_kind kind,
                enum workload_owner owner, size_t first, size_t count)
{
    const struct step step = {kind, owner, OWNER_B, first, count};
    EXPECT(workload->count < WORKLOAD_STEPS);
    workload->steps[workload->count++] = step;
}

enum obstacle_kind {
    OBSTACLE_QUARANTINED, /* another owner's */
    OBSTACLE_MAPPED,
    OBSTACLE_EXCLUDED,
    OBSTACLE_OWN, /* in a state that does not allow the operation */
    OBSTACLE_FOREIGN,
    OBSTACLE_KINDS,
};

static void add_obstacle(struct workload *workload, enum obstacle_kind kind,
                         bool on_unmapped, size_t chunk)
{
    switch (kind) {
    case OBSTACLE_QUARANTINED:
        add(workload, STEP_QUARANTINE, OWNER_HUGE, chunk, 1);
        break;
    case OBSTACLE_MAPPED:
        add(workload, STEP_ENSURE, OWNER_HUGE, chunk, 1);
        break;
    case OBSTACLE_EXCLUDED:
        add(workload, STEP_EXCLUDE, OWNER_X, chunk, 1);
        break;
    case OBSTACLE_OWN:
        if (on_unmapped) { /* otherwise the gap itself is the obstacle */
            add(workload, STEP_QUARANTINE, OWNER_A, chunk, 1);
        }
        break;
    default:
        add(workload, STEP_FOREIGN_MAP, OWNER_NONE, chunk, 1);
        break;
    }
}

static void run_conflict(enum step_kind operation, enum obstacle_kind kind,
                         size_t first, size_t count, size_t at, struct tally *tally)
{
    const bool external = operation == STEP_ADOPT || operation == STEP_EXCLUDE;
    const enum workload_owner owner = external ? OWNER_X : OWNER_A;
    const bool takes_unmapped =
        external || operation == STEP_QUARANTINE || operation == STEP_ENSURE;
    struct workload workload = {.name = "conflict"};
    if (!takes_unmapped) {
        /* Its own chunks around the obstacle, quarantined before, mapped behind. */
        if (at > first) {
            add(&workload, STEP_QUARANTINE, owner, first, at - first);
        }
        if (at + 1 < first + count) {
            add(&workload, STEP_ENSURE, owner, at + 1, first + count - at - 1);
        }
    }
    add_obstacle(&workload, kind, takes_unmapped, at);
    add(&workload, operation, owner, first, count);
    for (unsigned log_region = 1; log_region <= 2; log_region++) {
        run_all_kinds(&workload, log_region, tally);
    }
}

static void test_conflicts(struct tally *tally)
{
    static const enum step_kind operations[] = {
        STEP_QUARANTINE, STEP_ENSURE, STEP_DECOMMIT, STEP_RELEASE,
        STEP_TRANSFER,   STEP_ADOPT,  STEP_EXCLUDE};
    static const size_t ranges[][2] = {{1, 8}, {4, 4}, {0, 18}};
    for (size_t o = 0; o < sizeof(operations) / sizeof(operations[0]); o++) {
        for (enum obstacle_kind kind = 0; kind < OBSTACLE_KINDS; kind++) {
            for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
                const size_t first = ranges[r][0];
                const size_t count = ranges[r][1];
                run_conflict(operations[o], kind, first, count, first, tally);
                run_conflict(operations[o], kind, first, count, first + count / 2,
                             tally);
                run_conflict(operations[o], kind, first, count, first + count - 1,
                             tally);
            }
        }
    }
}

static void test_workloads(struct tally *tally)
{
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++) {
        for (unsigned log_region = 1; log_region <= 3; log_region++) {
            run_all_kinds(&workloads[i], log_region, tally);
        }
    }
}

static void fill_randomly(struct workload *workload, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15);
    struct model model;
    model_reset(&model);
    for (workload->count = 0; workload->count < RANDOM_STEPS; workload->count++) {
        const struct step step = workload_random_step(&model, &state);
        if (model_predict(&model, &step).status == MM_OK) {
            model_take(&model, &step, step.first);
        }
        workload->steps[workload->count] = step;
    }
}

static void test_random_workloads(uint64_t seed, struct tally *tally)
{
    (void)printf("random workloads: seeds %" PRIu64 " to %" PRIu64 "\n", seed,
                 seed + RANDOM_WORKLOADS - 1);
    for (uint64_t last = seed + RANDOM_WORKLOADS; seed < last; seed++) {
        char name[32];
        struct workload workload = {.name = name};
        (void)snprintf(name, sizeof(name), "random %" PRIu64, seed);
        fill_randomly(&workload, seed);
        run_all_kinds(&workload, 1 + (unsigned)(seed % 2), tally);
    }
}

int main(void)
{
    struct tally tally = {.shard = test_shard_begin()};
    test_workloads(&tally);
    test_conflicts(&tally);
    test_random_workloads(FIRST_SEED, &tally);
    (void)printf("%" PRIu64 " runs, %" PRIu64 " intrusions\n", tally.runs,
                 tally.intrusions);
    EXPECT(tally.intrusions > 0);
    for (size_t i = 0; i < sizeof(fault_kinds) / sizeof(fault_kinds[0]); i++) {
        const enum mm_os_call call = fault_kinds[i].call;
        (void)printf("%-14s %8" PRIu64 " faults\n",
                     call == MM_OS_NONE ? "any" : mm_os_call_name(call),
                     tally.faults[call]);
        EXPECT(tally.faults[call] > 0);
    }
    return 0;
}
