/* SPDX-License-Identifier: MIT */
/* Splits a call into its name, its arguments and its result. */
#include "stress/history_syntax.h"

#include <string.h>

static const char *skip_string(const char *at, const char *end)
{
    at++;
    while (at < end && *at != '"') {
        at += *at == '\\' && at + 1 < end ? 2 : 1;
    }
    return at < end ? at + 1 : NULL;
}

/* The path that strace -y puts behind a descriptor may hold anything, brackets and
 * commas too: it ends with a '>' that something a list goes on with follows. */
static const char *skip_decoration(const char *at, const char *end)
{
    for (const char *close = at + 1; close < end; close++) {
        if (*close == '>' && (close + 1 == end || strchr(",) ]}(", close[1]) != NULL)) {
            return close + 1;
        }
    }
    return NULL;
}

static bool is_decoration(const char *at, const char *start, const char *end)
{
    return *at == '<' && at > start &&
           ((at[-1] >= '0' && at[-1] <= '9') || at[-1] == 'D') && at + 1 < end &&
           at[1] != '<';
}

/* Steps over what brackets and commas do not count in; NULL when it does not end. */
static const char *skip_opaque(const char *at, const char *start, const char *end)
{
    const struct history_text rest = {at, end};
    if (*at == '"') {
        return skip_string(at, end);
    }
    if (*at == '/' && at + 1 < end && at[1] == '*') {
        const char *close = history_find(rest, "*/");
        return close == NULL ? NULL : close + 2;
    }
    if (is_decoration(at, start, end)) {
        return skip_decoration(at, end);
    }
    return at + 1;
}

static void add_argument(struct history_call *call, const char *from, const char *to)
{
    const struct history_text text = history_trim((struct history_text){from, to});
    if (call->count < HISTORY_MAX_ARGUMENTS) {
        call->arguments[call->count] = text;
    }
    call->count++;
}

/* From behind the opening bracket to behind its closing one, or NULL. */
static const char *split_arguments(const char *start, const char *end,
                                   struct history_call *call)
{
    unsigned depth = 0;
    const char *from = start;
    for (const char *at = start; at != NULL && at < end;) {
        const char c = *at;
        if (c == ')' && depth == 0) {
            if (history_text_bytes(history_trim((struct history_text){from, at})) > 0 ||
                call->count > 0) {
                add_argument(call, from, at);
            }
            return at + 1;
        }
        if (c == ',' && depth == 0) {
            add_argument(call, from, at);
            from = at + 1;
        }
        if (strchr("([{", c) != NULL && c != '\0') {
            depth++;
        } else if (strchr(")]}", c) != NULL && c != '\0' && depth > 0) {
            depth--;
        }
        at = skip_opaque(at, start, end);
    }
    return NULL;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

const char *history_split_call(struct history_text line, struct history_call *call)
{
    memset(call, 0, sizeof(*call));
    line = history_trim(line);
    const char *at = line.at;
    while (at < line.end && name_char(*at)) {
        at++;
    }
    if (at == line.at || at == line.end || *at != '(') {
        return "not a call";
    }
    call->name = (struct history_text){line.at, at};
    at = split_arguments(at + 1, line.end, call);
    if (at == NULL) {
        return "the argument list does not end";
    }
    struct history_text rest = history_trim((struct history_text){at, line.end});
    if (!history_skip(&rest, "=")) {
        return "no result";
    }
    call->result = history_trim(rest);
    return NULL;
}

/* What may follow a result: "(text)", "<duration>", a comment, the result's path. */
static bool is_remark(struct history_text text)
{
    text = history_trim(text);
    return text.at == text.end || *text.at == '(' || *text.at == '<' ||
           (*text.at == '/' && text.at + 1 < text.end && text.at[1] == '*');
}

static struct history_text first_word(struct history_text text)
{
    struct history_text word = {text.at, text.at};
    while (word.end < text.end && strchr(" \t(<", *word.end) == NULL) {
        word.end++;
    }
    return word;
}

static const char *read_failure(struct history_text text, struct history_result *result)
{
    const struct history_text name = first_word(text);
    if (history_text_bytes(name) < 2 || *name.at != 'E') {
        return "a failure without the error's name";
    }
    result->failed = true;
    result->no_memory = history_text_is(name, "ENOMEM");
    return is_remark((struct history_text){name.end, text.end}) ? NULL
                                                                : "rubbish behind it";
}

/* A process of another PID namespace has its number in strace's own in a comment. */
static void use_own_namespace(struct history_text rest, struct history_result *result)
{
    uint64_t value;
    if (history_skip(&rest, "/* ") && history_take_decimal(&rest, &value) &&
        history_skip(&rest, " in strace's PID NS")) {
        result->value = value;
    }
}

const char *history_read_result(struct history_text text, struct history_result *result)
{
    *result = (struct history_result){.known = true};
    text = history_trim(text);
    struct history_text rest = text;
    if (history_skip(&rest, "?")) {
        /* "?" or "? ERESTARTSYS (...)" */
        result->known = false;
        return NULL;
    }
    if (history_skip(&rest, "-1 ")) {
        return read_failure(history_trim(rest), result);
    }
    const struct history_text word = first_word(text);
    if (!history_number(word, &result->value)) {
        return "the result is not a number";
    }
    rest = history_trim((struct history_text){word.end, text.end});
    if (!is_remark(rest)) {
        return "rubbish behind the result";
    }
    use_own_namespace(rest, result);
    return NULL;
}
