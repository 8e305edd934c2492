/* SPDX-License-Identifier: MIT */
/* The collector with one mutator: what lives, what dies, what the limits do, and where the
 * memory goes. */
#include "examples/collector/collector.h"

#include "examples/collector/fixture.h"

enum { HEAP_BYTES = 128 << 20, SMALL_HEAP_BYTES = 8 << 20, LARGE_BYTES = 300000 };

static void test_cell_classes(void)
{
    for (size_t bytes = 1; bytes <= CELL_CLASS_LARGEST; bytes++) {
        const unsigned cell_class = cell_class_of(bytes);
        EXPECT(cell_class < CELL_CLASS_COUNT);
        EXPECT(cell_class_bytes(cell_class) >= bytes);
        EXPECT(cell_class == 0 || cell_class_bytes(cell_class - 1) < bytes);
        EXPECT_EQ(cell_class_bytes(cell_class) % GRAIN_BYTES, 0);
    }
}

/* A new object, all zero, and then full of something else. */
static struct object *expect_fresh(struct mutator *mutator, uint32_t slots,
                                   uint32_t bytes)
{
    struct object *object = collector_alloc(mutator, slots, bytes, NULL);
    const unsigned char *contents = object_bytes(object);
    EXPECT_EQ(object->slots, slots);
    EXPECT_EQ(object->bytes, bytes);
    for (uint32_t i = 0; i < slots; i++) {
        EXPECT_EQ((uintptr_t)object_get(object, i), 0);
    }
    for (uint32_t i = 0; i < bytes; i++) {
        EXPECT_EQ(contents[i], 0);
    }
    memset(object_bytes(object), 0xA5, bytes);
    return object;
}

/* Objects of all sizes, kept in one array: disjoint, zero at first, and what was written
 * stays through collections that take every other one. */
static void test_sizes(void)
{
    enum { COUNT = 3000 };
    struct fixture fixture;
    struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
    struct address_map *objects = address_map_create();
    struct object *here[1] = {NULL};
    struct root_frame frame = {.slots = here, .count = 1};
    roots_push(mutator, &frame);
    here[0] = collector_alloc(mutator, COUNT, 0, NULL);
    for (uint32_t i = 0; i < COUNT; i++) {
        const uint32_t bytes = i % 50 == 0 ? i * 20 : i % 1000;
        struct object *object = expect_fresh(mutator, i % 5, bytes);
        memset(object_bytes(object), (int)(i % 256), bytes);
        object_set(here[0], i, object);
    }
    for (unsigned round = 0; round < 2; round++) {
        EXPECT_EQ(fixture_live(&fixture), 1 + COUNT / (round + 1));
        for (uint32_t i = 0; i < COUNT; i++) {
            struct object *object = object_get(here[0], i);
            if (object == NULL) {
                continue;
            }
            const unsigned char *contents = object_bytes(object);
            for (uint32_t k = 0; k < object->bytes; k++) {
                EXPECT_EQ(contents[k], i % 256);
            }
            const struct mm_extent extent = mm_extent_of(
                (uintptr_t)object, object_size(object->slots, object->bytes));
            EXPECT(round == 1 || address_map_insert(objects, extent, i, NULL));
            if (i % 2 == 0) {
                object_set(here[0], i, NULL);
            }
        }
    }
    /* Where others were, in cells and in runs, it is zero again. */
    for (uint32_t i = 0; i < COUNT; i++) {
        (void)expect_fresh(mutator, i % 5, i % 50 == 0 ? i * 20 : i % 1000);
    }
    roots_pop(mutator, &frame);
    EXPECT_EQ(fixture_live(&fixture), 0);
    address_map_destroy(objects);
    fixture_end(&fixture);
}

/* Every way to hold an object holds it, and nothing but that. */
static void test_roots(void)
{
    struct fixture fixture;
    struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
    struct root_global first = {0};
    struct root_global second = {0};
    struct object *below[2] = {NULL};
    struct object *above[3] = {NULL};
    struct root_frame lower = {.slots = below, .count = 2};
    struct root_frame upper = {.slots = above, .count = 3};
    collector_add_global(&fixture.collector, &first);
    collector_add_global(&fixture.collector, &second);
    roots_push(mutator, &lower);
    roots_push(mutator, &upper);
    struct object **slots[] = {&below[0], &below[1], &above[0], &above[1], &above[2]};
    for (size_t i = 0; i < 5; i++) {
        EXPECT_EQ(fixture_live(&fixture), i);
        *slots[i] = collector_alloc(mutator, 2, 8, NULL);
    }
    atomic_store(&first.object, collector_alloc(mutator, 1, 0, NULL));
    EXPECT_EQ(fixture_live(&fixture), 6);
    atomic_store(&second.object, collector_alloc(mutator, 1, LARGE_BYTES, NULL));
    EXPECT_EQ(fixture_live(&fixture), 7);
    /* A cycle that only the second global reaches. */
    struct object *ring = collector_alloc(mutator, 2, 0, NULL);
    object_set(atomic_load(&second.object), 0, ring);
    object_set(ring, 0, collector_alloc(mutator, 2, 0, NULL));
    object_set(object_get(ring, 0), 1, ring);
    EXPECT_EQ(fixture_live(&fixture), 9);
    object_set(atomic_load(&second.object), 0, NULL);
    EXPECT_EQ(fixture_live(&fixture), 7);
    roots_pop(mutator, &upper);
    EXPECT_EQ(fixture_live(&fixture), 4);
    roots_pop(mutator, &lower);
    EXPECT_EQ(fixture_live(&fixture), 2);
    atomic_store(&second.object, NULL);
    EXPECT_EQ(fixture_live(&fixture), 1);
    atomic_store(&first.object, NULL);
    EXPECT_EQ(fixture_live(&fixture), 0);
    fixture_end(&fixture);
}

