/* SPDX-License-Identifier: MIT */
#include "stress/history_print.h"

#include <inttypes.h>

enum { NAME_BYTES = 48 };

struct totals {
    uint64_t processes, threads, spaces, peak_pieces, peak_bytes, final_bytes;
    uint64_t origins[HISTORY_ORIGIN_ANONYMOUS + 1];
    uint64_t overwrites[HISTORY_OVERWRITE_KIND_COUNT];
};

static struct totals sum_up(const struct history_model *model)
{
    struct totals totals = {0};
    for (size_t i = 0; i < model->task_count; i++) {
        totals.processes += model->tasks[i].process == i ? 1 : 0;
        totals.threads++;
    }
    for (size_t i = 0; i < model->space_count; i++) {
        const struct history_space *space = &model->spaces[i];
        totals.spaces += space->peak_pieces > 0 ? 1 : 0;
        totals.final_bytes += space->map.bytes;
        if (space->peak_pieces > totals.peak_pieces) {
            totals.peak_pieces = space->peak_pieces;
        }
        if (space->peak_bytes > totals.peak_bytes) {
            totals.peak_bytes = space->peak_bytes;
        }
    }
    for (size_t i = 0; i < model->origin_count; i++) {
        totals.origins[model->origins[i].kind]++;
    }
    for (size_t i = 0; i < model->overwrite_count; i++) {
        totals.overwrites[model->overwrites[i].kind]++;
    }
    return totals;
}

static void print_lines(const struct history *history)
{
    const struct history_lines *lines = &history->lines;
    (void)printf("  lines       %" PRIu64 ": %" PRIu64
                 " calls and ends of threads, %" PRIu64 " beginnings, %" PRIu64
                 " signals, %" PRIu64 " notes, %" PRIu64 " blank, %" PRIu64
                 " UNREADABLE\n",
                 lines->total, lines->events, lines->begun, lines->signals,
                 lines->notes, lines->blank, lines->unreadable);
    (void)printf("  calls      ");
    for (unsigned i = 0; i < HISTORY_KIND_COUNT; i++) {
        if (history->kinds[i] > 0) {
            (void)printf(" %s %" PRIu64, history_kind_name(i), history->kinds[i]);
        }
    }
    (void)printf("; %" PRIu64 " refused by the kernel, %" PRIu64 " without an end\n",
                 history->failed, history->unfinished);
    const uint64_t kept =
        lines->unreadable < HISTORY_KEPT_LINES ? lines->unreadable : HISTORY_KEPT_LINES;
    for (uint64_t i = 0; i < kept; i++) {
        (void)printf("    line %" PRIu64 ": %s: %s\n", history->kept[i].line,
                     history->kept[i].reason, history->kept[i].text);
    }
    if (kept < lines->unreadable) {
        (void)printf("    ... and %" PRIu64 " more\n", lines->unreadable - kept);
    }
}

static void print_oddities(const struct history_model *model)
{
    const uint64_t kept = model->oddity_count < HISTORY_KEPT_ODDITIES
                              ? model->oddity_count
                              : HISTORY_KEPT_ODDITIES;
    if (model->history->kinds[HISTORY_UNTOLD] > 0) {
        (void)printf("  untold      %" PRIu64
                     " calls change mappings in a way that their line does not tell\n",
                     model->history->kinds[HISTORY_UNTOLD]);
    }
    if (model->oddity_count > 0) {
        (void)printf("  odd         %" PRIu64 " calls do not fit what came before\n",
                     model->oddity_count);
    }
    for (uint64_t i = 0; i < kept; i++) {
        (void)printf("    line %" PRIu64 ": %s\n", model->oddities[i].line,
                     model->oddities[i].reason);
    }
}

static void print_overwrite(const struct history_model *model,
                            const struct history_overwrite *overwrite)
{
    char now[NAME_BYTES];
    char held[NAME_BYTES];
    history_origin_name(model, overwrite->origin, now, sizeof(now));
    history_origin_name(model, overwrite->held, held, sizeof(held));
    (void)printf("    line %-7" PRIu64 " %-7" PRIu32 " %-11s 0x%012" PRIx64
                 "-0x%012" PRIx64 " %9" PRIu64 " KiB of %s%s%s, now of %s\n",
                 overwrite->line, model->tasks[overwrite->task].pid,
                 history_overwrite_name(overwrite->kind), overwrite->start,
                 overwrite->end, (overwrite->end - overwrite->start) / 1024, held,
                 overwrite->accessible ? "" : " (only reserved)",
                 overwrite->holder_gone ? " (ended)" : "", now);
}

