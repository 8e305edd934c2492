/* SPDX-License-Identifier: MIT */
/*
 * Real programs in states on one mapper, under the oracles: several threads with a state
 * each in an owner of its own, every limit from nothing upwards, every refused commit.
 * Arguments: the .lua files; each has what it prints beside it, NAME.expected.
 */
#include <pthread.h>

#include "examples/lua/lua_run.h"
#include "examples/testing/oracle_mapper.h"
#include "mmapper/testing/expect.h"

enum { CHUNK = 256 * 1024, THREADS = 3, LIMIT = 4000000 };

struct programs {
    char **files;
    size_t count;
};

struct player {
    const struct programs *programs;
    struct lua_memory memory;
    char name[MM_NAME_BYTES];
    pthread_t thread;
};

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    EXPECT(file != NULL);
    char *text = NULL;
    size_t room = 0;
    EXPECT(getdelim(&text, &room, '\0', file) > 0); /* all of it: text has no NUL */
    (void)fclose(file);
    return text;
}

static char *expected_of(const char *lua_file)
{
    char path[4096];
    const size_t stem = strlen(lua_file) - strlen(".lua");
    (void)snprintf(path, sizeof(path), "%.*s.expected", (int)stem, lua_file);
    return read_file(path);
}

/* Runs a program; NULL when it ended well, else what Lua said. What it printed is in
 * *printed, to be freed. */
static char *run(const struct lua_memory *memory, char *file, char **printed)
{
    char *message = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(printed, &bytes);
    EXPECT(out != NULL);
    const bool good = lua_run_files(memory, out, &file, 1, &message);
    (void)fclose(out);
    EXPECT(good == (message == NULL));
    return message;
}

static void expect_good_run(const struct lua_memory *memory, char *file)
{
    char *printed = NULL;
    char *expected = expected_of(file);
    char *message = run(memory, file, &printed);
    if (message != NULL) {
        (void)fprintf(stderr, "%s: %s\n", file, message);
    }
    EXPECT(message == NULL);
    EXPECT_STR(printed, expected);
    free(printed);
    free(expected);
}

static void *play(void *argument)
{
    struct player *player = argument;
    for (size_t i = 0; i < player->programs->count; i++) {
        expect_good_run(&player->memory, player->programs->files[i]);
    }
    return NULL;
}

static void expect_held_by_name(struct oracle_mapper *oracle,
                                const struct player *player)
{
    const bool freed = player->memory.kind == LUA_MEMORY_HEAP;
    const struct mm_owner *owner =
        freed ? lua_heap_owner(player->memory.with.heap)
              : lua_immortal_owner(player->memory.with.immortal);
    struct mm_run part;
    unsigned parts = 0;
    for (uintptr_t at = mmapper_window(oracle->mapper).start;
         mmapper_next_run(oracle->mapper, at, &part); at = mm_extent_end(part.extent)) {
        if (part.owner == owner) {
            oracle_mapper_expect_refused(oracle, part.extent.start, player->name);
            parts++;
        }
    }
    EXPECT(parts > 0);
    EXPECT(!freed || lua_heap_verify(player->memory.with.heap));
}

/* Two of the states free, one never does. */
static void test_threads(const struct programs *programs)
{
    struct oracle_mapper oracle;
    struct player players[THREADS];
    struct mmapper *mapper = oracle_mapper_begin(&oracle, CHUNK);
    for (size_t i = 0; i < THREADS; i++) {
        struct player *player = &players[i];
        player->programs = programs;
        (void)snprintf(player->name, sizeof(player->name), "lua-%zu", i);
        EXPECT_OK(lua_memory_open(&player->memory,
                                  i % 2 == 0 ? LUA_MEMORY_HEAP : LUA_MEMORY_IMMORTAL,
                                  mapper, player->name, 0, NULL));
        EXPECT(pthread_create(&player->thread, NULL, play, player) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_join(players[i].thread, NULL) == 0);
    }
    oracle_mapper_check(&oracle);
    for (size_t i = 0; i < THREADS; i++) {
        expect_held_by_name(&oracle, &players[i]);
        EXPECT_OK(lua_memory_close(&players[i].memory, NULL));
    }
    oracle_mapper_end(&oracle);
}

