/* SPDX-License-Identifier: MIT */
#include "guard/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guard/kernel.h"
#include "guard/origin.h"
#include "guard/ranges.h"
#include "guard/record.h"

enum { DEFAULT_LIMIT = 1000, PATH_BYTES = 4096 };

/* A process has one address space, and a preloaded library nobody to hand it a state. */
static struct guard {
    pthread_mutex_t lock; /* recursive: handlers of fork may map while fork holds it */
    bool ready;
    bool deny;
    unsigned long limit; /* of bypasses that are told */
    unsigned long told;
    size_t page_bytes;
    char path
        [PATH_BYTES]; /* of the report; a copy: programs write over their environment */
    struct guard_ranges managed;
    struct guard_origins origins;
    struct guard_bypass bypass;
    struct guard_record record;
} guard = {.lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};

/* --------------------------------------------------------------------- lock and fork */

static void enter(struct guard_visit *visit)
{
    const unsigned long all = ~0UL;
    visit->saved_errno = errno;
    (void)guard_kernel(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all,
                       (long)&visit->signals, sizeof(all));
    (void)pthread_mutex_lock(&guard.lock);
}

static void leave(const struct guard_visit *visit)
{
    (void)pthread_mutex_unlock(&guard.lock);
    (void)guard_kernel(SYS_rt_sigprocmask, SIG_SETMASK, (long)&visit->signals, 0,
                       sizeof(visit->signals));
    errno = visit->saved_errno;
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&guard.lock);
}

static void after_fork_in_parent(void)
{
    (void)pthread_mutex_unlock(&guard.lock);
}

/* The lock belongs to a thread of the parent, by its number. */
static void after_fork_in_child(void)
{
    guard.lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}

/* --------------------------------------------------------------------------- options */

static void read_options(const char *path)
{
    const char *limit = getenv("MMAPPER_GUARD_LIMIT");
    strncpy(guard.path, path, sizeof(guard.path) - 1);
    guard.deny = getenv("MMAPPER_GUARD_DENY") != NULL;
    guard.limit = limit == NULL ? DEFAULT_LIMIT : strtoul(limit, NULL, 10);
    guard_record_process(&guard.record, guard.path);
}

/* At the first call, which may be malloc's, before any constructor. Handlers of fork that
 * are registered first run last before it, when nobody else's wait for locks any more. */
static bool prepare(void)
{
    const char *path = getenv("MMAPPER_GUARD_REPORT");
    if (guard.page_bytes == 0) {
        guard.page_bytes = getauxval(AT_PAGESZ);
        (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    }
    if (!guard.ready && path != NULL) {
        read_options(path);
        guard.ready = true;
    }
    return guard.ready;
}

/* A program that makes no such call is told of too. */
__attribute__((constructor)) static void start(void)
{
    struct guard_visit visit;
    enter(&visit);
    if (!guard.ready) {
        (void)prepare();
    }
    leave(&visit);
}

/* ---------------------------------------------------------------------------- bypass */

static void add_hits(struct guard_bypass *bypass, const struct guard_reach *reach)
{
    const struct guard_held *end = guard_ranges_end(&guard.managed);
    const struct guard_held *held = guard_ranges_meet(&guard.managed, reach->range);
    for (; held != NULL && held < end && held->range.start < reach->range.end; held++) {
        if (bypass->count == GUARD_HITS) {
            bypass->more = true;
            return;
        }
        bypass->hits[bypass->count++] = (struct guard_hit){*reach, *held};
    }
}

static void report(struct guard_bypass *bypass, uintptr_t caller)
{
    guard.told++;
    if (guard.told > guard.limit) {
        return;
    }
    guard_backtrace(caller, &bypass->frames);
    guard_record_bypass(&guard.record, guard.path, bypass);
    if (guard.told == guard.limit) {
        guard_record_problem(&guard.record, guard.path,
                             "the limit of reports is reached, the rest is not told");
    }
}

/* A call of somebody else: false when it is to be refused. */
static bool look(const struct guard_call *call, uintptr_t caller)
{
    struct guard_bypass *bypass = &guard.bypass;
    struct guard_reach reach;
    *bypass = (struct guard_bypass){.call = call, .denied = guard.deny};
    for (size_t i = 0; guard.managed.count > 0 && !bypass->more &&
                       guard_reach(call, guard.page_bytes, i, &reach);
         i++) {
        add_hits(bypass, &reach);
    }
    if (bypass->count == 0) {
        return true;
    }
    report(bypass, caller);
    return !guard.deny;
}

/* The kernel put a mapping where the mapper has one: somebody took that away unseen. */
static void look_at_place(const struct guard_call *call, uintptr_t caller, long result)
{
    struct guard_bypass *bypass = &guard.bypass;
    struct guard_reach reach = {.how = "lands in"};
    if (guard.managed.count > 0 &&
        guard_placed(call, guard.page_bytes, result, &reach.range)) {
        *bypass = (struct guard_bypass){.call = call, .placed = true};
        add_hits(bypass, &reach);
        if (bypass->count > 0) {
            report(bypass, caller);
        }
    }
}

/* ---------------------------------------------------------------------------- mapper */

static void no_memory(void)
{
    guard_record_problem(&guard.record, guard.path,
                         "no memory to note what is managed: not all is seen now");
}

static void learn(const struct guard_call *call, long result)
{
    const size_t mask = guard.page_bytes - 1;
    const uintptr_t bytes = ((uintptr_t)call->arguments[1] + mask) & ~mask;
    bool good = true;
    if (guard_failed(result)) {
        return;
    }
    if (call->number == SYS_mmap) {
        const uintptr_t start = (uintptr_t)result;
        const struct guard_range range = {start, start + bytes};
        good = guard_ranges_add(&guard.managed,
                                (struct guard_held){
                                    .range = range,
                                    .table = call->arguments[2] != PROT_NONE,
                                });
    } else if (call->number == SYS_munmap) {
        const uintptr_t start = (uintptr_t)call->arguments[0];
        good = guard_ranges_remove(&guard.managed,
                                   (struct guard_range){start, start + bytes});
    }
    if (!good) {
        no_memory();
    }
}

static bool is_mapper(uintptr_t caller)
{
    struct guard_object object;
    bool found;
    const bool mapper = guard_is_mapper(&guard.origins, caller, &found);
    if (found && guard_object_at(caller, &object)) {
        guard_record_mapper(&guard.record, guard.path, object.path);
    }
    return mapper;
}

/* ---------------------------------------------------------------------------- public */

void guard_note_name(struct guard_range range, const char *name, uintptr_t caller)
{
    struct guard_visit visit;
    enter(&visit);
    if (guard.ready && is_mapper(caller) &&
        !guard_ranges_name(&guard.managed, range, name)) {
        no_memory();
    }
    leave(&visit);
}

long guard_make(const struct guard_call *call, uintptr_t caller)
{
    struct guard_visit visit;
    long result = -EPERM;
    enter(&visit);
    if (!guard.ready && !prepare()) {
        result = guard_kernel6(call->number, call->arguments);
    } else if (is_mapper(caller)) {
        result = guard_kernel6(call->number, call->arguments);
        learn(call, result);
    } else if (look(call, caller)) {
        result = guard_kernel6(call->number, call->arguments);
        look_at_place(call, caller, result);
    }
    leave(&visit);
    return result;
}

bool guard_begin(struct guard_visit *visit, const struct guard_call *call,
                 uintptr_t caller)
{
    enter(visit);
    return (!guard.ready && !prepare()) || is_mapper(caller) || look(call, caller);
}

void guard_end(const struct guard_visit *visit)
{
    leave(visit);
}
