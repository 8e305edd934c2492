/* SPDX-License-Identifier: MIT */
/*
 * Mappings that are made without the mapper: by owners with external backing, as they may,
 * and by code that bypasses it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "examples/address_space_demo/demo.h"

static void insist(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

struct mm_extent foreign_map(size_t bytes, size_t alignment)
{
    char *all = mmap(NULL, bytes + alignment, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    insist(all != MAP_FAILED, "mmap");
    const size_t head = -(uintptr_t)all & (alignment - 1);
    insist(head == 0 || munmap(all, head) == 0, "munmap");
    insist(munmap(all + head + bytes, alignment - head) == 0, "munmap");
    return mm_extent_of((uintptr_t)all + head, bytes);
}

void foreign_map_in(struct mm_extent extent)
{
    void *got = mmap((void *)extent.start, extent.bytes, PROT_READ | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    insist(got != MAP_FAILED, "mmap");
}

void foreign_bypass(const struct layout *layout, size_t chunk)
{
    char *heap = (char *)layout->heap.start;
    char *reserved = heap + layout->heap.bytes - 8 * chunk;
    const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    insist(file >= 0, "open");
    insist(munmap(heap, chunk) == 0, "munmap");
    insist(mprotect(heap + 2 * chunk, chunk / 2, PROT_READ) == 0, "mprotect");
    insist(mprotect(reserved, chunk, PROT_READ) == 0, "mprotect");
    insist(mmap(reserved + 4 * chunk, chunk, PROT_READ, MAP_PRIVATE | MAP_FIXED, file,
                0) != MAP_FAILED,
           "mmap");
    insist(close(file) == 0, "close");
}
