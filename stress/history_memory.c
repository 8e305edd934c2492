/* SPDX-License-Identifier: MIT */
/* The memory calls, each as the kernel does it, on pages. */
#include "stress/history_build.h"

/* Where the kernel chose the place (or refuses to replace), nothing can have been. */
static void expect_free(struct history_build *build, const struct history_place *place)
{
    if (history_map_meets(history_map_of(build, place->task), place->start,
                          place->end)) {
        history_oddity(build, place->line,
                       "a mapping where the history still has another one");
        history_release(build, place);
    }
}

/* Huge pages round the length to their size, whose log2 the flags hold. */
static uint64_t huge_bytes(const struct history_event *event)
{
    enum { DEFAULT_LOG = 21, SHIFT = 26, MASK = 0x3f };
    const unsigned log = event->flags >> SHIFT & MASK;
    const uint64_t unit = UINT64_C(1) << (log == 0 || log > 40 ? DEFAULT_LOG : log);
    return (event->bytes + unit - 1) & ~(unit - 1);
}

void history_mmap(struct history_build *build, uint32_t task,
                  const struct history_event *event)
{
    const bool huge = (event->flags & HISTORY_MAP_HUGETLB) != 0;
    const struct history_place place =
        history_pages(build, task, event->line, event->result,
                      huge ? huge_bytes(event) : event->bytes);
    const bool replaces = (event->flags & HISTORY_MAP_FIXED) != 0 &&
                          (event->flags & HISTORY_MAP_FIXED_NOREPLACE) == 0;
    if (!replaces) {
        expect_free(build, &place);
    }
    const uint32_t origin =
        history_origin_of_mmap(build, task, event, place.start, place.end);
    const struct history_piece piece = {
        .line = event->line, .origin = origin, .protection = event->protection};
    history_take(build, &place, origin, HISTORY_OVERWRITE_MAPPED);
    history_put(build, &place, piece);
}

/* The kernel works up to the first hole and then says ENOMEM. */
static bool reached_pages(struct history_build *build,
                          const struct history_event *event,
                          struct history_place *place)
{
    if (event->failed) {
        place->end = history_map_hole(history_map_of(build, place->task), place->start,
                                      place->end);
        return event->no_memory && place->start < place->end;
    }
    history_infer(build, place);
    return place->start < place->end;
}

void history_mprotect(struct history_build *build, uint32_t task,
                      const struct history_event *event)
{
    struct history_place place =
        history_pages(build, task, event->line, event->start, event->bytes);
    if (!reached_pages(build, event, &place)) {
        return;
    }
    struct history_map *map = history_map_of(build, task);
    struct history_run run;
    for (uint64_t at = place.start; history_next_run(map, at, place.end, &run);
         at = run.end) {
        const struct history_place part = {task, run.start, run.end, event->line};
        history_step(
            build, event->protection != 0 ? HISTORY_STEP_COMMIT : HISTORY_STEP_DECOMMIT,
            &part, run.origin, HISTORY_NONE);
    }
    history_map_cut(map, place.start);
    history_map_cut(map, place.end);
    for (size_t i = history_map_find(map, place.start);
         i < map->count && map->pieces[i].start < place.end; i++) {
        map->pieces[i].protection = event->protection;
    }
    history_map_merge(map, place.start, place.end);
}

/* Contents are gone, access stays. */
static void discard(struct history_build *build, const struct history_place *place)
{
    const struct history_map *map = history_map_of(build, place->task);
    for (size_t i = history_map_find(map, place->start);
         i < map->count && map->pieces[i].start < place->end; i++) {
        const struct history_piece *piece = &map->pieces[i];
        const struct history_place part = {
            place->task, piece->start > place->start ? piece->start : place->start,
            piece->end < place->end ? piece->end : place->end, place->line};
        if (piece->protection != 0) {
            history_step(build, HISTORY_STEP_DECOMMIT, &part, piece->origin,
                         HISTORY_NONE);
            history_step(build, HISTORY_STEP_COMMIT, &part, piece->origin,
                         HISTORY_NONE);
        }
    }
}

static void set_no_fork(struct history_build *build, const struct history_place *place,
                        bool no_fork)
{
    struct history_map *map = history_map_of(build, place->task);
    history_map_cut(map, place->start);
    history_map_cut(map, place->end);
    for (size_t i = history_map_find(map, place->start);
         i < map->count && map->pieces[i].start < place->end; i++) {
        map->pieces[i].no_fork = no_fork;
    }
    history_map_merge(map, place->start, place->end);
}

