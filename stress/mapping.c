/* SPDX-License-Identifier: MIT */
/*
 * Owners race over overlapping ranges of one small window with every operation, on the
 * real kernel. Oracles: O1 (ownership_log), O2 (verify and /proc/self/maps), O3 (page
 * tokens), O4 (conservation), O6 (postconditions of each call), and that a conflict
 * names somebody who held the chunk (holder_record).
 */
#include <stdlib.h>

#include "stress/checkpoint.h"
#include "stress/moves.h"
#include "stress/player.h"
#include "stress/project.h"
#include "stress/runner.h"

struct mapping {
    struct field field;
    struct projects projects;
    struct player *players;
};

static const char *const counters[] = {
    "quarantined", "ensured",       "decommitted",  "released", "transferred",
    "handed over", "other refused", "walks",        "projects", "reckless calls",
    "tokens read", "named holders", "holders gone", NULL,
};

static bool set_up(struct stress_run *run)
{
    const unsigned threads = stress_run_options(run)->threads;
    struct mapping *mapping = calloc(1, sizeof(*mapping));
    if (mapping == NULL || !field_create(&mapping->field, run)) {
        return false;
    }
    projects_create(&mapping->projects);
    mapping->players = calloc(threads, sizeof(*mapping->players));
    if (mapping->players == NULL) {
        return false;
    }
    for (unsigned i = 0; i < threads; i++) {
        struct player *player = &mapping->players[i];
        player->field = &mapping->field;
        player->players = mapping->players;
        player->private = mapping->field.first_private + i;
        player->project = PLAYER_NO_PROJECT;
        player->thread = stress_run_thread(run, i);
        (void)pthread_mutex_init(&player->lock, NULL);
    }
    stress_run_set_state(run, mapping);
    return true;
}

static void thread_begin(struct stress_thread *thread)
{
    struct mapping *mapping = stress_run_state(thread->run);
    struct player *player = &mapping->players[thread->index];
    player->session = ownership_session_begin(mapping->field.log);
    thread->state = player;
}

static void thread_end(struct stress_thread *thread)
{
    struct player *player = thread->state;
    ownership_session_end(player->session);
    player->session = NULL;
}

static void step(struct stress_thread *thread)
{
    static void (*const moves[])(struct player *) = {
        move_quarantine,    move_quarantine,    move_quarantine_anywhere,
        move_ensure_held,   move_ensure_held,   move_ensure_held,
        move_ensure_unheld, move_ensure_unheld, move_decommit,
        move_release,       move_release,       move_transfer,
        move_collect_mail,  move_misuse,        move_query,
        move_reckless,      move_reckless,      move_reckless,
        move_reckless,
    };
    struct mapping *mapping = stress_run_state(thread->run);
    struct player *player = thread->state;
    if (stress_random_one_in(&thread->random, 4)) {
        project_step(player, &mapping->projects);
    } else if (stress_random_one_in(&thread->random, 128)) {
        move_walk(player);
    } else {
        moves[stress_random_below(&thread->random, sizeof(moves) / sizeof(moves[0]))](
            player);
    }
}

static void checkpoint(struct stress_run *run)
{
    struct mapping *mapping = stress_run_state(run);
    checkpoint_all(&mapping->field, mapping->players, &mapping->projects);
}

static void finish(struct stress_run *run)
{
    struct mapping *mapping = stress_run_state(run);
    checkpoint_release_all(&mapping->field, mapping->players, &mapping->projects);
}

static void tear_down(struct stress_run *run)
{
    struct mapping *mapping = stress_run_state(run);
    const unsigned threads = stress_run_options(run)->threads;
    field_destroy(&mapping->field);
    projects_destroy(&mapping->projects);
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_mutex_destroy(&mapping->players[i].lock);
    }
    free(mapping->players);
    free(mapping);
}

static uint64_t mapped_bytes(struct stress_run *run)
{
    const struct mapping *mapping = stress_run_state(run);
    struct mm_statistics statistics;
    mmapper_statistics(mapping->field.mapper, &statistics);
    return statistics.chunks[MM_MAPPED] * mapping->field.chunk_bytes;
}

int main(int argc, char *argv[])
{
    static const struct stress_workload workload = {
        .name = "mapping",
        .summary = "mapping: owners race over overlapping ranges with every operation.",
        .counters = counters,
        .round_steps = 4000,
        .set_up = set_up,
        .thread_begin = thread_begin,
        .step = step,
        .thread_end = thread_end,
        .checkpoint = checkpoint,
        .finish = finish,
        .tear_down = tear_down,
        .mapped_bytes = mapped_bytes,
    };
    return stress_main(argc, argv, &workload);
}
