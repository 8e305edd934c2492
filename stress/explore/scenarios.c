/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(unsigned index)
{
    for (unsigned i = 0; mapper_scenarios[i] != NULL; i++) {
        if (index-- == 0) {
            return mapper_scenarios[i];
        }
    }
    return space_scenarios[index];
}

unsigned scenario_count(void)
{
    unsigned count = 0;
    for (unsigned i = 0; mapper_scenarios[i] != NULL; i++) {
        count++;
    }
    for (unsigned i = 0; space_scenarios[i] != NULL; i++) {
        count++;
    }
    return count;
}

void scenario_read(unsigned index, unsigned threads, struct program *program)
{
    int thread = -1;
    const char *problem;
    program_init(program, "");
    for (const char *line = text_of(index); *line != '\0';) {
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
