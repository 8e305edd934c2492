/* SPDX-License-Identifier: MIT */
/* A sealed immortal space: still allocated from, never taken away. A test of its own,
 * because what is sealed stays in its process. */
#include <errno.h>
#include <sys/mman.h>

#include "spaces/immortal_space.h"
#include "spaces/test_fixture.h"

enum { CHUNK = FIXTURE_CHUNK, WINDOW = 64, CHUNKS = 4 };

static struct immortal_space *create(struct mmapper *mapper, size_t first,
                                     enum immortal_mapping mapping)
{
    const struct immortal_space_options options = {
        .name = "sealed",
        .mapping = mapping,
        .placement = {.rule = SPACE_EXACT, .start = FIXTURE_BASE + first * CHUNK},
        .bytes = CHUNKS * CHUNK,
    };
    struct immortal_space *space;
    EXPECT_OK(immortal_space_create(mapper, &options, &space, NULL));
    return space;
}

static void use_sealed(struct mmapper *mapper, struct immortal_space *space)
{
    struct mm_error error;
    uintptr_t address;
    const struct mm_extent extent = immortal_space_extent(space);
    void *start = (void *)extent.start;
    EXPECT_EQ(mmapper_lookup(mapper, extent.start).state, MM_SEALED);
    EXPECT_OK(immortal_space_alloc(space, 2 * CHUNK, 0, &address, NULL));
    memset((void *)address, 7, 2 * CHUNK);
    EXPECT_STATUS(immortal_space_destroy(space, &error), MM_WRONG_STATE);
    EXPECT_STATUS(immortal_space_seal(space, &error), MM_WRONG_STATE);
    EXPECT_EQ(mprotect(start, CHUNK, PROT_READ), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(munmap(start, extent.bytes), -1);
    EXPECT_EQ(*(unsigned char *)address, 7);
}

/* Nothing changes where the OS has no memory for the mapping. */
static void test_no_memory(struct fixture *fixture, struct immortal_space *on_demand)
{
    struct mm_error error;
    fixture_fail_commits(fixture, 0);
    EXPECT_STATUS(immortal_space_seal(on_demand, &error), MM_NO_MEMORY);
    fixture_repair(fixture);
    EXPECT_EQ(immortal_space_usage(on_demand).used, CHUNK);
}

int main(void)
{
    struct fixture fixture;
    struct mm_error error;
    struct mm_verify_result result;
    uintptr_t address;
    struct mmapper *mapper = fixture_begin(&fixture, WINDOW);
    /* Static: for the life of the process, as what is sealed. */
    static struct immortal_space *eager;
    static struct immortal_space *on_demand;
    eager = create(mapper, 0, IMMORTAL_EAGER);
    on_demand = create(mapper, CHUNKS, IMMORTAL_ON_DEMAND);
    const enum mm_status status = immortal_space_seal(eager, &error);
    if (status == MM_OS_ERROR && error.os_error == ENOSYS) {
        (void)puts("SKIPPED: this kernel has no mseal");
        return 0;
    }
    EXPECT_OK(status);
    EXPECT_OK(immortal_space_alloc(on_demand, CHUNK, 0, &address, NULL));
    test_no_memory(&fixture, on_demand);
    EXPECT_OK(immortal_space_seal(on_demand, NULL));
    use_sealed(mapper, eager);
    use_sealed(mapper, on_demand);
    EXPECT_OK(mmapper_verify(mapper, NULL, &result, NULL));
    EXPECT_EQ(result.differences, 0);
    EXPECT_OK(mmapper_destroy(mapper, NULL));
    EXPECT_EQ(*(unsigned char *)address, 0);
    return 0;
}
