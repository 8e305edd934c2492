/* SPDX-License-Identifier: MIT */
#include "examples/collector/workload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ mutators */

struct worker {
    struct collector *collector;
    workload_body *body;
    unsigned thread;
    unsigned scale;
    bool good;
    pthread_t handle;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct mutator mutator;
    collector_attach(worker->collector, &mutator);
    worker->good = worker->body(&mutator, worker->thread, worker->scale);
    collector_detach(&mutator);
    return NULL;
}

bool workload_run(struct collector *collector, unsigned threads, unsigned scale,
                  workload_body *body)
{
    struct worker *workers = calloc(threads, sizeof(*workers));
    unsigned started = 0;
    if (workers == NULL) {
        return false;
    }
    for (; started < threads; started++) {
        workers[started] = (struct worker){
            .collector = collector, .body = body, .thread = started, .scale = scale};
        if (pthread_create(&workers[started].handle, NULL, work, &workers[started]) !=
            0) {
            break;
        }
    }
    bool good = started == threads;
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(workers[i].handle, NULL);
        good = good && workers[i].good;
    }
    free(workers);
    return good;
}

static struct object *alloc(struct mutator *mutator, uint32_t slots, uint32_t bytes)
{
    struct mm_error error;
    struct object *object = collector_alloc(mutator, slots, bytes, &error);
    if (object == NULL) {
        char text[1024];
        (void)mm_error_format(&error, text, sizeof(text));
        (void)fprintf(stderr, "no memory for an object: %s\n", text);
    }
    return object;
}

static bool differs(const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) {
        (void)fprintf(stderr, "%s is %" PRIu64 ", expected %" PRIu64 "\n", what, found,
                      expected);
    }
    return found != expected;
}

/* --------------------------------------------------------------------- trees */

enum { LEFT, RIGHT, TREE_SLOTS };

/* A node's bytes are one number: its depth below it. */
static struct object *make_tree(struct mutator *mutator, unsigned depth)
{
    struct object *here[3] = {NULL};
    struct root_frame frame = {.slots = here, .count = 3};
    struct object *node = NULL;
    roots_push(mutator, &frame);
    if (depth > 0) {
        here[LEFT] = make_tree(mutator, depth - 1);
        here[RIGHT] = here[LEFT] == NULL ? NULL : make_tree(mutator, depth - 1);
    }
    if (depth == 0 || here[RIGHT] != NULL) {
        node = alloc(mutator, TREE_SLOTS, sizeof(uint64_t));
    }
    if (node != NULL) {
        object_set(node, LEFT, here[LEFT]);
        object_set(node, RIGHT, here[RIGHT]);
        *(uint64_t *)object_bytes(node) = depth;
    }
    roots_pop(mutator, &frame);
    return node;
}

/* The nodes of a tree; 0 if one of them is not what it was. */
static uint64_t count_tree(struct object *node, unsigned depth)
{
    if (node == NULL || node->slots != TREE_SLOTS ||
        *(uint64_t *)object_bytes(node) != depth) {
        return 0;
    }
    if (depth == 0) {
        return 1;
    }
    const uint64_t left = count_tree(object_get(node, LEFT), depth - 1);
    const uint64_t right = count_tree(object_get(node, RIGHT), depth - 1);
    return left == 0 || right == 0 ? 0 : 1 + left + right;
}

bool workload_trees(struct mutator *mutator, unsigned thread, unsigned scale)
{
    enum { LONG_DEPTH = 15, LEAST_DEPTH = 4, MOST_DEPTH = 14 };
    struct object *here[1] = {NULL};
    struct root_frame frame = {.slots = here, .count = 1};
    bool good = true;
    roots_push(mutator, &frame);
    here[0] = make_tree(mutator, LONG_DEPTH);
    for (unsigned round = 0; good && round < scale; round++) {
        const unsigned depth =
            LEAST_DEPTH + 2 * ((round + thread) % ((MOST_DEPTH - LEAST_DEPTH) / 2 + 1));
        for (unsigned i = 0; good && i < 1U << (MOST_DEPTH - depth); i++) {
            good = !differs("a short-lived tree's nodes",
                            count_tree(make_tree(mutator, depth), depth),
                            (UINT64_C(2) << depth) - 1);
        }
    }
    good =
        good && !differs("the long-lived tree's nodes", count_tree(here[0], LONG_DEPTH),
                         (UINT64_C(2) << LONG_DEPTH) - 1);
    roots_pop(mutator, &frame);
    return good;
}

/* --------------------------------------------------------------------- lists */

enum { NEXT, BUFFER, NODE_SLOTS, BUFFER_BYTES = 100000, QUEUE_NODES = 3000 };

/* How many bytes node `number` has, and what they are. */
static uint32_t node_bytes(uint64_t number)
{
    return 16 + (uint32_t)(number * 2654435761U >> 7) % (number % 64 == 0 ? 6000 : 200);
}

static int node_pattern(uint64_t number, unsigned thread)
{
    return (int)((number * 31 + thread) % 251);
}

static bool is_node(struct object *node, uint64_t number, unsigned thread)
{
    const uint32_t bytes = node_bytes(number);
    const unsigned char pattern = (unsigned char)node_pattern(number, thread);
    const unsigned char *contents = object_bytes(node);
    if (differs("a node's bytes", node->bytes, bytes)) {
        return false;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        if (differs("a byte of a node", contents[i], pattern)) {
            return false;
        }
    }
    struct object *buffer = object_get(node, BUFFER);
    if (number % 100 != 0) {
        return !differs("a node's buffer", (uintptr_t)buffer, 0);
    }
    const unsigned char *ends = object_bytes(buffer);
    return !differs("a buffer's begin", ends[0], pattern) &&
           !differs("a buffer's end", ends[BUFFER_BYTES - 1], pattern);
}

/* Appends node `number` to the queue here[0] (head), here[1] (tail). */
static bool append(struct mutator *mutator, struct object **here, uint64_t number,
                   unsigned thread)
{
    here[2] = alloc(mutator, NODE_SLOTS, node_bytes(number));
    if (here[2] == NULL) {
        return false;
    }
    memset(object_bytes(here[2]), node_pattern(number, thread), here[2]->bytes);
    if (number % 100 == 0) {
        struct object *buffer = alloc(mutator, 0, BUFFER_BYTES);
        if (buffer == NULL) {
            return false;
        }
        memset(object_bytes(buffer), node_pattern(number, thread), BUFFER_BYTES);
        object_set(here[2], BUFFER, buffer);
    }
    if (here[1] == NULL) {
        here[0] = here[2];
    } else {
        object_set(here[1], NEXT, here[2]);
    }
    here[1] = here[2];
    return true;
}

bool workload_lists(struct mutator *mutator, unsigned thread, unsigned scale)
{
    struct object *here[3] = {NULL};
    struct root_frame frame = {.slots = here, .count = 3};
    bool good = true;
    uint64_t head = 0;
    roots_push(mutator, &frame);
    for (uint64_t number = 0; good && number < scale * (uint64_t)QUEUE_NODES;
         number++) {
        good = append(mutator, here, number, thread);
        if (good && number >= QUEUE_NODES) {
            good = is_node(here[0], head++, thread);
            here[0] = object_get(here[0], NEXT);
        }
    }
    while (good && here[0] != NULL) {
        good = is_node(here[0], head++, thread);
        here[0] = object_get(here[0], NEXT);
        collector_poll(mutator);
    }
    roots_pop(mutator, &frame);
    return good && !differs("the nodes", head, scale * (uint64_t)QUEUE_NODES);
}
