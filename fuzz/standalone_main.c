/* SPDX-License-Identifier: MIT */
/*
 * main() of a fuzz target that is built as an ordinary test: every file named, or found
 * in a folder named, is one unit. A run over no unit fails: it would show nothing.
 */
#include "fuzz/fuzz_target.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    path_limit = 4096,
    folder_depth_limit = 8,
};

_Noreturn static void fail(const char *what, const char *path)
{
    (void)fprintf(stderr, "%s: ", what);
    perror(path);
    exit(2);
}

static void run_file(const char *path, size_t bytes)
{
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        fail("cannot open", path);
    }
    /* Exactly as long as the unit, so that a read past its end is seen by ASan. */
    uint8_t *const data = malloc(bytes > 0 ? bytes : 1);
    if (data == NULL || fread(data, 1, bytes, file) != bytes) {
        fail("cannot read", path);
    }
    (void)fclose(file);
    /* A unit that aborts must be named: this line is then the last one. */
    (void)fprintf(stderr, "unit %s (%zu bytes)\n", path, bytes);
    (void)LLVMFuzzerTestOneInput(data, bytes);
    free(data);
}

static size_t run_path(const char *path, int depth);

static size_t run_folder(const char *path, int depth)
{
    DIR *const folder = opendir(path);
    if (folder == NULL || depth > folder_depth_limit) {
        fail("cannot list", path);
    }
    size_t units = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL;
         entry = readdir(folder)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char child[path_limit];
        const int length = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(child)) {
            fail("path too long under", path);
        }
        units += run_path(child, depth + 1);
    }
    (void)closedir(folder);
    return units;
}

/* Returns the number of units run. */
static size_t run_path(const char *path, int depth)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fail("cannot find", path);
    }
    if (S_ISDIR(status.st_mode)) {
        return run_folder(path, depth);
    }
    run_file(path, (size_t)status.st_size);
    return 1;
}

int main(int argc, char **argv)
{
    size_t units = 0;
    for (int i = 1; i < argc; i++) {
        units += run_path(argv[i], 0);
    }
    (void)printf("%zu units\n", units);
    if (units == 0) {
        (void)fprintf(stderr, "usage: %s FILE|FOLDER...\nno unit was run\n", argv[0]);
        return 2;
    }
    return 0;
}
