/* SPDX-License-Identifier: MIT */
#include "stress/history_reader.h"

#include <stdlib.h>
#include <string.h>

#include "stress/history_calls.h"
#include "stress/history_grow.h"
#include "stress/history_pending.h"
#include "stress/history_prefix.h"
#include "stress/history_syntax.h"

struct reader {
    struct history *history;
    size_t event_capacity;
    size_t path_capacity;
    struct history_pending_table pending;
    char *joined;
    size_t joined_capacity;
    uint64_t line;
    bool cut; /* strace wrote a note into the middle of the line of cut_pid */
    uint32_t cut_pid;
};

static void unreadable(struct reader *reader, struct history_text text,
                       const char *reason)
{
    struct history *history = reader->history;
    if (history->lines.unreadable < HISTORY_KEPT_LINES) {
        struct history_unreadable *kept = &history->kept[history->lines.unreadable];
        size_t bytes = history_text_bytes(text);
        bytes = bytes < sizeof(kept->text) - 1 ? bytes : sizeof(kept->text) - 1;
        memcpy(kept->text, text.at, bytes);
        kept->text[bytes] = '\0';
        kept->line = reader->line;
        kept->reason = reason;
    }
    history->lines.unreadable++;
}

static void begin_call(struct reader *reader, uint32_t pid, struct history_text text)
{
    reader->history->unfinished += history_pending_forget(&reader->pending, pid);
    history_pending_add(&reader->pending, pid, reader->line, text);
    reader->history->lines.begun++;
}

/* ------------------------------------------------------------------------ events */

static uint32_t keep_path(struct reader *reader, struct history_text path)
{
    struct history *history = reader->history;
    const size_t bytes = history_text_bytes(path);
    const size_t offset = history->path_bytes;
    if (bytes == 0 || offset + bytes + 1 > UINT32_MAX) {
        return 0;
    }
    history->paths =
        history_grow(history->paths, &reader->path_capacity, offset + bytes + 1, 1);
    memcpy(history->paths + offset, path.at, bytes);
    history->paths[offset + bytes] = '\0';
    history->path_bytes += bytes + 1;
    return (uint32_t)offset;
}

static void add_event(struct reader *reader, const struct history_event *event)
{
    struct history *history = reader->history;
    history->events = history_grow(history->events, &reader->event_capacity,
                                   history->count + 1, sizeof(*event));
    history->events[history->count++] = *event;
    history->kinds[event->kind]++;
    history->failed += event->failed ? 1 : 0;
    history->lines.events++;
}

/* No user address of any machine with 4-level or 5-level tables lies above. */
static bool possible_range(uint64_t start, uint64_t bytes)
{
    const uint64_t limit = UINT64_C(1) << 57;
    return start % 4096 == 0 && start <= limit && bytes <= limit - start;
}

/* The kernel accepted the call, so its range must be one. */
static const char *check_ranges(const struct history_event *event)
{
    static const char impossible[] = "the kernel would not accept that range";
    if (event->failed || !event->known) {
        return NULL;
    }
    switch ((enum history_kind)event->kind) {
    case HISTORY_MMAP:
    case HISTORY_SHADOW_STACK:
        return event->bytes > 0 && possible_range(event->result, event->bytes)
                   ? NULL
                   : impossible;
    case HISTORY_MREMAP:
        return event->new_bytes > 0 && possible_range(event->start, event->bytes) &&
                       possible_range(event->result, event->new_bytes)
                   ? NULL
                   : impossible;
    case HISTORY_MUNMAP:
        return event->bytes > 0 && possible_range(event->start, event->bytes)
                   ? NULL
                   : impossible;
    case HISTORY_MPROTECT:
    case HISTORY_MADVISE:
        return possible_range(event->start, event->bytes) ? NULL : impossible;
    case HISTORY_BRK:
        return event->result <= UINT64_C(1) << 57 ? NULL : impossible;
    case HISTORY_CLONE:
        return event->result > 0 && event->result <= INT32_MAX
                   ? NULL
                   : "that is not the number of a process";
    default:
        return NULL;
    }
}

