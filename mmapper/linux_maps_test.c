/* SPDX-License-Identifier: MIT */
/* The two readers of the kernel's list of mappings on lists that this machine does not
 * have: the linker puts this file in place of the calls that they make. */
#include "mmapper/linux_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/types.h>
#include <unistd.h>

#include "mmapper/testing/expect.h"

enum { BUFFER = 2 * PATH_MAX, LISTED = 8 };

/* Linux 6.11, include/uapi/linux/fs.h: written down a second time. */
enum { READABLE = 1, WRITABLE = 2, EXECUTABLE = 4, SHARED = 8, COVERING_OR_NEXT = 16 };

struct query {
    uint64_t size;
    uint64_t flags;
    uint64_t address;
    uint64_t start;
    uint64_t end;
    uint64_t access;
    uint64_t page_bytes;
    uint64_t offset;
    uint64_t inode;
    uint32_t device[2];
    uint32_t name_bytes;
    uint32_t build_id_bytes;
    uint64_t name;
    uint64_t build_id;
};

_Static_assert(sizeof(struct query) == 104, "as the kernel has it");

/* What the kernel has, for the query. */
struct area {
    uintptr_t start;
    uintptr_t end;
    uint64_t access;
    uint64_t inode;
    const char *name; /* NULL: none */
};

static struct {
    /* The query: its answers, its errno values where these are not 0, and its number. */
    const struct area *areas;
    size_t area_count;
    int refusals[4];
    size_t queries;
    /* The text, how much a read gives of it, and what is refused. */
    const char *text;
    size_t piece;
    size_t at;
    const char *buffer; /* of the reader */
    bool ended;
    int open_error;
    int read_error; /* at the end of the text */
} world;

static struct {
    size_t count;
    size_t stop_after;
    struct mm_mapping mappings[LISTED];
} list;

static int answer(struct query *query)
{
    for (size_t i = 0; i < world.area_count; i++) {
        const struct area *area = &world.areas[i];
        if (area->end <= query->address) {
            continue;
        }
        query->start = area->start;
        query->end = area->end;
        query->access = area->access;
        query->inode = area->inode;
        if (area->name != NULL && query->name_bytes > 0) {
            memcpy((char *)query->name, area->name, strlen(area->name) + 1);
        } else {
            query->name_bytes = 0;
        }
        return 0;
    }
    return ENOENT;
}

static ssize_t give(int file, char *buffer, size_t room)
{
    EXPECT_EQ(file, STDIN_FILENO);
    EXPECT(!world.ended);
    const size_t left = strlen(world.text + world.at);
    size_t bytes = left < world.piece ? left : world.piece;
    bytes = bytes < room ? bytes : room;
    world.buffer = world.buffer != NULL ? world.buffer : buffer;
    EXPECT(buffer >= world.buffer && room > 0);
    EXPECT(buffer + room < world.buffer + BUFFER); /* there is room for a NUL */
    memcpy(buffer, world.text + world.at, bytes);
    world.at += bytes;
    if (left > 0) {
        return (ssize_t)bytes;
    }
    world.ended = true;
    errno = world.read_error != 0 ? world.read_error : ENOTRECOVERABLE;
    return world.read_error != 0 ? -1 : 0;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    EXPECT_STR(path, "/proc/self/maps");
    EXPECT_EQ(flags, O_RDONLY | O_CLOEXEC);
    errno = world.open_error;
    return world.open_error != 0 ? -1 : dup(STDERR_FILENO);
}

int __wrap_ioctl(int file, unsigned long request, ...);
int __wrap_ioctl(int file, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    struct query *query = va_arg(arguments, struct query *);
    va_end(arguments);
    EXPECT_EQ(file, STDIN_FILENO);
    EXPECT_EQ(query->size, sizeof *query);
    EXPECT_EQ(query->flags, COVERING_OR_NEXT);
    EXPECT_EQ(query->name_bytes > 0, query->name != 0);
    EXPECT(world.queries < sizeof world.refusals / sizeof *world.refusals);
    const int refusal = world.refusals[world.queries++];
    const int error = refusal != 0 ? refusal : answer(query);
    errno = error;
    return error == 0 ? 0 : -1;
}

ssize_t __wrap_read(int file, void *buffer, size_t bytes);
ssize_t __wrap_read(int file, void *buffer, size_t bytes)
{
    return give(file, buffer, bytes);
}

