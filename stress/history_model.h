/* SPDX-License-Identifier: MIT */
/*
 * What a history did to memory, page by page: its address spaces, who maps in them, who
 * overwrote whom, and the same as steps that a mapper can be put through.
 *
 * An address space begins with a process, is copied by fork, shared by threads and
 * vfork, and replaced by execve. Within one, an origin is one mapped file, one thread's
 * stack, the brk heap, or one thread's anonymous memory; what was there before the
 * recording tells (the program itself, its loader) is one more.
 *
 * Calls take effect when their result is recorded, with two exceptions, both because a
 * call that was interrupted took effect at an unknown time between its two lines: what
 * another thread was giving back where a mapping appears had been given back before,
 * and a process that makes calls had been made before.
 */
#ifndef STRESS_HISTORY_MODEL_H
#define STRESS_HISTORY_MODEL_H

#include "stress/history_map.h"
#include "stress/history_reader.h"

#define HISTORY_NONE UINT32_MAX

enum history_origin_kind {
    HISTORY_ORIGIN_IMAGE = 0, /* mapped by execve, or before the recording began */
    HISTORY_ORIGIN_FILE,
    HISTORY_ORIGIN_STACK,
    HISTORY_ORIGIN_HEAP,
    HISTORY_ORIGIN_ANONYMOUS,
};

struct history_origin {
    enum history_origin_kind kind;
    uint32_t space;
    uint32_t task;       /* stack, anonymous: whose; file: who mapped it first */
    uint32_t path;       /* file: as in struct history, 0 if not told */
    int32_t fd;          /* file */
    uint64_t line;       /* of the first call */
    uint64_t start, end; /* file: of its first mapping, which spans its segments */
    uint32_t next;       /* of the same space, or HISTORY_NONE */
    uint32_t copy;       /* the newest copy of it by fork, made ... */
    uint32_t copy_space; /* ... in this space, or HISTORY_NONE */
};

struct history_space {
    struct history_map map; /* at its end: what it had when its last thread ended */
    uint32_t process;       /* the task that began it */
    uint32_t parent;        /* forked from, or HISTORY_NONE */
    uint32_t tasks;         /* that live in it */
    uint32_t origins;       /* first of the list, newest first */
    uint32_t origin_count;
    uint32_t image, heap; /* origins, or HISTORY_NONE */
    uint64_t line;        /* where it began */
    uint64_t break_end;   /* of the brk heap, when known */
    bool break_known;
    size_t peak_pieces;
    uint64_t peak_bytes;
};

/* A thread. Numbers of the kernel are used again; these are not. */
struct history_task {
    uint32_t pid;
    uint32_t process; /* the task whose process it belongs to */
    uint32_t space;
    uint32_t anonymous; /* its origin in that space, or HISTORY_NONE */
    uint64_t line;      /* where it was first seen or made */
    uint64_t steps;     /* so far */
    bool alive;
};

enum history_step_kind {
    HISTORY_STEP_RESERVE = 0,
    HISTORY_STEP_COMMIT,
    HISTORY_STEP_DECOMMIT,
    HISTORY_STEP_RELEASE,
    HISTORY_STEP_TRANSFER, /* from `other` to `origin` */
    HISTORY_STEP_REFUSED,  /* `origin` overwrote all of it, `other` held it */
    HISTORY_STEP_START,    /* `other` is the task that begins */
    HISTORY_STEP_WAIT,     /* for the first `start` steps of task `other` */
    HISTORY_STEP_KIND_COUNT,
};

/* What `task` does to `origin`'s pages [start, end). */
struct history_step {
    uint8_t kind; /* enum history_step_kind */
    uint32_t space;
    uint32_t task;
    uint32_t origin;
    uint32_t other;
    uint64_t line;
    uint64_t start, end;
};

enum history_overwrite_kind {
    HISTORY_OVERWRITE_MAPPED = 0, /* mmap with MAP_FIXED */
    HISTORY_OVERWRITE_MOVED,      /* mremap with MREMAP_FIXED */
    HISTORY_OVERWRITE_UNMAPPED,   /* munmap by another thread than the holder */
    HISTORY_OVERWRITE_KIND_COUNT,
};

struct history_overwrite {
    enum history_overwrite_kind kind;
    uint64_t line;
    uint32_t task; /* who called */
    uint32_t space;
    uint32_t origin; /* who has it now; HISTORY_NONE when nobody */
    uint32_t held;   /* who had it */
    uint64_t start, end;
    bool accessible;  /* some of it was more than reserved address space */
    bool holder_gone; /* the thread whose memory it was had ended */
};

enum { HISTORY_KEPT_ODDITIES = 64 };

/* What cannot have been, if the history tells all: shown, and taken as it stands. */
struct history_oddity {
    uint64_t line;
    const char *reason;
};

struct history_model {
    const struct history *history;
    struct history_space *spaces;
    size_t space_count, space_capacity;
    struct history_task *tasks;
    size_t task_count, task_capacity;
    struct history_origin *origins;
    size_t origin_count, origin_capacity;
    struct history_step *steps;
    size_t step_count, step_capacity;
    struct history_overwrite *overwrites;
    size_t overwrite_count, overwrite_capacity;
    struct history_oddity oddities[HISTORY_KEPT_ODDITIES];
    uint64_t oddity_count;
    uint64_t reordered; /* calls taken before the line of their result */
    uint64_t inferred;  /* ranges that a successful call shows to have been mapped */
};

/* Borrows `history`. The result is for history_model_free. */
struct history_model *history_model_build(const struct history *history);
void history_model_free(struct history_model *model);

/* Of the origin `index`: "file 3 of line 12", "stack of 21595", ...: at most `bytes`
 * bytes, NUL included. */
void history_origin_name(const struct history_model *model, uint32_t index, char *text,
                         size_t bytes);
const char *history_overwrite_name(enum history_overwrite_kind kind);

#endif /* STRESS_HISTORY_MODEL_H */
