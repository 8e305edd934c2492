/* SPDX-License-Identifier: MIT */
/* The mapper's side of the simulated kernel: the operations, as mmap_support_linux
 * makes them of system calls. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmapper/testing/sim_kernel_state.h"

static const char *const call_names[MM_OS_CALL_COUNT] = {
    [MM_OS_RESERVE] = "reserve",
    [MM_OS_COMMIT] = "commit",
    [MM_OS_DECOMMIT] = "decommit",
    [MM_OS_RELEASE] = "release",
    [MM_OS_ADVISE] = "advise",
    [MM_OS_ANNOTATE] = "annotate",
    [MM_OS_EACH_MAPPING] = "each_mapping",
    [MM_OS_ACQUIRE_TABLE] = "acquire_table",
    [MM_OS_RELEASE_TABLE] = "release_table",
    [MM_OS_PROTECT] = "protect",
    [MM_OS_GUARD] = "guard",
    [MM_OS_UNGUARD] = "unguard",
    [MM_OS_SEAL] = "seal",
    [MM_OS_IS_SEALED] = "is_sealed",
    [MM_OS_COLLAPSE] = "collapse",
    [MM_OS_RESIDENCY] = "residency",
};

static void record(struct sim_kernel *kernel, const struct sim_client *client,
                   enum mm_os_call call, struct mm_extent extent,
                   const struct sim_piece *met)
{
    if (kernel->violations++ == 0) {
        (void)snprintf(kernel->violation_text, sizeof(kernel->violation_text),
                       "client %d: %s of %#" PRIxPTR "+%#zx meets %#" PRIxPTR
                       "-%#" PRIxPTR " of %s %d",
                       client->holder - SIM_HOLDER_CLIENT, call_names[call],
                       extent.start, extent.bytes, met->start, met->end,
                       met->holder == SIM_HOLDER_FOREIGN ? "foreign code" : "client",
                       met->holder - SIM_HOLDER_CLIENT);
    }
}

/* Records a violation when the call would meet what the client did not map. Holes are
 * none: to touch nothing harms nobody, and the call's result says it. */
static void check_rights(const struct sim_client *client, enum mm_os_call call,
                         struct mm_extent extent)
{
    const struct sim_mappings *map = &client->kernel->map;
    const uintptr_t end = extent.start + extent.bytes;
    for (size_t i = sim_mappings_find(map, extent.start);
         i < map->count && map->pieces[i].start < end; i++) {
        if (map->pieces[i].holder != client->holder) {
            record(client->kernel, client, call, extent, &map->pieces[i]);
            return;
        }
    }
}

static struct sim_kernel *enter(const struct sim_client *client)
{
    sim_lock(client->kernel);
    return client->kernel;
}

static int leave(struct sim_kernel *kernel, enum mm_os_call call, int result)
{
    kernel->statistics.calls[call]++;
    kernel->statistics.failures[call] += result != 0;
    sim_unlock(kernel);
    return result;
}

/* A misaligned or empty extent is a bug of the mapper, not an error to report. */
static void expect_extent(const struct sim_kernel *kernel, struct mm_extent extent)
{
    const uintptr_t mask = kernel->options.page_bytes - 1;
    if (extent.bytes == 0 || ((extent.start | extent.bytes) & mask) != 0 ||
        extent.bytes > UINTPTR_MAX - extent.start) {
        (void)fprintf(stderr, "sim_kernel: bad extent %#" PRIxPTR "+%#zx\n",
                      extent.start, extent.bytes);
        abort();
    }
}

static int reserve(void *context, struct mm_extent extent,
                   const struct mm_strategy *strategy)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    struct sim_piece piece = {
        .start = extent.start,
        .end = extent.start + extent.bytes,
        .flags = strategy->accounting == MM_UNACCOUNTED ? SIM_FLAG_NORESERVE : 0,
        .holder = client->holder,
    };
    int result = sim_raw_map(kernel, &piece);
    if (result == 0 && piece.start != extent.start) {
        const struct mm_extent wrong = {piece.start, extent.bytes};
        result = sim_raw_unmap(kernel, wrong, kernel->options.max_map_count);
        if (result != 0) {
            abort(); /* our own new mapping, whole or at another's edge: no split */
        }
        result = EEXIST;
    }
    return leave(kernel, MM_OS_RESERVE, result);
}

static unsigned committed_access(const struct mm_strategy *strategy)
{
    const unsigned rw = MM_ACCESS_READ | MM_ACCESS_WRITE;
    return strategy->protection == MM_PROTECTION_RWX ? rw | MM_ACCESS_EXECUTE : rw;
}

