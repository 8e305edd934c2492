/* SPDX-License-Identifier: MIT */
/*
 * What a system call does to which address space: pure functions on its number and its
 * arguments, in the order of the system call.
 *
 * A call reaches a range when it can change, there, what is mapped, who may access it or
 * what it holds. What the kernel refuses to do (MAP_FIXED_NOREPLACE over something, a
 * misaligned range, a brk that grows into something) and what changes none of these (advice
 * such as MADV_WILLNEED or MADV_HUGEPAGE) reaches nothing.
 */
#ifndef GUARD_REACH_H
#define GUARD_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "guard/kernel.h"
#include "guard/ranges.h"

struct guard_call {
    long number; /* SYS_* */
    long arguments[GUARD_ARGUMENTS];
};

struct guard_reach {
    struct guard_range range;
    const char *how; /* a verb: "unmaps" */
};

/* Whether the guard looks at calls of that number at all. */
bool guard_watches(long number);

/* The name of a watched call. */
const char *guard_call_name(long number);

/* The ranges that `call` reaches, one after another from `index` 0 on; false when there is
 * none of that index. Empty ones are among them. Asks the kernel where the line does not
 * tell: the break, the size of a segment, the ranges of process_madvise. */
bool guard_reach(const struct guard_call *call, size_t page_bytes, size_t index,
                 struct guard_reach *reach);

/* Whether the kernel chose where `call`, which returned `result`, made a mapping, and
 * which. */
bool guard_placed(const struct guard_call *call, size_t page_bytes, long result,
                  struct guard_range *range);

#endif /* GUARD_REACH_H */
