/* SPDX-License-Identifier: MIT */
#include "stress/history_syntax.h"

#include <string.h>

struct history_text history_text_of(const char *word)
{
    return (struct history_text){word, word + strlen(word)};
}

size_t history_text_bytes(struct history_text text)
{
    return (size_t)(text.end - text.at);
}

bool history_text_is(struct history_text text, const char *word)
{
    const size_t bytes = strlen(word);
    return history_text_bytes(text) == bytes && memcmp(text.at, word, bytes) == 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

struct history_text history_trim(struct history_text text)
{
    while (text.at < text.end && is_space(*text.at)) {
        text.at++;
    }
    while (text.at < text.end && is_space(text.end[-1])) {
        text.end--;
    }
    return text;
}

const char *history_find(struct history_text text, const char *word)
{
    const size_t bytes = strlen(word);
    for (const char *at = text.at; (size_t)(text.end - at) >= bytes; at++) {
        if (memcmp(at, word, bytes) == 0) {
            return at;
        }
    }
    return NULL;
}

bool history_skip(struct history_text *text, const char *word)
{
    const size_t bytes = strlen(word);
    if (history_text_bytes(*text) < bytes || memcmp(text->at, word, bytes) != 0) {
        return false;
    }
    text->at += bytes;
    return true;
}

static unsigned digit_value(char c)
{
    if (is_digit(c)) {
        return (unsigned)(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return (unsigned)(c - 'a') + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned)(c - 'A') + 10;
    }
    return 16;
}

/* The longest number of that base at the front. */
static bool take_digits(struct history_text *text, unsigned base, uint64_t *value)
{
    uint64_t sum = 0;
    const char *at = text->at;
    while (at < text->end && digit_value(*at) < base) {
        const unsigned digit = digit_value(*at);
        if (sum > (UINT64_MAX - digit) / base) {
            return false;
        }
        sum = sum * base + digit;
        at++;
    }
    if (at == text->at) {
        return false;
    }
    text->at = at;
    *value = sum;
    return true;
}

bool history_take_decimal(struct history_text *text, uint64_t *value)
{
    return take_digits(text, 10, value);
}

static bool take_number(struct history_text *text, uint64_t *value)
{
    if (history_skip(text, "NULL")) {
        *value = 0;
        return true;
    }
    struct history_text rest = *text;
    bool good;
    if (history_skip(&rest, "0x")) {
        good = take_digits(&rest, 16, value);
    } else if (rest.at < rest.end && *rest.at == '0') {
        good = take_digits(&rest, 8, value);
    } else {
        good = take_digits(&rest, 10, value);
    }
    if (good) {
        *text = rest;
    }
    return good;
}

static struct history_text without_comment(struct history_text text)
{
    const char *comment = history_find(text, "/*");
    if (comment != NULL) {
        text.end = comment;
    }
    return history_trim(text);
}

bool history_number(struct history_text text, uint64_t *value)
{
    text = without_comment(text);
    uint64_t number;
    if (!take_number(&text, &number) || text.at != text.end) {
        return false;
    }
    *value = number;
    return true;
}

bool history_field(struct history_text text, const char *name, uint64_t *value)
{
    const size_t bytes = strlen(name);
    struct history_text rest = text;
    for (;;) {
        const char *at = history_find(rest, name);
        if (at == NULL) {
            return false;
        }
        rest.at = at + bytes;
        const bool whole_name = at == text.at || !is_name(at[-1]);
        if (whole_name && history_skip(&rest, "=")) {
            return take_number(&rest, value);
        }
    }
}

static bool all_name(struct history_text word)
{
    for (const char *at = word.at; at < word.end; at++) {
        if (!is_name(*at)) {
            return false;
        }
    }
    return word.at < word.end;
}

/* "21<<MAP_HUGE_SHIFT": the log2 of a huge page's size in the flag word. */
static bool take_shifted(struct history_text word, uint64_t *value)
{
    uint64_t number;
    if (!take_digits(&word, 10, &number) || number > 63 ||
        !history_text_is(word, "<<MAP_HUGE_SHIFT")) {
        return false;
    }
    *value = number << 26;
    return true;
}

static bool flag_value(struct history_text word, const struct history_word *words,
                       uint64_t *value)
{
    for (; words->name != NULL; words++) {
        if (history_text_is(word, words->name)) {
            *value = words->value;
            return true;
        }
    }
    if (history_number(word, value) || take_shifted(word, value)) {
        return true;
    }
    *value = 0;
    return all_name(word) && !is_digit(*word.at);
}

bool history_flags(struct history_text text, const struct history_word *words,
                   uint64_t *value)
{
    text = without_comment(text);
    uint64_t sum = 0;
    for (;;) {
        struct history_text word = text;
        const char *bar = history_find(text, "|");
        if (bar != NULL) {
            word.end = bar;
        }
        uint64_t part;
        if (!flag_value(history_trim(word), words, &part)) {
            return false;
        }
        sum |= part;
        if (bar == NULL) {
            *value = sum;
            return true;
        }
        text.at = bar + 1;
    }
}

bool history_descriptor(struct history_text text, int64_t *fd,
                        struct history_text *path)
{
    text = history_trim(text);
    *path = (struct history_text){text.end, text.end};
    const bool negative = history_skip(&text, "-");
    uint64_t number = 0;
    if (!take_number(&text, &number) || number > INT32_MAX) {
        /* 0xffffffff is how some programs spell -1 */
        *fd = -1;
        return !negative && number == UINT32_MAX && text.at == text.end;
    }
    *fd = negative ? -(int64_t)number : (int64_t)number;
    if (history_skip(&text, "<") && text.at < text.end) {
        *path = text;
        const char *close = text.end - 1;
        while (close > text.at && *close != '>') {
            close--;
        }
        path->end = close;
        return close > text.at;
    }
    return text.at == text.end;
}
