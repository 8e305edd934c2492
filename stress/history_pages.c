/* SPDX-License-Identifier: MIT */
/* What the calls are made of: taking pages from their holders and putting them down. */
#include "stress/history_build.h"
#include "stress/history_grow.h"

struct history_map *history_map_of(struct history_build *build, uint32_t task)
{
    return &build->model->spaces[build->model->tasks[task].space].map;
}

struct history_place history_pages(const struct history_build *build, uint32_t task,
                                   uint64_t line, uint64_t start, uint64_t bytes)
{
    const uint64_t mask = build->model->history->page_bytes - 1;
    /* The reader lets no range above 2^57 pass: nothing here overflows. */
    return (struct history_place){task, start & ~mask, (start + bytes + mask) & ~mask,
                                  line};
}

void history_oddity(struct history_build *build, uint64_t line, const char *reason)
{
    struct history_model *model = build->model;
    if (model->oddity_count < HISTORY_KEPT_ODDITIES) {
        model->oddities[model->oddity_count] = (struct history_oddity){line, reason};
    }
    model->oddity_count++;
}

void history_step(struct history_build *build, enum history_step_kind kind,
                  const struct history_place *place, uint32_t origin, uint32_t other)
{
    struct history_model *model = build->model;
    struct history_task *task = &model->tasks[place->task];
    model->steps = history_grow(model->steps, &model->step_capacity,
                                model->step_count + 1, sizeof(*model->steps));
    model->steps[model->step_count++] = (struct history_step){.kind = (uint8_t)kind,
                                                              .space = task->space,
                                                              .task = place->task,
                                                              .origin = origin,
                                                              .other = other,
                                                              .line = place->line,
                                                              .start = place->start,
                                                              .end = place->end};
    task->steps++;
}

/* The same call on a part of its pages. */
static void step_on(struct history_build *build, enum history_step_kind kind,
                    const struct history_place *place, uint64_t start, uint64_t end,
                    uint32_t origin, uint32_t other)
{
    const struct history_place part = {place->task, start, end, place->line};
    if (start < end) {
        history_step(build, kind, &part, origin, other);
    }
}

bool history_next_run(const struct history_map *map, uint64_t at, uint64_t end,
                      struct history_run *run)
{
    size_t i = history_map_find(map, at);
    if (at >= end || i == map->count || map->pieces[i].start >= end) {
        return false;
    }
    const struct history_piece *piece = &map->pieces[i];
    *run = (struct history_run){.start = piece->start > at ? piece->start : at,
                                .end = piece->start,
                                .origin = piece->origin};
    while (i < map->count && run->end < end && map->pieces[i].start <= run->end &&
           map->pieces[i].origin == run->origin) {
        run->accessible = run->accessible || map->pieces[i].protection != 0;
        run->end = map->pieces[i].end;
        i++;
    }
    run->end = run->end < end ? run->end : end;
    return true;
}

void history_release(struct history_build *build, const struct history_place *place)
{
    struct history_map *map = history_map_of(build, place->task);
    struct history_run run;
    for (uint64_t at = place->start; history_next_run(map, at, place->end, &run);
         at = run.end) {
        step_on(build, HISTORY_STEP_RELEASE, place, run.start, run.end, run.origin,
                HISTORY_NONE);
    }
    history_map_remove(map, place->start, place->end);
}

static void note_overwrite(struct history_build *build,
                           const struct history_place *place, uint32_t origin,
                           enum history_overwrite_kind how,
                           const struct history_run *run)
{
    struct history_model *model = build->model;
    const struct history_origin *held = &model->origins[run->origin];
    const bool of_thread =
        held->kind == HISTORY_ORIGIN_STACK || held->kind == HISTORY_ORIGIN_ANONYMOUS;
    model->overwrites =
        history_grow(model->overwrites, &model->overwrite_capacity,
                     model->overwrite_count + 1, sizeof(*model->overwrites));
    model->overwrites[model->overwrite_count++] = (struct history_overwrite){
        .kind = how,
        .line = place->line,
        .task = place->task,
        .space = model->tasks[place->task].space,
        .origin = origin,
        .held = run->origin,
        .start = run->start,
        .end = run->end,
        .accessible = run->accessible,
        .holder_gone = of_thread && !model->tasks[held->task].alive,
    };
}

