/* SPDX-License-Identifier: MIT */
/* G8: a child resolves what the parent's threads were doing. The simulated moments are
 * exact: a child's view is made by leaving calls unfinished (a thread that never comes
 * back from the kernel). The real fork is in the stress target `mixed`. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/fixture.h"

/* The simulated kernel, except that one call does not return: the thread is gone, as in
 * a child of fork. */
struct vanishing {
    struct fixture f;
    struct mmap_operations operations;
    struct mmap_support inner;
    jmp_buf gone;
    enum mm_os_call call;
    bool done;           /* the kernel did it before the thread went */
    unsigned lists_left; /* of the kernel's mappings, before it gives no more */
};

static int vanish(struct vanishing *v, enum mm_os_call call, int done)
{
    (void)done;
    if (v->call == call) {
        v->call = MM_OS_NONE;
        longjmp(v->gone, 1);
    }
    return done;
}

static int vanishing_reserve(void *context, struct mm_extent extent,
                             const struct mm_strategy *strategy)
{
    struct vanishing *v = context;
    if (v->call == MM_OS_RESERVE && !v->done) {
        (void)vanish(v, MM_OS_RESERVE, 0);
    }
    return vanish(v, MM_OS_RESERVE,
                  v->inner.operations->reserve(v->inner.context, extent, strategy));
}

static int vanishing_commit(void *context, struct mm_extent extent,
                            const struct mm_strategy *strategy)
{
    struct vanishing *v = context;
    return vanish(v, MM_OS_COMMIT,
                  v->inner.operations->commit(v->inner.context, extent, strategy));
}

static int vanishing_decommit(void *context, struct mm_extent extent,
                              const struct mm_strategy *strategy)
{
    struct vanishing *v = context;
    return vanish(v, MM_OS_DECOMMIT,
                  v->inner.operations->decommit(v->inner.context, extent, strategy));
}

static int vanishing_release(void *context, struct mm_extent extent)
{
    struct vanishing *v = context;
    if (v->call == MM_OS_RELEASE && !v->done) {
        (void)vanish(v, MM_OS_RELEASE, 0);
    }
    return vanish(v, MM_OS_RELEASE,
                  v->inner.operations->release(v->inner.context, extent));
}

static int vanishing_seal(void *context, struct mm_extent extent)
{
    struct vanishing *v = context;
    if (v->call == MM_OS_SEAL && !v->done) {
        (void)vanish(v, MM_OS_SEAL, 0);
    }
    return vanish(v, MM_OS_SEAL, v->inner.operations->seal(v->inner.context, extent));
}

static int vanishing_guard(void *context, struct mm_extent extent)
{
    struct vanishing *v = context;
    return v->inner.operations->guard(v->inner.context, extent);
}

static int vanishing_unguard(void *context, struct mm_extent extent)
{
    struct vanishing *v = context;
    (void)vanish(v, MM_OS_UNGUARD, 0);
    return v->inner.operations->unguard(v->inner.context, extent);
}

static int vanishing_is_sealed(void *context, struct mm_extent extent, unsigned access,
                               bool *sealed)
{
    struct vanishing *v = context;
    return v->inner.operations->is_sealed(v->inner.context, extent, access, sealed);
}

static int vanishing_annotate(void *context, struct mm_extent extent, const char *name)
{
    struct vanishing *v = context;
    return vanish(v, MM_OS_ANNOTATE,
                  v->inner.operations->annotate(v->inner.context, extent, name));
}

static int vanishing_each_mapping(void *context, struct mm_extent range,
                                  mm_mapping_visitor visit, void *argument)
{
    struct vanishing *v = context;
    if (v->lists_left == 0) {
        return EACCES;
    }
    v->lists_left--;
    return v->inner.operations->each_mapping(v->inner.context, range, visit, argument);
}

static int vanishing_release_table(void *context, void *table, size_t bytes)
{
    struct vanishing *v = context;
    return v->inner.operations->release_table(v->inner.context, table, bytes);
}

