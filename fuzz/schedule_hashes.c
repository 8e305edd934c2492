/* SPDX-License-Identifier: MIT */
/*
 * main() of the ordinary test: every unit twice, with the same trace both times and the
 * one that the list has. Builds of all kinds read one list, so a trace that depends on
 * addresses, on uninitialised memory or on what ran before does not agree with it.
 *
 *     PROGRAM --print UNIT...    prints the list
 *     PROGRAM LIST UNIT...
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/schedule_unit.h"

enum { MAX_BYTES = 1 << 16 };

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static uint64_t hash_of(const char *path)
{
    static uint8_t bytes[MAX_BYTES];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    const size_t size = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    /* Exactly as long as the unit, so that a read past its end is seen by ASan. */
    uint8_t *unit = malloc(size > 0 ? size : 1);
    if (unit == NULL) {
        abort();
    }
    memcpy(unit, bytes, size);
    /* A unit that aborts must be named: this line is then the last one. */
    (void)fprintf(stderr, "unit %s (%zu bytes)\n", path, size);
    const uint64_t hash = schedule_fuzz_run(unit, size);
    free(unit);
    return hash;
}

/* False when the list does not have the unit. */
static bool find_hash(FILE *list, const char *name, uint64_t *hash)
{
    char listed[256];
    if (fseek(list, 0, SEEK_SET) != 0) {
        return false;
    }
    while (fscanf(list, "%255s %" SCNx64, listed, hash) == 2) {
        if (strcmp(listed, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_as_listed(FILE *list, const char *path, uint64_t hash)
{
    uint64_t listed;
    if (!find_hash(list, name_of(path), &listed)) {
        (void)fprintf(stderr, "%s is not in the list of hashes\n", path);
        return false;
    }
    if (hash != listed) {
        (void)fprintf(stderr, "%s: the trace is %016" PRIx64 ", not %016" PRIx64 "\n",
                      path, hash, listed);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s LIST|--print UNIT...\n", argv[0]);
        return 2;
    }
    FILE *list = strcmp(argv[1], "--print") != 0 ? fopen(argv[1], "r") : NULL;
    if (list == NULL && strcmp(argv[1], "--print") != 0) {
        perror(argv[1]);
        return 2;
    }
    uint64_t *hashes = calloc((size_t)argc, sizeof(*hashes));
    bool good = hashes != NULL;
    for (int i = 2; i < argc && good; i++) {
        hashes[i] = hash_of(argv[i]);
    }
    /* The second time in another order of worlds. */
    for (int i = argc - 1; i >= 2 && hashes != NULL; i--) {
        if (hash_of(argv[i]) != hashes[i]) {
            (void)fprintf(stderr, "%s: two runs, two traces\n", argv[i]);
            good = false;
        } else if (list != NULL) {
            good = is_as_listed(list, argv[i], hashes[i]) && good;
        }
    }
    for (int i = 2; i < argc && list == NULL && hashes != NULL; i++) {
        (void)printf("%s %016" PRIx64 "\n", name_of(argv[i]), hashes[i]);
    }
    if (list != NULL) {
        (void)fclose(list);
    }
    free(hashes);
    return good ? 0 : 1;
}
