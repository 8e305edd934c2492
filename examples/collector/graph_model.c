/* SPDX-License-Identifier: MIT */
#include "examples/collector/graph_model.h"

#include <stdlib.h>
#include <string.h>

#include "mmapper/testing/expect.h"

void graph_model_init(struct graph_model *model, uint32_t most_nodes)
{
    memset(model, 0, sizeof(*model));
    model->most_nodes = most_nodes;
    model->targets = calloc((size_t)most_nodes + 1, sizeof(model->targets[0]));
    model->reached = calloc((size_t)most_nodes + 1, sizeof(model->reached[0]));
    EXPECT(model->targets != NULL && model->reached != NULL);
    for (size_t i = 0; i < GRAPH_LOCKS; i++) {
        EXPECT_EQ(pthread_mutex_init(&model->locks[i], NULL), 0);
    }
}

void graph_model_destroy(struct graph_model *model)
{
    for (size_t i = 0; i < GRAPH_LOCKS; i++) {
        EXPECT_EQ(pthread_mutex_destroy(&model->locks[i]), 0);
    }
    free(model->targets);
    free(model->reached);
}

uint32_t graph_model_add(struct graph_model *model)
{
    const uint32_t number = atomic_fetch_add(&model->nodes, 1) + 1;
    EXPECT(number <= model->most_nodes);
    return number;
}

pthread_mutex_t *graph_model_lock(struct graph_model *model, uint32_t number)
{
    return &model->locks[number % GRAPH_LOCKS];
}

size_t graph_model_reach(struct graph_model *model)
{
    size_t count = 0;
    size_t waiting = 0;
    uint32_t *queue = calloc((size_t)model->most_nodes + 1, sizeof(*queue));
    EXPECT(queue != NULL);
    memset(model->reached, 0, (model->most_nodes + 1) * sizeof(model->reached[0]));
    model->reached[0] = true; /* is none: never queued */
    for (size_t i = 0; i < GRAPH_ROOTS; i++) {
        if (!model->reached[model->roots[i]]) {
            model->reached[model->roots[i]] = true;
            queue[waiting++] = model->roots[i];
        }
    }
    while (count < waiting) {
        const uint32_t *targets = model->targets[queue[count++]];
        for (size_t i = 0; i < GRAPH_SLOTS; i++) {
            if (!model->reached[targets[i]]) {
                model->reached[targets[i]] = true;
                queue[waiting++] = targets[i];
            }
        }
    }
    model->reached[0] = false;
    free(queue);
    return count;
}
