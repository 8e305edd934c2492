/* SPDX-License-Identifier: MIT */
#include "bench/support.h"

#include <sys/mman.h>

#include "bench/fail.h"

enum { STAGGER_PAGES = 256 };

static int acquire_table(void *context, size_t bytes, void **table)
{
    struct bench_support *self = context;
    void *memory;
    const int error = self->inner.operations->acquire_table(
        self->inner.context, self->stagger + bytes, &memory);
    if (error == 0) {
        *table = (char *)memory + self->stagger;
        self->table = mm_extent_of((uintptr_t)*table, bytes);
    }
    return error;
}

static int release_table(void *context, void *table, size_t bytes)
{
    const struct bench_support *self = context;
    return self->inner.operations->release_table(
        self->inner.context, (char *)table - self->stagger, self->stagger + bytes);
}

static int do_nothing(void *context, struct mm_extent extent,
                      const struct mm_strategy *strategy)
{
    (void)context;
    (void)extent;
    (void)strategy;
    return 0;
}

static int release_nothing(void *context, struct mm_extent extent)
{
    (void)context;
    (void)extent;
    return 0;
}

void bench_support_init(struct bench_support *support, bool idle,
                        struct bench_random *random)
{
    support->inner = mmap_support_linux();
    /* Linux's operations look at no context, so that all but those of tables can be
     * called without a detour that would be measured. */
    support->operations = *support->inner.operations;
    support->operations.acquire_table = acquire_table;
    support->operations.release_table = release_table;
    if (idle) {
        support->operations.reserve = do_nothing;
        support->operations.commit = do_nothing;
        support->operations.decommit = do_nothing;
        support->operations.release = release_nothing;
    }
    support->support = support->inner;
    support->support.operations = &support->operations;
    support->support.context = support;
    support->support.annotations = false;
    /* Counting calls is nothing beside a system call, and much beside none. */
    support->support.count_calls = !idle;
    support->stagger =
        support->inner.page_bytes * (size_t)bench_random_below(random, STAGGER_PAGES);
}

size_t bench_support_resident(const struct bench_support *support)
{
    enum { PAGES = 4096 };
    unsigned char present[PAGES];
    const size_t page = support->inner.page_bytes;
    const uintptr_t end = mm_extent_end(support->table);
    size_t resident = 0;
    for (uintptr_t at = support->table.start; at < end; at += PAGES * page) {
        const size_t rest = end - at;
        const size_t bytes = rest < PAGES * page ? rest : PAGES * page;
        BENCH_CHECK(mincore((void *)at, bytes, present) == 0);
        for (size_t i = 0; i < bytes / page; i++) {
            resident += (present[i] & 1) != 0 ? page : 0;
        }
    }
    return resident;
}
