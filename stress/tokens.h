/* SPDX-License-Identifier: MIT */
/*
 * Oracle O3: page tokens. A page that a thread holds says whose it is, since when and
 * where it is, at both of its ends; a page that is overwritten, zeroed, or shown at
 * another address no longer does.
 */
#ifndef STRESS_TOKENS_H
#define STRESS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct token {
    uint64_t owner;
    uint64_t epoch;
    uint64_t address; /* of the token itself */
};

/* `page` is accessible memory of page_bytes. */
void token_write(uintptr_t page, size_t page_bytes, uint64_t owner, uint64_t epoch);

/* False when either token is not the one that was written; *found is the first bad
 * one. */
bool token_check(uintptr_t page, size_t page_bytes, uint64_t owner, uint64_t epoch,
                 struct token *found);

/* Whether fresh memory is all zero; if not, *address is that of the first word that is
 * not. */
bool token_is_zero(uintptr_t start, size_t bytes, uintptr_t *address);

#endif /* STRESS_TOKENS_H */
