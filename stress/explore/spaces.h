/* SPDX-License-Identifier: MIT */
/*
 * The spaces of a world, all on mapper 0, and what the oracles know of them.
 *
 * Spaces use the memory that the mapper gives them, and so do the programs here: the
 * window is backed by real memory of this process. All of it can always be accessed;
 * that nobody accesses what the simulated kernel has not committed is checked.
 *
 * From the window's base, those that the program has, one behind the other:
 *
 *     immortal 2 chunks | freelist 1 (table) + 2 | metadata 3 | slots 2, of a chunk
 */
#ifndef STRESS_EXPLORE_SPACES_H
#define STRESS_EXPLORE_SPACES_H

#include "spaces/freelist_space.h"
#include "spaces/immortal_space.h"
#include "spaces/side_metadata.h"
#include "spaces/space_map.h"
#include "stress/explore/world.h"

enum {
    IMMORTAL_CHUNKS = 2,
    IMMORTAL_UNIT = WORLD_CHUNK / 8, /* what requests are multiples of */
    FREELIST_CHUNKS = 3,
    FREELIST_STRIPES = 2, /* of a chunk each, if asked for */
    METADATA_CHUNKS = 3,
    SLOT_COUNT = 2,
    SPACES_PAGE = 4096,
    SPACES_PAGES = PROGRAM_CHUNKS * WORLD_CHUNK / SPACES_PAGE, /* of the window */
    /* Table 0 has a byte for each 16 of data: a page for each unit, so that units share
     * chunks; table 1 has four bits a unit: all units in one word. */
    UNIT_DATA = 64 * 1024,
    SPACES_UNITS = 8,
    /* What the tables of so few pages have, and of those with bins. */
    FREELIST_TABLE_USED = 256,
    FREELIST_BINS_USED = 5120,
    SPACES_BLOCKS = WORLD_CALLS + PROGRAM_SETUP,
    SPACES_CALLS = WORLD_CALLS + PROGRAM_SETUP,
    STRANGER_ID = 250, /* a space that holds no slot */
};

/* Data has this address, where nothing is: metadata is beside it. */
#define SPACES_DATA UINT64_C(0x10000000)

/* Owners of spaces. */
enum space_owner {
    SPACE_OWNER_IMMORTAL = 0,
    SPACE_OWNER_PAGES,
    SPACE_OWNER_TABLE,
    SPACE_OWNER_METADATA,
    SPACE_OWNERS,
};

/* What was allocated: bytes of the immortal space or pages of the other. */
struct block {
    uintptr_t start;
    size_t bytes;
    size_t grain; /* the alignment; immortal only */
    uint64_t token;
    uint32_t call;  /* of the allocation */
    uint32_t freed; /* step at which a free of it returned; UINT32_MAX: not yet */
    bool live;      /* nobody has begun to free it */
    bool pages;     /* of the freelist space */
};

/* What a call of a space said, beside its status. */
struct space_call {
    const struct op *op;
    struct stamp begin; /* of setup: step 0 */
    struct stamp end;
    int16_t clock[SIM_MAX_THREADS]; /* as in call_log */
    uint64_t asked;                 /* what it is about: a value, a space, bytes */
    uint64_t found;
    enum mm_status status;
    bool skipped; /* there was nothing to do it on */
};

struct spaces_facts {
    struct block blocks[SPACES_BLOCKS];
    unsigned block_count;
    uint8_t handles[256];            /* index of a block + 1 */
    uint64_t contents[SPACES_PAGES]; /* what the first word of a page may be but 0 */
    struct space_call calls[SPACES_CALLS];
    unsigned call_count;
    uint64_t guarded[SPACES_UNITS]; /* plain: for who has exchanged the unit's 0 */
    uint16_t mapped_units;          /* by results */
    uint8_t holders[SLOT_COUNT];    /* by results: a space's number, 0: none */
    uint64_t slot_ids;              /* that were used up */
    uint16_t zeroed;                /* chunks that the kernel zeroed in this run */
};

struct spaces {
    struct immortal_space *immortal;
    struct freelist_space *freelist;
    struct side_metadata *metadata;
    struct space_map *slots;
    const struct mm_owner *owners[SPACE_OWNERS];
    uint16_t chunks; /* those that spaces have or take */
    struct mm_extent immortal_extent;
    struct mm_extent pages; /* of the freelist space */
    struct mm_extent table; /* of that, what is used */
    struct mm_extent slot_extent;
    unsigned char *image;  /* of the window, as setup left it */
    uint16_t image_chunks; /* in which there is something */
    void *handles;         /* plain fields of handles, as setup left them */
    bool looked;           /* the checks that are made once a world were */
    uint64_t runs;
    struct spaces_facts facts;
    struct spaces_facts initial;
};

/* ---------------------------------------------------- for the rest of the world */

/* Of an owner that a space registered: SPACE_OWNER_*, counted on from OWNER_COUNT; -1 for
 * others. */
int spaces_owner(const struct world *world, const struct mm_owner *owner);

/* Whether the operation may make such a claim. */
bool spaces_may_claim(const struct world *world, const struct call_log *log,
                      const struct watch_change *change);

/* The locks that a space documents: freelist_space's. */
bool spaces_is_lock(const struct world *world, const void *mutex);

/* A store that is none to a mapper's table. */
void spaces_stored(struct world *world, const void *address, unsigned bytes);

/* The kernel dropped the contents. */
void spaces_zero(struct world *world, struct mm_extent extent);

static inline bool spaces_have(const struct world *world, size_t chunk)
{
    return world->spaces != NULL && (world->spaces->chunks >> chunk & 1) != 0;
}

/* ------------------------------------------------- shared by the files of spaces */

/* The data of a unit. */
static inline uintptr_t unit_address(unsigned unit)
{
    return SPACES_DATA + (uintptr_t)unit * UNIT_DATA;
}

/* Calls of the four kinds; `call` has its beginning, `log` is NULL in setup. */
enum mm_status immortal_perform(struct world *world, struct space_call *call,
                                const struct call_log *log);
enum mm_status freelist_perform(struct world *world, struct space_call *call,
                                const struct call_log *log);
enum mm_status metadata_perform(struct world *world, struct space_call *call,
                                const struct call_log *log);
enum mm_status slots_perform(struct world *world, struct space_call *call,
                             const struct call_log *log);

void immortal_check_end(struct world *world);
void freelist_check_end(struct world *world);

/* O8 of metadata values and slots. */
void values_check_end(struct world *world);

/* O7, in a large window of its own. */
void spaces_probe(struct world *world);

/* Enters what an allocation got: O1, and O3 of what is there. Returns the index. */
unsigned blocks_gain(struct world *world, const struct block *block);
void blocks_verify(struct world *world, const struct block *block);

/* Whether some other call was not over when this one began, and matters to it. */
bool spaces_overlap(const struct world *world, const struct call_log *log,
                    bool (*matters)(const struct op *op, const struct op *other));

/* Whether the OS had no memory for the running call. */
bool spaces_refused(const struct world *world);

/* A failing call had a reason. */
void spaces_reason(struct world *world, const struct space_call *call, bool reason);

/* Whether the simulated kernel has committed all of it. */
bool spaces_committed(const struct world *world, uintptr_t address, size_t bytes);

/* Whether the running thread knows what `call` knew when it began. */
bool spaces_knows(const struct space_call *call);

/* Whether a call was over before another began, for sure. */
bool spaces_before(const struct world *world, const struct stamp *end,
                   const struct space_call *call);

#endif /* STRESS_EXPLORE_SPACES_H */
