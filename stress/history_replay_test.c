/* SPDX-License-Identifier: MIT */
#include "stress/history_replay.h"

#include "mmapper/mmapper.h"
#include "mmapper/testing/expect.h"

#define ANON "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS"
#define NOTHING "PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS"

/* Two threads, a fork, an execve; memory overwritten, moved, given away and back. */
static const char sample[] =
    "10 mmap(NULL, 1048576, " ANON ", -1, 0) = 0x7f0000000000\n"
    "10 mmap(NULL, 65536, " NOTHING ", -1, 0) = 0x20000000\n"
    "10 mprotect(0x20004000, 8192, PROT_READ|PROT_WRITE) = 0\n"
    "10 clone(child_stack=0x7f0000100000, flags=CLONE_VM|CLONE_THREAD) = 11\n"
    "11 mmap(0x20002000, 16384, " ANON "|MAP_FIXED, -1, 0) = 0x20002000\n"
    "10 madvise(0x20000000, 65536, MADV_DONTNEED) = 0\n"
    "11 mmap(NULL, 8192, " ANON ", -1, 0) = 0x30000000\n"
    "11 mremap(0x30000000, 8192, 32768, MREMAP_MAYMOVE) = 0x40000000\n"
    "10 fork() = 12\n"
    "12 munmap(0x20000000, 65536) = 0\n"
    "10 munmap(0x20003000, 4096) = 0\n"
    "12 execve(\"/bin/x\", [\"x\"], 0x1 /* 0 vars */) = 0\n"
    "12 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0) = 0x20000000\n"
    "12 +++ exited with 0 +++\n"
    "10 wait4(12, NULL, 0, NULL) = 12\n"
    "10 mprotect(0x40000000, 8192, PROT_NONE) = 0\n";

struct fixture {
    struct history *history;
    struct history_model *model;
    struct history_plan plan;
    struct history_replay_options options;
};

static void set_up(struct fixture *fixture, const char *text, uint64_t budget)
{
    fixture->history = history_read(text, strlen(text));
    EXPECT_EQ(fixture->history->lines.unreadable, 0);
    fixture->model = history_model_build(fixture->history);
    EXPECT(history_plan_make(fixture->model, budget, &fixture->plan) == NULL);
    fixture->options = (struct history_replay_options){.seed = 1, .name = "a sample"};
    EXPECT(history_find_room(fixture->plan.bytes, &fixture->options.base));
}

static void drop(struct fixture *fixture)
{
    history_plan_free(&fixture->plan);
    history_model_free(fixture->model);
    history_free(fixture->history);
}

static struct history_replay_result replay(struct fixture *fixture, bool threads,
                                           uint64_t seed)
{
    struct history_replay_result result;
    fixture->options.threads = threads;
    fixture->options.seed = seed;
    history_replay(&fixture->plan, &fixture->options, &result);
    EXPECT(!result.environment && !result.cut_short);
    return result;
}

static void is_equal_in_the_end(void)
{
    struct fixture fixture;
    set_up(&fixture, sample, history_room());
    EXPECT(!fixture.plan.squeezed);
    for (uint64_t seed = 0; seed < 40; seed++) {
        const struct history_replay_result result =
            replay(&fixture, seed % 2 == 0, seed);
        EXPECT_EQ(result.violations, 0);
        EXPECT_EQ(result.steps, fixture.model->step_count);
        EXPECT_EQ(result.spaces, 3);
        EXPECT_EQ(result.threads, seed % 2 == 0 ? 3 : 1);
        EXPECT_EQ(result.refused, 1);
    }
    drop(&fixture);
}