/* Whose memory it is, if that is another thread than `task`. */
static bool of_another_thread(const struct history_build *build, uint32_t origin,
                              uint32_t task)
{
    const struct history_origin *held = &build->model->origins[origin];
    return (held->kind == HISTORY_ORIGIN_STACK ||
            held->kind == HISTORY_ORIGIN_ANONYMOUS) &&
           held->task != task;
}

/* Every other origin's pages: refused to `origin`, then given up by their holder. */
static void take_from_others(struct history_build *build,
                             const struct history_place *place, uint32_t origin,
                             enum history_overwrite_kind how)
{
    const struct history_map *map = history_map_of(build, place->task);
    struct history_run run;
    for (uint64_t at = place->start; history_next_run(map, at, place->end, &run);
         at = run.end) {
        if (run.origin == origin) {
            continue;
        }
        note_overwrite(build, place, origin, how, &run);
        step_on(build, HISTORY_STEP_REFUSED, place, run.start, run.end, origin,
                run.origin);
        step_on(build, HISTORY_STEP_RELEASE, place, run.start, run.end, run.origin,
                HISTORY_NONE);
    }
}

void history_take(struct history_build *build, const struct history_place *place,
                  uint32_t origin, enum history_overwrite_kind how)
{
    struct history_map *map = history_map_of(build, place->task);
    struct history_run run;
    uint64_t free_from = place->start;
    take_from_others(build, place, origin, how);
    for (uint64_t at = place->start; history_next_run(map, at, place->end, &run);
         at = run.end) {
        if (run.origin != origin) {
            continue;
        }
        step_on(build, HISTORY_STEP_RESERVE, place, free_from, run.start, origin,
                HISTORY_NONE);
        step_on(build, HISTORY_STEP_DECOMMIT, place, run.start, run.end, origin,
                HISTORY_NONE);
        free_from = run.end;
    }
    step_on(build, HISTORY_STEP_RESERVE, place, free_from, place->end, origin,
            HISTORY_NONE);
    history_map_remove(map, place->start, place->end);
}

void history_put(struct history_build *build, const struct history_place *place,
                 struct history_piece piece)
{
    struct history_space *space =
        &build->model->spaces[build->model->tasks[place->task].space];
    piece.start = place->start;
    piece.end = place->end;
    history_map_add(&space->map, piece);
    if (piece.protection != 0) {
        history_step(build, HISTORY_STEP_COMMIT, place, piece.origin, HISTORY_NONE);
    }
    if (space->map.count > space->peak_pieces) {
        space->peak_pieces = space->map.count;
    }
    if (space->map.bytes > space->peak_bytes) {
        space->peak_bytes = space->map.bytes;
    }
}

/* The call succeeded, which it only does where all is mapped. */
void history_infer(struct history_build *build, const struct history_place *place)
{
    struct history_map *map = history_map_of(build, place->task);
    const uint32_t space = build->model->tasks[place->task].space;
    for (uint64_t at = place->start; at < place->end;) {
        const uint64_t hole = history_map_hole(map, at, place->end);
        if (hole == place->end) {
            break;
        }
        const size_t above = history_map_find(map, hole);
        at = above < map->count && map->pieces[above].start < place->end
                 ? map->pieces[above].start
                 : place->end;
        const uint32_t image = history_image(build, space, place->line);
        const struct history_place part = {place->task, hole, at, place->line};
        const struct history_piece piece = {
            .line = place->line, .origin = image, .protection = HISTORY_PROT_READ};
        history_step(build, HISTORY_STEP_RESERVE, &part, image, HISTORY_NONE);
        history_put(build, &part, piece);
        build->model->inferred++;
    }
}

void history_munmap(struct history_build *build, uint32_t task,
                    const struct history_event *event)
{
    const struct history_place place =
        history_pages(build, task, event->line, event->start, event->bytes);
    const struct history_map *map = history_map_of(build, task);
    struct history_run run;
    for (uint64_t at = place.start; history_next_run(map, at, place.end, &run);
         at = run.end) {
        if (of_another_thread(build, run.origin, task)) {
            note_overwrite(build, &place, HISTORY_NONE, HISTORY_OVERWRITE_UNMAPPED,
                           &run);
        }
    }
    history_release(build, &place);
}