/* What read is called where the compiler fortifies it. */
ssize_t __wrap___read_chk(int file, void *buffer, size_t bytes, size_t room);
ssize_t __wrap___read_chk(int file, void *buffer, size_t bytes, size_t room)
{
    EXPECT(bytes <= room);
    return give(file, buffer, bytes);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static bool collect(void *argument, const struct mm_mapping *mapping)
{
    EXPECT(argument == &list);
    EXPECT(list.count < LISTED);
    list.mappings[list.count++] = *mapping;
    return list.count != list.stop_after;
}

typedef int (*reader)(struct mm_extent range, mm_mapping_visitor visit, void *argument);

/* Walks over [start, end), and expects `error` and so many mappings. */
static void expect_walk(reader walk, uintptr_t start, uintptr_t end, int error,
                        size_t count)
{
    list.count = 0;
    world.queries = 0;
    world.at = 0;
    world.buffer = NULL;
    world.ended = false;
    EXPECT_EQ(walk(mm_extent_of(start, end - start), collect, &list), error);
    EXPECT_EQ(list.count, count);
    EXPECT_EQ(fcntl(STDIN_FILENO, F_GETFD), -1); /* what was opened is closed */
}

static void expect_mapping(size_t index, uintptr_t start, uintptr_t end,
                           unsigned access, const char *name)
{
    const struct mm_mapping *mapping = &list.mappings[index];
    EXPECT_EQ(mapping->extent.start, start);
    EXPECT_EQ(mm_extent_end(mapping->extent), end);
    EXPECT_EQ(mapping->access, access);
    EXPECT_STR(mapping->name, name);
}

static const struct area areas[] = {
    {0x1000, 0x2000, READABLE, 7, "/bin/first"},
    {0x2000, 0x4000, READABLE | WRITABLE | SHARED, 0, NULL},
    {0x6000, 0x7000, EXECUTABLE, 0, "[vdso]"},
};

static void begin_query(void)
{
    memset(&world, 0, sizeof world);
    memset(&list, 0, sizeof list);
    world.areas = areas;
    world.area_count = sizeof areas / sizeof *areas;
}

static void test_query(void)
{
    begin_query();
    expect_walk(mm_linux_each_mapping_query, 0, 0x8000, 0, 3);
    EXPECT_EQ(world.queries, 4); /* the last one finds nothing at or above */
    expect_mapping(0, 0x1000, 0x2000, MM_ACCESS_READ, "/bin/first");
    EXPECT(list.mappings[0].file && !list.mappings[0].shared);
    expect_mapping(1, 0x2000, 0x4000, MM_ACCESS_READ | MM_ACCESS_WRITE, "");
    EXPECT(!list.mappings[1].file && list.mappings[1].shared);
    expect_mapping(2, 0x6000, 0x7000, MM_ACCESS_EXECUTE, "[vdso]");
    list.stop_after = 1;
    expect_walk(mm_linux_each_mapping_query, 0, 0x8000, 0, 1);
    EXPECT_EQ(world.queries, 1);
}

/* What only touches the range is not in it, and not asked for. */
static void test_query_bounds(void)
{
    begin_query();
    expect_walk(mm_linux_each_mapping_query, 0x2000, 0x4000, 0, 1);
    expect_mapping(0, 0x2000, 0x4000, MM_ACCESS_READ | MM_ACCESS_WRITE, "");
    EXPECT_EQ(world.queries, 1);
    expect_walk(mm_linux_each_mapping_query, 0x4000, 0x6000, 0, 0);
    expect_walk(mm_linux_each_mapping_query, 0x3FFF, 0x6001, 0, 2);
}

/* A name that is too long is left out, its mapping is not. */
static void test_query_errors(void)
{
    static const int unnameable[] = {ENAMETOOLONG, E2BIG};
    for (size_t i = 0; i < sizeof unnameable / sizeof *unnameable; i++) {
        begin_query();
        world.refusals[0] = unnameable[i];
        expect_walk(mm_linux_each_mapping_query, 0, 0x2000, 0, 1);
        expect_mapping(0, 0x1000, 0x2000, MM_ACCESS_READ, "");
        world.refusals[1] = ESRCH;
        expect_walk(mm_linux_each_mapping_query, 0, 0x2000, ESRCH, 0);
        EXPECT_EQ(world.queries, 2);
    }
    begin_query();
    world.refusals[0] = EACCES;
    expect_walk(mm_linux_each_mapping_query, 0, 0x2000, EACCES, 0);
    EXPECT_EQ(world.queries, 1);
    world.refusals[0] = 0;
    world.refusals[1] = EACCES; /* half way */
    expect_walk(mm_linux_each_mapping_query, 0, 0x8000, EACCES, 1);
    world.open_error = EMFILE;
    expect_walk(mm_linux_each_mapping_query, 0, 0x2000, EMFILE, 0);
    EXPECT_EQ(world.queries, 0);
}

static void begin_text(const char *text, size_t piece)
{
    memset(&world, 0, sizeof world);
    memset(&list, 0, sizeof list);
    world.text = text;
    world.piece = piece;
}

static const char three[] =
    "00001000-00002000 r--p 00000000 08:01 7                       /bin/first\n"
    "00002000-00004000 rw-s 00000000 00:00 0 \n"
    "00006000-00007000 --xp 00000000 00:00 0                       [a b]\n";

static void expect_three(void)
{
    expect_mapping(0, 0x1000, 0x2000, MM_ACCESS_READ, "/bin/first");
    EXPECT(list.mappings[0].file && !list.mappings[0].shared);
    expect_mapping(1, 0x2000, 0x4000, MM_ACCESS_READ | MM_ACCESS_WRITE, "");
    EXPECT(!list.mappings[1].file && list.mappings[1].shared);
    expect_mapping(2, 0x6000, 0x7000, MM_ACCESS_EXECUTE, "[a b]");
}

/* However a read cuts the text. */
static void test_text(void)
{
    for (size_t piece = 1; piece <= sizeof three; piece++) {
        begin_text(three, piece);
        expect_walk(mm_linux_each_mapping_text, 0, 0x8000, 0, 3);
        expect_three();
    }
    begin_text(three, sizeof three);
    list.stop_after = 1;
    expect_walk(mm_linux_each_mapping_text, 0, 0x8000, 0, 1);
    begin_text("", 1);
    expect_walk(mm_linux_each_mapping_text, 0, 0x8000, 0, 0);
}

static void test_text_bounds(void)
{
    begin_text(three, 50);
    expect_walk(mm_linux_each_mapping_text, 0x2000, 0x6000, 0, 1);
    expect_mapping(0, 0x2000, 0x4000, MM_ACCESS_READ | MM_ACCESS_WRITE, "");
    expect_walk(mm_linux_each_mapping_text, 0x4000, 0x6000, 0, 0);
    expect_walk(mm_linux_each_mapping_text, 0x3FFF, 0x6001, 0, 2);
}

/* A list that is longer than the reader's buffer, in reads as large as that. */
static void test_long_text(void)
{
    static char text[4 * BUFFER];
    size_t filled = 0;
    while (filled + 200 < sizeof text) {
        filled += (size_t)sprintf(text + filled, "00000100-00000200 r--p 0 0:0 0\n");
    }
    (void)sprintf(text + filled, "%s", three);
    begin_text(text, sizeof text);
    expect_walk(mm_linux_each_mapping_text, 0x1000, 0x8000, 0, 3);
    expect_three();
}

static void test_text_errors(void)
{
    static const char *const wrong[] = {
        "00001000",
        "00001000 00002000 r--p 00000000 08:01 7\n",
        "00002000-00002000 r--p 00000000 08:01 7\n",
        "00002000-00001000 r--p 00000000 08:01 7\n",
        "00001000-00002000:r--p 00000000 08:01 7\n",
        "00001000-00002000 r--p\n",
    };
    char text[512];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        (void)snprintf(text, sizeof text, "%s\n%s", wrong[i], three);
        begin_text(text, sizeof text);
        expect_walk(mm_linux_each_mapping_text, 0, 0x8000, EIO, 0);
    }
    begin_text("00001000-00002000 rw-p \n", 50); /* the shortest that will do */
    expect_walk(mm_linux_each_mapping_text, 0, 0x8000, 0, 1);
    expect_mapping(0, 0x1000, 0x2000, MM_ACCESS_READ | MM_ACCESS_WRITE, "");
    begin_text(three, 100);
    world.read_error = EACCES;
    expect_walk(mm_linux_each_mapping_text, 0, 0x8000, EACCES, 3);
    begin_text(three, 100);
    world.open_error = EMFILE;
    expect_walk(mm_linux_each_mapping_text, 0, 0x8000, EMFILE, 0);
}

/* The text only where the kernel has no query. */
static void test_choice(void)
{
    static const int none[] = {ENOTTY, EINVAL, ENOSYS};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        begin_text(three, sizeof three);
        world.refusals[0] = none[i];
        expect_walk(mm_linux_each_mapping, 0, 0x8000, 0, 3);
        expect_three();
    }
    begin_text(three, sizeof three);
    world.refusals[0] = EACCES;
    expect_walk(mm_linux_each_mapping, 0, 0x8000, EACCES, 0);
}

int main(void)
{
    /* So that every file gets 0, a descriptor as good as any, unless another is open. */
    EXPECT_EQ(close(STDIN_FILENO), 0);
    test_query();
    test_query_bounds();
    test_query_errors();
    test_text();
    test_text_bounds();
    test_long_text();
    test_text_errors();
    test_choice();
    return 0;
}