static int commit(void *context, struct mm_extent extent,
                  const struct mm_strategy *strategy)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_COMMIT, extent);
    return leave(kernel, MM_OS_COMMIT,
                 sim_raw_protect(kernel, extent, committed_access(strategy),
                                 kernel->options.max_map_count));
}

static int decommit(void *context, struct mm_extent extent,
                    const struct mm_strategy *strategy)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    (void)strategy;
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_DECOMMIT, extent);
    int result = sim_raw_drop(kernel, extent);
    if (result == 0) {
        result = sim_raw_protect(kernel, extent, 0, kernel->options.max_map_count);
    }
    return leave(kernel, MM_OS_DECOMMIT, result);
}

static int release(void *context, struct mm_extent extent)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_RELEASE, extent);
    return leave(kernel, MM_OS_RELEASE,
                 sim_raw_unmap(kernel, extent, kernel->options.max_map_count));
}

static int advise(void *context, struct mm_extent extent,
                  const struct mm_strategy *strategy)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_ADVISE, extent);
    const bool huge = strategy->huge_pages == MM_HUGE_PAGES_TRANSPARENT;
    return leave(kernel, MM_OS_ADVISE,
                 huge ? sim_raw_mark(kernel, extent, NULL, SIM_FLAG_HUGE) : 0);
}

static int protect(void *context, struct mm_extent extent, unsigned access)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_PROTECT, extent);
    return leave(
        kernel, MM_OS_PROTECT,
        sim_raw_protect(kernel, extent, access, kernel->options.max_map_count));
}

static int guard(void *context, struct mm_extent extent)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_GUARD, extent);
    int result;
    if (kernel->options.no_guards) {
        result = sim_raw_drop(kernel, extent);
        if (result == 0) {
            result = sim_raw_protect(kernel, extent, 0, kernel->options.max_map_count);
        }
    } else {
        result = sim_raw_guard(kernel, extent);
    }
    return leave(kernel, MM_OS_GUARD, result);
}

static int unguard(void *context, struct mm_extent extent)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_UNGUARD, extent);
    sim_pages_drop_some(&kernel->contents, extent.start, extent.start + extent.bytes,
                        true);
    return leave(kernel, MM_OS_UNGUARD, 0);
}

static int seal(void *context, struct mm_extent extent)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_SEAL, extent);
    const int result = kernel->options.no_seals
                           ? ENOSYS
                           : sim_raw_mark(kernel, extent, NULL, SIM_FLAG_SEALED);
    return leave(kernel, MM_OS_SEAL, result == EAGAIN ? ENOMEM : result);
}

static int is_sealed(void *context, struct mm_extent extent, unsigned access,
                     bool *sealed)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    (void)access;
    const size_t index = sim_mappings_find(&kernel->map, extent.start);
    *sealed = index < kernel->map.count &&
              (kernel->map.pieces[index].flags & SIM_FLAG_SEALED) != 0;
    return leave(kernel, MM_OS_IS_SEALED, 0);
}

static int residency(void *context, struct mm_extent extent,
                     struct mm_residency *residency)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    residency->resident +=
        kernel->options.page_bytes *
        sim_pages_count(&kernel->contents, extent.start, extent.start + extent.bytes);
    return leave(kernel, MM_OS_RESIDENCY, 0);
}

/* As the kernel's is_valid_name: printable, and none of \ ` $ [ ]. */
static bool is_valid_name(const char *name)
{
    size_t length = 0;
    for (; name[length] != '\0'; length++) {
        const char c = name[length];
        if (c < ' ' || c > '~' || strchr("\\`$[]", c) != NULL) {
            return false;
        }
    }
    return length < SIM_NAME_BYTES;
}

static int annotate(void *context, struct mm_extent extent, const char *name)
{
    const struct sim_client *client = context;
    struct sim_kernel *kernel = enter(client);
    expect_extent(kernel, extent);
    check_rights(client, MM_OS_ANNOTATE, extent);
    int result = EINVAL;
    if (!kernel->options.no_names && is_valid_name(name)) {
        struct sim_name listed;
        (void)snprintf(listed.text, sizeof(listed.text), "[anon:%s]", name);
        const uint32_t index = sim_name_index(kernel, listed.text);
        result = sim_raw_mark(kernel, extent, &index, 0);
    }
    return leave(kernel, MM_OS_ANNOTATE, result);
}

