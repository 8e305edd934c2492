/* SPDX-License-Identifier: MIT */
/* The dump for another process: letter by letter, cut off at every piece, and while the
 * sink itself changes the mapper. */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "mmapper/testing/fixture.h"

struct collected {
    char text[8192];
    size_t length;
    unsigned pieces;
    unsigned fail_at;   /* the piece that is refused, counting from 1; 0: none */
    unsigned change_at; /* the piece at which `change` gives up the heap's chunk */
    struct fixture *change;
};

static void give_up(struct fixture *f)
{
    EXPECT_OK(mmapper_release(f->mapper, f->heap, fixture_extent(2, 1), NULL));
    EXPECT_OK(mmapper_unregister_owner(f->mapper, f->heap, NULL));
    /* There are no more entries than owners: this is the one just given up. */
    EXPECT(fixture_owner(f, "successor", (struct mm_strategy){0}) == f->heap);
}

static int collect(void *argument, const char *text, size_t bytes)
{
    struct collected *collected = argument;
    collected->pieces++;
    if (collected->change != NULL && collected->pieces == collected->change_at) {
        give_up(collected->change);
    }
    if (collected->pieces == collected->fail_at) {
        return ENOSPC;
    }
    EXPECT(bytes > 0 && collected->length + bytes < sizeof collected->text);
    memcpy(collected->text + collected->length, text, bytes);
    collected->length += bytes;
    collected->text[collected->length] = '\0';
    return 0;
}

static const char *dump_of(const struct fixture *f, struct collected *collected)
{
    EXPECT_OK(mmapper_write_dump(f->mapper, collect, collected, NULL));
    return collected->text;
}

static void lay_out(struct fixture *f)
{
    EXPECT_OK(mmapper_quarantine(f->mapper, f->heap, fixture_extent(2, 3), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f->mapper, f->heap, fixture_extent(3, 1), NULL));
    EXPECT_OK(mmapper_exclude(f->mapper, f->image, fixture_extent(6, 1), NULL));
}

static void test_every_letter(void)
{
    struct fixture f;
    struct collected collected = {.length = 0};
    char expected[4096];
    fixture_begin(&f, NULL);
    lay_out(&f);
    const char *text = dump_of(&f, &collected);
    const int length = snprintf(expected, sizeof expected,
                                "mmapper-dump 1\nprocess %d\nmapper 0x%" PRIxPTR " 0x",
                                (int)getpid(), (uintptr_t)f.mapper);
    EXPECT_EQ(strncmp(text, expected, (size_t)length), 0);
    EXPECT_CONTAINS(text, "\nprefix \"mmapper\"\n"
                          "window 0x7e8000000000 0x7e8000038000\n"
                          "chunk 16384\npage 4096\n"
                          "statistic os_calls.reserve 1\n"
                          "statistic os_failures.reserve 0\n");
    EXPECT_CONTAINS(text, "\nstatistic os_calls.release_table 0\n"
                          "statistic os_failures.release_table 0\n"
                          "statistic os_calls.protect 0\n");
    EXPECT_CONTAINS(text, "\nstatistic conflicts 0\nstatistic busy 0\n"
                          "statistic races_lost 0\nstatistic waits 0\n"
                          "statistic regions_split 2\nstatistic owners 3\n"
                          "statistic chunks.unmapped 10\n");
    EXPECT_CONTAINS(text, "\nstatistic chunks.mapped 1\n");
    EXPECT_CONTAINS(
        text, "run 0x7e8000008000 0x7e800000c000 quarantined 1 test default \"heap\"\n"
              "run 0x7e800000c000 0x7e8000010000 mapped 1 test default \"heap\"\n"
              "run 0x7e8000010000 0x7e8000014000 quarantined 1 test default \"heap\"\n"
              "run 0x7e8000018000 0x7e800001c000 excluded 3 test backing=external "
              "\"image\"\nend 4\n");
    EXPECT_STR(text + strlen(text) - strlen("end 4\n"), "end 4\n");
    fixture_end(&f);
}

static void test_strategies_and_names(void)
{
    struct fixture f;
    struct collected collected = {.length = 0};
    fixture_begin(&f, NULL);
    f.support.annotation_prefix = "a \"vm\"";
    struct mm_owner *odd = fixture_owner(&f, "q\" b\\ t\t u\xc3\xbc ~\x7f",
                                         (struct mm_strategy){
                                             .protection = MM_PROTECTION_RWX,
                                             .huge_pages = MM_HUGE_PAGES_TRANSPARENT,
                                             .accounting = MM_UNACCOUNTED,
                                             .commit_ahead = 65535,
                                         });
    struct mm_owner *ahead =
        fixture_owner(&f, "ahead", (struct mm_strategy){.commit_ahead = 1});
    struct mm_owner *nodes = fixture_owner(
        &f, "nodes",
        (struct mm_strategy){.numa = MM_NUMA_PREFER, .numa_nodes = UINT64_MAX});
    EXPECT_OK(mmapper_quarantine(f.mapper, odd, fixture_extent(0, 1), NULL));
    EXPECT_OK(mmapper_quarantine(f.mapper, ahead, fixture_extent(1, 1), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, nodes, fixture_extent(2, 1), NULL));
    EXPECT_OK(mmapper_guard(f.mapper, nodes, fixture_extent(2, 1), NULL));
    const char *text = dump_of(&f, &collected);
    EXPECT_CONTAINS(text, "\nprefix \"a \\x22vm\\x22\"\n");
    EXPECT_CONTAINS(text, " quarantined 4 test protection=rwx,huge_pages=transparent,"
                          "accounting=unaccounted,commit_ahead=65535 "
                          "\"q\\x22 b\\x5c t\\x09 u\\xc3\\xbc ~\\x7f\"\n");
    EXPECT_CONTAINS(text, " quarantined 5 test commit_ahead=1 \"ahead\"\n");
    EXPECT_CONTAINS(text, " mapped 6 test numa_prefer=18446744073709551615,protects=1 "
                          "\"nodes\"\nend 3\n");
    fixture_end(&f);
}

