/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/checked_decorator.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 256 };

struct checked_decorator {
    struct mmap_support inner;
    struct address_map *oracle;
    uint64_t token;
    pthread_mutex_t lock; /* of what follows */
    uint64_t violations;
    char text[TEXT_BYTES];
};

static void record(struct checked_decorator *decorator, const char *call,
                   struct mm_extent extent, const struct address_claim *found)
{
    (void)pthread_mutex_lock(&decorator->lock);
    if (decorator->violations++ == 0) {
        (void)snprintf(decorator->text, sizeof(decorator->text),
                       "token %#" PRIx64 ": %s of %#" PRIxPTR "+%#zx meets %#" PRIxPTR
                       "+%#zx of token %#" PRIx64 " (0: nobody)",
                       decorator->token, call, extent.start, extent.bytes,
                       found->extent.start, found->extent.bytes, found->token);
    }
    (void)pthread_mutex_unlock(&decorator->lock);
}

static void expect_held(struct checked_decorator *decorator, const char *call,
                        struct mm_extent extent)
{
    struct address_claim found;
    if (!address_map_holds(decorator->oracle, extent, decorator->token, &found)) {
        record(decorator, call, extent, &found);
    }
}

static void enter(struct checked_decorator *decorator, const char *call,
                  struct mm_extent extent, uint64_t token)
{
    struct address_claim found;
    if (!address_map_insert(decorator->oracle, extent, token, &found)) {
        record(decorator, call, extent, &found);
    }
}

/* Takes `extent` out before a call that gives it back; whether it was there. */
static bool withdraw(struct checked_decorator *decorator, const char *call,
                     struct mm_extent extent, uint64_t token)
{
    struct address_claim found;
    const bool held = address_map_remove(decorator->oracle, extent, token, &found);
    if (!held) {
        record(decorator, call, extent, &found);
    }
    return held;
}

static int checked_reserve(void *context, struct mm_extent extent,
                           const struct mm_strategy *strategy)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const int result = inner->operations->reserve(inner->context, extent, strategy);
    if (result == 0) {
        enter(decorator, "reserve", extent, decorator->token);
    }
    return result;
}

static int checked_commit(void *context, struct mm_extent extent,
                          const struct mm_strategy *strategy)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    expect_held(decorator, "commit", extent);
    const int result = inner->operations->commit(inner->context, extent, strategy);
    if (result == 0) {
        /* Held all the time, not only when it began. */
        expect_held(decorator, "end of commit", extent);
    }
    return result;
}

static int checked_decommit(void *context, struct mm_extent extent,
                            const struct mm_strategy *strategy)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    expect_held(decorator, "decommit", extent);
    const int result = inner->operations->decommit(inner->context, extent, strategy);
    if (result == 0) {
        expect_held(decorator, "end of decommit", extent);
    }
    return result;
}

static int checked_release(void *context, struct mm_extent extent)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const bool held = withdraw(decorator, "release", extent, decorator->token);
    const int result = inner->operations->release(inner->context, extent);
    if (result != 0 && held) {
        enter(decorator, "failed release", extent, decorator->token);
    }
    return result;
}

static int checked_advise(void *context, struct mm_extent extent,
                          const struct mm_strategy *strategy)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    expect_held(decorator, "advise", extent);
    return inner->operations->advise(inner->context, extent, strategy);
}

static int checked_annotate(void *context, struct mm_extent extent, const char *name)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    expect_held(decorator, "annotate", extent);
    return inner->operations->annotate(inner->context, extent, name);
}

static int checked_protect(void *context, struct mm_extent extent, unsigned access)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    expect_held(decorator, "protect", extent);
    const int result = inner->operations->protect(inner->context, extent, access);
    expect_held(decorator, "end of protect", extent);
    return result;
}

typedef int (*extent_call)(void *context, struct mm_extent extent);

static int checked_pages(struct checked_decorator *decorator, const char *name,
                         extent_call call, struct mm_extent extent)
{
    expect_held(decorator, name, extent);
    return call(decorator->inner.context, extent);
}

static int checked_guard(void *context, struct mm_extent extent)
{
    struct checked_decorator *decorator = context;
    return checked_pages(decorator, "guard", decorator->inner.operations->guard,
                         extent);
}

static int checked_unguard(void *context, struct mm_extent extent)
{
    struct checked_decorator *decorator = context;
    return checked_pages(decorator, "unguard", decorator->inner.operations->unguard,
                         extent);
}

