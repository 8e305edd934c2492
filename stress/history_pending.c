/* SPDX-License-Identifier: MIT */
#include "stress/history_pending.h"

#include <string.h>

#include "stress/history_grow.h"

/* No process has this number. */
#define HANDED_ON UINT32_MAX

struct history_pending *history_pending_find(struct history_pending_table *table,
                                             uint32_t pid)
{
    struct history_pending *nameless = NULL;
    for (size_t i = table->count; i-- > 0;) {
        struct history_pending *pending = &table->calls[i];
        if (pending->pid == pid) {
            return pending;
        }
        if (pending->pid == 0 || (pid == 0 && table->count == 1)) {
            nameless = pending;
        }
    }
    return nameless;
}

void history_pending_add(struct history_pending_table *table, uint32_t pid,
                         uint64_t line, struct history_text text)
{
    const size_t bytes = history_text_bytes(text);
    size_t capacity = 0;
    char *copy = history_grow(NULL, &capacity, bytes + 1, 1);
    memcpy(copy, text.at, bytes);
    table->calls = history_grow(table->calls, &table->capacity, table->count + 1,
                                sizeof(*table->calls));
    table->calls[table->count++] = (struct history_pending){pid, line, copy, bytes};
}

void history_pending_drop(struct history_pending_table *table,
                          struct history_pending *pending)
{
    free(pending->text);
    *pending = table->calls[table->count - 1];
    table->count--;
}

uint64_t history_pending_forget(struct history_pending_table *table, uint32_t pid)
{
    uint64_t forgotten = 0;
    for (size_t i = table->count; i-- > 0;) {
        if (table->calls[i].pid == pid) {
            history_pending_drop(table, &table->calls[i]);
            forgotten++;
        }
    }
    return forgotten;
}

uint64_t history_pending_hand_on(struct history_pending_table *table, uint32_t from,
                                 uint32_t to)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->calls[i].pid == from && from != to) {
            table->calls[i].pid = HANDED_ON;
            const uint64_t forgotten = history_pending_forget(table, to);
            for (size_t k = 0; k < table->count; k++) {
                if (table->calls[k].pid == HANDED_ON) {
                    table->calls[k].pid = to;
                }
            }
            return forgotten;
        }
    }
    return 0;
}

void history_pending_free(struct history_pending_table *table)
{
    while (table->count > 0) {
        history_pending_drop(table, &table->calls[table->count - 1]);
    }
    free(table->calls);
    *table = (struct history_pending_table){0};
}
