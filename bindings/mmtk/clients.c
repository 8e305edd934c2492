/* SPDX-License-Identifier: MIT */
#include "bindings/mmtk/clients.h"

#include <stdlib.h>
#include <string.h>

enum mm_status mmtk_fail(struct mm_error *error, enum mm_status status,
                         enum mm_operation operation, const char *detail,
                         struct mm_extent request)
{
    if (error != NULL) {
        *error = (struct mm_error){
            .status = status,
            .operation = operation,
            .detail = detail,
            .request = request,
            .address = request.start,
            .os_call = MM_OS_NONE,
        };
    }
    return status;
}

struct mmtk_clients *mmtk_clients_create(struct mmapper *mapper, unsigned annotations)
{
    size_t places = 1;
    while (places < annotations) {
        places *= 2;
    }
    struct mmtk_clients *clients =
        calloc(1, sizeof *clients + places * sizeof clients->clients[0]);
    if (clients != NULL) {
        clients->mapper = mapper;
        clients->places = places;
    }
    return clients;
}

void mmtk_clients_destroy(struct mmtk_clients *clients)
{
    for (size_t place = 0; place < clients->places; place++) {
        /* Relaxed: the caller has ordered all other calls before this one. */
        const uint64_t client = mm_load_relaxed_u64(&clients->clients[place]);
        free((void *)(uintptr_t)client);
    }
    free(clients);
}

bool mmtk_annotation_valid(const struct mmtk_annotation *annotation)
{
    return annotation != NULL && (unsigned)annotation->kind <= MMTK_MISC &&
           annotation->name.text != NULL && annotation->name.bytes > 0;
}

/* What tells one client from another: the kind and this. */
static struct mmtk_text name_of(const struct mmtk_annotation *annotation)
{
    static const char side_metadata[] = "side-metadata";
    if (annotation->kind == MMTK_SIDE_METADATA) {
        return (struct mmtk_text){side_metadata, sizeof side_metadata - 1};
    }
    return annotation->name;
}

/* FNV-1a, its high bits folded down. */
static size_t hash(enum mmtk_annotation_kind kind, struct mmtk_text name)
{
    uint64_t value = UINT64_C(0xCBF29CE484222325) + (uint64_t)kind;
    for (size_t i = 0; i < name.bytes; i++) {
        value = (value ^ (unsigned char)name.text[i]) * UINT64_C(0x100000001B3);
    }
    return (size_t)(value ^ (value >> 32));
}

static bool is_of(const struct mmtk_client *client, enum mmtk_annotation_kind kind,
                  struct mmtk_text name)
{
    return client->kind == kind && client->bytes == name.bytes &&
           memcmp(client->name, name.text, name.bytes) == 0;
}

const struct mmtk_client *mmtk_clients_at(const struct mmtk_clients *clients,
                                          size_t place)
{
    /* edge: MMTK-CLIENT */
    const uint64_t client = mm_load_acquire_u64(&clients->clients[place]);
    return (const struct mmtk_client *)(uintptr_t)client;
}

/* The client of that name or, when there is none, NULL and in *place where it belongs:
 * `places` when the table is full. */
static const struct mmtk_client *probe(const struct mmtk_clients *clients,
                                       enum mmtk_annotation_kind kind,
                                       struct mmtk_text name, size_t *place)
{
    const size_t mask = clients->places - 1;
    const size_t first = hash(kind, name);
    for (size_t step = 0; step < clients->places; step++) {
        *place = (first + step) & mask;
        const struct mmtk_client *client = mmtk_clients_at(clients, *place);
        if (client == NULL || is_of(client, kind, name)) {
            return client;
        }
    }
    *place = clients->places;
    return NULL;
}

const struct mmtk_client *mmtk_clients_find(const struct mmtk_clients *clients,
                                            const struct mmtk_annotation *annotation)
{
    size_t place;
    return probe(clients, annotation->kind, name_of(annotation), &place);
}

