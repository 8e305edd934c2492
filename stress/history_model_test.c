/* SPDX-License-Identifier: MIT */
#include "stress/history_model.h"

#include "mmapper/testing/expect.h"

#define ANON "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS"
#define FIXED ANON "|MAP_FIXED"
#define THREAD "flags=CLONE_VM|CLONE_THREAD"

struct fixture {
    struct history *history;
    struct history_model *model;
};

static struct fixture build(const char *text)
{
    struct fixture fixture;
    fixture.history = history_read(text, strlen(text));
    EXPECT_EQ(fixture.history->lines.unreadable, 0);
    fixture.model = history_model_build(fixture.history);
    for (size_t i = 0; i < fixture.model->space_count; i++) {
        EXPECT(history_map_valid(&fixture.model->spaces[i].map));
    }
    return fixture;
}

static void drop(struct fixture *fixture)
{
    history_model_free(fixture->model);
    history_free(fixture->history);
}

static const struct history_piece *piece_at(const struct fixture *fixture,
                                            uint32_t space, uint64_t address)
{
    const struct history_map *map = &fixture->model->spaces[space].map;
    const size_t i = history_map_find(map, address);
    return i < map->count && map->pieces[i].start <= address ? &map->pieces[i] : NULL;
}

static void expect_origin(const struct fixture *fixture, uint32_t space,
                          uint64_t address, const char *name)
{
    char text[64] = "nothing";
    const struct history_piece *piece = piece_at(fixture, space, address);
    if (piece != NULL) {
        history_origin_name(fixture->model, piece->origin, text, sizeof(text));
    }
    EXPECT_STR(text, name);
}

static size_t count_steps(const struct fixture *fixture, enum history_step_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < fixture->model->step_count; i++) {
        count += fixture->model->steps[i].kind == kind ? 1 : 0;
    }
    return count;
}

/* -------------------------------------------------------------------- overwriting */

static void reports_a_planted_overwrite(void)
{
    struct fixture fixture =
        build("10 mmap(NULL, 16384, " ANON ", -1, 0) = 0x10000\n"
              "10 clone(child_stack=0, " THREAD ") = 11\n"
              "11 mmap(0x11000, 8192, " FIXED ", -1, 0) = 0x11000\n");
    const struct history_model *model = fixture.model;
    EXPECT_EQ(model->overwrite_count, 1);
    const struct history_overwrite *overwrite = &model->overwrites[0];
    EXPECT_EQ(overwrite->kind, HISTORY_OVERWRITE_MAPPED);
    EXPECT_EQ(overwrite->line, 3);
    EXPECT_EQ(model->tasks[overwrite->task].pid, 11);
    EXPECT_EQ(overwrite->start, 0x11000);
    EXPECT_EQ(overwrite->end, 0x13000);
    EXPECT(overwrite->accessible && !overwrite->holder_gone);
    expect_origin(&fixture, 0, 0x10000, "anonymous memory of 10");
    expect_origin(&fixture, 0, 0x11000, "anonymous memory of 11");
    expect_origin(&fixture, 0, 0x13000, "anonymous memory of 10");
    EXPECT_EQ(count_steps(&fixture, HISTORY_STEP_REFUSED), 1);
    drop(&fixture);
}

static void reports_each_holder_of_an_overwritten_range(void)
{
    struct fixture fixture =
        build("10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
              "10 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = 0x11000\n"
              "10 brk(NULL) = 0x12000\n"
              "10 brk(0x13000) = 0x13000\n"
              "10 mmap(0x10000, 16384, PROT_READ, MAP_PRIVATE|MAP_FIXED, 4, 0) = "
              "0x10000\n");
    EXPECT_EQ(fixture.model->overwrite_count, 3);
    expect_origin(&fixture, 0, 0x10000, "file 4 of line 5");
    expect_origin(&fixture, 0, 0x13000, "file 4 of line 5");
    drop(&fixture);
}