static void begin(struct vanishing *v)
{
    memset(v, 0, sizeof *v);
    fixture_begin(&v->f, NULL);
    v->inner = v->f.support;
    v->operations = *v->inner.operations;
    v->operations.reserve = vanishing_reserve;
    v->operations.commit = vanishing_commit;
    v->operations.decommit = vanishing_decommit;
    v->operations.release = vanishing_release;
    v->operations.guard = vanishing_guard;
    v->operations.unguard = vanishing_unguard;
    v->operations.seal = vanishing_seal;
    v->operations.is_sealed = vanishing_is_sealed;
    v->operations.annotate = vanishing_annotate;
    v->operations.each_mapping = vanishing_each_mapping;
    v->operations.release_table = vanishing_release_table;
    v->f.support.operations = &v->operations;
    v->f.support.context = v;
    v->call = MM_OS_NONE;
    v->lists_left = UINT_MAX;
}

typedef enum mm_status (*operation)(struct mmapper *, struct mm_owner *,
                                    struct mm_extent, struct mm_error *);

/* Begins `call` on [first, first + count) in a thread that is lost in the kernel. */
static void lose(struct vanishing *v, operation call, size_t first, size_t count,
                 enum mm_os_call os_call, bool done)
{
    v->call = os_call;
    v->done = done;
    if (setjmp(v->gone) == 0) {
        (void)call(v->f.mapper, v->f.heap, fixture_extent(first, count), NULL);
        const bool came_back = true;
        EXPECT(!came_back);
    }
    v->call = MM_OS_NONE;
}

static struct mm_fork_report resolve(struct vanishing *v)
{
    struct mm_fork_report report;
    EXPECT_OK(mmapper_after_fork_in_child(v->f.mapper, &report, &v->f.error));
    return report;
}

static void expect_report(struct mm_fork_report report, uint64_t pins,
                          uint64_t restored, uint64_t freed, uint64_t abandoned)
{
    EXPECT_EQ(report.pins, pins);
    EXPECT_EQ(report.restored, restored);
    EXPECT_EQ(report.freed, freed);
    EXPECT_EQ(report.abandoned, abandoned);
}

static void test_nothing_lost(void)
{
    struct vanishing v;
    begin(&v);
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, fixture_extent(2, 3), NULL));
    expect_report(resolve(&v), 0, 0, 0, 0);
    EXPECT_PICTURE(&v.f, "..mmm.........");
    fixture_end(&v.f);
}

static void test_lost_commit(void)
{
    struct vanishing v;
    begin(&v);
    EXPECT_OK(mmapper_quarantine(v.f.mapper, v.f.heap, fixture_extent(2, 4), NULL));
    lose(&v, mmapper_ensure_mapped, 2, 2, MM_OS_COMMIT, true);
    EXPECT_STATUS(
        mmapper_release(v.f.mapper, v.f.heap, fixture_extent(2, 4), &v.f.error),
        MM_BUSY);
    expect_report(resolve(&v), 1, 0, 0, 0);
    EXPECT_OK(mmapper_release(v.f.mapper, v.f.heap, fixture_extent(2, 4), &v.f.error));
    fixture_end(&v.f);
}

/* A reservation that the kernel had not made is free again; one that it had made, as
 * far as can be told, is nobody's for ever, and is never unmapped. */
static void test_lost_reserve(void)
{
    struct vanishing v;
    begin(&v);
    lose(&v, mmapper_quarantine, 1, 5, MM_OS_RESERVE, false);
    expect_report(resolve(&v), 0, 0, 5, 0);
    EXPECT_PICTURE(&v.f, "..............");
    lose(&v, mmapper_quarantine, 1, 2, MM_OS_RESERVE, true);
    expect_report(resolve(&v), 0, 0, 0, 2);
    EXPECT_PICTURE(&v.f, ".XX...........");
    EXPECT(sim_kernel_view(v.f.kernel, fixture_extent(1, 1).start).mapped);
    const struct mm_lookup lookup =
        mmapper_lookup(v.f.mapper, fixture_extent(1, 1).start);
    EXPECT_STR(mm_owner_name(lookup.owner), "abandoned-by-fork");
    EXPECT_STATUS(
        mmapper_quarantine(v.f.mapper, v.f.heap, fixture_extent(1, 1), &v.f.error),
        MM_CONFLICT);
    EXPECT_OK(mmapper_quarantine(v.f.mapper, v.f.heap, fixture_extent(3, 3), NULL));
    EXPECT_OK(mmapper_destroy(v.f.mapper, NULL));
    EXPECT(sim_kernel_view(v.f.kernel, fixture_extent(1, 1).start).mapped);
    sim_kernel_destroy(v.f.kernel);
}

