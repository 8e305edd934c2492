/* SPDX-License-Identifier: MIT */
/* The dump into a descriptor whose write(2) is as the standard allows it to be: the linker
 * puts this file in its place. */
#include <errno.h>
#include <sys/types.h>

#include "mmapper/testing/fixture.h"

enum { DESCRIPTOR = 1234 };

static struct {
    char text[8192];
    size_t length;
    size_t calls;
    size_t piece;      /* most bytes that a call takes */
    int refusal;       /* errno value of every other call; 0: none is refused */
    size_t stop_after; /* bytes; from there on every call gives `last` */
    ssize_t last;
} file;

/* NOLINTBEGIN(bugprone-reserved-identifier): the name is the linker's (--wrap). */
ssize_t __wrap_write(int descriptor, const void *text, size_t bytes);
ssize_t __wrap_write(int descriptor, const void *text, size_t bytes)
{
    EXPECT_EQ(descriptor, DESCRIPTOR);
    EXPECT(bytes > 0);
    file.calls++;
    if (file.refusal != 0 && file.calls % 2 == 1) {
        errno = file.refusal;
        return -1;
    }
    if (file.length >= file.stop_after) {
        errno = ENOSPC;
        return file.last;
    }
    const size_t taken = bytes < file.piece ? bytes : file.piece;
    EXPECT(file.length + taken < sizeof file.text);
    memcpy(file.text + file.length, text, taken);
    file.length += taken;
    return (ssize_t)taken;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void begin_file(size_t piece)
{
    memset(&file, 0, sizeof file);
    file.piece = piece;
    file.stop_after = SIZE_MAX;
}

static void test_short_writes(const struct fixture *f, const char *whole)
{
    static const size_t pieces[] = {1, 2, 7, 511, 512};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (int interrupted = 0; interrupted <= 1; interrupted++) {
            begin_file(pieces[i]);
            file.refusal = interrupted ? EINTR : 0;
            errno = 77;
            EXPECT_OK(mmapper_write_dump_to(f->mapper, DESCRIPTOR, NULL));
            EXPECT_EQ(errno, 77);
            EXPECT_STR(file.text, whole);
        }
    }
}

/* After an error nothing more is tried. */
static void test_refused(struct fixture *f, const char *whole)
{
    for (ssize_t last = -1; last <= 0; last++) {
        for (size_t bytes = 0; bytes < strlen(whole); bytes += 64) {
            begin_file(64);
            file.stop_after = bytes;
            file.last = last;
            errno = 77;
            EXPECT_STATUS(mmapper_write_dump_to(f->mapper, DESCRIPTOR, &f->error),
                          MM_OS_ERROR);
            EXPECT_EQ(f->error.os_error, last == 0 ? EIO : ENOSPC);
            EXPECT_EQ(errno, 77);
            EXPECT_EQ(file.length, bytes);
            EXPECT_EQ(file.calls, bytes / 64 + 1);
        }
    }
}

int main(void)
{
    struct fixture f;
    char whole[sizeof file.text];
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, fixture_extent(2, 3), NULL));
    begin_file(SIZE_MAX);
    EXPECT_OK(mmapper_write_dump_to(f.mapper, DESCRIPTOR, NULL));
    memcpy(whole, file.text, sizeof whole);
    EXPECT_CONTAINS(whole, "\nend 1\n");
    test_short_writes(&f, whole);
    test_refused(&f, whole);
    fixture_end(&f);
    return 0;
}
