/* SPDX-License-Identifier: MIT */
#include "guard/record.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "guard/kernel.h"
#include "guard/origin.h"

/* Room that frames leave for the end of the line. */
enum { END_BYTES = 16, THREAD_NAME_BYTES = 16 };

/* The program's descriptors are its own to close, so the file is opened each time. Where
 * that cannot be (another root, other rights by now) the line goes to standard error,
 * rather than nowhere. */
static void write_line(struct guard_text *text, const char *path)
{
    enum { STANDARD_ERROR = 2 };
    guard_text_raw(text, "\n");
    const long file = guard_kernel(SYS_openat, AT_FDCWD, (long)path,
                                   O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    const long to = guard_failed(file) ? STANDARD_ERROR : file;
    (void)guard_kernel(SYS_write, to, (long)text->at, (long)text->bytes, 0);
    if (!guard_failed(file)) {
        (void)guard_kernel(SYS_close, file, 0, 0, 0);
    }
}

static struct guard_text begin(struct guard_record *record, const char *event)
{
    struct guard_text text = {.at = record->bytes, .capacity = sizeof(record->bytes)};
    guard_text_raw(&text, "{\"event\": \"");
    guard_text_raw(&text, event);
    guard_text_raw(&text, "\", \"pid\": ");
    guard_text_number(&text, (uint64_t)guard_kernel(SYS_getpid, 0, 0, 0, 0));
    return text;
}

/* An object's path, or the program's, whose path the loader does not keep. */
static void put_path(struct guard_record *record, struct guard_text *text,
                     const char *object)
{
    if (object[0] == '\0') {
        const long bytes =
            guard_kernel(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe",
                         (long)record->program, sizeof(record->program) - 1);
        record->program[bytes > 0 ? bytes : 0] = '\0';
        object = record->program;
    }
    guard_text_string(text, object);
}

void guard_record_process(struct guard_record *record, const char *path)
{
    struct guard_text text = begin(record, "process");
    guard_text_raw(&text, ", \"program\": ");
    put_path(record, &text, "");
    guard_text_raw(&text, "}");
    write_line(&text, path);
}

void guard_record_mapper(struct guard_record *record, const char *path,
                         const char *object)
{
    struct guard_text text = begin(record, "mapper");
    guard_text_raw(&text, ", \"object\": ");
    put_path(record, &text, object);
    guard_text_raw(&text, "}");
    write_line(&text, path);
}

void guard_record_problem(struct guard_record *record, const char *path,
                          const char *problem)
{
    struct guard_text text = begin(record, "problem");
    guard_text_raw(&text, ", \"problem\": ");
    guard_text_string(&text, problem);
    guard_text_raw(&text, "}");
    write_line(&text, path);
}

static void put_bool(struct guard_text *text, const char *name, bool value)
{
    guard_text_raw(text, ", \"");
    guard_text_raw(text, name);
    guard_text_raw(text, value ? "\": true" : "\": false");
}

static void put_address(struct guard_text *text, const char *name, uintptr_t address)
{
    guard_text_raw(text, ", \"");
    guard_text_raw(text, name);
    guard_text_raw(text, "\": ");
    guard_text_hex(text, address);
}

static void put_hit(struct guard_text *text, const struct guard_hit *hit)
{
    const struct guard_range range = hit->reach.range;
    const struct guard_range managed = guard_range_common(range, hit->held.range);
    guard_text_raw(text, "{\"how\": ");
    guard_text_string(text, hit->reach.how);
    put_address(text, "start", range.start);
    put_address(text, "end", range.end);
    put_address(text, "from", managed.start);
    put_address(text, "to", managed.end);
    put_bool(text, "table", hit->held.table);
    guard_text_raw(text, ", \"name\": ");
    guard_text_string(text, hit->held.name);
    guard_text_raw(text, "}");
}

/* Frames that have no room are left out: the line stays whole. */
static void put_frames(struct guard_record *record, struct guard_text *text,
                       const struct guard_frames *frames)
{
    text->capacity -= END_BYTES;
    for (size_t i = 0; i < frames->count && !text->cut; i++) {
        struct guard_object object;
        const size_t before = text->bytes;
        guard_text_raw(text, i == 0 ? "{\"pc\": " : ", {\"pc\": ");
        guard_text_hex(text, frames->pc[i]);
        if (guard_object_at(frames->pc[i] + 1, &object)) {
            guard_text_raw(text, ", \"object\": ");
            put_path(record, text, object.path);
            put_address(text, "offset", frames->pc[i] - object.bias);
        }
        guard_text_raw(text, "}");
        if (text->cut) {
            text->bytes = before;
        }
    }
    text->cut = false;
    text->capacity += END_BYTES;
}

void guard_record_bypass(struct guard_record *record, const char *path,
                         const struct guard_bypass *bypass)
{
    struct guard_text text = begin(record, "bypass");
    char thread[THREAD_NAME_BYTES] = "";
    (void)guard_kernel(SYS_prctl, PR_GET_NAME, (long)thread, 0, 0);
    guard_text_raw(&text, ", \"tid\": ");
    guard_text_number(&text, (uint64_t)guard_kernel(SYS_gettid, 0, 0, 0, 0));
    guard_text_raw(&text, ", \"thread\": ");
    guard_text_string(&text, thread);
    guard_text_raw(&text, ", \"program\": ");
    put_path(record, &text, "");
    guard_text_raw(&text, ", \"call\": ");
    guard_text_string(&text, guard_call_name(bypass->call->number));
    guard_text_raw(&text, ", \"arguments\": [");
    for (size_t i = 0; i < GUARD_ARGUMENTS; i++) {
        guard_text_raw(&text, i == 0 ? "" : ", ");
        guard_text_hex(&text, (uint64_t)bypass->call->arguments[i]);
    }
    guard_text_raw(&text, "]");
    put_bool(&text, "denied", bypass->denied);
    put_bool(&text, "placed", bypass->placed);
    put_bool(&text, "more", bypass->more);
    guard_text_raw(&text, ", \"hits\": [");
    for (size_t i = 0; i < bypass->count; i++) {
        guard_text_raw(&text, i == 0 ? "" : ", ");
        put_hit(&text, &bypass->hits[i]);
    }
    guard_text_raw(&text, "], \"frames\": [");
    put_frames(record, &text, &bypass->frames);
    guard_text_raw(&text, "]}");
    write_line(&text, path);
}
