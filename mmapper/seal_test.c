/* SPDX-License-Identifier: MIT */
/* seal: for good, all or nothing, and known to every other operation. */
#include <errno.h>

#include "mmapper/mapper.h"
#include "mmapper/testing/fault_decorator.h"
#include "mmapper/testing/fixture.h"

enum { RO = MM_ACCESS_READ, RW = MM_ACCESS_READ | MM_ACCESS_WRITE };

/* Destroys the mapper, which leaves what is sealed, and the kernel. */
static void end(struct fixture *f, size_t sealed_chunks)
{
    EXPECT_OK(mmapper_destroy(f->mapper, &f->error));
    EXPECT_STR(sim_kernel_violation_text(f->kernel), "");
    EXPECT_EQ(sim_kernel_statistics(f->kernel).client_bytes,
              sealed_chunks * FIXTURE_CHUNK);
    EXPECT_EQ(sim_kernel_statistics(f->kernel).tables, 0);
    sim_kernel_destroy(f->kernel);
}

static uint64_t differences(const struct fixture *f)
{
    struct mm_verify_result result;
    EXPECT_OK(mmapper_verify(f->mapper, NULL, &result, NULL));
    return result.differences;
}

/* Chunks 0 to 5 are the heap's and mapped, 2 and 3 are sealed. */
static void begin(struct fixture *f)
{
    fixture_begin(f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(f->mapper, f->heap, fixture_extent(0, 6), NULL));
    EXPECT_EQ(sim_kernel_write(f->kernel, fixture_extent(2, 1).start, 42), 0);
    EXPECT_OK(mmapper_seal(f->mapper, f->heap, fixture_extent(2, 2), &f->error));
    EXPECT_PICTURE(f, "mmssmm........");
}

/* Nobody changes it any more, with or without the mapper. */
static void test_nothing_changes_it(void)
{
    struct fixture f;
    begin(&f);
    const struct mm_extent one = fixture_extent(3, 1);
    struct mmapper *m = f.mapper;
    EXPECT_STATUS(mmapper_decommit(m, f.heap, one, &f.error), MM_WRONG_STATE);
    EXPECT_EQ(f.error.holder.state, MM_SEALED);
    EXPECT_STATUS(mmapper_release(m, f.heap, one, &f.error), MM_WRONG_STATE);
    EXPECT_STATUS(mmapper_transfer(m, f.heap, f.other, one, &f.error), MM_WRONG_STATE);
    EXPECT_STATUS(mmapper_protect(m, f.heap, one, RO, &f.error), MM_WRONG_STATE);
    EXPECT_STATUS(mmapper_guard(m, f.heap, one, &f.error), MM_WRONG_STATE);
    EXPECT_STATUS(mmapper_seal(m, f.heap, one, &f.error), MM_WRONG_STATE);
    EXPECT_STATUS(mmapper_quarantine(m, f.heap, one, &f.error), MM_WRONG_STATE);
    EXPECT_STATUS(mmapper_quarantine(m, f.other, one, &f.error), MM_CONFLICT);
    EXPECT_STR(f.error.holder.name, "heap");
    EXPECT_STATUS(mmapper_seal(m, f.other, one, &f.error), MM_CONFLICT);
    EXPECT_STATUS(mmapper_release(m, f.heap, fixture_extent(0, 6), &f.error),
                  MM_WRONG_STATE);
    EXPECT_EQ(f.error.address, fixture_extent(2, 1).start);
    sim_kernel_foreign_unmap(f.kernel, one);
    sim_kernel_foreign_protect(f.kernel, one, 0);
    EXPECT_PICTURE(&f, "mmssmm........");
    EXPECT_EQ(differences(&f), 0);
    uint64_t token;
    EXPECT_EQ(sim_kernel_read(f.kernel, fixture_extent(2, 1).start, &token), 0);
    EXPECT_EQ(token, 42);
    EXPECT_EQ(sim_kernel_write(f.kernel, fixture_extent(2, 1).start, 43), 0);
    end(&f, 2);
}

