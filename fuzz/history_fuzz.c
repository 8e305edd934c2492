/* SPDX-License-Identifier: MIT */
/*
 * The reader of mapping histories and its model of what they did, on arbitrary text:
 * the counts add up, a second reading is the same, and the model's steps, put through a
 * naive table of pages, are all legal and end in the model's own final state.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz_target.h"
#include "stress/history_model.h"

#define CHECK(condition)                                                               \
    do {                                                                               \
        if (!(condition)) {                                                            \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);      \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* More steps than this are not put through the table, which takes their square. */
enum { MOST_STEPS = 1500 };

/* ------------------------------------------------------------------------- reading */

static void check_reading(const struct history *history)
{
    const struct history_lines *lines = &history->lines;
    uint64_t kinds = 0;
    CHECK(lines->total == lines->events + lines->begun + lines->signals + lines->notes +
                              lines->blank + lines->unreadable);
    CHECK(lines->events == history->count);
    CHECK(history->unfinished <= lines->begun);
    for (unsigned i = 0; i < HISTORY_KIND_COUNT; i++) {
        kinds += history->kinds[i];
    }
    CHECK(kinds == history->count);
    for (uint64_t i = 0; i < lines->unreadable && i < HISTORY_KEPT_LINES; i++) {
        CHECK(history->kept[i].line > 0 && history->kept[i].line <= lines->total);
        CHECK(history->kept[i].reason != NULL);
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        CHECK(event->first_line > 0 && event->first_line <= event->line);
        CHECK(event->line <= lines->total);
        CHECK(i == 0 || history->events[i - 1].line < event->line);
        CHECK(event->path < history->path_bytes);
        CHECK(!event->failed || event->known);
    }
}

/* Byte by byte would compare the padding too. */
static void check_equal(const struct history *a, const struct history *b)
{
    CHECK(a->count == b->count && a->path_bytes == b->path_bytes);
    CHECK(a->lines.unreadable == b->lines.unreadable);
    for (size_t i = 0; i < a->count; i++) {
        const struct history_event *x = &a->events[i];
        const struct history_event *y = &b->events[i];
        CHECK(x->line == y->line && x->first_line == y->first_line);
        CHECK(x->start == y->start && x->bytes == y->bytes && x->result == y->result);
        CHECK(x->pid == y->pid && x->kind == y->kind && x->flags == y->flags);
    }
}

/* What is read again, with one line more that nobody can read. */
static void check_again(const uint8_t *data, size_t size, const struct history *history)
{
    static const char more[] = "\n???";
    char *text = malloc(size + sizeof(more));
    CHECK(text != NULL);
    memcpy(text, data, size);
    memcpy(text + size, more, sizeof(more) - 1);
    struct history *same = history_read((const char *)data, size);
    check_equal(history, same);
    history_free(same);
    struct history *longer = history_read(text, size + sizeof(more) - 1);
    CHECK(longer->count == history->count);
    CHECK(longer->lines.unreadable == history->lines.unreadable + 1);
    history_free(longer);
    free(text);
}

/* ------------------------------------------------------------------ a naive table */

/* The cells between all addresses at which any step begins or ends, for each space. */
struct table {
    const struct history_model *model;
    uint64_t *edges;
    size_t cells;
    uint32_t *holder; /* of each cell of each space, HISTORY_NONE: nobody */
    bool *accessible;
};

static bool has_pages(const struct history_step *step)
{
    return step->kind != HISTORY_STEP_START && step->kind != HISTORY_STEP_WAIT;
}

static int compare_edges(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void make_table(struct table *table, const struct history_model *model)
{
    size_t count = 0;
    *table = (struct table){.model = model};
    table->edges = malloc((2 * model->step_count + 1) * sizeof(uint64_t));
    CHECK(table->edges != NULL);
    for (size_t i = 0; i < model->step_count; i++) {
        if (has_pages(&model->steps[i])) {
            table->edges[count++] = model->steps[i].start;
            table->edges[count++] = model->steps[i].end;
        }
    }
    qsort(table->edges, count, sizeof(uint64_t), compare_edges);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || table->edges[i] != table->edges[table->cells - 1]) {
            table->edges[table->cells++] = table->edges[i];
        }
    }
    const size_t all = table->cells * model->space_count;
    table->holder = malloc((all + 1) * sizeof(uint32_t));
    table->accessible = calloc(all + 1, sizeof(bool));
    CHECK(table->holder != NULL && table->accessible != NULL);
    memset(table->holder, 0xff, (all + 1) * sizeof(uint32_t));
}

