/* SPDX-License-Identifier: MIT */
/* Annotations, strategies and owners: who is whom, who may share, what may be asked for. */
#include <errno.h>

#include "bindings/mmtk/test_fixture.h"

static void test_identity(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    struct mmtk_annotation all = metadata("side-metadata", "all");
    struct mmtk_annotation misc_a = misc("a");
    struct mmtk_annotation line1 = {
        .kind = MMTK_TEST, .name = text_of("src/t.rs"), .line = 1};
    struct mmtk_annotation line2 = line1;
    line2.line = 2;
    /* All side metadata is one owner's, each line of a file is the file's. */
    EXPECT_OK(quarantine(&f, 0, 4, &all));
    EXPECT_OK(ensure(&f, 1, 2, &f.meta));
    EXPECT_OK(ensure(&f, 5, 1, &line1));
    EXPECT_OK(ensure(&f, 5, 2, &line2));
    EXPECT_PICTURE(&f, "sSSs.SS.......");
    EXPECT(mmtk_mmapper_owner(f.binding, &all) ==
           mmtk_mmapper_owner(f.binding, &f.meta));
    /* The kind tells apart what the name does not. */
    EXPECT_OK(ensure(&f, 8, 1, &f.a));
    EXPECT_STATUS(ensure(&f, 8, 1, &misc_a), MM_CONFLICT);
    EXPECT_ERROR(&f, MM_CONFLICT, EEXIST, "is mapped for space \"a\"");
    EXPECT_EQ(mm_owner_kind(mmtk_mmapper_owner(f.binding, &f.a)), MM_KIND_SPACE);
    EXPECT_EQ(mm_owner_kind(mmtk_mmapper_owner(f.binding, &misc_a)), MM_KIND_MISC);
    EXPECT_EQ(mm_owner_kind(mmtk_mmapper_owner(f.binding, &all)),
              MM_KIND_SIDE_METADATA);
    EXPECT_EQ(mm_owner_kind(mmtk_mmapper_owner(f.binding, &line1)), MM_KIND_TEST);
    /* A name is its bytes, not what follows them. */
    struct mmtk_annotation cut = space("another");
    cut.name.bytes = 1;
    EXPECT(mmtk_mmapper_owner(f.binding, &cut) == mmtk_mmapper_owner(f.binding, &f.a));
    EXPECT(mmtk_mmapper_owner(f.binding, &f.b) == NULL);
    EXPECT(mmtk_mmapper_owner(f.binding, NULL) == NULL);
    fixture_end(&f);
}

/* Of a long name the owner has the beginning, of a long path the end; neither is mixed up
 * with another that is cut to the same. */
static void test_long_names(void)
{
    struct fixture f;
    char one[201];
    char two[201];
    fixture_begin(&f, NULL);
    memset(one, 'x', sizeof one - 1);
    one[0] = 'a';
    one[sizeof one - 1] = '\0';
    memcpy(two, one, sizeof one);
    two[199] = 'b';
    struct mmtk_annotation spaces[] = {space(one), space(two)};
    EXPECT_OK(ensure(&f, 0, 1, &spaces[0]));
    EXPECT_STATUS(ensure(&f, 0, 1, &spaces[1]), MM_CONFLICT);
    EXPECT_EQ(mm_owner_name(mmtk_mmapper_owner(f.binding, &spaces[0]))[0], 'a');
    struct mmtk_annotation file = {.kind = MMTK_TEST, .name = text_of(two)};
    EXPECT_OK(ensure(&f, 1, 1, &file));
    const char *name = mm_owner_name(mmtk_mmapper_owner(f.binding, &file));
    EXPECT_EQ(strlen(name), MM_NAME_BYTES - 1);
    EXPECT_EQ(name[MM_NAME_BYTES - 2], 'b');
    fixture_end(&f);
}

