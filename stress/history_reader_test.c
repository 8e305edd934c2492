/* SPDX-License-Identifier: MIT */
#include "stress/history_reader.h"

#include "mmapper/testing/expect.h"

static struct history *read_text(const char *text)
{
    struct history *history = history_read(text, strlen(text));
    const struct history_lines *lines = &history->lines;
    EXPECT_EQ(lines->events, history->count);
    EXPECT_EQ(lines->total, lines->events + lines->begun + lines->signals +
                                lines->notes + lines->blank + lines->unreadable);
    return history;
}

/* The one event of a text that holds one call. */
static struct history_event only_event(const char *text)
{
    struct history *history = read_text(text);
    EXPECT_EQ(history->lines.unreadable, 0);
    EXPECT_EQ(history->count, 1);
    const struct history_event event = history->events[0];
    history_free(history);
    return event;
}

static void reads_each_call(void)
{
    struct history_event event = only_event(
        "21 mmap(0x7f0000001000, 8192, PROT_READ|PROT_EXEC, "
        "MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE, 3, 0x26000) = 0x7f0000001000\n");
    EXPECT_EQ(event.kind, HISTORY_MMAP);
    EXPECT_EQ(event.pid, 21);
    EXPECT_EQ(event.result, 0x7f0000001000);
    EXPECT_EQ(event.bytes, 8192);
    EXPECT_EQ(event.protection, HISTORY_PROT_READ | HISTORY_PROT_EXEC);
    EXPECT((event.flags & HISTORY_MAP_FIXED) != 0);
    EXPECT((event.flags & HISTORY_MAP_ANONYMOUS) == 0);
    EXPECT_EQ(event.fd, 3);

    event = only_event("21 mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE|MREMAP_FIXED, "
                       "0x5000) = 0x5000");
    EXPECT_EQ(event.kind, HISTORY_MREMAP);
    EXPECT_EQ(event.new_bytes, 8192);
    EXPECT_EQ(event.flags, HISTORY_MREMAP_MAYMOVE | HISTORY_MREMAP_FIXED);

    event = only_event("21 brk(NULL) = 0xcd90000");
    EXPECT_EQ(event.kind, HISTORY_BRK);
    EXPECT_EQ(event.start, 0);
    EXPECT_EQ(event.result, 0xcd90000);

    event = only_event("21 madvise(0x1000, 4096, MADV_DONTNEED) = 0");
    EXPECT_EQ(event.flags, HISTORY_MADV_DONTNEED);

    event = only_event("21 pkey_mprotect(0x1000, 4096, PROT_NONE, 1) = 0");
    EXPECT_EQ(event.kind, HISTORY_MPROTECT);
    EXPECT_EQ(event.protection, 0);
}

static void reads_how_threads_begin(void)
{
    struct history_event event = only_event(
        "7 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS, child_tid=0x7f990, "
        "exit_signal=0, stack=0x7fdd5dff4000, stack_size=0x7fff80, tls=0x1} => "
        "{parent_tid=[95]}, 88) = 95");
    EXPECT_EQ(event.kind, HISTORY_CLONE);
    EXPECT_EQ(event.flags, HISTORY_CLONE_VM | HISTORY_CLONE_THREAD);
    EXPECT_EQ(event.start, 0x7fdd5dff4000);
    EXPECT_EQ(event.bytes, 0x7fff80);
    EXPECT_EQ(event.result, 95);

    event = only_event("7 clone(child_stack=0x7f0000010000, flags=CLONE_VM|SIGCHLD, "
                       "parent_tid=[8]) = 8");
    EXPECT_EQ(event.start, 0x7f0000010000);
    EXPECT_EQ(event.bytes, 0);

    event = only_event("7 vfork() = 9");
    EXPECT_EQ(event.flags, HISTORY_CLONE_VM | HISTORY_CLONE_VFORK);
    event = only_event("7 fork() = 2 /* 900 in strace's PID NS */");
    EXPECT_EQ(event.flags, 0);
    EXPECT_EQ(event.result, 900);
    event = only_event("7 waitid(P_PID, 9, {si_signo=SIGCHLD, si_code=CLD_EXITED, "
                       "si_pid=9, si_uid=0}, WEXITED, NULL) = 0");
    EXPECT_EQ(event.result, 9);
}

