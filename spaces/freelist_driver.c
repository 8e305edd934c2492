/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_driver.h"

#include <stdlib.h>

#include "mmapper/testing/expect.h"
#include "spaces/freelist_model.h"
#include "spaces/raw_memory_freelist.h"

enum { SHORT_UNITS = 24 };

struct pair {
    struct raw_memory_freelist *list;
    struct freelist_model model;
};

/* One operation, with arguments that may be wrong. */
struct step {
    unsigned kind;
    uint32_t head;
    uint32_t unit;
    uint32_t units;
};

static void compare_unit(const struct pair *pair, uint32_t unit, uint32_t *left,
                         struct raw_memory_freelist_census *census)
{
    const uint32_t size = freelist_model_block_size(&pair->model, unit);
    const bool free_block = size > 0 && pair->model.at[unit] == MODEL_FREE;
    EXPECT_EQ(raw_memory_freelist_block_size(pair->list, unit), size);
    EXPECT_EQ(raw_memory_freelist_is_free(pair->list, unit), free_block);
    EXPECT_EQ(raw_memory_freelist_is_coalescable(pair->list, unit),
              !pair->model.border[unit]);
    const bool top = unit == pair->model.shape.units;
    EXPECT_EQ(raw_memory_freelist_left(pair->list, unit),
              size > 0 || top ? *left : RAW_MEMORY_FREELIST_NONE);
    if (size > 0) {
        *left = unit;
        census->blocks += 1;
        census->free_blocks += free_block ? 1 : 0;
        census->free_units += free_block ? size : 0;
    }
}

/* Walks the list of `head`, which is lists [first, end) of the model. */
static void compare_lists(const struct pair *pair, uint32_t head, uint32_t first,
                          uint32_t end)
{
    const struct model_list *lists = pair->model.lists;
    uint32_t unit = RAW_MEMORY_FREELIST_NONE;
    for (uint32_t l = first; l < end; l++) {
        for (uint32_t i = 0; i < lists[l].count; i++) {
            unit = raw_memory_freelist_next(pair->list, head, unit);
            EXPECT_EQ(unit, lists[l].units[i]);
        }
    }
    EXPECT_EQ(raw_memory_freelist_next(pair->list, head, unit),
              RAW_MEMORY_FREELIST_NONE);
    unit = RAW_MEMORY_FREELIST_NONE;
    for (uint32_t l = end; l > first; l--) {
        for (uint32_t i = lists[l - 1].count; i > 0; i--) {
            unit = raw_memory_freelist_previous(pair->list, head, unit);
            EXPECT_EQ(unit, lists[l - 1].units[i - 1]);
        }
    }
    EXPECT_EQ(raw_memory_freelist_previous(pair->list, head, unit),
              RAW_MEMORY_FREELIST_NONE);
}

static void compare_all_lists(const struct pair *pair)
{
    const struct raw_memory_freelist_shape *shape = &pair->model.shape;
    if (shape->policy == RAW_MEMORY_FREELIST_BINNED) {
        compare_lists(pair, 0, 0, freelist_model_lists(&pair->model));
        return;
    }
    for (uint32_t head = 0; head < shape->heads; head++) {
        compare_lists(pair, head, head, head + 1);
    }
}

static void compare(const struct pair *pair)
{
    const uint32_t size = pair->model.shape.units;
    EXPECT_EQ(raw_memory_freelist_size(pair->list), size);
    uint32_t left = RAW_MEMORY_FREELIST_NONE;
    struct raw_memory_freelist_census expected = {0};
    for (uint32_t unit = 0; unit <= size; unit++) {
        compare_unit(pair, unit, &left, &expected);
    }
    EXPECT_EQ(raw_memory_freelist_block_size(pair->list, size + 1), 0);
    EXPECT(!raw_memory_freelist_is_coalescable(pair->list, size + 1));
    compare_all_lists(pair);
    struct raw_memory_freelist_census census;
    EXPECT(raw_memory_freelist_verify(pair->list, &census));
    EXPECT_EQ(census.blocks, expected.blocks);
    EXPECT_EQ(census.free_blocks, expected.free_blocks);
    EXPECT_EQ(census.free_units, expected.free_units);
}

static enum mm_status step_alloc(struct pair *pair, const struct step *step)
{
    uint32_t expected_unit = 0;
    uint32_t unit = 0;
    const enum mm_status expected =
        freelist_model_alloc(&pair->model, step->head, step->units, &expected_unit);
    EXPECT_STATUS(raw_memory_freelist_alloc(pair->list, step->head, step->units, &unit),
                  expected);
    EXPECT_EQ(unit, expected_unit);
    return expected;
}

static enum mm_status step_alloc_from_unit(struct pair *pair, const struct step *step)
{
    const enum mm_status expected = freelist_model_alloc_from_unit(
        &pair->model, step->head, step->units, step->unit);
    EXPECT_STATUS(raw_memory_freelist_alloc_from_unit(pair->list, step->head,
                                                      step->units, step->unit),
                  expected);
    return expected;
}

