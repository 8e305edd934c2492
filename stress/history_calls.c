/* SPDX-License-Identifier: MIT */
#include "stress/history_calls.h"

static const struct history_word protections[] = {
    {"PROT_NONE", 0},
    {"PROT_READ", HISTORY_PROT_READ},
    {"PROT_WRITE", HISTORY_PROT_WRITE},
    {"PROT_EXEC", HISTORY_PROT_EXEC},
    {NULL, 0},
};

static const struct history_word map_flags[] = {
    {"MAP_FIXED", HISTORY_MAP_FIXED},
    {"MAP_ANONYMOUS", HISTORY_MAP_ANONYMOUS},
    {"MAP_ANON", HISTORY_MAP_ANONYMOUS},
    {"MAP_GROWSDOWN", HISTORY_MAP_GROWSDOWN},
    {"MAP_STACK", HISTORY_MAP_STACK},
    {"MAP_HUGETLB", HISTORY_MAP_HUGETLB},
    {"MAP_FIXED_NOREPLACE", HISTORY_MAP_FIXED_NOREPLACE},
    {NULL, 0},
};

static const struct history_word remap_flags[] = {
    {"MREMAP_MAYMOVE", HISTORY_MREMAP_MAYMOVE},
    {"MREMAP_FIXED", HISTORY_MREMAP_FIXED},
    {"MREMAP_DONTUNMAP", HISTORY_MREMAP_DONTUNMAP},
    {NULL, 0},
};

static const struct history_word clone_flags[] = {
    {"CLONE_VM", HISTORY_CLONE_VM},
    {"CLONE_VFORK", HISTORY_CLONE_VFORK},
    {"CLONE_THREAD", HISTORY_CLONE_THREAD},
    {NULL, 0},
};

static const struct history_word advices[] = {
    {"MADV_DONTNEED", HISTORY_MADV_DONTNEED},
    {"MADV_DONTFORK", HISTORY_MADV_DONTFORK},
    {"MADV_DOFORK", HISTORY_MADV_DOFORK},
    {"MADV_DONTNEED_LOCKED", HISTORY_MADV_DONTNEED_LOCKED},
    {NULL, 0},
};

static bool small_flags(struct history_text text, const struct history_word *words,
                        uint32_t *value)
{
    uint64_t wide;
    if (!history_flags(text, words, &wide)) {
        return false;
    }
    /* No flag that matters here lies above bit 31. */
    *value = (uint32_t)wide;
    return true;
}

static bool read_range(const struct history_call *call, struct history_event *event)
{
    return call->count >= 2 && history_number(call->arguments[0], &event->start) &&
           history_number(call->arguments[1], &event->bytes);
}

static bool read_protection(struct history_text text, struct history_event *event)
{
    uint64_t wide;
    if (!history_flags(text, protections, &wide)) {
        return false;
    }
    event->protection =
        (uint8_t)(wide & (HISTORY_PROT_READ | HISTORY_PROT_WRITE | HISTORY_PROT_EXEC));
    return true;
}

static const char *read_mmap(const struct history_call *call,
                             struct history_event *event, struct history_text *path)
{
    int64_t fd;
    if (call->count != 6 || !read_range(call, event)) {
        return "mmap: address and length expected";
    }
    if (!read_protection(call->arguments[2], event) ||
        !small_flags(call->arguments[3], map_flags, &event->flags)) {
        return "mmap: protection and flags expected";
    }
    if (!history_descriptor(call->arguments[4], &fd, path)) {
        return "mmap: descriptor expected";
    }
    event->fd = (int32_t)fd;
    return NULL;
}

static const char *read_mremap(const struct history_call *call,
                               struct history_event *event, struct history_text *path)
{
    (void)path;
    if (call->count < 4 || !read_range(call, event) ||
        !history_number(call->arguments[2], &event->new_bytes) ||
        !small_flags(call->arguments[3], remap_flags, &event->flags)) {
        return "mremap: range, new length and flags expected";
    }
    return NULL;
}

static const char *read_munmap(const struct history_call *call,
                               struct history_event *event, struct history_text *path)
{
    (void)path;
    return read_range(call, event) ? NULL : "munmap: range expected";
}

