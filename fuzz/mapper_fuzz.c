/* SPDX-License-Identifier: MIT */
/*
 * The mapper's operations with faults on the simulated kernel, against a naive model
 * that is compared after every operation.
 *
 * A unit: a header (chunks, region size, kernel), then operations of four bytes: what,
 * who, where, how many; a fault takes two more.
 */
#include <errno.h>
#include <string.h>

#include "fuzz/fuzz_target.h"
#include "fuzz/mapper_world.h"

/* What a failing call must tell (G7). */
static void check_record(const struct world *world, enum mm_status status,
                         struct model_range range)
{
    const struct mm_error *error = &world->error;
    const struct mm_extent extent = extent_of(range);
    require(world, error->status == status, "the record has another status");
    require(world, error->detail != NULL, "the record has no detail");
    require(world, mm_extent_contains_address(extent, error->address),
            "the record's address is not in the request");
    if (world->step == 1) { /* printing is slow, and once a unit is as good */
        char text[512];
        require(world, mm_error_format(error, text, sizeof text) < sizeof text,
                "the record is too long");
    }
    if (status == MM_CONFLICT && error->holder.owner != NULL) {
        const unsigned chunk = (unsigned)((error->address - MODEL_BASE) / MODEL_CHUNK);
        require(world,
                owner_index(world, error->holder.owner) == world->model.owner[chunk],
                "the record names another holder");
    }
    require(world, (error->os_error != 0) == (error->os_call != MM_OS_NONE),
            "errno and call do not go together");
    require(world,
            world->fault_fired == 0 || status == MM_CONFLICT ||
                error->os_error == world->fault_fired,
            "the fault's errno is lost");
}

static void check(struct world *world, enum mm_status status, status_set allowed,
                  struct model_range range)
{
    require(world, (allowed & STATUS(status)) != 0, mm_status_name(status));
    if (status != MM_OK) {
        check_record(world, status, range);
    }
    world_compare(world);
}

/* --------------------------------------------------------------- operations */

/* Chunks behind the range that a good ensure_mapped with commit-ahead mapped: without a gap,
 * own ones that were quarantined. What else changed there, check will find. */
static void follow_ahead(struct world *world, int owner, struct model_range range)
{
    const unsigned first = range.first + range.count;
    for (unsigned i = first; i < world->model.chunks && i < first + model_ahead(owner);
         i++) {
        if (world->model.owner[i] != owner || world->model.state[i] != MM_QUARANTINED ||
            mmapper_lookup(world->mapper, address_of(i)).state != MM_MAPPED) {
            break;
        }
        world->model.state[i] = MM_MAPPED;
    }
}

static void do_ensure(struct world *world, int owner, struct model_range range,
                      unsigned trim)
{
    struct mm_extent extent = extent_of(range);
    /* Any bytes: rounded outwards to the same chunks. */
    extent.start += trim % MODEL_CHUNK;
    extent.bytes -= trim % MODEL_CHUNK;
    const enum mm_status status = mmapper_ensure_mapped(
        world->mapper, world->owners[owner], extent, &world->error);
    const status_set allowed =
        model_ensure(&world->model, owner, range, world->fault_fired);
    for (unsigned i = range.first; i < range.first + range.count; i++) {
        const struct mm_lookup now = mmapper_lookup(world->mapper, address_of(i));
        if (status == MM_OK) {
            require(world, now.state == MM_MAPPED || now.state == MM_SEALED,
                    "OK, but not mapped");
        }
        if (now.owner == world->owners[owner] &&
            (world->model.owner[i] == owner || world->model.state[i] == MM_UNMAPPED) &&
            (now.state == MM_QUARANTINED || now.state == MM_MAPPED) &&
            now.state >= world->model.state[i]) {
            world->model.state[i] = now.state; /* forward, and still its own */
            world->model.owner[i] = owner;
        }
    }
    if (status == MM_OK) {
        follow_ahead(world, owner, range);
    }
    check(world, status, allowed, range);
}

static void do_quarantine_anywhere(struct world *world, int owner, unsigned count,
                                   bool preferred, unsigned where)
{
    struct mm_extent extent;
    const size_t bytes = (size_t)count * MODEL_CHUNK;
    const enum mm_status status =
        preferred ? mmapper_quarantine_preferred(world->mapper, world->owners[owner],
                                                 mm_extent_of(address_of(where), bytes),
                                                 0, &extent, &world->error)
                  : mmapper_quarantine_anywhere(world->mapper, world->owners[owner],
                                                bytes, 0, &extent, &world->error);
    bool fits = false;
    for (unsigned i = 0; i + count <= world->model.chunks; i++) {
        struct model trial = world->model;
        fits = fits || model_quarantine(&trial, owner, (struct model_range){i, count},
                                        0) == STATUS(MM_OK);
    }
    if (status == MM_OK) {
        const struct model_range range = {
            (unsigned)((extent.start - MODEL_BASE) / MODEL_CHUNK), count};
        require(world, extent.bytes == bytes, "another size");
        require(world,
                model_quarantine(&world->model, owner, range, 0) == STATUS(MM_OK),
                "placed where it was not free");
    } else if (model_is_external(owner)) {
        require(world, status == MM_WRONG_STATE, "external owners cannot quarantine");
    } else if (world->fault_fired == 0) {
        require(world, status == MM_NO_SPACE && !fits, "a free range was not found");
    }
    world_compare(world);
}

