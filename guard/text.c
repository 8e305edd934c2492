/* SPDX-License-Identifier: MIT */
#include "guard/text.h"

#include <string.h>

static void put(struct guard_text *text, const char *from, size_t bytes)
{
    if (text->cut || text->capacity - text->bytes < bytes) {
        text->cut = true;
        return;
    }
    memcpy(text->at + text->bytes, from, bytes);
    text->bytes += bytes;
}

void guard_text_raw(struct guard_text *text, const char *raw)
{
    put(text, raw, strlen(raw));
}

static void digits(struct guard_text *text, uint64_t value, unsigned base)
{
    char buffer[20];
    size_t at = sizeof(buffer);
    do {
        buffer[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put(text, buffer + at, sizeof(buffer) - at);
}

void guard_text_number(struct guard_text *text, uint64_t value)
{
    digits(text, value, 10);
}

void guard_text_hex(struct guard_text *text, uint64_t value)
{
    put(text, "\"0x", 3);
    digits(text, value, 16);
    put(text, "\"", 1);
}

void guard_text_string(struct guard_text *text, const char *string)
{
    put(text, "\"", 1);
    for (; *string != '\0'; string++) {
        const unsigned char c = (unsigned char)*string;
        char escaped[6] = {'\\',
                           'u',
                           '0',
                           '0',
                           "0123456789abcdef"[c >> 4],
                           "0123456789abcdef"[c & 15]};
        if (c == '"' || c == '\\' || c < 0x20) {
            put(text, escaped, sizeof(escaped));
        } else {
            put(text, string, 1);
        }
    }
    put(text, "\"", 1);
}