static void joins_interrupted_calls(void)
{
    struct history *history =
        read_text("5 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 "
                  "<unfinished ...>\n"
                  "6 munmap(0x3000, 4096 <unfinished ...>\n"
                  "5 <... mmap resumed>) = 0x1000\n"
                  "6 <... munmap resumed> )                = 0\n"
                  "5 exit_group(0) = ?\n"
                  "6 futex(0x5, FUTEX_WAIT, 0, NULL <unfinished ...>) = ?\n"
                  "5 +++ exited with 0 +++\n");
    EXPECT_EQ(history->lines.unreadable, 0);
    EXPECT_EQ(history->count, 5);
    EXPECT_EQ(history->events[0].first_line, 1);
    EXPECT_EQ(history->events[0].line, 3);
    EXPECT_EQ(history->events[1].first_line, 2);
    EXPECT_EQ(history->events[1].line, 4);
    EXPECT(!history->events[2].known);
    EXPECT_EQ(history->events[3].kind, HISTORY_OTHER_CALL);
    EXPECT_EQ(history->events[4].kind, HISTORY_GONE);
    history_free(history);

    history = read_text("5 munmap(0x1000, 4096 <unfinished ...>\n");
    EXPECT_EQ(history->count, 0);
    EXPECT_EQ(history->unfinished, 1);
    history_free(history);
}

/* A thread calls execve: it goes on under its leader's number. */
static void follows_a_changed_number(void)
{
    struct history *history =
        read_text("11 execve(\"/bin/x\", [\"x\"], 0x1 /* 2 vars */ <pid changed to 10 "
                  "...>\n"
                  "10 +++ superseded by execve in pid 11 +++\n"
                  "10 <... execve resumed>) = 0\n");
    EXPECT_EQ(history->lines.unreadable, 0);
    EXPECT_EQ(history->count, 2);
    EXPECT_EQ(history->events[0].kind, HISTORY_GONE);
    EXPECT_EQ(history->events[0].pid, 11);
    history_free(history);

    history = read_text("11 execve(\"/bin/x\", [\"x\"], 0x1 /* 2 vars */ <unfinished "
                        "...>\n"
                        "10 +++ superseded by execve in pid 11 +++\n"
                        "10 <... execve resumed>) = 0\n");
    EXPECT_EQ(history->lines.unreadable, 0);
    EXPECT_EQ(history->events[1].kind, HISTORY_EXECVE);
    EXPECT_EQ(history->events[1].pid, 10);
    history_free(history);
}

static void reads_every_prefix(void)
{
    static const char *const prefixes[] = {
        "",
        "12 ",
        "[pid    12] ",
        "12 10:11:12 ",
        "12 10:11:12.123456 ",
        "12 1700000000.123456 ",
        "     0.000123 ",
        "[pid 12] 10:11:12 (+     0.000123) ",
        "12<my command> ",
        "12 [00007f1234567890] ",
        "12 1700000000.123456 [   9] [00007f1234567890] ",
    };
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "%smunmap(0x1000, 4096) = 0 <0.000012>\n",
                       prefixes[i]);
        const struct history_event event = only_event(text);
        EXPECT_EQ(event.kind, HISTORY_MUNMAP);
        EXPECT_EQ(event.pid, strstr(prefixes[i], "12") == prefixes[i] ||
                                     strstr(prefixes[i], "pid") != NULL
                                 ? 12
                                 : 0);
    }
}

static void reads_strings_and_paths(void)
{
    (void)only_event(
        "3 execve(\"/bin/a\\\"b\", [\"x) = 0\", \"(,\", \"it's\"...], 0x7f "
        "/* 3 vars, (x */) = 0");
    struct history *history = read_text(
        "3 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 7</tmp/a (1), b>, 0) = 0x1000\n"
        "3 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 8</x>(deleted), 0) = 0x2000\n");
    EXPECT_EQ(history->lines.unreadable, 0);
    EXPECT_STR(history_path(history, history->events[0].path), "/tmp/a (1), b");
    EXPECT_STR(history_path(history, history->events[1].path), "/x");
    EXPECT_EQ(history->events[1].fd, 8);
    history_free(history);
}

static void reads_raw_numbers(void)
{
    struct history_event event =
        only_event("3 mmap(NULL, 0x2000, 0x3, 0x22, 0xffffffff, 0) = 0x1000");
    EXPECT_EQ(event.protection, 3);
    EXPECT((event.flags & HISTORY_MAP_ANONYMOUS) != 0);
    EXPECT_EQ(event.fd, -1);
    event = only_event("3 mmap(NULL, 8192, 0x3 /* PROT_READ|PROT_WRITE */, 0x22 /* "
                       "MAP_PRIVATE|MAP_ANONYMOUS */, -1, 0) = 0x1000");
    EXPECT_EQ(event.protection, 3);
    event = only_event("3 mmap(NULL, 4194304, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|"
                       "MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0) = 0x200000");
    EXPECT_EQ(event.flags >> 26, 21);
}

static void keeps_failures_apart(void)
{
    struct history_event event = only_event(
        "3 mprotect(0x1000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)");
    EXPECT(event.failed && event.no_memory);
    /* The kernel refused it: the range may be anything. */
    event = only_event("3 munmap(0x7, 99) = -1 EINVAL (Invalid argument)");
    EXPECT(event.failed && !event.no_memory);
}

