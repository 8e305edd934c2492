/* SPDX-License-Identifier: MIT */
#include "stress/explore/program_forms.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const program_owner_names[OWNER_COUNT] = {"heap",  "other", "code", "image",
                                                      "guest", "extra", "again"};
const char *const program_protections[8] = {"none", "r",  "w",  "rw",
                                            "x",    "rx", "wx", "rwx"};
const char *const program_spaces[PROGRAM_SPACES] = {
    "immortal", "freelist", "metadata", "slots", "eager", "stripes", "binned"};

const struct op_form op_forms[OP_KIND_COUNT] = {
    [OP_QUARANTINE] = {NULL, "quarantine", true, true, 0},
    [OP_ANYWHERE] = {NULL, "anywhere", false, true, 0},
    [OP_PREFERRED] = {NULL, "preferred", true, true, 0},
    [OP_ENSURE] = {NULL, "ensure", true, true, 0},
    [OP_ENSURE_INSIDE] = {NULL, "ensure-inside", true, true, 0},
    [OP_DECOMMIT] = {NULL, "decommit", true, true, 0},
    [OP_RELEASE] = {NULL, "release", true, true, 0},
    [OP_TRANSFER] = {NULL, "transfer", true, true, 'o'},
    [OP_ADOPT] = {NULL, "adopt", true, true, 0},
    [OP_EXCLUDE] = {NULL, "exclude", true, true, 0},
    [OP_LOOKUP] = {NULL, "lookup", true, true, 0},
    [OP_IS_MAPPED] = {NULL, "is-mapped", true, true, 0},
    [OP_TOUCH] = {NULL, "touch", true, true, 0},
    [OP_REGISTER] = {NULL, "register", false, false, 0},
    [OP_UNREGISTER] = {NULL, "unregister", false, false, 0},
    [OP_VERIFY] = {NULL, "verify", false, false, 0},
    [OP_FOREIGN_MAP] = {"foreign", "map", true, true, 'p'},
    [OP_FOREIGN_UNMAP] = {"foreign", "unmap", true, true, 0},
    [OP_SEAL] = {NULL, "seal", true, true, 0},
    [OP_PROTECT] = {NULL, "protect", true, true, 'p'},
    [OP_GUARD] = {NULL, "guard", true, true, 0},
    [OP_IMMORTAL_ALLOC] = {"immortal", "alloc", false, true, 'n'},
    [OP_IMMORTAL_USAGE] = {"immortal", "usage", false, false, 0},
    [OP_FREELIST_ALLOC] = {"freelist", "alloc", true, true, 0},
    [OP_FREELIST_FREE] = {"freelist", "free", true, false, 0},
    [OP_FREELIST_TRIM] = {"freelist", "trim", false, false, 0},
    [OP_FREELIST_USAGE] = {"freelist", "usage", false, false, 0},
    [OP_METADATA_MAP] = {"metadata", "map", true, true, 0},
    [OP_METADATA_STORE] = {"metadata", "store", true, false, 'n'},
    [OP_METADATA_EXCHANGE] = {"metadata", "exchange", true, false, 'n'},
    [OP_METADATA_GUARD] = {"metadata", "guard", true, false, 'n'},
    [OP_METADATA_LOAD] = {"metadata", "load", true, false, 0},
    [OP_SLOT_TAKE] = {NULL, "take-slot", true, false, 0},
    [OP_SLOT_GIVE] = {NULL, "give-slot", true, false, 0},
    [OP_SLOT_OF] = {NULL, "space-of-slot", true, false, 0},
};

const char *program_owner_name(unsigned owner)
{
    return owner < OWNER_COUNT ? program_owner_names[owner] : "?";
}

bool op_has_owner(unsigned kind)
{
    return kind < OP_KIND_COUNT && op_forms[kind].what != NULL &&
           op_forms[kind].who == NULL;
}

bool op_has_range(unsigned kind)
{
    return kind < OP_KIND_COUNT && op_forms[kind].first && op_forms[kind].count &&
           kind < OP_IMMORTAL_ALLOC;
}

void program_init(struct program *program, const char *name)
{
    memset(program, 0, sizeof(*program));
    (void)snprintf(program->name, sizeof(program->name), "%s", name);
    program->chunks = 6;
    program->log_region = 1;
    program->mappers = 1;
}

/* ---------------------------------------------------------------------- print */

struct writer {
    char *text;
    size_t bytes;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct writer *writer,
                                                      const char *format, ...)
{
    const bool room = writer->length < writer->bytes;
    va_list arguments;
    va_start(arguments, format);
    const int length =
        vsnprintf(room ? writer->text + writer->length : NULL,
                  room ? writer->bytes - writer->length : 0, format, arguments);
    va_end(arguments);
    writer->length += length > 0 ? (size_t)length : 0;
}

void op_print(const struct op *op, char *text, size_t bytes)
{
    struct writer writer = {text, bytes, 0};
    if (op->kind >= OP_KIND_COUNT || op_forms[op->kind].what == NULL) {
        add(&writer, "?");
        return;
    }
    if (op_forms[op->kind].who != NULL) {
        add(&writer, "%s", op_forms[op->kind].who);
    } else {
        add(&writer, "%s%s", program_owner_name(op->owner),
            op->mapper != 0 ? "@1" : "");
    }
    add(&writer, " %s", op_forms[op->kind].what);
    if (op_forms[op->kind].first) {
        add(&writer, " %u", op->first);
    }
    if (op_forms[op->kind].count) {
        add(&writer, " %u", op->count);
    }
    switch (op_forms[op->kind].arg) {
    case 'o':
        add(&writer, " %s", program_owner_name(op->arg));
        break;
    case 'p':
        add(&writer, " %s", program_protections[op->arg & 7]);
        break;
    case 'n':
        add(&writer, " %u", op->arg);
        break;
    default:
        break;
    }
}

static void add_op(struct writer *writer, const char *before, const struct op *op)
{
    char text[64];
    op_print(op, text, sizeof(text));
    add(writer, "%s%s\n", before, text);
}

size_t program_print(const struct program *program, char *text, size_t bytes)
{
    struct writer writer = {text, bytes, 0};
    add(&writer, "program %s\n", program->name);
    add(&writer, "chunks %u region %u\n", program->chunks, 1U << program->log_region);
    if (program->mappers > 1) {
        add(&writer, "mappers %u\n", program->mappers);
    }
    for (unsigned i = 0; i < PROGRAM_SPACES; i++) {
        if (program->spaces & 1U << i) {
            add(&writer, "with %s\n", program_spaces[i]);
        }
    }
    if (program->records) {
        add(&writer, "records\n");
    }
    if (program->old_kernel) {
        add(&writer, "old-kernel\n");
    }
    if (program->ahead != 0) {
        add(&writer, "ahead %u\n", program->ahead);
    }
    if (program->faults != 0) {
        add(&writer, "faults %u\n", program->faults);
    }
    if (program->max_map_count != 0) {
        add(&writer, "max-map-count %u\n", program->max_map_count);
    }
    for (unsigned i = 0; i < program->setup_count; i++) {
        add_op(&writer, "setup ", &program->setup[i]);
    }
    for (unsigned thread = 0; thread < program->threads; thread++) {
        add(&writer, "thread %u\n", thread);
        for (unsigned i = 0; i < program->counts[thread]; i++) {
            add_op(&writer, "", &program->ops[thread][i]);
        }
    }
    return writer.length;
}
