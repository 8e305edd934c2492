/* SPDX-License-Identifier: MIT */
#include "guard/text.h"

#include "mmapper/testing/expect.h"

static void test_values(void)
{
    char place[256];
    struct guard_text text = {.at = place, .capacity = sizeof(place)};
    guard_text_raw(&text, "[");
    guard_text_number(&text, 0);
    guard_text_raw(&text, ", ");
    guard_text_number(&text, UINT64_MAX);
    guard_text_raw(&text, ", ");
    guard_text_hex(&text, 0x7f00deadbeef);
    guard_text_raw(&text, ", ");
    guard_text_string(&text, "a\"b\\c\n\xc3\xa4");
    guard_text_raw(&text, "]");
    EXPECT(!text.cut);
    place[text.bytes] = '\0';
    EXPECT_STR(place, "[0, 18446744073709551615, \"0x7f00deadbeef\", "
                      "\"a\\u0022b\\u005cc\\u000a\xc3\xa4\"]");
}

/* What has no room is left out as a whole, and so is all that follows. */
static void test_full(void)
{
    char place[6];
    struct guard_text text = {.at = place, .capacity = sizeof(place)};
    guard_text_raw(&text, "1234");
    guard_text_raw(&text, "567");
    EXPECT(text.cut);
    guard_text_raw(&text, "8");
    EXPECT_EQ(text.bytes, 4);
}

int main(void)
{
    test_values();
    test_full();
    return 0;
}
