/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "examples/churn/churn.h"
#include "stress/tokens.h"

/* A token at both ends of every piece of a block; sizes are multiples of SMALLEST. */
enum { SMALLEST = 64, PIECE = 64 << 10 };

static size_t piece_at(const struct block *block, size_t at)
{
    return block->bytes - at < PIECE ? block->bytes - at : PIECE;
}

static void write_tokens(const struct block *block)
{
    for (size_t at = 0; at < block->bytes; at += PIECE) {
        token_write(block->address + at, piece_at(block, at), block->owner,
                    block->epoch);
    }
}

static void check_owner(struct stress_run *run, const struct stress_thread *thread,
                        const struct block *block, uintptr_t address)
{
    const struct churn *churn = stress_run_state(run);
    const struct mm_lookup found = mmapper_lookup(churn->mapper, address);
    if (found.state != MM_MAPPED || found.owner != churn->owners[block->pool]) {
        stress_violation(run, thread,
                         "O2: 0x%" PRIxPTR ", allocated from pool %zu, is %s, of %s",
                         address, block->pool, mm_state_name(found.state),
                         found.owner == NULL ? "nobody" : mm_owner_name(found.owner));
    }
}

void churn_check_block(struct stress_run *run, const struct stress_thread *thread,
                       const struct block *block)
{
    struct token token;
    for (size_t at = 0; at < block->bytes; at += PIECE) {
        const uintptr_t piece = block->address + at;
        check_owner(run, thread, block, piece);
        if (!token_check(piece, piece_at(block, at), block->owner, block->epoch,
                         &token)) {
            stress_violation(run, thread,
                             "O3: 0x%" PRIxPTR "+0x%zx of thread %" PRIu64
                             ", epoch %" PRIu64 ", has the token of %" PRIu64
                             ", epoch %" PRIu64 " for 0x%" PRIx64,
                             piece, piece_at(block, at), block->owner, block->epoch,
                             token.owner, token.epoch, token.address);
        }
    }
    check_owner(run, thread, block, block->address + block->bytes - 1);
}

/* Mostly small, now and then larger than what allocators grow by. */
static size_t pick_size(struct stress_random *random)
{
    static const unsigned logs[] = {4, 4, 4, 4, 8, 8, 10, 12, 17};
    const unsigned log =
        logs[stress_random_below(random, sizeof(logs) / sizeof(*logs))];
    return SMALLEST * (1 + stress_random_below(random, (uint64_t)1 << log));
}

static void sign(struct stress_thread *thread, struct block *block)
{
    struct churn *churn = stress_run_state(thread->run);
    block->owner = thread->index;
    /* Relaxed: see the field. */
    block->epoch = atomic_fetch_add_explicit(&churn->epochs, 1, memory_order_relaxed);
    write_tokens(block);
}

/* What is free is used again, or the pool is to blame. */
static void run_out(struct stress_thread *thread, size_t pool, size_t bytes)
{
    const struct churn *churn = stress_run_state(thread->run);
    if (!churn->subject->may_run_out) {
        stress_violation(thread->run, thread, "O6: pool %zu has no %zu bytes", pool,
                         bytes);
    }
    stress_count(thread, CHURN_EXHAUSTED);
}

static void allocate(struct stress_thread *thread, struct block *block)
{
    struct churn *churn = stress_run_state(thread->run);
    const struct churn_subject *subject = churn->subject;
    uintptr_t odd;
    const bool zero = stress_random_one_in(&thread->random, 4);
    const size_t alignment = (size_t)1
                             << (4 + stress_random_below(&thread->random, 14));
    const size_t bytes =
        (pick_size(&thread->random) + alignment - 1) & ~(alignment - 1);
    block->pool = stress_random_below(&thread->random, subject->pools);
    block->bytes = bytes;
    block->address =
        (uintptr_t)subject->allocate(thread, block->pool, bytes, alignment, zero);
    if (block->address == 0) {
        run_out(thread, block->pool, bytes);
        return;
    }
    if (!mm_is_aligned(block->address, alignment)) {
        stress_violation(thread->run, thread,
                         "O6: 0x%" PRIxPTR " is not aligned to %zu", block->address,
                         alignment);
    }
    if (zero && !token_is_zero(block->address, bytes, &odd)) {
        stress_violation(thread->run, thread, "O3: not zero at 0x%" PRIxPTR, odd);
    }
    sign(thread, block);
    churn_check_block(thread->run, thread, block);
    stress_count(thread, CHURN_ALLOCATED);
}

