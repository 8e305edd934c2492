/* SPDX-License-Identifier: MIT */
/*
 * A mapper's life, and its owners'.
 */
#include "mmapper/mmapper.h"

#include <errno.h>
#include <string.h>

#include "mmapper/call.h"
#include "mmapper/claim.h"
#include "mmapper/os.h"

enum {
    DEFAULT_LOG_CHUNK = 22,
    MIN_LOG_CHUNK = 12,
    MAX_LOG_CHUNK = 30,
/* What kernels give to who asks for no address: half of the 48 bits of x86-64, all of
 * those of 64-bit Arm, whose programs and libraries lie above 2^47. */
#if defined(__aarch64__)
    DEFAULT_LOG_SPACE = 48,
#else
    DEFAULT_LOG_SPACE = 47,
#endif
    MAX_LOG_SPACE = 57,
    DEFAULT_LOG_REGION = 16,
    MAX_LOG_REGION = 20,
};

/* The shape of a mapper, checked. */
struct shape {
    struct chunk_table table;
    uintptr_t limit;
    unsigned max_owners;
};

static unsigned log2_of(size_t power_of_two)
{
    return (unsigned)__builtin_ctzll(power_of_two);
}

/* NULL, or what is wrong with the options. */
static const char *shape_of(const struct mmapper_options *options, size_t page_bytes,
                            struct shape *shape)
{
    const size_t chunk_bytes = options->chunk_bytes != 0
                                   ? options->chunk_bytes
                                   : (size_t)1 << DEFAULT_LOG_CHUNK;
    const unsigned log_space =
        options->log_space != 0 ? options->log_space : DEFAULT_LOG_SPACE;
    const unsigned log_region = options->log_region_chunks != 0
                                    ? options->log_region_chunks
                                    : DEFAULT_LOG_REGION;
    if (!mm_is_power_of_two(chunk_bytes) || chunk_bytes < (size_t)1 << MIN_LOG_CHUNK ||
        chunk_bytes > (size_t)1 << MAX_LOG_CHUNK || chunk_bytes < page_bytes) {
        return "chunk_bytes is not a power of two from 4 KiB (or the page size) to 1 "
               "GiB";
    }
    if (log_space > MAX_LOG_SPACE || log_space < log2_of(chunk_bytes)) {
        return "log_space is more than 57 or less than a chunk";
    }
    if (log_region > MAX_LOG_REGION) {
        return "log_region_chunks is more than 20";
    }
    if (options->max_owners > MM_MAX_OWNERS) {
        return "max_owners is more than MM_MAX_OWNERS";
    }
    const uintptr_t space = (uintptr_t)1 << log_space;
    shape->limit = options->limit != 0 ? options->limit : space;
    if (shape->limit > space) {
        return "the limit is beyond 2^log_space";
    }
    if (!mm_is_aligned(options->base, chunk_bytes) ||
        !mm_is_aligned(shape->limit, chunk_bytes)) {
        return "base or limit is not a multiple of chunk_bytes";
    }
    if (options->base >= shape->limit) {
        return "the window is empty";
    }
    shape->max_owners = options->max_owners != 0 ? options->max_owners : MM_MAX_OWNERS;
    shape->table.base = options->base;
    shape->table.log_chunk = log2_of(chunk_bytes);
    shape->table.log_region = log_region;
    shape->table.log_region_bytes = shape->table.log_chunk + log_region;
    shape->table.bytes = shape->limit - options->base;
    shape->table.chunks = shape->table.bytes >> shape->table.log_chunk;
    return NULL;
}

static enum mm_status fail_create(struct mm_error *error, enum mm_status status,
                                  const char *detail)
{
    if (error != NULL) {
        memset(error, 0, sizeof *error);
        error->status = status;
        error->operation = MM_OPERATION_CREATE;
        error->detail = detail;
        error->os_call = MM_OS_NONE;
    }
    return status;
}

static enum mm_status fail_create_os(struct mm_error *error, int os_error,
                                     const struct mmap_support *support, size_t bytes)
{
    const bool no_memory = os_error == ENOMEM;
    const enum mm_status status =
        fail_create(error, no_memory ? MM_NO_MEMORY : MM_OS_ERROR,
                    "no address space for the mapper's tables: a smaller window or "
                    "larger chunks need less");
    if (error != NULL) {
        error->request.bytes = bytes;
        error->os_call = MM_OS_ACQUIRE_TABLE;
        error->os_error = os_error;
        error->cause = no_memory
                           ? support->operations->explain_no_memory(
                                 support->context, MM_OS_ACQUIRE_TABLE, NULL, bytes)
                           : MM_CAUSE_NONE;
    }
    return status;
}

