/* SPDX-License-Identifier: MIT */
/* The Lua heap as lua_Alloc's caller sees it, without Lua: sizes, moves, limits, what the
 * kernel refuses, and memory that goes back. */
#include "examples/lua/lua_heap.h"

#include "examples/lua/size_class.h"
#include "examples/testing/oracle_mapper.h"
#include "mmapper/testing/expect.h"

enum { CHUNK = 64 * 1024, RESERVE = 64 << 20, SLOTS = 800, STEPS = 40000 };

struct world {
    struct oracle_mapper oracle;
    struct lua_heap *heap;
};

static struct lua_heap *begin(struct world *world, size_t limit)
{
    struct mmapper *mapper = oracle_mapper_begin(&world->oracle, CHUNK);
    const struct lua_heap_options options = {
        .name = "lua-test",
        .reserve = RESERVE,
        .limit = limit,
    };
    EXPECT_OK(lua_heap_create(mapper, &options, &world->heap, NULL));
    return world->heap;
}

static void end(struct world *world)
{
    EXPECT(lua_heap_verify(world->heap));
    oracle_mapper_check(&world->oracle);
    EXPECT_OK(lua_heap_destroy(world->heap, NULL));
    oracle_mapper_end(&world->oracle);
}

static void test_size_classes(void)
{
    for (size_t bytes = 1; bytes <= SIZE_CLASS_LARGEST; bytes++) {
        const unsigned size_class = size_class_of(bytes);
        EXPECT(size_class < SIZE_CLASS_COUNT);
        EXPECT(size_class_bytes(size_class) >= bytes);
        EXPECT(size_class == 0 || size_class_bytes(size_class - 1) < bytes);
        EXPECT_EQ(size_class_bytes(size_class) % SIZE_CLASS_GRAIN, 0);
        EXPECT(size_class_blocks(size_class) >= 2);
    }
}

/* What the manual says of lua_Alloc, sentence by sentence. */
static void test_lua_alloc(void)
{
    struct world world;
    struct lua_heap *heap = begin(&world, 0);
    /* Without a block, osize is the kind of object: any number. */
    char *text = lua_heap_alloc(heap, NULL, 4, 20);
    EXPECT(text != NULL);
    EXPECT_EQ((uintptr_t)text % SIZE_CLASS_GRAIN, 0);
    memcpy(text, "nineteen characters", 20);
    EXPECT(lua_heap_alloc(heap, NULL, 4, 0) == NULL);
    EXPECT_EQ((uintptr_t)lua_heap_alloc(heap, text, 20, 32), (uintptr_t)text);
    char *moved = lua_heap_alloc(heap, text, 32, 33);
    EXPECT(moved != NULL && moved != text);
    EXPECT_STR(moved, "nineteen characters");
    /* Into a run of pages, a longer one, and back. */
    moved = lua_heap_alloc(heap, moved, 33, 100000);
    EXPECT_STR(moved, "nineteen characters");
    EXPECT_EQ((uintptr_t)lua_heap_alloc(heap, moved, 100000, 100001), (uintptr_t)moved);
    moved = lua_heap_alloc(heap, moved, 100001, 1000000);
    EXPECT_STR(moved, "nineteen characters");
    oracle_mapper_check(&world.oracle);
    oracle_mapper_expect_refused(&world.oracle, (uintptr_t)moved, "lua-test");
    moved = lua_heap_alloc(heap, moved, 1000000, 20);
    EXPECT_STR(moved, "nineteen characters");
    EXPECT(lua_heap_alloc(heap, moved, 20, 0) == NULL);
    EXPECT_EQ(lua_heap_failure(heap)->status, MM_OK);
    end(&world);
}

/* The same block of the smallest class again: the list is last in, first out. */
static void test_reuse(void)
{
    struct world world;
    struct lua_heap *heap = begin(&world, 0);
    void *a = lua_heap_alloc(heap, NULL, 0, 16);
    void *b = lua_heap_alloc(heap, NULL, 0, 16);
    (void)lua_heap_alloc(heap, a, 16, 0);
    (void)lua_heap_alloc(heap, b, 16, 0);
    EXPECT_EQ((uintptr_t)lua_heap_alloc(heap, NULL, 0, 16), (uintptr_t)b);
    EXPECT_EQ((uintptr_t)lua_heap_alloc(heap, NULL, 0, 16), (uintptr_t)a);
    EXPECT_EQ(lua_heap_usage(heap).page_bytes, SIZE_CLASS_PAGE);
    end(&world);
}