/* Pages from the middle of the first chunk or the last one, or whole chunks. */
static struct model_range pages_of(struct model_range range, unsigned who)
{
    struct model_range pages = {range.first * MODEL_CHUNK_PAGES,
                                range.count * MODEL_CHUNK_PAGES};
    const unsigned head = who / 32 % MODEL_CHUNK_PAGES;
    pages.first += head;
    pages.count -= head;
    pages.count -= pages.count > 1 ? who / 64 % MODEL_CHUNK_PAGES : 0;
    return pages;
}

/* After a fault each page is as it was, or as it was to be, or has lost a guard first. */
static void follow_pages(struct world *world, struct model_range pages, unsigned access)
{
    struct model *model = &world->model;
    for (unsigned page = pages.first; page < pages.first + pages.count; page++) {
        const struct sim_view view =
            sim_kernel_view(world->kernel, MODEL_BASE + (uintptr_t)page * MODEL_PAGE);
        const unsigned now = view.mapping.access;
        require(world,
                now == model->access[page] || now == access ||
                    (access == MODEL_GUARD && model->no_guards && now == 0),
                "a page got another access");
        require(world,
                view.guarded == model->guarded[page] ||
                    view.guarded == (access == MODEL_GUARD),
                "a page's guard changed");
        model->access[page] = (uint8_t)now;
        model->guarded[page] = view.guarded;
    }
}

static void do_pages(struct world *world, int owner, struct model_range range,
                     unsigned who, bool guard)
{
    static const unsigned accesses[] = {MM_ACCESS_READ, MODEL_ACCESS, 0,
                                        MM_ACCESS_READ | MM_ACCESS_EXECUTE};
    const unsigned access =
        guard ? (unsigned)MODEL_GUARD : accesses[who / MODEL_OWNERS % 4];
    const struct model_range pages = pages_of(range, who);
    const struct mm_extent extent =
        mm_extent_of(MODEL_BASE + (uintptr_t)pages.first * MODEL_PAGE,
                     (size_t)pages.count * MODEL_PAGE);
    const enum mm_status status =
        guard
            ? mmapper_guard(world->mapper, world->owners[owner], extent, &world->error)
            : mmapper_protect(world->mapper, world->owners[owner], extent, access,
                              &world->error);
    const status_set allowed =
        model_pages(&world->model, owner, pages, access, world->fault_fired);
    if (world->fault_fired != 0) {
        follow_pages(world, pages, access);
    }
    check(world, status, allowed, range);
}

/* A decommit whose unguard failed leaves guards. */
static void follow_guards(struct world *world, struct model_range range)
{
    for (unsigned page = range.first * MODEL_CHUNK_PAGES;
         page < (range.first + range.count) * MODEL_CHUNK_PAGES; page++) {
        world->model.guarded[page] =
            sim_kernel_view(world->kernel, MODEL_BASE + (uintptr_t)page * MODEL_PAGE)
                .guarded;
    }
}

static void do_foreign(struct world *world, unsigned page, bool map)
{
    const struct mm_mapping mapping = {
        .extent = mm_extent_of(MODEL_BASE + (uintptr_t)page * MODEL_PAGE, MODEL_PAGE),
        .access = MM_ACCESS_READ};
    if (map) {
        if (sim_kernel_foreign_map(world->kernel, &mapping) == 0) {
            world->model.foreign[page] = true;
        }
    } else if (world->model.foreign[page]) {
        sim_kernel_foreign_unmap(world->kernel, mapping.extent);
        world->model.foreign[page] = false;
    }
}

static void plan_fault(struct world *world)
{
    static const int errors[] = {ENOMEM, EEXIST, EAGAIN, EPERM};
    static const enum mm_os_call calls[] = {
        MM_OS_RESERVE, MM_OS_COMMIT, MM_OS_DECOMMIT, MM_OS_RELEASE,
        MM_OS_PROTECT, MM_OS_GUARD,  MM_OS_UNGUARD,  MM_OS_SEAL};
    world->fault_call = calls[op_stream_below(&world->stream, 8)];
    world->fault_error = errors[op_stream_below(&world->stream, 4)];
    /* Only reserve can find a mapping in its way. */
    if (world->fault_error == EEXIST && world->fault_call != MM_OS_RESERVE) {
        world->fault_error = EPERM;
    }
}

