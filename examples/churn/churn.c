/* SPDX-License-Identifier: MIT */
#include "examples/churn/churn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress/allocations.h"

const char *const churn_counters[] = {"allocated", "resized",       "freed", "purges",
                                      "exhausted", "rival refused", NULL};

struct churn *churn_create(struct stress_run *run, const struct churn_subject *subject,
                           const struct mmapper_options *options)
{
    struct churn *churn = calloc(1, sizeof(*churn));
    if (churn == NULL) {
        return NULL;
    }
    const struct mmap_support system = mmap_support_linux();
    const struct mm_owner_options rival = {.name = "rival", .kind = MM_KIND_TEST};
    stress_run_set_state(run, churn);
    churn->subject = subject;
    churn->oracle = address_map_create();
    churn->checked = checked_decorator_create(&system, churn->oracle, 1);
    churn->support = checked_decorator_support(churn->checked);
    const bool good =
        pthread_mutex_init(&churn->sharing, NULL) == 0 &&
        mmapper_create(options, &churn->support, &churn->mapper, NULL) == MM_OK &&
        mmapper_register_owner(churn->mapper, &rival, &churn->rival, NULL) == MM_OK;
    return good ? churn : NULL;
}

void churn_destroy(struct churn *churn)
{
    checked_decorator_destroy(churn->checked);
    address_map_destroy(churn->oracle);
    (void)pthread_mutex_destroy(&churn->sharing);
    free(churn);
}

void churn_thread_begin(struct stress_thread *thread)
{
    struct churn *churn = stress_run_state(thread->run);
    thread->state = churn->blocks[thread->index];
}

void churn_thread_end(struct stress_thread *thread)
{
    const struct churn *churn = stress_run_state(thread->run);
    struct block *blocks = thread->state;
    for (size_t i = 0; i < CHURN_BLOCKS; i++) {
        if (blocks[i].address != 0 && i % 2 == 0) {
            churn->subject->free((void *)blocks[i].address);
        }
        blocks[i].address = 0;
    }
}

static void list_blocks(struct stress_run *run, struct allocations *list,
                        const struct block *blocks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].address != 0) {
            const struct allocation allocation = {
                .extent = {blocks[i].address, blocks[i].bytes},
                .owner = blocks[i].owner,
                .epoch = blocks[i].epoch};
            churn_check_block(run, NULL, &blocks[i]);
            allocations_add(list, &allocation);
        }
    }
}

static void check_blocks(struct stress_run *run, const struct churn *churn)
{
    struct allocations list = {0};
    struct allocation first;
    struct allocation second;
    for (unsigned i = 0; i < stress_run_options(run)->threads; i++) {
        list_blocks(run, &list, churn->blocks[i], CHURN_BLOCKS);
    }
    list_blocks(run, &list, churn->shared, CHURN_SHARED);
    if (!allocations_disjoint(&list, &first, &second)) {
        stress_violation(run, NULL, "O1: 0x%" PRIxPTR "+0x%zx was given out twice",
                         second.extent.start, second.extent.bytes);
    }
    allocations_clear(&list);
}

void churn_check_mapper(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    struct mm_verify_result result;
    if (mmapper_verify(churn->mapper, NULL, &result, NULL) != MM_OK ||
        result.differences != 0) {
        stress_violation(run, NULL, "O2: the kernel has something else: %" PRIu64,
                         result.differences);
    }
    if (checked_decorator_violations(churn->checked) != 0) {
        stress_violation(run, NULL, "O2: %s",
                         checked_decorator_violation_text(churn->checked));
    }
}

void churn_checkpoint(struct stress_run *run)
{
    churn_check_mapper(run);
    check_blocks(run, stress_run_state(run));
}

void churn_check_dump(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    const size_t bytes = mmapper_dump(churn->mapper, NULL, 0);
    char *text = malloc(bytes);
    if (text == NULL) {
        return;
    }
    (void)mmapper_dump(churn->mapper, text, bytes);
    for (size_t i = 0; i < churn->subject->pools; i++) {
        char name[MM_NAME_BYTES + 2];
        (void)snprintf(name, sizeof(name), "\"%s\"", mm_owner_name(churn->owners[i]));
        if (strstr(text, name) == NULL) {
            stress_violation(run, NULL, "O4: no %s in the dump", name);
        }
    }
    free(text);
}

uint64_t churn_reserved_bytes(struct stress_run *run)
{
    const struct churn *churn = stress_run_state(run);
    return checked_decorator_reserved_bytes(churn->checked);
}

uint64_t churn_owner_bytes(const struct churn *churn, const struct mm_owner *owner)
{
    uint64_t chunks[MM_STATE_COUNT];
    uint64_t held = 0;
    if (mmapper_owner_chunks(churn->mapper, owner, chunks, NULL) != MM_OK) {
        return UINT64_MAX;
    }
    for (size_t i = 0; i < MM_STATE_COUNT; i++) {
        held += chunks[i] * mmapper_chunk_bytes(churn->mapper);
    }
    return held;
}
