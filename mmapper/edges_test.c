/* SPDX-License-Identifier: MIT */
/* The edges that a user relies on, made visible to ThreadSanitizer: the system calls
 * write a plain variable, and only the mapper orders it. Without ThreadSanitizer the
 * values are checked. */
#include <errno.h>
#include <pthread.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/fixture.h"

enum { ROUNDS = 100 };

/* The simulated kernel, whose commit and release leave a plain mark. */
struct marked {
    struct fixture f;
    struct mmap_operations operations;
    struct mmap_support inner;
    int commit_error;
    int mark; /* plain */
    mm_atomic_u32 inside;
};

static int marked_commit(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    struct marked *m = context;
    m->mark++;
    mm_store_relaxed_u32(&m->inside, 1); /* relaxed: it must order nothing */
    return m->commit_error != 0
               ? m->commit_error
               : m->inner.operations->commit(m->inner.context, extent, strategy);
}

static int marked_release(void *context, struct mm_extent extent)
{
    struct marked *m = context;
    m->mark++;
    return m->inner.operations->release(m->inner.context, extent);
}

static int marked_reserve(void *context, struct mm_extent extent,
                          const struct mm_strategy *strategy)
{
    struct marked *m = context;
    return m->inner.operations->reserve(m->inner.context, extent, strategy);
}

static int marked_each_mapping(void *context, struct mm_extent range,
                               mm_mapping_visitor visit, void *argument)
{
    struct marked *m = context;
    return m->inner.operations->each_mapping(m->inner.context, range, visit, argument);
}

static int marked_release_table(void *context, void *table, size_t bytes)
{
    struct marked *m = context;
    return m->inner.operations->release_table(m->inner.context, table, bytes);
}

static void begin(struct marked *m, int commit_error)
{
    memset(m, 0, sizeof *m);
    fixture_begin(&m->f, NULL);
    m->inner = m->f.support;
    m->operations = *m->inner.operations;
    m->operations.commit = marked_commit;
    m->operations.release = marked_release;
    m->operations.reserve = marked_reserve;
    m->operations.each_mapping = marked_each_mapping;
    m->operations.release_table = marked_release_table;
    m->f.support.operations = &m->operations;
    m->f.support.context = m;
    m->f.support.annotations = false;
    m->commit_error = commit_error;
}

static void *ensure(void *argument)
{
    struct marked *m = argument;
    (void)mmapper_ensure_mapped(m->f.mapper, m->f.heap, fixture_extent(2, 2), NULL);
    return NULL;
}

/* Out of line, so that the access stays behind the loop. */
__attribute__((noinline)) static void touch(struct marked *m)
{
    m->mark++;
}

/* PUBLISH-WORD, PUBLISH-SLOT: what is_mapped answers is ordered after the commit. */
static void test_is_mapped_acquires(size_t chunks)
{
    struct marked m;
    pthread_t thread;
    struct mm_backoff backoff = {0};
    begin(&m, 0);
    EXPECT_OK(
        mmapper_quarantine(m.f.mapper, m.f.heap, fixture_extent(0, chunks), NULL));
    EXPECT_EQ(pthread_create(&thread, NULL, ensure, &m), 0);
    while (!mmapper_is_mapped(m.f.mapper, fixture_extent(3, 1).start)) {
        mm_wait(&backoff);
    }
    touch(&m); /* races with the commit unless the answer acquired its publication */
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    fixture_end(&m.f);
}

/* UNPIN-READ: a commit that failed publishes nothing; the pin alone orders it before
 * the release. */
static void test_unpin_releases(void)
{
    struct marked m;
    pthread_t thread;
    struct mm_backoff backoff = {0};
    begin(&m, EACCES);
    EXPECT_OK(mmapper_quarantine(m.f.mapper, m.f.heap, fixture_extent(2, 2), NULL));
    EXPECT_EQ(pthread_create(&thread, NULL, ensure, &m), 0);
    while (mm_load_relaxed_u32(&m.inside) == 0) {
        mm_wait(&backoff);
    }
    while (mmapper_release(m.f.mapper, m.f.heap, fixture_extent(2, 2), NULL) ==
           MM_BUSY) {
        mm_wait(&backoff);
    }
    EXPECT_EQ(m.mark, 2);
    EXPECT_EQ(pthread_join(thread, NULL), 0);
    fixture_end(&m.f);
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        test_is_mapped_acquires(4); /* a split region: slots */
        test_unpin_releases();
    }
    return 0;
}
