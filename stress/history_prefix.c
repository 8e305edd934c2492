/* SPDX-License-Identifier: MIT */
#include "stress/history_prefix.h"

#include <string.h>

/* Steps over "<name>" right here: strace -Y adds a command's name to its number. */
static void skip_command(struct history_text *text)
{
    const char *close = history_find(*text, ">");
    if (text->at < text->end && *text->at == '<' && close != NULL) {
        text->at = close + 1;
    }
}

/* "1234 " or "[pid  1234] ". True when there is a number; *good tells whether it fits.
 */
static bool take_pid(struct history_text *text, uint32_t *pid, bool *good)
{
    struct history_text rest = *text;
    uint64_t number;
    const bool bracket = history_skip(&rest, "[pid ");
    rest = history_trim(rest);
    *good = true;
    if (!history_take_decimal(&rest, &number)) {
        return false;
    }
    skip_command(&rest);
    if (bracket ? !history_skip(&rest, "]")
                : rest.at < rest.end && !history_skip(&rest, " ")) {
        return false;
    }
    *good = number <= INT32_MAX;
    *pid = (uint32_t)number;
    *text = history_trim(rest);
    return true;
}

/* "12:34:56", "12:34:56.789", "1700000000.123", "0.000123", then a blank. */
static bool skip_stamp(struct history_text *text)
{
    const char *at = text->at;
    bool punctuation = false;
    while (at < text->end && ((*at >= '0' && *at <= '9') || *at == ':' || *at == '.')) {
        punctuation = punctuation || *at == ':' || *at == '.';
        at++;
    }
    if (!punctuation || at == text->end || *at != ' ') {
        return false;
    }
    text->at = at;
    *text = history_trim(*text);
    return true;
}

/* "(+     0.000123)" or "[00007f12]", "[   9]". */
static bool skip_bracket(struct history_text *text)
{
    struct history_text rest = *text;
    const char *close = NULL;
    if (history_skip(&rest, "(+")) {
        close = history_find(rest, ")");
    } else if (history_skip(&rest, "[")) {
        close = history_find(rest, "]");
    }
    if (close == NULL) {
        return false;
    }
    text->at = close + 1;
    *text = history_trim(*text);
    return true;
}

static bool path_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("_./-", c) != NULL;
}

const char *history_find_note(struct history_text text)
{
    const char *name = history_find(text, "strace: Process ");
    if (name == NULL) {
        name = history_find(text, "strace: [ Process ");
    }
    if (name == NULL) {
        return NULL;
    }
    /* strace calls itself what it was called by: a name or an absolute path, which may
     * stand right behind a word. */
    const char *start = name;
    while (start > text.at && path_char(start[-1])) {
        start--;
    }
    while (start < name && *start != '/') {
        start++;
    }
    return start;
}

static bool is_note(struct history_text text)
{
    return history_find_note(text) == text.at || history_skip(&text, "strace: ") ||
           history_skip(&text, "Process ") || history_skip(&text, "[ Process ");
}

enum history_prefix history_take_prefix(struct history_text *text, uint32_t *pid)
{
    bool good;
    *pid = 0;
    if (text->at == text->end) {
        return HISTORY_PREFIX_BLANK;
    }
    (void)take_pid(text, pid, &good);
    if (!good) {
        return HISTORY_PREFIX_WRONG;
    }
    if (is_note(*text)) {
        return HISTORY_PREFIX_NOTE;
    }
    while (skip_stamp(text) || skip_bracket(text)) {
    }
    return is_note(*text) ? HISTORY_PREFIX_NOTE : HISTORY_PREFIX_CALL;
}
