/* SPDX-License-Identifier: MIT */
/*
 * Running a test in parts, as Bazel's shard_count asks.
 */
#ifndef MMAPPER_TESTING_SHARD_H
#define MMAPPER_TESTING_SHARD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* This process is part `index` of `total`. */
struct test_shard {
    uint64_t index;
    uint64_t total;
};

static inline struct test_shard test_shard_begin(void)
{
    struct test_shard shard = {0, 1};
    const char *index = getenv("TEST_SHARD_INDEX");
    const char *total = getenv("TEST_TOTAL_SHARDS");
    const char *status = getenv("TEST_SHARD_STATUS_FILE");
    if (index != NULL && total != NULL) {
        shard.index = strtoull(index, NULL, 10);
        shard.total = strtoull(total, NULL, 10);
    }
    /* A shard that does not exist would run nothing and pass. */
    if (shard.total == 0 || shard.index >= shard.total) {
        (void)fprintf(stderr, "there is no shard %s of %s\n", index, total);
        abort();
    }
    /* By touching the file a test tells Bazel that it knows about shards. */
    FILE *file = status != NULL ? fopen(status, "w") : NULL;
    if (file != NULL) {
        (void)fclose(file);
    }
    return shard;
}

#endif /* MMAPPER_TESTING_SHARD_H */