static void knows_what_is_no_overwrite(void)
{
    /* Its own memory, its own stack, and a library's segments and tail of zeroes. */
    struct fixture fixture = build(
        "10 mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x10000\n"
        "10 mmap(0x11000, 4096, " FIXED ", -1, 0) = 0x11000\n"
        "10 mmap(NULL, 40960, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, 3, 0) = 0x20000\n"
        "10 mmap(0x22000, 8192, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0x2000) = "
        "0x22000\n"
        "10 mmap(0x28000, 8000, " FIXED ", -1, 0) = 0x28000\n"
        "10 mmap(NULL, 65536, " ANON "|MAP_STACK, -1, 0) = 0x40000\n"
        "10 clone3({" THREAD ", stack=0x40000, stack_size=0xff00}, 88) = 11\n"
        "11 mmap(0x40000, 4096, " FIXED ", -1, 0) = 0x40000\n"
        "10 munmap(0x20000, 40960) = 0\n");
    EXPECT_EQ(fixture.model->overwrite_count, 0);
    EXPECT_EQ(fixture.model->oddity_count, 0);
    expect_origin(&fixture, 0, 0x40000, "stack of 11");
    expect_origin(&fixture, 0, 0x28000, "nothing");
    drop(&fixture);
}

static void reports_unmapping_by_another_thread(void)
{
    struct fixture fixture = build("10 clone(child_stack=0, " THREAD ") = 11\n"
                                   "11 mmap(NULL, 8192, " ANON ", -1, 0) = 0x10000\n"
                                   "11 +++ exited with 0 +++\n"
                                   "10 munmap(0x10000, 4096) = 0\n");
    EXPECT_EQ(fixture.model->overwrite_count, 1);
    EXPECT_EQ(fixture.model->overwrites[0].kind, HISTORY_OVERWRITE_UNMAPPED);
    EXPECT(fixture.model->overwrites[0].holder_gone);
    EXPECT_EQ(fixture.model->overwrites[0].origin, HISTORY_NONE);
    drop(&fixture);
}

static void reports_a_mapping_moved_over_another(void)
{
    struct fixture fixture =
        build("10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
              "10 mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3, 0) = 0x20000\n"
              "10 mremap(0x10000, 4096, 4096, MREMAP_MAYMOVE|MREMAP_FIXED, 0x20000) = "
              "0x20000\n");
    EXPECT_EQ(fixture.model->overwrite_count, 1);
    EXPECT_EQ(fixture.model->overwrites[0].kind, HISTORY_OVERWRITE_MOVED);
    expect_origin(&fixture, 0, 0x20000, "anonymous memory of 10");
    expect_origin(&fixture, 0, 0x10000, "nothing");
    drop(&fixture);
}

/* --------------------------------------------------------------------------- calls */

static void follows_mremap(void)
{
    struct fixture fixture =
        build("10 mmap(NULL, 16384, " ANON ", -1, 0) = 0x10000\n"
              "10 mremap(0x10000, 16384, 8192, 0) = 0x10000\n"
              "10 mremap(0x10000, 8192, 12288, MREMAP_MAYMOVE) = 0x10000\n"
              "10 mremap(0x10000, 12288, 20480, MREMAP_MAYMOVE) = 0x50000\n"
              "10 mremap(0x50000, 20480, 20480, MREMAP_MAYMOVE|MREMAP_DONTUNMAP) = "
              "0x90000\n");
    EXPECT_EQ(fixture.model->spaces[0].map.bytes, 2 * 20480);
    expect_origin(&fixture, 0, 0x10000, "nothing");
    expect_origin(&fixture, 0, 0x54000, "anonymous memory of 10");
    expect_origin(&fixture, 0, 0x94000, "anonymous memory of 10");
    EXPECT_EQ(fixture.model->oddity_count, 0);
    drop(&fixture);
}

