/* SPDX-License-Identifier: MIT */
#include "spaces/chunk_set.h"

#include "mmapper/atomic.h"

/* The bits of [first, end) that lie in the word of `first`; *next is where the next
 * word goes on. */
static uint64_t word_mask(uint32_t first, uint32_t end, uint32_t *next)
{
    const uint32_t bit = first % 64;
    const uint32_t bits = end - first < 64 - bit ? end - first : 64 - bit;
    *next = first + bits;
    return (bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1) << bit;
}

void chunk_set_add(struct chunk_set *set, uint32_t first, uint32_t end)
{
    mm_plain_writes(&set->count);
    if (first >= end) {
        return;
    }
    set->low = set->count == 0 || first < set->low ? first : set->low;
    set->high = set->count == 0 || end > set->high ? end : set->high;
    for (uint32_t at = first, next; at < end; at = next) {
        const uint64_t mask = word_mask(at, end, &next);
        uint64_t *word = &set->words[at / 64];
        set->count += (uint32_t)__builtin_popcountll(mask & ~*word);
        *word |= mask;
    }
}

void chunk_set_remove(struct chunk_set *set, uint32_t first, uint32_t end)
{
    mm_plain_writes(&set->count);
    if (set->count == 0) {
        return;
    }
    /* Outside there is nothing to remove, and words that need not be touched. */
    first = first < set->low ? set->low : first;
    end = end > set->high ? set->high : end;
    for (uint32_t at = first, next; at < end; at = next) {
        const uint64_t mask = word_mask(at, end, &next);
        uint64_t *word = &set->words[at / 64];
        set->count -= (uint32_t)__builtin_popcountll(mask & *word);
        *word &= ~mask;
    }
}

bool chunk_set_first_run(struct chunk_set *set, uint32_t *first, uint32_t *end)
{
    mm_plain_writes(&set->count); /* `low` */
    if (set->count == 0) {
        return false;
    }
    uint64_t word = set->words[set->low / 64] >> set->low % 64 << set->low % 64;
    while (word == 0) {
        set->low = (set->low / 64 + 1) * 64;
        word = set->words[set->low / 64];
    }
    set->low = set->low / 64 * 64 + (uint32_t)__builtin_ctzll(word);
    uint32_t at = set->low;
    uint32_t members;
    do { /* a word at a time, as long as they are members up to its end */
        const uint64_t others = ~(set->words[at / 64] >> at % 64);
        members = others == 0 ? 64 : (uint32_t)__builtin_ctzll(others);
        at += members;
    } while (members > 0 && at < set->high);
    *first = set->low;
    *end = at;
    return true;
}
