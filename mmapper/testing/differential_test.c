/* SPDX-License-Identifier: MIT */
/*
 * The simulated and the real kernel against each other.
 *
 * Random operation sequences run on two mappers, one over each kernel, at the same
 * addresses, with the same planned faults and the same foreign code: mappings that come
 * and go between the operations, and now and then a hole torn into, or a protection put
 * on, what the mapper holds (so that the kernels' half-done calls are compared too).
 * After every operation status, error record, result and contents must be equal, and
 * after every sequence the kernels' lists, the tables and the counts of OS calls.
 *
 * Usage: differential_test [SEQUENCES [SEED]]; shards as Bazel asks. A failing batch of
 * sequences is run again with its seed: differential_test 64 SEED.
 */
#include <errno.h>

#include "mmapper/testing/differential_trial.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/foreign_code.h"
#include "mmapper/testing/shard.h"

enum {
    SEQUENCES = 100000,
    SEED = 1,
    /* A batch uses one pair of mappers, the next one a new pair with other chunks:
     * regions that are split stay split. */
    BATCH = 64,
    MAX_STEPS = 16,
};

static enum mm_status perform(const struct trial *trial, const struct side *side,
                              const struct step *step, struct mm_extent *extent,
                              struct mm_error *error)
{
    struct mmapper *mapper = side->mapper;
    struct mm_owner *owner = side->owners[step->owner];
    *extent = trial_chunks(trial, step->first, step->count);
    switch (step->kind) {
    case STEP_QUARANTINE:
        return mmapper_quarantine(mapper, owner, *extent, error);
    case STEP_ANYWHERE:
        return mmapper_quarantine_anywhere(mapper, owner, extent->bytes, 0, extent,
                                           error);
    case STEP_PREFERRED:
        return mmapper_quarantine_preferred(mapper, owner, *extent, 0, extent, error);
    case STEP_ENSURE:
        return mmapper_ensure_mapped(mapper, owner, *extent, error);
    case STEP_DECOMMIT:
        return mmapper_decommit(mapper, owner, *extent, error);
    case STEP_RELEASE:
        return mmapper_release(mapper, owner, *extent, error);
    case STEP_TRANSFER:
        return mmapper_transfer(mapper, owner, side->owners[step->other], *extent,
                                error);
    case STEP_ADOPT:
        return mmapper_adopt(mapper, owner, *extent, error);
    default:
        return mmapper_exclude(mapper, owner, *extent, error);
    }
}

static void run_operation(struct trial *trial, const struct step *step)
{
    struct outcome outcomes[SIDES];
    for (size_t s = 0; s < SIDES; s++) {
        struct outcome *outcome = &outcomes[s];
        memset(outcome, 0, sizeof(*outcome));
        errno = 12345; /* no operation may change it */
        outcome->status =
            perform(trial, &trial->sides[s], step, &outcome->extent, &outcome->error);
        EXPECT_EQ(errno, 12345);
    }
    trial_compare_outcomes(trial, &outcomes[0], &outcomes[1]);
    trial->by_status[outcomes[0].status]++;
    trial_compare_tables(trial);
}

/* --------------------------------------------------------------- foreign code */

static void run_foreign(struct trial *trial, const struct step *step)
{
    const struct mm_extent page = trial_last_page(trial, step->first);
    struct model_chunk *chunk = &trial->model.chunks[step->first];
    if (step->kind == STEP_FOREIGN_MAP) {
        const bool mapped = foreign_map(trial->sides[0].kernel, page);
        EXPECT_EQ(foreign_map(trial->sides[1].kernel, page), mapped);
        chunk->foreign = chunk->foreign || mapped;
        return;
    }
    /* Of the mapper's own memory only now and then. */
    if (chunk->foreign || workload_random(&trial->random) % 4 == 0) {
        foreign_unmap(trial->sides[0].kernel, page);
        foreign_unmap(trial->sides[1].kernel, page);
        chunk->foreign = false;
    }
}

