/* SPDX-License-Identifier: MIT */
/*
 * Which limit is behind an ENOMEM. The kernel does not say; its counters do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mmapper/linux_maps.h"

/* The number after `key` in a file of "key: number" lines, or at its start when the key
 * is empty. False, and *number unchanged, when there is none. */
static bool read_number(const char *path, const char *key, uint64_t *number)
{
    char buffer[8192];
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const ssize_t got = read(file, buffer, sizeof buffer - 1);
    (void)close(file);
    if (got <= 0) {
        return false;
    }
    buffer[got] = '\0';
    const char *found = strstr(buffer, key);
    if (found == NULL) {
        return false;
    }
    *number = strtoull(found + strlen(key), NULL, 10);
    return true;
}

static bool count_one(void *argument, const struct mm_mapping *mapping)
{
    (void)mapping;
    (*(uint64_t *)argument)++;
    return true;
}

static bool at_map_count(void)
{
    /* A call in the middle of a mapping needs up to two more. */
    enum { NEEDED = 2 };
    uint64_t limit;
    uint64_t mappings = 0;
    return read_number("/proc/sys/vm/max_map_count", "", &limit) &&
           mm_linux_each_mapping(mm_extent_of(0, UINTPTR_MAX), count_one, &mappings) ==
               0 &&
           mappings + NEEDED > limit;
}

static bool beyond_limit(__rlimit_resource_t resource, uint64_t used, size_t bytes)
{
    struct rlimit limit;
    return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           (used > limit.rlim_cur || bytes > limit.rlim_cur - used);
}

static bool beyond_address_space(size_t bytes)
{
    uint64_t pages;
    return read_number("/proc/self/statm", "", &pages) &&
           beyond_limit(RLIMIT_AS, pages * (uint64_t)sysconf(_SC_PAGESIZE), bytes);
}

static bool beyond_data_size(size_t bytes)
{
    uint64_t kibibytes;
    return read_number("/proc/self/status", "VmData:", &kibibytes) &&
           beyond_limit(RLIMIT_DATA, kibibytes * 1024, bytes);
}

/* Mode 0 refuses what is charged and more than all memory, mode 2 what passes
 * CommitLimit, charged or not (it ignores MAP_NORESERVE), mode 1 nothing: so it is what
 * is assumed where none is to be read. Source: the kernel's
 * Documentation/mm/overcommit-accounting. */
static bool beyond_commit_limit(bool charged, size_t bytes)
{
    const char *meminfo = "/proc/meminfo";
    uint64_t mode = 1;
    uint64_t a;
    uint64_t b;
    (void)read_number("/proc/sys/vm/overcommit_memory", "", &mode);
    if (mode == 0) {
        return charged && read_number(meminfo, "MemTotal:", &a) &&
               read_number(meminfo, "SwapTotal:", &b) && bytes / 1024 > a + b;
    }
    return mode == 2 && read_number(meminfo, "CommitLimit:", &a) &&
           read_number(meminfo, "Committed_AS:", &b) && (b > a || bytes / 1024 > a - b);
}

/* Each limit is looked at only for the calls that it can stop: address space grows with
 * new mappings alone, and what is charged is what becomes writable. */
enum mm_memory_cause mm_linux_explain_no_memory(enum mm_os_call call,
                                                const struct mm_strategy *strategy,
                                                size_t bytes)
{
    const bool maps = call == MM_OS_RESERVE || call == MM_OS_ACQUIRE_TABLE;
    const bool writes =
        call == MM_OS_COMMIT || call == MM_OS_PROTECT || call == MM_OS_ACQUIRE_TABLE;
    const bool charged = call == MM_OS_COMMIT &&
                         (strategy == NULL || strategy->accounting == MM_ACCOUNTED);
    if (at_map_count()) {
        return MM_CAUSE_MAP_COUNT;
    }
    if (maps && beyond_address_space(bytes)) {
        return MM_CAUSE_ADDRESS_SPACE;
    }
    if (writes && beyond_data_size(bytes)) {
        return MM_CAUSE_DATA_SIZE;
    }
    return writes && beyond_commit_limit(charged, bytes) ? MM_CAUSE_COMMIT_LIMIT
                                                         : MM_CAUSE_UNKNOWN;
}
