/* SPDX-License-Identifier: MIT */
/* Programs and schedules as text, and what a world makes of the setup operations. */
#include "mmapper/testing/expect.h"
#include "stress/explore/scenarios.h"
#include "stress/explore/test_schedule.h"

/* -------------------------------------------------------------------------- text */

enum { TEXT_BYTES = 4096 };

static void read_back(const char *text, struct program *program)
{
    char copy[TEXT_BYTES];
    int thread = -1;
    const char *problem;
    program_init(program, "");
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *line = copy; *line != '\0';) {
        const size_t length = strcspn(line, "\n");
        line[length] = '\0';
        EXPECT(program_read_line(program, &thread, line, &problem));
        line += length + 1;
    }
}

static void test_scenarios_read_back(void)
{
    for (unsigned i = 0; i < scenario_count(); i++) {
        struct program program;
        struct program again;
        char text[TEXT_BYTES];
        scenario_read(i, 0, &program);
        const size_t length = program_print(&program, text, sizeof(text));
        EXPECT_EQ(length, strlen(text));
        EXPECT_EQ(length, program_print(&program, NULL, 0));
        read_back(text, &again);
        EXPECT(test_same_program(&again, &program));
    }
}

/* Each kind with numbers that are all different, as far as its text has them. */
static void test_operations_read_back(void)
{
    for (unsigned kind = OP_NONE + 1; kind < OP_KIND_COUNT; kind++) {
        const struct op op = {
            .kind = (uint8_t)kind,
            .owner = op_has_owner(kind) ? OWNER_GUEST : 0,
            .mapper = op_has_owner(kind),
            .first = 7,
            .count = 3,
            .arg = 5,
        };
        struct program program;
        char first[64];
        char second[64];
        int thread = 0;
        const char *problem;
        program_init(&program, "");
        op_print(&op, first, sizeof(first));
        EXPECT(program_read_line(&program, &thread, first, &problem));
        const struct op *read = &program.ops[0][0];
        EXPECT_EQ(read->kind, op.kind);
        EXPECT_EQ(read->owner, op.owner);
        EXPECT_EQ(read->mapper, op.mapper);
        EXPECT(read->first == op.first || read->first == 0);
        EXPECT(read->count == op.count || read->count == 0);
        EXPECT(read->arg == op.arg || read->arg == 0);
        op_print(read, second, sizeof(second));
        EXPECT_STR(second, first);
    }
}

static void test_threads_in_any_order(void)
{
    static struct schedule schedule;
    test_schedule("thread 2\nheap verify\nthread 0\nother verify\nheap verify\n",
                  &schedule);
    EXPECT_EQ(schedule.program.threads, 3);
    EXPECT_EQ(schedule.program.counts[0], 2);
    EXPECT_EQ(schedule.program.counts[1], 0);
    EXPECT_EQ(schedule.program.counts[2], 1);
}

static void test_choices_are_written_so(void)
{
    static struct schedule schedule;
    test_schedule("thread 0\nmemory weak\n"
                  "choices 1:t3 24:t1 29:v1 30:f2 4294967295:z3 4294967295:t0\n"
                  "expect RACE\nhash 0123456789abcdef\nstory of a test\n",
                  &schedule);
    static const struct choice wanted[] = {
        {1, SIM_CHOOSE_THREAD, 3},      {24, SIM_CHOOSE_THREAD, 1},
        {29, SIM_CHOOSE_VALUE, 1},      {30, SIM_CHOOSE_FAULT, 2},
        {UINT32_MAX, CHOICE_FREEZE, 3}, {UINT32_MAX, SIM_CHOOSE_THREAD, 0},
    };
    EXPECT_EQ(schedule.choices.count, sizeof(wanted) / sizeof(*wanted));
    for (unsigned i = 0; i < schedule.choices.count; i++) {
        EXPECT_EQ(schedule.choices.items[i].point, wanted[i].point);
        EXPECT_EQ(schedule.choices.items[i].kind, wanted[i].kind);
        EXPECT_EQ(schedule.choices.items[i].value, wanted[i].value);
    }
    EXPECT(schedule.weak);
    EXPECT_EQ(schedule.expected, ORACLE_RACE);
    EXPECT_EQ(schedule.hash, UINT64_C(0x0123456789abcdef));
    EXPECT_STR(schedule.story, "of a test");
}

/* ------------------------------------------------------------------------- setup */

static void test_tokens_of_setup(void)
{
    static struct schedule schedule;
    uint64_t hash;
    const char *problem;
    test_schedule("setup heap ensure 0 2\nsetup heap touch 0 1\n"
                  "thread 0\nheap touch 1 1\n",
                  &schedule);
    struct world *world = schedule_run(&schedule, NULL, NULL, &hash, &problem);
    EXPECT(world != NULL);
    EXPECT_EQ(world->failed, ORACLE_NONE);
    /* Zero is what a page holds whose contents are lost. */
    EXPECT(world->facts.tokens[0] != 0);
    EXPECT(world->facts.tokens[1] != 0);
    EXPECT(world->facts.tokens[0] != world->facts.tokens[1]);
    world_destroy(world);
}

static void test_setup_that_fails(void)
{
    static const char *const texts[] = {
        "setup heap touch 0 1\nthread 0\n",
        "setup heap quarantine 0 2\nsetup other ensure 1 1\nthread 0\n",
    };
    for (unsigned i = 0; i < 2; i++) {
        static struct schedule schedule;
        const char *problem;
        test_schedule(texts[i], &schedule);
        EXPECT(world_create(&schedule.program, &problem) == NULL);
        EXPECT_CONTAINS(problem, "a setup operation failed");
    }
}

int main(void)
{
    test_scenarios_read_back();
    test_operations_read_back();
    test_threads_in_any_order();
    test_choices_are_written_so();
    test_tokens_of_setup();
    test_setup_that_fails();
    return 0;
}
