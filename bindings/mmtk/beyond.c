/* SPDX-License-Identifier: MIT */
/*
 * What a port needs that the trait has no call for.
 */
#include <errno.h>

#include "bindings/mmtk/binding.h"

static bool same_strategy(const struct mm_strategy *a, const struct mm_strategy *b)
{
    return a->backing == b->backing && a->protection == b->protection &&
           a->huge_pages == b->huge_pages && a->accounting == b->accounting &&
           a->commit_ahead == b->commit_ahead && a->numa == b->numa &&
           a->numa_nodes == b->numa_nodes;
}

enum mm_status mmtk_mmapper_declare(struct mmtk_mmapper *binding,
                                    const struct mmtk_annotation *annotation,
                                    const struct mm_strategy *strategy,
                                    struct mm_error *error)
{
    const struct mmtk_request request = {.operation = MM_OPERATION_REGISTER_OWNER,
                                         .error = error};
    if (!mmtk_annotation_valid(annotation) || strategy == NULL ||
        strategy->backing != MM_BACKING_RESERVED) {
        return mmtk_request_fail(binding, &request, MM_INVALID_ARGUMENT, NULL,
                                 "no annotation, no name, no strategy, or an external "
                                 "one");
    }
    const struct mmtk_client *client;
    const enum mm_status status =
        mmtk_clients_add(binding->clients, annotation, strategy, NULL, &client, error);
    if (status != MM_OK) {
        return status;
    }
    const struct mm_strategy has = mm_owner_strategy(client->owner);
    if (client->guest || !same_strategy(&has, strategy)) {
        return mmtk_request_fail(binding, &request, MM_INVALID_ARGUMENT, client->owner,
                                 "the annotation is known already, as something else");
    }
    return MM_OK;
}

enum mm_status mmtk_mmapper_share(struct mmtk_mmapper *binding,
                                  const struct mmtk_annotation *annotation,
                                  const struct mmtk_annotation *host,
                                  struct mm_error *error)
{
    const struct mmtk_request request = {.operation = MM_OPERATION_REGISTER_OWNER,
                                         .error = error};
    if (!mmtk_annotation_valid(annotation) || !mmtk_annotation_valid(host)) {
        return mmtk_request_fail(
            binding, &request, MM_INVALID_ARGUMENT, NULL,
            "no annotation, one of no kind, or one without a name");
    }
    struct mm_owner *owner = mmtk_mmapper_owner(binding, host);
    if (owner == NULL) {
        return mmtk_request_fail(binding, &request, MM_INVALID_ARGUMENT, NULL,
                                 "the annotation to share with is not known");
    }
    const struct mmtk_client *client;
    const enum mm_status status =
        mmtk_clients_add(binding->clients, annotation, NULL, owner, &client, error);
    if (status != MM_OK) {
        return status;
    }
    if (client->owner != owner) {
        return mmtk_request_fail(binding, &request, MM_INVALID_ARGUMENT, client->owner,
                                 "the annotation maps for another owner already");
    }
    return MM_OK;
}

struct mm_owner *mmtk_mmapper_owner(const struct mmtk_mmapper *binding,
                                    const struct mmtk_annotation *annotation)
{
    if (!mmtk_annotation_valid(annotation)) {
        return NULL;
    }
    const struct mmtk_client *client = mmtk_clients_find(binding->clients, annotation);
    return client == NULL ? NULL : client->owner;
}

struct mm_owner *mmtk_mmapper_vm_owner(const struct mmtk_mmapper *binding)
{
    return binding->vm;
}

int mmtk_mmapper_errno(const struct mm_error *error)
{
    switch (error->status) {
    case MM_OK:
        return 0;
    case MM_CONFLICT:
        return EEXIST;
    case MM_BUSY:
        return EBUSY;
    case MM_NO_MEMORY:
    case MM_NO_SPACE:
        return ENOMEM;
    case MM_OUT_OF_RANGE:
        return ERANGE;
    case MM_WRONG_STATE:
        return EPERM;
    case MM_LIMIT:
        return EUSERS;
    case MM_OS_ERROR:
        return error->os_error;
    default: /* INVALID_ARGUMENT, UNKNOWN_OWNER */
        return EINVAL;
    }
}