/* An entry that is not in the table yet, without an owner. */
static struct mmtk_client *make(enum mmtk_annotation_kind kind, struct mmtk_text name)
{
    struct mmtk_client *client = calloc(1, sizeof *client + name.bytes + 1);
    if (client != NULL) {
        client->kind = kind;
        client->bytes = name.bytes;
        memcpy(client->name, name.text, name.bytes);
    }
    return client;
}

static enum mm_status register_owner(struct mmapper *mapper,
                                     const struct mm_strategy *strategy,
                                     struct mmtk_client *client, struct mm_error *error)
{
    static const enum mm_kind kinds[] = {
        [MMTK_SPACE] = MM_KIND_SPACE,
        [MMTK_SIDE_METADATA] = MM_KIND_SIDE_METADATA,
        [MMTK_TEST] = MM_KIND_TEST,
        [MMTK_MISC] = MM_KIND_MISC,
    };
    /* The end of a path tells more than its beginning. */
    const size_t cut = client->kind == MMTK_TEST && client->bytes >= MM_NAME_BYTES
                           ? client->bytes - (MM_NAME_BYTES - 1)
                           : 0;
    const struct mm_owner_options options = {
        .name = client->name + cut,
        .kind = kinds[client->kind],
        .strategy = *strategy,
    };
    return mmapper_register_owner(mapper, &options, &client->owner, error);
}

static void discard(struct mmapper *mapper, struct mmtk_client *client)
{
    if (!client->guest) {
        /* Holds nothing and was never told to anybody, so it cannot fail. */
        (void)mmapper_unregister_owner(mapper, client->owner, NULL);
    }
    free(client);
}

/* Puts a complete entry into the table, or takes one of the same name that is there. */
static enum mm_status publish(struct mmtk_clients *clients, struct mmtk_client *made,
                              const struct mmtk_client **client, struct mm_error *error)
{
    const struct mmtk_text name = {made->name, made->bytes};
    for (;;) {
        size_t place;
        *client = probe(clients, made->kind, name, &place);
        if (*client != NULL) {
            discard(clients->mapper, made);
            return MM_OK;
        }
        if (place == clients->places) {
            discard(clients->mapper, made);
            return mmtk_fail(error, MM_LIMIT, MM_OPERATION_REGISTER_OWNER,
                             "more annotations than the binding's options allow",
                             mm_extent_of(0, 0));
        }
        /* edge: MMTK-CLIENT. A loser looks again from the beginning: the winner's may
         * be of the same name. */
        if (mm_cas_release_u64(&clients->clients[place], 0,
                               (uint64_t)(uintptr_t)made)) {
            *client = made;
            return MM_OK;
        }
    }
}

enum mm_status
mmtk_clients_add(struct mmtk_clients *clients, const struct mmtk_annotation *annotation,
                 const struct mm_strategy *strategy, struct mm_owner *host,
                 const struct mmtk_client **client, struct mm_error *error)
{
    *client = mmtk_clients_find(clients, annotation);
    if (*client != NULL) {
        return MM_OK;
    }
    struct mmtk_client *made = make(annotation->kind, name_of(annotation));
    if (made == NULL) {
        return mmtk_fail(error, MM_NO_MEMORY, MM_OPERATION_REGISTER_OWNER,
                         "no memory for the annotation", mm_extent_of(0, 0));
    }
    made->guest = host != NULL;
    made->owner = host;
    struct mm_error refusal;
    const enum mm_status status =
        made->guest ? MM_OK : register_owner(clients->mapper, strategy, made, &refusal);
    if (status == MM_OK) {
        return publish(clients, made, client, error);
    }
    free(made);
    /* The last owner that there was may have gone to a fellow thread, for this very
     * annotation. */
    *client = mmtk_clients_find(clients, annotation);
    if (*client != NULL) {
        return MM_OK;
    }
    if (error != NULL) {
        *error = refusal;
    }
    return status;
}
