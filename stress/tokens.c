/* SPDX-License-Identifier: MIT */
#include "stress/tokens.h"

#include <string.h>

/* Keeps a token from looking like zeroed memory, whatever its owner. */
#define TOKEN_MARK UINT64_C(0x4D4D544F4B454E00)

static struct token token_of(uintptr_t address, uint64_t owner, uint64_t epoch)
{
    struct token token;
    token.owner = owner ^ TOKEN_MARK;
    token.epoch = epoch;
    token.address = address;
    return token;
}

static void write_one(uintptr_t address, uint64_t owner, uint64_t epoch)
{
    const struct token token = token_of(address, owner, epoch);
    memcpy((void *)address, &token, sizeof(token));
}

static bool check_one(uintptr_t address, uint64_t owner, uint64_t epoch,
                      struct token *found)
{
    const struct token expected = token_of(address, owner, epoch);
    memcpy(found, (const void *)address, sizeof(*found));
    const bool good = memcmp(found, &expected, sizeof(expected)) == 0;
    found->owner ^= TOKEN_MARK;
    return good;
}

static uintptr_t last_place(uintptr_t page, size_t page_bytes)
{
    return page + page_bytes - sizeof(struct token);
}

void token_write(uintptr_t page, size_t page_bytes, uint64_t owner, uint64_t epoch)
{
    write_one(page, owner, epoch);
    write_one(last_place(page, page_bytes), owner, epoch);
}

bool token_check(uintptr_t page, size_t page_bytes, uint64_t owner, uint64_t epoch,
                 struct token *found)
{
    return check_one(page, owner, epoch, found) &&
           check_one(last_place(page, page_bytes), owner, epoch, found);
}

bool token_is_zero(uintptr_t start, size_t bytes, uintptr_t *address)
{
    for (size_t at = 0; at + sizeof(uint64_t) <= bytes; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, (const void *)(start + at), sizeof(word));
        if (word != 0) {
            *address = start + at;
            return false;
        }
    }
    return true;
}
