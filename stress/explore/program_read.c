/* SPDX-License-Identifier: MIT */
/* Programs from text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/explore/program_forms.h"

enum { MAX_WORDS = 6, WORD_BYTES = 24 };

struct words {
    unsigned count;
    char text[MAX_WORDS][WORD_BYTES];
};

static bool split(const char *line, struct words *words)
{
    words->count = 0;
    for (;;) {
        line += strspn(line, " \t\r\n");
        const size_t length = strcspn(line, " \t\r\n");
        if (length == 0) {
            return words->count > 0;
        }
        if (words->count == MAX_WORDS || length >= WORD_BYTES) {
            return false;
        }
        memcpy(words->text[words->count], line, length);
        words->text[words->count++][length] = '\0';
        line += length;
    }
}

/* Digits alone: strtoul would take signs. */
static bool number(const char *text, unsigned limit, unsigned *value)
{
    const size_t digits = strspn(text, "0123456789");
    const unsigned long parsed = strtoul(text, NULL, 10);
    *value = (unsigned)parsed;
    return digits > 0 && text[digits] == '\0' && parsed <= limit;
}

static int find(const char *const *names, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* *who is NULL for an owner, otherwise the text. */
static void read_who(const char *text, struct op *op, const char **who)
{
    char name[WORD_BYTES];
    (void)snprintf(name, sizeof(name), "%s", text);
    char *at = strchr(name, '@');
    const bool second = at != NULL && strcmp(at, "@1") == 0;
    if (second) {
        *at = '\0';
    }
    const int owner = find(program_owner_names, OWNER_COUNT, name);
    *who = owner >= 0 ? NULL : text;
    op->owner = owner >= 0 ? (uint8_t)owner : 0;
    op->mapper = second;
}

static bool read_argument(char form, const char *text, struct op *op)
{
    unsigned value;
    int index;
    switch (form) {
    case 'o':
        index = find(program_owner_names, OWNER_COUNT, text);
        break;
    case 'p':
        index = find(program_protections, 8, text);
        break;
    default:
        index = number(text, 255, &value) ? (int)value : -1;
        break;
    }
    op->arg = (uint8_t)(index >= 0 ? index : 0);
    return index >= 0;
}

/* words[from] is WHO. */
static bool read_op(const struct words *words, unsigned from, struct op *op)
{
    const char *who;
    memset(op, 0, sizeof(*op));
    if (words->count < from + 2) {
        return false;
    }
    read_who(words->text[from], op, &who);
    unsigned kind = OP_NONE + 1;
    for (; kind < OP_KIND_COUNT; kind++) {
        const bool same_who = who == NULL ? op_forms[kind].who == NULL
                                          : op_forms[kind].who != NULL &&
                                                strcmp(op_forms[kind].who, who) == 0;
        if (same_who && strcmp(op_forms[kind].what, words->text[from + 1]) == 0) {
            break;
        }
    }
    if (kind == OP_KIND_COUNT) {
        return false;
    }
    op->kind = (uint8_t)kind;
    unsigned at = from + 2;
    unsigned value;
    const unsigned wanted = (unsigned)op_forms[kind].first +
                            (unsigned)op_forms[kind].count +
                            (op_forms[kind].arg != 0 ? 1U : 0U);
    if (words->count != at + wanted) {
        return false;
    }
    if (op_forms[kind].first) {
        if (!number(words->text[at++], 255, &value)) {
            return false;
        }
        op->first = (uint8_t)value;
    }
    if (op_forms[kind].count) {
        if (!number(words->text[at++], 255, &value)) {
            return false;
        }
        op->count = (uint8_t)value;
    }
    return op_forms[kind].arg == 0 ||
           read_argument(op_forms[kind].arg, words->text[at], op);
}

static bool read_setting(struct program *program, const struct words *words)
{
    const char *name = words->text[0];
    unsigned value = 0;
    if (strcmp(name, "records") == 0 && words->count == 1) {
        program->records = true;
    } else if (strcmp(name, "old-kernel") == 0 && words->count == 1) {
        program->old_kernel = true;
    } else if (strcmp(name, "with") == 0 && words->count == 2) {
        const int space = find(program_spaces, PROGRAM_SPACES, words->text[1]);
        program->spaces |= (uint8_t)(space >= 0 ? 1U << (unsigned)space : 0);
        return space >= 0;
    } else if (strcmp(name, "mappers") == 0 && words->count == 2 &&
               number(words->text[1], 2, &value)) {
        program->mappers = (uint8_t)value;
    } else if (strcmp(name, "ahead") == 0 && words->count == 2 &&
               number(words->text[1], PROGRAM_CHUNKS, &value)) {
        program->ahead = (uint8_t)value;
    } else if (strcmp(name, "faults") == 0 && words->count == 2 &&
               number(words->text[1], 8, &value)) {
        program->faults = (uint8_t)value;
    } else if (strcmp(name, "max-map-count") == 0 && words->count == 2 &&
               number(words->text[1], 60000, &value)) {
        program->max_map_count = (uint16_t)value;
    } else if (strcmp(name, "chunks") == 0 && words->count == 4 &&
               strcmp(words->text[2], "region") == 0 &&
               number(words->text[1], PROGRAM_CHUNKS, &value)) {
        program->chunks = (uint8_t)value;
        const bool good = number(words->text[3], 8, &value) &&
                          (value == 2 || value == 4 || value == 8);
        program->log_region = (uint8_t)(value == 2 ? 1 : value == 4 ? 2 : 3);
        return good;
    } else {
        return false;
    }
    return true;
}

static const char *add_operation(struct program *program, int thread,
                                 const struct words *words, bool setup)
{
    struct op op;
    if (!read_op(words, setup ? 1 : 0, &op)) {
        return "no such operation, or other numbers than it has";
    }
    if (setup) {
        if (program->setup_count == PROGRAM_SETUP) {
            return "too many setup operations";
        }
        program->setup[program->setup_count++] = op;
        return NULL;
    }
    if (thread < 0) {
        return "an operation before the first `thread`";
    }
    if (program->counts[thread] == PROGRAM_OPS) {
        return "too many operations in one thread";
    }
    program->ops[thread][program->counts[thread]++] = op;
    return NULL;
}

bool program_read_line(struct program *program, int *thread, const char *line,
                       const char **problem)
{
    struct words words;
    unsigned value;
    *problem = NULL;
    if (line[strspn(line, " \t\r\n")] == '\0' || line[0] == '#') {
        return true;
    }
    if (strncmp(line, "program ", 8) == 0) {
        const size_t length = strcspn(line + 8, "\r\n");
        (void)snprintf(program->name, sizeof(program->name), "%.*s", (int)length,
                       line + 8);
        *problem = length < sizeof(program->name) ? NULL : "the name is too long";
        return *problem == NULL;
    }
    if (!split(line, &words)) {
        *problem = "too many or too long words";
    } else if (strcmp(words.text[0], "thread") == 0) {
        if (words.count == 2 && number(words.text[1], PROGRAM_THREADS - 1, &value)) {
            *thread = (int)value;
            program->threads =
                (uint8_t)(value + 1 > program->threads ? value + 1 : program->threads);
        } else {
            *problem = "no such thread";
        }
    } else if (strcmp(words.text[0], "setup") == 0) {
        *problem = add_operation(program, *thread, &words, true);
    } else if (!read_setting(program, &words)) {
        *problem = add_operation(program, *thread, &words, false);
    }
    return *problem == NULL;
}
