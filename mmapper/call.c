/* SPDX-License-Identifier: MIT */
#include "mmapper/call.h"

#include <errno.h>
#include <string.h>

#include "mmapper/os.h"

enum mm_status mm_call_begin(struct call *call, struct mmapper *mapper,
                             struct mm_owner *owner, enum mm_operation operation,
                             struct mm_extent request, struct mm_error *error)
{
    call->mapper = mapper;
    call->owner = owner;
    call->id = owner_id(&mapper->owners, owner);
    call->operation = operation;
    call->request = request;
    call->error = error;
    if (call->id == MAP_NOBODY) {
        return mm_call_fail(call, MM_UNKNOWN_OWNER, request.start,
                            "the owner is not registered with this mapper");
    }
    return MM_OK;
}

enum mm_status mm_call_outer_range(const struct call *call, struct chunk_range *range)
{
    const struct mm_extent request = call->request;
    const struct chunk_table *table = &call->mapper->table;
    if (!mm_extent_valid(request)) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, request.start,
                            request.bytes == 0 ? "the range is empty"
                                               : "the range passes the end of memory");
    }
    if (request.start < table->base || mm_extent_end(request) > call->mapper->limit) {
        return mm_call_fail(call, MM_OUT_OF_RANGE,
                            request.start < table->base ? request.start
                                                        : call->mapper->limit,
                            "the range is not inside the mapper's window");
    }
    range->first = chunk_of(table, request.start);
    range->end = chunk_of(table, mm_extent_end(request) - 1) + 1;
    return MM_OK;
}

enum mm_status mm_call_exact_range(const struct call *call, struct chunk_range *range)
{
    const size_t chunk_bytes = (size_t)1 << call->mapper->table.log_chunk;
    if (!mm_is_aligned(call->request.start, chunk_bytes)) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "the start is not a multiple of the chunk size");
    }
    if (!mm_is_aligned(call->request.bytes, chunk_bytes)) {
        return mm_call_fail(call, MM_INVALID_ARGUMENT, call->request.start,
                            "the size is not a multiple of the chunk size");
    }
    return mm_call_outer_range(call, range);
}

enum mm_status mm_call_expect_backing(const struct call *call, enum mm_backing backing)
{
    if (owner_backing(call->owner) == backing) {
        return MM_OK;
    }
    return mm_call_fail(
        call, MM_WRONG_STATE, call->request.start,
        backing == MM_BACKING_RESERVED
            ? "the owner's backing is external: the mapper maps nothing "
              "for it"
            : "the owner's backing is not external");
}

static enum mm_status record(const struct call *call, enum mm_status status,
                             uintptr_t address, const char *detail)
{
    if (call->error != NULL) {
        memset(call->error, 0, sizeof *call->error);
        call->error->status = status;
        call->error->operation = call->operation;
        call->error->detail = detail;
        call->error->request = call->request;
        call->error->address = address;
        call->error->os_call = MM_OS_NONE;
    }
    if (status == MM_CONFLICT) {
        counter_add(&call->mapper->counters, COUNTER_CONFLICTS);
    } else if (status == MM_BUSY) {
        counter_add(&call->mapper->counters, COUNTER_BUSY);
    }
    return status;
}

enum mm_status mm_call_fail(const struct call *call, enum mm_status status,
                            uintptr_t address, const char *detail)
{
    return record(call, status, address, detail);
}

/* Owners come and go while a record is made. A name is believed only if the chunk is
 * held by that owner after the name was copied: otherwise the record names nobody. */
static void name_holder(const struct call *call, size_t chunk, map_owner id)
{
    const enum mm_state state = call->error->holder.state;
    const struct mm_owner *owner = owner_at(&call->mapper->owners, id);
    struct mm_holder holder;
    if (owner != NULL && mm_owner_describe(owner, &holder) &&
        map_owner_of(chunk_load(&call->mapper->table, chunk)) == id) {
        holder.state = state;
        call->error->holder = holder;
    }
}

enum mm_status mm_call_fail_at(const struct call *call, enum mm_status status,
                               size_t chunk, map_value value)
{
    (void)record(call, status, chunk_address(&call->mapper->table, chunk),
                 status == MM_CONFLICT ? "another owner holds the chunk"
                 : status == MM_BUSY ? "another call of the owner is changing the chunk"
                                     : "the chunk's state does not allow this");
    if (call->error != NULL) {
        call->error->holder.state = map_public_state(map_state_of(value));
        name_holder(call, chunk, map_owner_of(value));
    }
    return status;
}

enum mm_status mm_call_fail_os(const struct call *call, enum mm_os_call os_call,
                               struct mm_extent extent, int os_error)
{
    const enum mm_status status = os_error == EEXIST   ? MM_CONFLICT
                                  : os_error == ENOMEM ? MM_NO_MEMORY
                                                       : MM_OS_ERROR;
    (void)record(call, status, extent.start,
                 status == MM_CONFLICT    ? "a foreign mapping is in the way"
                 : status == MM_NO_MEMORY ? "the system has no memory for this"
                                          : "the system refused this");
    if (call->error == NULL) {
        return status;
    }
    call->error->os_call = os_call;
    call->error->os_error = os_error;
    if (status == MM_CONFLICT) {
        struct mm_mapping *foreign = &call->error->foreign;
        (void)mm_os_first_mapping(call->mapper, extent, foreign);
        if (foreign->extent.bytes > 0 && foreign->extent.start > extent.start) {
            call->error->address = foreign->extent.start;
        }
    } else if (status == MM_NO_MEMORY) {
        call->error->cause =
            mm_os_explain(call->mapper, call->owner, os_call, extent.bytes);
    }
    return status;
}