static void follows_the_break(void)
{
    struct fixture fixture = build("10 brk(NULL) = 0x10800\n"
                                   "10 brk(0x13001) = 0x13001\n"
                                   "10 brk(0x12fff) = 0x12fff\n"
                                   "10 brk(0x99999) = 0x12fff\n");
    EXPECT_EQ(fixture.model->spaces[0].map.count, 1);
    EXPECT_EQ(fixture.model->spaces[0].map.pieces[0].start, 0x11000);
    EXPECT_EQ(fixture.model->spaces[0].map.pieces[0].end, 0x13000);
    expect_origin(&fixture, 0, 0x11000, "brk heap");
    drop(&fixture);
}

static void follows_protection(void)
{
    struct fixture fixture = build(
        "10 mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x10000\n"
        "10 mprotect(0x11000, 8192, PROT_READ|PROT_WRITE) = 0\n"
        "10 mprotect(0x12000, 4096, PROT_NONE) = 0\n"
        /* Up to the hole at 0x14000, then ENOMEM. */
        "10 mprotect(0x13000, 8192, PROT_READ) = -1 ENOMEM (Cannot allocate memory)\n"
        "10 mprotect(0x10000, 4096, PROT_READ) = -1 EACCES (Permission denied)\n"
        /* Where the history knows nothing, but it worked: part of the program. */
        "10 mprotect(0x40000, 4096, PROT_READ) = 0\n");
    EXPECT_EQ(piece_at(&fixture, 0, 0x10000)->protection, 0);
    EXPECT(piece_at(&fixture, 0, 0x11000)->protection != 0);
    EXPECT_EQ(piece_at(&fixture, 0, 0x12000)->protection, 0);
    EXPECT(piece_at(&fixture, 0, 0x13000)->protection != 0);
    expect_origin(&fixture, 0, 0x40000, "program image");
    EXPECT_EQ(fixture.model->inferred, 1);
    drop(&fixture);
}

static void makes_a_stack_of_anonymous_memory(void)
{
    struct fixture fixture = build("10 mmap(NULL, 65536, " ANON ", -1, 0) = 0x10000\n"
                                   "10 mmap(NULL, 65536, " ANON ", -1, 0) = 0x20000\n"
                                   "10 clone(child_stack=0x20000, " THREAD ") = 11\n");
    expect_origin(&fixture, 0, 0x10000, "stack of 11");
    expect_origin(&fixture, 0, 0x20000, "anonymous memory of 10");
    EXPECT_EQ(count_steps(&fixture, HISTORY_STEP_TRANSFER), 1);
    drop(&fixture);
}

static void tells_files_apart_by_their_paths(void)
{
    struct fixture fixture =
        build("10 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/a>, 0) = 0x10000\n"
              "10 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</lib/b>, 0) = 0x20000\n"
              "10 mmap(0x11000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED, 4</lib/a>, 0) "
              "= 0x11000\n"
              "10 mmap(0x21000, 4096, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3</lib/a>, 0) "
              "= 0x21000\n");
    EXPECT_EQ(fixture.model->overwrite_count, 1);
    EXPECT_EQ(fixture.model->overwrites[0].line, 4);
    expect_origin(&fixture, 0, 0x21000, "file /lib/a");
    drop(&fixture);
}

/* ----------------------------------------------------------------------- processes */

static void copies_on_fork(void)
{
    struct fixture fixture =
        build("10 mmap(NULL, 8192, " ANON ", -1, 0) = 0x10000\n"
              "10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x20000\n"
              "10 madvise(0x20000, 4096, MADV_DONTFORK) = 0\n"
              "10 fork() = 11\n"
              "11 munmap(0x10000, 4096) = 0\n"
              "10 mmap(0x11000, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, "
              "-1, 0) = 0x11000\n");
    EXPECT_EQ(fixture.model->space_count, 2);
    expect_origin(&fixture, 0, 0x10000, "anonymous memory of 10");
    expect_origin(&fixture, 1, 0x10000, "nothing");
    expect_origin(&fixture, 1, 0x11000, "anonymous memory of 11");
    expect_origin(&fixture, 1, 0x20000, "nothing");
    EXPECT(piece_at(&fixture, 1, 0x11000)->protection != 0);
    EXPECT_EQ(fixture.model->overwrite_count, 0);
    drop(&fixture);
}

