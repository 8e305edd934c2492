/* SPDX-License-Identifier: MIT */
/* Every limit exactly at its bound and one beyond: the linker puts this file in place of
 * what the system says of itself. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mmapper/linux_maps.h"
#include "mmapper/testing/expect.h"

enum { KIB = 1024, BUFFER = 8192 }; /* the explainer's buffer, its NUL included */

/* A text is a file's; NULL: there is no such file. */
struct world {
    const char *max_map_count;
    const char *statm;
    const char *status;
    const char *overcommit;
    const char *meminfo;
    uint64_t mappings;
    int list_error;
    struct rlimit address_space;
    struct rlimit data;
    int limit_error;
};

/* Nothing stands against anything. 100 mappings, 50 pages, 70 KiB of data. */
static const struct world unlimited = {
    .max_map_count = "65530\n",
    .statm = "50 20 10 5 0 12 0\n",
    .status = "Name:\ttest\nVmPeak:\t  9999 kB\nVmData:\t      70 kB\nVmStk:\t 1 kB\n",
    .overcommit = "1\n",
    .meminfo = "MemTotal:         300 kB\nMemFree: 7 kB\nSwapTotal:        100 kB\n"
               "CommitLimit:      500 kB\nCommitted_AS:     200 kB\n",
    .mappings = 100,
    .address_space = {RLIM_INFINITY, RLIM_INFINITY},
    .data = {RLIM_INFINITY, RLIM_INFINITY},
};

static struct world world;
static bool explaining; /* others, as a sanitizer before main, are told the truth */

static const char *text_of(const char *path)
{
    const struct {
        const char *path;
        const char *text;
    } files[] = {
        {"/proc/sys/vm/max_map_count", world.max_map_count},
        {"/proc/self/statm", world.statm},
        {"/proc/self/status", world.status},
        {"/proc/sys/vm/overcommit_memory", world.overcommit},
        {"/proc/meminfo", world.meminfo},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return files[i].text;
        }
    }
    (void)fprintf(stderr, "%s is opened\n", path);
    abort();
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    const char *text = text_of(path);
    EXPECT_EQ(flags, O_RDONLY | O_CLOEXEC);
    if (text == NULL) {
        errno = ENOENT;
        return -1;
    }
    const int file = memfd_create(path, MFD_CLOEXEC);
    EXPECT_EQ(file, STDIN_FILENO);
    EXPECT_EQ(write(file, text, strlen(text)), strlen(text));
    EXPECT_EQ(lseek(file, 0, SEEK_SET), 0);
    return file;
}

int __real_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit);
int __wrap_getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
    if (!explaining) {
        return __real_getrlimit(resource, limit);
    }
    EXPECT(resource == RLIMIT_AS || resource == RLIMIT_DATA);
    *limit = resource == RLIMIT_AS ? world.address_space : world.data;
    errno = world.limit_error;
    return world.limit_error == 0 ? 0 : -1;
}

int __wrap_mm_linux_each_mapping(struct mm_extent range, mm_mapping_visitor visit,
                                 void *argument);