static void free_table(struct table *table)
{
    free(table->edges);
    free(table->holder);
    free(table->accessible);
}

static void take_on_cell(const struct history_step *step, uint32_t *holder,
                         bool *accessible)
{
    switch ((enum history_step_kind)step->kind) {
    case HISTORY_STEP_RESERVE:
        CHECK(*holder == HISTORY_NONE);
        *holder = step->origin;
        *accessible = false;
        break;
    case HISTORY_STEP_COMMIT:
    case HISTORY_STEP_DECOMMIT:
        CHECK(*holder == step->origin);
        *accessible = step->kind == HISTORY_STEP_COMMIT;
        break;
    case HISTORY_STEP_RELEASE:
        CHECK(*holder == step->origin);
        *holder = HISTORY_NONE;
        break;
    case HISTORY_STEP_TRANSFER:
        CHECK(*holder == step->other);
        *holder = step->origin;
        break;
    case HISTORY_STEP_REFUSED:
        CHECK(*holder == step->other && step->other != step->origin);
        break;
    default:
        CHECK(false);
    }
}

static void take_steps(struct table *table)
{
    const struct history_model *model = table->model;
    for (size_t i = 0; i < model->step_count; i++) {
        const struct history_step *step = &model->steps[i];
        CHECK(step->task < model->task_count && step->space < model->space_count);
        if (!has_pages(step)) {
            CHECK(step->other < model->task_count);
            continue;
        }
        CHECK(step->start < step->end && step->origin < model->origin_count);
        CHECK(model->origins[step->origin].space == step->space);
        const size_t base = step->space * table->cells;
        for (size_t c = 0; c < table->cells && table->edges[c] < step->end; c++) {
            if (table->edges[c] >= step->start) {
                take_on_cell(step, &table->holder[base + c],
                             &table->accessible[base + c]);
            }
        }
    }
}

static void compare_final(const struct table *table)
{
    const struct history_model *model = table->model;
    for (size_t s = 0; s < model->space_count; s++) {
        const struct history_map *map = &model->spaces[s].map;
        for (size_t c = 0; c < table->cells; c++) {
            const size_t i = history_map_find(map, table->edges[c]);
            const bool held = i < map->count && map->pieces[i].start <= table->edges[c];
            const size_t cell = s * table->cells + c;
            if (!held) {
                CHECK(table->holder[cell] == HISTORY_NONE);
                continue;
            }
            CHECK(table->holder[cell] == map->pieces[i].origin);
            CHECK(table->accessible[cell] == (map->pieces[i].protection != 0));
        }
    }
}

/* ----------------------------------------------------------------------- the model */

static void check_model(const struct history_model *model)
{
    size_t refused = 0;
    size_t overwritten = 0;
    for (size_t s = 0; s < model->space_count; s++) {
        const struct history_map *map = &model->spaces[s].map;
        CHECK(history_map_valid(map));
        for (size_t i = 0; i < map->count; i++) {
            CHECK(map->pieces[i].origin < model->origin_count);
            CHECK(model->origins[map->pieces[i].origin].space == s);
        }
    }
    for (size_t i = 0; i < model->step_count; i++) {
        refused += model->steps[i].kind == HISTORY_STEP_REFUSED ? 1 : 0;
    }
    for (size_t i = 0; i < model->overwrite_count; i++) {
        const struct history_overwrite *overwrite = &model->overwrites[i];
        CHECK(overwrite->start < overwrite->end);
        CHECK(overwrite->held < model->origin_count);
        overwritten += overwrite->kind != HISTORY_OVERWRITE_UNMAPPED ? 1 : 0;
    }
    CHECK(refused == overwritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct history *history = history_read((const char *)data, size);
    check_reading(history);
    check_again(data, size, history);
    struct history_model *model = history_model_build(history);
    check_model(model);
    if (model->step_count <= MOST_STEPS) {
        struct table table;
        make_table(&table, model);
        take_steps(&table);
        compare_final(&table);
        free_table(&table);
    }
    const bool nothing = history->count == 0 && history->lines.unreadable == 0;
    history_model_free(model);
    history_free(history);
    return nothing ? -1 : 0;
}
