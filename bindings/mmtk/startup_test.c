/* SPDX-License-Identifier: MIT */
/*
 * A runtime on MMTk as it starts: 47 bits of address space in chunks of 4 MiB, spaces of
 * 2 TiB from 2^41 on, side metadata anywhere, the runtime's image outside the heap. On the
 * simulated kernel, and with an argument on the real one.
 */
#include <errno.h>

#include "bindings/mmtk/test_fixture.h"

enum { LOG_EXTENT = 41, BIG_CHUNK = 4 << 20, BIG_PAGES = BIG_CHUNK / PAGE };
#define HEAP_START (UINT64_C(1) << LOG_EXTENT)
#define EXTENT (UINT64_C(1) << LOG_EXTENT)

/* Two tables of a byte for 64 bytes of the heap, with room. */
#define METADATA_BYTES (UINT64_C(1) << 40)

/* The first are the plan's; code is executable. */
static const char *const spaces[] = {"nursery", "immix", "los", "immortal", "code"};
enum {
    SPACES = sizeof spaces / sizeof *spaces,
    CODE = 4,
    IMMORTAL = 3,
    MUTATIONS = 12
};

struct machine {
    struct mmap_support support;
    struct sim_kernel *kernel; /* NULL: the real one */
    struct mmapper *mapper;
    struct mmtk_mmapper *binding;
    uintptr_t metadata;
    uintptr_t image;
};

static uintptr_t start_of(unsigned index)
{
    return HEAP_START + index * EXTENT;
}

static void touch(const struct machine *machine, uintptr_t address, uint64_t token)
{
    if (machine->kernel != NULL) {
        EXPECT_EQ(sim_kernel_write(machine->kernel, address, token), 0);
    } else {
        *(volatile uint64_t *)address = token;
    }
}

static uint64_t look(const struct machine *machine, uintptr_t address)
{
    uint64_t token;
    if (machine->kernel == NULL) {
        return *(const volatile uint64_t *)address;
    }
    EXPECT_EQ(sim_kernel_read(machine->kernel, address, &token), 0);
    return token;
}

/* Before any space there is: what a plan knows of them that quarantine does not say. */
static void declare(const struct machine *machine)
{
    const struct mmtk_annotation code = space(spaces[CODE]);
    const struct mm_strategy rwx = {.protection = MM_PROTECTION_RWX};
    EXPECT_OK(mmtk_mmapper_declare(machine->binding, &code, &rwx, NULL));
    const struct mmtk_annotation host = space(spaces[1]);
    const struct mm_strategy ahead = {.commit_ahead = 16};
    EXPECT_OK(mmtk_mmapper_declare(machine->binding, &host, &ahead, NULL));
    const struct mmtk_annotation list = misc("freelist of immix");
    EXPECT_OK(mmtk_mmapper_share(machine->binding, &list, &host, NULL));
}

/* The side metadata first, as MMTK::new does, then an extent for each space. */
static void reserve(struct machine *machine)
{
    const struct mmtk_annotation all = metadata("side-metadata", "all");
    EXPECT_OK(mmtk_mmapper_quarantine_address_range_anywhere(
        machine->binding, METADATA_BYTES / PAGE, 0, &read_write, &all,
        &machine->metadata, NULL));
    for (unsigned i = 0; i < SPACES; i++) {
        const struct mmtk_annotation one = space(spaces[i]);
        uintptr_t address;
        EXPECT_OK(mmtk_mmapper_quarantine_address_range_preferred(
            machine->binding, start_of(i), EXTENT / PAGE, EXTENT, &no_access, &one,
            &address, NULL));
        EXPECT_EQ(address, start_of(i));
    }
    const struct mm_extent heap = mm_extent_of(HEAP_START, SPACES * EXTENT);
    EXPECT(!mm_extent_overlaps(heap, mm_extent_of(machine->metadata, METADATA_BYTES)));
}

/* A space takes pages: its chunks, then the metadata of those chunks, for two specs whose
 * tables share chunks with those of other spaces. */
static void grow(const struct machine *machine, unsigned which, uintptr_t start,
                 size_t pages)
{
    const struct mmtk_annotation own = space(spaces[which]);
    const struct mmtk_annotation specs[] = {metadata(spaces[which], "mark"),
                                            metadata(spaces[which], "vo")};
    const struct mmtk_strategy *strategy = which == CODE ? &executable : &read_write;
    EXPECT_OK(mmtk_mmapper_ensure_mapped(machine->binding, start, pages, strategy, &own,
                                         NULL));
    for (unsigned i = 0; i < 2; i++) {
        const uintptr_t table =
            machine->metadata + i * (METADATA_BYTES / 2) + (start - HEAP_START) / 64;
        EXPECT_OK(mmtk_mmapper_ensure_mapped(machine->binding,
                                             mm_align_down(table, PAGE), 1 + pages / 64,
                                             &read_write, &specs[i], NULL));
        touch(machine, mm_align_down(table, 8), 1);
    }
}

static void mutate(const struct machine *machine)
{
    for (unsigned step = 0; step < MUTATIONS; step++) {
        for (unsigned which = 0; which < SPACES; which++) {
            const uintptr_t start = start_of(which) + (uintptr_t)step * (BIG_CHUNK / 2);
            grow(machine, which, start, BIG_PAGES / 2);
            EXPECT_EQ(look(machine, start), 0);
            touch(machine, start, start);
        }
    }
    for (unsigned step = 0; step < MUTATIONS; step++) {
        for (unsigned which = 0; which < SPACES; which++) {
            const uintptr_t start = start_of(which) + (uintptr_t)step * (BIG_CHUNK / 2);
            EXPECT_EQ(look(machine, start), start);
            EXPECT(mmtk_mmapper_is_mapped_address(machine->binding, start));
        }
    }
}