static const char *read_mprotect(const struct history_call *call,
                                 struct history_event *event, struct history_text *path)
{
    (void)path;
    if (call->count < 3 || !read_range(call, event) ||
        !read_protection(call->arguments[2], event)) {
        return "mprotect: range and protection expected";
    }
    return NULL;
}

static const char *read_madvise(const struct history_call *call,
                                struct history_event *event, struct history_text *path)
{
    (void)path;
    if (call->count != 3 || !read_range(call, event) ||
        !small_flags(call->arguments[2], advices, &event->flags)) {
        return "madvise: range and advice expected";
    }
    return NULL;
}

static const char *read_brk(const struct history_call *call,
                            struct history_event *event, struct history_text *path)
{
    (void)path;
    if (call->count != 1 || !history_number(call->arguments[0], &event->start)) {
        return "brk: address expected";
    }
    return NULL;
}

/* map_shadow_stack(addr, size, flags) makes a mapping, as mmap does. */
static const char *read_shadow_stack(const struct history_call *call,
                                     struct history_event *event,
                                     struct history_text *path)
{
    (void)path;
    event->flags = HISTORY_MAP_ANONYMOUS | HISTORY_MAP_STACK;
    event->protection = HISTORY_PROT_READ;
    return read_range(call, event) ? NULL : "map_shadow_stack: range expected";
}

/* Behind a field's name up to what ends its value. */
static struct history_text field_value(struct history_text text, const char *name)
{
    const char *at = history_find(text, name);
    if (at == NULL) {
        return (struct history_text){text.end, text.end};
    }
    struct history_text value = {at, text.end};
    (void)history_skip(&value, name);
    for (const char *end = value.at; end < text.end; end++) {
        if (*end == ',' || *end == '}' || *end == ')') {
            value.end = end;
            break;
        }
    }
    return value;
}

/* clone(child_stack=TOP, flags=F, ...) or clone3({flags=F, stack=LOW, ...}, bytes). */
static const char *read_clone(const struct history_call *call,
                              struct history_event *event, struct history_text *path)
{
    (void)path;
    if (call->count == 0) {
        return "clone: flags expected";
    }
    const size_t kept =
        call->count < HISTORY_MAX_ARGUMENTS ? call->count : HISTORY_MAX_ARGUMENTS;
    const struct history_text all = {call->arguments[0].at,
                                     call->arguments[kept - 1].end};
    const struct history_text flags = field_value(all, "flags=");
    if (!small_flags(flags, clone_flags, &event->flags)) {
        return "clone: flags expected";
    }
    if (!history_field(all, "child_stack", &event->start)) {
        (void)history_field(all, "stack", &event->start);
        (void)history_field(all, "stack_size", &event->bytes);
    }
    return NULL;
}

static const char *read_fork(const struct history_call *call,
                             struct history_event *event, struct history_text *path)
{
    (void)call;
    (void)event;
    (void)path;
    return NULL;
}

static const char *read_vfork(const struct history_call *call,
                              struct history_event *event, struct history_text *path)
{
    (void)call;
    (void)path;
    event->flags = HISTORY_CLONE_VM | HISTORY_CLONE_VFORK;
    return NULL;
}

/* waitid tells whom it found in its second structure, not in its result. */
static const char *read_waitid(const struct history_call *call,
                               struct history_event *event, struct history_text *path)
{
    (void)path;
    uint64_t pid;
    event->result = 0;
    if (call->count >= 3 && history_field(call->arguments[2], "si_pid", &pid)) {
        event->result = pid;
    }
    return NULL;
}

typedef const char *(*interpreter)(const struct history_call *call,
                                   struct history_event *event,
                                   struct history_text *path);

struct known_call {
    const char *name;
    enum history_kind kind;
    interpreter read; /* NULL: only the result matters */
};

