/* SPDX-License-Identifier: MIT */
#include "fuzz/schedule_unit.h"

#include <string.h>

#include "mmapper/mmap_support.h"

static const uint8_t kinds[] = {
    OP_NONE,    OP_QUARANTINE,  OP_ENSURE,        OP_ENSURE_INSIDE, OP_DECOMMIT,
    OP_RELEASE, OP_TRANSFER,    OP_TOUCH,         OP_LOOKUP,        OP_IS_MAPPED,
    OP_ADOPT,   OP_EXCLUDE,     OP_ANYWHERE,      OP_PREFERRED,     OP_VERIFY,
    OP_ENSURE,  OP_FOREIGN_MAP, OP_FOREIGN_UNMAP, OP_PROTECT,       OP_GUARD,
    OP_SEAL,
};

/* What the first mapper's owners have before the run. Few, so that worlds can be kept;
 * all that is more can be done by the operations. */
static const struct op setups[4][4] = {
    {{0}},
    {{.kind = OP_QUARANTINE, .owner = OWNER_HEAP, .count = 3}},
    {{.kind = OP_ENSURE, .owner = OWNER_HEAP, .count = 2},
     {.kind = OP_QUARANTINE, .owner = OWNER_OTHER, .first = 2, .count = 1},
     {.kind = OP_EXCLUDE, .owner = OWNER_IMAGE, .first = 3, .count = 1}},
    {{.kind = OP_ENSURE, .owner = OWNER_HEAP, .count = 4},
     {.kind = OP_TOUCH, .owner = OWNER_HEAP, .count = 4}},
};

static unsigned byte_at(const uint8_t *data, size_t size, size_t at)
{
    return at < size ? data[at] : 0;
}

bool schedule_unit_weak(const uint8_t *data, size_t size)
{
    return (byte_at(data, size, UNIT_FLAGS) & FLAG_WEAK) != 0;
}

static struct op read_op(const struct program *program, unsigned what, unsigned who,
                         unsigned where)
{
    static const uint8_t accesses[4] = {MM_ACCESS_READ,
                                        MM_ACCESS_READ | MM_ACCESS_WRITE,
                                        MM_ACCESS_READ | MM_ACCESS_EXECUTE, 0};
    static const uint8_t partners[OWNER_EXTRA] = {[OWNER_HEAP] = OWNER_OTHER,
                                                  [OWNER_OTHER] = OWNER_HEAP,
                                                  [OWNER_IMAGE] = OWNER_GUEST,
                                                  [OWNER_GUEST] = OWNER_IMAGE};
    struct op op = {.kind = kinds[what % sizeof(kinds)]};
    const unsigned first = (where & 15) % program->chunks;
    op.first = (uint8_t)first;
    op.count = (uint8_t)(1 + (where >> 4) % (program->chunks - first));
    if (op.kind == OP_FOREIGN_MAP || op.kind == OP_FOREIGN_UNMAP) {
        op.arg = op.kind == OP_FOREIGN_MAP ? accesses[who % 4] : 0;
        return op;
    }
    /* Between mappers only reservations exclude each other. */
    op.owner = (uint8_t)(who % (program->mappers > 1 ? OWNER_IMAGE : OWNER_EXTRA));
    op.mapper = (uint8_t)(who / OWNER_EXTRA % program->mappers);
    if (op.kind == OP_PROTECT) {
        /* What all owners have is the least: more would be an invalid argument. */
        op.arg = accesses[who / OWNER_EXTRA % 2];
    }
    if (op.kind == OP_TRANSFER) {
        /* Others are invalid arguments, which no program of the explorer has. */
        op.kind = op.owner == OWNER_CODE ? OP_LOOKUP : OP_TRANSFER;
        op.arg = op.owner == OWNER_CODE ? 0 : partners[op.owner];
    } else if (op.kind == OP_ANYWHERE) {
        op.first = 0;
    } else if (op.kind == OP_VERIFY) {
        op.first = 0;
        op.count = 0;
    }
    return op;
}

/* Whether another thread calls for the owner, and could take the chunks away. */
static bool is_used_elsewhere(const struct program *program, unsigned thread,
                              const struct op *op)
{
    for (unsigned other = 0; other < program->threads; other++) {
        for (unsigned i = 0; i < program->counts[other] && other != thread; i++) {
            const struct op *theirs = &program->ops[other][i];
            if (op_has_owner(theirs->kind) && theirs->owner == op->owner &&
                theirs->mapper == op->mapper) {
                return true;
            }
        }
    }
    return false;
}

