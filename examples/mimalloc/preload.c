/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD, in front of libmimalloc.so.2.0: before main begins, mimalloc gets an arena
 * that is an immortal space of a mapper, and from then on takes its segments from there only.
 *
 *     LD_PRELOAD="libmmapper_mimalloc.so libmimalloc.so.2.0" PROGRAM
 *
 * What mimalloc has mapped by then, the first segment of the first thread, stays its own. If
 * there can be no mapper, that is said on stderr, and mimalloc maps by itself. MMAPPER_ARENA_GIB
 * is how large the arena is, 64 if not set: address space, not memory.
 *
 * With MMAPPER_MIMALLOC_REPORT=FILE each process appends to FILE when it exits: the dump, the
 * calls made, and the comparison with the kernel.
 */
#include <stdio.h>
#include <stdlib.h>

#include "examples/mimalloc/mapped_arena.h"
#include "examples/preload/report.h"

enum { ARENA_GIB = 64, MOST_GIB = 16 << 10 };

/* A process has one, from its constructor to its end. */
static struct {
    struct mmap_support support;
    struct mmapper *mapper;
    struct mapped_arena arena;
} preload;

/* What is no number of gibibytes is refused by the mapper, as an arena of 0 bytes. */
static size_t arena_bytes(void)
{
    const char *text = getenv("MMAPPER_ARENA_GIB");
    const unsigned long long gib = text == NULL ? ARENA_GIB : strtoull(text, NULL, 10);
    return gib > MOST_GIB ? 0 : (size_t)gib << 30;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("MMAPPER_MIMALLOC_REPORT");
    FILE *out = path == NULL || preload.mapper == NULL ? NULL : fopen(path, "ae");
    if (out != NULL) {
        preload_report(preload.mapper, out);
        (void)fclose(out);
    }
}

__attribute__((constructor)) static void begin(void)
{
    const struct mapped_arena_options options = {
        .name = "mimalloc",
        .bytes = arena_bytes(),
        .strategy = {.accounting = MM_UNACCOUNTED},
        .sole = true,
    };
    struct mm_error error;
    preload.support = mmap_support_linux();
    if (mmapper_create(NULL, &preload.support, &preload.mapper, &error) != MM_OK) {
        preload_complain("mmapper_mimalloc", "no mapper, mimalloc maps by itself",
                         &error);
    } else if (mapped_arena_create(&preload.arena, preload.mapper, &options, &error) !=
               MM_OK) {
        preload_complain("mmapper_mimalloc", "no arena, mimalloc maps by itself",
                         &error);
    }
}
