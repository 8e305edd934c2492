/* SPDX-License-Identifier: MIT */
/*
 * Names of the public enumerations, and the error record as a line of text.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mmapper/mmapper.h"
#include "mmapper/text.h"

#define NAME_IN(names, index)                                                          \
    ((unsigned)(index) < sizeof(names) / sizeof *(names) ? (names)[(unsigned)(index)]  \
                                                         : "?")

const char *mm_status_name(enum mm_status status)
{
    static const char *const names[] = {
        [MM_OK] = "ok",
        [MM_CONFLICT] = "conflict",
        [MM_BUSY] = "busy",
        [MM_NO_MEMORY] = "no memory",
        [MM_NO_SPACE] = "no space",
        [MM_INVALID_ARGUMENT] = "invalid argument",
        [MM_OUT_OF_RANGE] = "out of range",
        [MM_UNKNOWN_OWNER] = "unknown owner",
        [MM_WRONG_STATE] = "wrong state",
        [MM_LIMIT] = "limit reached",
        [MM_OS_ERROR] = "system error",
    };
    return NAME_IN(names, status);
}

const char *mm_state_name(enum mm_state state)
{
    static const char *const names[] = {
        [MM_UNMAPPED] = "unmapped",         [MM_RESERVING] = "reserving",
        [MM_QUARANTINED] = "quarantined",   [MM_MAPPED] = "mapped",
        [MM_DECOMMITTING] = "decommitting", [MM_RELEASING] = "releasing",
        [MM_TRANSFERRING] = "transferring", [MM_EXCLUDED] = "excluded",
        [MM_SEALING] = "sealing",           [MM_SEALED] = "sealed",
    };
    return NAME_IN(names, state);
}

const char *mm_operation_name(enum mm_operation operation)
{
    static const char *const names[] = {
        [MM_OPERATION_CREATE] = "create",
        [MM_OPERATION_DESTROY] = "destroy",
        [MM_OPERATION_REGISTER_OWNER] = "register_owner",
        [MM_OPERATION_UNREGISTER_OWNER] = "unregister_owner",
        [MM_OPERATION_QUARANTINE] = "quarantine",
        [MM_OPERATION_ENSURE_MAPPED] = "ensure_mapped",
        [MM_OPERATION_DECOMMIT] = "decommit",
        [MM_OPERATION_RELEASE] = "release",
        [MM_OPERATION_TRANSFER] = "transfer",
        [MM_OPERATION_ADOPT] = "adopt",
        [MM_OPERATION_EXCLUDE] = "exclude",
        [MM_OPERATION_OWNER_CHUNKS] = "owner_chunks",
        [MM_OPERATION_VERIFY] = "verify",
        [MM_OPERATION_FORK] = "after_fork_in_child",
        [MM_OPERATION_PROTECT] = "protect",
        [MM_OPERATION_GUARD] = "guard",
        [MM_OPERATION_SEAL] = "seal",
        [MM_OPERATION_COLLAPSE] = "collapse",
        [MM_OPERATION_RESIDENCY] = "residency",
        [MM_OPERATION_WRITE_DUMP] = "write_dump",
    };
    return NAME_IN(names, operation);
}

const char *mm_os_call_name(enum mm_os_call call)
{
    static const char *const names[] = {
        [MM_OS_RESERVE] = "reserve",
        [MM_OS_COMMIT] = "commit",
        [MM_OS_DECOMMIT] = "decommit",
        [MM_OS_RELEASE] = "release",
        [MM_OS_ADVISE] = "advise",
        [MM_OS_ANNOTATE] = "annotate",
        [MM_OS_EACH_MAPPING] = "each_mapping",
        [MM_OS_ACQUIRE_TABLE] = "acquire_table",
        [MM_OS_RELEASE_TABLE] = "release_table",
        [MM_OS_PROTECT] = "protect",
        [MM_OS_GUARD] = "guard",
        [MM_OS_UNGUARD] = "unguard",
        [MM_OS_SEAL] = "seal",
        [MM_OS_IS_SEALED] = "is_sealed",
        [MM_OS_COLLAPSE] = "collapse",
        [MM_OS_RESIDENCY] = "residency",
        [MM_OS_NONE] = "none",
    };
    return NAME_IN(names, call);
}

const char *mm_kind_name(enum mm_kind kind)
{
    static const char *const names[] = {
        [MM_KIND_SPACE] = "space",
        [MM_KIND_IMMORTAL] = "immortal",
        [MM_KIND_FREELIST] = "freelist",
        [MM_KIND_SIDE_METADATA] = "side-metadata",
        [MM_KIND_RUNTIME_IMAGE] = "runtime-image",
        [MM_KIND_MISC] = "misc",
        [MM_KIND_TEST] = "test",
    };
    return NAME_IN(names, kind);
}

const char *mm_memory_cause_name(enum mm_memory_cause cause)
{
    static const char *const names[] = {
        [MM_CAUSE_NONE] = "none",
        [MM_CAUSE_UNKNOWN] = "unknown",
        [MM_CAUSE_COMMIT_LIMIT] = "commit limit",
        [MM_CAUSE_ADDRESS_SPACE] = "RLIMIT_AS",
        [MM_CAUSE_DATA_SIZE] = "RLIMIT_DATA",
        [MM_CAUSE_MAP_COUNT] = "vm.max_map_count",
    };
    return NAME_IN(names, cause);
}

const char *mm_difference_kind_name(enum mm_difference_kind kind)
{
    static const char *const names[] = {
        [MM_DIFFERENCE_MISSING] = "missing",
        [MM_DIFFERENCE_PROTECTION] = "protection",
        [MM_DIFFERENCE_BACKING] = "backing",
        [MM_DIFFERENCE_UNOWNED] = "unowned",
        [MM_DIFFERENCE_UNSEALED] = "unsealed",
        [MM_NOTE_ACCESSIBLE] = "note: accessible",
        [MM_NOTE_PROTECTED] = "note: protected",
    };
    return NAME_IN(names, kind);
}

void mm_text_init(struct text *text, char *buffer, size_t bytes)
{
    text->buffer = buffer;
    text->bytes = bytes;
    text->length = 0;
    if (bytes > 0) {
        buffer[0] = '\0';
    }
}

void mm_text_add(struct text *text, const char *format, ...)
{
    const bool room = text->length < text->bytes;
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(room ? text->buffer + text->length : NULL,
                  room ? text->bytes - text->length : 0, format, arguments);
    va_end(arguments);
    if (length > 0) {
        text->length += (size_t)length;
    }
}

void mm_text_add_extent(struct text *text, struct mm_extent extent)
{
    mm_text_add(text, "0x%" PRIxPTR "-0x%" PRIxPTR, extent.start,
                extent.start + extent.bytes);
}

void mm_text_add_bytes(struct text *text, size_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 &&
           unit + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        unit++;
    }
    mm_text_add(text, "%zu %s", bytes, units[unit]);
}

static void add_holder(struct text *text, const struct mm_error *error)
{
    const struct mm_holder *holder = &error->holder;
    mm_text_add(text, "; 0x%" PRIxPTR " is %s", error->address,
                mm_state_name(holder->state));
    if (holder->owner != NULL) {
        mm_text_add(text, " for %s \"%s\"", mm_kind_name(holder->kind), holder->name);
    }
}

static void add_foreign(struct text *text, const struct mm_mapping *foreign)
{
    mm_text_add(text, "; the kernel lists ");
    mm_text_add_extent(text, foreign->extent);
    mm_text_add(text, " %c%c%c%c %s", foreign->access & MM_ACCESS_READ ? 'r' : '-',
                foreign->access & MM_ACCESS_WRITE ? 'w' : '-',
                foreign->access & MM_ACCESS_EXECUTE ? 'x' : '-',
                foreign->shared ? 's' : 'p',
                foreign->name[0] != '\0' ? foreign->name : "(anonymous)");
}

size_t mm_error_format(const struct mm_error *error, char *text, size_t bytes)
{
    struct text line;
    mm_text_init(&line, text, bytes);
    mm_text_add(&line, "%s", mm_operation_name(error->operation));
    if (error->request.bytes > 0) {
        mm_text_add(&line, " of ");
        mm_text_add_extent(&line, error->request);
        mm_text_add(&line, " (");
        mm_text_add_bytes(&line, error->request.bytes);
        mm_text_add(&line, ")");
    }
    mm_text_add(&line, ": %s: %s", mm_status_name(error->status),
                error->detail != NULL ? error->detail : "?");
    if (error->holder.owner != NULL || error->holder.state != MM_UNMAPPED) {
        add_holder(&line, error);
    } else if (error->address != 0) {
        mm_text_add(&line, "; at 0x%" PRIxPTR, error->address);
    }
    if (error->foreign.extent.bytes > 0) {
        add_foreign(&line, &error->foreign);
    }
    if (error->os_call != MM_OS_NONE) {
        mm_text_add(&line, "; %s gave errno %d", mm_os_call_name(error->os_call),
                    error->os_error);
    } else if (error->os_error != 0) {
        mm_text_add(&line, "; errno %d", error->os_error);
    }
    if (error->cause != MM_CAUSE_NONE) {
        mm_text_add(&line, "; cause: %s", mm_memory_cause_name(error->cause));
    }
    return line.length;
}