/* A list as long as the memory allows; here[0] is its head. */
static uint32_t fill(struct mutator *mutator, struct object **here, uint32_t bytes,
                     struct mm_error *error)
{
    uint32_t count = 0;
    struct object *object;
    while ((object = collector_alloc(mutator, 1, bytes, error)) != NULL) {
        object_set(object, 0, here[0]);
        here[0] = object;
        count++;
        EXPECT(count < HEAP_BYTES / GRAIN_BYTES); /* else some were lost */
    }
    return count;
}

static uint32_t length(struct object *list)
{
    uint32_t count = 0;
    for (; list != NULL; list = object_get(list, 0)) {
        count++;
        EXPECT(count < HEAP_BYTES / GRAIN_BYTES); /* it has an end */
    }
    return count;
}

/* Memory runs out, as an answer; once there is garbage it is there again, also as one
 * large object where many small ones were. */
static void test_full_heap(void)
{
    struct fixture fixture;
    struct mm_error error;
    struct mutator *mutator = fixture_begin(&fixture, SMALL_HEAP_BYTES);
    struct object *here[1] = {NULL};
    struct root_frame frame = {.slots = here, .count = 1};
    roots_push(mutator, &frame);
    for (unsigned round = 0; round < 3; round++) {
        const uint32_t bytes = round == 1 ? LARGE_BYTES : 100;
        const uint32_t count = fill(mutator, here, bytes, &error);
        EXPECT_EQ(error.status, MM_NO_SPACE);
        EXPECT(count >= (round == 1 ? 20 : 55000));
        EXPECT_EQ(length(here[0]), count);
        EXPECT_EQ(fixture_live(&fixture), count);
        here[0] = NULL;
    }
    EXPECT(collector_alloc(mutator, 0, UINT32_MAX, &error) == NULL);
    EXPECT_EQ(error.status, MM_NO_SPACE);
    here[0] = collector_alloc(mutator, 0, SMALL_HEAP_BYTES - 2 * FIXTURE_CHUNK, &error);
    EXPECT(here[0] != NULL);
    roots_pop(mutator, &frame);
    fixture_end(&fixture);
}

/* The kernel refuses a commit: of blocks or of the tables, from the first one on. */
static void test_refused_commits(void)
{
    for (uint64_t successes = 0; successes < 6; successes++) {
        struct fixture fixture;
        struct mm_error error;
        struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
        struct object *here[1] = {NULL};
        struct root_frame frame = {.slots = here, .count = 1};
        roots_push(mutator, &frame);
        fixture.oracle.kernel.armed = true;
        fixture.oracle.kernel.commits_left = successes;
        const uint32_t count = fill(mutator, here, 1000, &error);
        EXPECT_EQ(error.status, MM_NO_MEMORY);
        EXPECT_EQ(error.os_call, MM_OS_COMMIT);
        EXPECT_EQ(length(here[0]), count);
        EXPECT_EQ(fixture_live(&fixture), count);
        fixture.oracle.kernel.armed = false;
        EXPECT(collector_alloc(mutator, 0, LARGE_BYTES, NULL) != NULL);
        roots_pop(mutator, &frame);
        fixture_end(&fixture);
    }
}

/* A tree whose nodes are made in an order that has nothing to do with its shape. */
static struct object *make_bush(struct mutator *mutator, struct object **here,
                                uint32_t count)
{
    here[0] = collector_alloc(mutator, count, 0, NULL);
    uint64_t random = 1;
    for (uint32_t i = 0; i < count; i++) {
        object_set(here[0], i, collector_alloc(mutator, 3, 40, NULL));
    }
    for (uint32_t i = 1; i < count; i++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        struct object *parent = object_get(here[0], (uint32_t)(random >> 33) % i);
        struct object *child = object_get(here[0], i);
        const uint32_t slot = (uint32_t)(random >> 20) % 3;
        /* What was there hangs below the new one. */
        object_set(child, slot, object_get(parent, slot));
        object_set(parent, slot, child);
    }
    return object_get(here[0], 0);
}