static void counts_what_it_cannot_read(void)
{
    static const char *const bad[] = {
        "3 munmap(0x1000, 4096",
        "3 munmap(0x1000, 4096)",
        "3 munmap(0x1000) = 0",
        "3 munmap(0x1001, 4096) = 0",
        "3 munmap(0xfffffffffffff000, 4096) = 0",
        "3 munmap(0x1000, 99999999999999999999) = 0",
        "3 munmap(0x1000, 0) = 0",
        "3 munmap(zero, 4096) = 0",
        "3 munmap(0x1000, 4096) = yes",
        "3 munmap(0x1000, 4096) = 0 and more",
        "3 munmap(0x1000, 4096) = -1",
        "3 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE) = 0x1000",
        "3 mmap(NULL, 4096, PROT READ, MAP_PRIVATE, 3, 0) = 0x1000",
        "3 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, x, 0) = 0x1000",
        "3 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</open, 0) = 0x1000",
        "3 clone() = 4",
        "3 fork() = 0",
        "3 fork() = 99999999999",
        "3 <... munmap resumed>) = 0",
        "3 <... munmap",
        "99999999999 munmap(0x1000, 4096) = 0",
        "hello",
        "3",
        "\x01\x02\xff",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct history *history = read_text(bad[i]);
        EXPECT_EQ(history->lines.unreadable, 1);
        EXPECT_EQ(history->count, 0);
        EXPECT_EQ(history->kept[0].line, 1);
        EXPECT(history->kept[0].reason[0] != '\0');
        EXPECT(strncmp(history->kept[0].text, bad[i], HISTORY_KEPT_BYTES - 1) == 0);
        history_free(history);
    }
    struct history *history =
        read_text("3 mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE, 3, 0 "
                  "<unfinished ...>\n3 <... munmap resumed>) = 0");
    EXPECT_EQ(history->lines.unreadable, 1);
    history_free(history);
}

static void counts_more_than_it_keeps(void)
{
    char text[4000];
    memset(text, '?', sizeof(text));
    for (size_t i = 3; i < sizeof(text); i += 4) {
        text[i] = '\n';
    }
    struct history *history = history_read(text, sizeof(text));
    EXPECT_EQ(history->lines.unreadable, 1000);
    EXPECT_EQ(history->kept[HISTORY_KEPT_LINES - 1].line, HISTORY_KEPT_LINES);
    history_free(history);
}

static void passes_over_notes_and_signals(void)
{
    struct history *history = read_text(
        "strace: Process 12 attached\n"
        "12 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL} ---\n"
        "\n"
        "[ Process PID=12 runs in 32 bit mode. ]\n"
        "12 strace: [ Process PID=12 runs in 64 bit mode. ]\n"
        "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 13 attached\n"
        ", child_tidptr=0x7f) = 13\n"
        "/usr/bin/strace: Process 13 attached\n"
        "[pid 12] clone(child_stack=NULL, flags=SIGCHLD/usr/bin/strace: Process 14 "
        "attached\n"
        " <unfinished ...>\n"
        "[pid 12] <... clone resumed>, child_tidptr=0x7f) = 14\n");
    EXPECT_EQ(history->lines.unreadable, 0);
    EXPECT_EQ(history->lines.notes, 4);
    EXPECT_EQ(history->lines.signals, 1);
    EXPECT_EQ(history->lines.blank, 1);
    EXPECT_EQ(history->count, 2);
    EXPECT_EQ(history->events[0].result, 13);
    EXPECT_EQ(history->events[1].result, 14);
    history_free(history);
}

static void deduces_the_page_size(void)
{
    char text[4096];
    size_t used = 0;
    for (unsigned i = 1; i <= 9; i++) {
        used += (size_t)snprintf(
            text + used, sizeof(text) - used,
            "3 mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
            "0x%x0000\n",
            i);
    }
    struct history *history = read_text(text);
    EXPECT_EQ(history->page_bytes, 65536);
    history_free(history);
    (void)snprintf(text + used, sizeof(text) - used,
                   "3 mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
                   "0xff000\n");
    history = read_text(text);
    EXPECT_EQ(history->page_bytes, 4096);
    history_free(history);
}

int main(void)
{
    reads_each_call();
    reads_how_threads_begin();
    joins_interrupted_calls();
    follows_a_changed_number();
    reads_every_prefix();
    reads_strings_and_paths();
    reads_raw_numbers();
    keeps_failures_apart();
    counts_what_it_cannot_read();
    counts_more_than_it_keeps();
    passes_over_notes_and_signals();
    deduces_the_page_size();
    return 0;
}
