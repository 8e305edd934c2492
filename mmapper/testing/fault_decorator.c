/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/fault_decorator.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct fault_decorator {
    struct mmap_support inner;
    pthread_mutex_t lock;
    struct fault_plan plan;
    uint64_t calls[MM_OS_CALL_COUNT + 1]; /* [MM_OS_NONE]: all */
    uint64_t faults;
    bool explains; /* the last planned failure was an ENOMEM with a cause */
    fault_observer observer;
    void *argument;
};

/* What is to become of one call. */
struct verdict {
    bool fails;
    int os_error;
    enum fault_extent done;
};

/* Counts the call, tells the observer, and consults the plan. */
static struct verdict judge(struct fault_decorator *decorator, enum mm_os_call call,
                            struct mm_extent extent)
{
    struct verdict verdict = {false, 0, FAULT_NOTHING};
    (void)pthread_mutex_lock(&decorator->lock);
    const struct fault_plan *plan = &decorator->plan;
    const uint64_t of_kind = ++decorator->calls[call];
    const uint64_t index = ++decorator->calls[MM_OS_NONE];
    const bool watched = plan->call == MM_OS_NONE || plan->call == call;
    const uint64_t number = plan->call == MM_OS_NONE ? index : of_kind;
    if (plan->at != 0 && watched &&
        (number == plan->at || (plan->from_then_on && number > plan->at))) {
        verdict = (struct verdict){true, plan->os_error, plan->done};
        decorator->faults++;
        decorator->explains = plan->os_error == ENOMEM && plan->cause != MM_CAUSE_NONE;
    }
    (void)pthread_mutex_unlock(&decorator->lock);
    if (decorator->observer != NULL) {
        decorator->observer(decorator->argument, call, index, extent);
    }
    return verdict;
}

/* The pages that a failing call works on before it fails; bytes == 0: none. */
static struct mm_extent part_done(const struct fault_decorator *decorator,
                                  struct verdict verdict, struct mm_extent extent)
{
    if (verdict.done == FAULT_NOTHING) {
        extent.bytes = 0;
    } else if (verdict.done == FAULT_HALF) {
        const size_t half = extent.bytes / 2;
        extent.bytes = half & ~(decorator->inner.page_bytes - 1);
    }
    return extent;
}

static int fault_reserve(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_RESERVE, extent);
    return verdict.fails ? verdict.os_error
                         : inner->operations->reserve(inner->context, extent, strategy);
}

static int fault_release(void *context, struct mm_extent extent)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_RELEASE, extent);
    return verdict.fails ? verdict.os_error
                         : inner->operations->release(inner->context, extent);
}

typedef int (*strategy_call)(void *context, struct mm_extent extent,
                             const struct mm_strategy *strategy);

/* A call that may fail when part of it is done. */
static int divisible(struct fault_decorator *decorator, enum mm_os_call call,
                     strategy_call inner_call, struct mm_extent extent,
                     const struct mm_strategy *strategy)
{
    const struct verdict verdict = judge(decorator, call, extent);
    if (!verdict.fails) {
        return inner_call(decorator->inner.context, extent, strategy);
    }
    const struct mm_extent part = part_done(decorator, verdict, extent);
    if (part.bytes != 0) {
        /* Its own failure would only be another reason to fail. */
        (void)inner_call(decorator->inner.context, part, strategy);
    }
    return verdict.os_error;
}

static int fault_commit(void *context, struct mm_extent extent,
                        const struct mm_strategy *strategy)
{
    struct fault_decorator *decorator = context;
    return divisible(decorator, MM_OS_COMMIT, decorator->inner.operations->commit,
                     extent, strategy);
}

static int fault_decommit(void *context, struct mm_extent extent,
                          const struct mm_strategy *strategy)
{
    struct fault_decorator *decorator = context;
    return divisible(decorator, MM_OS_DECOMMIT, decorator->inner.operations->decommit,
                     extent, strategy);
}

static int fault_advise(void *context, struct mm_extent extent,
                        const struct mm_strategy *strategy)
{
    struct fault_decorator *decorator = context;
    return divisible(decorator, MM_OS_ADVISE, decorator->inner.operations->advise,
                     extent, strategy);
}

static int fault_protect(void *context, struct mm_extent extent, unsigned access)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_PROTECT, extent);
    const struct mm_extent part =
        verdict.fails ? part_done(decorator, verdict, extent) : extent;
    const int result =
        part.bytes != 0 ? inner->operations->protect(inner->context, part, access) : 0;
    return verdict.fails ? verdict.os_error : result;
}

typedef int (*extent_call)(void *context, struct mm_extent extent);

static int divisible_pages(struct fault_decorator *decorator, enum mm_os_call call,
                           extent_call inner_call, struct mm_extent extent)
{
    const struct verdict verdict = judge(decorator, call, extent);
    const struct mm_extent part =
        verdict.fails ? part_done(decorator, verdict, extent) : extent;
    const int result = part.bytes != 0 ? inner_call(decorator->inner.context, part) : 0;
    return verdict.fails ? verdict.os_error : result;
}

static int fault_guard(void *context, struct mm_extent extent)
{
    struct fault_decorator *decorator = context;
    return divisible_pages(decorator, MM_OS_GUARD, decorator->inner.operations->guard,
                           extent);
}

static int fault_unguard(void *context, struct mm_extent extent)
{
    struct fault_decorator *decorator = context;
    return divisible_pages(decorator, MM_OS_UNGUARD,
                           decorator->inner.operations->unguard, extent);
}

