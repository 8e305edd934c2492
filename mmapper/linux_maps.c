/* SPDX-License-Identifier: MIT */
#include "mmapper/linux_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The interface of Linux 6.11, which older headers do not have. Source: the kernel's
 * include/uapi/linux/fs.h. */
struct procmap_query_v1 {
    uint64_t size;
    uint64_t query_flags;
    uint64_t query_addr;
    uint64_t vma_start;
    uint64_t vma_end;
    uint64_t vma_flags;
    uint64_t vma_page_size;
    uint64_t vma_offset;
    uint64_t inode;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint32_t vma_name_size;
    uint32_t build_id_size;
    uint64_t vma_name_addr;
    uint64_t build_id_addr;
};

#define MM_PROCMAP_QUERY _IOWR('f', 17, struct procmap_query_v1)

enum {
    QUERY_READABLE = 1,
    QUERY_WRITABLE = 2,
    QUERY_EXECUTABLE = 4,
    QUERY_SHARED = 8,
    QUERY_COVERING_OR_NEXT = 16,
};

/* Opened for each walk: a descriptor kept across a fork would list the parent. */
static int open_maps(void)
{
    return open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
}

static void set_name(struct mm_mapping *mapping, const char *name)
{
    (void)snprintf(mapping->name, sizeof mapping->name, "%s", name);
}

/* One mapping at or above `address`. ENOENT when there is none. */
static int query_mapping(int maps, uintptr_t address, struct mm_mapping *mapping)
{
    char name[PATH_MAX] = "";
    struct procmap_query_v1 query = {.size = sizeof query,
                                     .query_flags = QUERY_COVERING_OR_NEXT,
                                     .query_addr = address,
                                     .vma_name_size = sizeof name,
                                     .vma_name_addr = (uint64_t)(uintptr_t)name};
    if (ioctl(maps, MM_PROCMAP_QUERY, &query) != 0) {
        if (errno != ENAMETOOLONG && errno != E2BIG) {
            return errno;
        }
        name[0] = '\0';
        query.vma_name_size = 0;
        query.vma_name_addr = 0;
        if (ioctl(maps, MM_PROCMAP_QUERY, &query) != 0) {
            return errno;
        }
    }
    mapping->extent = mm_extent_of((uintptr_t)query.vma_start,
                                   (size_t)(query.vma_end - query.vma_start));
    mapping->access = (query.vma_flags & QUERY_READABLE ? MM_ACCESS_READ : 0U) |
                      (query.vma_flags & QUERY_WRITABLE ? MM_ACCESS_WRITE : 0U) |
                      (query.vma_flags & QUERY_EXECUTABLE ? MM_ACCESS_EXECUTE : 0U);
    mapping->shared = (query.vma_flags & QUERY_SHARED) != 0;
    mapping->file = query.inode != 0;
    set_name(mapping, name);
    return 0;
}

int mm_linux_each_mapping_query(struct mm_extent range, mm_mapping_visitor visit,
                                void *argument)
{
    const int maps = open_maps();
    if (maps < 0) {
        return errno;
    }
    uintptr_t at = range.start;
    int error = 0;
    while (at < mm_extent_end(range)) {
        struct mm_mapping mapping = {.extent = {0, 0}};
        error = query_mapping(maps, at, &mapping);
        if (error != 0 || mapping.extent.start >= mm_extent_end(range) ||
            !visit(argument, &mapping)) {
            break;
        }
        at = mm_extent_end(mapping.extent);
    }
    (void)close(maps);
    return error == ENOENT ? 0 : error; /* ENOENT: nothing at or above */
}

/* One line: "start-end rwxp offset major:minor inode   name". False when it is not. */
static bool parse_line(char *line, struct mm_mapping *mapping)
{
    char *rest;
    const uintptr_t start = strtoull(line, &rest, 16);
    if (*rest != '-') {
        return false;
    }
    const uintptr_t end = strtoull(rest + 1, &rest, 16);
    if (end <= start || rest[0] != ' ' || strlen(rest) < 6) {
        return false;
    }
    mapping->extent = mm_extent_of(start, end - start);
    mapping->access = (rest[1] == 'r' ? MM_ACCESS_READ : 0U) |
                      (rest[2] == 'w' ? MM_ACCESS_WRITE : 0U) |
                      (rest[3] == 'x' ? MM_ACCESS_EXECUTE : 0U);
    mapping->shared = rest[4] == 's';
    rest += 5;
    (void)strtoull(rest, &rest, 16); /* offset */
    (void)strtoull(rest, &rest, 16); /* major */
    (void)strtoull(*rest == ':' ? rest + 1 : rest, &rest, 16);
    mapping->file = strtoull(rest, &rest, 10) != 0;
    set_name(mapping, rest + strspn(rest, " "));
    return true;
}

/* Visits one line's mapping; false to stop. */
static bool visit_line(char *line, struct mm_extent range, mm_mapping_visitor visit,
                       void *argument, int *error)
{
    struct mm_mapping mapping;
    if (!parse_line(line, &mapping)) {
        *error = EIO;
        return false;
    }
    if (mm_extent_end(mapping.extent) <= range.start) {
        return true;
    }
    return mapping.extent.start < mm_extent_end(range) && visit(argument, &mapping);
}

int mm_linux_each_mapping_text(struct mm_extent range, mm_mapping_visitor visit,
                               void *argument)
{
    char buffer[2 *
                PATH_MAX]; /* the kernel gives whole lines of at most PATH_MAX + 75 */
    size_t filled = 0;
    int error = 0;
    bool more = true;
    const int maps = open_maps();
    if (maps < 0) {
        return errno;
    }
    while (more) {
        const ssize_t got = read(maps, buffer + filled, sizeof buffer - 1 - filled);
        if (got <= 0) {
            error = got < 0 ? errno : 0;
            break;
        }
        filled += (size_t)got;
        buffer[filled] = '\0';
        char *line = buffer;
        for (char *end; more && (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            more = visit_line(line, range, visit, argument, &error);
        }
        filled -= (size_t)(line - buffer);
        memmove(buffer, line, filled);
    }
    (void)close(maps);
    return error;
}

int mm_linux_each_mapping(struct mm_extent range, mm_mapping_visitor visit,
                          void *argument)
{
    const int error = mm_linux_each_mapping_query(range, visit, argument);
    if (error == ENOTTY || error == EINVAL || error == ENOSYS) {
        return mm_linux_each_mapping_text(range, visit, argument);
    }
    return error;
}
