/* SPDX-License-Identifier: MIT */
/* G7: a programming error inside the library traps. Each is made in a child, by the
 * linker's putting this file between the mapper's own parts where it cannot be made
 * otherwise. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mmapper/claim.h"
#include "mmapper/testing/fixture.h"

static struct {
    struct fixture f;
    bool no_transition;
    bool publish_is_lost;
} g;

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the linker's (--wrap). */
enum mm_status __real_mm_map_transition(enum map_step step, map_value value,
                                        map_owner owner, map_owner recipient,
                                        map_value *result);
enum mm_status __wrap_mm_map_transition(enum map_step step, map_value value,
                                        map_owner owner, map_owner recipient,
                                        map_value *result);
enum mm_status __wrap_mm_map_transition(enum map_step step, map_value value,
                                        map_owner owner, map_owner recipient,
                                        map_value *result)
{
    const enum mm_status status =
        __real_mm_map_transition(step, value, owner, recipient, result);
    return g.no_transition ? MM_WRONG_STATE : status;
}

enum chunk_swap __real_mm_chunk_publish(struct chunk_table *table, size_t first,
                                        struct chunk_unit *unit, map_value value);
enum chunk_swap __wrap_mm_chunk_publish(struct chunk_table *table, size_t first,
                                        struct chunk_unit *unit, map_value value);
enum chunk_swap __wrap_mm_chunk_publish(struct chunk_table *table, size_t first,
                                        struct chunk_unit *unit, map_value value)
{
    const enum chunk_swap swap = __real_mm_chunk_publish(table, first, unit, value);
    return g.publish_is_lost ? CHUNK_LOST : swap;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void expect_trap(void (*wrong)(void))
{
    const pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        wrong();
        _exit(0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFSIGNALED(status));
    EXPECT(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static void no_such_state(void)
{
    (void)map_is_transient(MAP_STATE_COUNT);
}

static void no_such_public_state(void)
{
    (void)map_public_state(MAP_STATE_COUNT);
}

static void no_such_step(void)
{
    map_value ignored;
    (void)mm_map_transition(MAP_STEP_COUNT, 0, MAP_OWNER_FIRST, MAP_NOBODY, &ignored);
}

static void step_from_no_such_state(void)
{
    map_value ignored;
    (void)mm_map_transition(MAP_STEP_UNDO, map_make(MAP_STATE_COUNT, MAP_OWNER_FIRST),
                            MAP_OWNER_FIRST, MAP_NOBODY, &ignored);
}

/* Claims chunk 4, and finishes what it claimed. */
static void finish(void)
{
    const struct call call = {.mapper = g.f.mapper,
                              .owner = g.f.heap,
                              .id = owner_id(&g.f.mapper->owners, g.f.heap)};
    const struct chunk_range range = {4, 5};
    EXPECT_OK(mm_claim_all(&call, range, MAP_STEP_RESERVE));
    g.no_transition = !g.publish_is_lost;
    mm_finish_all(&call, range, MAP_STEP_UNDO, MAP_NOBODY);
}

static void finish_lost(void)
{
    g.publish_is_lost = true;
    finish();
}

/* Claims chunk 4, and is forked. */
static void resolve(void)
{
    const struct call call = {.mapper = g.f.mapper,
                              .owner = g.f.heap,
                              .id = owner_id(&g.f.mapper->owners, g.f.heap)};
    EXPECT_OK(mm_claim_all(&call, (struct chunk_range){4, 5}, MAP_STEP_RESERVE));
    g.no_transition = !g.publish_is_lost;
    (void)mmapper_after_fork_in_child(g.f.mapper, NULL, NULL);
}

static void resolve_lost(void)
{
    g.publish_is_lost = true;
    resolve();
}

int main(void)
{
    fixture_begin(&g.f, NULL);
    expect_trap(no_such_state);
    expect_trap(no_such_public_state);
    expect_trap(no_such_step);
    expect_trap(step_from_no_such_state);
    expect_trap(finish);
    expect_trap(finish_lost);
    expect_trap(resolve);
    expect_trap(resolve_lost);
    fixture_end(&g.f);
    return 0;
}
