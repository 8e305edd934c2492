/* SPDX-License-Identifier: MIT */
/*
 * For LD_PRELOAD, in front of libjemalloc.so.2: the arenas of jemalloc are taken over by a
 * mapper, one owner each, the first before main begins, the others before a thread needs them.
 *
 *     LD_PRELOAD="libmmapper_jemalloc.so libjemalloc.so.2" PROGRAM
 *
 * What jemalloc has mapped by then for arena 0, whose first block serves the loader and the
 * constructors, stays its own; the arena's hooks go on handling it. If there can be no
 * mapper, that is said on stderr, and jemalloc maps by itself.
 *
 * With MMAPPER_JEMALLOC_REPORT=FILE each process appends to FILE when it exits: the dump, the
 * calls made, and the comparison with the kernel.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "examples/jemalloc/arenas.h"
#include "examples/jemalloc/preload_support.h"
#include "examples/preload/report.h"

/* The address space that arenas may have: this many times the machine's memory, rounded up to a
 * power of two. A forked child walks over the table of it. */
enum { WINDOW_TIMES_MEMORY = 4 };
#define LEAST_WINDOW_BYTES ((uintptr_t)64 << 30)

/* log2 of the pages in a region: 2 MiB, jemalloc's unit of growth. A whole one is reserved and
 * mapped in a step each, not page by page. */
enum { LOG_REGION_PAGES = 9 };

/* How far it stays below the end of user space: where the kernel maps what it places itself,
 * each place would have to be found by being refused. */
#define KERNEL_BYTES ((uintptr_t)2 << 40)

/* A process has one, from its constructor to its end. */
static struct {
    struct mmap_support support;
    struct mmapper *mapper;
    struct jemalloc_arena *arenas;
    unsigned automatic; /* how many arenas jemalloc spreads its threads over */
    unsigned oversize;  /* the index of the one for oversized allocations; 0: none */
    unsigned taken;     /* of the automatic ones, from 0 */
    pthread_mutex_t taking; /* of those */
} preload = {.taking = PTHREAD_MUTEX_INITIALIZER};

static void complain(const char *what, const struct mm_error *error)
{
    preload_complain("mmapper_jemalloc", what, error);
}

/* ------------------------------------------------------------------ the arenas */

static bool read_unsigned(const char *name, unsigned *value)
{
    size_t bytes = sizeof(*value);
    return mallctl(name, value, &bytes, NULL, 0) == 0;
}

/* jemalloc makes the arena of oversized allocations, the last one, when the first of them
 * comes: here it is made by visiting it, and set to give memory back at once, as jemalloc
 * does. */
static bool make_oversize_arena(unsigned index)
{
    static const char *const kinds[] = {"dirty", "muzzy"};
    unsigned home;
    size_t bytes = sizeof(home);
    if (mallctl("thread.arena", &home, &bytes, &index, sizeof(index)) != 0 ||
        mallctl("thread.arena", NULL, NULL, &home, sizeof(home)) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char name[64];
        ssize_t decay_ms = 0;
        bytes = sizeof(decay_ms);
        (void)snprintf(name, sizeof(name), "arenas.%s_decay_ms", kinds[i]);
        (void)mallctl(name, &decay_ms, &bytes, NULL, 0);
        if (decay_ms > 0) {
            decay_ms = 0;
            (void)snprintf(name, sizeof(name), "arena.%u.%s_decay_ms", index, kinds[i]);
            (void)mallctl(name, NULL, NULL, &decay_ms, sizeof(decay_ms));
        }
    }
    return true;
}

static bool take(unsigned index, struct mm_error *error)
{
    char name[MM_NAME_BYTES];
    (void)snprintf(name, sizeof(name), "jemalloc arena %u", index);
    /* jemalloc does not ask for its memory to be accounted either. */
    const struct mm_owner_options owner = {.name = name,
                                           .strategy.accounting = MM_UNACCOUNTED};
    return jemalloc_arena_take(&preload.arenas[index], preload.mapper, index, &owner,
                               error) == MM_OK;
}

/* jemalloc gives a new thread an arena that no thread has, if there is one, or makes one. So
 * there always has to be one more that is taken than there are threads; to take all at the
 * start would cost each program some 80 KiB an arena, of which there are four a processor. */
static void take_next(void)
{
    struct mm_error error;
    (void)pthread_mutex_lock(&preload.taking);
    if (preload.taken < preload.automatic) {
        if (take(preload.taken, &error)) {
            preload.taken++;
        } else {
            complain("an arena, and those behind it, stay jemalloc's own", &error);
            preload.automatic = preload.taken;
        }
    }
    (void)pthread_mutex_unlock(&preload.taking);
}