static const char *read_call(struct reader *reader, uint32_t pid, uint64_t first_line,
                             struct history_text text)
{
    struct history_call call;
    struct history_event event = {.pid = pid, .first_line = first_line};
    struct history_text path;
    event.line = reader->line;
    const char *wrong = history_split_call(text, &call);
    if (wrong == NULL) {
        wrong = history_interpret(&call, &event, &path);
    }
    if (wrong == NULL) {
        wrong = check_ranges(&event);
    }
    if (wrong == NULL) {
        event.path = keep_path(reader, path);
        add_event(reader, &event);
    }
    return wrong;
}

/* ------------------------------------------------------------------- kinds of lines */

static bool ends_with(struct history_text *text, const char *word)
{
    const size_t bytes = strlen(word);
    if (history_text_bytes(*text) < bytes ||
        memcmp(text->end - bytes, word, bytes) != 0) {
        return false;
    }
    text->end -= bytes;
    return true;
}

/* What was begun and `rest` are one call, or its next piece. */
static const char *join_call(struct reader *reader, uint32_t pid,
                             struct history_pending *pending, struct history_text rest)
{
    const size_t bytes = pending->bytes + history_text_bytes(rest);
    reader->joined =
        history_grow(reader->joined, &reader->joined_capacity, bytes + 1, 1);
    memcpy(reader->joined, pending->text, pending->bytes);
    memcpy(reader->joined + pending->bytes, rest.at, history_text_bytes(rest));
    const uint64_t first_line = pending->line;
    history_pending_drop(&reader->pending, pending);
    struct history_text joined = {reader->joined, reader->joined + bytes};
    if (ends_with(&joined, "<unfinished ...>")) {
        begin_call(reader, pid, joined);
        return NULL;
    }
    return read_call(reader, pid, first_line, joined);
}

/* "<... NAME resumed>REST". */
static const char *resume_call(struct reader *reader, uint32_t pid,
                               struct history_text text)
{
    const char *close = history_find(text, " resumed>");
    if (close == NULL) {
        return "half a call without a name";
    }
    const struct history_text name = {text.at, close};
    const struct history_text rest = {close + strlen(" resumed>"), text.end};
    struct history_pending *pending = history_pending_find(&reader->pending, pid);
    if (pending == NULL) {
        return "the end of a call of which the beginning is missing";
    }
    const size_t name_bytes = history_text_bytes(name);
    if (pending->bytes <= name_bytes ||
        memcmp(pending->text, name.at, name_bytes) != 0 ||
        pending->text[name_bytes] != '(') {
        return "the end of another call than the one that began";
    }
    return join_call(reader, pid, pending, rest);
}

static void end_of_thread(struct reader *reader, uint32_t pid, struct history_text text)
{
    struct history_event event = {.pid = pid, .kind = HISTORY_GONE, .known = true};
    uint64_t other;
    event.line = event.first_line = reader->line;
    event.fd = -1;
    if (history_skip(&text, "superseded by execve in pid ") &&
        history_take_decimal(&text, &other) && other <= UINT32_MAX) {
        /* The leader's number now is the one of the thread that called execve, whose
         * call goes on under it. */
        event.pid = (uint32_t)other;
        reader->history->unfinished +=
            history_pending_hand_on(&reader->pending, event.pid, pid);
    } else {
        reader->history->unfinished += history_pending_forget(&reader->pending, pid);
    }
    add_event(reader, &event);
}

/* "... <pid changed to N ...>": the call goes on under the leader's number. */
static bool changes_pid(struct history_text *text, uint32_t *pid)
{
    static const char word[] = "<pid changed to ";
    const char *at = history_find(*text, word);
    if (at == NULL) {
        return false;
    }
    struct history_text rest = {at + strlen(word), text->end};
    uint64_t number;
    if (!history_take_decimal(&rest, &number) || number > UINT32_MAX ||
        !history_text_is(rest, " ...>")) {
        return false;
    }
    text->end = at;
    *pid = (uint32_t)number;
    return true;
}

/* Without -o, "strace: Process N attached" may stand in the middle of a clone's line,
 * which goes on in the next: what is before the note has begun, the note is dropped. */