/* To those who only use it, it is mapped. */
static void test_it_is_mapped(void)
{
    struct fixture f;
    struct mm_statistics before;
    struct mm_statistics after;
    begin(&f);
    mmapper_statistics(f.mapper, &before);
    EXPECT_EQ(before.chunks[MM_SEALED], 2);
    EXPECT_EQ(before.chunks[MM_MAPPED], 4);
    EXPECT(mmapper_is_mapped(f.mapper, fixture_extent(2, 1).start));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(2, 1), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(0, 6), NULL));
    mmapper_statistics(f.mapper, &after);
    EXPECT_EQ(after.os_calls[MM_OS_COMMIT], before.os_calls[MM_OS_COMMIT]);
    /* Among chunks that are not, it is passed over. */
    EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(4, 1), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(1, 6), NULL));
    EXPECT_PICTURE(&f, "mmssmmm.......");
    EXPECT_STATUS(
        mmapper_ensure_mapped(f.mapper, f.other, fixture_extent(3, 1), &f.error),
        MM_CONFLICT);
    EXPECT_STATUS(mmapper_unregister_owner(f.mapper, f.heap, &f.error), MM_WRONG_STATE);
    end(&f, 2);
}

/* A whole region is sealed as one. */
static void test_regions(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(0, 12), NULL));
    EXPECT_OK(mmapper_seal(f.mapper, f.heap, fixture_extent(2, 8), NULL));
    EXPECT_PICTURE(&f, "mmssssssssmm..");
    struct mm_run run;
    EXPECT(mmapper_next_run(f.mapper, fixture_extent(2, 1).start, &run));
    EXPECT_EQ(run.extent.bytes, 8 * FIXTURE_CHUNK);
    EXPECT_STR(mm_state_name(run.state), "sealed");
    end(&f, 8);
}

/* Read-only when it is sealed: constants for ever. */
static void test_read_only(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_extent one = fixture_extent(0, 1);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, one, NULL));
    EXPECT_OK(mmapper_protect(f.mapper, f.heap, one, RO, NULL));
    EXPECT_OK(mmapper_seal(f.mapper, f.heap, one, NULL));
    sim_kernel_foreign_protect(f.kernel, one, RW);
    EXPECT_EQ(sim_kernel_write(f.kernel, one.start, 1), EFAULT);
    EXPECT_EQ(differences(&f), 0);
    end(&f, 1);
}

/* The first, a middle and the last chunk in the way: nothing is sealed. */
static void test_all_or_nothing(void)
{
    for (size_t wrong = 1; wrong < 7; wrong++) {
        struct fixture f;
        fixture_begin(&f, NULL);
        EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(1, 6), NULL));
        EXPECT_OK(mmapper_decommit(f.mapper, f.heap, fixture_extent(wrong, 1), NULL));
        EXPECT_STATUS(mmapper_seal(f.mapper, f.heap, fixture_extent(1, 6), &f.error),
                      MM_WRONG_STATE);
        EXPECT_EQ(f.error.address, fixture_extent(wrong, 1).start);
        EXPECT_EQ(f.error.operation, MM_OPERATION_SEAL);
        for (size_t i = 1; i < 7; i++) {
            EXPECT_EQ(fixture_state(&f, i), i == wrong ? MM_QUARANTINED : MM_MAPPED);
        }
        fixture_end(&f);
    }
}

static void test_refusals(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(0, 2), NULL));
    EXPECT_OK(mmapper_exclude(f.mapper, f.image, fixture_extent(3, 1), NULL));
    EXPECT_STATUS(mmapper_seal(f.mapper, f.image, fixture_extent(3, 1), &f.error),
                  MM_WRONG_STATE);
    const struct mm_extent half =
        mm_extent_of(FIXTURE_BASE, FIXTURE_CHUNK + FIXTURE_CHUNK / 2);
    EXPECT_STATUS(mmapper_seal(f.mapper, f.heap, half, &f.error), MM_INVALID_ARGUMENT);
    struct owner_pin *pin = mm_owner_pin(f.heap, OWNER_PIN_COMMIT);
    EXPECT_STATUS(mmapper_seal(f.mapper, f.heap, fixture_extent(0, 1), &f.error),
                  MM_BUSY);
    mm_owner_unpin(pin, OWNER_PIN_COMMIT);
    EXPECT_PICTURE(&f, "mm.X..........");
    fixture_end(&f);
}

