/* SPDX-License-Identifier: MIT */
/*
 * A decorator of any `mmap_support` that makes its calls fail on plan.
 *
 * It counts the calls, fails the ones that the plan names, and lets a test do something
 * (add a foreign mapping, say) just before any call. What it does not fail it passes
 * on unchanged.
 *
 * A fault is as the OS makes it. reserve, release and the table calls are all or
 * nothing, so they fail without having done anything. commit and decommit, advise and
 * annotate, protect, guard, unguard and seal may have done part of their work: FAULT_HALF lets the inner call do the
 * first half of the pages, FAULT_ALL all of them, before the failure is reported.
 * each_mapping fails with FAULT_HALF after its first mapping. explain_no_memory is no
 * call of its own: it answers the plan's cause for ENOMEM that the plan made.
 *
 * It does not model delays, nor a call that succeeds wrongly. Thread-safe; the callback
 * runs without a lock, on the calling thread.
 */
#ifndef MMAPPER_TESTING_FAULT_DECORATOR_H
#define MMAPPER_TESTING_FAULT_DECORATOR_H

#include "mmapper/mmap_support.h"
#include "mmapper/mmapper.h"

enum fault_extent {
    FAULT_NOTHING = 0, /* the inner call is not made */
    FAULT_HALF,
    FAULT_ALL,
};

struct fault_plan {
    /* Fails call number `at`, counted from 1 since the plan was set, of this kind;
     * MM_OS_NONE: of all kinds. 0: none. */
    uint64_t at;
    enum mm_os_call call;
    bool from_then_on; /* and all later ones of the kind */
    int os_error;
    enum fault_extent done; /* what was done of the call before it failed */
    /* What explain_no_memory says of a planned ENOMEM; NONE: asks the inner one. */
    enum mm_memory_cause cause;
};

/* Called before call number `index` (of all kinds, from 1, since the plan was set).
 * `extent` is empty for the table calls. */
typedef void (*fault_observer)(void *argument, enum mm_os_call call, uint64_t index,
                               struct mm_extent extent);

struct fault_decorator;

/* `inner` is copied; what it refers to must outlive the decorator. No plan. */
struct fault_decorator *fault_decorator_create(const struct mmap_support *inner);
void fault_decorator_destroy(struct fault_decorator *decorator);

/* The decorated operations and the inner options. */
struct mmap_support fault_decorator_support(struct fault_decorator *decorator);

/* Sets the plan (NULL: none) and begins to count anew. */
void fault_decorator_plan(struct fault_decorator *decorator,
                          const struct fault_plan *plan);

/* Sets the observer; NULL: none. Not while calls are being made. */
void fault_decorator_observe(struct fault_decorator *decorator, fault_observer observer,
                             void *argument);

/* Calls since the plan was set: of one kind, or MM_OS_NONE: of all. Planned failures
 * count as calls. */
uint64_t fault_decorator_calls(struct fault_decorator *decorator, enum mm_os_call call);

/* Planned failures since the plan was set. */
uint64_t fault_decorator_faults(struct fault_decorator *decorator);

#endif /* MMAPPER_TESTING_FAULT_DECORATOR_H */