int __wrap_mm_linux_each_mapping(struct mm_extent range, mm_mapping_visitor visit,
                                 void *argument)
{
    const struct mm_mapping mapping = {.extent = {4096, 4096}};
    EXPECT_EQ(range.start, 0);
    EXPECT_EQ(range.bytes, UINTPTR_MAX);
    for (uint64_t i = 0; i < world.mappings; i++) {
        EXPECT(visit(argument, &mapping));
    }
    return world.list_error;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static enum mm_memory_cause
explain_with(enum mm_os_call call, const struct mm_strategy *strategy, size_t bytes)
{
    explaining = true;
    const enum mm_memory_cause cause =
        mm_linux_explain_no_memory(call, strategy, bytes);
    explaining = false;
    EXPECT_EQ(fcntl(STDIN_FILENO, F_GETFD), -1); /* what was opened is closed */
    return cause;
}

static enum mm_memory_cause explain_for(enum mm_os_call call,
                                        enum mm_accounting accounting, size_t bytes)
{
    const struct mm_strategy strategy = {.accounting = accounting};
    return explain_with(call, &strategy, bytes);
}

static enum mm_memory_cause explain(enum mm_os_call call, size_t bytes)
{
    return explain_for(call, MM_ACCOUNTED, bytes);
}

/* The bytes up to `last` are not explained by `cause`, one more byte is. */
static void expect_bound(enum mm_os_call call, size_t last, enum mm_memory_cause cause)
{
    EXPECT_EQ(explain(call, last), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(call, last + 1), cause);
}

static void expect_unknown_for_all(void)
{
    for (unsigned call = 0; call < MM_OS_CALL_COUNT; call++) {
        EXPECT_EQ(explain((enum mm_os_call)call, SIZE_MAX), MM_CAUSE_UNKNOWN);
        EXPECT_EQ(explain_with((enum mm_os_call)call, NULL, SIZE_MAX),
                  MM_CAUSE_UNKNOWN);
    }
}

static void test_unlimited(void)
{
    world = unlimited;
    expect_unknown_for_all();
}

/* A call in the middle of a mapping needs up to two more, whatever it is. */
static void test_map_count(void)
{
    world = unlimited;
    world.max_map_count = "102\n";
    EXPECT_EQ(explain(MM_OS_RELEASE, 1), MM_CAUSE_UNKNOWN);
    world.max_map_count = "101\n";
    for (unsigned call = 0; call < MM_OS_CALL_COUNT; call++) {
        EXPECT_EQ(explain((enum mm_os_call)call, 1), MM_CAUSE_MAP_COUNT);
    }
    world.list_error = EACCES; /* then the number of mappings says nothing */
    EXPECT_EQ(explain(MM_OS_RELEASE, 1), MM_CAUSE_UNKNOWN);
    world.list_error = 0;
    world.max_map_count = NULL;
    EXPECT_EQ(explain(MM_OS_RELEASE, 1), MM_CAUSE_UNKNOWN);
    world.max_map_count = "";
    EXPECT_EQ(explain(MM_OS_RELEASE, 1), MM_CAUSE_UNKNOWN);
}

/* Only new mappings need address space. */
static void test_address_space(void)
{
    const size_t used = 50 * (size_t)sysconf(_SC_PAGESIZE);
    world = unlimited;
    world.address_space.rlim_cur = used + 1000;
    expect_bound(MM_OS_RESERVE, 1000, MM_CAUSE_ADDRESS_SPACE);
    expect_bound(MM_OS_ACQUIRE_TABLE, 1000, MM_CAUSE_ADDRESS_SPACE);
    EXPECT_EQ(explain(MM_OS_COMMIT, 1001), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(MM_OS_RELEASE, 1001), MM_CAUSE_UNKNOWN);
    world.address_space.rlim_cur = used; /* nothing is left */
    expect_bound(MM_OS_RESERVE, 0, MM_CAUSE_ADDRESS_SPACE);
    world.address_space.rlim_cur = used - 1; /* lowered below what there is */
    EXPECT_EQ(explain(MM_OS_RESERVE, 0), MM_CAUSE_ADDRESS_SPACE);
    world.limit_error = EINVAL;
    EXPECT_EQ(explain(MM_OS_RESERVE, 1001), MM_CAUSE_UNKNOWN);
    world.limit_error = 0;
    world.statm = NULL;
    EXPECT_EQ(explain(MM_OS_RESERVE, SIZE_MAX), MM_CAUSE_UNKNOWN);
}

/* Only what becomes writable is data. */
static void test_data_size(void)
{
    world = unlimited;
    world.data.rlim_cur = 70 * KIB + 1000;
    expect_bound(MM_OS_COMMIT, 1000, MM_CAUSE_DATA_SIZE);
    expect_bound(MM_OS_ACQUIRE_TABLE, 1000, MM_CAUSE_DATA_SIZE);
    EXPECT_EQ(explain(MM_OS_RESERVE, 1001), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(MM_OS_DECOMMIT, 1001), MM_CAUSE_UNKNOWN);
    world.data.rlim_cur = 70 * KIB - 1;
    EXPECT_EQ(explain(MM_OS_COMMIT, 0), MM_CAUSE_DATA_SIZE);
    world.status = "Name:\ttest\n"; /* as kernel threads have it */
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_UNKNOWN);
    world.status = NULL;
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_UNKNOWN);
}

