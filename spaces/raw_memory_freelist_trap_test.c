/* SPDX-License-Identifier: MIT */
/* A list whose links somebody wrote over traps before it hands a unit out twice. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spaces/freelist_expect.h"

/* Units 0-3 and 4-7 are free, with the entries 1 and 5; the list's own is 0, the last
 * one 9. An entry is two words, with the previous and with the next one. */
enum {
    PREVIOUS = 0,
    NEXT = 1,
    FIRST = 2,
    SECOND = 10,
    LAST = 18,
    NOWHERE = (1 << 30) - 1
};

static const struct damage {
    size_t word;
    uint32_t link;
} damages[] = {
    {FIRST + NEXT, NOWHERE}, {FIRST + PREVIOUS, NOWHERE},
    {FIRST + NEXT, 10},      {FIRST + PREVIOUS, 10},
    {FIRST + NEXT, 3},       {FIRST + PREVIOUS, 5},
    {SECOND + PREVIOUS, 0},  {0 + NEXT, 5},
};

static void take_first(struct raw_memory_freelist *list)
{
    (void)raw_memory_freelist_alloc_from_unit(list, 0, 4, 0);
}

static void expect_trap(struct raw_memory_freelist *list,
                        void (*call)(struct raw_memory_freelist *list))
{
    int status = 0;
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        call(list);
        _exit(0);
    }
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status));
    EXPECT(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static void set_link(struct lists *lists, struct damage damage)
{
    uint32_t *word = (uint32_t *)lists->table + damage.word;
    *word = (*word & ~(uint32_t)NOWHERE) | damage.link;
}

/* Damages, expects the trap, and repairs. */
static void test_damages(const struct damage *wrong, size_t count)
{
    struct lists lists;
    struct raw_memory_freelist *list = freelist_begin(&lists, 8, 4);
    uint32_t before[2 * 10];
    EXPECT_LIST(list, 0, 0, 4);
    memcpy(before, lists.table, sizeof before);
    for (size_t i = 0; i < count; i++) {
        set_link(&lists, wrong[i]);
    }
    EXPECT(memcmp(before, lists.table, sizeof before) != 0);
    expect_trap(list, take_first);
    memcpy(lists.table, before, sizeof before);
    freelist_end(&lists);
}

/* ------------------------------------------------------------------ binned */

/* Units 0-199 are free, with the entries from 256 on, 200-299 are used. The bin is that
 * of 192 to 207 units, and its sentinel leads to entry 256. */
enum {
    BIN = 2 * (255 - 76),
    BLOCK = 2 * 256,
    BLOCK_UNITS = 200,
    ALL_UNITS = 300,
};

static void take_part(struct raw_memory_freelist *list)
{
    (void)alloc(list, 1);
}

/* So much that the rest is in another bin. */
static void take_half(struct raw_memory_freelist *list)
{
    (void)alloc(list, 100);
}

static void take_all(struct raw_memory_freelist *list)
{
    (void)alloc(list, 192);
}

static void give_behind(struct raw_memory_freelist *list)
{
    (void)raw_memory_freelist_free(list, 0, BLOCK_UNITS, NULL);
}

/* What stays in its bin is not looked up on the list, so it has to be right itself. */
static const struct change {
    void (*call)(struct raw_memory_freelist *list);
    size_t word;
    uint32_t flip;
} changes[] = {
    {take_part, BIN + NEXT, 256 ^ NOWHERE},
    {take_part, BIN + NEXT, 256 ^ (256 + ALL_UNITS)},
    {take_part, BIN + NEXT, 256 ^ BIN / 2}, /* the bin is empty */
    {take_part, BIN + NEXT, 256},           /* and its sentinel zero */
    {take_all, BIN + NEXT, 256 ^ (256 + 7)},
    {take_part, BLOCK + PREVIOUS, UINT32_C(1) << 31}, /* used */
    {take_all, BLOCK + NEXT, UINT32_C(1) << 30},      /* one unit */
    {take_part, BLOCK + 2 + NEXT, 1},                 /* the size, low copy */
    {take_part, BLOCK + 2 + NEXT, 1 << 29},
    {take_part, BLOCK + 2 * (BLOCK_UNITS - 1) + NEXT, 1}, /* and high copy */
    {take_all, BLOCK + 2 + NEXT, 128},                    /* too small for its bin */
    {give_behind, BLOCK + 2 + NEXT, 1},
    {take_half, BLOCK + 2 + NEXT, BLOCK_UNITS ^ ALL_UNITS}, /* as far as the table */
    {take_half, BLOCK + 2 + NEXT, BLOCK_UNITS ^ (1 << 20)}, /* and past it */
};

static void test_changes(void)
{
    struct lists lists;
    struct raw_memory_freelist *list =
        freelist_begin_binned(&lists, ALL_UNITS, ALL_UNITS);
    uint32_t *words = lists.table;
    EXPECT_EQ(alloc(list, 99), 201);
    EXPECT_EQ(alloc(list, 1), BLOCK_UNITS);
    EXPECT_LIST(list, 0, 0);
    EXPECT_EQ(words[BIN + NEXT] & NOWHERE, 256);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        words[changes[i].word] ^= changes[i].flip;
        expect_trap(list, changes[i].call);
        words[changes[i].word] ^= changes[i].flip;
    }
    freelist_end(&lists);
}

int main(void)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        test_damages(&damages[i], 1);
    }
    /* The last entry is on no list, whatever it says itself. */
    test_damages((const struct damage[]){{FIRST + NEXT, 9}, {LAST + PREVIOUS, 1}}, 2);
    test_damages((const struct damage[]){{FIRST + PREVIOUS, 9}, {LAST + NEXT, 1}}, 2);
    test_changes();
    return 0;
}