/* Writes to a random page, or protects it, if it is accessible. */
static void disturb(struct trial *trial)
{
    const uint64_t bits = workload_random(&trial->random);
    const struct mm_extent page = trial_last_page(trial, bits % WORKLOAD_CHUNKS);
    if ((trial_access(trial, page) & MM_ACCESS_WRITE) == 0) {
        return;
    }
    for (size_t s = 0; s < SIDES; s++) {
        if ((bits >> 8) % 64 == 0) {
            foreign_protect(trial->sides[s].kernel, page);
        } else {
            foreign_write(trial->sides[s].kernel, page.start, 1 + (bits >> 16));
        }
    }
}

/* ------------------------------------------------------------------ sequences */

/* A plan for every other sequence. */
static void plan_faults(struct trial *trial)
{
    static const int errors[] = {ENOMEM, EEXIST, EAGAIN, EPERM, EINVAL};
    const uint64_t bits = workload_random(&trial->random);
    const struct fault_plan plan = {
        .at = bits % 2 == 0 ? 0 : 1 + (bits >> 1) % 6,
        .call = (enum mm_os_call)((bits >> 8) % (MM_OS_ANNOTATE + 1)),
        .from_then_on = (bits >> 12) % 4 == 0,
        .os_error = errors[(bits >> 16) % 5],
        .done = (enum fault_extent)((bits >> 24) % 3),
        .cause = MM_CAUSE_MAP_COUNT,
    };
    for (size_t s = 0; s < SIDES; s++) {
        fault_decorator_plan(trial->sides[s].faults, &plan);
    }
}

static struct step random_step(struct trial *trial)
{
    struct step step = workload_random_step(&trial->model, &trial->random);
    if (step.kind == STEP_QUARANTINE) {
        const enum step_kind kinds[] = {STEP_QUARANTINE, STEP_QUARANTINE, STEP_ANYWHERE,
                                        STEP_PREFERRED};
        step.kind = kinds[workload_random(&trial->random) % 4];
    }
    return step;
}

static void clear_window(struct trial *trial)
{
    for (size_t s = 0; s < SIDES; s++) {
        const struct side *side = &trial->sides[s];
        struct mm_run run;
        trial->faults += fault_decorator_faults(side->faults);
        fault_decorator_plan(side->faults, NULL);
        for (uintptr_t at = trial->base; mmapper_next_run(side->mapper, at, &run);
             at = mm_extent_end(run.extent)) {
            if (run.state != MM_UNMAPPED) {
                struct mm_owner *owner = side->owners[side_owner(side, run.owner)];
                EXPECT_OK(mmapper_release(side->mapper, owner, run.extent, NULL));
            }
        }
        foreign_unmap(side->kernel, trial_chunks(trial, 0, WORKLOAD_CHUNKS));
    }
    model_reset(&trial->model);
}

static void run_sequence(struct trial *trial)
{
    const size_t steps = 4 + workload_random(&trial->random) % (MAX_STEPS - 4);
    plan_faults(trial);
    for (size_t i = 0; i < steps; i++) {
        const struct step step = random_step(trial);
        if (step.kind == STEP_FOREIGN_MAP || step.kind == STEP_FOREIGN_UNMAP) {
            run_foreign(trial, &step);
        } else {
            run_operation(trial, &step);
        }
        disturb(trial);
    }
    trial_compare_contents(trial);
    trial_compare_kernels(trial);
    trial_compare_statistics(trial);
    clear_window(trial);
    trial_compare_tables(trial);
    trial->sequences++;
    trial->steps += steps;
}

static void run_batch(struct trial *trial, uint64_t seed)
{
    (void)printf("seed %" PRIu64 "\n", seed);
    trial->random = seed * UINT64_C(0x9E3779B97F4A7C15);
    trial_begin_mappers(trial, seed);
    for (size_t i = 0; i < BATCH; i++) {
        run_sequence(trial);
    }
    trial_end_mappers(trial);
}

int main(int argc, char **argv)
{
    const uint64_t sequences = argc > 1 ? strtoull(argv[1], NULL, 10) : SEQUENCES;
    const uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : SEED;
    const struct test_shard shard = test_shard_begin();
    struct trial trial;
    trial_begin(&trial);
    for (uint64_t batch = shard.index; batch * BATCH < sequences;
         batch += shard.total) {
        run_batch(&trial, seed + batch);
    }
    trial_end(&trial);
    return 0;
}