/* The child of vfork runs in its parent's memory until it calls execve. */
static void shares_on_vfork(void)
{
    struct fixture fixture =
        build("10 vfork( <unfinished ...>\n"
              "11 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
              "11 execve(\"/bin/x\", [\"x\"], 0x1 /* 1 var */ <unfinished ...>\n"
              "10 <... vfork resumed>) = 11\n"
              "11 <... execve resumed>) = 0\n"
              "11 mmap(NULL, 4096, " ANON ", -1, 0) = 0x20000\n"
              "10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x30000\n");
    EXPECT_EQ(fixture.model->space_count, 2);
    EXPECT_EQ(fixture.model->reordered, 1);
    expect_origin(&fixture, 0, 0x10000, "anonymous memory of 11");
    expect_origin(&fixture, 1, 0x20000, "anonymous memory of 11");
    expect_origin(&fixture, 0, 0x30000, "anonymous memory of 10");
    expect_origin(&fixture, 1, 0x10000, "nothing");
    drop(&fixture);
}

static void tells_numbers_used_again_apart(void)
{
    struct fixture fixture = build("10 fork() = 11\n"
                                   "11 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
                                   "11 +++ exited with 0 +++\n"
                                   "10 fork() = 11\n"
                                   "11 mmap(NULL, 4096, " ANON ", -1, 0) = 0x20000\n");
    EXPECT_EQ(fixture.model->task_count, 3);
    EXPECT_EQ(fixture.model->space_count, 3);
    expect_origin(&fixture, 1, 0x10000, "anonymous memory of 11");
    expect_origin(&fixture, 2, 0x10000, "nothing");
    drop(&fixture);
}

static void names_the_first_process_late(void)
{
    struct fixture fixture = build("mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
                                   "fork() = 11\n"
                                   "[pid 10] munmap(0x10000, 4096) = 0\n"
                                   "[pid 11] +++ exited with 0 +++\n"
                                   "mmap(NULL, 4096, " ANON ", -1, 0) = 0x30000\n");
    EXPECT_EQ(fixture.model->task_count, 2);
    expect_origin(&fixture, 0, 0x10000, "nothing");
    expect_origin(&fixture, 0, 0x30000, "anonymous memory of 10");
    drop(&fixture);
}

/* --------------------------------------------------------------------------- order */

/* What 11 gave back 10 was given, although the lines say it the other way round. */
static void settles_calls_that_overlap(void)
{
    struct fixture fixture = build("10 clone(child_stack=0, " THREAD ") = 11\n"
                                   "11 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
                                   "11 munmap(0x10000, 4096 <unfinished ...>\n"
                                   "10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
                                   "11 <... munmap resumed>) = 0\n");
    EXPECT_EQ(fixture.model->reordered, 1);
    EXPECT_EQ(fixture.model->overwrite_count, 0);
    EXPECT_EQ(fixture.model->oddity_count, 0);
    expect_origin(&fixture, 0, 0x10000, "anonymous memory of 10");
    drop(&fixture);
}

static void shows_what_cannot_be(void)
{
    struct fixture fixture = build("10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n"
                                   "10 mmap(NULL, 4096, " ANON ", -1, 0) = 0x10000\n");
    EXPECT_EQ(fixture.model->oddity_count, 1);
    EXPECT_EQ(fixture.model->oddities[0].line, 2);
    EXPECT_EQ(fixture.model->overwrite_count, 0);
    drop(&fixture);
}

int main(void)
{
    reports_a_planted_overwrite();
    reports_each_holder_of_an_overwritten_range();
    knows_what_is_no_overwrite();
    reports_unmapping_by_another_thread();
    reports_a_mapping_moved_over_another();
    follows_mremap();
    follows_the_break();
    follows_protection();
    makes_a_stack_of_anonymous_memory();
    tells_files_apart_by_their_paths();
    copies_on_fork();
    shares_on_vfork();
    tells_numbers_used_again_apart();
    names_the_first_process_late();
    settles_calls_that_overlap();
    shows_what_cannot_be();
    return 0;
}
