/* SPDX-License-Identifier: MIT */
#include "stress/explore/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmapper/atomic.h"

/* Trace hashes and lines are written while the run goes on, in the observer. */
struct trace {
    FILE *file; /* NULL: none */
    const struct schedule *schedule;
    struct world *world;
    bool first;
    bool open; /* the last step is not written to its end */
    unsigned last_step;
};

static void write_text(FILE *file, const char *text)
{
    (void)fputc('"', file);
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            (void)fputs("\\n", file);
            continue;
        }
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', file);
        }
        (void)fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
    (void)fputc('"', file);
}

/* ------------------------------------------------------------------ the maps */

/* Owners of the second mapper are numbered behind those of the first. */
static int owner_number(const struct world *world, const struct mm_owner *owner)
{
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        const int index = world_owner(world, mapper, owner);
        if (index >= 0) {
            return index + (int)mapper * OWNER_COUNT;
        }
    }
    return -1;
}

static void write_map(FILE *file, const struct world *world)
{
    static const char letters[] = "URQMDDLLLTTX";
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        struct watch_value value = slot_watch_chunk(world->mappers[0], chunk);
        int owner = world_owner(world, 0, value.owner);
        if (world->program->mappers > 1 && value.state == WATCH_UNMAPPED) {
            value = slot_watch_chunk(world->mappers[1], chunk);
            owner = owner_number(world, value.owner);
        }
        (void)fprintf(file, "%s\"%c", chunk > 0 ? "," : "", letters[value.state]);
        if (owner >= 0) {
            (void)fprintf(file, "%d", owner);
        }
        (void)fputc('"', file);
    }
}

static void write_kernel(FILE *file, const struct world *world)
{
    for (size_t chunk = 0; chunk < world->program->chunks; chunk++) {
        const struct mm_extent extent = world_extent(chunk, 1);
        const struct sim_view view = sim_kernel_view(world->kernel, extent.start);
        const int owner = owner_number(world, world->facts.reserved_for[chunk]);
        (void)fprintf(file, "%s\"%s", chunk > 0 ? "," : "",
                      !view.mapped               ? "-"
                      : view.client < 0          ? "F"
                      : view.mapping.access == 0 ? "r"
                                                 : "w");
        if (view.mapped && view.client >= 0 && owner >= 0) {
            (void)fprintf(file, "%d", owner);
        }
        (void)fputc('"', file);
    }
}

/* ------------------------------------------------------------------ one event */

static const char *kind_name(const struct sim_event *event)
{
    static const char *const names[] = {"load",  "store", "cas",  "add",    "wait",
                                        "plain", "plain", "lock", "unlock", "os"};
    if (event->kind == SIM_EVENT_USER && event->after >= UINT64_C(0x8000)) {
        return "call";
    }
    return names[event->kind];
}

static const char *order_name(unsigned order)
{
    return order == SIM_RELAXED   ? "relaxed"
           : order == SIM_ACQUIRE ? "acquire"
           : order == SIM_RELEASE ? "release"
           : order == SIM_ACQ_REL ? "acq_rel"
                                  : "seq_cst";
}

static void name_user(const struct trace *trace, const struct sim_event *event,
                      char *text, size_t bytes)
{
    const uint64_t what = event->after;
    if (what >= UINT64_C(0x8000)) {
        const struct program *program = trace->world->program;
        op_print(&program->ops[event->thread][what & 0xFF], text, bytes);
    } else if (what >= UINT64_C(0x6200)) {
        (void)snprintf(text, bytes, "touch chunk %u", (unsigned)(what & 0xFF));
    } else if (what >= UINT64_C(0x6000)) {
        (void)snprintf(text, bytes, "foreign %s", what < 0x6100 ? "map" : "unmap");
    } else if (what >= UINT64_C(0x4000)) {
        (void)snprintf(text, bytes, "%s [%u,%u)",
                       mm_os_call_name((enum mm_os_call)(what >> 8 & 0xF)),
                       (unsigned)(what >> 4 & 0xF), (unsigned)(what & 0xF));
    } else {
        (void)snprintf(text, bytes, "step");
    }
}