static void test_lost_release(void)
{
    struct vanishing v;
    begin(&v);
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, fixture_extent(0, 6), NULL));
    lose(&v, mmapper_release, 0, 2, MM_OS_RELEASE, true);
    lose(&v, mmapper_release, 2, 1, MM_OS_RELEASE, false);
    lose(&v, mmapper_release, 4, 1, MM_OS_RELEASE, true);
    /* Somebody else used the hole at once: it must live. */
    const struct mm_mapping theirs = {
        .extent = mm_extent_of(fixture_extent(4, 1).start, FIXTURE_PAGE),
        .access = MM_ACCESS_READ | MM_ACCESS_WRITE};
    EXPECT_EQ(sim_kernel_foreign_map(v.f.kernel, &theirs), 0);
    expect_report(resolve(&v), 0, 0, 2, 2);
    EXPECT_PICTURE(&v.f, "..XmXm........");
    EXPECT(sim_kernel_view(v.f.kernel, theirs.extent.start).mapped);
    EXPECT_OK(mmapper_destroy(v.f.mapper, NULL));
    EXPECT(sim_kernel_view(v.f.kernel, theirs.extent.start).mapped);
    EXPECT_STR(sim_kernel_violation_text(v.f.kernel), "");
    sim_kernel_destroy(v.f.kernel);
}

static void test_lost_decommit_and_transfer(void)
{
    struct vanishing v;
    begin(&v);
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, fixture_extent(0, 8), NULL));
    EXPECT_OK(mmapper_decommit(v.f.mapper, v.f.heap, fixture_extent(7, 1), NULL));
    lose(&v, mmapper_decommit, 0, 3, MM_OS_DECOMMIT, true);
    /* As if the thread had been lost before the kernel did anything. */
    const uintptr_t page = fixture_extent(1, 1).start;
    EXPECT_EQ(v.inner.operations->commit(v.inner.context, fixture_extent(0, 3),
                                         &(struct mm_strategy){0}),
              0);
    EXPECT_EQ(sim_kernel_write(v.f.kernel, page, 42), 0);
    v.call = MM_OS_ANNOTATE;
    if (setjmp(v.gone) == 0) {
        (void)mmapper_transfer(v.f.mapper, v.f.heap, v.f.other, fixture_extent(5, 3),
                               NULL);
    }
    expect_report(resolve(&v), 0, 6, 0, 0);
    EXPECT_PICTURE(&v.f, "qqqmmmmq......");
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, fixture_extent(0, 8), NULL));
    uint64_t token;
    EXPECT_EQ(sim_kernel_read(v.f.kernel, page, &token), 0);
    EXPECT_EQ(token, 0); /* fresh memory reads as zero */
    fixture_end(&v.f);
}

/* What an owner's own means have mapped is no reason to abandon what was not yet, or no
 * more, recorded for it. */
static void test_lost_external(void)
{
    struct vanishing v;
    begin(&v);
    const struct mm_mapping theirs = {.extent = fixture_extent(1, 2),
                                      .access = MM_ACCESS_READ};
    EXPECT_EQ(sim_kernel_foreign_map(v.f.kernel, &theirs), 0);
    const map_owner id = owner_id(&v.f.mapper->owners, v.f.image);
    struct chunk_table *table = &v.f.mapper->table;
    const struct chunk_range range = {1, 2};
    EXPECT_OK(mmapper_adopt(v.f.mapper, v.f.image, fixture_extent(2, 1), NULL));
    struct chunk_unit unit = chunk_unit_load(table, range);
    EXPECT_EQ(mm_chunk_claim(table, 1, &unit, map_make(MAP_RESERVING, id)),
              CHUNK_SWAPPED);
    expect_report(resolve(&v), 0, 0, 1, 0);
    EXPECT_PICTURE(&v.f, "..M...........");
    fixture_end(&v.f);
}

