/* SPDX-License-Identifier: MIT */
/*
 * JSON into memory that is there already: nothing here allocates or asks libc, so that it
 * can be used inside malloc and in signal handlers.
 */
#ifndef GUARD_TEXT_H
#define GUARD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard_text {
    char *at;
    size_t bytes;
    size_t capacity;
    bool cut; /* something had no room */
};

/* Where JSON wants a comma, both put it themselves. */
void guard_text_raw(struct guard_text *text, const char *raw);
void guard_text_hex(struct guard_text *text, uint64_t value);    /* "0x7f00", quoted */
void guard_text_number(struct guard_text *text, uint64_t value); /* 42 */
void guard_text_string(struct guard_text *text, const char *string);

#endif /* GUARD_TEXT_H */
