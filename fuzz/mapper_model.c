/* SPDX-License-Identifier: MIT */
#include "fuzz/mapper_model.h"

#include <errno.h>

static void set(struct model *model, struct model_range range, enum mm_state state,
                int owner)
{
    for (unsigned i = range.first; i < range.first + range.count; i++) {
        model->state[i] = state;
        model->owner[i] = state == MM_UNMAPPED ? MODEL_NOBODY : owner;
        for (unsigned page = 0; page < MODEL_CHUNK_PAGES && state != MM_SEALED;
             page++) {
            model->access[i * MODEL_CHUNK_PAGES + page] = MODEL_ACCESS;
            model->guarded[i * MODEL_CHUNK_PAGES + page] = false;
        }
    }
}

bool model_has_foreign(const struct model *model, struct model_range range)
{
    for (unsigned page = range.first * MODEL_CHUNK_PAGES;
         page < (range.first + range.count) * MODEL_CHUNK_PAGES; page++) {
        if (model->foreign[page]) {
            return true;
        }
    }
    return false;
}

static status_set status_of_fault(int fault)
{
    return fault == EEXIST   ? STATUS(MM_CONFLICT)
           : fault == ENOMEM ? STATUS(MM_NO_MEMORY)
                             : STATUS(MM_OS_ERROR);
}

/* The first chunk decides: somebody else's, or own in a state not in `states` (a bit
 * each; UNMAPPED has nobody). 0 when all are right. */
static status_set refuse(const struct model *model, int owner, struct model_range range,
                         unsigned states)
{
    for (unsigned i = range.first; i < range.first + range.count; i++) {
        if (model->state[i] != MM_UNMAPPED && model->owner[i] != owner) {
            return STATUS(MM_CONFLICT);
        }
        if (!(states & (1U << model->state[i]))) {
            return STATUS(MM_WRONG_STATE);
        }
    }
    return 0;
}

status_set model_quarantine(struct model *model, int owner, struct model_range range,
                            int fault)
{
    if (model_is_external(owner)) {
        return STATUS(MM_WRONG_STATE);
    }
    const status_set refused = refuse(model, owner, range, 1U << MM_UNMAPPED);
    if (refused != 0) {
        return refused;
    }
    if (fault != 0) {
        return status_of_fault(fault);
    }
    if (model_has_foreign(model, range)) {
        return STATUS(MM_CONFLICT);
    }
    set(model, range, MM_QUARANTINED, owner);
    return STATUS(MM_OK);
}

static const unsigned OWN_MEMORY = 1U << MM_QUARANTINED | 1U << MM_MAPPED;

status_set model_decommit(struct model *model, int owner, struct model_range range,
                          int fault)
{
    if (model_is_external(owner)) {
        return STATUS(MM_WRONG_STATE);
    }
    const status_set refused = refuse(model, owner, range, OWN_MEMORY);
    if (refused != 0) {
        return refused;
    }
    set(model, range, MM_QUARANTINED, owner); /* also when the OS failed: G4 */
    return fault != 0 ? status_of_fault(fault) : STATUS(MM_OK);
}

status_set model_release(struct model *model, int owner, struct model_range range,
                         int fault)
{
    const status_set refused =
        refuse(model, owner, range, OWN_MEMORY | 1U << MM_EXCLUDED);
    if (refused != 0) {
        return refused;
    }
    if (fault != 0 && !model_is_external(owner)) {
        return status_of_fault(fault);
    }
    set(model, range, MM_UNMAPPED, MODEL_NOBODY);
    return STATUS(MM_OK);
}

status_set model_transfer(struct model *model, int from, int to,
                          struct model_range range)
{
    if (from == to || model_is_external(from) != model_is_external(to)) {
        return STATUS(MM_INVALID_ARGUMENT);
    }
    const status_set refused = refuse(model, from, range, OWN_MEMORY);
    if (refused != 0) {
        return refused;
    }
    for (unsigned i = range.first; i < range.first + range.count; i++) {
        model->owner[i] = to;
    }
    return STATUS(MM_OK);
}

status_set model_record(struct model *model, int owner, struct model_range range,
                        enum mm_state state)
{
    if (!model_is_external(owner)) {
        return STATUS(MM_WRONG_STATE);
    }
    const status_set refused = refuse(model, owner, range, 1U << MM_UNMAPPED);
    if (refused != 0) {
        return refused;
    }
    set(model, range, state, owner);
    return STATUS(MM_OK);
}

status_set model_seal(struct model *model, int owner, struct model_range range,
                      int fault)
{
    if (model_is_external(owner)) {
        return STATUS(MM_WRONG_STATE);
    }
    const status_set refused = refuse(model, owner, range, 1U << MM_MAPPED);
    if (refused != 0) {
        return refused;
    }
    if (fault != 0) {
        return status_of_fault(fault);
    }
    set(model, range, MM_SEALED, owner);
    return STATUS(MM_OK);
}

status_set model_pages(struct model *model, int owner, struct model_range pages,
                       unsigned access, int fault)
{
    const unsigned first = pages.first / MODEL_CHUNK_PAGES;
    const unsigned last = (pages.first + pages.count - 1) / MODEL_CHUNK_PAGES;
    if (model_is_external(owner)) {
        return STATUS(MM_WRONG_STATE);
    }
    if (access != MODEL_GUARD && (access & ~(unsigned)MODEL_ACCESS) != 0) {
        return STATUS(MM_INVALID_ARGUMENT);
    }
    const status_set refused = refuse(
        model, owner, (struct model_range){first, last - first + 1}, 1U << MM_MAPPED);
    if (refused != 0) {
        return refused;
    }
    model->has_odd_pages = true;
    if (fault != 0) {
        return status_of_fault(fault);
    }
    for (unsigned page = pages.first; page < pages.first + pages.count; page++) {
        const bool guards = access == MODEL_GUARD;
        model->guarded[page] = guards && !model->no_guards;
        if (!guards || model->no_guards) {
            model->access[page] = (uint8_t)(guards ? 0 : access);
        }
    }
    return STATUS(MM_OK);
}

status_set model_ensure(const struct model *model, int owner, struct model_range range,
                        int fault)
{
    const unsigned own = OWN_MEMORY | 1U << MM_SEALED |
                         (model_is_external(owner) ? 0 : 1U << MM_UNMAPPED);
    const status_set refused =
        refuse(model, owner, range, model_is_external(owner) ? 1U << MM_MAPPED : own);
    if (refused != 0) {
        return refused;
    }
    status_set set = 0;
    for (unsigned i = range.first; i < range.first + range.count; i++) {
        if (model->state[i] == MM_UNMAPPED &&
            model_has_foreign(model, (struct model_range){i, 1})) {
            set |= STATUS(MM_CONFLICT);
        }
    }
    if (fault != 0) {
        /* What hit the chunks ahead only is no failure of the call. */
        const unsigned next = range.first + range.count;
        const bool ahead_only = set == 0 && model_ahead(owner) > 0 &&
                                next < model->chunks && model->owner[next] == owner &&
                                model->state[next] == MM_QUARANTINED;
        set |= status_of_fault(fault) | (ahead_only ? STATUS(MM_OK) : 0);
    }
    return set != 0 ? set : STATUS(MM_OK);
}
