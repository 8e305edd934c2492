/* SPDX-License-Identifier: MIT */
/* What other threads see and may do while a call is inside the kernel: the tests run in
 * the OS calls themselves, so that each moment is reached every time, on one thread. */
#include <errno.h>

#include "mmapper/testing/fixture.h"

/* The simulated kernel, with something happening before or after one kind of call. */
struct moment {
    struct fixture f;
    struct mmap_operations operations;
    struct mmap_support inner;
    enum mm_os_call call; /* disarmed: MM_OS_NONE */
    bool after;
    void (*happens)(struct moment *);
    unsigned times;
    int error; /* the call's result instead of its own, if not 0 */
};

/* Runs once: what happens inside may make the same kind of call. */
static bool arrive(struct moment *m, enum mm_os_call call, bool after)
{
    if (m->call != call || m->after != after) {
        return false;
    }
    m->call = MM_OS_NONE;
    m->times++;
    m->happens(m);
    return true;
}

static int outcome(struct moment *m, enum mm_os_call call, int result)
{
    return arrive(m, call, true) && m->error != 0 ? m->error : result;
}

static int moment_reserve(void *context, struct mm_extent extent,
                          const struct mm_strategy *strategy)
{
    struct moment *m = context;
    (void)arrive(m, MM_OS_RESERVE, false);
    return outcome(m, MM_OS_RESERVE,
                   m->inner.operations->reserve(m->inner.context, extent, strategy));
}

static int moment_commit(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    struct moment *m = context;
    (void)arrive(m, MM_OS_COMMIT, false);
    return outcome(m, MM_OS_COMMIT,
                   m->inner.operations->commit(m->inner.context, extent, strategy));
}

static int moment_decommit(void *context, struct mm_extent extent,
                           const struct mm_strategy *strategy)
{
    struct moment *m = context;
    (void)arrive(m, MM_OS_DECOMMIT, false);
    return outcome(m, MM_OS_DECOMMIT,
                   m->inner.operations->decommit(m->inner.context, extent, strategy));
}

static int moment_release(void *context, struct mm_extent extent)
{
    struct moment *m = context;
    (void)arrive(m, MM_OS_RELEASE, false);
    return outcome(m, MM_OS_RELEASE,
                   m->inner.operations->release(m->inner.context, extent));
}

static int moment_advise(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    struct moment *m = context;
    return m->inner.operations->advise(m->inner.context, extent, strategy);
}

static int moment_annotate(void *context, struct mm_extent extent, const char *name)
{
    struct moment *m = context;
    (void)arrive(m, MM_OS_ANNOTATE, false);
    return m->inner.operations->annotate(m->inner.context, extent, name);
}

static int moment_each_mapping(void *context, struct mm_extent range,
                               mm_mapping_visitor visit, void *argument)
{
    struct moment *m = context;
    return m->inner.operations->each_mapping(m->inner.context, range, visit, argument);
}

static enum mm_memory_cause moment_explain(void *context, enum mm_os_call call,
                                           const struct mm_strategy *strategy,
                                           size_t bytes)
{
    struct moment *m = context;
    return m->inner.operations->explain_no_memory(m->inner.context, call, strategy,
                                                  bytes);
}

static int moment_acquire_table(void *context, size_t bytes, void **table)
{
    struct moment *m = context;
    return m->inner.operations->acquire_table(m->inner.context, bytes, table);
}

static int moment_release_table(void *context, void *table, size_t bytes)
{
    struct moment *m = context;
    return m->inner.operations->release_table(m->inner.context, table, bytes);
}

/* The fixture's support is put behind the moments; the mapper follows its operations
 * table because it borrows the support. */
static void begin(struct moment *m)
{
    memset(m, 0, sizeof *m);
    fixture_begin(&m->f, NULL);
    m->inner = m->f.support;
    m->operations = (struct mmap_operations){
        .reserve = moment_reserve,
        .commit = moment_commit,
        .decommit = moment_decommit,
        .release = moment_release,
        .advise = moment_advise,
        .annotate = moment_annotate,
        .each_mapping = moment_each_mapping,
        .explain_no_memory = moment_explain,
        .acquire_table = moment_acquire_table,
        .release_table = moment_release_table,
    };
    m->f.support.operations = &m->operations;
    m->f.support.context = m;
    m->call = MM_OS_NONE;
}

static void at(struct moment *m, enum mm_os_call call, bool after,
               void (*happens)(struct moment *))
{
    m->call = call;
    m->after = after;
    m->happens = happens;
    m->times = 0;
}

static void end(struct moment *m)
{
    m->call = MM_OS_NONE;
    fixture_end(&m->f);
}

#define ENSURE(m, owner, a, n)                                                         \
    mmapper_ensure_mapped((m)->f.mapper, (m)->f.owner, fixture_extent(a, n),           \
                          &(m)->f.error)
#define CALL(operation, m, owner, a, n)                                                \
    mmapper_##operation((m)->f.mapper, (m)->f.owner, fixture_extent(a, n),             \
                        &(m)->f.error)