/* Moves or not, in which case the tokens of the old place must have come along. */
static void resize(struct stress_thread *thread, struct block *block)
{
    struct churn *churn = stress_run_state(thread->run);
    char old[SMALLEST];
    const size_t bytes = pick_size(&thread->random);
    churn_check_block(thread->run, thread, block);
    memcpy(old, (const void *)block->address, sizeof(old));
    void *moved =
        churn->subject->resize(thread, block->pool, (void *)block->address, bytes);
    if (moved == NULL) {
        run_out(thread, block->pool, bytes);
        churn_check_block(thread->run, thread, block);
        return;
    }
    if (memcmp(old, moved, sizeof(old)) != 0) {
        stress_violation(thread->run, thread,
                         "O3: contents of 0x%" PRIxPTR " did not move to %p",
                         block->address, moved);
    }
    block->address = (uintptr_t)moved;
    block->bytes = bytes;
    sign(thread, block);
    stress_count(thread, CHURN_RESIZED);
}

/* Swaps a block for what another thread left. */
static void share(struct stress_thread *thread, struct block *block)
{
    struct churn *churn = stress_run_state(thread->run);
    struct block *place =
        &churn->shared[stress_random_below(&thread->random, CHURN_SHARED)];
    (void)pthread_mutex_lock(&churn->sharing);
    const struct block other = *place;
    *place = *block;
    (void)pthread_mutex_unlock(&churn->sharing);
    *block = other;
}

static void purge(struct stress_thread *thread)
{
    const struct churn *churn = stress_run_state(thread->run);
    const size_t pool = stress_random_below(&thread->random, churn->subject->pools);
    if (!churn->subject->purge(thread, pool)) {
        stress_violation(thread->run, thread, "O6: pool %zu cannot be purged", pool);
    }
    stress_count(thread, CHURN_PURGES);
}

/* Whatever another owner tries with a pool's memory is refused, in the owner's name. */
static void intrude(struct stress_thread *thread, const struct block *block)
{
    const struct churn *churn = stress_run_state(thread->run);
    struct mmapper *mapper = churn->mapper;
    const char *name = mm_owner_name(churn->owners[block->pool]);
    const size_t page = mmapper_chunk_bytes(mapper);
    const struct mm_extent target =
        mm_extent_of(mm_align_down(block->address, page), page);
    struct mm_error error;
    enum mm_status status;
    switch (stress_random_below(&thread->random, 4)) {
    case 0:
        status = mmapper_quarantine(mapper, churn->rival, target, &error);
        break;
    case 1:
        status = mmapper_ensure_mapped(mapper, churn->rival, target, &error);
        break;
    case 2:
        status = mmapper_decommit(mapper, churn->rival, target, &error);
        break;
    default:
        status = mmapper_release(mapper, churn->rival, target, &error);
        break;
    }
    if (status != MM_CONFLICT || strcmp(error.holder.name, name) != 0) {
        stress_violation(thread->run, thread,
                         "O6: 0x%" PRIxPTR " of \"%s\": another owner got %s",
                         target.start, name, mm_status_name(status));
    }
    churn_check_block(thread->run, thread, block);
    stress_count(thread, CHURN_REFUSED);
}

void churn_step(struct stress_thread *thread)
{
    struct churn *churn = stress_run_state(thread->run);
    struct block *block =
        &churn->blocks[thread->index]
                      [stress_random_below(&thread->random, CHURN_BLOCKS)];
    if (block->address == 0) {
        allocate(thread, block);
        return;
    }
    switch (stress_random_below(&thread->random, 16)) {
    case 0:
        purge(thread);
        return;
    case 1:
    case 2:
        intrude(thread, block);
        return;
    case 3:
    case 4:
    case 5:
        resize(thread, block);
        return;
    case 6:
    case 7:
    case 8:
    case 9:
        share(thread, block);
        return;
    default:
        churn_check_block(thread->run, thread, block);
        churn->subject->free((void *)block->address);
        block->address = 0;
        stress_count(thread, CHURN_FREED);
        return;
    }
}
