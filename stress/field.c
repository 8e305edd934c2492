/* SPDX-License-Identifier: MIT */
#include "stress/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/layout.h"

enum { HUGE_PAGE_BYTES = 2 << 20 };

struct mm_extent field_extent(const struct field *field, struct span span)
{
    return mm_extent_of(field->window.start + span.first * field->chunk_bytes,
                        (span.end - span.first) * field->chunk_bytes);
}

struct span field_span(const struct field *field, struct mm_extent extent)
{
    const uintptr_t last = mm_extent_end(extent) - 1;
    return (struct span){(extent.start - field->window.start) / field->chunk_bytes,
                         (last - field->window.start) / field->chunk_bytes + 1};
}

size_t field_owner_index(const struct field *field, const struct mm_owner *handle)
{
    size_t index = 0;
    while (index < field->owner_count && field->owners[index].handle != handle) {
        index++;
    }
    return index;
}

static mm_atomic_u32 *note_of(struct field *field, size_t chunk, size_t owner)
{
    return &field->noted[chunk * field->owner_count + owner];
}

void field_note(struct field *field, struct span span, size_t owner)
{
    for (size_t chunk = span.first; chunk < span.end; chunk++) {
        mm_atomic_u32 *note = note_of(field, chunk, owner);
        /* Begins before it is noted: who finds it noted finds it begun, or another
         * thread's call, not this one, is the first of the owner here. */
        if (mm_load_relaxed_u32(note) == 0) {
            holder_record_begin(field->record, chunk, chunk + 1, owner);
            if (mm_fetch_add_relaxed_u32(note, 1) != 0) {
                holder_record_end(field->record, chunk, chunk + 1, owner);
            }
        }
    }
}

void field_forget_notes(struct field *field)
{
    for (size_t chunk = 0; chunk < FIELD_CHUNKS; chunk++) {
        for (size_t owner = 0; owner < field->owner_count; owner++) {
            mm_atomic_u32 *note = note_of(field, chunk, owner);
            if (mm_load_relaxed_u32(note) != 0) {
                mm_store_relaxed_u32(note, 0);
                holder_record_end(field->record, chunk, chunk + 1, owner);
            }
        }
    }
}

static bool add_owner(struct field *field, enum field_class class,
                      const char *class_name, unsigned number,
                      const struct mm_strategy *strategy)
{
    char name[MM_NAME_BYTES];
    struct field_owner *owner = &field->owners[field->owner_count++];
    (void)snprintf(name, sizeof(name), "%s-%u", class_name, number);
    const struct mm_owner_options options = {name, MM_KIND_TEST, *strategy};
    owner->class = class;
    return mmapper_register_owner(field->mapper, &options, &owner->handle, NULL) ==
           MM_OK;
}

/* The strategy that all but the odd owner have. */
static struct mm_strategy pick_strategy(const struct field *field)
{
    struct stress_random random;
    struct mm_strategy strategy = {0};
    stress_random_seed(&random, stress_run_options(field->run)->seed, UINT64_MAX);
    strategy.backing = MM_BACKING_RESERVED;
    strategy.protection =
        stress_random_one_in(&random, 4) ? MM_PROTECTION_RWX : MM_PROTECTION_RW;
    strategy.accounting =
        stress_random_one_in(&random, 2) ? MM_UNACCOUNTED : MM_ACCOUNTED;
    /* Chunks of a huge page's size or more would fill the machine's memory. */
    strategy.huge_pages =
        field->chunk_bytes < HUGE_PAGE_BYTES && stress_random_one_in(&random, 2)
            ? MM_HUGE_PAGES_TRANSPARENT
            : MM_HUGE_PAGES_DEFAULT;
    return strategy;
}

/* The same, for owners of whom threads do not know each chunk's state. */
static struct mm_strategy pick_eager_strategy(const struct field *field)
{
    static const uint16_t aheads[] = {0, 2, 16};
    struct mm_strategy strategy = pick_strategy(field);
    strategy.commit_ahead = aheads[stress_run_options(field->run)->seed % 3];
    return strategy;
}