/* Takes blocks of `bytes` until there are no more; returns the last one. Each has the
 * address of the one before it. */
static void *fill(struct lua_heap *heap, size_t bytes)
{
    void *last = NULL;
    void *block;
    while ((block = lua_heap_alloc(heap, NULL, 0, bytes)) != NULL) {
        *(void **)block = last;
        last = block;
    }
    return last;
}

static void give_all(struct lua_heap *heap, void *last, size_t bytes)
{
    while (last != NULL) {
        void *before = *(void **)last;
        (void)lua_heap_alloc(heap, last, bytes, 0);
        last = before;
    }
}

/* The limit refuses, says why, and all is as before when blocks were freed. What is made
 * smaller stays where it is if there is no room, and is freed as what it is. */
static void test_limit(void)
{
    enum { LIMIT = 40 * SIZE_CLASS_PAGE };
    struct world world;
    struct lua_heap *heap = begin(&world, LIMIT + 1);
    char *run = lua_heap_alloc(heap, NULL, 0, 3 * SIZE_CLASS_PAGE);
    char *block = lua_heap_alloc(heap, NULL, 0, 1024);
    memset(run, 'r', 3 * SIZE_CLASS_PAGE);
    memset(block, 'b', 1024);
    void *last = fill(heap, 4000);
    EXPECT_EQ(lua_heap_usage(heap).page_bytes, LIMIT);
    EXPECT_EQ(lua_heap_failure(heap)->status, MM_NO_SPACE);
    EXPECT_STR(lua_heap_failure(heap)->detail, "the heap's own limit");
    EXPECT(lua_heap_alloc(heap, run, 3 * SIZE_CLASS_PAGE, 4 * SIZE_CLASS_PAGE) == NULL);
    EXPECT_EQ((uintptr_t)lua_heap_alloc(heap, run, 3 * SIZE_CLASS_PAGE, 100),
              (uintptr_t)run);
    EXPECT_EQ((uintptr_t)lua_heap_alloc(heap, block, 1024, 10), (uintptr_t)block);
    EXPECT(run[0] == 'r' && run[99] == 'r' && block[9] == 'b');
    give_all(heap, last, 4000);
    /* Now there is room: both can move to what they should be. */
    char *small = lua_heap_alloc(heap, run, 100, 101);
    EXPECT(small != NULL && small != run && small[99] == 'r');
    (void)lua_heap_alloc(heap, small, 101, 0);
    (void)lua_heap_alloc(heap, block, 10, 0);
    EXPECT(lua_heap_usage(heap).page_bytes <= (size_t)3 * SIZE_CLASS_PAGE);
    EXPECT_EQ(lua_heap_usage(heap).peak_bytes, LIMIT);
    last = fill(heap, 64);
    EXPECT_EQ(lua_heap_usage(heap).page_bytes, LIMIT);
    give_all(heap, last, 64);
    end(&world);
}

/* The kernel refuses from any one commit on, the slab table's included. */
static void test_refused_commits(void)
{
    for (uint64_t successes = 0; successes < 4; successes++) {
        struct world world;
        struct lua_heap *heap = begin(&world, 0);
        world.oracle.kernel.armed = true;
        world.oracle.kernel.commits_left = successes;
        void *last = fill(heap, 1000);
        EXPECT_EQ(lua_heap_failure(heap)->status, MM_NO_MEMORY);
        EXPECT_EQ(lua_heap_failure(heap)->os_call, MM_OS_COMMIT);
        EXPECT(lua_heap_alloc(heap, NULL, 0, 1 << 20) == NULL);
        EXPECT(lua_heap_verify(heap));
        world.oracle.kernel.armed = false;
        void *large = lua_heap_alloc(heap, NULL, 0, 1 << 20);
        EXPECT(large != NULL);
        memset(large, 1, 1 << 20);
        give_all(heap, last, 1000);
        (void)lua_heap_alloc(heap, large, 1 << 20, 0);
        end(&world);
    }
}