static void take_first(void)
{
    struct mm_error error;
    unsigned count = 0;
    if (!read_unsigned("opt.narenas", &preload.automatic) ||
        !read_unsigned("arenas.narenas", &count)) {
        return;
    }
    preload.arenas = calloc(count, sizeof(*preload.arenas));
    if (preload.arenas == NULL) {
        preload.automatic = 0;
        return;
    }
    take_next();
    if (count > preload.automatic) {
        const unsigned index = preload.automatic;
        if (make_oversize_arena(index) && take(index, &error)) {
            preload.oversize = index;
        }
    }
}

/* The program's pthread_create. What thrd_create starts does not come by here: such threads
 * may get an arena that is jemalloc's own until the next pthread_create takes it. */
int preload_create_thread(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *),
                          void *argument) __asm__("pthread_create");

int preload_create_thread(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument)
{
    int (*create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    *(void **)&create = dlsym(RTLD_NEXT, "pthread_create");
    take_next();
    return create(thread, attributes, start, argument);
}

/* -------------------------------------------------------------------- the report */

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("MMAPPER_JEMALLOC_REPORT");
    FILE *out = path == NULL || preload.mapper == NULL ? NULL : fopen(path, "ae");
    if (out != NULL) {
        preload_report(preload.mapper, out);
        preload_support_report(out);
        (void)fclose(out);
    }
}

/* ---------------------------------------------------------------- begin and fork */

/* After jemalloc's own handler: this one was registered later. */
static void after_fork_in_child(void)
{
    struct mm_error error;
    if (mmapper_after_fork_in_child(preload.mapper, NULL, &error) != MM_OK) {
        complain("after fork", &error);
    }
    (void)pthread_mutex_init(&preload.taking, NULL);
    for (unsigned i = 0; i < preload.taken; i++) {
        mapped_extents_after_fork_in_child(&preload.arenas[i].extents);
    }
    if (preload.oversize != 0) {
        mapped_extents_after_fork_in_child(&preload.arenas[preload.oversize].extents);
    }
}

static uintptr_t window_bytes(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t wanted =
        (uintptr_t)sysconf(_SC_PHYS_PAGES) * page * WINDOW_TIMES_MEMORY;
    uintptr_t bytes = LEAST_WINDOW_BYTES;
    while (bytes < wanted) {
        bytes *= 2;
    }
    return bytes;
}

/* A small address space is the window as a whole. */
static struct mmapper_options options(void)
{
    const uintptr_t highest = (uintptr_t)1 << 47;
    const uintptr_t end = preload.support.address_end;
    const uintptr_t window = window_bytes();
    struct mmapper_options chosen = {0};
    chosen.chunk_bytes = jemalloc_page_bytes();
    chosen.log_region_chunks = LOG_REGION_PAGES;
    chosen.limit =
        mm_align_down(end == 0 || end > highest ? highest : end, chosen.chunk_bytes);
    if (chosen.limit > window + KERNEL_BYTES) {
        chosen.limit -= KERNEL_BYTES;
        chosen.base = chosen.limit - window;
    }
    return chosen;
}

static uint64_t allocated(void)
{
    uint64_t bytes_so_far = 0;
    size_t bytes = sizeof(bytes_so_far);
    (void)mallctl("thread.allocated", &bytes_so_far, &bytes, NULL, 0);
    return bytes_so_far;
}

/* Not when this object was preloaded without libjemalloc.so.2 behind it. The program's malloc
 * is asked for by name: a call in here may have been linked to something else. */
static bool jemalloc_is_malloc(void)
{
    void *(*program_malloc)(size_t);
    void (*program_free)(void *);
    *(void **)&program_malloc = dlsym(RTLD_DEFAULT, "malloc");
    *(void **)&program_free = dlsym(RTLD_DEFAULT, "free");
    const uint64_t before = allocated();
    program_free(program_malloc(1));
    return allocated() != before;
}

__attribute__((constructor)) static void begin(void)
{
    struct mm_error error;
    if (!jemalloc_is_malloc()) {
        (void)fprintf(stderr,
                      "mmapper_jemalloc: this process's malloc is not jemalloc's: "
                      "LD_PRELOAD libjemalloc.so.2, too\n");
        return;
    }
    preload.support = preload_support();
    const struct mmapper_options wanted = options();
    if (mmapper_create(&wanted, &preload.support, &preload.mapper, &error) != MM_OK) {
        complain("no mapper, jemalloc maps by itself", &error);
        return;
    }
    if (pthread_atfork(NULL, NULL, after_fork_in_child) == 0) {
        take_first();
    }
}
