/* SPDX-License-Identifier: MIT */
/*
 * The world of one program: mappers and spaces on a simulated kernel, and what the
 * oracles know of them. Made once, run many times: each run begins with what the setup
 * operations left.
 *
 * Who may see the table: the oracles look at it through slot_watch, from outside of the
 * simulation; what they conclude from it they check against what they saw happen.
 */
#ifndef STRESS_EXPLORE_WORLD_H
#define STRESS_EXPLORE_WORLD_H

#include <stdarg.h>

#include "mmapper/mmapper.h"
#include "mmapper/testing/sim_kernel.h"
#include "mmapper/testing/sim_run.h"
#include "mmapper/testing/slot_watch.h"
#include "stress/explore/program.h"

enum oracle {
    ORACLE_NONE = 0,
    ORACLE_O1,  /* ownership ledger */
    ORACLE_O2,  /* kernel truth */
    ORACLE_O3,  /* page tokens */
    ORACLE_O4,  /* conservation */
    ORACLE_O5,  /* legal edges */
    ORACLE_O6,  /* postconditions and error records */
    ORACLE_O7,  /* untouched-ness */
    ORACLE_O8,  /* linearizability per chunk */
    ORACLE_O9,  /* freeze */
    ORACLE_O10, /* end state */
    ORACLE_RACE,
    ORACLE_TRAP,
    ORACLE_COUNT,
};

enum {
    WORLD_CHUNK = 16 * 1024,
    WORLD_CALLS = PROGRAM_THREADS * PROGRAM_OPS,
    WORLD_TEXT = 400,
    WORLD_SET_BITS = 14,
};
/* The names of the owners that operations register: longer than a word, and different
 * in more than one, so that a record could mix them. */
#define WORLD_EXTRA_NAME "extra, registered by setup"
#define WORLD_AGAIN_NAME "again, registered in a run"
#define WORLD_BASE UINT64_C(0x7e8000000000)

/* When something happened: in which thread, at which of its steps, at which step of
 * all. Step 0 is before the run. */
struct stamp {
    uint32_t step;
    int16_t time;
    uint8_t thread;
};

/* A call of the program, under way or over. */
struct call_log {
    const struct op *op;
    struct stamp begin;
    struct stamp end;               /* step UINT32_MAX while it is under way */
    int16_t clock[SIM_MAX_THREADS]; /* what it knew of the others when it began */
    enum mm_status status;
    bool refused;  /* the OS had no memory for one of its calls */
    uint8_t place; /* the first chunk of what `anywhere` found */
    /* For lookups: what each chunk of the range was, as outcome_of makes it. */
    uint8_t outcomes[PROGRAM_CHUNKS];
    /* A release or transfer took these out of the ledger when it began. */
    uint16_t taken;
    bool decommitted; /* the OS was asked to */
};

/* When a chunk was last an owner's, and last in the middle of a call of that owner. */
struct tenure {
    struct stamp came;    /* 0: before the run, or never */
    struct stamp left;    /* step UINT32_MAX: still there; 0: never was */
    struct stamp gone;    /* as `left`, but kept when the owner comes back */
    struct stamp settled; /* the same of transient states */
};

/* What system calls leave behind for those who rely on them: see marks.c. */
struct marks {
    struct stamp reserved;
    struct stamp vacated;               /* decommitted or released */
    int16_t committed[SIM_MAX_THREADS]; /* time of each thread's last commit; 0: none */
    uint8_t mapper;                     /* whose calls these were */
    bool from_setup;                    /* committed before the run, and not vacated */
};

/* What a chunk was in the course of a run: item 0 is what setup left. Not reset but for
 * the count. */
enum { WORLD_CHANGES = 12 }; /* more are not followed */

struct chunk_past {
    unsigned count; /* WORLD_CHANGES + 1: too many */
    struct {
        struct stamp when;
        enum watch_state state;
        const struct mm_owner *owner;
    } items[WORLD_CHANGES];
};

struct port {
    struct world *world;
    unsigned mapper;
    struct mmap_support inner;
};

struct spaces; /* spaces_world.c */

struct world {
    const struct program *program;
    bool weak;
    unsigned oracles; /* a bit for each that is on */
    struct sim_kernel *kernel;
    struct sim_kernel_image *image; /* what setup left */
    struct port ports[2];
    struct mmap_support support[2];
    struct mmapper *mappers[2];
    struct mm_owner *owners[2][OWNER_COUNT];
    struct mm_owner *setup_owners[2][OWNER_COUNT];
    struct spaces *spaces;

    /* Of one run; `initial` is what setup left of all but the logs. */
    struct world_facts {
        /* The ledger: who owns a chunk, mapper * OWNER_COUNT + owner + 1; 0: nobody. */
        uint8_t ledger[PROGRAM_CHUNKS];
        uint16_t unsure; /* chunks of which the ledger does not know */
        uint8_t states[2][PROGRAM_CHUNKS]; /* for O8: what it was before the run */
        /* For whom the kernel's reservation was made. */
        const struct mm_owner *reserved_for[PROGRAM_CHUNKS];
        uint64_t tokens[PROGRAM_CHUNKS]; /* what the owner last wrote; 0: nothing */
        /* What protect made of the chunk's access, + 1; 0: nothing. */
        uint8_t access[PROGRAM_CHUNKS];
        uint64_t next_token;
        uint64_t os;     /* hash of all that was done to the simulated kernel */
        uint8_t adopted; /* foreign mappings made for external owners, in chunks */
        struct tenure tenure[2][PROGRAM_CHUNKS][OWNER_COUNT];
        int16_t claimer[2][PROGRAM_CHUNKS]; /* thread, -1: nobody */
        /* When each thread's last pin of the owner went, of both kinds and of those who
         * commit; see tenure. */
        struct stamp unpinned[2][OWNER_COUNT][PROGRAM_THREADS];
        struct stamp uncommitted[2][OWNER_COUNT][PROGRAM_THREADS];
        int16_t pinned[SIM_MAX_THREADS]; /* whom a thread pins, a space's too; or -1 */
        struct marks marks[PROGRAM_CHUNKS];
        /* When a foreign mapping was last there. */
        struct stamp foreign[PROGRAM_CHUNKS];
    } facts, initial;
    struct chunk_past past[2][PROGRAM_CHUNKS];
    struct call_log log[WORLD_CALLS];
    unsigned calls;
    struct call_log *current[SIM_MAX_THREADS]; /* NULL: between calls */
    uint8_t faults_left;
    uint64_t good_ends[1 << WORLD_SET_BITS];      /* hashes of good end states */
    uint64_t good_histories[1 << WORLD_SET_BITS]; /* of those that O8 explained */