/* A sink that refuses a piece gets no other one, and what was written has no end. */
static void test_cut_off(void)
{
    struct fixture f;
    struct collected whole = {.length = 0};
    fixture_begin(&f, NULL);
    lay_out(&f);
    (void)dump_of(&f, &whole);
    EXPECT(whole.pieces > 2);
    for (unsigned piece = 1; piece <= whole.pieces; piece++) {
        struct collected part = {.fail_at = piece};
        EXPECT_STATUS(mmapper_write_dump(f.mapper, collect, &part, &f.error),
                      MM_OS_ERROR);
        EXPECT_EQ(part.pieces, piece);
        EXPECT_EQ(strncmp(part.text, whole.text, part.length), 0);
        EXPECT(strstr(part.text, "\nend ") == NULL);
        EXPECT_EQ(f.error.operation, MM_OPERATION_WRITE_DUMP);
        EXPECT_EQ(f.error.os_error, ENOSPC);
    }
    char line[256];
    (void)mm_error_format(&f.error, line, sizeof line);
    EXPECT_STR(line, "write_dump of 0x7e8000000000-0x7e8000038000 (224 KiB): system "
                     "error: the dump could not be written to its end; errno 28");
    EXPECT_STATUS(mmapper_write_dump(f.mapper, NULL, NULL, &f.error),
                  MM_INVALID_ARGUMENT);
    EXPECT_STATUS(mmapper_write_dump(f.mapper, NULL, NULL, NULL), MM_INVALID_ARGUMENT);
    fixture_end(&f);
}

/* The mapper of a fixture again, with three owners and no room for a fourth. */
static void begin_full(struct fixture *f, const char *prefix)
{
    const struct mmapper_options options = {
        .chunk_bytes = FIXTURE_CHUNK,
        .base = FIXTURE_BASE,
        .limit = FIXTURE_BASE + (uintptr_t)FIXTURE_CHUNKS * FIXTURE_CHUNK,
        .max_owners = 3,
    };
    fixture_begin(f, NULL);
    EXPECT_OK(mmapper_destroy(f->mapper, NULL));
    f->support.annotations = false; /* the prefix is too long for these */
    f->support.annotation_prefix = prefix;
    EXPECT_OK(mmapper_create(&options, &f->support, &f->mapper, NULL));
    f->heap = fixture_owner(f, "heap", (struct mm_strategy){0});
    f->other = fixture_owner(f, "other", (struct mm_strategy){0});
    f->image = fixture_owner(f, "image", (struct mm_strategy){0});
}

/* With prefixes of every length the sink runs between any two letters of the dump: a run
 * that is given up there has the name of the owner that it had, or none, or no line; its
 * owner's successor in the same entry, who holds nothing, is never named. */
static void test_changes_meanwhile(void)
{
    unsigned named = 0;
    unsigned nameless = 0;
    unsigned gone = 0;
    char prefix[512] = "";
    for (size_t length = 0; length + 1 < sizeof prefix; length++) {
        struct fixture f;
        struct collected collected = {.length = 0};
        begin_full(&f, prefix);
        EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, fixture_extent(2, 1), NULL));
        EXPECT_OK(mmapper_quarantine(f.mapper, f.other, fixture_extent(5, 1), NULL));
        (void)dump_of(&f, &collected);
        collected = (struct collected){.change = &f, .change_at = collected.pieces - 1};
        const char *text = dump_of(&f, &collected);
        const bool first =
            NULL != strstr(text, "c000 quarantined 1 test default \"heap\"\n");
        const bool none = NULL != strstr(text, "c000 quarantined 1 - - -\n");
        EXPECT(!(first && none));
        EXPECT(strstr(text, "successor") == NULL);
        EXPECT_EQ(strstr(text, "heap") != NULL, first);
        named += first;
        nameless += none;
        gone += !first && !none;
        EXPECT_CONTAINS(text, first || none ? "\nend 2\n" : "\nend 1\n");
        EXPECT_CONTAINS(text, "\nrun 0x7e8000014000 0x7e8000018000 quarantined 2 test "
                              "default \"other\"\n");
        fixture_end(&f);
        prefix[length] = 'p';
    }
    EXPECT(named > 0 && nameless > 0 && gone > 0);
}

static void test_descriptor(void)
{
    struct fixture f;
    struct collected collected = {.length = 0};
    char text[sizeof collected.text];
    int ends[2];
    fixture_begin(&f, NULL);
    lay_out(&f);
    (void)dump_of(&f, &collected);
    EXPECT_EQ(pipe(ends), 0);
    errno = 77;
    EXPECT_OK(mmapper_write_dump_to(f.mapper, ends[1], NULL));
    EXPECT_EQ(close(ends[1]), 0);
    size_t length = 0;
    for (ssize_t got = 1; got > 0; length += (size_t)got) {
        got = read(ends[0], text + length, sizeof text - 1 - length);
        EXPECT(got >= 0);
    }
    text[length] = '\0';
    EXPECT_STR(text, collected.text);
    EXPECT_STATUS(mmapper_write_dump_to(f.mapper, ends[1], &f.error), MM_OS_ERROR);
    EXPECT_EQ(f.error.os_error, EBADF);
    EXPECT_EQ(errno, 77);
    EXPECT_EQ(close(ends[0]), 0);
    fixture_end(&f);
}

int main(void)
{
    test_every_letter();
    test_strategies_and_names();
    test_cut_off();
    test_changes_meanwhile();
    test_descriptor();
    return 0;
}