/* Inside a reserve of [2,10) by heap. */
static void others_meet_a_reserve(struct moment *m)
{
    EXPECT_PICTURE(&m->f, "..????????....");
    EXPECT_STATUS(CALL(quarantine, m, other, 9, 2), MM_CONFLICT);
    EXPECT_EQ(m->f.error.holder.state, MM_RESERVING);
    EXPECT_STR(m->f.error.holder.name, "heap");
    EXPECT_STATUS(ENSURE(m, other, 5, 1), MM_CONFLICT);
    EXPECT_STATUS(CALL(quarantine, m, heap, 5, 1), MM_BUSY);
    EXPECT_STATUS(CALL(release, m, heap, 5, 1), MM_BUSY);
    EXPECT_STATUS(CALL(exclude, m, image, 0, 3), MM_CONFLICT);
    EXPECT_OK(CALL(quarantine, m, other, 0, 2));
    EXPECT_PICTURE(&m->f, "QQ????????....");
    EXPECT(!mmapper_is_mapped(m->f.mapper, fixture_extent(4, 1).start));
}

static void test_reserve(void)
{
    struct moment m;
    begin(&m);
    at(&m, MM_OS_RESERVE, false, others_meet_a_reserve);
    EXPECT_OK(CALL(quarantine, &m, heap, 2, 8));
    EXPECT_EQ(m.times, 1);
    EXPECT_PICTURE(&m.f, "QQqqqqqqqq....");
    end(&m);
}

/* A claim that the kernel refuses takes back exactly its own chunks. */
static void test_reserve_refused(void)
{
    struct moment m;
    begin(&m);
    at(&m, MM_OS_RESERVE, true, others_meet_a_reserve);
    m.error = ENOMEM;
    EXPECT_STATUS(CALL(quarantine, &m, heap, 2, 8), MM_NO_MEMORY);
    EXPECT_PICTURE(&m.f, "QQ............");
    m.error = 0;
    /* The refusal was ours, not the kernel's: give the kernel its reservation back. */
    EXPECT_EQ(m.inner.operations->release(m.inner.context, fixture_extent(2, 8)), 0);
    end(&m);
}

/* Inside a commit of [2,4) by heap: pinned. */
static void mm_owner_is_pinned(struct moment *m)
{
    char before[FIXTURE_CHUNKS + 1];
    (void)fixture_picture(&m->f, before);
    EXPECT_STATUS(CALL(release, m, heap, 2, 2), MM_BUSY);
    EXPECT_STATUS(CALL(decommit, m, heap, 2, 1), MM_BUSY);
    EXPECT_STATUS(mmapper_transfer(m->f.mapper, m->f.heap, m->f.other,
                                   fixture_extent(6, 2), &m->f.error),
                  MM_BUSY);
    EXPECT_STATUS(mmapper_destroy(m->f.mapper, &m->f.error), MM_BUSY);
    EXPECT_PICTURE(&m->f, before);
    /* Other owners are not concerned. */
    EXPECT_OK(CALL(release, m, other, 10, 1));
    /* A fellow helps, and is not delayed. */
    EXPECT_OK(ENSURE(m, heap, 2, 2));
}

static void test_commit_pins(bool after)
{
    struct moment m;
    begin(&m);
    EXPECT_OK(CALL(quarantine, &m, heap, 2, 6));
    EXPECT_OK(CALL(quarantine, &m, other, 10, 1));
    at(&m, MM_OS_COMMIT, after, mm_owner_is_pinned);
    EXPECT_OK(ENSURE(&m, heap, 2, 2));
    EXPECT_EQ(m.times, 1);
    EXPECT_PICTURE(&m.f, "..mmqqqq......");
    EXPECT_OK(CALL(release, &m, heap, 2, 6)); /* no pin is left */
    end(&m);
}

/* A commit that fails half way leaves QUARANTINED, and no pin. */
static void nothing(struct moment *m)
{
    (void)m;
}

static void test_commit_fails(void)
{
    struct moment m;
    begin(&m);
    at(&m, MM_OS_COMMIT, true, nothing);
    m.error = ENOMEM;
    EXPECT_STATUS(ENSURE(&m, heap, 2, 8), MM_NO_MEMORY);
    EXPECT_EQ(m.f.error.address, fixture_extent(2, 1).start);
    EXPECT_EQ(m.f.error.os_call, MM_OS_COMMIT);
    EXPECT_EQ(m.f.error.os_error, ENOMEM);
    EXPECT_PICTURE(&m.f, "..qqqqqqqq....");
    m.error = 0;
    EXPECT_OK(CALL(decommit, &m, heap, 2, 8));
    EXPECT_OK(ENSURE(&m, heap, 2, 8));
    end(&m);
}

