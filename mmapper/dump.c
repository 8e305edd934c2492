/* SPDX-License-Identifier: MIT */
/*
 * The dump for another process, from a signal handler if need be: text is made by hand into
 * a small buffer, since snprintf is not among what a handler may call.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mmapper/call.h"

enum {
    DUMP_VERSION = 1,
    DUMP_BUFFER_BYTES = 512, /* on the stack of whom a signal interrupted */
};

struct dump {
    mm_dump_sink sink;
    void *argument;
    int error; /* the first one of the sink; nothing is written after it */
    size_t used;
    char buffer[DUMP_BUFFER_BYTES];
};

static void flush(struct dump *dump)
{
    if (dump->error == 0 && dump->used > 0) {
        dump->error = dump->sink(dump->argument, dump->buffer, dump->used);
    }
    dump->used = 0;
}

static void add_char(struct dump *dump, char c)
{
    if (dump->used == sizeof dump->buffer) {
        flush(dump);
    }
    dump->buffer[dump->used++] = c;
}

static void add(struct dump *dump, const char *text)
{
    for (; *text != '\0'; text++) {
        add_char(dump, *text);
    }
}

static const char hex_digits[] = "0123456789abcdef";

static void add_number(struct dump *dump, uint64_t value, unsigned base)
{
    char digits[20]; /* of 2^64 - 1 in decimal */
    unsigned count = 0;
    do {
        digits[count++] = hex_digits[value % base];
        value /= base;
    } while (value > 0);
    while (count > 0) {
        add_char(dump, digits[--count]);
    }
}

static void add_address(struct dump *dump, uintptr_t address)
{
    add(dump, " 0x");
    add_number(dump, address, 16);
}

static void add_extent(struct dump *dump, struct mm_extent extent)
{
    add_address(dump, extent.start);
    add_address(dump, mm_extent_end(extent));
}

static void add_quoted(struct dump *dump, const char *text)
{
    add(dump, " \"");
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
            add_char(dump, *text);
        } else {
            add(dump, "\\x");
            add_char(dump, hex_digits[c >> 4]);
            add_char(dump, hex_digits[c & 15]);
        }
    }
    add_char(dump, '"');
}

/* A line with a number: "KEY[.PART] VALUE". */
static void add_value(struct dump *dump, const char *key, const char *part,
                      uint64_t value)
{
    add(dump, key);
    if (part != NULL) {
        add_char(dump, '.');
        add(dump, part);
    }
    add_char(dump, ' ');
    add_number(dump, value, 10);
    add_char(dump, '\n');
}

static void add_head(struct dump *dump, const struct mmapper *mapper)
{
    const struct mmap_support *support = mapper->support;
    add_value(dump, "mmapper-dump", NULL, DUMP_VERSION);
    /* Not through the support: it asks for nothing and cannot fail. */
    add_value(dump, "process", NULL, (uint64_t)getpid());
    add(dump, "mapper");
    add_extent(dump, mm_extent_of((uintptr_t)mapper, mapper->memory_bytes));
    add(dump, "\nprefix");
    add_quoted(dump, support->annotation_prefix != NULL ? support->annotation_prefix
                                                        : "mmapper");
    add(dump, "\nwindow");
    add_extent(dump, mmapper_window(mapper));
    add(dump, "\n");
    add_value(dump, "chunk", NULL, mmapper_chunk_bytes(mapper));
    add_value(dump, "page", NULL, support->page_bytes);
}

static void add_statistics(struct dump *dump, const struct mmapper *mapper)
{
    struct mm_statistics found;
    mmapper_statistics(mapper, &found);
    for (unsigned i = 0; i < MM_OS_CALL_COUNT; i++) {
        const char *name = mm_os_call_name((enum mm_os_call)i);
        add_value(dump, "statistic os_calls", name, found.os_calls[i]);
        add_value(dump, "statistic os_failures", name, found.os_failures[i]);
    }
    add_value(dump, "statistic conflicts", NULL, found.conflicts);
    add_value(dump, "statistic busy", NULL, found.busy);
    add_value(dump, "statistic races_lost", NULL, found.races_lost);
    add_value(dump, "statistic waits", NULL, found.waits);
    add_value(dump, "statistic regions_split", NULL, found.regions_split);
    add_value(dump, "statistic owners", NULL, found.owners);
    for (unsigned i = 0; i < MM_STATE_COUNT; i++) {
        add_value(dump, "statistic chunks", mm_state_name((enum mm_state)i),
                  found.chunks[i]);
    }
}

/* " KEY=VALUE,KEY=VALUE": where a strategy is not the default; and whether the owner has
 * ever protected or guarded pages, so that some may have less access. */
