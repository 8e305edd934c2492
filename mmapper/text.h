/* SPDX-License-Identifier: MIT */
/*
 * Text into a buffer of fixed size: what does not fit is counted and dropped.
 */
#ifndef MMAPPER_TEXT_H
#define MMAPPER_TEXT_H

#include <stddef.h>

#include "mmapper/extent.h"

struct text {
    char *buffer;
    size_t bytes;  /* of the buffer */
    size_t length; /* that all of it has, without the NUL */
};

/* buffer may be NULL when bytes is 0. */
void mm_text_init(struct text *text, char *buffer, size_t bytes);
void mm_text_add(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void mm_text_add_extent(struct text *text, struct mm_extent extent);
void mm_text_add_bytes(struct text *text, size_t bytes); /* "4 MiB" */

#endif /* MMAPPER_TEXT_H */
