/* SPDX-License-Identifier: MIT */
/*
 * Fellow threads between two steps of a call, by the linker: the fellow's whole call is made
 * just before a call of the mapper's that the binding makes.
 */
#include <errno.h>

#include "bindings/mmtk/test_fixture.h"
#include "mmapper/testing/fault_decorator.h"

/* What the fellow does, once: at the next call of the kind. */
static struct {
    void (*at_register)(void);
    void (*at_quarantine)(void);
    struct fixture *f;
    bool owners_run_out; /* after the fellow's */
} fellow;

static void meet(void (**step)(void))
{
    void (*now)(void) = *step;
    *step = NULL;
    if (now != NULL) {
        now();
    }
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
enum mm_status __real_mmapper_register_owner(struct mmapper *mapper,
                                             const struct mm_owner_options *options,
                                             struct mm_owner **owner,
                                             struct mm_error *error);
enum mm_status __wrap_mmapper_register_owner(struct mmapper *mapper,
                                             const struct mm_owner_options *options,
                                             struct mm_owner **owner,
                                             struct mm_error *error);
enum mm_status __wrap_mmapper_register_owner(struct mmapper *mapper,
                                             const struct mm_owner_options *options,
                                             struct mm_owner **owner,
                                             struct mm_error *error)
{
    const bool first = fellow.at_register != NULL;
    meet(&fellow.at_register);
    if (first && fellow.owners_run_out) {
        *error = (struct mm_error){.status = MM_LIMIT, .detail = "planned"};
        return MM_LIMIT;
    }
    return __real_mmapper_register_owner(mapper, options, owner, error);
}

enum mm_status __real_mmapper_quarantine(struct mmapper *mapper, struct mm_owner *owner,
                                         struct mm_extent extent,
                                         struct mm_error *error);
enum mm_status __wrap_mmapper_quarantine(struct mmapper *mapper, struct mm_owner *owner,
                                         struct mm_extent extent,
                                         struct mm_error *error);
enum mm_status __wrap_mmapper_quarantine(struct mmapper *mapper, struct mm_owner *owner,
                                         struct mm_extent extent,
                                         struct mm_error *error)
{
    meet(&fellow.at_quarantine);
    return __real_mmapper_quarantine(mapper, owner, extent, error);
}

/* NOLINTEND(bugprone-reserved-identifier) */

static void begin(struct fixture *f)
{
    memset(&fellow, 0, sizeof fellow);
    fixture_begin(f, NULL);
    fellow.f = f;
}

static void expect_owners(const struct fixture *f, uint64_t owners)
{
    struct mm_statistics statistics;
    mmapper_statistics(f->mapper, &statistics);
    EXPECT_EQ(statistics.owners, owners);
}

static void ensure_same(void)
{
    EXPECT_OK(ensure(fellow.f, 1, 1, &fellow.f->a));
}

static void ensure_other(void)
{
    EXPECT_OK(ensure(fellow.f, 1, 1, &fellow.f->b));
}

static void ensure_plain(void)
{
    EXPECT_OK(ensure(fellow.f, 2, 1, &fellow.f->b));
}

static void ensure_executable(void)
{
    EXPECT_OK(mmtk_mmapper_ensure_mapped(fellow.f->binding, at(1), 1, &executable,
                                         &fellow.f->a, NULL));
}

/* Two first uses of one annotation: the winner's owner serves both. */
static void test_same_annotation(void)
{
    struct fixture f;
    begin(&f);
    fellow.at_register = ensure_same;
    EXPECT_OK(ensure(&f, 1, 2, &f.a));
    EXPECT_PICTURE(&f, ".AA...........");
    expect_owners(&f, 2);
    fixture_end(&f);
}

static void test_other_annotation(void)
{
    struct fixture f;
    begin(&f);
    fellow.at_register = ensure_other;
    EXPECT_STATUS(ensure(&f, 1, 2, &f.a), MM_CONFLICT);
    EXPECT_OK(ensure(&f, 2, 1, &f.a));
    EXPECT_PICTURE(&f, ".BA...........");
    expect_owners(&f, 3);
    fixture_end(&f);
}

/* The winner's strategy is the owner's, and the loser is held to it. */
static void test_other_strategy(void)
{
    struct fixture f;
    begin(&f);
    fellow.at_register = ensure_executable;
    EXPECT_STATUS(
        mmtk_mmapper_ensure_mapped(f.binding, at(1), 1, &huge, &f.a, &f.error),
        MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "huge pages");
    const struct mm_strategy rwx = {.protection = MM_PROTECTION_RWX};
    fellow.at_register = ensure_plain;
    EXPECT_STATUS(mmtk_mmapper_declare(f.binding, &f.b, &rwx, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "space \"b\"");
    fixture_end(&f);
}

/* The last owner that there was went to the fellow, for the same annotation, or not. */
static void test_last_owner(void)
{
    struct fixture f;
    begin(&f);
    fellow.at_register = ensure_same;
    fellow.owners_run_out = true;
    f.error.status = MM_OK;
    EXPECT_OK(ensure(&f, 1, 2, &f.a));
    EXPECT_STATUS(f.error.status, MM_OK); /* written on failure only */
    fellow.at_register = ensure_same;
    EXPECT_STATUS(ensure(&f, 5, 1, &f.b), MM_LIMIT);
    EXPECT_ERROR(&f, MM_LIMIT, EUSERS, "planned");
    EXPECT_PICTURE(&f, ".AA...........");
    fixture_end(&f);
}

static void quarantine_more(void)
{
    EXPECT_OK(quarantine(fellow.f, 2, 1, &fellow.f->a));
}

static void quarantine_for_other(void)
{
    EXPECT_OK(quarantine(fellow.f, 2, 1, &fellow.f->b));
}

/* Chunks that were free when they were looked at are the annotation's by now: that is what
 * was asked for. */
static void test_quarantined_meanwhile(void)
{
    struct fixture f;
    begin(&f);
    fellow.at_quarantine = quarantine_more;
    EXPECT_OK(quarantine(&f, 1, 4, &f.a));
    EXPECT_PICTURE(&f, ".aaaa.........");
    fixture_end(&f);
}

static void test_taken_meanwhile(void)
{
    struct fixture f;
    begin(&f);
    fellow.at_quarantine = quarantine_for_other;
    EXPECT_STATUS(quarantine(&f, 1, 4, &f.a), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is quarantined for space \"b\"");
    EXPECT_EQ(f.error.request.start, at(1));
    EXPECT_PICTURE(&f, "..b...........");
    fixture_end(&f);
}

/* An obstacle that is gone when the mapper is asked about it. */
static void give_back(void)
{
    EXPECT_OK(mmapper_release(fellow.f->mapper,
                              mmtk_mmapper_owner(fellow.f->binding, &fellow.f->b),
                              mm_extent_of(at(2), CHUNK), NULL));
}

static void test_obstacle_gone(void)
{
    struct fixture f;
    begin(&f);
    EXPECT_OK(quarantine(&f, 2, 1, &f.b));
    fellow.at_quarantine = give_back;
    EXPECT_OK(quarantine(&f, 1, 3, &f.a));
    EXPECT_PICTURE(&f, ".aaa..........");
    fixture_end(&f);
}

struct nested {
    struct mmtk_mmapper *binding;
    enum mm_status status;
};

/* In the middle of the call of the system. */
static void quarantine_nested(void *argument, enum mm_os_call call, uint64_t index,
                              struct mm_extent extent)
{
    struct nested *nested = argument;
    const struct mmtk_annotation a = space("a");
    (void)index;
    (void)extent;
    if (call == MM_OS_RESERVE) {
        nested->status = mmtk_mmapper_quarantine_address_range(
            nested->binding, at(2), CHUNK_PAGES, &read_write, &a, NULL);
    }
}

/* Nobody waits for a fellow who is quarantining: BUSY, and after him it is done. */
static void test_busy(void)
{
    struct sim_kernel *kernel = sim_kernel_create(NULL);
    const struct mmap_support inner = sim_kernel_support(kernel, 0);
    struct fault_decorator *decorator = fault_decorator_create(&inner);
    const struct mmap_support support = fault_decorator_support(decorator);
    const struct mmapper_options options = {
        .chunk_bytes = CHUNK, .base = BASE, .limit = BASE + (uintptr_t)CHUNKS * CHUNK};
    struct mmapper *mapper;
    struct nested nested = {.status = MM_OK};
    const struct mmtk_annotation a = space("a");
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    EXPECT_OK(mmtk_mmapper_create(mapper, NULL, &nested.binding, NULL));
    fault_decorator_observe(decorator, quarantine_nested, &nested);
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(
        nested.binding, at(1), (size_t)3 * CHUNK_PAGES, &read_write, &a, NULL));
    EXPECT_STATUS(nested.status, MM_BUSY);
    fault_decorator_observe(decorator, NULL, NULL);
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(nested.binding, at(2), CHUNK_PAGES,
                                                    &read_write, &a, NULL));
    EXPECT_OK(mmtk_mmapper_destroy(nested.binding, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    fault_decorator_destroy(decorator);
    sim_kernel_destroy(kernel);
}

int main(void)
{
    test_same_annotation();
    test_other_annotation();
    test_other_strategy();
    test_last_owner();
    test_quarantined_meanwhile();
    test_taken_meanwhile();
    test_obstacle_gone();
    test_busy();
    return 0;
}
