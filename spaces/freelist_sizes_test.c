/* SPDX-License-Identifier: MIT */
/* Classes of sizes against their definition, and the summary against plain numbers. */
#include "spaces/freelist_sizes.h"

#include "mmapper/testing/expect.h"

/* By the definition: the first size of each class, and how many there are in it. */
static void test_classes(void)
{
    uint64_t least = 1;
    for (unsigned class = 1; class < FREELIST_CLASSES; class ++) {
        const uint64_t power = class < 64 ? 1 : UINT64_C(64) << (class - 64) / 8;
        const uint64_t width = class < 64 ? 1 : power / 8;
        for (uint64_t at = 0; at < 4; at++) {
            const uint32_t size = (uint32_t)(least + at * (width - 1) / 3);
            EXPECT_EQ(freelist_class_of(size), class);
            /* In the class itself all blocks are as large as the least of them only. */
            EXPECT_EQ(freelist_class_for(size), size == least ? class : class + 1);
        }
        least += width;
    }
    EXPECT_EQ(least, UINT64_C(1) << 30);
}

/* A class in every word, and each border between words. */
static void test_next_and_previous(void)
{
    static const unsigned classes[] = {1, 63, 64, 127, 128, 191, 192, 255};
    enum { COUNT = sizeof(classes) / sizeof(classes[0]) };
    for (unsigned set = 0; set < 1U << COUNT; set++) {
        struct freelist_sizes sizes = {0};
        for (unsigned i = 0; i < COUNT; i++) {
            if ((set >> i & 1) != 0) {
                freelist_sizes_add(&sizes, classes[i], 1);
            }
        }
        for (unsigned from = 0; from <= FREELIST_CLASSES; from++) {
            unsigned next = FREELIST_CLASSES;
            unsigned previous = 0;
            for (unsigned i = 0; i < COUNT; i++) {
                const unsigned class = (set >> i & 1) != 0 ? classes[i] : 0;
                next = class >= from && class > 0 && class < next ? class : next;
                previous = class<from &&class> previous ? class : previous;
            }
            EXPECT_EQ(freelist_sizes_next(&sizes, from), next);
            EXPECT(from == 0 || freelist_sizes_previous(&sizes, from) == previous);
        }
    }
}

static void test_numbers(void)
{
    struct freelist_sizes sizes = {0};
    const unsigned class = freelist_class_of(100);
    EXPECT_EQ(class, freelist_class_of(96));
    freelist_sizes_add(&sizes, class, 97);
    freelist_sizes_add(&sizes, class, 96);
    EXPECT_EQ(sizes.classes[class].blocks, 2);
    EXPECT_EQ(sizes.classes[class].largest, 97);
    freelist_sizes_change(&sizes, class, class, 100);
    EXPECT_EQ(sizes.classes[class].largest, 100);
    freelist_sizes_change(&sizes, class, class, 99);
    EXPECT_EQ(sizes.classes[class].largest,
              100); /* a bound, not the largest there is */
    freelist_sizes_change(&sizes, class, 3, 3);
    EXPECT_EQ(sizes.classes[class].blocks, 1);
    EXPECT_EQ(freelist_sizes_next(&sizes, 0), 3);
    EXPECT_EQ(freelist_sizes_next(&sizes, 4), class);
    freelist_sizes_remove(&sizes, class);
    EXPECT_EQ(sizes.classes[class].largest, 0);
    EXPECT_EQ(freelist_sizes_next(&sizes, 4), FREELIST_CLASSES);
    freelist_sizes_remove(&sizes, 3);
    EXPECT(freelist_sizes_agree(&sizes, &(struct freelist_sizes){0}));
}

static void test_agreement(void)
{
    struct freelist_sizes counted = {0};
    freelist_sizes_add(&counted, freelist_class_of(70), 70);
    freelist_sizes_add(&counted, 5, 5);
    struct freelist_sizes sizes = counted;
    struct freelist_class *of = &sizes.classes[freelist_class_of(70)];
    EXPECT(freelist_sizes_agree(&sizes, &counted));
    of->largest = 71; /* it was there once */
    EXPECT(freelist_sizes_agree(&sizes, &counted));
    of->largest = 69;
    EXPECT(!freelist_sizes_agree(&sizes, &counted));
    of->largest = 70;
    of->blocks = 2;
    EXPECT(!freelist_sizes_agree(&sizes, &counted));
    of->blocks = 1;
    sizes.present[0] |= 2;
    EXPECT(!freelist_sizes_agree(&sizes, &counted));
    sizes.present[0] = 0;
    EXPECT(!freelist_sizes_agree(&sizes, &counted));
    sizes = counted;
    sizes.classes[255].largest = 1; /* of no block */
    EXPECT(!freelist_sizes_agree(&sizes, &counted));
}

int main(void)
{
    test_classes();
    test_next_and_previous();
    test_numbers();
    test_agreement();
    return 0;
}
