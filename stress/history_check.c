/* SPDX-License-Identifier: MIT */
/*
 * The end of an address space: the mapper's runs, the kernel's mappings and the
 * history's own state are three lists of the same ranges.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stress/history_grow.h"
#include "stress/history_run.h"

/* What the history says, in the window's addresses: neighbours with the same owner and
 * the same kind of access are one run. */
struct expected {
    struct mm_extent extent;
    const struct mm_owner *owner;
    bool accessible;
};

struct expected_list {
    struct expected *runs;
    size_t count, capacity;
};

struct check {
    struct replay *replay;
    uint32_t space;
    struct expected_list list;
    size_t next;       /* the run that the walk over the kernel's list is in */
    uintptr_t at;      /* up to where the kernel's list was compared */
    uint64_t readable; /* quarantined, but accessible */
    bool differs;      /* the kernel's list */
};

static uint64_t line_of(const struct check *check)
{
    return check->replay->plan->model->spaces[check->space].line;
}

static void expect_runs(struct check *check)
{
    const struct history_map *map =
        &check->replay->plan->model->spaces[check->space].map;
    struct expected_list *list = &check->list;
    for (size_t i = 0; i < map->count; i++) {
        const struct history_piece *piece = &map->pieces[i];
        const struct expected run = {
            replay_extent(check->replay, check->space, piece->start, piece->end),
            replay_owner(check->replay, piece->origin), piece->protection != 0};
        struct expected *last = list->count > 0 ? &list->runs[list->count - 1] : NULL;
        if (last != NULL && mm_extent_end(last->extent) == run.extent.start &&
            last->owner == run.owner && last->accessible == run.accessible) {
            last->extent.bytes += run.extent.bytes;
            continue;
        }
        list->runs =
            history_grow(list->runs, &list->capacity, list->count + 1, sizeof(run));
        list->runs[list->count++] = run;
    }
}

static void compare_mapper(struct check *check)
{
    const struct mmapper *mapper = check->replay->spaces[check->space].mapper;
    const struct mm_extent window = mmapper_window(mapper);
    size_t i = 0;
    struct mm_run run;
    for (uintptr_t at = window.start; mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (run.state == MM_UNMAPPED) {
            continue;
        }
        const struct expected *expected =
            i < check->list.count ? &check->list.runs[i] : NULL;
        const bool equal =
            expected != NULL && expected->extent.start == run.extent.start &&
            expected->extent.bytes == run.extent.bytes &&
            expected->owner == run.owner &&
            run.state == (expected->accessible ? MM_MAPPED : MM_QUARANTINED);
        if (!equal) {
            replay_violation(
                check->replay, line_of(check),
                "the mapper has 0x%" PRIxPTR "-0x%" PRIxPTR
                " as %s of %s, the history 0x%" PRIxPTR "-0x%" PRIxPTR " as %s of %s",
                run.extent.start, mm_extent_end(run.extent), mm_state_name(run.state),
                mm_owner_name(run.owner), expected != NULL ? expected->extent.start : 0,
                expected != NULL ? mm_extent_end(expected->extent) : 0,
                expected == NULL       ? "nothing"
                : expected->accessible ? "mapped"
                                       : "quarantined",
                expected != NULL ? mm_owner_name(expected->owner) : "nobody");
            return;
        }
        i++;
    }
    if (i != check->list.count) {
        replay_violation(
            check->replay, line_of(check), "the mapper lacks 0x%" PRIxPTR " of %s",
            check->list.runs[i].extent.start, mm_owner_name(check->list.runs[i].owner));
    }
}

static bool kernel_differs(struct check *check, uintptr_t address, const char *what)
{
    check->differs = true;
    replay_violation(check->replay, line_of(check), "the kernel has %s at 0x%" PRIxPTR,
                     what, address);
    return false;
}