static void test_strategies(void)
{
    struct fixture f;
    struct mmtk_annotation code = space("code");
    struct mmtk_annotation big = space("big");
    struct mmtk_annotation lazy = space("lazy");
    fixture_begin(&f, NULL);
    /* Quarantined without a word about access: it is for reading and writing. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(f.binding, at(0), 1, &no_access,
                                                    &f.a, NULL));
    EXPECT_STATUS(
        mmtk_mmapper_ensure_mapped(f.binding, at(0), 1, &executable, &f.a, &f.error),
        MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "execute");
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "is quarantined for space \"a\"");
    EXPECT_STATUS(
        mmtk_mmapper_ensure_mapped(f.binding, at(0), 1, &huge, &f.a, &f.error),
        MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "huge pages");
    EXPECT_PICTURE(&f, "a.............");
    /* To quarantine says nothing about accounting: what is mapped is counted. */
    EXPECT_OK(ensure(&f, 0, 1, &f.a));
    EXPECT(sim_kernel_view(f.kernel, at(0)).charged);
    EXPECT_OK(mmtk_mmapper_ensure_mapped(f.binding, at(0), 1, &no_reserve, &f.a, NULL));
    /* Quarantined as executable: it is, and asking for less is fine. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(f.binding, at(2), 8, &executable,
                                                    &code, NULL));
    EXPECT_OK(
        mmtk_mmapper_ensure_mapped(f.binding, at(2), 1, &executable, &code, NULL));
    EXPECT_OK(ensure(&f, 3, 1, &code));
    EXPECT(sim_kernel_view(f.kernel, at(3)).mapping.access & MM_ACCESS_EXECUTE);
    EXPECT(!(sim_kernel_view(f.kernel, at(0)).mapping.access & MM_ACCESS_EXECUTE));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(f.binding, at(5), 1, &huge, &big, NULL));
    EXPECT_OK(ensure(&f, 6, 1, &big));
    EXPECT(sim_kernel_view(f.kernel, at(6)).huge);
    EXPECT_OK(
        mmtk_mmapper_ensure_mapped(f.binding, at(8), 1, &no_reserve, &lazy, NULL));
    EXPECT(sim_kernel_view(f.kernel, at(8)).unaccounted);
    EXPECT_STATUS(ensure(&f, 8, 1, &lazy), MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "accounted");
    /* To quarantine more of it asks for neither access nor accounting. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(f.binding, at(9), 1, &executable,
                                                    &lazy, NULL));
    EXPECT(sim_kernel_view(f.kernel, at(9)).unaccounted);
    fixture_end(&f);
}

static void test_declare(void)
{
    struct fixture f;
    const struct mm_strategy code = {.protection = MM_PROTECTION_RWX,
                                     .commit_ahead = 2};
    const struct mm_strategy external = {.backing = MM_BACKING_EXTERNAL};
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_declare(f.binding, &f.a, &code, NULL));
    EXPECT_OK(mmtk_mmapper_declare(f.binding, &f.a, &code, NULL));
    EXPECT_EQ(mm_owner_strategy(mmtk_mmapper_owner(f.binding, &f.a)).commit_ahead, 2);
    /* Quarantined without a word, and executable all the same. */
    EXPECT_OK(mmtk_mmapper_quarantine_address_range(f.binding, at(0), 1, &no_access,
                                                    &f.a, NULL));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(f.binding, at(0), 1, &executable, &f.a, NULL));
    struct mm_strategy other = code;
    other.commit_ahead = 3;
    EXPECT_STATUS(mmtk_mmapper_declare(f.binding, &f.a, &other, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "space \"a\"");
    EXPECT_STATUS(mmtk_mmapper_declare(f.binding, &f.b, &external, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmtk_mmapper_declare(f.binding, &f.b, NULL, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmtk_mmapper_declare(f.binding, NULL, &code, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT(mmtk_mmapper_owner(f.binding, &f.b) == NULL);
    fixture_end(&f);
}

/* Spaces that hand chunks to each other, and a free list inside its space. */
static void test_share(void)
{
    struct fixture f;
    struct mmtk_annotation heap = misc("heap");
    const struct mm_strategy plain = {.protection = MM_PROTECTION_RW};
    fixture_begin(&f, NULL);
    EXPECT_STATUS(mmtk_mmapper_share(f.binding, &f.a, &heap, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "not known");
    EXPECT_OK(mmtk_mmapper_declare(f.binding, &heap, &plain, NULL));
    EXPECT_OK(mmtk_mmapper_share(f.binding, &f.a, &heap, NULL));
    EXPECT_OK(mmtk_mmapper_share(f.binding, &f.a, &heap, NULL));
    EXPECT_OK(mmtk_mmapper_share(f.binding, &f.b, &f.a, NULL));
    EXPECT_OK(quarantine(&f, 0, 8, &heap));
    EXPECT_OK(ensure(&f, 2, 1, &f.a));
    EXPECT_OK(ensure(&f, 2, 2, &f.b));
    EXPECT_PICTURE(&f, "hhHHhhhh......");
    struct mmtk_annotation apart = space("apart");
    EXPECT_OK(ensure(&f, 9, 1, &apart));
    EXPECT_STATUS(mmtk_mmapper_share(f.binding, &apart, &heap, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_ERROR(&f, MM_INVALID_ARGUMENT, EINVAL, "space \"apart\"");
    /* A guest has no strategy of its own to declare. */
    EXPECT_STATUS(mmtk_mmapper_declare(f.binding, &f.a, &plain, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmtk_mmapper_share(f.binding, NULL, &heap, &f.error),
                  MM_INVALID_ARGUMENT);
    fixture_end(&f);
}

static void test_limits(void)
{
    struct fixture f;
    struct mmtk_mmapper *small;
    const struct mmtk_mmapper_options two = {.annotations = 2, .vm_name = "image"};
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_create(f.mapper, &two, &small, NULL));
    EXPECT_STR(mm_owner_name(mmtk_mmapper_vm_owner(small)), "image");
    const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        const struct mmtk_annotation one = space(names[i]);
        EXPECT_STATUS(
            mmtk_mmapper_ensure_mapped(small, at(i), 1, &read_write, &one, &f.error),
            i < 2 ? MM_OK : MM_LIMIT);
    }
    EXPECT_ERROR(&f, MM_LIMIT, EUSERS, "annotations");
    EXPECT_PICTURE(&f, "AB............");
    struct mm_statistics statistics;
    mmapper_statistics(f.mapper, &statistics);
    EXPECT_EQ(statistics.owners, 4); /* two of each binding: nothing is left behind */
    /* Another binding of the same mapper is somebody else, whatever the names. */
    EXPECT_STATUS(ensure(&f, 0, 1, &f.a), MM_CONFLICT);
    EXPECT_OK(mmtk_mmapper_destroy(small, NULL));
    EXPECT_PICTURE(&f, "..............");
    EXPECT_OK(ensure(&f, 0, 1, &f.a));
    fixture_end(&f);
}

/* In a table of one place every name is looked for where another one is. */
static void test_one_place(void)
{
    struct fixture f;
    struct mmtk_mmapper *small;
    const struct mmtk_mmapper_options one = {.annotations = 1};
    const struct mmtk_annotation known = space("ab");
    const struct mmtk_annotation others[] = {misc("ab"), space("a"), space("abc"),
                                             space("ac")};
    fixture_begin(&f, NULL);
    EXPECT_OK(mmtk_mmapper_create(f.mapper, &one, &small, NULL));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(small, at(0), 1, &read_write, &known, NULL));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        EXPECT(mmtk_mmapper_owner(small, &others[i]) == NULL);
        EXPECT_STATUS(
            mmtk_mmapper_ensure_mapped(small, at(0), 1, &read_write, &others[i], NULL),
            MM_LIMIT);
    }
    EXPECT(mmtk_mmapper_owner(small, &known) != NULL);
    EXPECT_OK(mmtk_mmapper_destroy(small, NULL));
    fixture_end(&f);
}

/* A mapper that has room for no more owners. */
static void test_owners_run_out(void)
{
    struct sim_kernel *kernel = sim_kernel_create(NULL);
    const struct mmap_support support = sim_kernel_support(kernel, 0);
    const struct mmapper_options options = {.chunk_bytes = CHUNK,
                                            .base = BASE,
                                            .limit = BASE + (uintptr_t)CHUNKS * CHUNK,
                                            .max_owners = 2};
    struct mmapper *mapper;
    struct mmtk_mmapper *binding;
    struct mmtk_mmapper *second;
    struct mm_error error;
    const struct mmtk_annotation a = space("a");
    const struct mmtk_annotation b = space("b");
    EXPECT_OK(mmapper_create(&options, &support, &mapper, NULL));
    EXPECT_OK(mmtk_mmapper_create(mapper, NULL, &binding, NULL));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(binding, at(0), 1, &read_write, &a, NULL));
    EXPECT_STATUS(
        mmtk_mmapper_ensure_mapped(binding, at(1), 1, &read_write, &b, &error),
        MM_LIMIT);
    EXPECT_STATUS(mmtk_mmapper_create(mapper, NULL, &second, &error), MM_LIMIT);
    EXPECT_OK(mmtk_mmapper_ensure_mapped(binding, at(1), 1, &read_write, &a, NULL));
    EXPECT_OK(mmtk_mmapper_destroy(binding, NULL));
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    sim_kernel_destroy(kernel);
}

static void test_create(void)
{
    struct fixture f;
    struct mmtk_mmapper *binding = NULL;
    fixture_begin(&f, NULL);
    const struct mmtk_mmapper_options bad[] = {
        {.page_bytes = 3000},
        {.page_bytes = (size_t)2 * CHUNK},
        {.annotations = MM_MAX_OWNERS + 1},
        {.vm_name = ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_STATUS(mmtk_mmapper_create(f.mapper, &bad[i], &binding, &f.error),
                      MM_INVALID_ARGUMENT);
    }
    EXPECT_STATUS(mmtk_mmapper_create(NULL, NULL, &binding, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmtk_mmapper_create(f.mapper, NULL, NULL, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT(binding == NULL);
    /* Pages of another size count differently. */
    const struct mmtk_mmapper_options large = {.page_bytes = CHUNK};
    EXPECT_OK(mmtk_mmapper_create(f.mapper, &large, &binding, NULL));
    EXPECT_OK(mmtk_mmapper_ensure_mapped(binding, at(1), 3, &read_write, &f.a, NULL));
    EXPECT_PICTURE(&f, ".AAA..........");
    EXPECT_OK(mmtk_mmapper_destroy(binding, NULL));
    fixture_end(&f);
}

/* Destroying leaves what is not the binding's, and what is sealed. */
static void test_destroy(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const struct mm_owner_options other = {.name = "other", .kind = MM_KIND_TEST};
    struct mm_owner *owner;
    EXPECT_OK(mmapper_register_owner(f.mapper, &other, &owner, NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, owner, mm_extent_of(at(3), 1), NULL));
    EXPECT_OK(ensure(&f, 1, 1, &f.a));
    EXPECT_OK(quarantine(&f, 2, 1, &f.b));
    EXPECT_OK(ensure(&f, 5, 2, &f.b));
    EXPECT_OK(mark(&f, 4, 1));
    EXPECT_OK(mmapper_seal(f.mapper, mmtk_mmapper_owner(f.binding, &f.b),
                           mm_extent_of(at(5), CHUNK), NULL));
    EXPECT_OK(ensure(&f, 5, 2, &f.b)); /* sealed memory is mapped memory */
    EXPECT_OK(quarantine(&f, 5, 2, &f.b));
    EXPECT_OK(mmtk_mmapper_destroy(f.binding, NULL));
    EXPECT_PICTURE(&f, "...O.?........");
    EXPECT_EQ(mmapper_lookup(f.mapper, at(5)).state, MM_SEALED);
    EXPECT_STR(mm_owner_name(mmapper_lookup(f.mapper, at(5)).owner), "b");
    EXPECT_OK(mmapper_destroy(f.mapper, NULL));
    EXPECT_STR(sim_kernel_violation_text(f.kernel), "");
    sim_kernel_destroy(f.kernel);
}

static void test_errno(void)
{
    const struct {
        enum mm_status status;
        int value;
    } table[] = {
        {MM_OK, 0},
        {MM_CONFLICT, EEXIST},
        {MM_BUSY, EBUSY},
        {MM_NO_MEMORY, ENOMEM},
        {MM_NO_SPACE, ENOMEM},
        {MM_INVALID_ARGUMENT, EINVAL},
        {MM_OUT_OF_RANGE, ERANGE},
        {MM_UNKNOWN_OWNER, EINVAL},
        {MM_WRONG_STATE, EPERM},
        {MM_LIMIT, EUSERS},
        {MM_OS_ERROR, EXDEV},
    };
    EXPECT_EQ(sizeof table / sizeof *table, MM_STATUS_COUNT);
    for (size_t i = 0; i < MM_STATUS_COUNT; i++) {
        const struct mm_error error = {.status = table[i].status, .os_error = EXDEV};
        EXPECT_EQ(table[i].status, i);
        EXPECT_EQ(mmtk_mmapper_errno(&error), table[i].value);
    }
}

int main(void)
{
    test_identity();
    test_long_names();
    test_strategies();
    test_declare();
    test_share();
    test_limits();
    test_one_place();
    test_owners_run_out();
    test_create();
    test_destroy();
    test_errno();
    return 0;
}
