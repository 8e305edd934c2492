/* SPDX-License-Identifier: MIT */
#include "stress/explore/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, CHOICES_A_LINE = 12 };

static const char magic[] = "mmapper-schedule 1";

static enum oracle find_oracle(const char *name)
{
    for (int i = 0; i < ORACLE_COUNT; i++) {
        if (strcmp(oracle_name((enum oracle)i), name) == 0) {
            return (enum oracle)i;
        }
    }
    return ORACLE_COUNT;
}

/* `POINT:tVALUE` and its kin, several in a line. */
static bool read_choices(const char *text, struct choices *choices)
{
    unsigned point;
    unsigned value;
    char kind;
    int length;
    while (sscanf(text, " %u:%c%u%n", &point, &kind, &value, &length) == 3) {
        const char *kinds = "tvf";
        const char *found = strchr(kinds, kind);
        if ((found == NULL && kind != 'z') || choices->count == MAX_CHOICES ||
            value > 255) {
            return false;
        }
        choices->items[choices->count++] = (struct choice){
            point, (uint8_t)(found != NULL ? found - kinds : CHOICE_FREEZE),
            (uint8_t)value};
        text += length;
    }
    return text[strspn(text, " \r\n")] == '\0';
}

static bool read_line(struct schedule *schedule, int *thread, const char *line,
                      const char **problem)
{
    char word[32] = "";
    if (strncmp(line, "choices ", 8) == 0) {
        *problem = "a choice is POINT:tTHREAD, :vOLDER, :fFAULT or :zTHREADS";
        return read_choices(line + 8, &schedule->choices);
    }
    if (strncmp(line, "story ", 6) == 0) {
        (void)snprintf(schedule->story, sizeof(schedule->story), "%.*s",
                       (int)strcspn(line + 6, "\r\n"), line + 6);
        return true;
    }
    if (sscanf(line, "expect %31s", word) == 1) {
        schedule->expected = find_oracle(word);
        *problem = "no such oracle";
        return schedule->expected != ORACLE_COUNT;
    }
    if (sscanf(line, "memory %31s", word) == 1) {
        schedule->weak = strcmp(word, "weak") == 0;
        *problem = "memory is weak or strong";
        return schedule->weak || strcmp(word, "strong") == 0;
    }
    if (sscanf(line, "hash %" SCNx64, &schedule->hash) == 1) {
        return true;
    }
    return program_read_line(&schedule->program, thread, line, problem);
}

bool schedule_load(const char *path, struct schedule *schedule, const char **problem,
                   unsigned *line)
{
    char text[LINE_BYTES];
    int thread = -1;
    FILE *file = fopen(path, "r");
    *line = 0;
    *problem = "it cannot be opened";
    if (file == NULL) {
        return false;
    }
    memset(schedule, 0, sizeof(*schedule));
    program_init(&schedule->program, "");
    bool good = false;
    while (fgets(text, sizeof(text), file) != NULL) {
        ++*line;
        if (*line == 1) {
            *problem = "its first line is not `mmapper-schedule 1`";
            good = strncmp(text, magic, sizeof(magic) - 1) == 0;
        } else {
            good = read_line(schedule, &thread, text, problem);
        }
        if (!good) {
            break;
        }
    }
    (void)fclose(file);
    if (good) {
        *problem = program_check(&schedule->program);
        good = *problem == NULL;
    }
    return good;
}

void schedule_write(FILE *file, const struct schedule *schedule)
{
    char text[4096];
    (void)program_print(&schedule->program, text, sizeof(text));
    (void)fprintf(file, "%s\n", magic);
    if (schedule->story[0] != '\0') {
        (void)fprintf(file, "story %s\n", schedule->story);
    }
    (void)fprintf(file, "%smemory %s\n", text, schedule->weak ? "weak" : "strong");
    for (unsigned i = 0; i < schedule->choices.count; i++) {
        const struct choice *item = &schedule->choices.items[i];
        (void)fprintf(
            file, "%s %u:%c%u%s", i % CHOICES_A_LINE == 0 ? "choices" : "", item->point,
            item->kind == CHOICE_FREEZE ? 'z' : "tvf"[item->kind % 3], item -> value,
            i % CHOICES_A_LINE == CHOICES_A_LINE - 1 ||
                i + 1 == schedule -> choices.count ? "\n" : "");
    }
    (void)fprintf(file, "expect %s\nhash %016" PRIx64 "\n",
                  oracle_name(schedule->expected), schedule->hash);
}

bool schedule_save(const char *path, const struct schedule *schedule)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    schedule_write(file, schedule);
    return fclose(file) == 0;
}

struct world *schedule_run(struct schedule *schedule,
                           const struct sim_observer *observer, struct world **made,
                           uint64_t *hash, const char **problem)
{
    struct world *world = world_create(&schedule->program, problem);
    if (world == NULL) {
        return NULL;
    }
    if (made != NULL) {
        *made = world;
    }
    struct explorer *explorer = malloc(sizeof(*explorer));
    if (explorer == NULL) {
        abort();
    }
    explorer_init(explorer, world, STRATEGY_REPLAY, 0);
    explorer->weak = schedule->weak;
    explorer->recorded = &schedule->choices;
    if (observer != NULL) {
        explorer->observer.event = observer->event;
        explorer->observer.event_context = observer->event_context;
    }
    (void)explorer_run_guarded(explorer);
    *hash = explorer->last.hash;
    explorer_free(explorer);
    free(explorer);
    return world;
}