/* The image is the runtime's: marked, with metadata of its own, refused to all others. */
static void add_image(struct machine *machine)
{
    const struct mmtk_annotation vm = metadata("vm", "mark");
    const struct mmtk_annotation nursery = space(spaces[0]);
    struct mm_error error;
    EXPECT_OK(mmtk_mmapper_mark_as_mapped(machine->binding, machine->image + PAGE,
                                          BIG_CHUNK, NULL));
    EXPECT_OK(
        mmtk_mmapper_mark_as_mapped(machine->binding, machine->image, PAGE, NULL));
    EXPECT(
        mmtk_mmapper_is_mapped_address(machine->binding, machine->image + BIG_CHUNK));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(machine->binding, machine->metadata, 1,
                                         &read_write, &vm, NULL));
    EXPECT_STATUS(mmtk_mmapper_ensure_mapped(machine->binding, machine->image, 1,
                                             &read_write, &nursery, &error),
                  MM_CONFLICT);
    EXPECT_STR(error.holder.name, "vm");
}

/* What a space maps beyond its extent is another's, and beyond all of them nobody's. */
static void overgrow(const struct machine *machine)
{
    const struct mmtk_annotation nursery = space(spaces[0]);
    struct mm_error error;
    EXPECT_STATUS(mmtk_mmapper_ensure_mapped(machine->binding, start_of(1) - PAGE, 2,
                                             &read_write, &nursery, &error),
                  MM_CONFLICT);
    EXPECT_STR(error.holder.name, spaces[1]);
    EXPECT_EQ(error.address, start_of(1));
    EXPECT_EQ(mmtk_mmapper_errno(&error), EEXIST);
}

/* The free list maps its table where its space lives; memory goes back and comes again. */
static void finish(const struct machine *machine)
{
    const struct mmtk_annotation list = misc("freelist of immix");
    const struct mmtk_annotation immortal = space(spaces[IMMORTAL]);
    EXPECT_OK(mmtk_mmapper_ensure_mapped(machine->binding, start_of(1), 16, &read_write,
                                         &list, NULL));
    EXPECT_EQ(look(machine, start_of(1)), start_of(1));
    EXPECT_OK(mmapper_decommit(machine->mapper,
                               mmtk_mmapper_owner(machine->binding, &immortal),
                               mm_extent_of(start_of(IMMORTAL), BIG_CHUNK), NULL));
    EXPECT(!mmtk_mmapper_is_mapped_address(machine->binding, start_of(IMMORTAL)));
    grow(machine, IMMORTAL, start_of(IMMORTAL), 1);
    EXPECT_EQ(look(machine, start_of(IMMORTAL)), 0);
}

static void run(struct machine *machine)
{
    struct mm_verify_result result;
    struct mm_statistics statistics;
    EXPECT_OK(mmapper_create(NULL, &machine->support, &machine->mapper, NULL));
    EXPECT_OK(mmtk_mmapper_create(machine->mapper, NULL, &machine->binding, NULL));
    EXPECT_EQ(mmtk_mmapper_granularity(machine->binding), BIG_CHUNK);
    EXPECT_EQ(mmtk_mmapper_log_granularity(machine->binding), 22);
    EXPECT_EQ(mmtk_mmapper_log_mappable_bytes(machine->binding), 47);
    declare(machine);
    reserve(machine);
    mutate(machine);
    add_image(machine);
    overgrow(machine);
    finish(machine);
    EXPECT_OK(mmapper_verify(machine->mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    mmapper_statistics(machine->mapper, &statistics);
    EXPECT_EQ(statistics.owners, SPACES + 2); /* side metadata, and the vm */
    EXPECT_OK(mmtk_mmapper_destroy(machine->binding, NULL));
    EXPECT_OK(mmapper_destroy(machine->mapper, NULL));
}

static void run_simulated(void)
{
    struct machine machine = {.kernel = sim_kernel_create(NULL),
                              .image = UINT64_C(0x70000000)};
    const struct mm_mapping image = {.extent = {machine.image, 2 * BIG_CHUNK},
                                     .access = MM_ACCESS_READ,
                                     .file = true,
                                     .name = "boot.image"};
    EXPECT_EQ(sim_kernel_foreign_map(machine.kernel, &image), 0);
    machine.support = sim_kernel_support(machine.kernel, 0);
    run(&machine);
    EXPECT_STR(sim_kernel_violation_text(machine.kernel), "");
    EXPECT_EQ(sim_kernel_statistics(machine.kernel).client_bytes, 0);
    sim_kernel_destroy(machine.kernel);
}

/* The image is memory of another mapper, which is as foreign as any. */
static void run_real(void)
{
    struct machine machine = {.support = mmap_support_linux()};
    const struct mm_owner_options options = {.name = "image"};
    struct mmapper *other;
    struct mm_owner *owner;
    struct mm_extent image;
    EXPECT_OK(mmapper_create(NULL, &machine.support, &other, NULL));
    EXPECT_OK(mmapper_register_owner(other, &options, &owner, NULL));
    EXPECT_OK(mmapper_quarantine_anywhere(other, owner, (size_t)2 * BIG_CHUNK, 0,
                                          &image, NULL));
    machine.image = image.start;
    run(&machine);
    EXPECT_OK(mmapper_destroy(other, NULL));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        run_real();
    } else {
        run_simulated();
    }
    return 0;
}
