/* SPDX-License-Identifier: MIT */
#include "stress/explore/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 512, CHOICES_A_LINE = 12 };

static const char magic[] = "mmapper-schedule 1";
static const char blanks[] = " \t\r\n";

static bool is_magic(const char *line)
{
    const size_t length = sizeof(magic) - 1;
    return strncmp(line, magic, length) == 0 && strcspn(line, "\r\n") == length;
}

static enum oracle find_oracle(const char *name)
{
    for (int i = 0; i < ORACLE_COUNT; i++) {
        if (strcmp(oracle_name((enum oracle)i), name) == 0) {
            return (enum oracle)i;
        }
    }
    return ORACLE_COUNT;
}

/* A choice is written POINT:LETTERVALUE. */
static const struct choice_form {
    char letter;
    uint8_t kind;
    uint8_t limit; /* of the value */
} choice_forms[] = {
    {'t', SIM_CHOOSE_THREAD, SIM_MAX_THREADS - 1},
    {'v', SIM_CHOOSE_VALUE, UINT8_MAX},
    {'f', SIM_CHOOSE_FAULT, UINT8_MAX},
    {'z', CHOICE_FREEZE, (1 << SIM_MAX_THREADS) - 1},
};
enum { CHOICE_FORMS = sizeof(choice_forms) / sizeof(*choice_forms) };

static char letter_of(unsigned kind)
{
    unsigned i = 0;
    while (i + 1 < CHOICE_FORMS && choice_forms[i].kind != kind) {
        i++;
    }
    return choice_forms[i].letter;
}

static const struct choice_form *find_form(char letter)
{
    for (unsigned i = 0; i < CHOICE_FORMS; i++) {
        if (choice_forms[i].letter == letter) {
            return &choice_forms[i];
        }
    }
    return NULL;
}

/* Digits alone, of which there are few enough; *text is behind them then. */
static bool read_number(const char **text, int base, uint64_t limit, uint64_t *value)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const size_t length = strspn(*text, base == 10 ? "0123456789" : digits);
    *value = strtoull(*text, NULL, base);
    *text += length;
    return length > 0 && length <= 16 && *value <= limit;
}

static bool read_choice(const char **text, struct choice *choice)
{
    uint64_t point;
    uint64_t value;
    if (!read_number(text, 10, UINT32_MAX, &point) || **text != ':') {
        return false;
    }
    const struct choice_form *form = find_form(*++*text);
    if (form == NULL) {
        return false;
    }
    ++*text;
    *choice = (struct choice){.point = (uint32_t)point, .kind = form->kind};
    const bool good = read_number(text, 10, form->limit, &value);
    choice->value = (uint8_t)value;
    return good;
}

/* There is one choice at a point, but that a freeze may choose who goes on then. */
static bool may_follow(const struct choice *last, const struct choice *next)
{
    return last->point < next->point ||
           (last->point == next->point && last->kind == CHOICE_FREEZE &&
            next->kind == SIM_CHOOSE_THREAD);
}

static bool read_choices(const char *text, struct choices *choices,
                         const char **problem)
{
    for (;;) {
        text += strspn(text, blanks);
        if (*text == '\0') {
            return true;
        }
        struct choice *choice = &choices->items[choices->count];
        *problem = "too many choices";
        if (choices->count == MAX_CHOICES) {
            return false;
        }
        *problem = "a choice is POINT:tTHREAD, :vOLDER, :fFAULT or :zTHREADS";
        if (!read_choice(&text, choice) || strcspn(text, blanks) != 0) {
            return false;
        }
        *problem = "the choices are not in the order of their points";
        if (choices->count > 0 && !may_follow(choice - 1, choice)) {
            return false;
        }
        choices->count++;
    }
}

static bool read_hash(const char *text, uint64_t *hash)
{
    return read_number(&text, 16, UINT64_MAX, hash) &&
           text[strspn(text, blanks)] == '\0';
}

static bool read_line(struct schedule *schedule, int *thread, const char *line,
                      const char **problem)
{
    char word[32] = "";
    char more;
    if (strncmp(line, "choices ", 8) == 0) {
        return read_choices(line + 8, &schedule->choices, problem);
    }
    if (strncmp(line, "story ", 6) == 0) {
        (void)snprintf(schedule->story, sizeof(schedule->story), "%.*s",
                       (int)strcspn(line + 6, "\r\n"), line + 6);
        return true;
    }
    if (sscanf(line, "expect %31s %c", word, &more) == 1) {
        schedule->expected = find_oracle(word);
        *problem = "no such oracle";
        return schedule->expected != ORACLE_COUNT;
    }
    if (sscanf(line, "memory %31s %c", word, &more) == 1) {
        schedule->weak = strcmp(word, "weak") == 0;
        *problem = "memory is weak or strong";
        return schedule->weak || strcmp(word, "strong") == 0;
    }
    if (strncmp(line, "hash ", 5) == 0) {
        *problem = "a hash is up to 16 hexadecimal digits";
        return read_hash(line + 5, &schedule->hash);
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
    *problem = "its first line is not `mmapper-schedule 1`";
    while (fgets(text, sizeof(text), file) != NULL) {
        ++*line;
        if (strlen(text) == sizeof(text) - 1) {
            *problem = "the line is too long";
            good = false;
        } else if (*line == 1) {
            good = is_magic(text);
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
        (void)fprintf(file, "%s %u:%c%u%s", i % CHOICES_A_LINE == 0 ? "choices" : "",
                      item->point, letter_of(item->kind), item->value,
                      i % CHOICES_A_LINE == CHOICES_A_LINE - 1 ||
                              i + 1 == schedule->choices.count
                          ? "\n"
                          : "");
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
