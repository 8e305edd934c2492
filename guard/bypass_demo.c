/* SPDX-License-Identifier: MIT */
/*
 * bypass_demo [KIND...]: changes mappings of a mapper behind its back, in every way that
 * there is or in those that are named, each in memory of an owner of that name, and prints
 * what came of it:
 *
 *   KIND refused, memory intact | KIND went through, memory changed | ...
 *
 * Exit code 0 however it went, 2 when it could not be set up. Run it under the guard.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard/bypass.h"

enum {
    PATTERN = 0x5a,
    CHUNKS = 2,
    BREAK_BYTES = 16 << 20, /* a chunk of 4 MiB lies whole in the middle half of it */
};

/* Fails where it cannot be read, too: the kernel reads, and a signal is avoided. */
static bool is_intact(const struct bypass_stage *stage)
{
    static unsigned char copy[65536];
    int ends[2];
    bool good = stage->page_bytes <= sizeof(copy) && pipe(ends) == 0;
    if (!good) {
        return false;
    }
    for (size_t at = 0; good && at < stage->page_bytes; at += 4096) {
        good = write(ends[1], (const void *)(stage->victim + at), 4096) == 4096 &&
               read(ends[0], copy + at, 4096) == 4096;
    }
    (void)close(ends[0]);
    (void)close(ends[1]);
    for (size_t i = 0; good && i < stage->page_bytes; i++) {
        good = copy[i] == PATTERN;
    }
    return good;
}

/* A chunk of managed address space between the heap of brk and its end. */
static enum mm_status below_break(struct bypass_stage *stage, struct mm_extent *extent,
                                  struct mm_error *error)
{
    const size_t chunk = mmapper_chunk_bytes(stage->mapper);
    char *const low = sbrk(BREAK_BYTES);
    if (low == (void *)-1) {
        return MM_NO_MEMORY;
    }
    *extent = mm_extent_of(mm_align_down((uintptr_t)low + 2 * chunk, chunk), chunk);
    (void)munmap((void *)extent->start, extent->bytes);
    return mmapper_quarantine(stage->mapper, stage->owner, *extent, error);
}

static enum mm_status set_up(struct bypass_stage *stage, const struct bypass_kind *kind,
                             struct mm_error *error)
{
    const struct mm_owner_options options = {.name = kind->name, .kind = MM_KIND_SPACE};
    const size_t bytes = CHUNKS * mmapper_chunk_bytes(stage->mapper);
    struct mm_extent extent;
    enum mm_status status =
        mmapper_register_owner(stage->mapper, &options, &stage->owner, error);
    if (status == MM_OK) {
        status = kind->sinks_break
                     ? below_break(stage, &extent, error)
                     : mmapper_quarantine_anywhere(stage->mapper, stage->owner, bytes,
                                                   0, &extent, error);
    }
    if (status == MM_OK) {
        stage->victim = extent.start;
        status = mmapper_ensure_mapped(
            stage->mapper, stage->owner,
            mm_extent_of(extent.start, mmapper_chunk_bytes(stage->mapper)), error);
    }
    if (status == MM_OK) {
        memset((void *)stage->victim, PATTERN, stage->page_bytes);
    }
    return status;
}

/* dprintf keeps nothing in malloc's memory, which may lie above the break by now. */
static int run(struct mmapper *mapper, const struct bypass_kind *kind)
{
    struct bypass_stage stage = {.mapper = mapper,
                                 .page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    struct mm_error error = {0};
    const enum mm_status status = set_up(&stage, kind, &error);
    if (status != MM_OK) {
        (void)dprintf(2, "bypass_demo: %s: cannot be set up: %s\n", kind->name,
                      mm_status_name(status));
        return 2;
    }
    const int result = kind->bypass(&stage);
    const char *outcome = result == 0       ? "went through"
                          : result == EPERM ? "refused"
                                            : strerrorname_np(result);
    (void)dprintf(1, "%s %s, memory %s\n", kind->name, outcome,
                  is_intact(&stage) ? "intact" : "changed");
    return 0;
}

/* The break is the process's: each that moves it has one of its own. */
static int run_apart(struct mmapper *mapper, const struct bypass_kind *kind)
{
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        _exit(mmapper_after_fork_in_child(mapper, NULL, NULL) == MM_OK
                  ? run(mapper, kind)
                  : 2);
    }
    return child != -1 && waitpid(child, &status, 0) == child && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : 2;
}

static bool is_named(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return count == 0;
}

static bool is_kind(const char *name)
{
    const struct bypass_kind *kind = bypass_kinds;
    while (kind->name != NULL && strcmp(kind->name, name) != 0) {
        kind++;
    }
    return kind->name != NULL;
}

int main(int argc, char **argv)
{
    const struct mmap_support system = mmap_support_linux();
    struct mmapper *mapper;
    struct mm_error error;
    int worst = 0;
    for (int i = 1; i < argc; i++) {
        if (!is_kind(argv[i])) {
            (void)dprintf(2, "bypass_demo: there is no kind %s\n", argv[i]);
            return 2;
        }
    }
    if (mmapper_create(NULL, &system, &mapper, &error) != MM_OK) {
        (void)dprintf(2, "bypass_demo: no mapper\n");
        return 2;
    }
    for (const struct bypass_kind *kind = bypass_kinds; kind->name != NULL; kind++) {
        if (is_named(kind->name, argc - 1, argv + 1)) {
            const int result =
                kind->sinks_break ? run_apart(mapper, kind) : run(mapper, kind);
            worst = result > worst ? result : worst;
        }
    }
    /* The mapper's memory is in ruins: no orderly end. */
    _exit(worst);
}
