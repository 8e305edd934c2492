/* SPDX-License-Identifier: MIT */
/*
 * The operations that take whole ranges: each is claim all, act, finish all.
 */
#include "mmapper/call.h"
#include "mmapper/claim.h"
#include "mmapper/os.h"
#include "mmapper/placement.h"

enum mm_status mmapper_quarantine(struct mmapper *mapper, struct mm_owner *owner,
                                  struct mm_extent extent, struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_QUARANTINE, extent, error);
    if (status == MM_OK) {
        status = mm_call_expect_backing(&call, MM_BACKING_RESERVED);
    }
    if (status == MM_OK) {
        status = mm_call_exact_range(&call, &range);
    }
    if (status == MM_OK) {
        status = mm_claim_all(&call, range, MAP_STEP_RESERVE);
    }
    return status == MM_OK ? mm_reserve_claimed(&call, range) : status;
}

static enum mm_status decommit_claimed(const struct call *call)
{
    struct mmapper *mapper = call->mapper;
    const struct mm_extent extent = call->request;
    if (owner_has_odd_pages(call->owner)) {
        /* Guards outlive both calls of a decommit, and what is mapped again is whole. */
        const int os_error = mm_os_unguard(mapper, extent);
        if (os_error != 0) {
            return mm_call_fail_os(call, MM_OS_UNGUARD, extent, os_error);
        }
    }
    const int os_error = mm_os_decommit(mapper, call->owner, extent);
    return os_error == 0 ? MM_OK
                         : mm_call_fail_os(call, MM_OS_DECOMMIT, extent, os_error);
}

enum mm_status mmapper_decommit(struct mmapper *mapper, struct mm_owner *owner,
                                struct mm_extent extent, struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_DECOMMIT, extent, error);
    if (status == MM_OK) {
        status = mm_call_expect_backing(&call, MM_BACKING_RESERVED);
    }
    if (status == MM_OK) {
        status = mm_call_exact_range(&call, &range);
    }
    if (status == MM_OK) {
        status = mm_claim_all_quiescent(&call, range, MAP_STEP_DECOMMIT);
    }
    if (status != MM_OK) {
        return status;
    }
    status = decommit_claimed(&call);
    /* QUARANTINED also when the OS failed half way: MAPPED would promise access that is
     * gone, and QUARANTINED promises nothing that is. */
    mm_finish_all(&call, range, MAP_STEP_FINISH, MAP_NOBODY);
    return status;
}

enum mm_status mmapper_release(struct mmapper *mapper, struct mm_owner *owner,
                               struct mm_extent extent, struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_RELEASE, extent, error);
    if (status == MM_OK) {
        status = mm_call_exact_range(&call, &range);
    }
    if (status == MM_OK) {
        status = mm_claim_all_quiescent(&call, range, MAP_STEP_RELEASE);
    }
    if (status != MM_OK) {
        return status;
    }
    if (owner_backing(call.owner) == MM_BACKING_RESERVED) {
        /* One call for all of it, so that it fails as a whole. */
        const int os_error = mm_os_release(mapper, extent);
        if (os_error != 0) {
            status = mm_call_fail_os(&call, MM_OS_RELEASE, extent, os_error);
            undo_all(&call, range);
            return status;
        }
    }
    mm_finish_all(&call, range, MAP_STEP_FINISH, MAP_NOBODY);
    mm_placement_released(mapper, extent);
    return MM_OK;
}

static bool same_strategy(struct mm_strategy a, struct mm_strategy b)
{
    return a.backing == b.backing && a.protection == b.protection &&
           a.huge_pages == b.huge_pages && a.accounting == b.accounting &&
           a.numa == b.numa && a.numa_nodes == b.numa_nodes;
}

/* Sets *recipient, the id that will be published: read once, so that what was checked
 * is what is used. */