void history_madvise(struct history_build *build, uint32_t task,
                     const struct history_event *event)
{
    const struct history_place place =
        history_pages(build, task, event->line, event->start, event->bytes);
    if (event->failed && !event->no_memory) {
        return;
    }
    /* With ENOMEM it passed over holes and did its work on all the rest. */
    if (!event->failed) {
        history_infer(build, &place);
    }
    if (event->flags == HISTORY_MADV_DONTNEED ||
        event->flags == HISTORY_MADV_DONTNEED_LOCKED) {
        discard(build, &place);
    } else if (event->flags == HISTORY_MADV_DONTFORK ||
               event->flags == HISTORY_MADV_DOFORK) {
        set_no_fork(build, &place, event->flags == HISTORY_MADV_DONTFORK);
    }
}

/* The new pages: like the old ones, whose last one they go on with. */
static void put_moved(struct history_build *build, const struct history_place *target,
                      struct history_piece piece)
{
    history_take(build, target, piece.origin, HISTORY_OVERWRITE_MOVED);
    piece.line = target->line;
    history_put(build, target, piece);
}

static void grow_in_place(struct history_build *build, const struct history_place *old,
                          uint64_t end, struct history_piece piece)
{
    const struct history_place more = {old->task, old->end, end, old->line};
    expect_free(build, &more);
    put_moved(build, &more, piece);
}

static void move_away(struct history_build *build, const struct history_place *old,
                      const struct history_place *target,
                      const struct history_event *event, struct history_piece piece)
{
    if ((event->flags & HISTORY_MREMAP_FIXED) == 0) {
        expect_free(build, target);
    }
    put_moved(build, target, piece);
    if (event->bytes == 0) {
        return; /* an old length of 0: one more mapping of the same shared pages */
    }
    if ((event->flags & HISTORY_MREMAP_DONTUNMAP) != 0) {
        discard(build, old);
    } else {
        history_release(build, old);
    }
}

void history_mremap(struct history_build *build, uint32_t task,
                    const struct history_event *event)
{
    const struct history_place old =
        history_pages(build, task, event->line, event->start, event->bytes);
    const struct history_place target =
        history_pages(build, task, event->line, event->result, event->new_bytes);
    const uint64_t page = build->model->history->page_bytes;
    const struct history_place seen = {
        task, old.start, old.end > old.start ? old.end : old.start + page, event->line};
    history_infer(build, &seen);
    /* The kernel moves one mapping at a time: its last piece speaks for all. */
    const struct history_map *map = history_map_of(build, task);
    const struct history_piece piece = map->pieces[history_map_find(map, seen.end - 1)];
    if (target.start == old.start && event->bytes != 0) {
        const struct history_place tail = {task, target.end, old.end, event->line};
        if (target.end < old.end) {
            history_release(build, &tail);
        } else if (target.end > old.end) {
            grow_in_place(build, &old, target.end, piece);
        }
    } else if (target.start < seen.end && seen.start < target.end) {
        history_oddity(build, event->line, "a mapping moved onto itself");
    } else {
        move_away(build, &old, &target, event, piece);
    }
}

void history_brk(struct history_build *build, uint32_t task,
                 const struct history_event *event)
{
    struct history_model *model = build->model;
    const uint32_t index = model->tasks[task].space;
    struct history_space *space = &model->spaces[index];
    const struct history_place to =
        history_pages(build, task, event->line, 0, event->result);
    const struct history_place from =
        history_pages(build, task, event->line, 0, space->break_end);
    const bool known = space->break_known;
    space->break_end = event->result;
    space->break_known = true;
    if (!known || to.end == from.end) {
        return;
    }
    const struct history_place part = {task, to.end < from.end ? to.end : from.end,
                                       to.end < from.end ? from.end : to.end,
                                       event->line};
    if (to.end < from.end) {
        history_release(build, &part);
        return;
    }
    const uint32_t heap = history_heap(build, index, event->line);
    const struct history_piece piece = {.line = event->line,
                                        .origin = heap,
                                        .protection =
                                            HISTORY_PROT_READ | HISTORY_PROT_WRITE};
    expect_free(build, &part);
    history_take(build, &part, heap, HISTORY_OVERWRITE_MAPPED);
    history_put(build, &part, piece);
}
