/* SPDX-License-Identifier: MIT */
/* Loads a recording, plain or gzipped. */
#ifndef STRESS_HISTORY_FILE_H
#define STRESS_HISTORY_FILE_H

#include <stddef.h>

/*
 * All of the file at `path`, or of the standard input for "-", unpacked by gzip when it
 * begins like gzip's. For free(). NULL when it cannot be read; `message` then says why.
 */
char *history_load(const char *path, size_t *bytes, char *message,
                   size_t message_bytes);

#endif /* STRESS_HISTORY_FILE_H */