/* A part of one kernel mapping against the expected run that it lies in. */
static bool compare_part(struct check *check, const struct mm_mapping *mapping)
{
    const struct expected *run = &check->list.runs[check->next];
    const unsigned access = mapping->access;
    if (mapping->file || mapping->shared) {
        return kernel_differs(check, check->at, "a file or shared mapping");
    }
    if (run->accessible && access != (MM_ACCESS_READ | MM_ACCESS_WRITE)) {
        return kernel_differs(check, check->at, "no access to a mapped page");
    }
    if (!run->accessible && access != 0) {
        check->readable++;
        if (!check->replay->options->threads) {
            return kernel_differs(check, check->at, "access to a quarantined page");
        }
    }
    return true;
}

static bool compare_mapping(void *argument, const struct mm_mapping *mapping)
{
    struct check *check = argument;
    const struct mm_extent window =
        mmapper_window(check->replay->spaces[check->space].mapper);
    uintptr_t at = mapping->extent.start;
    uintptr_t end = mm_extent_end(mapping->extent);
    at = at > window.start ? at : window.start;
    end = end < mm_extent_end(window) ? end : mm_extent_end(window);
    while (at < end) {
        if (check->next == check->list.count) {
            return kernel_differs(check, at, "a mapping where nothing is left");
        }
        const struct mm_extent run = check->list.runs[check->next].extent;
        const uintptr_t wanted = check->at > run.start ? check->at : run.start;
        if (at != wanted) {
            return kernel_differs(check, at < wanted ? at : wanted,
                                  at < wanted ? "a mapping that nobody holds"
                                              : "no mapping where somebody holds one");
        }
        check->at = at;
        if (!compare_part(check, mapping)) {
            return false;
        }
        const uintptr_t run_end = mm_extent_end(run);
        at = end < run_end ? end : run_end;
        check->at = at;
        check->next += at == run_end ? 1 : 0;
    }
    return true;
}

static void compare_kernel(struct check *check)
{
    const struct mmapper *mapper = check->replay->spaces[check->space].mapper;
    const struct mmap_support *support = &check->replay->support;
    const int error = support->operations->each_mapping(
        support->context, mmapper_window(mapper), compare_mapping, check);
    if (error != 0) {
        replay_violation(check->replay, line_of(check),
                         "the kernel's list cannot be read: errno %d", error);
    } else if (check->next != check->list.count && !check->differs) {
        (void)kernel_differs(check, check->list.runs[check->next].extent.start,
                             "no mapping where somebody holds one");
    }
}

static void report_difference(void *argument, const struct mm_difference *difference)
{
    struct check *check = argument;
    if (difference->kind != MM_NOTE_ACCESSIBLE) {
        replay_violation(check->replay, line_of(check),
                         "verify: %s at 0x%" PRIxPTR ", %zu bytes, %s of %s",
                         mm_difference_kind_name(difference->kind),
                         difference->extent.start, difference->extent.bytes,
                         mm_state_name(difference->holder.state),
                         difference->holder.name);
    }
}

static void verify_mapper(struct check *check)
{
    const struct mm_verify_options options = {
        .sole = true, .report = report_difference, .argument = check};
    struct mm_verify_result result;
    struct mm_error error;
    if (mmapper_verify(check->replay->spaces[check->space].mapper, &options, &result,
                       &error) != MM_OK) {
        replay_violation(check->replay, line_of(check), "verify failed: %s",
                         error.detail);
    } else if (result.unsettled != 0) {
        replay_violation(check->replay, line_of(check),
                         "verify: %" PRIu64 " pieces unsettled at the end",
                         result.unsettled);
    }
}

void replay_check_space(struct replay *replay, uint32_t space)
{
    struct check check = {.replay = replay, .space = space};
    struct mm_statistics statistics;
    expect_runs(&check);
    compare_mapper(&check);
    compare_kernel(&check);
    verify_mapper(&check);
    mmapper_statistics(replay->spaces[space].mapper, &statistics);
    (void)pthread_mutex_lock(&replay->lock);
    replay->result->spaces++;
    replay->result->runs += check.list.count;
    replay->result->accessible += check.readable;
    replay->result->races_lost += statistics.races_lost;
    for (unsigned i = 0; i < MM_OS_CALL_COUNT; i++) {
        replay->result->os_calls += statistics.os_calls[i];
    }
    (void)pthread_mutex_unlock(&replay->lock);
    free(check.list.runs);
}
