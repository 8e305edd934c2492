/* SPDX-License-Identifier: MIT */
/* A program out of tree: pages from a space, objects from a window, a mark bit for each,
 * and the list of who holds what. */
#include "mmapper/mmapper.h"
#include "spaces/freelist_space.h"
#include "spaces/immortal_window.h"
#include "spaces/side_metadata.h"

#include <stdio.h>
#include <string.h>

enum { CHUNKS = 4, OBJECT_BYTES = 64, WINDOW_BYTES = 4096, GRAIN_LOG_BYTES = 4 };

static int fail(const struct mm_error *error)
{
    char text[512];
    mm_error_format(error, text, sizeof text);
    (void)fprintf(stderr, "consumer: %s\n", text);
    return 1;
}

/* A page that is written to and given back. */
static enum mm_status use_pages(struct mmapper *mapper, struct mm_error *error)
{
    struct freelist_space_options options = {0};
    struct freelist_space *space;
    uintptr_t page;
    enum mm_status status;
    options.name = "pages";
    options.bytes = CHUNKS * mmapper_chunk_bytes(mapper);
    status = freelist_space_create(mapper, &options, &space, error);
    if (status != MM_OK) {
        return status;
    }
    status = freelist_space_alloc(space, 1, &page, error);
    if (status == MM_OK) {
        memset((void *)page, 1, freelist_space_page_bytes(space));
        status = freelist_space_free(space, page, NULL, error);
    }
    return status == MM_OK ? freelist_space_destroy(space, error) : status;
}

/* Marks an object of `space` in a table beside it. */
static enum mm_status mark(struct mmapper *mapper, struct immortal_space *space,
                           struct mm_error *error)
{
    const struct side_metadata_table bit = {GRAIN_LOG_BYTES, 0};
    struct immortal_window window = immortal_window_of(space, WINDOW_BYTES);
    struct side_metadata_options options = {0};
    struct side_metadata *marks;
    uintptr_t object;
    uint64_t value = 0;
    enum mm_status status =
        immortal_window_alloc(&window, OBJECT_BYTES, 0, &object, error);
    options.name = "marks";
    options.table_count = 1;
    options.tables = &bit;
    options.data = immortal_space_extent(space);
    if (status == MM_OK) {
        status = side_metadata_create(mapper, &options, &marks, error);
    }
    if (status != MM_OK) {
        return status;
    }
    status = side_metadata_map(marks, mm_extent_of(object, OBJECT_BYTES), error);
    if (status == MM_OK &&
        (side_metadata_store(marks, 0, object, 1) != MM_OK ||
         side_metadata_load(marks, 0, object, &value) != MM_OK || value != 1)) {
        (void)fprintf(stderr, "consumer: the mark is %llu\n",
                      (unsigned long long)value);
        return MM_WRONG_STATE;
    }
    return status == MM_OK ? side_metadata_destroy(marks, error) : status;
}

int main(void)
{
    const struct mmap_support support = mmap_support_linux();
    struct immortal_space_options options = {0};
    struct mmapper *mapper;
    struct immortal_space *objects;
    struct mm_error error;
    char text[1024];
    if (mmapper_create(NULL, &support, &mapper, &error) != MM_OK) {
        return fail(&error);
    }
    options.name = "objects";
    options.bytes = mmapper_chunk_bytes(mapper);
    if (immortal_space_create(mapper, &options, &objects, &error) != MM_OK ||
        mark(mapper, objects, &error) != MM_OK || use_pages(mapper, &error) != MM_OK) {
        return fail(&error);
    }
    mmapper_dump(mapper, text, sizeof text);
    (void)fputs(text, stdout);
    if (immortal_space_destroy(objects, &error) != MM_OK ||
        mmapper_destroy(mapper, &error) != MM_OK) {
        return fail(&error);
    }
    return 0;
}
