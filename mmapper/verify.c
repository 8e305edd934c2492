/* SPDX-License-Identifier: MIT */
/*
 * The table against the kernel's list. One walk over the list, in which every mapping
 * and every hole between two mappings is laid over the runs of the table.
 */
#include <string.h>

#include "mmapper/call.h"
#include "mmapper/os.h"

struct comparison {
    const struct mmapper *mapper;
    const struct mm_verify_options *options;
    struct mm_verify_result *result;
    uintptr_t at;      /* the list has been compared up to here */
    struct mm_run run; /* of the table; the one that `at` is in, if any */
};

/* Whether the piece of a run that was compared is still what it was: the table may have
 * changed since, and its owner may be another one's entry by now. */
static bool is_current(const struct mmapper *mapper, const struct mm_run *run)
{
    const struct mm_lookup now = mmapper_lookup(mapper, run->extent.start);
    return now.state == run->state && now.owner == run->owner;
}

static void report(struct comparison *comparison, enum mm_difference_kind kind,
                   const struct mm_run *run, const struct mm_mapping *mapping)
{
    if (!is_current(comparison->mapper, run)) {
        comparison->result->unsettled++;
        return;
    }
    if (kind == MM_NOTE_ACCESSIBLE || kind == MM_NOTE_PROTECTED) {
        comparison->result->notes++;
    } else {
        comparison->result->differences++;
    }
    if (comparison->options->report == NULL) {
        return;
    }
    struct mm_difference difference = {.kind = kind, .extent = run->extent};
    struct mm_holder holder;
    if (run->owner != NULL && mm_owner_describe(run->owner, &holder)) {
        difference.holder = holder;
    }
    difference.holder.state = run->state;
    if (mapping != NULL) {
        difference.mapping = *mapping;
    }
    comparison->options->report(comparison->options->argument, &difference);
}

/* A piece of a run where the kernel has nothing. */
static void compare_hole(struct comparison *comparison, const struct mm_run *run)
{
    if (run->state == MM_QUARANTINED || run->state == MM_MAPPED ||
        run->state == MM_SEALED) {
        report(comparison, MM_DIFFERENCE_MISSING, run, NULL);
    }
}

/* What cannot be found out is no difference. */
static bool is_sealed(const struct comparison *comparison, const struct mm_run *run,
                      const struct mm_mapping *mapping)
{
    bool sealed;
    const int os_error =
        mm_os_is_sealed(comparison->mapper, run->extent, mapping->access, &sealed);
    return os_error != 0 || sealed;
}

/* A piece of a run that one mapping covers. */
static void compare_mapping(struct comparison *comparison, const struct mm_run *run,
                            const struct mm_mapping *mapping)
{
    if (run->state == MM_UNMAPPED) {
        if (comparison->options->sole) {
            report(comparison, MM_DIFFERENCE_UNOWNED, run, mapping);
        }
        return;
    }
    const struct mm_strategy strategy = mm_owner_strategy(run->owner);
    if (strategy.backing == MM_BACKING_EXTERNAL) {
        return; /* its owner maps it as it likes */
    }
    if (mapping->file || mapping->shared) {
        report(comparison, MM_DIFFERENCE_BACKING, run, mapping);
    } else if (run->state == MM_SEALED && !is_sealed(comparison, run, mapping)) {
        report(comparison, MM_DIFFERENCE_UNSEALED, run, mapping);
    } else if (run->state != MM_QUARANTINED &&
               mapping->access != owner_committed_access(strategy)) {
        /* Which pages have less access, and how much, their owner alone knows. */
        const bool less = (mapping->access & ~owner_committed_access(strategy)) == 0;
        report(comparison,
               less && owner_has_odd_pages(run->owner) ? MM_NOTE_PROTECTED
                                                       : MM_DIFFERENCE_PROTECTION,
               run, mapping);
    } else if (run->state == MM_QUARANTINED && mapping->access != 0) {
        report(comparison, MM_NOTE_ACCESSIBLE, run, mapping);
    }
}

static bool is_settled(enum mm_state state)
{
    return state == MM_UNMAPPED || state == MM_QUARANTINED || state == MM_MAPPED ||
           state == MM_EXCLUDED || state == MM_SEALED;
}

/* The run that comparison->at is in: walked once, however many mappings lie in it. */
static bool find_run(struct comparison *comparison)
{
    return mm_extent_contains_address(comparison->run.extent, comparison->at) ||
           mmapper_next_run(comparison->mapper, comparison->at, &comparison->run);
}

/* Compares [comparison->at, end) with one mapping, or with a hole when it is NULL. */
static void compare_piece(struct comparison *comparison, uintptr_t end,
                          const struct mm_mapping *mapping)
{
    while (comparison->at < end && find_run(comparison)) {
        struct mm_run piece = comparison->run;
        const uintptr_t run_end = mm_extent_end(piece.extent);
        const uintptr_t piece_end = run_end < end ? run_end : end;
        piece.extent = mm_extent_of(comparison->at, piece_end - comparison->at);
        comparison->at = piece_end;
        if (!is_settled(piece.state)) {
            comparison->result->unsettled++;
        } else if (mapping != NULL) {
            compare_mapping(comparison, &piece, mapping);
        } else {
            compare_hole(comparison, &piece);
        }
    }
}

static bool visit(void *argument, const struct mm_mapping *mapping)
{
    struct comparison *comparison = argument;
    const uintptr_t limit = comparison->mapper->limit;
    const uintptr_t end = mm_extent_end(mapping->extent);
    comparison->result->mappings++;
    compare_piece(comparison,
                  mapping->extent.start < limit ? mapping->extent.start : limit, NULL);
    compare_piece(comparison, end < limit ? end : limit, mapping);
    return true;
}

enum mm_status mmapper_verify(const struct mmapper *mapper,
                              const struct mm_verify_options *options,
                              struct mm_verify_result *result, struct mm_error *error)
{
    static const struct mm_verify_options defaults = {0};
    struct mm_verify_result ignored;
    struct comparison comparison = {.mapper = mapper,
                                    .options = options != NULL ? options : &defaults,
                                    .result = result != NULL ? result : &ignored,
                                    .at = mapper->table.base};
    memset(comparison.result, 0, sizeof *comparison.result);
    const struct mm_extent window = mmapper_window(mapper);
    const int os_error = mm_os_each_mapping(mapper, window, visit, &comparison);
    if (os_error != 0) {
        /* A failing call counts, which is all that is changed. */
        const struct call call = {.mapper = (struct mmapper *)mapper,
                                  .operation = MM_OPERATION_VERIFY,
                                  .request = window,
                                  .error = error};
        return mm_call_fail_os(&call, MM_OS_EACH_MAPPING, window, os_error);
    }
    compare_piece(&comparison, mapper->limit, NULL);
    return MM_OK;
}
