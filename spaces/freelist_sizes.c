/* SPDX-License-Identifier: MIT */
#include "spaces/freelist_sizes.h"

static bool class_agrees(const struct freelist_class *of,
                         const struct freelist_class *counted)
{
    return of->blocks == counted->blocks && of->largest >= counted->largest &&
           (of->blocks > 0 || of->largest == 0);
}

bool freelist_sizes_agree(const struct freelist_sizes *sizes,
                          const struct freelist_sizes *counted)
{
    bool agree = true;
    for (unsigned word = 0; word < FREELIST_CLASSES / 64; word++) {
        agree = agree && sizes->present[word] == counted->present[word];
    }
    for (unsigned class = 0; class < FREELIST_CLASSES; class ++) {
        agree = agree && class_agrees(&sizes->classes[class], &counted->classes[class]);
    }
    return agree;
}