static bool cut_by_note(struct reader *reader, uint32_t pid, struct history_text *text)
{
    const char *note = history_find_note(*text);
    if (note == NULL || note == text->at || !ends_with(text, " attached")) {
        return false;
    }
    text->end = note;
    reader->cut = true;
    reader->cut_pid = pid;
    return true;
}

/* The line behind such a one. */
static const char *read_rest_of_cut(struct reader *reader, struct history_text text)
{
    struct history_pending *pending =
        history_pending_find(&reader->pending, reader->cut_pid);
    reader->cut = false;
    if (pending == NULL) {
        return "the end of a call of which the beginning is missing";
    }
    return join_call(reader, reader->cut_pid, pending, text);
}

static bool goes_on(const struct reader *reader, struct history_text text)
{
    return reader->cut && text.at < text.end && strchr(",)<", *text.at) != NULL &&
           !history_skip(&text, "<... ");
}

static const char *read_body(struct reader *reader, uint32_t pid,
                             struct history_text text)
{
    struct history_lines *lines = &reader->history->lines;
    if (goes_on(reader, text)) {
        return read_rest_of_cut(reader, text);
    }
    if (history_skip(&text, "+++ ")) {
        end_of_thread(reader, pid, text);
    } else if (history_skip(&text, "--- ")) {
        lines->signals++;
    } else if (history_skip(&text, "<... ")) {
        return resume_call(reader, pid, text);
    } else if (ends_with(&text, "<unfinished ...>") ||
               ends_with(&text, "<detached ...>") || changes_pid(&text, &pid) ||
               cut_by_note(reader, pid, &text)) {
        begin_call(reader, pid, text);
    } else {
        return read_call(reader, pid, reader->line, text);
    }
    return NULL;
}

static void read_line(struct reader *reader, struct history_text line)
{
    struct history_lines *lines = &reader->history->lines;
    uint32_t pid = 0;
    reader->line++;
    lines->total++;
    struct history_text text = history_trim(line);
    const enum history_prefix prefix = history_take_prefix(&text, &pid);
    if (prefix == HISTORY_PREFIX_BLANK) {
        lines->blank++;
    } else if (prefix == HISTORY_PREFIX_NOTE) {
        lines->notes++;
    } else if (prefix == HISTORY_PREFIX_WRONG) {
        unreadable(reader, line, "that is not the number of a process");
    } else {
        const char *wrong = read_body(reader, pid, text);
        if (wrong != NULL) {
            unreadable(reader, line, wrong);
        }
    }
}

/* -------------------------------------------------------------------------- public */

/* Mappings lie at multiples of the page size, so that the lowest bit that any of them
 * has set tells it. With few of them: 4 KiB. */
static uint64_t deduce_page_bytes(const struct history *history)
{
    enum { ENOUGH = 8, SMALLEST = 4096, LARGEST = 65536 };
    uint64_t bits = LARGEST;
    size_t seen = 0;
    for (size_t i = 0; i < history->count; i++) {
        const struct history_event *event = &history->events[i];
        if (event->kind == HISTORY_MMAP && event->known && !event->failed) {
            bits |= event->result;
            seen++;
        }
    }
    return seen < ENOUGH ? SMALLEST : bits & ~(bits - 1);
}

struct history *history_read(const char *text, size_t bytes)
{
    struct reader reader = {0};
    const char *end = text + bytes;
    size_t capacity = 0;
    struct history *history = history_grow(NULL, &capacity, 1, sizeof(*history));
    memset(history, 0, sizeof(*history));
    reader.history = history;
    history->paths = history_grow(NULL, &reader.path_capacity, 1, 1);
    history->paths[0] = '\0';
    history->path_bytes = 1;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline != NULL ? newline : end;
        read_line(&reader, (struct history_text){text, stop});
        text = newline != NULL ? newline + 1 : end;
    }
    history->unfinished += reader.pending.count;
    history_pending_free(&reader.pending);
    free(reader.joined);
    history->page_bytes = deduce_page_bytes(history);
    return history;
}

void history_free(struct history *history)
{
    if (history != NULL) {
        free(history->events);
        free(history->paths);
        free(history);
    }
}

const char *history_path(const struct history *history, uint32_t path)
{
    return path < history->path_bytes ? history->paths + path : "";
}