/* Mode 0: what is charged may not be more than memory and swap, 400 KiB. */
static void test_heuristic_overcommit(void)
{
    world = unlimited;
    world.overcommit = "0\n";
    expect_bound(MM_OS_COMMIT, 401 * KIB - 1, MM_CAUSE_COMMIT_LIMIT);
    EXPECT_EQ(explain_with(MM_OS_COMMIT, NULL, 401 * KIB),
              MM_CAUSE_COMMIT_LIMIT); /* nobody said that it is not charged */
    EXPECT_EQ(explain_for(MM_OS_COMMIT, MM_UNACCOUNTED, SIZE_MAX), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(MM_OS_ACQUIRE_TABLE, SIZE_MAX), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(MM_OS_RESERVE, SIZE_MAX), MM_CAUSE_UNKNOWN);
    world.meminfo = "MemTotal:         300 kB\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_UNKNOWN);
    world.meminfo = "SwapTotal:        100 kB\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_UNKNOWN);
}

/* Mode 2: 500 KiB, of which 200 are taken, whether or not a call is charged. */
static void test_strict_overcommit(void)
{
    world = unlimited;
    world.overcommit = "2\n";
    expect_bound(MM_OS_COMMIT, 301 * KIB - 1, MM_CAUSE_COMMIT_LIMIT);
    expect_bound(MM_OS_ACQUIRE_TABLE, 301 * KIB - 1, MM_CAUSE_COMMIT_LIMIT);
    EXPECT_EQ(explain_for(MM_OS_COMMIT, MM_UNACCOUNTED, 301 * KIB),
              MM_CAUSE_COMMIT_LIMIT);
    EXPECT_EQ(explain(MM_OS_RESERVE, SIZE_MAX), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(MM_OS_RELEASE, SIZE_MAX), MM_CAUSE_UNKNOWN);
    world.meminfo = "CommitLimit: 500 kB\nCommitted_AS: 500 kB\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, KIB - 1), MM_CAUSE_UNKNOWN);
    EXPECT_EQ(explain(MM_OS_COMMIT, KIB), MM_CAUSE_COMMIT_LIMIT);
    world.meminfo = "CommitLimit: 500 kB\nCommitted_AS: 501 kB\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, 0), MM_CAUSE_COMMIT_LIMIT);
    world.meminfo = "CommitLimit: 1 kB\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_UNKNOWN);
    world.meminfo = "Committed_AS: 500 kB\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_UNKNOWN);
}

/* Mode 1 refuses nothing, and where no mode is to be read none is assumed. */
static void test_no_overcommit_limit(void)
{
    world = unlimited;
    world.meminfo = "MemTotal: 0 kB\nSwapTotal: 0 kB\nCommitLimit: 0 kB\n"
                    "Committed_AS: 1 kB\n";
    expect_unknown_for_all();
    world.overcommit = "2\n";
    EXPECT_EQ(explain(MM_OS_COMMIT, SIZE_MAX), MM_CAUSE_COMMIT_LIMIT);
    world.overcommit = NULL;
    expect_unknown_for_all();
}

/* What is first in the order of the questions is the answer. */
static void test_order(void)
{
    world = unlimited;
    world.overcommit = "2\n";
    EXPECT_EQ(explain(MM_OS_ACQUIRE_TABLE, SIZE_MAX), MM_CAUSE_COMMIT_LIMIT);
    world.data.rlim_cur = 0;
    EXPECT_EQ(explain(MM_OS_ACQUIRE_TABLE, SIZE_MAX), MM_CAUSE_DATA_SIZE);
    world.address_space.rlim_cur = 0;
    EXPECT_EQ(explain(MM_OS_ACQUIRE_TABLE, SIZE_MAX), MM_CAUSE_ADDRESS_SPACE);
    world.max_map_count = "0\n";
    EXPECT_EQ(explain(MM_OS_ACQUIRE_TABLE, SIZE_MAX), MM_CAUSE_MAP_COUNT);
}

/* A file that is longer than the buffer is read as far as there is room for its end:
 * the last digit of 712 is not. */
static void test_long_file(void)
{
    static char text[2 * BUFFER];
    static const char line[] = "VmData:712 kB\n";
    memset(text, 'x', sizeof text - 1);
    memcpy(text + BUFFER - sizeof "VmData:71", line, sizeof line - 1);
    world = unlimited;
    world.status = text;
    world.data.rlim_cur = 71 * KIB;
    expect_bound(MM_OS_COMMIT, 0, MM_CAUSE_DATA_SIZE);
}

int main(void)
{
    /* So that every file gets 0, a descriptor as good as any, unless another is open. */
    EXPECT_EQ(close(STDIN_FILENO), 0);
    test_unlimited();
    test_map_count();
    test_address_space();
    test_data_size();
    test_heuristic_overcommit();
    test_strict_overcommit();
    test_no_overcommit_limit();
    test_order();
    test_long_file();
    return 0;
}