void history_print(const char *name, const struct history_model *model, size_t rows)
{
    const struct totals totals = sum_up(model);
    (void)printf("%s\n", name);
    print_lines(model->history);
    (void)printf("  who         %" PRIu64 " processes, %" PRIu64 " threads, %" PRIu64
                 " address spaces with mappings; pages of %" PRIu64 " bytes\n",
                 totals.processes, totals.threads, totals.spaces,
                 model->history->page_bytes);
    (void)printf(
        "  origins     %zu: %" PRIu64 " program images, %" PRIu64 " files, %" PRIu64
        " stacks, %" PRIu64 " heaps, %" PRIu64 " threads' anonymous memory\n",
        model->origin_count, totals.origins[HISTORY_ORIGIN_IMAGE],
        totals.origins[HISTORY_ORIGIN_FILE], totals.origins[HISTORY_ORIGIN_STACK],
        totals.origins[HISTORY_ORIGIN_HEAP], totals.origins[HISTORY_ORIGIN_ANONYMOUS]);
    (void)printf("  mappings    at most %" PRIu64 " ranges and %.1f MiB in one address "
                 "space; at the ends %.1f MiB in all\n",
                 totals.peak_pieces, (double)totals.peak_bytes / (1024 * 1024),
                 (double)totals.final_bytes / (1024 * 1024));
    (void)printf("  order       %" PRIu64
                 " calls taken before their result's line, %" PRIu64
                 " ranges known from calls that need them\n",
                 model->reordered, model->inferred);
    print_oddities(model);
    (void)printf("  overwritten %zu ranges of another origin: %" PRIu64
                 " mapped over, %" PRIu64 " moved over, %" PRIu64
                 " unmapped by another thread\n",
                 model->overwrite_count, totals.overwrites[HISTORY_OVERWRITE_MAPPED],
                 totals.overwrites[HISTORY_OVERWRITE_MOVED],
                 totals.overwrites[HISTORY_OVERWRITE_UNMAPPED]);
    for (size_t i = 0; i < model->overwrite_count && i < rows; i++) {
        print_overwrite(model, &model->overwrites[i]);
    }
    if (model->overwrite_count > rows) {
        (void)printf("    ... and %zu more\n", model->overwrite_count - rows);
    }
}

void history_print_replays(const char *what, const struct history_plan *plan,
                           const struct history_replays *replays)
{
    const struct history_replay_result *sum = &replays->sum;
    (void)printf("  %-11s %s: %" PRIu64 " rounds, %" PRIu64 " threads, %" PRIu64
                 " steps, %.0f steps/s, %" PRIu64 " OS calls\n",
                 what,
                 sum->violations > 0 ? "VIOLATION"
                 : sum->environment  ? "NOT FINISHED"
                                     : "equal",
                 replays->rounds, sum->threads, sum->steps,
                 sum->seconds > 0 ? (double)sum->steps / sum->seconds : 0,
                 sum->os_calls);
    (void)printf("              %" PRIu64 " address spaces compared, %" PRIu64
                 " runs; %" PRIu64 " overwritings refused by name; %" PRIu64
                 " busy, %" PRIu64 " races lost, %" PRIu64 " left readable%s%s\n",
                 sum->spaces, sum->runs, sum->refused, sum->busy, sum->races_lost,
                 sum->accessible, plan->squeezed ? "; long stretches cut short" : "",
                 plan->shared_slots ? "; origins share owners in turn" : "");
}

static void json_string(FILE *file, const char *text)
{
    (void)fputc('"', file);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            (void)fprintf(file, "\\%c", c);
        } else if (c < 0x20 || c > 0x7e) {
            (void)fprintf(file, "\\u%04x", c);
        } else {
            (void)fputc(c, file);
        }
    }
    (void)fputc('"', file);
}

static void json_overwrites(FILE *file, const struct history_model *model)
{
    (void)fprintf(file, ", \"overwrites\": [");
    for (size_t i = 0; i < model->overwrite_count; i++) {
        const struct history_overwrite *overwrite = &model->overwrites[i];
        char name[NAME_BYTES];
        (void)fprintf(file,
                      "%s{\"line\": %" PRIu64 ", \"pid\": %" PRIu32
                      ", \"how\": \"%s\", \"start\": \"0x%" PRIx64
                      "\", \"bytes\": %" PRIu64 ", \"accessible\": %s, \"held\": ",
                      i == 0 ? "" : ", ", overwrite->line,
                      model->tasks[overwrite->task].pid,
                      history_overwrite_name(overwrite->kind), overwrite->start,
                      overwrite->end - overwrite->start,
                      overwrite->accessible ? "true" : "false");
        history_origin_name(model, overwrite->held, name, sizeof(name));
        json_string(file, name);
        (void)fprintf(file, ", \"now\": ");
        history_origin_name(model, overwrite->origin, name, sizeof(name));
        json_string(file, name);
        (void)fputc('}', file);
    }
    (void)fputc(']', file);
}

static void json_replays(FILE *file, const char *name,
                         const struct history_replays *replays)
{
    const struct history_replay_result *sum = &replays->sum;
    (void)fprintf(file,
                  ", \"%s\": {\"rounds\": %" PRIu64 ", \"threads\": %" PRIu64
                  ", \"steps\": %" PRIu64 ", \"seconds\": %.6f, \"runs\": %" PRIu64
                  ", \"refused\": %" PRIu64 ", \"busy\": %" PRIu64
                  ", \"violations\": %" PRIu64 "}",
                  name, replays->rounds, sum->threads, sum->steps, sum->seconds,
                  sum->runs, sum->refused, sum->busy, sum->violations);
}

void history_json(FILE *file, const char *name, const struct history_model *model,
                  const struct history_replays *alone,
                  const struct history_replays *threads)
{
    const struct totals totals = sum_up(model);
    (void)fprintf(file, "{\"name\": ");
    json_string(file, name);
    (void)fprintf(file,
                  ", \"lines\": %" PRIu64 ", \"unreadable\": %" PRIu64
                  ", \"processes\": %" PRIu64 ", \"threads\": %" PRIu64
                  ", \"origins\": %zu, \"peak_ranges\": %" PRIu64
                  ", \"peak_bytes\": %" PRIu64 ", \"odd\": %" PRIu64,
                  model->history->lines.total, model->history->lines.unreadable,
                  totals.processes, totals.threads, model->origin_count,
                  totals.peak_pieces, totals.peak_bytes, model->oddity_count);
    json_replays(file, "alone", alone);
    json_replays(file, "as_many_threads", threads);
    json_overwrites(file, model);
    (void)fputc('}', file);
}