/* Where the parts of a mapper's memory begin. What every mapper touches comes first and
 * close together, for each page of it is a page fault: the mapper itself, the region
 * words, the first owners. */
struct layout {
    size_t regions;
    size_t owners;
    size_t slots;
    size_t bytes;
};

static struct layout layout_of(const struct shape *shape, size_t page_bytes)
{
    struct layout layout;
    layout.regions = sizeof(struct mmapper);
    layout.owners = layout.regions + mm_chunk_table_region_bytes(&shape->table);
    layout.owners = mm_align_down(layout.owners + OWNER_BYTES - 1, OWNER_BYTES);
    layout.slots = layout.owners + mm_owner_table_bytes(shape->max_owners);
    layout.bytes = layout.slots + mm_chunk_table_slot_bytes(&shape->table);
    layout.bytes = mm_align_down(layout.bytes + page_bytes - 1, page_bytes);
    return layout;
}

enum mm_status mmapper_create(const struct mmapper_options *options,
                              const struct mmap_support *support,
                              struct mmapper **mapper, struct mm_error *error)
{
    static const struct mmapper_options defaults = {0};
    struct shape shape;
    if (support == NULL || support->operations == NULL || mapper == NULL ||
        !mm_is_power_of_two(support->page_bytes)) {
        return fail_create(error, MM_INVALID_ARGUMENT,
                           "no support, no operations, no page size or no result");
    }
    const char *wrong =
        shape_of(options != NULL ? options : &defaults, support->page_bytes, &shape);
    if (wrong != NULL) {
        return fail_create(error, MM_INVALID_ARGUMENT, wrong);
    }
    const struct layout layout = layout_of(&shape, support->page_bytes);
    void *memory;
    const int os_error =
        support->operations->acquire_table(support->context, layout.bytes, &memory);
    if (os_error != 0) {
        return fail_create_os(error, os_error, support, layout.bytes);
    }
    struct mmapper *made = memory;
    made->table = shape.table;
    made->table.regions = (mm_atomic_u32 *)((char *)memory + layout.regions);
    made->table.slots = (mm_atomic_u16 *)((char *)memory + layout.slots);
    made->owners.owners = (struct mm_owner *)((char *)memory + layout.owners);
    made->owners.max = shape.max_owners;
    made->support = support;
    made->memory_bytes = layout.bytes;
    made->limit = shape.limit;
    /* The kernel put the table where it puts mappings: the search begins there. Outside of
     * the window it would begin at the end all the same; but then what a mapper does
     * depends on nothing but its window. */
    const uintptr_t here = (uintptr_t)memory;
    const bool inside = here > shape.table.base && here < shape.limit;
    mm_store_relaxed_u64(&made->search, inside ? here : shape.limit);
    mm_os_count_table(made, MM_OS_ACQUIRE_TABLE, 0);
    *mapper = made;
    return MM_OK;
}

/* A call by nobody, for failures of the mapper as a whole. */
static struct call lifecycle_call(struct mmapper *mapper, enum mm_operation operation,
                                  struct mm_error *error)
{
    const struct call call = {.mapper = mapper,
                              .operation = operation,
                              .request = mmapper_window(mapper),
                              .error = error};
    return call;
}

/* The window is about to be given back run by run: not while anything is under way. */
static enum mm_status expect_settled(const struct call *call)
{
    struct mmapper *mapper = call->mapper;
    struct mm_run run;
    for (uintptr_t at = mapper->table.base; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        const size_t chunk = chunk_of(&mapper->table, run.extent.start);
        const map_value value = chunk_load(&mapper->table, chunk);
        if (map_is_transient(map_state_of(value))) {
            return mm_call_fail_at(call, MM_BUSY, chunk, value);
        }
        if (run.owner != NULL && mm_owner_is_pinned(run.owner)) {
            return mm_call_fail_at(call, MM_BUSY, chunk, value);
        }
    }
    return MM_OK;
}

/* Releases what is held; the record of a failure keeps the run, and says destroy. */
static enum mm_status release_everything(const struct call *call)
{
    struct mmapper *mapper = call->mapper;
    struct mm_run run;
    for (uintptr_t at = mapper->table.base; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (run.state == MM_UNMAPPED || run.state == MM_SEALED) {
            continue; /* what is sealed outlives the mapper: it cannot be given back */
        }
        struct mm_owner *owner =
            owner_at(&mapper->owners, owner_id(&mapper->owners, run.owner));
        const enum mm_status status =
            mmapper_release(mapper, owner, run.extent, call->error);
        if (status != MM_OK) {
            if (call->error != NULL) {
                call->error->operation = MM_OPERATION_DESTROY;
            }
            return status;
        }
    }
    return MM_OK;
}

