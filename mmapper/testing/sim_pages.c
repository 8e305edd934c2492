/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/sim_pages.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 64 };

void sim_pages_free(struct sim_pages *contents)
{
    free(contents->pages);
    memset(contents, 0, sizeof(*contents));
}

/* Index of the first stored page at or after `address`. */
static size_t find_page(const struct sim_pages *contents, uintptr_t address)
{
    size_t low = 0;
    size_t high = contents->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (contents->pages[middle].address >= address) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

uint64_t sim_pages_read(const struct sim_pages *contents, uintptr_t page)
{
    const size_t index = find_page(contents, page);
    const bool stored =
        index < contents->count && contents->pages[index].address == page;
    return stored ? contents->pages[index].token : 0;
}

static void make_room(struct sim_pages *contents)
{
    if (contents->count < contents->capacity) {
        return;
    }
    const size_t capacity =
        contents->capacity == 0 ? FIRST_CAPACITY : 2 * contents->capacity;
    struct sim_page *pages = realloc(contents->pages, capacity * sizeof(*pages));
    if (pages == NULL) {
        abort(); /* a test double has nobody to report to */
    }
    contents->pages = pages;
    contents->capacity = capacity;
}

void sim_pages_write(struct sim_pages *contents, uintptr_t page, uint64_t token)
{
    const size_t index = find_page(contents, page);
    if (index == contents->count || contents->pages[index].address != page) {
        make_room(contents);
        memmove(&contents->pages[index + 1], &contents->pages[index],
                (contents->count - index) * sizeof(contents->pages[0]));
        contents->count++;
        contents->pages[index].address = page;
    }
    contents->pages[index].token = token;
}

void sim_pages_drop(struct sim_pages *contents, uintptr_t start, uintptr_t end)
{
    if (contents->count == 0) {
        return;
    }
    const size_t first = find_page(contents, start);
    const size_t last = find_page(contents, end);
    if (first == last) {
        return;
    }
    memmove(&contents->pages[first], &contents->pages[last],
            (contents->count - last) * sizeof(contents->pages[0]));
    contents->count -= last - first;
}

void sim_pages_drop_some(struct sim_pages *contents, uintptr_t start, uintptr_t end,
                         bool guards)
{
    const size_t first = find_page(contents, start);
    const size_t last = find_page(contents, end);
    size_t kept = first;
    for (size_t i = first; i < last; i++) {
        if ((contents->pages[i].token == SIM_GUARD) != guards) {
            contents->pages[kept++] = contents->pages[i];
        }
    }
    if (kept < last) {
        memmove(&contents->pages[kept], &contents->pages[last],
                (contents->count - last) * sizeof(contents->pages[0]));
        contents->count -= last - kept;
    }
}

size_t sim_pages_count(const struct sim_pages *contents, uintptr_t start, uintptr_t end)
{
    size_t count = 0;
    const size_t last = find_page(contents, end);
    for (size_t i = find_page(contents, start); i < last; i++) {
        count += contents->pages[i].token != SIM_GUARD;
    }
    return count;
}