static void name_place(const struct trace *trace, const struct sim_event *event,
                       char *text, size_t bytes)
{
    const struct world *world = trace->world;
    if (event->kind == SIM_EVENT_USER) {
        name_user(trace, event, text, bytes);
        return;
    }
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        if (slot_watch_name(world->mappers[mapper], event->address, text, bytes)) {
            return;
        }
    }
    (void)snprintf(text, bytes, event->address == NULL ? "what it read" : "memory");
}

static void name_value(const struct trace *trace, const struct sim_event *event,
                       uint64_t value, char *text, size_t bytes)
{
    const struct world *world = trace->world;
    for (unsigned mapper = 0; mapper < world->program->mappers; mapper++) {
        if (slot_watch_value(world->mappers[mapper], event->address, value, text,
                             bytes)) {
            return;
        }
    }
    (void)snprintf(text, bytes, "%" PRIu64, value);
}

static void describe(const struct trace *trace, const struct sim_event *event,
                     char *text, size_t bytes)
{
    char before[96];
    char after[96];
    if (event->kind > SIM_EVENT_ADD) {
        text[0] = '\0';
        return;
    }
    name_value(trace, event, event->before, before, sizeof(before));
    name_value(trace, event, event->after, after, sizeof(after));
    if (event->kind == SIM_EVENT_LOAD) {
        (void)snprintf(text, bytes, "%s", after);
    } else if (event->kind == SIM_EVENT_CAS && !event->swapped) {
        (void)snprintf(text, bytes, "lost: it is %s", before);
    } else {
        (void)snprintf(text, bytes, "%s -> %s", before, after);
    }
}

/* What the schedule chose between the last event and this one, of one kind. */
static const struct choice *chosen(const struct trace *trace, unsigned kind,
                                   unsigned first, unsigned last)
{
    const struct choices *choices = &trace->schedule->choices;
    for (unsigned i = 0; i < choices->count; i++) {
        const struct choice *item = &choices->items[i];
        if (item->kind == kind && item->point >= first && item->point <= last) {
            return item;
        }
    }
    return NULL;
}

static void write_note(const struct trace *trace, const struct sim_event *event)
{
    char note[64] = "";
    const unsigned since = trace->last_step + 1;
    const struct choice *frozen = chosen(trace, CHOICE_FREEZE, since, event->point);
    /* A fault is chosen right behind the step of its call. */
    const struct choice *fault =
        chosen(trace, SIM_CHOOSE_FAULT, event->point + 1, event->point + 1);
    if (frozen != NULL) {
        (void)snprintf(note, sizeof(note), "froze threads 0x%x", frozen->value);
    } else if (event->stale > 0) {
        (void)snprintf(note, sizeof(note), "stale by %u", event->stale);
    } else if (event->kind == SIM_EVENT_USER && fault != NULL) {
        (void)snprintf(note, sizeof(note), "fault %u", fault->value);
    } else if (event->switched_from >= 0) {
        (void)snprintf(note, sizeof(note), "%s thread %d",
                       chosen(trace, SIM_CHOOSE_THREAD, since, event->point) != NULL
                           ? "preempted"
                           : "after",
                       event->switched_from);
    }
    (void)fprintf(trace->file, ", \"note\": \"%s\"", note);
}

/* The maps show what a step left: they are written when the next one begins, or the run
 * ends (`event` is NULL). */
static void finish_event(struct trace *trace)
{
    if (!trace->open) {
        return;
    }
    (void)fprintf(trace->file, ", \"map\": [");
    write_map(trace->file, trace->world);
    (void)fprintf(trace->file, "], \"kernel\": [");
    write_kernel(trace->file, trace->world);
    (void)fprintf(trace->file, "]}");
    trace->open = false;
}

static void on_event(void *context, const struct sim_event *event)
{
    struct trace *trace = context;
    char what[96];
    char text[256];
    finish_event(trace);
    if (event == NULL) {
        return;
    }
    name_place(trace, event, what, sizeof(what));
    describe(trace, event, text, sizeof(text));
    const bool ordered = event->kind <= SIM_EVENT_ADD;
    (void)fprintf(trace->file,
                  "%s\n  {\"step\": %u, \"thread\": %u, \"kind\": \"%s\", \"what\": ",
                  trace->first ? "" : ",", event->point, event->thread,
                  kind_name(event));
    write_text(trace->file, what);
    (void)fprintf(trace->file, ", \"order\": \"%s\", \"text\": ",
                  ordered ? order_name(event->order) : "");
    write_text(trace->file, text);
    write_note(trace, event);
    trace->first = false;
    trace->open = true;
    trace->last_step = event->point;
}