static bool has_kind(const struct program *program, unsigned kind)
{
    for (unsigned thread = 0; thread < program->threads; thread++) {
        for (unsigned i = 0; i < program->counts[thread]; i++) {
            if (program->ops[thread][i].kind == kind) {
                return true;
            }
        }
    }
    return false;
}

/* Touching needs memory that is the thread's own for sure: what the operation before
 * has ensured, and nobody has made inaccessible. Otherwise it becomes a question. */
static void settle_touches(struct program *program)
{
    const bool hides = has_kind(program, OP_PROTECT) || has_kind(program, OP_GUARD);
    for (unsigned thread = 0; thread < program->threads; thread++) {
        for (unsigned i = 0; i < program->counts[thread]; i++) {
            struct op *op = &program->ops[thread][i];
            const struct op *last = i > 0 ? op - 1 : op;
            if (op->kind != OP_TOUCH) {
                continue;
            }
            if (hides || last->kind != OP_ENSURE || last->owner >= OWNER_IMAGE ||
                is_used_elsewhere(program, thread, last)) {
                op->kind = OP_IS_MAPPED;
                continue;
            }
            *op = *last;
            op->kind = OP_TOUCH;
        }
    }
}

/* Nobody maps what is adopted here, which verify rightly tells. */
static void settle_verifies(struct program *program)
{
    const bool adopts = has_kind(program, OP_ADOPT);
    for (unsigned thread = 0; thread < program->threads; thread++) {
        for (unsigned i = 0; i < program->counts[thread] && adopts; i++) {
            struct op *op = &program->ops[thread][i];
            if (op->kind == OP_VERIFY) {
                op->kind = OP_LOOKUP;
                op->count = 1;
            }
        }
    }
}

static void read_ops(struct program *program, const uint8_t *data, size_t size)
{
    size_t at = UNIT_OPS;
    for (unsigned thread = 0; thread < program->threads; thread++) {
        for (unsigned i = 0; i < UNIT_THREAD_OPS; i++, at += UNIT_OP_BYTES) {
            const struct op op =
                read_op(program, byte_at(data, size, at), byte_at(data, size, at + 1),
                        byte_at(data, size, at + 2));
            if (op.kind != OP_NONE) {
                program->ops[thread][program->counts[thread]++] = op;
            }
        }
    }
    settle_touches(program);
    settle_verifies(program);
}

unsigned schedule_unit_program(const uint8_t *data, size_t size,
                               struct program *program)
{
    const unsigned flags = byte_at(data, size, UNIT_FLAGS);
    const unsigned more = byte_at(data, size, UNIT_CHUNKS) % 5;
    const unsigned ahead = byte_at(data, size, UNIT_CHUNKS) / 5 % 4;
    const unsigned setup = byte_at(data, size, UNIT_SETUP) % 4;
    program_init(program, "unit");
    program->chunks = (uint8_t)(4 + more);
    program->log_region = flags & FLAG_REGION ? 2 : 1;
    program->threads = flags & FLAG_THIRD ? 3 : 2;
    program->mappers = flags & FLAG_MAPPERS ? 2 : 1;
    program->records = (flags & FLAG_RECORDS) != 0;
    program->old_kernel = (flags & FLAG_OLD_KERNEL) != 0;
    program->ahead = (uint8_t)ahead;
    program->faults = (uint8_t)((flags >> FLAG_FAULTS_SHIFT) % 3);
    memcpy(program->setup, setups[setup], sizeof(setups[setup]));
    while (program->setup_count < 4 &&
           program->setup[program->setup_count].kind != OP_NONE &&
           (program->mappers == 1 ||
            program->setup[program->setup_count].owner < OWNER_IMAGE)) {
        program->setup_count++;
    }
    read_ops(program, data, size);
    const unsigned kind = (flags & FLAG_REGION ? 1U : 0) |
                          (flags & FLAG_MAPPERS ? 2U : 0) |
                          (program->records ? 4U : 0) | (program->old_kernel ? 8U : 0);
    return ((more * 4 + setup) * 4 + ahead) * 16 + kind;
}
