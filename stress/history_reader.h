/* SPDX-License-Identifier: MIT */
/*
 * Reads mapping histories: the output of `strace -f -e trace=%memory,%process`, with or
 * without process numbers, timestamps, durations and descriptor paths.
 *
 * The input is not trusted. Every line ends in exactly one of the counters of `struct
 * history_lines`; what cannot be read is counted and, up to a limit, kept with the
 * reason. Memory is bounded by a small multiple of the input.
 */
#ifndef STRESS_HISTORY_READER_H
#define STRESS_HISTORY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum history_kind {
    HISTORY_MMAP = 0,
    HISTORY_MUNMAP,
    HISTORY_MREMAP,
    HISTORY_MPROTECT,
    HISTORY_MADVISE,
    HISTORY_BRK,
    HISTORY_SHADOW_STACK,
    HISTORY_CLONE, /* fork, vfork, clone, clone3 */
    HISTORY_EXECVE,
    HISTORY_WAIT,
    HISTORY_EXIT,       /* exit, exit_group */
    HISTORY_GONE,       /* the line that says that a thread has ended */
    HISTORY_UNTOLD,     /* changes mappings in a way that the line does not tell */
    HISTORY_NO_EFFECT,  /* known, and leaves mappings as they are */
    HISTORY_OTHER_CALL, /* not of the classes %memory and %process */
    HISTORY_KIND_COUNT,
};

/* The values of the words in a line: those of Linux on x86-64 and aarch64. */
enum {
    HISTORY_PROT_READ = 0x1,
    HISTORY_PROT_WRITE = 0x2,
    HISTORY_PROT_EXEC = 0x4,
    HISTORY_MAP_FIXED = 0x10,
    HISTORY_MAP_ANONYMOUS = 0x20,
    HISTORY_MAP_GROWSDOWN = 0x100,
    HISTORY_MAP_STACK = 0x20000,
    HISTORY_MAP_HUGETLB = 0x40000,
    HISTORY_MAP_FIXED_NOREPLACE = 0x100000,
    HISTORY_MREMAP_MAYMOVE = 1,
    HISTORY_MREMAP_FIXED = 2,
    HISTORY_MREMAP_DONTUNMAP = 4,
    HISTORY_CLONE_VM = 0x100,
    HISTORY_CLONE_VFORK = 0x4000,
    HISTORY_CLONE_THREAD = 0x10000,
    HISTORY_MADV_DONTNEED = 4,
    HISTORY_MADV_DONTFORK = 10,
    HISTORY_MADV_DOFORK = 11,
    HISTORY_MADV_DONTNEED_LOCKED = 24,
};

/* One call (or end of a thread), in the order of completion. Ranges are as asked for,
 * not rounded to pages. */
struct history_event {
    uint64_t line;       /* where its result stands, from 1 */
    uint64_t first_line; /* where it began: less than `line` when it was interrupted */
    uint64_t start;      /* address asked for; clone: lowest byte or top of the stack */
    uint64_t bytes;      /* clone: of the stack, 0 when only its top is known */
    uint64_t new_bytes;  /* mremap */
    uint64_t result;     /* address, process or thread; of what GONE speaks */
    uint32_t pid;        /* 0: the line has none */
    uint32_t path;       /* of the mapped file, an offset into `paths`; 0: not told */
    int32_t fd;          /* of mmap; -1: none */
    uint32_t flags;      /* MAP_*, MREMAP_*, CLONE_* or the advice */
    uint8_t kind;        /* enum history_kind */
    uint8_t protection;  /* HISTORY_PROT_* */
    bool failed;         /* -1 */
    bool no_memory;      /* ... with ENOMEM */
    bool known;          /* the result is told; failed is false when it is not */
};

/* Every line of the input is counted once. */
struct history_lines {
    uint64_t total;
    uint64_t events;  /* calls with a result, ends of threads */
    uint64_t begun;   /* <unfinished ...> */
    uint64_t signals; /* --- SIGNAL {...} --- */
    uint64_t notes;   /* of strace itself */
    uint64_t blank;
    uint64_t unreadable;
};

enum { HISTORY_KEPT_LINES = 64, HISTORY_KEPT_BYTES = 160 };

struct history_unreadable {
    uint64_t line;
    const char *reason;
    char text[HISTORY_KEPT_BYTES]; /* its beginning */
};

/* What was read. */
struct history {
    struct history_event *events;
    size_t count;
    char *paths; /* NUL-terminated strings; offset 0 is the empty one */
    size_t path_bytes;
    struct history_lines lines;
    uint64_t kinds[HISTORY_KIND_COUNT];
    uint64_t failed;     /* calls that the kernel refused */
    uint64_t unfinished; /* calls of which the end is missing */
    uint64_t page_bytes; /* of the recorded machine, deduced */
    struct history_unreadable kept[HISTORY_KEPT_LINES];
};

/* Reads `bytes` bytes of text. The result is for history_free. */
struct history *history_read(const char *text, size_t bytes);
void history_free(struct history *history);

const char *history_kind_name(enum history_kind kind);
const char *history_path(const struct history *history, uint32_t path);

#endif /* STRESS_HISTORY_READER_H */