static enum mm_status check_recipient(const struct call *call,
                                      const struct mm_owner *to, map_owner *recipient)
{
    *recipient = owner_id(&call->mapper->owners, to);
    if (*recipient == MAP_NOBODY) {
        return mm_call_fail(call, MM_UNKNOWN_OWNER, call->request.start,
                            "the recipient is not registered with this mapper");
    }
    if (to == call->owner) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "the recipient is the giver");
    }
    if (!same_strategy(owner_strategy(call->owner), owner_strategy(to))) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "the strategies of the two owners differ");
    }
    return MM_OK;
}

enum mm_status mmapper_transfer(struct mmapper *mapper, struct mm_owner *from,
                                struct mm_owner *to, struct mm_extent extent,
                                struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    map_owner recipient;
    enum mm_status status =
        mm_call_begin(&call, mapper, from, MM_OPERATION_TRANSFER, extent, error);
    if (status == MM_OK) {
        status = check_recipient(&call, to, &recipient);
    }
    if (status == MM_OK) {
        status = mm_call_exact_range(&call, &range);
    }
    if (status == MM_OK) {
        status = mm_claim_all_quiescent(&call, range, MAP_STEP_TRANSFER);
    }
    if (status != MM_OK) {
        return status;
    }
    if (owner_backing(from) == MM_BACKING_RESERVED) {
        mm_os_rename(mapper, to, extent);
    }
    if (owner_has_odd_pages(from)) {
        owner_note_odd_pages(to);
    }
    mm_finish_all(&call, range, MAP_STEP_FINISH, recipient);
    return MM_OK;
}

enum mm_status mmapper_seal(struct mmapper *mapper, struct mm_owner *owner,
                            struct mm_extent extent, struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_SEAL, extent, error);
    if (status == MM_OK) {
        status = mm_call_expect_backing(&call, MM_BACKING_RESERVED);
    }
    if (status == MM_OK) {
        status = mm_call_exact_range(&call, &range);
    }
    if (status == MM_OK) {
        /* Quiescent, so that no thread is about to commit, decommit or protect what
         * the kernel will not let it change. */
        status = mm_claim_all_quiescent(&call, range, MAP_STEP_SEAL);
    }
    if (status != MM_OK) {
        return status;
    }
    const int os_error = mm_os_seal(mapper, extent);
    if (os_error != 0) {
        status = mm_call_fail_os(&call, MM_OS_SEAL, extent, os_error);
        undo_all(&call, range);
        return status;
    }
    mm_finish_all(&call, range, MAP_STEP_FINISH, MAP_NOBODY);
    return MM_OK;
}

/* Records memory that the mapper does not map: UNMAPPED to `step`'s end. */
static enum mm_status record_external(struct mmapper *mapper, struct mm_owner *owner,
                                      enum mm_operation operation, enum map_step step,
                                      struct mm_extent extent, struct mm_error *error)
{
    struct call call;
    struct chunk_range range;
    enum mm_status status =
        mm_call_begin(&call, mapper, owner, operation, extent, error);
    if (status == MM_OK) {
        status = mm_call_expect_backing(&call, MM_BACKING_EXTERNAL);
    }
    if (status == MM_OK) {
        status = mm_call_exact_range(&call, &range);
    }
    if (status == MM_OK) {
        /* Claimed first although there is nothing to do in between: a fellow thread
         * must not see a chunk that a conflict further on takes back. */
        status = mm_claim_all(&call, range, MAP_STEP_RESERVE);
    }
    if (status == MM_OK) {
        mm_finish_all(&call, range, step, MAP_NOBODY);
    }
    return status;
}

enum mm_status mmapper_adopt(struct mmapper *mapper, struct mm_owner *owner,
                             struct mm_extent extent, struct mm_error *error)
{
    return record_external(mapper, owner, MM_OPERATION_ADOPT, MAP_STEP_ADOPTED, extent,
                           error);
}

enum mm_status mmapper_exclude(struct mmapper *mapper, struct mm_owner *owner,
                               struct mm_extent extent, struct mm_error *error)
{
    return record_external(mapper, owner, MM_OPERATION_EXCLUDE, MAP_STEP_EXCLUDED,
                           extent, error);
}
