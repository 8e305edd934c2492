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
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)raw_memory_freelist_alloc_from_unit(list, 0, 4, 0);
    _exit(0);
}

static void expect_trap(struct raw_memory_freelist *list)
{
    int status = 0;
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        take_first(list);
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
    expect_trap(list);
    memcpy(lists.table, before, sizeof before);
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
    return 0;
}