/* The mark stack cannot grow, at all or beyond its first chunk: everything that lives is
 * marked nevertheless. */
static void test_mark_stack_overflow(void)
{
    enum { COUNT = 100000 }; /* more than two steps of the stack hold */
    struct fixture fixture;
    struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
    struct object *here[1] = {NULL};
    struct root_frame frame = {.slots = here, .count = 1};
    roots_push(mutator, &frame);
    (void)make_bush(mutator, here, COUNT);
    for (uint64_t successes = 0; successes < 2; successes++) {
        const uint64_t before = fixture.collector.statistics.rescans;
        fixture.oracle.kernel.armed = true;
        fixture.oracle.kernel.commits_left = successes;
        /* All children of the array at once: more than the stack may hold. */
        EXPECT_EQ(fixture_live(&fixture), 1 + COUNT);
        EXPECT(fixture.collector.statistics.rescans > before);
        fixture.oracle.kernel.armed = false;
        const uint64_t after = fixture.collector.statistics.rescans;
        EXPECT_EQ(fixture_live(&fixture), 1 + COUNT);
        EXPECT_EQ(fixture.collector.statistics.rescans, after);
    }
    here[0] = object_get(here[0], 0);
    EXPECT_EQ(fixture_live(&fixture), COUNT);
    roots_pop(mutator, &frame);
    EXPECT_EQ(fixture_live(&fixture), 0);
    fixture_end(&fixture);
}

/* What died leaves memory, by the kernel's count: blocks of small objects, large ones, and
 * the mark stack. What lives stays, to the byte. */
static void test_memory_goes_back(void)
{
    enum { LISTS = 40, NODES = 10000, KEPT = 17 };
    struct fixture fixture;
    struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
    const struct heap_memory *memory = fixture.collector.heap.memory;
    struct object *here[2] = {NULL};
    struct root_frame frame = {.slots = here, .count = 2};
    roots_push(mutator, &frame);
    here[0] = collector_alloc(mutator, LISTS, 0, NULL);
    for (uint32_t i = 0; i < LISTS; i++) {
        for (uint32_t k = 0; k < NODES; k++) {
            here[1] = collector_alloc(mutator, 1, 100, NULL);
            memset(object_bytes(here[1]), (int)i, 100);
            object_set(here[1], 0, object_get(here[0], i));
            object_set(here[0], i, here[1]);
        }
        here[1] = collector_alloc(mutator, 0, LARGE_BYTES, NULL);
        memset(object_bytes(here[1]), 1, LARGE_BYTES);
    }
    here[1] = NULL;
    const size_t before = oracle_resident_bytes(memory->blocks);
    EXPECT(before > (size_t)LISTS * NODES * 120);
    for (uint32_t i = 0; i < LISTS; i++) {
        object_set(here[0], i, i == KEPT ? object_get(here[0], i) : NULL);
    }
    EXPECT_EQ(fixture_live(&fixture), 1 + NODES);
    const size_t live = fixture.collector.statistics.live_bytes;
    const size_t after = oracle_resident_bytes(memory->blocks);
    /* A list lies in blocks of its own, but at both ends, and so do chunks. */
    EXPECT(after <= live + 2 * FIXTURE_BUDGET + 4 * FIXTURE_CHUNK);
    EXPECT(after >= live / 2);
    EXPECT(oracle_resident_bytes(memory->mark_stack) <= FIXTURE_CHUNK);
    EXPECT_EQ(length(object_get(here[0], KEPT)), NODES);
    for (struct object *node = object_get(here[0], KEPT); node != NULL;
         node = object_get(node, 0)) {
        const unsigned char *contents = object_bytes(node);
        EXPECT(contents[0] == KEPT && contents[99] == KEPT);
    }
    roots_pop(mutator, &frame);
    EXPECT_EQ(fixture_live(&fixture), 0);
    EXPECT(oracle_resident_bytes(memory->blocks) <= 2 * FIXTURE_BUDGET);
    fixture_end(&fixture);
}

/* Nobody else gets at what the heap holds. */
static void test_stranger(void)
{
    struct fixture fixture;
    struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
    const struct heap_memory *memory = fixture.collector.heap.memory;
    const struct object *object = collector_alloc(mutator, 1, LARGE_BYTES, NULL);
    oracle_mapper_expect_refused(&fixture.oracle, (uintptr_t)object, "heap");
    oracle_mapper_expect_refused(&fixture.oracle, (uintptr_t)memory->starts,
                                 "heap metadata");
    oracle_mapper_expect_refused(&fixture.oracle, (uintptr_t)memory->kinds,
                                 "heap metadata");
    oracle_mapper_expect_refused(&fixture.oracle, memory->mark_stack.start,
                                 "heap mark stack");
    fixture_end(&fixture);
}

int main(void)
{
    test_cell_classes();
    test_sizes();
    test_roots();
    test_full_heap();
    test_refused_commits();
    test_mark_stack_overflow();
    test_memory_goes_back();
    test_stranger();
    return 0;
}