/* -------------------------------------------------------------------- the whole */

static void write_head(const struct trace *trace)
{
    const struct program *program = &trace->schedule->program;
    char text[4096];
    (void)program_print(program, text, sizeof(text));
    (void)fprintf(trace->file, "{\"scenario\": ");
    write_text(trace->file, program->name);
    (void)fprintf(trace->file, ", \"program\": ");
    write_text(trace->file, text);
    (void)fprintf(trace->file, ", \"memory\": \"%s\", \"threads\": [",
                  trace->schedule->weak ? "weak" : "strong");
    for (unsigned thread = 0; thread < program->threads; thread++) {
        size_t length = 0;
        text[0] = '\0';
        for (unsigned i = 0; i < program->counts[thread]; i++) {
            char op[64];
            op_print(&program->ops[thread][i], op, sizeof(op));
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
                                       i > 0 ? ", " : "", op);
        }
        (void)fputs(thread > 0 ? ", " : "", trace->file);
        write_text(trace->file, text);
    }
    (void)fprintf(trace->file,
                  "], \"chunks\": %u, \"region_chunks\": %u, \"chunk_bytes\": %u, "
                  "\"owners\": [",
                  program->chunks, 1U << program->log_region, WORLD_CHUNK);
    for (unsigned i = 0; i < OWNER_COUNT; i++) {
        (void)fprintf(trace->file, "%s\"%s\"", i > 0 ? ", " : "",
                      program_owner_name(i));
    }
    (void)fprintf(trace->file, "],\n \"steps\": [");
}

static void write_tail(struct trace *trace, const struct world *world, uint64_t hash)
{
    finish_event(trace); /* after a trap, when the run did not come to its end */
    (void)fprintf(trace->file, "],\n \"verdict\": ");
    if (world->failed == ORACLE_NONE) {
        (void)fprintf(trace->file, "null");
    } else {
        (void)fprintf(trace->file,
                      "{\"oracle\": \"%s\", \"text\": ", oracle_name(world->failed));
        write_text(trace->file, world->text);
        (void)fprintf(trace->file, ", \"step\": %u}", trace->last_step);
    }
    (void)fprintf(trace->file, ", \"hash\": \"%016" PRIx64 "\"}\n", hash);
}

static int conclude(const struct schedule *schedule, const struct world *world,
                    uint64_t hash)
{
    const bool other =
        schedule->hash != 0 && world->failed != ORACLE_TRAP && schedule->hash != hash;
    if (world->failed != ORACLE_NONE) {
        (void)printf("VIOLATION %s in scenario %s: %s\n", oracle_name(world->failed),
                     schedule->program.name, world->text);
    } else {
        (void)printf("no oracle failed\n");
    }
    if (other) {
        (void)printf(
            "the trace is another one than the file's (hash %016" PRIx64
            ", not %016" PRIx64 "): the code has changed since, and the choices "
            "do not mean the same steps any more. Search anew, and record it\n",
            hash, schedule->hash);
    }
    return world->failed != ORACLE_NONE || other;
}

int trace_replay(struct schedule *schedule, const char *path)
{
    struct trace trace = {.schedule = schedule, .first = true};
    const struct sim_observer observer = {.event = on_event, .event_context = &trace};
    const char *problem;
    uint64_t hash;
    if (path != NULL) {
        trace.file = fopen(path, "w");
        if (trace.file == NULL) {
            (void)fprintf(stderr, "explore: cannot write %s\n", path);
            return 2;
        }
        write_head(&trace);
    }
    struct world *world = schedule_run(schedule, path != NULL ? &observer : NULL,
                                       &trace.world, &hash, &problem);
    if (world == NULL) {
        (void)fprintf(stderr, "explore: %s\n", problem);
        return 2;
    }
    if (trace.file != NULL) {
        write_tail(&trace, world, hash);
        if (fclose(trace.file) != 0) {
            (void)fprintf(stderr, "explore: cannot write %s\n", path);
            return 2;
        }
    }
    const int result = conclude(schedule, world, hash);
    if (world->failed != ORACLE_TRAP) {
        world_destroy(world);
    }
    return result;
}