static int fault_seal(void *context, struct mm_extent extent)
{
    struct fault_decorator *decorator = context;
    return divisible_pages(decorator, MM_OS_SEAL, decorator->inner.operations->seal,
                           extent);
}

static int fault_is_sealed(void *context, struct mm_extent extent, unsigned access,
                           bool *sealed)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_IS_SEALED, extent);
    return verdict.fails
               ? verdict.os_error
               : inner->operations->is_sealed(inner->context, extent, access, sealed);
}

static int fault_residency(void *context, struct mm_extent extent,
                           struct mm_residency *residency)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_RESIDENCY, extent);
    return verdict.fails
               ? verdict.os_error
               : inner->operations->residency(inner->context, extent, residency);
}

static int fault_annotate(void *context, struct mm_extent extent, const char *name)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_ANNOTATE, extent);
    if (!verdict.fails) {
        return inner->operations->annotate(inner->context, extent, name);
    }
    const struct mm_extent part = part_done(decorator, verdict, extent);
    if (part.bytes != 0) {
        (void)inner->operations->annotate(inner->context, part, name);
    }
    return verdict.os_error;
}

/* Passes mappings on until it has had enough. */
struct limited_visit {
    mm_mapping_visitor visit;
    void *argument;
    uint64_t left;
};

static bool visit_limited(void *argument, const struct mm_mapping *mapping)
{
    struct limited_visit *limited = argument;
    return limited->visit(limited->argument, mapping) && --limited->left > 0;
}

static int fault_each_mapping(void *context, struct mm_extent range,
                              mm_mapping_visitor visit, void *argument)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict = judge(decorator, MM_OS_EACH_MAPPING, range);
    struct limited_visit limited = {visit, argument, UINT64_MAX};
    if (verdict.done == FAULT_HALF) {
        limited.left = 1;
    }
    int result = 0;
    if (!verdict.fails || verdict.done != FAULT_NOTHING) {
        result = inner->operations->each_mapping(inner->context, range, visit_limited,
                                                 &limited);
    }
    return verdict.fails ? verdict.os_error : result;
}

static enum mm_memory_cause fault_explain(void *context, enum mm_os_call call,
                                          const struct mm_strategy *strategy,
                                          size_t bytes)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    (void)pthread_mutex_lock(&decorator->lock);
    const bool explains = decorator->explains;
    const enum mm_memory_cause cause = decorator->plan.cause;
    (void)pthread_mutex_unlock(&decorator->lock);
    return explains ? cause
                    : inner->operations->explain_no_memory(inner->context, call,
                                                           strategy, bytes);
}

static int fault_acquire_table(void *context, size_t bytes, void **table)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict =
        judge(decorator, MM_OS_ACQUIRE_TABLE, mm_extent_of(0, 0));
    return verdict.fails
               ? verdict.os_error
               : inner->operations->acquire_table(inner->context, bytes, table);
}

static int fault_release_table(void *context, void *table, size_t bytes)
{
    struct fault_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct verdict verdict =
        judge(decorator, MM_OS_RELEASE_TABLE, mm_extent_of(0, 0));
    return verdict.fails
               ? verdict.os_error
               : inner->operations->release_table(inner->context, table, bytes);
}

static const struct mmap_operations fault_operations = {
    .reserve = fault_reserve,
    .commit = fault_commit,
    .decommit = fault_decommit,
    .release = fault_release,
    .advise = fault_advise,
    .annotate = fault_annotate,
    .each_mapping = fault_each_mapping,
    .explain_no_memory = fault_explain,
    .acquire_table = fault_acquire_table,
    .release_table = fault_release_table,
    .protect = fault_protect,
    .guard = fault_guard,
    .unguard = fault_unguard,
    .seal = fault_seal,
    .is_sealed = fault_is_sealed,
    .residency = fault_residency,
};

struct fault_decorator *fault_decorator_create(const struct mmap_support *inner)
{
    struct fault_decorator *decorator = calloc(1, sizeof(*decorator));
    if (decorator == NULL || pthread_mutex_init(&decorator->lock, NULL) != 0) {
        abort();
    }
    decorator->inner = *inner;
    return decorator;
}

void fault_decorator_destroy(struct fault_decorator *decorator)
{
    (void)pthread_mutex_destroy(&decorator->lock);
    free(decorator);
}

struct mmap_support fault_decorator_support(struct fault_decorator *decorator)
{
    struct mmap_support support = decorator->inner;
    support.operations = &fault_operations;
    support.context = decorator;
    return support;
}

void fault_decorator_plan(struct fault_decorator *decorator,
                          const struct fault_plan *plan)
{
    const struct fault_plan none = {0};
    (void)pthread_mutex_lock(&decorator->lock);
    decorator->plan = plan != NULL ? *plan : none;
    memset(decorator->calls, 0, sizeof(decorator->calls));
    decorator->faults = 0;
    decorator->explains = false;
    (void)pthread_mutex_unlock(&decorator->lock);
}

void fault_decorator_observe(struct fault_decorator *decorator, fault_observer observer,
                             void *argument)
{
    decorator->observer = observer;
    decorator->argument = argument;
}

uint64_t fault_decorator_calls(struct fault_decorator *decorator, enum mm_os_call call)
{
    (void)pthread_mutex_lock(&decorator->lock);
    const uint64_t calls = decorator->calls[call];
    (void)pthread_mutex_unlock(&decorator->lock);
    return calls;
}

uint64_t fault_decorator_faults(struct fault_decorator *decorator)
{
    (void)pthread_mutex_lock(&decorator->lock);
    const uint64_t faults = decorator->faults;
    (void)pthread_mutex_unlock(&decorator->lock);
    return faults;
}
