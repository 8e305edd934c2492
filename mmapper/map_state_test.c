/* SPDX-License-Identifier: MIT */
/* Every step from every state, against the diagram written down a second time. */
#include "mmapper/map_state.h"

#include "mmapper/testing/expect.h"

enum { ME = 7, OTHER = 8, HEIR = 9 };

struct edge {
    enum map_step step;
    enum map_state from;
    enum map_state to;
    map_owner owner; /* of the result */
};

static const struct edge edges[] = {
    {MAP_STEP_RESERVE, MAP_UNMAPPED, MAP_RESERVING, ME},
    {MAP_STEP_DECOMMIT, MAP_QUARANTINED, MAP_DECOMMITTING_Q, ME},
    {MAP_STEP_DECOMMIT, MAP_MAPPED, MAP_DECOMMITTING_M, ME},
    {MAP_STEP_RELEASE, MAP_QUARANTINED, MAP_RELEASING_Q, ME},
    {MAP_STEP_RELEASE, MAP_MAPPED, MAP_RELEASING_M, ME},
    {MAP_STEP_RELEASE, MAP_EXCLUDED, MAP_RELEASING_X, ME},
    {MAP_STEP_TRANSFER, MAP_QUARANTINED, MAP_TRANSFERRING_Q, ME},
    {MAP_STEP_TRANSFER, MAP_MAPPED, MAP_TRANSFERRING_M, ME},
    {MAP_STEP_SEAL, MAP_MAPPED, MAP_SEALING, ME},
    {MAP_STEP_COMMIT, MAP_QUARANTINED, MAP_MAPPED, ME},
    {MAP_STEP_PUBLISH, MAP_RESERVING, MAP_QUARANTINED, ME},
    {MAP_STEP_ADOPTED, MAP_RESERVING, MAP_MAPPED, ME},
    {MAP_STEP_EXCLUDED, MAP_RESERVING, MAP_EXCLUDED, ME},
    {MAP_STEP_FINISH, MAP_DECOMMITTING_Q, MAP_QUARANTINED, ME},
    {MAP_STEP_FINISH, MAP_DECOMMITTING_M, MAP_QUARANTINED, ME},
    {MAP_STEP_FINISH, MAP_RELEASING_Q, MAP_UNMAPPED, MAP_NOBODY},
    {MAP_STEP_FINISH, MAP_RELEASING_M, MAP_UNMAPPED, MAP_NOBODY},
    {MAP_STEP_FINISH, MAP_RELEASING_X, MAP_UNMAPPED, MAP_NOBODY},
    {MAP_STEP_FINISH, MAP_TRANSFERRING_Q, MAP_QUARANTINED, HEIR},
    {MAP_STEP_FINISH, MAP_TRANSFERRING_M, MAP_MAPPED, HEIR},
    {MAP_STEP_FINISH, MAP_SEALING, MAP_SEALED, ME},
    {MAP_STEP_UNDO, MAP_RESERVING, MAP_UNMAPPED, MAP_NOBODY},
    {MAP_STEP_UNDO, MAP_DECOMMITTING_Q, MAP_QUARANTINED, ME},
    {MAP_STEP_UNDO, MAP_DECOMMITTING_M, MAP_MAPPED, ME},
    {MAP_STEP_UNDO, MAP_RELEASING_Q, MAP_QUARANTINED, ME},
    {MAP_STEP_UNDO, MAP_RELEASING_M, MAP_MAPPED, ME},
    {MAP_STEP_UNDO, MAP_RELEASING_X, MAP_EXCLUDED, ME},
    {MAP_STEP_UNDO, MAP_TRANSFERRING_Q, MAP_QUARANTINED, ME},
    {MAP_STEP_UNDO, MAP_TRANSFERRING_M, MAP_MAPPED, ME},
    {MAP_STEP_UNDO, MAP_SEALING, MAP_MAPPED, ME},
    {MAP_STEP_ABANDON, MAP_RESERVING, MAP_EXCLUDED, HEIR},
    {MAP_STEP_ABANDON, MAP_RELEASING_Q, MAP_EXCLUDED, HEIR},
    {MAP_STEP_ABANDON, MAP_RELEASING_M, MAP_EXCLUDED, HEIR},
    {MAP_STEP_ABANDON, MAP_RELEASING_X, MAP_EXCLUDED, HEIR},
};

static const struct edge *find_edge(enum map_step step, enum map_state from)
{
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        if (edges[i].step == step && edges[i].from == from) {
            return &edges[i];
        }
    }
    return NULL;
}

static bool is_transient_by_name(enum map_state state)
{
    return state != MAP_UNMAPPED && state != MAP_QUARANTINED && state != MAP_MAPPED &&
           state != MAP_EXCLUDED && state != MAP_SEALED;
}

static void test_own(enum map_step step, enum map_state state)
{
    const map_value untouched = map_make(MAP_EXCLUDED, OTHER);
    map_value result = untouched;
    const map_value value = map_make(state, state == MAP_UNMAPPED ? MAP_NOBODY : ME);
    const enum mm_status status = mm_map_transition(step, value, ME, HEIR, &result);
    const struct edge *edge = find_edge(step, state);
    if (edge != NULL) {
        EXPECT_EQ(status, MM_OK);
        EXPECT_EQ(map_state_of(result), edge->to);
        EXPECT_EQ(map_owner_of(result), edge->owner);
        return;
    }
    const bool busy = step <= MAP_STEP_COMMIT && is_transient_by_name(state);
    EXPECT_EQ(status, busy ? MM_BUSY : MM_WRONG_STATE);
    EXPECT_EQ(result, untouched);
}

static void test_foreign(enum map_step step, enum map_state state)
{
    const map_value untouched = map_make(MAP_EXCLUDED, OTHER);
    map_value result = untouched;
    EXPECT_EQ(mm_map_transition(step, map_make(state, OTHER), ME, HEIR, &result),
              MM_CONFLICT);
    EXPECT_EQ(result, untouched);
}

static void test_values(void)
{
    EXPECT_EQ(map_make(MAP_UNMAPPED, MAP_NOBODY), 0);
    EXPECT_EQ(map_state_of(MAP_UNMAPPED_EXPLICIT), MAP_UNMAPPED);
    EXPECT_EQ(map_owner_of(MAP_UNMAPPED_EXPLICIT), MAP_NOBODY);
    const map_value last = map_make(MAP_EXCLUDED, MAP_OWNER_LAST);
    EXPECT_EQ(map_owner_of(last), MAP_OWNER_LAST);
    EXPECT_EQ(map_state_of(last), MAP_EXCLUDED);
    for (unsigned state = 0; state < MAP_STATE_COUNT; state++) {
        const map_value value = map_make((enum map_state)state, ME);
        EXPECT_EQ(map_is_mapped(value),
                  state == MAP_MAPPED || state == MAP_TRANSFERRING_M ||
                      state == MAP_SEALING || state == MAP_SEALED);
        EXPECT_EQ(map_is_transient((enum map_state)state),
                  is_transient_by_name((enum map_state)state));
    }
}

int main(void)
{
    for (unsigned step = 0; step < MAP_STEP_COUNT; step++) {
        for (unsigned state = 0; state < MAP_STATE_COUNT; state++) {
            test_own((enum map_step)step, (enum map_state)state);
            if (state != MAP_UNMAPPED) {
                test_foreign((enum map_step)step, (enum map_state)state);
            }
        }
    }
    test_values();
    return 0;
}
