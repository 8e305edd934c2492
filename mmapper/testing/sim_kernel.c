/* SPDX-License-Identifier: MIT */
/* The tests' side of the simulated kernel: life, foreign code, contents, inspection. */
#include "mmapper/testing/sim_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mmapper/testing/sim_kernel_state.h"

enum {
    DEFAULT_PAGE_BYTES = 4096,
    DEFAULT_ADDRESS_BITS = 47,
    DEFAULT_MAX_MAP_COUNT = 65530,
    FIRST_NAMES = 8,
};

void sim_lock(struct sim_kernel *kernel)
{
    if (!kernel->options.single_threaded) {
        (void)pthread_mutex_lock(&kernel->lock);
    }
}

void sim_unlock(struct sim_kernel *kernel)
{
    if (!kernel->options.single_threaded) {
        (void)pthread_mutex_unlock(&kernel->lock);
    }
}

uint32_t sim_name_index(struct sim_kernel *kernel, const char *text)
{
    for (uint32_t i = 0; i < kernel->name_count; i++) {
        if (strcmp(kernel->names[i].text, text) == 0) {
            return i;
        }
    }
    if (kernel->name_count == kernel->name_capacity) {
        const uint32_t capacity =
            kernel->name_capacity == 0 ? FIRST_NAMES : 2 * kernel->name_capacity;
        struct sim_name *names =
            realloc(kernel->names, capacity * sizeof(*kernel->names));
        if (names == NULL) {
            abort();
        }
        kernel->names = names;
        kernel->name_capacity = capacity;
    }
    struct sim_name *name = &kernel->names[kernel->name_count];
    memset(name, 0, sizeof(*name));
    strncpy(name->text, text, sizeof(name->text) - 1);
    return kernel->name_count++;
}

struct mm_mapping sim_listed(const struct sim_kernel *kernel,
                             const struct sim_piece *piece)
{
    struct mm_mapping mapping = {
        .extent = {piece->start, piece->end - piece->start},
        .access = piece->access,
        .shared = (piece->flags & SIM_FLAG_SHARED) != 0,
        .file = (piece->flags & SIM_FLAG_FILE) != 0,
    };
    strncpy(mapping.name, kernel->names[piece->name].text, sizeof(mapping.name) - 1);
    return mapping;
}

static void take_options(struct sim_kernel *kernel,
                         const struct sim_kernel_options *options)
{
    kernel->options = *options;
    if (options->page_bytes == 0) {
        kernel->options.page_bytes = DEFAULT_PAGE_BYTES;
    }
    if (options->address_bits == 0) {
        kernel->options.address_bits = DEFAULT_ADDRESS_BITS;
    }
    if (options->max_map_count == 0) {
        kernel->options.max_map_count = DEFAULT_MAX_MAP_COUNT;
    }
}

struct sim_kernel *sim_kernel_create(const struct sim_kernel_options *options)
{
    const struct sim_kernel_options defaults = {0};
    struct sim_kernel *kernel = calloc(1, sizeof(*kernel));
    if (kernel == NULL || pthread_mutex_init(&kernel->lock, NULL) != 0) {
        abort();
    }
    for (unsigned i = 0; i < SIM_CLIENTS; i++) {
        kernel->clients[i].kernel = kernel;
        kernel->clients[i].holder = (uint8_t)(SIM_HOLDER_CLIENT + i);
    }
    sim_kernel_reset(kernel, options != NULL ? options : &defaults);
    return kernel;
}

void sim_kernel_destroy(struct sim_kernel *kernel)
{
    sim_mappings_free(&kernel->map);
    sim_pages_free(&kernel->contents);
    free(kernel->names);
    (void)pthread_mutex_destroy(&kernel->lock);
    free(kernel);
}

void sim_kernel_reset(struct sim_kernel *kernel,
                      const struct sim_kernel_options *options)
{
    const size_t tables = kernel->statistics.tables;
    const size_t table_bytes = kernel->statistics.table_bytes;
    memset(&kernel->statistics, 0, sizeof(kernel->statistics));
    kernel->statistics.tables = tables;
    kernel->statistics.table_bytes = table_bytes;
    kernel->map.count = 0;
    kernel->map.mappings = 0;
    kernel->contents.count = 0;
    kernel->name_count = 0;
    kernel->data_bytes = 0;
    kernel->violations = 0;
    kernel->violation_text[0] = '\0';
    if (options != NULL) {
        take_options(kernel, options);
    }
    (void)sim_name_index(kernel, "");
}

struct mmap_support sim_kernel_support(struct sim_kernel *kernel, unsigned client)
{
    if (client >= SIM_CLIENTS) {
        abort();
    }
    const struct mmap_support support = {
        .operations = &sim_operations,
        .context = &kernel->clients[client],
        .page_bytes = kernel->options.page_bytes,
        .annotations = true,
        .count_calls = true,
        .annotation_prefix = NULL,
    };
    return support;
}