/* Inside a decommit of [2,6) or a release of it. */
static void fellow_meets_a_claim(struct moment *m)
{
    EXPECT_PICTURE(&m->f, "..????mm......");
    EXPECT(!mmapper_is_mapped(m->f.mapper, fixture_extent(3, 1).start));
    EXPECT_STATUS(ENSURE(m, heap, 0, 8), MM_BUSY);
    EXPECT_STATUS(ENSURE(m, other, 5, 1), MM_CONFLICT);
    EXPECT_STATUS(CALL(release, m, heap, 5, 2), MM_BUSY);
    EXPECT_STATUS(CALL(quarantine, m, other, 2, 1), MM_CONFLICT);
    EXPECT_STATUS(mmapper_destroy(m->f.mapper, &m->f.error), MM_BUSY);
    EXPECT_PICTURE(&m->f, "..????mm......");
    EXPECT_OK(ENSURE(m, heap, 6, 1));
}

static void test_decommit(bool after)
{
    struct moment m;
    begin(&m);
    EXPECT_OK(ENSURE(&m, heap, 2, 6));
    at(&m, MM_OS_DECOMMIT, after, fellow_meets_a_claim);
    EXPECT_OK(CALL(decommit, &m, heap, 2, 4));
    EXPECT_EQ(m.times, 1);
    EXPECT_PICTURE(&m.f, "..qqqqmm......");
    end(&m);
}

static void test_decommit_fails(void)
{
    struct moment m;
    begin(&m);
    EXPECT_OK(ENSURE(&m, heap, 2, 6));
    at(&m, MM_OS_DECOMMIT, true, fellow_meets_a_claim);
    m.error = ENOMEM;
    EXPECT_STATUS(CALL(decommit, &m, heap, 2, 4), MM_NO_MEMORY);
    /* Never MAPPED again without a commit: access may be gone. */
    EXPECT_PICTURE(&m.f, "..qqqqmm......");
    m.error = 0;
    EXPECT_OK(ENSURE(&m, heap, 2, 6));
    EXPECT_EQ(sim_kernel_write(m.f.kernel, fixture_extent(2, 1).start, 1), 0);
    end(&m);
}

static void test_release(bool after)
{
    struct moment m;
    begin(&m);
    EXPECT_OK(ENSURE(&m, heap, 2, 6));
    at(&m, MM_OS_RELEASE, after, fellow_meets_a_claim);
    EXPECT_OK(CALL(release, &m, heap, 2, 4));
    EXPECT_EQ(m.times, 1);
    EXPECT_PICTURE(&m.f, "......mm......");
    end(&m);
}

static void refuse_release(struct moment *m)
{
    fellow_meets_a_claim(m);
    /* Put back what the inner kernel released, as if it had refused. */
    EXPECT_EQ(m->inner.operations->reserve(m->inner.context, fixture_extent(2, 4),
                                           &(struct mm_strategy){0}),
              0);
    EXPECT_EQ(m->inner.operations->commit(m->inner.context, fixture_extent(2, 4),
                                          &(struct mm_strategy){0}),
              0);
}

static void test_release_fails(void)
{
    struct moment m;
    begin(&m);
    EXPECT_OK(ENSURE(&m, heap, 2, 6));
    at(&m, MM_OS_RELEASE, true, refuse_release);
    m.error = ENOMEM;
    EXPECT_STATUS(CALL(release, &m, heap, 2, 4), MM_NO_MEMORY);
    EXPECT_EQ(m.f.error.os_call, MM_OS_RELEASE);
    EXPECT_PICTURE(&m.f, "..mmmmmm......");
    m.error = 0;
    end(&m);
}

/* Inside a transfer of [2,6) from heap to other: the memory stays usable, and neither
 * may change it. */
static void both_meet_a_transfer(struct moment *m)
{
    EXPECT_PICTURE(&m->f, "..????mm......");
    EXPECT(mmapper_is_mapped(m->f.mapper, fixture_extent(3, 1).start));
    EXPECT_STATUS(ENSURE(m, other, 2, 4), MM_CONFLICT);
    EXPECT_EQ(m->f.error.holder.state, MM_TRANSFERRING);
    EXPECT_STATUS(ENSURE(m, heap, 2, 4), MM_BUSY);
    EXPECT_STATUS(CALL(release, m, other, 2, 4), MM_CONFLICT);
}

static void test_transfer(void)
{
    struct moment m;
    begin(&m);
    EXPECT_OK(ENSURE(&m, heap, 2, 6));
    at(&m, MM_OS_ANNOTATE, false, both_meet_a_transfer);
    EXPECT_OK(mmapper_transfer(m.f.mapper, m.f.heap, m.f.other, fixture_extent(2, 4),
                               &m.f.error));
    EXPECT_EQ(m.times, 1);
    EXPECT_PICTURE(&m.f, "..MMMMmm......");
    end(&m);
}

int main(void)
{
    test_reserve();
    test_reserve_refused();
    test_commit_pins(false);
    test_commit_pins(true);
    test_commit_fails();
    test_decommit(false);
    test_decommit(true);
    test_decommit_fails();
    test_release(false);
    test_release(true);
    test_release_fails();
    test_transfer();
    return 0;
}
