/* SPDX-License-Identifier: MIT */
/* What is printed, letter by letter, and what becomes of it in buffers of any size. */
#include "mmapper/text.h"

#include "mmapper/testing/fixture.h"

static void test_buffers(void)
{
    for (size_t bytes = 0; bytes <= 12; bytes++) {
        char buffer[13];
        struct text text;
        memset(buffer, 'X', sizeof buffer);
        mm_text_init(&text, buffer, bytes);
        mm_text_add(&text, "%s", "");
        mm_text_add(&text, "%d-", 1234);
        mm_text_add(&text, "%s", "");
        mm_text_add(&text, "%s", "abcdef");
        EXPECT_EQ(text.length, strlen("1234-abcdef"));
        if (bytes > 0) {
            EXPECT_EQ(strlen(buffer), bytes - 1);
            EXPECT_EQ(strncmp(buffer, "1234-abcdef", bytes - 1), 0);
        }
        for (size_t i = bytes; i < sizeof buffer; i++) {
            EXPECT_EQ(buffer[i], 'X');
        }
    }
    struct text nowhere;
    mm_text_init(&nowhere, NULL, 0);
    mm_text_add(&nowhere, "%s", "abc");
    EXPECT_EQ(nowhere.length, 3);
}

static void expect_bytes(size_t bytes, const char *expected)
{
    char buffer[64];
    struct text text;
    mm_text_init(&text, buffer, sizeof buffer);
    EXPECT_STR(buffer, "");
    mm_text_add_bytes(&text, bytes);
    EXPECT_STR(buffer, expected);
}

static void test_bytes(void)
{
    expect_bytes(0, "0 B");
    expect_bytes(1023, "1023 B");
    expect_bytes(1024, "1 KiB");
    expect_bytes(1025, "1025 B");
    expect_bytes(1536, "1536 B");
    expect_bytes(2048, "2 KiB");
    expect_bytes((size_t)1 << 20, "1 MiB");
    expect_bytes((size_t)1025 << 20, "1025 MiB");
    expect_bytes((size_t)1 << 30, "1 GiB");
    expect_bytes((size_t)1 << 40, "1 TiB");
    expect_bytes((size_t)1 << 50, "1 PiB");
    expect_bytes((size_t)1 << 60, "1024 PiB");
}

static void expect_line(const struct mm_error *error, const char *expected)
{
    char line[512];
    char exact[512];
    memset(line, 'X', sizeof line);
    memset(exact, 'X', sizeof exact);
    EXPECT_EQ(mm_error_format(error, line, sizeof line), strlen(expected));
    EXPECT_STR(line, expected);
    EXPECT_EQ(mm_error_format(error, exact, strlen(expected)), strlen(expected));
    EXPECT_EQ(strlen(exact), strlen(expected) - 1);
}

static void test_error_lines(void)
{
    struct mm_error error = {.status = MM_LIMIT,
                             .operation = MM_OPERATION_REGISTER_OWNER,
                             .os_call = MM_OS_NONE};
    expect_line(&error, "register_owner: limit reached: ?");
    error.detail = "too many";
    expect_line(&error, "register_owner: limit reached: too many");
    error.address = 0x3000;
    error.request = mm_extent_of(0x2000, 1);
    expect_line(&error, "register_owner of 0x2000-0x2001 (1 B): limit reached: "
                        "too many; at 0x3000");
    error.holder.state = MM_MAPPED; /* the owner was gone before it was named */
    expect_line(&error, "register_owner of 0x2000-0x2001 (1 B): limit reached: "
                        "too many; 0x3000 is mapped");
}

static void test_holder_lines(void)
{
    struct mm_owner *const somebody = (struct mm_owner *)8;
    struct mm_error error = {.status = MM_CONFLICT,
                             .operation = MM_OPERATION_RELEASE,
                             .detail = "taken",
                             .address = 0x3000,
                             .holder = {MM_RELEASING, somebody, MM_KIND_SPACE, "los"},
                             .os_call = MM_OS_NONE};
    expect_line(&error, "release: conflict: taken; 0x3000 is releasing for space "
                        "\"los\"");
    error.holder.state = MM_UNMAPPED;
    expect_line(&error, "release: conflict: taken; 0x3000 is unmapped for space "
                        "\"los\"");
}