static int checked_seal(void *context, struct mm_extent extent)
{
    struct checked_decorator *decorator = context;
    return checked_pages(decorator, "seal", decorator->inner.operations->seal, extent);
}

static int checked_collapse(void *context, struct mm_extent extent)
{
    struct checked_decorator *decorator = context;
    return checked_pages(decorator, "collapse", decorator->inner.operations->collapse,
                         extent);
}

static int checked_is_sealed(void *context, struct mm_extent extent, unsigned access,
                             bool *sealed)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    return inner->operations->is_sealed(inner->context, extent, access, sealed);
}

static int checked_residency(void *context, struct mm_extent extent,
                             struct mm_residency *residency)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    return inner->operations->residency(inner->context, extent, residency);
}

static int checked_each_mapping(void *context, struct mm_extent range,
                                mm_mapping_visitor visit, void *argument)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    return inner->operations->each_mapping(inner->context, range, visit, argument);
}

static enum mm_memory_cause checked_explain(void *context, enum mm_os_call call,
                                            const struct mm_strategy *strategy,
                                            size_t bytes)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    return inner->operations->explain_no_memory(inner->context, call, strategy, bytes);
}

/* Tables are whole pages, as far as the address space is concerned. */
static struct mm_extent table_extent(const struct checked_decorator *decorator,
                                     const void *table, size_t bytes)
{
    const size_t mask = decorator->inner.page_bytes - 1;
    const struct mm_extent extent = {(uintptr_t)table, (bytes + mask) & ~mask};
    return extent;
}

static int checked_acquire_table(void *context, size_t bytes, void **table)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const int result = inner->operations->acquire_table(inner->context, bytes, table);
    if (result == 0) {
        enter(decorator, "acquire_table", table_extent(decorator, *table, bytes),
              ~decorator->token);
    }
    return result;
}

static int checked_release_table(void *context, void *table, size_t bytes)
{
    struct checked_decorator *decorator = context;
    const struct mmap_support *inner = &decorator->inner;
    const struct mm_extent extent = table_extent(decorator, table, bytes);
    const bool held = withdraw(decorator, "release_table", extent, ~decorator->token);
    const int result = inner->operations->release_table(inner->context, table, bytes);
    if (result != 0 && held) {
        enter(decorator, "failed release_table", extent, ~decorator->token);
    }
    return result;
}

static const struct mmap_operations checked_operations = {
    .reserve = checked_reserve,
    .commit = checked_commit,
    .decommit = checked_decommit,
    .release = checked_release,
    .advise = checked_advise,
    .annotate = checked_annotate,
    .each_mapping = checked_each_mapping,
    .explain_no_memory = checked_explain,
    .acquire_table = checked_acquire_table,
    .release_table = checked_release_table,
    .protect = checked_protect,
    .guard = checked_guard,
    .unguard = checked_unguard,
    .seal = checked_seal,
    .is_sealed = checked_is_sealed,
    .collapse = checked_collapse,
    .residency = checked_residency,
};

struct checked_decorator *checked_decorator_create(const struct mmap_support *inner,
                                                   struct address_map *oracle,
                                                   uint64_t token)
{
    struct checked_decorator *decorator = calloc(1, sizeof(*decorator));
    if (decorator == NULL || pthread_mutex_init(&decorator->lock, NULL) != 0) {
        abort();
    }
    decorator->inner = *inner;
    decorator->oracle = oracle;
    decorator->token = token;
    return decorator;
}

void checked_decorator_destroy(struct checked_decorator *decorator)
{
    (void)pthread_mutex_destroy(&decorator->lock);
    free(decorator);
}

struct mmap_support checked_decorator_support(struct checked_decorator *decorator)
{
    struct mmap_support support = decorator->inner;
    support.operations = &checked_operations;
    support.context = decorator;
    return support;
}

uint64_t checked_decorator_violations(struct checked_decorator *decorator)
{
    (void)pthread_mutex_lock(&decorator->lock);
    const uint64_t violations = decorator->violations;
    (void)pthread_mutex_unlock(&decorator->lock);
    return violations;
}

const char *checked_decorator_violation_text(struct checked_decorator *decorator)
{
    /* Written once, under the lock, with the first violation. */
    return decorator->text;
}

uint64_t checked_decorator_reserved_bytes(struct checked_decorator *decorator)
{
    return address_map_token_bytes(decorator->oracle, decorator->token);
}

uint64_t checked_decorator_table_bytes(struct checked_decorator *decorator)
{
    return address_map_token_bytes(decorator->oracle, ~decorator->token);
}