static enum mm_status step_free(struct pair *pair, const struct step *step)
{
    struct raw_memory_freelist_freed expected_freed = {0};
    struct raw_memory_freelist_freed freed = {0};
    const enum mm_status expected =
        freelist_model_free(&pair->model, step->head, step->unit, &expected_freed);
    EXPECT_STATUS(raw_memory_freelist_free(pair->list, step->head, step->unit, &freed),
                  expected);
    EXPECT_EQ(freed.units, expected_freed.units);
    EXPECT_EQ(freed.merged.unit, expected_freed.merged.unit);
    EXPECT_EQ(freed.merged.units, expected_freed.merged.units);
    return expected;
}

/* Frees the used block that a count of `unit` of them leads to, so that most frees of
 * random bytes are good ones. */
static enum mm_status step_free_used(struct pair *pair, const struct step *step)
{
    struct step found = *step;
    uint32_t left = step->unit;
    const uint32_t size = pair->model.shape.units;
    for (uint32_t i = 0; i < 2 * size; i++) {
        if (pair->model.at[i % size] == MODEL_USED) {
            found.unit = i % size;
            if (left == 0) {
                break;
            }
            left--;
        }
    }
    return step_free(pair, &found);
}

static enum mm_status step_grow(struct pair *pair, const struct step *step)
{
    const enum mm_status expected =
        freelist_model_grow(&pair->model, step->head, step->units);
    EXPECT_STATUS(raw_memory_freelist_grow(pair->list, step->head, step->units),
                  expected);
    return expected;
}

static enum mm_status step_set_border(struct pair *pair, const struct step *step)
{
    const enum mm_status expected =
        freelist_model_set_border(&pair->model, step->unit, true);
    EXPECT_STATUS(raw_memory_freelist_set_uncoalescable(pair->list, step->unit),
                  expected);
    return expected;
}

static enum mm_status step_clear_border(struct pair *pair, const struct step *step)
{
    const enum mm_status expected =
        freelist_model_set_border(&pair->model, step->unit, false);
    EXPECT_STATUS(raw_memory_freelist_clear_uncoalescable(pair->list, step->unit),
                  expected);
    return expected;
}

static enum mm_status run_step(struct pair *pair, const struct step *step)
{
    switch (step->kind) {
    case 0:
        return step_alloc_from_unit(pair, step);
    case 1:
        return step_free(pair, step);
    case 2:
    case 3:
        return step_free_used(pair, step);
    case 4:
        return step_grow(pair, step);
    case 5:
        return step_set_border(pair, step);
    case 6:
        return step_clear_border(pair, step);
    default:
        return step_alloc(pair, step);
    }
}

/* Bytes to a shape. The grain may be larger than the list. Most lists are so short that
 * everything happens soon, some so long that blocks share a bin with others. */
static struct raw_memory_freelist_shape decode_shape(const uint8_t *data)
{
    struct raw_memory_freelist_shape shape;
    const bool binned = (data[3] & 128) != 0;
    shape.max_units =
        1 + data[0] % ((data[3] & 96) == 96 ? MODEL_MAX_UNITS : SHORT_UNITS);
    shape.units = data[1] % (shape.max_units + 1);
    shape.grain = 1 + data[2] % (shape.max_units + 2);
    shape.heads = binned ? 1 : 1 + data[3] % MODEL_MAX_HEADS;
    shape.policy = binned ? RAW_MEMORY_FREELIST_BINNED : RAW_MEMORY_FREELIST_FIRST_FIT;
    return shape;
}

/* Bytes to an operation: mostly within bounds, one past them now and then. Small
 * numbers of units are the common ones. */
static struct step decode_step(const struct pair *pair, const uint8_t *data)
{
    const struct raw_memory_freelist_shape *shape = &pair->model.shape;
    const uint32_t head = data[0] >> 3;
    const uint32_t units = data[2] < 128 ? data[2] & 7 : data[2] & 127;
    return (struct step){
        .kind = data[0] & 7,
        .head = head == 31 ? shape->heads : head % shape->heads,
        .unit = data[1] == 255 ? UINT32_MAX : data[1] % (shape->units + 2),
        .units = data[2] == 255 ? UINT32_MAX : units,
    };
}

size_t freelist_driver_run(const uint8_t *data, size_t size)
{
    if (size < FREELIST_DRIVER_HEADER) {
        return 0;
    }
    const struct raw_memory_freelist_shape shape = decode_shape(data);
    /* Exactly as large as it must be, so that ASan sees a step too far. */
    const size_t bytes = raw_memory_freelist_table_bytes(&shape);
    void *table = calloc(1, bytes);
    EXPECT(table != NULL);
    struct pair pair;
    freelist_model_init(&pair.model, &shape);
    EXPECT_OK(raw_memory_freelist_create_on(table, bytes, &shape, &pair.list, NULL));
    compare(&pair);

    size_t succeeded = 0;
    size_t at = FREELIST_DRIVER_HEADER;
    for (size_t steps = 0; steps < FREELIST_DRIVER_MAX_STEPS; steps++) {
        if (size - at < FREELIST_DRIVER_STEP) {
            break;
        }
        const struct step step = decode_step(&pair, &data[at]);
        succeeded += run_step(&pair, &step) == MM_OK ? 1 : 0;
        compare(&pair);
        at += FREELIST_DRIVER_STEP;
    }
    EXPECT_OK(raw_memory_freelist_destroy(pair.list, NULL));
    free(table);
    return succeeded;
}