int sim_kernel_foreign_map(struct sim_kernel *kernel, const struct mm_mapping *mapping)
{
    const uintptr_t start = mapping->extent.start;
    const uintptr_t end = start + mapping->extent.bytes;
    int result = EEXIST;
    sim_lock(kernel);
    if (!sim_mappings_any(&kernel->map, start, end)) {
        const struct sim_piece piece = {
            .start = start,
            .end = end,
            .name = sim_name_index(kernel, mapping->name),
            .access = (uint8_t)mapping->access,
            .flags = (uint8_t)((mapping->shared ? SIM_FLAG_SHARED : 0) |
                               (mapping->file ? SIM_FLAG_FILE : 0)),
            .holder = SIM_HOLDER_FOREIGN,
        };
        sim_enter(kernel, &piece);
        result = 0;
    }
    sim_unlock(kernel);
    return result;
}

void sim_kernel_foreign_unmap(struct sim_kernel *kernel, struct mm_extent extent)
{
    sim_lock(kernel);
    (void)sim_raw_unmap(kernel, extent, SIZE_MAX);
    sim_unlock(kernel);
}

void sim_kernel_foreign_protect(struct sim_kernel *kernel, struct mm_extent extent,
                                unsigned access)
{
    sim_lock(kernel);
    (void)sim_raw_protect(kernel, extent, access, SIZE_MAX);
    sim_unlock(kernel);
}

static bool is_guarded(const struct sim_kernel *kernel, uintptr_t address)
{
    const uintptr_t page = address & ~(kernel->options.page_bytes - 1);
    return sim_pages_read(&kernel->contents, page) == SIM_GUARD;
}

/* The piece at `address` if it has all of `access`, or NULL. */
static struct sim_piece *accessible(struct sim_kernel *kernel, uintptr_t address,
                                    unsigned access)
{
    const size_t index = sim_mappings_find(&kernel->map, address);
    if (index == kernel->map.count) {
        return NULL;
    }
    struct sim_piece *piece = &kernel->map.pieces[index];
    return piece->start <= address && (piece->access & access) == access &&
                   !is_guarded(kernel, address)
               ? piece
               : NULL;
}

int sim_kernel_write(struct sim_kernel *kernel, uintptr_t address, uint64_t token)
{
    int result = EFAULT;
    sim_lock(kernel);
    struct sim_piece *piece = accessible(kernel, address, MM_ACCESS_WRITE);
    if (piece != NULL) {
        piece->flags |= SIM_FLAG_TOUCHED;
        sim_pages_write(&kernel->contents, address & ~(kernel->options.page_bytes - 1),
                        token);
        result = 0;
    }
    sim_unlock(kernel);
    return result;
}

int sim_kernel_read(struct sim_kernel *kernel, uintptr_t address, uint64_t *token)
{
    int result = EFAULT;
    sim_lock(kernel);
    if (accessible(kernel, address, MM_ACCESS_READ) != NULL) {
        *token = sim_pages_read(&kernel->contents,
                                address & ~(kernel->options.page_bytes - 1));
        result = 0;
    }
    sim_unlock(kernel);
    return result;
}

struct sim_view sim_kernel_view(struct sim_kernel *kernel, uintptr_t address)
{
    struct sim_view view = {.client = -1};
    sim_lock(kernel);
    const size_t index = sim_mappings_find(&kernel->map, address);
    if (index < kernel->map.count && kernel->map.pieces[index].start <= address) {
        const struct sim_piece *piece = &kernel->map.pieces[index];
        const struct sim_piece whole = sim_mappings_whole(&kernel->map, index);
        view.mapped = true;
        view.client = piece->holder - SIM_HOLDER_CLIENT;
        view.unaccounted = (piece->flags & SIM_FLAG_NORESERVE) != 0;
        view.charged = (piece->flags & SIM_FLAG_CHARGED) != 0;
        view.huge = (piece->flags & SIM_FLAG_HUGE) != 0;
        view.sealed = (piece->flags & SIM_FLAG_SEALED) != 0;
        view.guarded = is_guarded(kernel, address);
        view.mapping = sim_listed(kernel, &whole);
    }
    sim_unlock(kernel);
    return view;
}

uint64_t sim_kernel_violations(struct sim_kernel *kernel)
{
    sim_lock(kernel);
    const uint64_t violations = kernel->violations;
    sim_unlock(kernel);
    return violations;
}

const char *sim_kernel_violation_text(struct sim_kernel *kernel)
{
    /* Written once, before the count becomes non-zero to those who hold the lock. */
    return kernel->violation_text;
}

struct sim_statistics sim_kernel_statistics(struct sim_kernel *kernel)
{
    sim_lock(kernel);
    struct sim_statistics statistics = kernel->statistics;
    statistics.mappings = kernel->map.mappings;
    statistics.touched_pages = kernel->contents.count;
    sim_unlock(kernel);
    return statistics;
}
