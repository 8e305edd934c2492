/* SPDX-License-Identifier: MIT */
/*
 * What the explorer runs: a few threads with a few operations each, on a small world
 * that some operations have set up. A program is data, so that scenarios, fuzz inputs
 * and replay files are the same thing, and a failing one can be cut down.
 *
 * As text, a line an item:
 *
 *     program release-against-quarantine
 *     chunks 6 region 2
 *     setup heap quarantine 0 3
 *     thread 0
 *     heap release 0 3
 *     thread 1
 *     other quarantine 2 2
 *     foreign map 4 1 rw
 *
 * An operation is WHO WHAT and numbers: first chunk and count, mostly. WHO is one of
 * the owners below, with @1 for the second mapper, or a space, or `foreign`.
 */
#ifndef STRESS_EXPLORE_PROGRAM_H
#define STRESS_EXPLORE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROGRAM_THREADS = 4,
    PROGRAM_OPS = 8,    /* of a thread */
    PROGRAM_SETUP = 12, /* operations */
    PROGRAM_CHUNKS = 12,
    PROGRAM_NAME_BYTES = 48,
};

enum program_owner {
    OWNER_HEAP = 0, /* reserved, RW, accounted */
    OWNER_OTHER,    /* a second one with an equal strategy */
    OWNER_CODE,     /* reserved, RWX, unaccounted */
    OWNER_IMAGE,    /* external */
    OWNER_GUEST,    /* external too */
    OWNER_EXTRA,    /* registered by an operation, if at all; RWX, unaccounted */
    OWNER_AGAIN,    /* another one, for whom there is room when `extra` is gone */
    OWNER_COUNT,
};

enum op_kind {
    OP_NONE = 0,
    OP_QUARANTINE,
    OP_ANYWHERE, /* `count` chunks */
    OP_PREFERRED,
    OP_ENSURE,
    OP_ENSURE_INSIDE, /* a byte range strictly inside the chunks: rounded outwards */
    OP_DECOMMIT,
    OP_RELEASE,
    OP_TRANSFER, /* to owner `arg` */
    OP_ADOPT,
    OP_EXCLUDE,
    OP_LOOKUP, /* each chunk of the range */
    OP_IS_MAPPED,
    OP_TOUCH,      /* checks the tokens of the chunks and writes new ones */
    OP_REGISTER,   /* the owner */
    OP_UNREGISTER, /* the owner */
    OP_VERIFY,
    OP_FOREIGN_MAP, /* arg: MM_ACCESS_* */
    OP_FOREIGN_UNMAP,
    OP_SEAL,
    OP_PROTECT,        /* all pages of the range; arg: MM_ACCESS_* */
    OP_GUARD,          /* all pages of the range */
    OP_IMMORTAL_ALLOC, /* count, and alignment arg: in eighths of a chunk */
    OP_IMMORTAL_USAGE,
    OP_FREELIST_ALLOC, /* count pages, kept as number `first` */
    OP_FREELIST_FREE,  /* number `first`, if there is one by then */
    OP_FREELIST_TRIM,
    OP_FREELIST_USAGE,
    OP_METADATA_MAP,      /* for units [first, first + count) of data */
    OP_METADATA_STORE,    /* arg at unit `first`, once it is mapped */
    OP_METADATA_EXCHANGE, /* 0 for arg, there */
    OP_METADATA_LOAD,
    OP_METADATA_GUARD, /* as a lock: an exchange of 0 for arg, something, 0 again */
    OP_SLOT_TAKE,      /* slot `first`, for the owner */
    OP_SLOT_GIVE,      /* as the space that holds it, or as one that holds none */
    OP_SLOT_OF,        /* the space of slot `first`'s addresses */
    OP_KIND_COUNT,
};

struct op {
    uint8_t kind;
    uint8_t owner;  /* enum program_owner, where the kind has one */
    uint8_t mapper; /* 0 or 1 */
    uint8_t first;
    uint8_t count;
    uint8_t arg;
};

/* The spaces that a program may have. */
enum {
    WITH_IMMORTAL = 1,
    WITH_FREELIST = 2,
    WITH_METADATA = 4,
    WITH_SLOTS = 8,
    WITH_EAGER = 16,   /* the immortal space maps all at once */
    WITH_STRIPES = 32, /* the free list has two stripes */
    WITH_BINNED = 64,  /* and bins */
};

struct program {
    char name[PROGRAM_NAME_BYTES];
    uint8_t chunks;         /* 1 to PROGRAM_CHUNKS, of the window */
    uint8_t log_region;     /* 1 to 3 */
    uint8_t mappers;        /* 1 or 2, over the same window */
    uint8_t spaces;         /* WITH_* */
    bool records;           /* calls ask for error records, and those are checked */
    bool old_kernel;        /* MAP_FIXED_NOREPLACE is ignored */
    uint8_t ahead;          /* commit-ahead of the reserved owners, in chunks */
    uint8_t faults;         /* OS calls that may fail in one run */
    uint16_t max_map_count; /* 0: plenty */
    uint8_t threads;
    uint8_t setup_count;
    uint8_t counts[PROGRAM_THREADS];
    struct op setup[PROGRAM_SETUP];
    struct op ops[PROGRAM_THREADS][PROGRAM_OPS];
};

/* The program as text, NUL-terminated if bytes > 0; returns the length of all of it. */
size_t program_print(const struct program *program, char *text, size_t bytes);

/* One operation as text, such as "heap ensure 0 2". */
void op_print(const struct op *op, char *text, size_t bytes);

/* Reads one line into the program; `thread` is the one that operations go to, -1 before
 * the first. False, and *problem says what, when it makes no sense. */
bool program_read_line(struct program *program, int *thread, const char *line,
                       const char **problem);

/* Empty, with the defaults: 6 chunks in regions of 2, one mapper. */
void program_init(struct program *program, const char *name);

/* NULL, or what is wrong with the program as a whole. */
const char *program_check(const struct program *program);

const char *program_owner_name(unsigned owner);

/* Whether the operation is one on a mapper's owner; on a range of chunks. */
bool op_has_owner(unsigned kind);
bool op_has_range(unsigned kind);

#endif /* STRESS_EXPLORE_PROGRAM_H */