    enum oracle failed;
    char text[WORLD_TEXT];
};

/* Makes the world and performs the setup operations. NULL, and *problem says why, when
 * one of them fails. `program` must outlive it. */
struct world *world_create(const struct program *program, const char **problem);
void world_destroy(struct world *world);

/* Before each run, and after it: the state that setup left. */
void world_begin_run(struct world *world);
void world_end_run(struct world *world);

/* What a thread of the program does. */
void world_thread(void *context, unsigned thread);

/* The observer of the simulation: legal edges, kernel truth at each publication. */
void world_stored(void *context, const void *address, unsigned bytes, uint64_t before,
                  uint64_t after);
void world_waits(void *context, unsigned thread, const void *mutex);

/* The checks of a run that ended well: end state and histories. An end state that was
 * found good before is not looked at again. */
void world_check_end(struct world *world);

/* ------------------------------------------------- shared by the files of it */

/* An oracle failed. In a thread it ends the run; only the first is kept. */
__attribute__((format(printf, 3, 4))) void
world_fail(struct world *world, enum oracle oracle, const char *format, ...);

static inline bool world_on(const struct world *world, enum oracle oracle)
{
    return (world->oracles >> oracle & 1) != 0 && world->failed == ORACLE_NONE;
}

struct stamp world_stamp(void);

/* Whether something was over before a call began, for sure: in time or, with a weak
 * memory, by what the call's thread knew. */
bool world_before(const struct world *world, const struct stamp *stamp,
                  const struct call_log *call);

struct mm_extent world_extent(size_t first, size_t count);

/* OWNER_* of a mapper's owner; -1 for NULL and strangers. An entry that was registered
 * again is its new owner's. */
int world_owner(const struct world *world, unsigned mapper,
                const struct mm_owner *owner);

bool world_external(unsigned owner);

/* Performs one operation; `log` may be NULL in setup. */
enum mm_status world_perform(struct world *world, const struct op *op,
                             struct call_log *log);

/* The same for operations of spaces. */
enum mm_status spaces_perform(struct world *world, const struct op *op,
                              struct call_log *log);
struct spaces *spaces_create(struct world *world, const char **problem);
void spaces_destroy(struct world *world);
void spaces_settle(struct world *world); /* what setup left is what runs begin with */
void spaces_begin_run(struct world *world);
void spaces_check_end(struct world *world);

/* The bookkeeping around a call of a mapper: ledger, tokens, records. */
void ledger_begin(struct world *world, struct call_log *log);
void ledger_end(struct world *world, struct call_log *log);
void records_check(struct world *world, const struct call_log *log,
                   const struct mm_error *error);
void reasons_check(struct world *world, const struct call_log *log);
void tokens_touch(struct world *world, const struct op *op);

/* System calls on chunks [first, end), as marks: before the call is made, and after it
 * succeeded. And who was told that a chunk is MAPPED. */
void marks_before(struct world *world, unsigned mapper, enum mm_os_call call,
                  size_t first, size_t end);
void marks_after(struct world *world, unsigned mapper, enum mm_os_call call,
                 size_t first, size_t end);
void marks_see_mapped(struct world *world, size_t chunk);

static inline uint64_t world_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

/* Something is done to the simulated kernel. */
void world_mix_os(struct world *world, uint64_t what);

/* Whether the hash is in a set of 1 << WORLD_SET_BITS; it is afterwards, in the place of
 * another one. */
bool world_remember(uint64_t *set, uint64_t hash);
void world_forget(uint64_t *set, uint64_t hash);

/* O2: the kernel has of a chunk what its state says. */
void world_check_kernel(struct world *world, unsigned mapper, size_t chunk,
                        struct watch_value value);

/* What chunks were (past.c). O8 of queries: the chunk was so at some time that the call
 * can see; `owner` is not looked at by the second. */
void past_begin(struct world *world, unsigned mapper, size_t chunk,
                struct watch_value value);
void past_add(struct world *world, unsigned mapper, const struct watch_change *change);
void past_check_lookup(struct world *world, const struct call_log *log, size_t chunk,
                       struct mm_lookup lookup);
void past_check_is_mapped(struct world *world, const struct call_log *log, size_t chunk,
                          bool mapped);

/* Whether the call can have seen the chunk in one of these states (a bit for each
 * watch_state). */
bool past_may_be(const struct world *world, const struct call_log *log, size_t chunk,
                 unsigned states);

/* O8: whether the calls of the run, split by chunk, have an order that explains them. */
void history_check(struct world *world);
uint64_t history_hash(const struct world *world); /* never 0 */
uint8_t history_state(const struct world *world, unsigned mapper, size_t chunk);

void port_init(struct world *world, unsigned mapper);

const char *oracle_name(enum oracle oracle);

#endif /* STRESS_EXPLORE_WORLD_H */
