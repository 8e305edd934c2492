/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/workload.h"

const char *step_kind_name(enum step_kind kind)
{
    static const char *const names[STEP_KIND_COUNT] = {
        [STEP_QUARANTINE] = "quarantine",
        [STEP_ANYWHERE] = "anywhere",
        [STEP_PREFERRED] = "preferred",
        [STEP_ENSURE] = "ensure_mapped",
        [STEP_DECOMMIT] = "decommit",
        [STEP_RELEASE] = "release",
        [STEP_TRANSFER] = "transfer",
        [STEP_ADOPT] = "adopt",
        [STEP_EXCLUDE] = "exclude",
        [STEP_FOREIGN_MAP] = "foreign_map",
        [STEP_FOREIGN_UNMAP] = "foreign_unmap",
    };
    return names[kind];
}

struct mm_strategy workload_strategy(enum workload_owner owner)
{
    const struct mm_strategy strategies[WORKLOAD_OWNERS] = {
        [OWNER_HUGE] = {.protection = MM_PROTECTION_RWX,
                        .huge_pages = MM_HUGE_PAGES_TRANSPARENT,
                        .accounting = MM_UNACCOUNTED},
        [OWNER_X] = {.backing = MM_BACKING_EXTERNAL},
    };
    return strategies[owner];
}

void model_reset(struct model *model)
{
    const struct model_chunk nobody = {MM_UNMAPPED, OWNER_NONE, false};
    for (size_t i = 0; i < WORKLOAD_CHUNKS; i++) {
        model->chunks[i] = nobody;
    }
}

/* Whether `step` may be taken on a chunk: OK, WRONG_STATE, or CONFLICT. */
static enum mm_status judge_chunk(const struct model_chunk *chunk,
                                  const struct step *step)
{
    const bool is_free = chunk->state == MM_UNMAPPED;
    const bool is_own = chunk->owner == step->owner;
    if (!is_free && !is_own) {
        return MM_CONFLICT;
    }
    switch (step->kind) {
    case STEP_QUARANTINE:
    case STEP_ADOPT:
    case STEP_EXCLUDE:
        return is_free ? MM_OK : MM_WRONG_STATE;
    case STEP_ENSURE:
        return (is_free && step->owner == OWNER_X) || chunk->state == MM_EXCLUDED
                   ? MM_WRONG_STATE
                   : MM_OK;
    case STEP_DECOMMIT:
    case STEP_TRANSFER:
        return chunk->state == MM_QUARANTINED || chunk->state == MM_MAPPED
                   ? MM_OK
                   : MM_WRONG_STATE;
    default:
        return is_free ? MM_WRONG_STATE : MM_OK; /* release */
    }
}

/* What is wrong with the owner, whatever the chunks. */
static enum mm_status judge_owner(const struct step *step)
{
    const bool external = step->owner == OWNER_X;
    switch (step->kind) {
    case STEP_QUARANTINE:
    case STEP_ANYWHERE:
    case STEP_PREFERRED:
    case STEP_DECOMMIT:
        return external ? MM_WRONG_STATE : MM_OK;
    case STEP_ADOPT:
    case STEP_EXCLUDE:
        return external ? MM_OK : MM_WRONG_STATE;
    case STEP_TRANSFER:
        return step->owner != step->other &&
                       (step->owner == OWNER_A || step->owner == OWNER_B) &&
                       (step->other == OWNER_A || step->other == OWNER_B)
                   ? MM_OK
                   : MM_INVALID_ARGUMENT;
    default:
        return MM_OK;
    }
}

static struct prediction predict_placement(const struct model *model,
                                           const struct step *step)
{
    const struct prediction none = {MM_NO_SPACE, WORKLOAD_CHUNKS, false};
    const struct prediction fits = {MM_OK, WORKLOAD_CHUNKS, false};
    const size_t alignment =
        step->kind == STEP_ANYWHERE && step->first > 1 ? step->first : 1;
    for (size_t at = 0; at + step->count <= WORKLOAD_CHUNKS; at += alignment) {
        size_t end = at;
        while (end < at + step->count && model->chunks[end].state == MM_UNMAPPED &&
               !model->chunks[end].foreign) {
            end++;
        }
        if (end == at + step->count) {
            return fits;
        }
    }
    return none;
}