/* A program that meets its limit again and again, catches that, and goes on. */
static void test_caught_limit(char *limits_file, enum lua_memory_kind kind)
{
    struct oracle_mapper oracle;
    struct lua_memory memory;
    struct mmapper *mapper = oracle_mapper_begin(&oracle, CHUNK);
    EXPECT_OK(lua_memory_open(&memory, kind, mapper, "limited", LIMIT, NULL));
    expect_good_run(&memory, limits_file);
    if (kind == LUA_MEMORY_HEAP) {
        EXPECT(lua_heap_usage(memory.with.heap).peak_bytes <= LIMIT);
        EXPECT(lua_heap_usage(memory.with.heap).peak_bytes > LIMIT / 2);
        EXPECT(lua_heap_verify(memory.with.heap));
    }
    EXPECT_OK(lua_memory_close(&memory, NULL));
    oracle_mapper_end(&oracle);
}

/* Whatever the limit is, from one at which no state can be made, the program runs or ends
 * with Lua's error: it never aborts. */
static void test_every_limit(char *file, enum lua_memory_kind kind, size_t step)
{
    struct oracle_mapper oracle;
    struct mmapper *mapper = oracle_mapper_begin(&oracle, CHUNK);
    bool good = false;
    for (size_t limit = 1; !good; limit += step) {
        struct lua_memory memory;
        char *printed = NULL;
        EXPECT_OK(lua_memory_open(&memory, kind, mapper, "limited", limit, NULL));
        char *message = run(&memory, file, &printed);
        good = message == NULL;
        if (!good) {
            EXPECT_CONTAINS(message, "not enough memory");
            EXPECT_CONTAINS(message, "own limit");
        }
        free(message);
        free(printed);
        const size_t used = kind == LUA_MEMORY_HEAP
                                ? lua_heap_usage(memory.with.heap).peak_bytes
                                : lua_immortal_used(memory.with.immortal);
        EXPECT(used <= limit);
        EXPECT_OK(lua_memory_close(&memory, NULL));
        EXPECT(limit < (size_t)256 << 20);
    }
    oracle_mapper_end(&oracle);
}

/* The same when it is the kernel that refuses, from any commit on. */
static void test_every_refusal(char *file, enum lua_memory_kind kind)
{
    bool good = false;
    for (uint64_t successes = 0; !good; successes++) {
        struct oracle_mapper oracle;
        struct lua_memory memory;
        struct mmapper *mapper = oracle_mapper_begin(&oracle, CHUNK);
        EXPECT_OK(lua_memory_open(&memory, kind, mapper, "refused", 0, NULL));
        oracle.kernel.armed = true;
        oracle.kernel.commits_left = successes;
        char *printed = NULL;
        char *message = run(&memory, file, &printed);
        good = message == NULL;
        if (!good) {
            EXPECT_CONTAINS(message, "not enough memory");
            EXPECT_CONTAINS(message, "commit");
        }
        oracle.kernel.armed = false;
        free(message);
        free(printed);
        EXPECT_OK(lua_memory_close(&memory, NULL));
        oracle_mapper_end(&oracle);
    }
}

static char *find(const struct programs *programs, const char *name)
{
    for (size_t i = 0; i < programs->count; i++) {
        if (strstr(programs->files[i], name) != NULL) {
            return programs->files[i];
        }
    }
    (void)fprintf(stderr, "%s is not among the programs\n", name);
    abort();
}

int main(int argc, char **argv)
{
    EXPECT(argc > 2);
    struct programs all = {&argv[1], (size_t)argc - 1};
    /* The one that is about limits runs under one, the others without. */
    char *limits = find(&all, "limits.lua");
    struct programs programs = {&argv[1], 0};
    for (size_t i = 0; i < all.count; i++) {
        if (all.files[i] != limits) {
            programs.files[programs.count++] = all.files[i];
        }
    }
    test_threads(&programs);
    test_caught_limit(limits, LUA_MEMORY_HEAP);
    test_caught_limit(limits, LUA_MEMORY_MALLOC);
    char *rays = find(&programs, "raytracer.lua");
    test_every_limit(rays, LUA_MEMORY_HEAP, 32 * 1024);
    test_every_limit(rays, LUA_MEMORY_IMMORTAL, 7000000);
    test_every_limit(find(&programs, "json.lua"), LUA_MEMORY_HEAP, 400000);
    test_every_refusal(rays, LUA_MEMORY_HEAP);
    test_every_refusal(rays, LUA_MEMORY_IMMORTAL);
    return 0;
}
