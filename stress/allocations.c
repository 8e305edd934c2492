/* SPDX-License-Identifier: MIT */
#include "stress/allocations.h"

#include <stdlib.h>

void allocations_add(struct allocations *list, const struct allocation *allocation)
{
    if (list->count == list->room) {
        const size_t room = list->room == 0 ? 1024 : list->room * 2;
        struct allocation *items = realloc(list->items, room * sizeof(*items));
        if (items == NULL) {
            abort();
        }
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *allocation;
}

void allocations_append(struct allocations *list, const struct allocations *other)
{
    for (size_t i = 0; i < other->count; i++) {
        allocations_add(list, &other->items[i]);
    }
}

void allocations_clear(struct allocations *list)
{
    free(list->items);
    *list = (struct allocations){0};
}

static int by_address(const void *a, const void *b)
{
    const struct allocation *x = a;
    const struct allocation *y = b;
    return (x->extent.start > y->extent.start) - (x->extent.start < y->extent.start);
}

bool allocations_disjoint(struct allocations *list, struct allocation *first,
                          struct allocation *second)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof(*list->items), by_address);
    }
    for (size_t i = 1; i < list->count; i++) {
        if (mm_extent_overlaps(list->items[i - 1].extent, list->items[i].extent)) {
            *first = list->items[i - 1];
            *second = list->items[i];
            return false;
        }
    }
    return true;
}

bool allocations_by_cursor(const struct allocations *list, uintptr_t start,
                           size_t *used, struct allocation *odd)
{
    uintptr_t cursor = start;
    for (size_t i = 0; i < list->count; i++) {
        const struct allocation *item = &list->items[i];
        uintptr_t expected = cursor;
        if (!mm_align_up(cursor, item->alignment, &expected) ||
            item->extent.start != expected) {
            *odd = *item;
            return false;
        }
        cursor = mm_extent_end(item->extent);
    }
    *used = cursor - start;
    return true;
}