enum mm_status mmapper_destroy(struct mmapper *mapper, struct mm_error *error)
{
    const struct call call = lifecycle_call(mapper, MM_OPERATION_DESTROY, error);
    enum mm_status status = expect_settled(&call);
    if (status == MM_OK) {
        status = release_everything(&call);
    }
    if (status != MM_OK) {
        return status;
    }
    const struct mmap_support *support = mapper->support;
    const size_t bytes = mapper->memory_bytes;
    const int os_error =
        support->operations->release_table(support->context, mapper, bytes);
    if (os_error != 0) {
        /* The kernel may have made one mapping of the table and a neighbour's: cutting
         * it out again can fail at vm.max_map_count. */
        mm_os_count_table(mapper, MM_OS_RELEASE_TABLE, os_error);
        return mm_call_fail_os(&call, MM_OS_RELEASE_TABLE,
                               mm_extent_of((uintptr_t)mapper, bytes), os_error);
    }
    return MM_OK;
}

struct mm_extent mmapper_window(const struct mmapper *mapper)
{
    return mm_extent_of(mapper->table.base, mapper->limit - mapper->table.base);
}

size_t mmapper_chunk_bytes(const struct mmapper *mapper)
{
    return (size_t)1 << mapper->table.log_chunk;
}

size_t mmapper_page_bytes(const struct mmapper *mapper)
{
    return mapper->support->page_bytes;
}

static bool strategy_known(struct mm_strategy strategy)
{
    return (unsigned)strategy.backing <= MM_BACKING_EXTERNAL &&
           (unsigned)strategy.protection <= MM_PROTECTION_RWX &&
           (unsigned)strategy.huge_pages <= MM_HUGE_PAGES_TRANSPARENT &&
           (unsigned)strategy.accounting <= MM_UNACCOUNTED &&
           (unsigned)strategy.numa <= MM_NUMA_INTERLEAVE;
}

enum mm_status mmapper_register_owner(struct mmapper *mapper,
                                      const struct mm_owner_options *options,
                                      struct mm_owner **owner, struct mm_error *error)
{
    const struct call call = lifecycle_call(mapper, MM_OPERATION_REGISTER_OWNER, error);
    if (options == NULL || owner == NULL || options->name == NULL ||
        options->name[0] == '\0') {
        return mm_call_fail(&call, MM_INVALID_ARGUMENT, 0, "an owner needs a name");
    }
    if ((unsigned)options->kind >= MM_KIND_COUNT ||
        !strategy_known(options->strategy)) {
        return mm_call_fail(&call, MM_INVALID_ARGUMENT, 0,
                            "the kind or the strategy is not one of the known ones");
    }
    if ((options->strategy.numa == MM_NUMA_DEFAULT) !=
        (options->strategy.numa_nodes == 0)) {
        return mm_call_fail(&call, MM_INVALID_ARGUMENT, 0,
                            "a NUMA strategy needs nodes, and nodes a NUMA strategy");
    }
    if (mm_owner_register(&mapper->owners, options, owner) != MM_OK) {
        return mm_call_fail(&call, MM_LIMIT, 0,
                            "as many owners are registered as the mapper has room for");
    }
    return MM_OK;
}

enum mm_status mmapper_unregister_owner(struct mmapper *mapper, struct mm_owner *owner,
                                        struct mm_error *error)
{
    struct call call;
    const enum mm_status status =
        mm_call_begin(&call, mapper, owner, MM_OPERATION_UNREGISTER_OWNER,
                      mmapper_window(mapper), error);
    if (status != MM_OK) {
        return status;
    }
    if (mm_owner_is_pinned(owner)) {
        return mm_call_fail(&call, MM_BUSY, 0,
                            "a thread of the owner is inside ensure_mapped, or "
                            "changing pages");
    }
    struct mm_run run;
    for (uintptr_t at = mapper->table.base; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (run.owner == owner) {
            const size_t chunk = chunk_of(&mapper->table, run.extent.start);
            return mm_call_fail_at(&call, MM_WRONG_STATE, chunk,
                                   chunk_load(&mapper->table, chunk));
        }
    }
    mm_owner_unregister(owner);
    return MM_OK;
}