struct prediction model_predict(const struct model *model, const struct step *step)
{
    struct prediction result = {judge_owner(step), WORKLOAD_CHUNKS, false};
    if (result.status != MM_OK) {
        return result;
    }
    if (step->kind == STEP_ANYWHERE || step->kind == STEP_PREFERRED) {
        return predict_placement(model, step);
    }
    for (size_t i = step->first; i < step->first + step->count; i++) {
        result.status = judge_chunk(&model->chunks[i], step);
        if (result.status != MM_OK) {
            result.chunk = i;
            return result;
        }
    }
    const bool reserves = step->kind == STEP_QUARANTINE || step->kind == STEP_ENSURE;
    for (size_t i = step->first; reserves && i < step->first + step->count; i++) {
        if (model->chunks[i].foreign && model->chunks[i].state == MM_UNMAPPED) {
            const struct prediction foreign = {MM_CONFLICT, i, true};
            return foreign;
        }
    }
    return result;
}

static void set_chunk(struct model_chunk *chunk, enum mm_state state,
                      enum workload_owner owner)
{
    chunk->state = state;
    chunk->owner = owner;
}

void model_take(struct model *model, const struct step *step, size_t first)
{
    for (size_t i = first; i < first + step->count; i++) {
        struct model_chunk *chunk = &model->chunks[i];
        switch (step->kind) {
        case STEP_QUARANTINE:
        case STEP_ANYWHERE:
        case STEP_PREFERRED:
        case STEP_DECOMMIT:
            set_chunk(chunk, MM_QUARANTINED, step->owner);
            break;
        case STEP_ENSURE:
        case STEP_ADOPT:
            set_chunk(chunk, MM_MAPPED, step->owner);
            break;
        case STEP_RELEASE:
            set_chunk(chunk, MM_UNMAPPED, OWNER_NONE);
            break;
        case STEP_TRANSFER:
            chunk->owner = step->other;
            break;
        case STEP_EXCLUDE:
            set_chunk(chunk, MM_EXCLUDED, step->owner);
            break;
        default:
            break;
        }
    }
}

uint64_t workload_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    /* The low bits of the product are the weak ones. */
    return (*state * UINT64_C(0x2545F4914F6CDD1D)) >> 24;
}

/* Makes the step one of the owner who holds its first chunk, on chunks of that owner,
 * and its kind one that free or held chunks allow. */
static void aim(const struct model *model, struct step *step)
{
    const enum workload_owner owner = model->chunks[step->first].owner;
    const bool takes = step->kind == STEP_DECOMMIT || step->kind == STEP_RELEASE ||
                       step->kind == STEP_TRANSFER;
    const bool gives = step->kind == STEP_QUARANTINE || step->kind == STEP_ADOPT ||
                       step->kind == STEP_EXCLUDE;
    size_t count = 1;
    while (count < step->count && model->chunks[step->first + count].owner == owner) {
        count++;
    }
    step->count = count;
    if (owner != OWNER_NONE) {
        step->kind = gives ? STEP_ENSURE : step->kind;
        step->owner = owner;
        step->other = owner == OWNER_A ? OWNER_B : OWNER_A;
    } else if (takes) {
        step->kind = step->owner == OWNER_X ? STEP_ADOPT : STEP_QUARANTINE;
    }
}

struct step workload_random_step(const struct model *model, uint64_t *state)
{
    /* Weighted: what maps must outweigh what takes away. */
    static const enum step_kind kinds[] = {
        STEP_QUARANTINE, STEP_QUARANTINE, STEP_QUARANTINE,  STEP_ENSURE,
        STEP_ENSURE,     STEP_ENSURE,     STEP_ENSURE,      STEP_DECOMMIT,
        STEP_DECOMMIT,   STEP_RELEASE,    STEP_RELEASE,     STEP_TRANSFER,
        STEP_ADOPT,      STEP_EXCLUDE,    STEP_FOREIGN_MAP, STEP_FOREIGN_UNMAP,
    };
    const uint64_t bits = workload_random(state);
    struct step step = {
        .kind = kinds[bits % (sizeof(kinds) / sizeof(kinds[0]))],
        .owner = (enum workload_owner)((bits >> 4) % WORKLOAD_OWNERS),
        .other = (enum workload_owner)((bits >> 6) % WORKLOAD_OWNERS),
        .first = (bits >> 8) % WORKLOAD_CHUNKS,
    };
    const size_t room = WORKLOAD_CHUNKS - step.first;
    step.count = 1 + (bits >> 16) % 6;
    step.count = step.count < room ? step.count : room;
    if (step.kind == STEP_ADOPT || step.kind == STEP_EXCLUDE) {
        step.owner = OWNER_X;
    }
    if ((bits >> 24) % 4 != 0) {
        aim(model, &step);
    }
    return step;
}