static bool add_owners(struct field *field)
{
    const struct mm_strategy plain = pick_strategy(field);
    const struct mm_strategy eager = pick_eager_strategy(field);
    struct mm_strategy other = plain;
    other.accounting = plain.accounting == MM_ACCOUNTED ? MM_UNACCOUNTED : MM_ACCOUNTED;
    const unsigned threads = stress_run_options(field->run)->threads;
    bool good = true;
    for (unsigned i = 0; i < threads; i++) {
        good = add_owner(field, FIELD_CLASS_PRIVATE, "private", i, &plain) && good;
    }
    field->first_shared = field->owner_count;
    for (unsigned i = 0; i < FIELD_SHARED; i++) {
        good = add_owner(field, FIELD_CLASS_SHARED, "shared", i, &plain) && good;
    }
    field->first_project = field->owner_count;
    for (unsigned i = 0; i < FIELD_PROJECTS; i++) {
        good = add_owner(field, FIELD_CLASS_PROJECT, "project", i, &eager) && good;
    }
    field->first_reckless = field->owner_count;
    for (unsigned i = 0; i < FIELD_RECKLESS; i++) {
        good = add_owner(field, FIELD_CLASS_RECKLESS, "reckless", i, &eager) && good;
    }
    field->odd = field->owner_count;
    return add_owner(field, FIELD_CLASS_ODD, "odd", 0, &other) && good;
}

/* Small chunks and regions make borders common; the seed varies them. */
static struct mmapper_options shape(struct field *field)
{
    static const size_t chunk_sizes[] = {64 << 10, 16 << 10, 4 << 10, 2 << 20};
    static const unsigned region_logs[] = {4, 2, 6, 1, 10};
    struct stress_random random;
    stress_random_seed(&random, stress_run_options(field->run)->seed, 0);
    struct mmapper_options options = {.log_space = 47};
    options.chunk_bytes = chunk_sizes[stress_random_below(&random, 4)];
    options.log_region_chunks = region_logs[stress_random_below(&random, 5)];
    options.base = STRESS_BASE;
    options.limit = STRESS_BASE + FIELD_CHUNKS * options.chunk_bytes;
    return options;
}

static bool make_mappers(struct field *field)
{
    struct mm_error error;
    char text[512];
    const struct mmapper_options options = shape(field);
    const struct mm_owner_options stranger = {.name = "stranger", .kind = MM_KIND_TEST};
    field->support = mmap_support_linux();
    if (mmapper_create(&options, &field->support, &field->mapper, &error) != MM_OK ||
        mmapper_create(NULL, &field->support, &field->stranger, &error) != MM_OK ||
        mmapper_register_owner(field->stranger, &stranger, &field->foreign_owner,
                               &error) != MM_OK) {
        (void)mm_error_format(&error, text, sizeof(text));
        (void)fprintf(stderr, "cannot make a mapper: %s\n", text);
        return false;
    }
    field->window = mmapper_window(field->mapper);
    field->chunk_bytes = mmapper_chunk_bytes(field->mapper);
    (void)printf("chunks of %zu KiB, regions of %u chunks\n", field->chunk_bytes >> 10,
                 1U << options.log_region_chunks);
    return true;
}

bool field_create(struct field *field, struct stress_run *run)
{
    memset(field, 0, sizeof(*field));
    field->run = run;
    if (!make_mappers(field) || !add_owners(field)) {
        return false;
    }
    field->log = ownership_log_create(FIELD_CHUNKS);
    field->record = holder_record_create(FIELD_CHUNKS, field->owner_count);
    field->noted = calloc(FIELD_CHUNKS * field->owner_count, sizeof(*field->noted));
    if (field->log == NULL || field->record == NULL || field->noted == NULL) {
        return false;
    }
    field->session = ownership_session_begin(field->log);
    return true;
}

void field_destroy(struct field *field)
{
    ownership_session_end(field->session);
    ownership_log_destroy(field->log);
    holder_record_destroy(field->record);
    free(field->noted);
    if (mmapper_destroy(field->mapper, NULL) != MM_OK ||
        mmapper_destroy(field->stranger, NULL) != MM_OK) {
        stress_violation(field->run, NULL, "an idle mapper cannot be destroyed");
    }
}
