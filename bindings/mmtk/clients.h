/* SPDX-License-Identifier: MIT */
/*
 * The annotations that a binding has seen, and the owners that they map for.
 *
 * A table of pointers with open addressing, in which entries only ever appear. An entry
 * is complete, its owner registered, before it is put in: whoever loses the race for a
 * place gives his own owner back and takes the winner's, so that nobody waits.
 */
#ifndef BINDINGS_MMTK_CLIENTS_H
#define BINDINGS_MMTK_CLIENTS_H

#include "bindings/mmtk/mmtk_mmapper.h"
#include "mmapper/atomic.h"

struct mmtk_client {
    struct mm_owner *owner;
    bool guest; /* the owner is another one's */
    enum mmtk_annotation_kind kind;
    size_t bytes; /* of the name, without its NUL */
    char name[];
};

struct mmtk_clients {
    struct mmapper *mapper;
    size_t places; /* a power of two */
    mm_atomic_u64 clients[];
};

/* Room for `annotations` at least; NULL when there is no memory. */
struct mmtk_clients *mmtk_clients_create(struct mmapper *mapper, unsigned annotations);
/* Frees all entries, not their owners. Nobody else uses them. */
void mmtk_clients_destroy(struct mmtk_clients *clients);

/* Not NULL, of a kind there is, and named. */
bool mmtk_annotation_valid(const struct mmtk_annotation *annotation);

/* NULL when the annotation is not known. */
const struct mmtk_client *mmtk_clients_find(const struct mmtk_clients *clients,
                                            const struct mmtk_annotation *annotation);

/* The client of an annotation, made if there is none: with an owner of its own of that
 * strategy or, when `host` is not NULL, with that owner. *client may be one that a fellow
 * thread has made with another strategy or owner. */
enum mm_status
mmtk_clients_add(struct mmtk_clients *clients, const struct mmtk_annotation *annotation,
                 const struct mm_strategy *strategy, struct mm_owner *host,
                 const struct mmtk_client **client, struct mm_error *error);

/* The client in a place, for walks while nobody adds; NULL for a free one. */
const struct mmtk_client *mmtk_clients_at(const struct mmtk_clients *clients,
                                          size_t place);

/* Fills `error`, which may be NULL, and returns `status`. */
enum mm_status mmtk_fail(struct mm_error *error, enum mm_status status,
                         enum mm_operation operation, const char *detail,
                         struct mm_extent request);

#endif /* BINDINGS_MMTK_CLIENTS_H */
