/* SPDX-License-Identifier: MIT */
#include "mmapper/os.h"

#include <errno.h>
#include <stdio.h>

static int counted(const struct mmapper *mapper, enum mm_os_call call, int error)
{
    if (!mapper->support->count_calls) {
        return error;
    }
    /* Counting is no change that a caller with a const mapper could see. */
    struct counters *counters = (struct counters *)&mapper->counters;
    counter_add(counters, COUNTER_OS_CALLS + (unsigned)call);
    if (error != 0) {
        counter_add(counters, COUNTER_OS_FAILURES + (unsigned)call);
    }
    return error;
}

int mm_os_reserve(struct mmapper *mapper, const struct mm_owner *owner,
                  struct mm_extent extent)
{
    const struct mmap_support *support = mapper->support;
    const struct mm_strategy strategy = owner_strategy(owner);
    return counted(mapper, MM_OS_RESERVE,
                   support->operations->reserve(support->context, extent, &strategy));
}

int mm_os_commit(struct mmapper *mapper, const struct mm_owner *owner,
                 struct mm_extent extent)
{
    const struct mmap_support *support = mapper->support;
    const struct mm_strategy strategy = owner_strategy(owner);
    return counted(mapper, MM_OS_COMMIT,
                   support->operations->commit(support->context, extent, &strategy));
}

int mm_os_decommit(struct mmapper *mapper, const struct mm_owner *owner,
                   struct mm_extent extent)
{
    const struct mmap_support *support = mapper->support;
    const struct mm_strategy strategy = owner_strategy(owner);
    return counted(mapper, MM_OS_DECOMMIT,
                   support->operations->decommit(support->context, extent, &strategy));
}

int mm_os_release(struct mmapper *mapper, struct mm_extent extent)
{
    const struct mmap_support *support = mapper->support;
    return counted(mapper, MM_OS_RELEASE,
                   support->operations->release(support->context, extent));
}

int mm_os_protect(struct mmapper *mapper, struct mm_extent extent, unsigned access)
{
    const struct mmap_support *support = mapper->support;
    return counted(
        mapper, MM_OS_PROTECT,
        support->operations->protect == NULL
            ? ENOSYS
            : support->operations->protect(support->context, extent, access));
}

typedef int (*extent_call)(void *context, struct mm_extent extent);

/* A call that the support need not have. */
static int optional(struct mmapper *mapper, enum mm_os_call call, extent_call made,
                    struct mm_extent extent)
{
    return counted(mapper, call,
                   made == NULL ? ENOSYS : made(mapper->support->context, extent));
}

int mm_os_guard(struct mmapper *mapper, struct mm_extent extent)
{
    return optional(mapper, MM_OS_GUARD, mapper->support->operations->guard, extent);
}

int mm_os_unguard(struct mmapper *mapper, struct mm_extent extent)
{
    if (mapper->support->operations->guard == NULL) {
        return 0; /* then there are none */
    }
    return optional(mapper, MM_OS_UNGUARD, mapper->support->operations->unguard,
                    extent);
}

int mm_os_seal(struct mmapper *mapper, struct mm_extent extent)
{
    return optional(mapper, MM_OS_SEAL, mapper->support->operations->seal, extent);
}

int mm_os_collapse(struct mmapper *mapper, struct mm_extent extent)
{
    return optional(mapper, MM_OS_COLLAPSE, mapper->support->operations->collapse,
                    extent);
}

int mm_os_is_sealed(const struct mmapper *mapper, struct mm_extent extent,
                    unsigned access, bool *sealed)
{
    const struct mmap_support *support = mapper->support;
    return counted(
        mapper, MM_OS_IS_SEALED,
        support->operations->is_sealed == NULL
            ? ENOSYS
            : support->operations->is_sealed(support->context, extent, access, sealed));
}

int mm_os_residency(const struct mmapper *mapper, struct mm_extent extent,
                    struct mm_residency *residency)
{
    const struct mmap_support *support = mapper->support;
    return counted(
        mapper, MM_OS_RESIDENCY,
        support->operations->residency == NULL
            ? ENOSYS
            : support->operations->residency(support->context, extent, residency));
}

int mm_os_each_mapping(const struct mmapper *mapper, struct mm_extent range,
                       mm_mapping_visitor visit, void *argument)
{
    const struct mmap_support *support = mapper->support;
    return counted(
        mapper, MM_OS_EACH_MAPPING,
        support->operations->each_mapping(support->context, range, visit, argument));
}

static bool take_first(void *argument, const struct mm_mapping *mapping)
{
    struct mm_mapping *first = argument;
    *first = *mapping;
    return false;
}

int mm_os_first_mapping(const struct mmapper *mapper, struct mm_extent range,
                        struct mm_mapping *first)
{
    first->extent = mm_extent_of(0, 0);
    return mm_os_each_mapping(mapper, range, take_first, first);
}

void mm_os_count_table(struct mmapper *mapper, enum mm_os_call call, int error)
{
    (void)counted(mapper, call, error);
}

static void annotate(struct mmapper *mapper, const struct mm_owner *owner,
                     struct mm_extent extent)
{
    /* The kernel takes 80 bytes, NUL included, and refuses longer names. */
    char name[80];
    const struct mmap_support *support = mapper->support;
    const char *prefix = support->annotation_prefix;
    (void)snprintf(name, sizeof name, "%s:%s:%s", prefix != NULL ? prefix : "mmapper",
                   mm_kind_name(mm_owner_kind(owner)), mm_owner_name(owner));
    (void)counted(mapper, MM_OS_ANNOTATE,
                  support->operations->annotate(support->context, extent, name));
}

void mm_os_rename(struct mmapper *mapper, const struct mm_owner *owner,
                  struct mm_extent extent)
{
    if (mapper->support->annotations) {
        annotate(mapper, owner, extent);
    }
}

void mm_os_dress(struct mmapper *mapper, const struct mm_owner *owner,
                 struct mm_extent extent)
{
    const struct mmap_support *support = mapper->support;
    const struct mm_strategy strategy = owner_strategy(owner);
    if (strategy.huge_pages != MM_HUGE_PAGES_DEFAULT ||
        strategy.numa != MM_NUMA_DEFAULT) {
        (void)counted(mapper, MM_OS_ADVISE,
                      support->operations->advise(support->context, extent, &strategy));
    }
    mm_os_rename(mapper, owner, extent);
}

enum mm_memory_cause mm_os_explain(const struct mmapper *mapper,
                                   const struct mm_owner *owner, enum mm_os_call call,
                                   size_t bytes)
{
    const struct mmap_support *support = mapper->support;
    if (owner == NULL) {
        return support->operations->explain_no_memory(support->context, call, NULL,
                                                      bytes);
    }
    const struct mm_strategy strategy = owner_strategy(owner);
    return support->operations->explain_no_memory(support->context, call, &strategy,
                                                  bytes);
}
