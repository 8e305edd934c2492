/* SPDX-License-Identifier: MIT */
/* Schedules that make no sense are refused: with the line, and what is wrong in it. */
#include "mmapper/testing/expect.h"
#include "stress/explore/test_schedule.h"

enum { TEXT_BYTES = 4096 };

static const struct {
    const char *text; /* behind the first line, which is right */
    unsigned line;
    const char *problem;
} nonsense[] = {
    /* Of a line. */
    {"thread 0\nheap frobnicate 0 1\n", 3, "no such operation"},
    {"thread 0\nnobody quarantine 0 1\n", 3, "no such operation"},
    {"thread 0\nheap@2 quarantine 0 1\n", 3, "no such operation"},
    {"thread 0\nheap quarantine 0\n", 3, "other numbers"},
    {"thread 0\nheap quarantine 0 1 2\n", 3, "other numbers"},
    {"thread 0\nheap quarantine 0 256\n", 3, "other numbers"},
    {"thread 0\nheap quarantine 0 -1\n", 3, "other numbers"},
    {"thread 0\nheap quarantine 0 -18446744073709551615\n", 3, "other numbers"},
    {"thread 0\nheap quarantine 0 0x1\n", 3, "other numbers"},
    {"thread 0\nforeign map 0 1 rwxs\n", 3, "other numbers"},
    {"thread 0\nheap transfer 0 1 nobody\n", 3, "other numbers"},
    {"thread 0\nsetup heap transfer 0 1 other 1\n", 3, "too many or too long words"},
    {"thread 0\nheap quarantine 000000000000000000000000 1\n", 3, "too long words"},
    {"heap quarantine 0 1\n", 2, "before the first `thread`"},
    {"thread 0\nthread 4\n", 3, "no such thread"},
    {"chunks 6 of 2\n", 2, "no such operation"},
    {"chunks 13 region 2\n", 2, "no such operation"},
    {"chunks 6 region 3\n", 2, "no such operation"},
    {"mappers 3\n", 2, "no such operation"},
    {"faults 9\n", 2, "no such operation"},
    {"with nothing\n", 2, "no such operation"},
    {"records twice\n", 2, "no such operation"},
    {"old-kernel twice\n", 2, "no such operation"},
    {"program a-name-of-more-letters-than-there-are-in-one-000\n", 2, "name"},
    {"memory strange\n", 2, "weak or strong"},
    {"memory weak strong\n", 2, "no such operation"},
    {"expect O11\n", 2, "no such oracle"},
    {"hash 0123456789abcdefg\n", 2, "a hash is"},
    {"hash 00123456789abcdef\n", 2, "a hash is"},
    {"hash -1\n", 2, "a hash is"},
    {"choices 1:t0 2:x1\n", 2, "a choice is"},
    {"choices 1:t0 2:t4\n", 2, "a choice is"},
    {"choices 1:t0 2:v256\n", 2, "a choice is"},
    {"choices 1:t0 2:z16\n", 2, "a choice is"},
    {"choices 4294967296:t0\n", 2, "a choice is"},
    {"choices -1:t0\n", 2, "a choice is"},
    {"choices 1:t0,2:t1\n", 2, "a choice is"},
    {"choices 1:t0 2:\n", 2, "a choice is"},
    {"choices 1:t0 2\n", 2, "a choice is"},
    {"choices 2:t0 1:t1\n", 2, "in the order"},
    {"choices 2:t0\nchoices 1:t1\n", 3, "in the order"},
    {"choices 2:t0 2:t1\n", 2, "in the order"},
    {"choices 2:t0 2:z1\n", 2, "in the order"},
    /* Of the whole, which is known behind the last line. */
    {"", 1, "no threads"},
    {"chunks 0 region 2\nthread 0\n", 3, "out of bounds"},
    {"mappers 0\nthread 0\n", 3, "out of bounds"},
    {"chunks 4 region 2\nwith slots\nwith metadata\nthread 0\n", 5, "do not fit"},
    {"setup heap quarantine 5 2\nthread 0\n", 3, "leaves the window"},
    {"thread 0\nheap quarantine 6 1\n", 3, "leaves the window"},
    {"thread 0\nheap quarantine 0 0\n", 3, "leaves the window"},
    {"thread 0\nheap@1 quarantine 0 1\n", 3, "leaves the window"},
    {"thread 0\nimmortal alloc 1 0\n", 3, "or its space"},
    {"with immortal\nthread 0\nimmortal alloc 1 3\n", 4, "or its space"},
    {"with metadata\nthread 0\nmetadata store 8 1\n", 4, "or its space"},
    {"with metadata\nthread 0\nmetadata store 0 16\n", 4, "or its space"},
    {"with slots\nthread 0\nheap take-slot 2\n", 4, "or its space"},
    {"thread 0\nheap anywhere 0\n", 3, "asks for nothing"},
    {"with immortal\nthread 0\nimmortal alloc 0 0\n", 4, "asks for nothing"},
    {"with freelist\nthread 0\nfreelist alloc 0 0\n", 4, "asks for nothing"},
    {"thread 0\nheap transfer 0 1 heap\n", 3, "another owner"},
    {"thread 0\nheap transfer 0 1 code\n", 3, "the same strategy"},
    {"thread 0\nimage transfer 0 1 code\n", 3, "the same strategy"},
    {"thread 0\nheap register\n", 3, "come and go"},
    {"thread 0\nheap unregister\n", 3, "come and go"},
    {"setup extra register\nthread 0\nextra register\n", 4, "twice"},
    {"mappers 2\nthread 0\nimage adopt 0 1\n", 4, "no external owners"},
};

