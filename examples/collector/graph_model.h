/* SPDX-License-Identifier: MIT */
/*
 * What a graph of objects should look like, kept beside it without the collector: which
 * node refers to which, and what hangs on the table of roots. Plain memory, from malloc.
 *
 * Mutators write an edge to the object and to the model under one lock, the node's, so
 * that when nothing runs the two are the same. Which nodes can be reached, the model says
 * without looking at an object.
 */
#ifndef EXAMPLES_COLLECTOR_GRAPH_MODEL_H
#define EXAMPLES_COLLECTOR_GRAPH_MODEL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GRAPH_SLOTS = 4, GRAPH_ROOTS = 3000, GRAPH_LOCKS = 64 };

/* Nodes count from 1; 0 is no node. */
struct graph_model {
    pthread_mutex_t locks[GRAPH_LOCKS];
    _Atomic(uint32_t) nodes;
    uint32_t most_nodes;
    uint32_t (*targets)[GRAPH_SLOTS];
    uint32_t roots[GRAPH_ROOTS];
    bool *reached; /* by the last graph_model_reach */
};

void graph_model_init(struct graph_model *model, uint32_t most_nodes);
void graph_model_destroy(struct graph_model *model);

/* A new number, with no edges. */
uint32_t graph_model_add(struct graph_model *model);

pthread_mutex_t *graph_model_lock(struct graph_model *model, uint32_t number);

/* Finds what can be reached, and returns how many that are. When nothing runs. */
size_t graph_model_reach(struct graph_model *model);

#endif /* EXAMPLES_COLLECTOR_GRAPH_MODEL_H */
