/* SPDX-License-Identifier: MIT */
/*
 * Exhaustive search within bounds: every run repeats the choices of the last one up to
 * the deepest place that has an option left, takes that, and then the defaults.
 *
 * A switch away from a thread that could go on is a preemption and costs one; so does a
 * load that is not the newest store, and a fault. What is left of the bounds decides
 * which options a new place has.
 *
 * While it runs, the search may find that a location that it took for one thread's own
 * is shared (sim_memory_forget): runs before that offered too few choices, so it begins
 * again. The set of locations only grows.
 */
#include "stress/explore/explorer.h"

static void add_option(struct dfs_frame *frame, unsigned option)
{
    if (frame->count < sizeof(frame->options)) {
        frame->options[frame->count++] = (uint8_t)option;
    }
}

static void list_threads(struct dfs_frame *frame, const struct sim_choice *choice)
{
    const unsigned first = sim_choice_default(choice);
    add_option(frame, first);
    if (choice->current >= 0 && frame->left.preemptions == 0) {
        return;
    }
    for (unsigned rest = choice->runnable & ~(1U << first); rest != 0;
         rest &= rest - 1) {
        add_option(frame, (unsigned)__builtin_ctz(rest));
    }
}

static void list_options(struct dfs_frame *frame, const struct sim_choice *choice)
{
    const unsigned budget =
        choice->kind == SIM_CHOOSE_VALUE ? frame->left.stale : frame->left.faults;
    add_option(frame, 0);
    for (unsigned i = 1; i < choice->options && budget > 0; i++) {
        add_option(frame, i);
    }
}

/* What is left after the frame's choice. */
static struct bounds after(const struct dfs_frame *frame, bool preempts)
{
    struct bounds left = frame->left;
    if (frame->at == 0) {
        return left;
    }
    switch (frame->kind) {
    case SIM_CHOOSE_VALUE:
        left.stale--;
        break;
    case SIM_CHOOSE_FAULT:
        left.faults--;
        break;
    default:
        left.preemptions -= preempts;
        break;
    }
    return left;
}

unsigned dfs_choose(struct explorer *explorer, const struct sim_choice *choice)
{
    if (explorer->frame_at == DFS_MAX_FRAMES) {
        explorer->cut_off = true;
        return sim_choice_default(choice);
    }
    struct dfs_frame *frame = &explorer->frames[explorer->frame_at];
    if (explorer->frame_at == explorer->frame_count) {
        frame->point = choice->point;
        frame->kind = (uint8_t)choice->kind;
        frame->count = 0;
        frame->at = 0;
        frame->left = explorer->left;
        if (choice->kind == SIM_CHOOSE_THREAD) {
            list_threads(frame, choice);
        } else {
            list_options(frame, choice);
        }
        if (frame->count == 1) {
            return frame->options[0]; /* nothing to come back for */
        }
        explorer->frame_count++;
    } else if (frame->point != choice->point) {
        return sim_choice_default(choice);
    }
    explorer->frame_at++;
    explorer->left = after(frame, choice->current >= 0);
    return frame->options[frame->at];
}

void dfs_end_run(struct explorer *explorer)
{
    if (explorer->last.learned) {
        explorer->restarts++;
        explorer->frame_count = 0;
        return;
    }
    while (explorer->frame_count > 0) {
        struct dfs_frame *frame = &explorer->frames[explorer->frame_count - 1];
        if (frame->at + 1 < frame->count) {
            frame->at++;
            return;
        }
        explorer->frame_count--;
    }
    explorer->exhausted = !explorer->cut_off;
    explorer->ended = true;
}