/* A range inside the window, from any two bytes. */
static struct model_range take_range(struct world *world)
{
    const unsigned first = op_stream_below(&world->stream, world->model.chunks);
    const unsigned room = world->model.chunks - first;
    return (struct model_range){first, 1 + op_stream_below(&world->stream, room)};
}

enum operation {
    DO_QUARANTINE,
    DO_ENSURE,
    DO_ENSURE_BYTES,
    DO_DECOMMIT,
    DO_RELEASE,
    DO_TRANSFER,
    DO_ADOPT,
    DO_EXCLUDE,
    DO_ANYWHERE,
    DO_PREFERRED,
    DO_FOREIGN_MAP,
    DO_FOREIGN_UNMAP,
    DO_FAULT,
    DO_SEAL,
    DO_PROTECT,
    DO_GUARD,
    DO_COUNT,
};

/* A kernel without mseal refuses what would have been right. */
static status_set seal_allowed(struct world *world, int owner, struct model_range range)
{
    struct model sealed = world->model;
    const status_set allowed = model_seal(&sealed, owner, range, world->fault_fired);
    if (world->no_seals && allowed == STATUS(MM_OK)) {
        return STATUS(MM_OS_ERROR);
    }
    world->model = sealed;
    world->model.has_odd_pages = true; /* from now on its pages are looked at too */
    return allowed;
}

static void do_range_operation(struct world *world, enum operation operation, int owner,
                               int other, struct model_range range)
{
    struct mmapper *mapper = world->mapper;
    struct mm_owner *handle = world->owners[owner];
    struct mm_error *error = &world->error;
    const struct mm_extent extent = extent_of(range);
    struct model *model = &world->model;
    enum mm_status status;
    status_set allowed;
    switch (operation) {
    case DO_QUARANTINE:
        status = mmapper_quarantine(mapper, handle, extent, error);
        allowed = model_quarantine(model, owner, range, world->fault_fired);
        break;
    case DO_DECOMMIT:
        status = mmapper_decommit(mapper, handle, extent, error);
        allowed = model_decommit(model, owner, range, world->fault_fired);
        if (status != MM_OK && world->fault_fired != 0 &&
            error->os_call == MM_OS_UNGUARD) {
            follow_guards(world, range);
        }
        break;
    case DO_SEAL:
        status = mmapper_seal(mapper, handle, extent, error);
        allowed = seal_allowed(world, owner, range);
        break;
    case DO_RELEASE:
        status = mmapper_release(mapper, handle, extent, error);
        allowed = model_release(model, owner, range, world->fault_fired);
        break;
    case DO_TRANSFER:
        status = mmapper_transfer(mapper, handle, world->owners[other], extent, error);
        allowed = model_transfer(model, owner, other, range);
        break;
    case DO_ADOPT:
        status = mmapper_adopt(mapper, handle, extent, error);
        allowed = model_record(model, owner, range, MM_MAPPED);
        break;
    default:
        status = mmapper_exclude(mapper, handle, extent, error);
        allowed = model_record(model, owner, range, MM_EXCLUDED);
        break;
    }
    check(world, status, allowed, range);
}

static void do_operation(struct world *world)
{
    const enum operation operation =
        (enum operation)op_stream_below(&world->stream, DO_COUNT);
    if (operation == DO_FAULT) {
        plan_fault(world);
        return;
    }
    const unsigned who = op_stream_byte(&world->stream);
    const int owner = (int)(who % MODEL_OWNERS);
    const int other = (int)(who / MODEL_OWNERS % MODEL_OWNERS);
    const struct model_range range = take_range(world);
    world->fault_fired = 0;
    switch (operation) {
    case DO_ENSURE:
        do_ensure(world, owner, range, 0);
        break;
    case DO_ENSURE_BYTES:
        do_ensure(world, owner, range, who * 97);
        break;
    case DO_ANYWHERE:
    case DO_PREFERRED:
        do_quarantine_anywhere(world, owner, range.count, operation == DO_PREFERRED,
                               range.first);
        break;
    case DO_PROTECT:
    case DO_GUARD:
        do_pages(world, owner, range, who, operation == DO_GUARD);
        break;
    case DO_FOREIGN_MAP:
    case DO_FOREIGN_UNMAP:
        do_foreign(world, range.first * MODEL_CHUNK_PAGES + who % MODEL_CHUNK_PAGES,
                   operation == DO_FOREIGN_MAP);
        break;
    default:
        do_range_operation(world, operation, owner, other, range);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX_OPERATIONS = 100 };
    /* One kernel for all units, reset for each: making it is what would take time. */
    static struct sim_kernel *kernel;
    if (kernel == NULL) {
        kernel = sim_kernel_create(NULL);
    }
    struct world world;
    memset(&world, 0, sizeof world);
    world.stream = (struct op_stream){.data = data, .size = size};
    world.kernel = kernel;
    world_begin(&world);
    while (op_stream_more(&world.stream) && world.step < MAX_OPERATIONS) {
        world.step++;
        do_operation(&world);
    }
    world_end(&world);
    return 0;
}