/* A kernel without mseal, a support without the operation. */
static void test_not_available(void)
{
    const struct sim_kernel_options old = {.no_seals = true};
    struct fixture f;
    struct mmap_operations few;
    fixture_begin(&f, &old);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(0, 2), NULL));
    for (unsigned round = 0; round < 2; round++) {
        EXPECT_STATUS(mmapper_seal(f.mapper, f.heap, fixture_extent(0, 2), &f.error),
                      MM_OS_ERROR);
        EXPECT_EQ(f.error.os_call, MM_OS_SEAL);
        EXPECT_EQ(f.error.os_error, ENOSYS);
        EXPECT_PICTURE(&f, "mm............");
        few = *f.support.operations;
        few.seal = NULL;
        f.support.operations = &few;
    }
    fixture_end(&f);
}

/* The kernel sealed a part and had no memory for the rest: sealing again completes it. */
static void test_half(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    struct fault_decorator *faults = fault_decorator_create(&f.support);
    f.support = fault_decorator_support(faults);
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(0, 4), NULL));
    const struct fault_plan plan = {
        .at = 1, .call = MM_OS_SEAL, .os_error = ENOMEM, .done = FAULT_HALF};
    fault_decorator_plan(faults, &plan);
    EXPECT_STATUS(mmapper_seal(f.mapper, f.heap, fixture_extent(0, 4), &f.error),
                  MM_NO_MEMORY);
    EXPECT_PICTURE(&f, "mmmm..........");
    EXPECT_STATUS(mmapper_release(f.mapper, f.heap, fixture_extent(0, 4), &f.error),
                  MM_OS_ERROR);
    EXPECT_EQ(f.error.os_error, EPERM);
    EXPECT_PICTURE(&f, "mmmm..........");
    EXPECT_OK(mmapper_seal(f.mapper, f.heap, fixture_extent(0, 4), NULL));
    EXPECT_PICTURE(&f, "ssss..........");
    end(&f, 4);
    fault_decorator_destroy(faults);
}

static int seal_in_name_only(void *context, struct mm_extent extent)
{
    (void)context;
    (void)extent;
    return 0;
}

/* NOLINTBEGIN(readability-non-const-parameter): the type is the operation's. */
static int cannot_tell(void *context, struct mm_extent extent, unsigned access,
                       bool *sealed)
{
    (void)context;
    (void)extent;
    (void)access;
    (void)sealed;
    return EIO;
}

/* NOLINTEND(readability-non-const-parameter) */

static void tell(void *argument, const struct mm_difference *difference)
{
    unsigned *of = argument;
    of[difference->kind]++;
    EXPECT_EQ(difference->holder.state, MM_SEALED);
}

/* verify asks the kernel. What it cannot find out it does not claim. */
static void test_verify(void)
{
    struct fixture f;
    unsigned of[MM_DIFFERENCE_KIND_COUNT] = {0};
    const struct mm_verify_options options = {.report = tell, .argument = of};
    fixture_begin(&f, NULL);
    struct mmap_operations few = *f.support.operations;
    few.seal = seal_in_name_only;
    f.support.operations = &few;
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(0, 2), NULL));
    EXPECT_OK(mmapper_seal(f.mapper, f.heap, fixture_extent(0, 2), NULL));
    EXPECT_OK(mmapper_verify(f.mapper, &options, NULL, NULL));
    EXPECT_EQ(of[MM_DIFFERENCE_UNSEALED], 1);
    few.is_sealed = NULL;
    EXPECT_EQ(differences(&f), 0);
    few.is_sealed = cannot_tell;
    EXPECT_EQ(differences(&f), 0);
    sim_kernel_foreign_protect(f.kernel, fixture_extent(1, 1), RO);
    EXPECT_OK(mmapper_verify(f.mapper, &options, NULL, NULL));
    EXPECT_EQ(of[MM_DIFFERENCE_PROTECTION], 1);
    sim_kernel_foreign_unmap(f.kernel, fixture_extent(0, 1));
    EXPECT_OK(mmapper_verify(f.mapper, &options, NULL, NULL));
    EXPECT_EQ(of[MM_DIFFERENCE_MISSING], 1);
    end(&f, 1);
}

int main(void)
{
    test_nothing_changes_it();
    test_it_is_mapped();
    test_regions();
    test_read_only();
    test_all_or_nothing();
    test_refusals();
    test_not_available();
    test_half();
    test_verify();
    return 0;
}
