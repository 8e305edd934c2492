/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const *const lists[] = {ensure_scenarios, mapper_scenarios,
                                           page_scenarios, space_scenarios};
enum { LISTS = sizeof(lists) / sizeof(lists[0]) };

/* The text of scenario `index`, NULL past the last one; *count is how many there are up
 * to there. */
static const char *text_of(unsigned index, unsigned *count)
{
    *count = 0;
    for (unsigned list = 0; list < LISTS; list++) {
        for (unsigned i = 0; lists[list][i] != NULL; i++) {
            if ((*count)++ == index) {
                return lists[list][i];
            }
        }
    }
    return NULL;
}

unsigned scenario_count(void)
{
    unsigned count;
    (void)text_of(UINT_MAX, &count);
    return count;
}

void scenario_read(unsigned index, unsigned threads, struct program *program)
{
    int thread = -1;
    unsigned count;
    const char *problem;
    program_init(program, "");
    for (const char *line = text_of(index, &count); *line != '\0';) {
        char copy[128];
        const size_t length = strcspn(line, "\n");
        (void)snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
        if (!program_read_line(program, &thread, copy, &problem)) {
            (void)fprintf(stderr, "scenario %s: %s: %s\n", program->name, copy,
                          problem);
            abort();
        }
        line += length + (line[length] != '\0');
    }
    if (threads != 0 && threads < program->threads) {
        program->threads = (uint8_t)threads;
    }
    problem = program_check(program);
    if (problem != NULL) {
        (void)fprintf(stderr, "scenario %s: %s\n", program->name, problem);
        abort();
    }
}

int scenario_find(const char *name)
{
    struct program program;
    for (unsigned i = 0; i < scenario_count(); i++) {
        scenario_read(i, 0, &program);
        if (strcmp(program.name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