/* The first mapping, as the kernel lists it, that ends after `at`. */
static bool next_mapping(struct sim_kernel *kernel, uintptr_t at,
                         struct mm_mapping *mapping)
{
    sim_lock(kernel);
    const size_t index = sim_mappings_find(&kernel->map, at);
    const bool found = index < kernel->map.count;
    if (found) {
        const struct sim_piece whole = sim_mappings_whole(&kernel->map, index);
        *mapping = sim_listed(kernel, &whole);
    }
    sim_unlock(kernel);
    return found;
}

static int each_mapping(void *context, struct mm_extent range, mm_mapping_visitor visit,
                        void *argument)
{
    const struct sim_client *client = context;
    const uintptr_t end = range.start + range.bytes;
    struct mm_mapping mapping;
    for (uintptr_t at = range.start; next_mapping(client->kernel, at, &mapping);
         at = mapping.extent.start + mapping.extent.bytes) {
        if (mapping.extent.start >= end || !visit(argument, &mapping)) {
            break;
        }
    }
    return leave(enter(client), MM_OS_EACH_MAPPING, 0);
}

static enum mm_memory_cause explain(const struct sim_kernel *kernel, size_t bytes)
{
    const struct sim_kernel_options *limits = &kernel->options;
    const struct sim_statistics *totals = &kernel->statistics;
    /* A split that failed may have wanted two. */
    if (kernel->map.mappings + 1 >= limits->max_map_count) {
        return MM_CAUSE_MAP_COUNT;
    }
    if (sim_exceeds(sim_address_bytes(kernel), bytes, limits->address_bytes)) {
        return MM_CAUSE_ADDRESS_SPACE;
    }
    if (sim_exceeds(kernel->data_bytes, bytes, limits->data_bytes)) {
        return MM_CAUSE_DATA_SIZE;
    }
    if (sim_exceeds(totals->charged_bytes, bytes, limits->commit_bytes)) {
        return MM_CAUSE_COMMIT_LIMIT;
    }
    return MM_CAUSE_UNKNOWN;
}

static enum mm_memory_cause explain_no_memory(void *context, enum mm_os_call call,
                                              const struct mm_strategy *strategy,
                                              size_t bytes)
{
    (void)call;
    (void)strategy;
    struct sim_kernel *kernel = enter(context);
    const enum mm_memory_cause cause = explain(kernel, bytes);
    sim_unlock(kernel);
    return cause;
}

/* Zero-filled memory that begins on a page, as a mapping would, with the pointer that
 * free() wants in front of it. calloc, because it does not touch what is large. */
static void *allocate_pages(const struct sim_kernel *kernel, size_t bytes)
{
    const size_t page_bytes = kernel->options.page_bytes;
    char *memory = calloc(1, bytes + page_bytes + sizeof(memory));
    if (memory == NULL) {
        return NULL;
    }
    const uintptr_t after = (uintptr_t)memory + sizeof(memory) + page_bytes - 1;
    char *pages = memory + ((after & ~(page_bytes - 1)) - (uintptr_t)memory);
    memcpy(pages - sizeof(memory), &memory, sizeof(memory));
    return pages;
}

static void free_pages(void *pages)
{
    char *memory;
    memcpy(&memory, (char *)pages - sizeof(memory), sizeof(memory));
    free(memory);
}

static int acquire_table(void *context, size_t bytes, void **table)
{
    struct sim_kernel *kernel = enter(context);
    struct sim_statistics *totals = &kernel->statistics;
    int result = ENOMEM;
    if (!sim_exceeds(sim_address_bytes(kernel), bytes, kernel->options.address_bytes)) {
        void *pages = allocate_pages(kernel, bytes);
        if (pages != NULL) {
            *table = pages;
            totals->tables++;
            totals->table_bytes += bytes;
            result = 0;
        }
    }
    return leave(kernel, MM_OS_ACQUIRE_TABLE, result);
}

static int release_table(void *context, void *table, size_t bytes)
{
    struct sim_kernel *kernel = enter(context);
    free_pages(table);
    kernel->statistics.tables--;
    kernel->statistics.table_bytes -= bytes;
    return leave(kernel, MM_OS_RELEASE_TABLE, 0);
}

const struct mmap_operations sim_operations = {
    .reserve = reserve,
    .commit = commit,
    .decommit = decommit,
    .release = release,
    .advise = advise,
    .annotate = annotate,
    .each_mapping = each_mapping,
    .explain_no_memory = explain_no_memory,
    .acquire_table = acquire_table,
    .release_table = release_table,
    .protect = protect,
    .guard = guard,
    .unguard = unguard,
    .seal = seal,
    .is_sealed = is_sealed,
    .residency = residency,
};
