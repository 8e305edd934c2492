/* SPDX-License-Identifier: MIT */
#include "stress/explore/test_schedule.h"

#include <string.h>

#include "mmapper/testing/expect.h"

bool test_same_program(const struct program *one, const struct program *other)
{
    /* Padding and all, which program_init has cleared. NOLINTNEXTLINE(bugprone-*,cert-*) */
    return memcmp(one, other, sizeof(*one)) == 0;
}

void test_path(const char *name, char path[TEST_PATH_BYTES])
{
    const char *folder = getenv("TEST_TMPDIR");
    (void)snprintf(path, TEST_PATH_BYTES, "%s/%s", folder != NULL ? folder : "/tmp",
                   name);
}

bool test_read(const char *text, struct schedule *schedule, const char **problem,
               unsigned *line)
{
    char path[TEST_PATH_BYTES];
    test_path("explore-test.schedule", path);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL);
    EXPECT(fputs(text, file) >= 0);
    EXPECT(fclose(file) == 0);
    const bool good = schedule_load(path, schedule, problem, line);
    (void)remove(path);
    return good;
}

void test_schedule(const char *text, struct schedule *schedule)
{
    char whole[1024];
    const char *problem;
    unsigned line;
    (void)snprintf(whole, sizeof(whole), "mmapper-schedule 1\n%s", text);
    if (!test_read(whole, schedule, &problem, &line)) {
        (void)fprintf(stderr, "%s:%u: %s\n", whole, line, problem);
        abort();
    }
}
