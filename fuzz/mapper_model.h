/* SPDX-License-Identifier: MIT */
/*
 * The naive model of a mapper: a state and an owner for each chunk, a flag for each
 * page that foreign code mapped. It says what an operation may answer and what it must
 * leave, from the contract alone, without knowing how the mapper works.
 */
#ifndef MMAPPER_FUZZ_MAPPER_MODEL_H
#define MMAPPER_FUZZ_MAPPER_MODEL_H

#include "mmapper/mmapper.h"

enum {
    MODEL_CHUNKS = 16, /* at most */
    MODEL_PAGE = 4096,
    MODEL_CHUNK_PAGES = 2,
    MODEL_CHUNK = MODEL_PAGE * MODEL_CHUNK_PAGES,
    MODEL_PAGES = MODEL_CHUNKS * MODEL_CHUNK_PAGES,
    MODEL_ACCESS = MM_ACCESS_READ | MM_ACCESS_WRITE, /* all owners' strategy */
    MODEL_OWNERS = 4,                                /* the last one is external */
    MODEL_NOBODY = -1,
};
#define MODEL_BASE UINT64_C(0x7e8000000000)

struct model {
    unsigned chunks;
    enum mm_state state[MODEL_CHUNKS];
    int owner[MODEL_CHUNKS]; /* an index, or MODEL_NOBODY */
    bool foreign[MODEL_PAGES];
    /* Of pages in MAPPED and SEALED chunks: MM_ACCESS_* and guards. */
    uint8_t access[MODEL_PAGES];
    bool guarded[MODEL_PAGES];
    bool has_odd_pages; /* some page may have another access than all */
    bool no_guards;     /* the kernel has none: a guard is a page without access */
};

/* The commit-ahead of each owner, in chunks: one who has it, beside others. */
static inline unsigned model_ahead(int owner)
{
    return owner == 1 ? 3 : 0;
}

/* Chunks [first, first + count), inside the window. */
struct model_range {
    unsigned first;
    unsigned count;
};

/* Statuses that an operation may answer, as bits, and whether a status changes
 * anything. `fault` says that one of its OS calls was made to fail with this errno (0:
 * none). */
typedef unsigned status_set;
#define STATUS(status) (1U << (status))

status_set model_quarantine(struct model *model, int owner, struct model_range range,
                            int fault);
status_set model_decommit(struct model *model, int owner, struct model_range range,
                          int fault);
status_set model_release(struct model *model, int owner, struct model_range range,
                         int fault);
status_set model_transfer(struct model *model, int from, int to,
                          struct model_range range);
status_set model_record(struct model *model, int owner, struct model_range range,
                        enum mm_state state); /* adopt, exclude */

status_set model_seal(struct model *model, int owner, struct model_range range,
                      int fault);

/* protect with this access, or guard, of pages [first, first + count). A fault leaves
 * each page as it was or done: the model takes over what the kernel says. */
enum { MODEL_GUARD = 8 };
status_set model_pages(struct model *model, int owner, struct model_range pages,
                       unsigned access, int fault);

/* ensure_mapped is monotone: after a failure the model takes over what the mapper says,
 * once it has checked that no chunk went back or changed hands; and so it does of the
 * chunks ahead, after a good call. A fault may hit the commit of those only. */
status_set model_ensure(const struct model *model, int owner, struct model_range range,
                        int fault);

bool model_has_foreign(const struct model *model, struct model_range range);

static inline bool model_is_external(int owner)
{
    return owner == MODEL_OWNERS - 1;
}

#endif /* MMAPPER_FUZZ_MAPPER_MODEL_H */