static void expect_refused(const char *text, unsigned line, const char *problem)
{
    static struct schedule schedule;
    const char *found;
    unsigned found_line;
    if (test_read(text, &schedule, &found, &found_line)) {
        (void)fprintf(stderr, "this is accepted:\n%.400s", text);
        abort();
    }
    if (found_line != line || strstr(found, problem) == NULL) {
        (void)fprintf(stderr, "%u: %s, expected %u: %s, of:\n%.400s", found_line, found,
                      line, problem, text);
        abort();
    }
}

static void test_nonsense(void)
{
    for (unsigned i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
        char text[TEXT_BYTES];
        (void)snprintf(text, sizeof(text), "mmapper-schedule 1\n%s", nonsense[i].text);
        expect_refused(text, nonsense[i].line, nonsense[i].problem);
    }
}

static void test_other_files(void)
{
    static const char *const texts[] = {"", "thread 0\n", "mmapper-schedule 12\n"};
    for (unsigned i = 0; i < 3; i++) {
        expect_refused(texts[i], texts[i][0] != '\0', "its first line");
    }
    static struct schedule schedule;
    const char *problem;
    unsigned line;
    EXPECT(!schedule_load("no/such/file", &schedule, &problem, &line));
    EXPECT_EQ(line, 0);
    EXPECT_CONTAINS(problem, "cannot be opened");
}

/* One more than there is room for, after as many as there is. */
static void test_too_many(void)
{
    static const struct {
        const char *begin;
        const char *line;
        unsigned room;
        const char *problem;
    } cases[] = {
        {"thread 0\n", "heap verify\n", PROGRAM_OPS, "in one thread"},
        {"thread 0\n", "setup heap verify\n", PROGRAM_SETUP, "setup operations"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        static struct schedule schedule;
        char text[TEXT_BYTES];
        size_t length = (size_t)snprintf(text, sizeof(text), "%s", cases[i].begin);
        for (unsigned count = 0; count < cases[i].room; count++) {
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s",
                                       cases[i].line);
        }
        test_schedule(text, &schedule);
        char more[TEXT_BYTES + 64];
        (void)snprintf(more, sizeof(more), "mmapper-schedule 1\n%s%s", text,
                       cases[i].line);
        expect_refused(more, cases[i].room + 3, cases[i].problem);
    }
}

static void test_too_many_choices(void)
{
    static char text[MAX_CHOICES * 20];
    size_t length = (size_t)snprintf(text, sizeof(text), "mmapper-schedule 1\n");
    for (unsigned i = 0; i <= MAX_CHOICES; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "choices %u:t0\n", i + 1);
    }
    expect_refused(text, MAX_CHOICES + 2, "too many choices");
}

static void test_long_lines(void)
{
    char text[TEXT_BYTES] = "mmapper-schedule 1\n# ";
    memset(text + strlen(text), '-', 600);
    /* What is behind the buffer's end is no line of its own. */
    expect_refused(text, 2, "too long");
}

int main(void)
{
    test_nonsense();
    test_other_files();
    test_too_many();
    test_too_many_choices();
    test_long_lines();
    return 0;
}