static void add_strategy(struct dump *dump, struct mm_strategy strategy, bool protects)
{
    const struct {
        bool differs;
        const char *text;
    } parts[] = {
        {strategy.backing == MM_BACKING_EXTERNAL, "backing=external"},
        {strategy.protection == MM_PROTECTION_RWX, "protection=rwx"},
        {strategy.huge_pages == MM_HUGE_PAGES_TRANSPARENT, "huge_pages=transparent"},
        {strategy.accounting == MM_UNACCOUNTED, "accounting=unaccounted"},
    };
    char separator = ' ';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].differs) {
            add_char(dump, separator);
            add(dump, parts[i].text);
            separator = ',';
        }
    }
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {
        {"commit_ahead=", strategy.commit_ahead},
        {strategy.numa == MM_NUMA_PREFER ? "numa_prefer=" : "numa_interleave=",
         strategy.numa_nodes},
        {"protects=", protects},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].value != 0) {
            add_char(dump, separator);
            add(dump, numbers[i].key);
            add_number(dump, numbers[i].value, 10);
            separator = ',';
        }
    }
    if (separator == ' ') {
        add(dump, " default");
    }
}

/* What the owner's entry says is believed only if the run is still his afterwards: the
 * entry may have become somebody else's meanwhile. (One who got the entry and the same
 * chunk, both, in the course of this line is told by its name, and not by its strategy.) */
static void add_owner(struct dump *dump, const struct mmapper *mapper,
                      const struct mm_run *run)
{
    struct mm_holder holder;
    add_char(dump, ' ');
    add_number(dump, (uint64_t)(run->owner - mapper->owners.owners), 10);
    const bool live = mm_owner_describe(run->owner, &holder);
    const struct mm_strategy strategy = mm_owner_strategy(run->owner);
    const bool protects = owner_has_odd_pages(run->owner);
    if (!live || mmapper_lookup(mapper, run->extent.start).owner != run->owner) {
        add(dump, " - - -\n");
        return;
    }
    add_char(dump, ' ');
    add(dump, mm_kind_name(holder.kind));
    add_strategy(dump, strategy, protects);
    add_quoted(dump, holder.name);
    add_char(dump, '\n');
}

static void add_runs(struct dump *dump, const struct mmapper *mapper)
{
    struct mm_run run;
    uint64_t runs = 0;
    for (uintptr_t at = mapper->table.base;
         dump->error == 0 && mmapper_next_run(mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (run.state == MM_UNMAPPED) {
            continue;
        }
        runs++;
        add(dump, "run");
        add_extent(dump, run.extent);
        add_char(dump, ' ');
        add(dump, mm_state_name(run.state));
        add_owner(dump, mapper, &run);
    }
    add_value(dump, "end", NULL, runs);
}

/* A record by hand: nothing is counted, so that the mapper stays as it was. */
static enum mm_status fail(const struct mmapper *mapper, enum mm_status status,
                           const char *detail, int os_error, struct mm_error *error)
{
    if (error != NULL) {
        memset(error, 0, sizeof *error);
        error->status = status;
        error->operation = MM_OPERATION_WRITE_DUMP;
        error->detail = detail;
        error->request = mmapper_window(mapper);
        error->os_call = MM_OS_NONE;
        error->os_error = os_error;
    }
    return status;
}

enum mm_status mmapper_write_dump(const struct mmapper *mapper, mm_dump_sink sink,
                                  void *argument, struct mm_error *error)
{
    struct dump dump;
    if (sink == NULL) {
        return fail(mapper, MM_INVALID_ARGUMENT, "there is no sink", 0, error);
    }
    dump.sink = sink;
    dump.argument = argument;
    dump.error = 0;
    dump.used = 0;
    add_head(&dump, mapper);
    add_statistics(&dump, mapper);
    add_runs(&dump, mapper);
    flush(&dump);
    if (dump.error != 0) {
        return fail(mapper, MM_OS_ERROR, "the dump could not be written to its end",
                    dump.error, error);
    }
    return MM_OK;
}

static int write_all(void *argument, const char *text, size_t bytes)
{
    const int descriptor = *(const int *)argument;
    const int saved_errno = errno;
    int error = 0;
    while (bytes > 0 && error == 0) {
        const ssize_t written = write(descriptor, text, bytes);
        if (written > 0) {
            text += written;
            bytes -= (size_t)written;
        } else if (written == 0) {
            error = EIO; /* no progress, and no reason given: do not try for ever */
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    errno = saved_errno;
    return error;
}

enum mm_status mmapper_write_dump_to(const struct mmapper *mapper, int descriptor,
                                     struct mm_error *error)
{
    return mmapper_write_dump(mapper, write_all, &descriptor, error);
}
