/* SPDX-License-Identifier: MIT */
#include "stress/tokens.h"

#include "mmapper/testing/expect.h"

enum { PAGE = 4096 };

static _Alignas(PAGE) unsigned char page[2 * PAGE];

static const uintptr_t at = (uintptr_t)page;

static void test_a_token_is_recognised(void)
{
    struct token found;
    token_write(at, PAGE, 3, 99);
    EXPECT(token_check(at, PAGE, 3, 99, &found));
    EXPECT(!token_check(at, PAGE, 4, 99, &found));
    EXPECT_EQ(found.owner, 3);
    EXPECT(!token_check(at, PAGE, 3, 98, &found));
    EXPECT_EQ(found.epoch, 99);
}

/* Every kind of damage that a wrong mapping does. */
static void test_damage_is_noticed(void)
{
    struct token found;
    token_write(at, PAGE, 3, 99);
    memset(page, 0, PAGE); /* mapped again behind the holder's back */
    EXPECT(!token_check(at, PAGE, 3, 99, &found));

    token_write(at, PAGE, 3, 99);
    memset(page + PAGE / 2, 0, PAGE / 2); /* only its end */
    EXPECT(!token_check(at, PAGE, 3, 99, &found));

    token_write(at, PAGE, 3, 99);
    token_write(at, PAGE, 4, 100); /* another holder */
    EXPECT(!token_check(at, PAGE, 3, 99, &found));
    EXPECT_EQ(found.owner, 4);
    EXPECT_EQ(found.epoch, 100);

    token_write(at, PAGE, 3, 99);
    memcpy(page + PAGE, page, PAGE); /* the page of another address */
    EXPECT(!token_check(at + PAGE, PAGE, 3, 99, &found));
    EXPECT_EQ(found.address, at);
}

static void test_dirt_on_fresh_pages_is_noticed(void)
{
    uintptr_t where = 0;
    memset(page, 0, sizeof(page));
    EXPECT(token_is_zero(at, PAGE, &where));
    page[PAGE - 1] = 1;
    EXPECT(!token_is_zero(at, PAGE, &where));
    EXPECT_EQ(where, at + PAGE - sizeof(uint64_t));
    page[PAGE - 1] = 0;
    token_write(at, PAGE, 0, 0);
    EXPECT(!token_is_zero(at, PAGE, &where));
    EXPECT_EQ(where, at);
}

int main(void)
{
    test_a_token_is_recognised();
    test_damage_is_noticed();
    test_dirt_on_fresh_pages_is_noticed();
    return 0;
}