static const struct known_call known_calls[] = {
    {"mprotect", HISTORY_MPROTECT, read_mprotect},
    {"mmap", HISTORY_MMAP, read_mmap},
    {"munmap", HISTORY_MUNMAP, read_munmap},
    {"madvise", HISTORY_MADVISE, read_madvise},
    {"brk", HISTORY_BRK, read_brk},
    {"mmap2", HISTORY_MMAP, read_mmap},
    {"mremap", HISTORY_MREMAP, read_mremap},
    {"pkey_mprotect", HISTORY_MPROTECT, read_mprotect},
    {"map_shadow_stack", HISTORY_SHADOW_STACK, read_shadow_stack},
    {"clone3", HISTORY_CLONE, read_clone},
    {"clone", HISTORY_CLONE, read_clone},
    {"clone2", HISTORY_CLONE, read_clone},
    {"fork", HISTORY_CLONE, read_fork},
    {"vfork", HISTORY_CLONE, read_vfork},
    {"execve", HISTORY_EXECVE, NULL},
    {"execveat", HISTORY_EXECVE, NULL},
    {"execv", HISTORY_EXECVE, NULL},
    {"wait4", HISTORY_WAIT, NULL},
    {"waitpid", HISTORY_WAIT, NULL},
    {"waitid", HISTORY_WAIT, read_waitid},
    {"exit", HISTORY_EXIT, NULL},
    {"_exit", HISTORY_EXIT, NULL},
    {"exit_group", HISTORY_EXIT, NULL},
    /* The size of a segment is not in the line. */
    {"shmat", HISTORY_UNTOLD, NULL},
    {"shmdt", HISTORY_UNTOLD, NULL},
    /* Another layout of arguments, on other machines. */
    {"old_mmap", HISTORY_UNTOLD, NULL},
    {"uselib", HISTORY_UNTOLD, NULL},
    {NULL, HISTORY_OTHER_CALL, NULL},
};

/* Of %memory and %process, and without effect on which range is whose. */
static const char *const no_effect[] = {
    "mlock",
    "mlock2",
    "mlockall",
    "munlock",
    "munlockall",
    "msync",
    "mincore",
    "mbind",
    "set_mempolicy",
    "get_mempolicy",
    "migrate_pages",
    "move_pages",
    "set_mempolicy_home_node",
    "remap_file_pages",
    "mseal",
    "process_madvise",
    "process_mrelease",
    "cachestat",
    "pkey_alloc",
    "pkey_free",
    "memfd_secret",
    "membarrier",
    "kill",
    "tkill",
    "tgkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "pidfd_open",
    "pidfd_send_signal",
    "pidfd_getfd",
    "unshare",
    "setns",
    "arch_prctl",
    "set_thread_area",
    "get_thread_area",
    "getpagesize",
    "subpage_prot",
    NULL,
};

static bool is_no_effect(struct history_text name)
{
    for (const char *const *known = no_effect; *known != NULL; known++) {
        if (history_text_is(name, *known)) {
            return true;
        }
    }
    return false;
}

const char *history_interpret(const struct history_call *call,
                              struct history_event *event, struct history_text *path)
{
    struct history_result result;
    *path = (struct history_text){call->name.end, call->name.end};
    const char *wrong = history_read_result(call->result, &result);
    if (wrong != NULL) {
        return wrong;
    }
    event->known = result.known;
    event->failed = result.failed;
    event->no_memory = result.no_memory;
    event->result = result.value;
    event->fd = -1;
    const struct known_call *known = known_calls;
    while (known->name != NULL && !history_text_is(call->name, known->name)) {
        known++;
    }
    event->kind = (uint8_t)known->kind;
    if (known->name == NULL && is_no_effect(call->name)) {
        event->kind = HISTORY_NO_EFFECT;
    }
    return known->read == NULL ? NULL : known->read(call, event, path);
}

const char *history_kind_name(enum history_kind kind)
{
    static const char *const names[HISTORY_KIND_COUNT] = {
        [HISTORY_MMAP] = "mmap",
        [HISTORY_MUNMAP] = "munmap",
        [HISTORY_MREMAP] = "mremap",
        [HISTORY_MPROTECT] = "mprotect",
        [HISTORY_MADVISE] = "madvise",
        [HISTORY_BRK] = "brk",
        [HISTORY_SHADOW_STACK] = "map_shadow_stack",
        [HISTORY_CLONE] = "clone",
        [HISTORY_EXECVE] = "execve",
        [HISTORY_WAIT] = "wait",
        [HISTORY_EXIT] = "exit",
        [HISTORY_GONE] = "end of thread",
        [HISTORY_UNTOLD] = "untold effect",
        [HISTORY_NO_EFFECT] = "no effect",
        [HISTORY_OTHER_CALL] = "other call",
    };
    return (unsigned)kind < HISTORY_KIND_COUNT ? names[kind] : "?";
}