/* What was freed leaves memory, by the kernel's count. */
static void test_memory_goes_back(void)
{
    struct world world;
    struct lua_heap *heap = begin(&world, 32 << 20);
    void *kept = lua_heap_alloc(heap, NULL, 0, 100);
    const uintptr_t at = mm_align_down((uintptr_t)kept, CHUNK);
    const struct mm_extent chunks = mm_extent_of(at, 32 << 20);
    void *last = fill(heap, 500);
    EXPECT(oracle_resident_bytes(chunks) > (size_t)30 << 20);
    give_all(heap, last, 500);
    EXPECT(oracle_resident_bytes(chunks) <= (size_t)2 * CHUNK);
    memset(kept, 1, 100);
    (void)lua_heap_alloc(heap, kept, 100, 0);
    end(&world);
}

/* ------------------------------------------------- at random, beside a model */

struct slot {
    unsigned char *block; /* NULL: none */
    size_t bytes;
    unsigned char first; /* byte i is first + i */
};

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly what Lua asks for, sometimes a buffer. */
static size_t random_bytes(uint64_t *state)
{
    const uint64_t kind = random_next(state) % 100;
    const size_t most = kind < 80 ? 200 : kind < 98 ? SIZE_CLASS_LARGEST + 100 : 100000;
    return 1 + random_next(state) % most;
}

static void expect_contents(const struct slot *slot, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        EXPECT_EQ(slot->block[i], (unsigned char)(slot->first + i));
    }
}

static void step(struct lua_heap *heap, struct address_map *blocks, struct slot *slot,
                 uint64_t *state)
{
    const size_t nsize = random_next(state) % 3 == 0 ? 0 : random_bytes(state);
    const uint64_t token = (uintptr_t)slot;
    if (slot->block != NULL) {
        expect_contents(slot, slot->bytes);
        EXPECT(address_map_remove(
            blocks, mm_extent_of((uintptr_t)slot->block, slot->bytes), token, NULL));
    }
    unsigned char *block =
        lua_heap_alloc(heap, slot->block, slot->block == NULL ? 5 : slot->bytes, nsize);
    if (nsize == 0) {
        EXPECT(block == NULL);
        slot->block = NULL;
        return;
    }
    if (block == NULL) { /* the limit: what there was is as it was */
        EXPECT(slot->block == NULL || nsize > slot->bytes);
        if (slot->block == NULL) {
            return;
        }
    } else {
        const size_t common = nsize < slot->bytes ? nsize : slot->bytes;
        const size_t kept = slot->block == NULL ? 0 : common;
        slot->block = block;
        expect_contents(slot, kept);
        slot->bytes = nsize;
        slot->first = (unsigned char)random_next(state);
        for (size_t i = 0; i < nsize; i++) {
            block[i] = (unsigned char)(slot->first + i);
        }
    }
    EXPECT(address_map_insert(blocks, mm_extent_of((uintptr_t)slot->block, slot->bytes),
                              token, NULL));
}

static void test_model(uint64_t seed)
{
    static struct slot slots[SLOTS];
    struct world world;
    struct lua_heap *heap = begin(&world, 1 << 20);
    struct address_map *blocks = address_map_create();
    uint64_t state = seed;
    for (unsigned i = 0; i < STEPS; i++) {
        step(heap, blocks, &slots[random_next(&state) % SLOTS], &state);
        if (i % 4000 == 0) {
            EXPECT(lua_heap_verify(heap));
            oracle_mapper_check(&world.oracle);
        }
    }
    EXPECT_EQ(lua_heap_failure(heap)->status, MM_NO_SPACE); /* the limit was met */
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].block != NULL) {
            expect_contents(&slots[i], slots[i].bytes);
            (void)lua_heap_alloc(heap, slots[i].block, slots[i].bytes, 0);
            slots[i].block = NULL;
        }
    }
    /* A page of each class may stay. */
    EXPECT(lua_heap_usage(heap).page_bytes <=
           (size_t)SIZE_CLASS_COUNT * SIZE_CLASS_PAGE);
    address_map_destroy(blocks);
    end(&world);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240607;
    (void)printf("%s: seed %" PRIu64 "\n", argv[0], seed);
    test_size_classes();
    test_lua_alloc();
    test_reuse();
    test_limit();
    test_refused_commits();
    test_memory_goes_back();
    test_model(seed);
    return 0;
}
