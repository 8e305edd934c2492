/* SPDX-License-Identifier: MIT */
/* Cheap looks at a simulated kernel, and copies of it to go back to. */
#include <stdlib.h>
#include <string.h>

#include "mmapper/testing/sim_kernel_state.h"

struct sim_kernel_image {
    struct sim_mappings map;
    struct sim_pages contents;
    uint32_t name_count;
    struct sim_statistics statistics;
    size_t data_bytes;
};

bool sim_kernel_holds(const struct sim_kernel *kernel, struct mm_extent extent,
                      unsigned client, int access)
{
    const uintptr_t end = extent.start + extent.bytes;
    uintptr_t at = extent.start;
    for (size_t i = sim_mappings_find(&kernel->map, at);
         i < kernel->map.count && at < end; i++) {
        const struct sim_piece *piece = &kernel->map.pieces[i];
        if (piece->start > at || piece->holder != SIM_HOLDER_CLIENT + client ||
            (access >= 0 && piece->access != access)) {
            return false;
        }
        at = piece->end;
    }
    return at >= end;
}

bool sim_kernel_holds_none(const struct sim_kernel *kernel, struct mm_extent extent,
                           unsigned client)
{
    const uintptr_t end = extent.start + extent.bytes;
    for (size_t i = sim_mappings_find(&kernel->map, extent.start);
         i < kernel->map.count && kernel->map.pieces[i].start < end; i++) {
        if (kernel->map.pieces[i].holder == SIM_HOLDER_CLIENT + client) {
            return false;
        }
    }
    return true;
}

static void *copy_of(const void *items, size_t bytes)
{
    void *copy = malloc(bytes + 1);
    if (copy == NULL) {
        abort(); /* a test double has nobody to report to */
    }
    if (bytes > 0) {
        memcpy(copy, items, bytes);
    }
    return copy;
}

struct sim_kernel_image *sim_kernel_save(const struct sim_kernel *kernel)
{
    struct sim_kernel_image *image = calloc(1, sizeof(*image));
    if (image == NULL) {
        abort();
    }
    image->map = kernel->map;
    image->map.pieces =
        copy_of(kernel->map.pieces, kernel->map.count * sizeof(*kernel->map.pieces));
    image->contents = kernel->contents;
    image->contents.pages =
        copy_of(kernel->contents.pages,
                kernel->contents.count * sizeof(*kernel->contents.pages));
    image->name_count = kernel->name_count;
    image->statistics = kernel->statistics;
    image->data_bytes = kernel->data_bytes;
    return image;
}

/* The arrays only ever grow: what was saved fits. */
void sim_kernel_restore(struct sim_kernel *kernel, const struct sim_kernel_image *image)
{
    if (image->map.count > 0) {
        memcpy(kernel->map.pieces, image->map.pieces,
               image->map.count * sizeof(*image->map.pieces));
    }
    kernel->map.count = image->map.count;
    kernel->map.mappings = image->map.mappings;
    if (image->contents.count > 0) {
        memcpy(kernel->contents.pages, image->contents.pages,
               image->contents.count * sizeof(*image->contents.pages));
    }
    kernel->contents.count = image->contents.count;
    kernel->name_count = image->name_count;
    kernel->statistics = image->statistics;
    kernel->data_bytes = image->data_bytes;
    kernel->violations = 0;
    kernel->violation_text[0] = '\0';
}

void sim_kernel_forget(struct sim_kernel_image *image)
{
    if (image != NULL) {
        free(image->map.pieces);
        free(image->contents.pages);
        free(image);
    }
}