/* Where there is less room, stretches that are treated alike are cut short. */
static void is_equal_in_little_room(void)
{
    struct fixture fixture;
    set_up(&fixture, sample, 400 * HISTORY_CHUNK_BYTES);
    EXPECT(fixture.plan.squeezed);
    EXPECT(fixture.plan.bytes <= 400 * HISTORY_CHUNK_BYTES);
    EXPECT_EQ(replay(&fixture, false, 1).violations, 0);
    EXPECT_EQ(replay(&fixture, true, 1).violations, 0);
    struct history_plan none;
    EXPECT(history_plan_make(fixture.model, HISTORY_CHUNK_BYTES, &none) != NULL);
    drop(&fixture);
}

/* The comparison at the end can fail: the history's own state is falsified. */
static void sees_each_difference(void)
{
    struct fixture fixture;
    set_up(&fixture, sample, history_room());
    struct history_map *map = &fixture.model->spaces[0].map;
    EXPECT(map->count > 2);
    for (unsigned threads = 0; threads < 2; threads++) {
        struct history_piece *piece = &map->pieces[map->count / 2];
        const struct history_piece right = *piece;
        piece->protection = right.protection != 0 ? 0 : 1;
        EXPECT(replay(&fixture, threads != 0, 1).violations > 0);
        *piece = right;
        piece->origin = map->pieces[0].origin == right.origin ? map->pieces[1].origin
                                                              : map->pieces[0].origin;
        EXPECT(replay(&fixture, threads != 0, 1).violations > 0);
        *piece = right;
        map->count--;
        EXPECT(replay(&fixture, threads != 0, 1).violations > 0);
        map->count++;
        EXPECT_EQ(replay(&fixture, threads != 0, 1).violations, 0);
    }
    drop(&fixture);
}

/* Another origin of the first address space than these two. */
static uint32_t third_origin(const struct history_model *model, uint32_t one,
                             uint32_t other)
{
    for (uint32_t i = 0; i < model->origin_count; i++) {
        if (model->origins[i].space == 0 && i != one && i != other) {
            return i;
        }
    }
    EXPECT(false);
    return HISTORY_NONE;
}

/* So can the check of who is named as the holder, and of the steps themselves. */
static void sees_a_wrong_holder(void)
{
    struct fixture fixture;
    set_up(&fixture, sample, history_room());
    struct history_step *step = fixture.model->steps;
    while (step->kind != HISTORY_STEP_REFUSED) {
        step++;
    }
    const uint32_t right = step->other;
    step->other = third_origin(fixture.model, step->origin, right);
    EXPECT(replay(&fixture, false, 1).violations > 0);
    step->other = right;
    step->kind = HISTORY_STEP_RESERVE;
    EXPECT(replay(&fixture, false, 1).violations > 0);
    step->kind = HISTORY_STEP_REFUSED;
    EXPECT_EQ(replay(&fixture, false, 1).violations, 0);
    drop(&fixture);
}

/* More files, one after the other, than a mapper takes owners. */
static void hands_owners_on(void)
{
    enum { FILES = 5000, LINE_BYTES = 128 };
    char *text = malloc((size_t)FILES * 2 * LINE_BYTES);
    size_t used = 0;
    EXPECT(text != NULL);
    for (unsigned i = 0; i < FILES; i++) {
        used += (size_t)snprintf(
            text + used, LINE_BYTES,
            "10 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3, 0) = 0x%x000\n",
            256 + i % 7);
        used += (size_t)snprintf(text + used, LINE_BYTES,
                                 "10 munmap(0x%x000, 4096) = 0\n", 256 + i % 7);
    }
    struct fixture fixture;
    set_up(&fixture, text, history_room());
    EXPECT_EQ(fixture.model->origin_count, FILES);
    EXPECT(fixture.plan.shared_slots);
    EXPECT_EQ(fixture.plan.slot_counts[0], MM_MAX_OWNERS);
    EXPECT_EQ(replay(&fixture, false, 1).violations, 0);
    drop(&fixture);
    free(text);
}

int main(void)
{
    is_equal_in_the_end();
    is_equal_in_little_room();
    sees_each_difference();
    sees_a_wrong_holder();
    hands_owners_on();
    return 0;
}