/* Chunks of a split region are resolved one by one, also where four slots are equal: a
 * stranger at one of them costs the child no other. */
static void test_lost_group(void)
{
    struct vanishing v;
    const struct mm_mapping theirs = {.extent = fixture_extent(2, 1),
                                      .access = MM_ACCESS_READ};
    begin(&v);
    EXPECT_OK(mmapper_quarantine(v.f.mapper, v.f.heap, fixture_extent(1, 1), NULL));
    EXPECT_OK(mmapper_release(v.f.mapper, v.f.heap, fixture_extent(1, 1), NULL));
    lose(&v, mmapper_quarantine, 0, 4, MM_OS_RESERVE, false);
    EXPECT_EQ(sim_kernel_foreign_map(v.f.kernel, &theirs), 0);
    expect_report(resolve(&v), 0, 0, 3, 1);
    EXPECT_PICTURE(&v.f, "..X...........");
    fixture_end(&v.f);
}

/* A decommit that was cut off before it took the guards away: none is left. */
static void test_lost_unguard(void)
{
    struct vanishing v;
    begin(&v);
    const struct mm_extent chunk = fixture_extent(1, 1);
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, chunk, NULL));
    EXPECT_OK(mmapper_guard(v.f.mapper, v.f.heap, chunk, NULL));
    lose(&v, mmapper_decommit, 1, 1, MM_OS_UNGUARD, false);
    expect_report(resolve(&v), 0, 1, 0, 0);
    EXPECT_PICTURE(&v.f, ".q............");
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, chunk, NULL));
    uint64_t token;
    EXPECT_EQ(sim_kernel_read(v.f.kernel, chunk.start, &token), 0);
    fixture_end(&v.f);
}

/* A seal that was cut off is completed, so that the child knows what its kernel will not
 * let it change; where the kernel does not do it, nothing is sealed. */
static void test_lost_seal(bool done)
{
    struct vanishing v;
    begin(&v);
    EXPECT_OK(mmapper_ensure_mapped(v.f.mapper, v.f.heap, fixture_extent(0, 4), NULL));
    lose(&v, mmapper_seal, 1, 2, MM_OS_SEAL, done);
    EXPECT_PICTURE(&v.f, "m??m..........");
    if (!done) {
        v.operations.seal = NULL;
    }
    expect_report(resolve(&v), 0, 2, 0, 0);
    EXPECT_PICTURE(&v.f, done ? "mssm.........." : "mmmm..........");
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(v.f.mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmapper_destroy(v.f.mapper, NULL));
    EXPECT_EQ(sim_kernel_view(v.f.kernel, fixture_extent(1, 1).start).mapped, done);
    sim_kernel_destroy(v.f.kernel);
}

/* What cannot be looked up may be mapped. */
static void test_list_is_unreadable(void)
{
    struct vanishing v;
    begin(&v);
    lose(&v, mmapper_quarantine, 1, 2, MM_OS_RESERVE, false);
    v.lists_left = 0;
    EXPECT_STATUS(mmapper_after_fork_in_child(v.f.mapper, NULL, &v.f.error),
                  MM_OS_ERROR);
    EXPECT_EQ(v.f.error.os_error, EACCES);
    EXPECT_EQ(fixture_state(&v.f, 1), MM_RESERVING); /* nothing changed */
    v.lists_left = 1; /* readable at first, and then no more */
    expect_report(resolve(&v), 0, 0, 0, 2);
    EXPECT_PICTURE(&v.f, ".XX...........");
    v.lists_left = UINT_MAX;
    fixture_end(&v.f);
}

int main(void)
{
    test_nothing_lost();
    test_lost_commit();
    test_lost_reserve();
    test_lost_release();
    test_lost_decommit_and_transfer();
    test_lost_external();
    test_lost_group();
    test_lost_unguard();
    test_lost_seal(true);
    test_lost_seal(false);
    test_list_is_unreadable();
    return 0;
}
