/* SPDX-License-Identifier: MIT */
#include "spaces/failing_support.h"

#include <errno.h>

static const struct mmap_support *inner_of(void *context)
{
    return &((struct failing_support *)context)->inner;
}

static int pass_reserve(void *context, struct mm_extent extent,
                        const struct mm_strategy *strategy)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->reserve(inner->context, extent, strategy);
}

static int fail_commit(void *context, struct mm_extent extent,
                       const struct mm_strategy *strategy)
{
    struct failing_support *failing = context;
    if (failing->armed && failing->commits_left == 0) {
        return ENOMEM;
    }
    if (failing->armed) {
        failing->commits_left--;
    }
    return failing->inner.operations->commit(failing->inner.context, extent, strategy);
}

static int pass_decommit(void *context, struct mm_extent extent,
                         const struct mm_strategy *strategy)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->decommit(inner->context, extent, strategy);
}

static int pass_release(void *context, struct mm_extent extent)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->release(inner->context, extent);
}

static int pass_advise(void *context, struct mm_extent extent,
                       const struct mm_strategy *strategy)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->advise(inner->context, extent, strategy);
}

static int pass_annotate(void *context, struct mm_extent extent, const char *name)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->annotate(inner->context, extent, name);
}

static int pass_each_mapping(void *context, struct mm_extent range,
                             mm_mapping_visitor visit, void *argument)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->each_mapping(inner->context, range, visit, argument);
}

static enum mm_memory_cause pass_explain(void *context, enum mm_os_call call,
                                         const struct mm_strategy *strategy,
                                         size_t bytes)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->explain_no_memory(inner->context, call, strategy, bytes);
}

static int pass_acquire_table(void *context, size_t bytes, void **table)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->acquire_table(inner->context, bytes, table);
}

static int pass_release_table(void *context, void *table, size_t bytes)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->release_table(inner->context, table, bytes);
}

static int pass_seal(void *context, struct mm_extent extent)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->seal(inner->context, extent);
}

static int pass_is_sealed(void *context, struct mm_extent extent, unsigned access,
                          bool *sealed)
{
    const struct mmap_support *inner = inner_of(context);
    return inner->operations->is_sealed(inner->context, extent, access, sealed);
}

static const struct mmap_operations failing_operations = {
    .reserve = pass_reserve,
    .commit = fail_commit,
    .decommit = pass_decommit,
    .release = pass_release,
    .advise = pass_advise,
    .annotate = pass_annotate,
    .each_mapping = pass_each_mapping,
    .explain_no_memory = pass_explain,
    .acquire_table = pass_acquire_table,
    .release_table = pass_release_table,
    .seal = pass_seal,
    .is_sealed = pass_is_sealed,
};

void failing_support_init(struct failing_support *failing, struct mmap_support inner)
{
    failing->inner = inner;
    failing->support = inner;
    failing->support.operations = &failing_operations;
    failing->support.context = failing;
    failing->armed = false;
    failing->commits_left = 0;
}