static void test_system_lines(void)
{
    struct mm_error error = {
        .status = MM_CONFLICT,
        .operation = MM_OPERATION_QUARANTINE,
        .detail = "there",
        .foreign = {.extent = {0x1000, 0x1000}, .access = MM_ACCESS_READ},
        .os_call = MM_OS_RESERVE,
        .os_error = 17};
    expect_line(&error, "quarantine: conflict: there; the kernel lists "
                        "0x1000-0x2000 r--p (anonymous); reserve gave errno 17");
    error.foreign.access = MM_ACCESS_WRITE;
    error.foreign.shared = true;
    (void)strcpy(error.foreign.name, "/x");
    error.os_call = MM_OS_NONE;
    expect_line(&error, "quarantine: conflict: there; the kernel lists "
                        "0x1000-0x2000 -w-s /x; errno 17");
    error.os_error = 0;
    expect_line(&error, "quarantine: conflict: there; the kernel lists "
                        "0x1000-0x2000 -w-s /x");
    error.foreign.access = MM_ACCESS_EXECUTE;
    error.cause = MM_CAUSE_UNKNOWN;
    expect_line(&error, "quarantine: conflict: there; the kernel lists "
                        "0x1000-0x2000 --xs /x; cause: unknown");
}

/* Beyond each table's end, and far from it. */
static void test_no_names(void)
{
    EXPECT_STR(mm_status_name(MM_STATUS_COUNT), "?");
    EXPECT_STR(mm_state_name(MM_STATE_COUNT), "?");
    EXPECT_STR(mm_operation_name(MM_OPERATION_COUNT), "?");
    EXPECT_STR(mm_os_call_name((enum mm_os_call)(MM_OS_CALL_COUNT + 1)), "?");
    EXPECT_STR(mm_kind_name(MM_KIND_COUNT), "?");
    EXPECT_STR(mm_memory_cause_name((enum mm_memory_cause)(MM_CAUSE_MAP_COUNT + 1)),
               "?");
    EXPECT_STR(mm_difference_kind_name(MM_DIFFERENCE_KIND_COUNT), "?");
    EXPECT_STR(mm_memory_cause_name((enum mm_memory_cause) - 1), "?");
}

static const char *const dumped[] = {
    "0x7e8000008000-0x7e800000c000  quarantined   16 KiB  test \"heap\"\n",
    "0x7e800000c000-0x7e8000018000  mapped        48 KiB  test \"heap\"\n",
    "0x7e8000028000-0x7e8000030000  excluded      32 KiB  test \"image\"\n",
};

/* A buffer that is one byte short of what the tail needs loses a line, no less. */
static void expect_dump(const struct fixture *f, size_t bytes, size_t lines)
{
    enum { TAIL_BYTES = 64 };
    char expected[512] = "";
    char text[512];
    size_t needed = TAIL_BYTES;
    size_t filled = 0;
    for (size_t i = 0; i < sizeof dumped / sizeof *dumped; i++) {
        needed += strlen(dumped[i]);
        if (i < lines) {
            filled += (size_t)sprintf(expected + filled, "%s", dumped[i]);
        }
    }
    if (lines < sizeof dumped / sizeof *dumped) {
        (void)sprintf(expected + filled, "... and %zu runs more\n",
                      sizeof dumped / sizeof *dumped - lines);
    }
    memset(text, 'X', sizeof text);
    EXPECT_EQ(mmapper_dump(f->mapper, text, bytes), needed);
    EXPECT_STR(text, expected);
}

static void test_dump(void)
{
    enum { TAIL_BYTES = 64 };
    struct fixture f;
    fixture_begin(&f, NULL);
    EXPECT_OK(mmapper_quarantine(f.mapper, f.heap, fixture_extent(2, 1), NULL));
    EXPECT_OK(mmapper_ensure_mapped(f.mapper, f.heap, fixture_extent(3, 3), NULL));
    EXPECT_OK(mmapper_exclude(f.mapper, f.image, fixture_extent(10, 2), NULL));
    const size_t line = strlen(dumped[0]);
    expect_dump(&f, TAIL_BYTES, 0);
    expect_dump(&f, TAIL_BYTES + line - 1, 0);
    expect_dump(&f, TAIL_BYTES + line, 1);
    expect_dump(&f, TAIL_BYTES + 2 * line, 2);
    expect_dump(&f, TAIL_BYTES + 3 * line, 2); /* the third has a letter more */
    expect_dump(&f, TAIL_BYTES + 3 * line + 1, 3);
    expect_dump(&f, 512, 3);
    fixture_end(&f);
}

int main(void)
{
    test_buffers();
    test_bytes();
    test_error_lines();
    test_holder_lines();
    test_system_lines();
    test_no_names();
    test_dump();
    return 0;
}
