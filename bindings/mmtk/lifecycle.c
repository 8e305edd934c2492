/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "bindings/mmtk/binding.h"

enum { DEFAULT_ANNOTATIONS = 256 };

static enum mm_status fail(struct mm_error *error, enum mm_status status,
                           const char *detail)
{
    return mmtk_fail(error, status, MM_OPERATION_CREATE, detail, mm_extent_of(0, 0));
}

/* Replaces what is not said by its default, and looks at the rest. */
static enum mm_status settle(const struct mmapper *mapper,
                             struct mmtk_mmapper_options *options,
                             struct mm_error *error)
{
    if (options->page_bytes == 0) {
        options->page_bytes = MMTK_DEFAULT_PAGE_BYTES;
    }
    if (options->annotations == 0) {
        options->annotations = DEFAULT_ANNOTATIONS;
    }
    if (options->vm_name == NULL) {
        options->vm_name = "vm";
    }
    if (!mm_is_power_of_two(options->page_bytes) ||
        options->page_bytes > mmapper_chunk_bytes(mapper)) {
        return fail(error, MM_INVALID_ARGUMENT,
                    "page_bytes is no power of two, or more than a chunk");
    }
    if (options->annotations > MM_MAX_OWNERS) {
        return fail(error, MM_INVALID_ARGUMENT,
                    "more annotations than a mapper can have owners");
    }
    return MM_OK;
}

static enum mm_status register_vm(struct mmapper *mapper, const char *name,
                                  struct mm_owner **owner, struct mm_error *error)
{
    const struct mm_owner_options options = {
        .name = name,
        .kind = MM_KIND_RUNTIME_IMAGE,
        .strategy = {.backing = MM_BACKING_EXTERNAL},
    };
    return mmapper_register_owner(mapper, &options, owner, error);
}

enum mm_status mmtk_mmapper_create(struct mmapper *mapper,
                                   const struct mmtk_mmapper_options *options,
                                   struct mmtk_mmapper **binding,
                                   struct mm_error *error)
{
    struct mmtk_mmapper_options use = {.page_bytes = 0};
    if (mapper == NULL || binding == NULL) {
        return fail(error, MM_INVALID_ARGUMENT, "no mapper or no result");
    }
    if (options != NULL) {
        use = *options;
    }
    enum mm_status status = settle(mapper, &use, error);
    if (status != MM_OK) {
        return status;
    }
    struct mmtk_mmapper *made = calloc(1, sizeof *made);
    struct mmtk_clients *clients = mmtk_clients_create(mapper, use.annotations);
    if (made == NULL || clients == NULL) {
        status = fail(error, MM_NO_MEMORY, "no memory for the binding itself");
    } else {
        made->mapper = mapper;
        made->page_bytes = use.page_bytes;
        made->clients = clients;
        status = register_vm(mapper, use.vm_name, &made->vm, error);
    }
    if (status != MM_OK) {
        free(clients);
        free(made);
        return status;
    }
    *binding = made;
    return MM_OK;
}

/* The same owner, if it is one of the binding's; otherwise NULL. */
static struct mm_owner *own(const struct mmtk_mmapper *binding,
                            const struct mm_owner *owner)
{
    if (owner == binding->vm) {
        return binding->vm;
    }
    for (size_t place = 0; place < binding->clients->places; place++) {
        const struct mmtk_client *client = mmtk_clients_at(binding->clients, place);
        if (client != NULL && client->owner == owner) {
            return client->owner;
        }
    }
    return NULL;
}

static enum mm_status release_all(const struct mmtk_mmapper *binding,
                                  struct mm_error *error)
{
    struct mm_run run;
    for (uintptr_t at = 0; mmapper_next_run(binding->mapper, at, &run);
         at = mm_extent_end(run.extent)) {
        if (run.state == MM_UNMAPPED || run.state == MM_SEALED) {
            continue;
        }
        struct mm_owner *owner = own(binding, run.owner);
        if (owner == NULL) {
            continue;
        }
        const enum mm_status status =
            mmapper_release(binding->mapper, owner, run.extent, error);
        if (status != MM_OK) {
            return status;
        }
    }
    return MM_OK;
}

enum mm_status mmtk_mmapper_destroy(struct mmtk_mmapper *binding,
                                    struct mm_error *error)
{
    const enum mm_status status = release_all(binding, error);
    if (status != MM_OK) {
        return status;
    }
    /* Refused for owners of sealed memory alone, who stay with it. */
    for (size_t place = 0; place < binding->clients->places; place++) {
        const struct mmtk_client *client = mmtk_clients_at(binding->clients, place);
        if (client != NULL && !client->guest) {
            (void)mmapper_unregister_owner(binding->mapper, client->owner, NULL);
        }
    }
    (void)mmapper_unregister_owner(binding->mapper, binding->vm, NULL);
    mmtk_clients_destroy(binding->clients);
    free(binding);
    return MM_OK;
}
