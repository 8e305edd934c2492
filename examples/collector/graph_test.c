/* SPDX-License-Identifier: MIT */
/*
 * A random graph that several mutators change at the same time, beside a model of it, and
 * the other workloads, under the oracles.
 *
 * After each epoch the mutators stand still, a collection is made, and then every node that
 * the model can reach is an object with its token and the model's edges, and the heap has
 * exactly as many objects: nothing that can be reached was freed, all that cannot was.
 */
#include "examples/collector/collector.h"

#include "examples/collector/fixture.h"
#include "examples/collector/graph_model.h"
#include "examples/collector/workload.h"

enum { HEAP_BYTES = 256 << 20, MUTATORS = 4, EPOCHS = 4, STEPS = 8000, TRACK = 3 };

struct graph {
    struct fixture fixture;
    struct graph_model model;
    struct root_global table; /* an object with GRAPH_ROOTS slots */
    pthread_barrier_t still;
    pthread_barrier_t go;
    uint64_t seed;
};

/* What a node's bytes begin with; the rest repeats `pattern`. */
struct node {
    uint64_t number;
    uint64_t token;
};

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

static uint64_t next(uint64_t *state)
{
    *state += UINT64_C(0x9E3779B97F4A7C15);
    return mix(*state);
}

static struct node *node_of(struct object *object)
{
    return object_bytes(object);
}

/* A node is whole: token and every byte behind it are those of its number. */
static void expect_node(struct object *object)
{
    struct node *node = node_of(object);
    const unsigned char *rest = (const unsigned char *)(node + 1);
    EXPECT_EQ(object->slots, GRAPH_SLOTS);
    EXPECT_EQ(node->token, mix(node->number));
    for (uint32_t i = 0; i < object->bytes - sizeof(*node); i++) {
        EXPECT_EQ(rest[i], (unsigned char)node->token);
    }
}

static uint32_t random_bytes(uint64_t random)
{
    const uint32_t most = random % 1000 == 0 ? 60000 : random % 20 == 0 ? 3000 : 200;
    return (uint32_t)sizeof(struct node) + (uint32_t)(random >> 32) % most;
}

static struct object *make_node(struct graph *graph, struct mutator *mutator,
                                uint64_t random)
{
    struct object *object =
        collector_alloc(mutator, GRAPH_SLOTS, random_bytes(random), NULL);
    EXPECT(object != NULL);
    struct node *node = node_of(object);
    node->number = graph_model_add(&graph->model);
    node->token = mix(node->number);
    memset(node + 1, (int)(node->token & 0xFF), object->bytes - sizeof(*node));
    return object;
}

static uint32_t number_of(struct object *object)
{
    return object == NULL ? 0 : (uint32_t)node_of(object)->number;
}

/* Both are in the caller's roots. No allocation, no poll: another mutator may want the
 * lock before it can stand still. */
static void set_edge(struct graph *graph, struct object *from, uint32_t slot,
                     struct object *target)
{
    const uint32_t number = number_of(from);
    pthread_mutex_t *lock = graph_model_lock(&graph->model, number);
    EXPECT_EQ(pthread_mutex_lock(lock), 0);
    object_set(from, slot, target);
    graph->model.targets[number][slot] = number_of(target);
    EXPECT_EQ(pthread_mutex_unlock(lock), 0);
}

static void set_root(struct graph *graph, uint32_t slot, struct object *target)
{
    struct object *table = atomic_load(&graph->table.object);
    pthread_mutex_t *lock = graph_model_lock(&graph->model, slot);
    EXPECT_EQ(pthread_mutex_lock(lock), 0);
    object_set(table, slot, target);
    graph->model.roots[slot] = number_of(target);
    EXPECT_EQ(pthread_mutex_unlock(lock), 0);
}

/* A node some random edges away from a random root, whole; NULL if there is none. */
static struct object *walk(struct graph *graph, uint64_t random)
{
    struct object *at =
        object_get(atomic_load(&graph->table.object), (uint32_t)(random % GRAPH_ROOTS));
    for (unsigned i = 0; at != NULL && i < 2 + (random >> 60); i++) {
        expect_node(at);
        struct object *further =
            object_get(at, (uint32_t)(random >> (12 + 2 * i)) % GRAPH_SLOTS);
        if (further == NULL) {
            break;
        }
        at = further;
    }
    return at;
}

/* here[] is in the mutator's roots. */
static void step(struct graph *graph, struct mutator *mutator, struct object **here,
                 uint64_t *state)
{
    const uint64_t random = next(state);
    const uint32_t root = (uint32_t)(next(state) % GRAPH_ROOTS);
    const uint32_t slot = (uint32_t)(random >> 8) % GRAPH_SLOTS;
    here[0] = walk(graph, next(state));
    switch (random % 8) {
    case 0:
    case 1: /* a new node below an old one, or as a root */
        here[1] = make_node(graph, mutator, next(state));
        if (here[0] != NULL && random % 3 != 0) {
            set_edge(graph, here[0], slot, here[1]);
        } else {
            set_root(graph, root, here[1]);
        }
        break;
    case 2:
    case 3: /* an edge between old ones: cycles, and other threads' nodes */
        here[1] = walk(graph, next(state));
        if (here[0] != NULL) {
            set_edge(graph, here[0], slot, here[1]);
        }
        break;
    case 4: /* hung up elsewhere */
        set_root(graph, root, here[0]);
        break;
    case 5: /* cut off */
        if (here[0] != NULL) {
            set_edge(graph, here[0], slot, NULL);
        }
        break;
    case 6:
        if (random % 5 == 0) {
            set_root(graph, root, NULL);
        }
        break;
    default: /* garbage from the start */
        here[1] = make_node(graph, mutator, next(state));
        break;
    }
    here[2] = here[1]; /* held over some steps */
    if (random % 4000 == 0) {
        collector_collect(mutator);
    }
    collector_poll(mutator);
    if (here[2] != NULL) {
        expect_node(here[2]);
    }
}

struct player {
    struct graph *graph;
    unsigned number;
    pthread_t thread;
};

static void wait_at(struct mutator *mutator, pthread_barrier_t *barrier)
{
    collector_block(mutator);
    (void)pthread_barrier_wait(barrier);
    collector_unblock(mutator);
}

static void *play(void *argument)
{
    const struct player *player = argument;
    struct graph *graph = player->graph;
    uint64_t state = graph->seed + player->number;
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        /* A mutator anew each time: blocks change hands. */
        struct mutator mutator;
        struct object *here[TRACK] = {NULL};
        struct root_frame frame = {.slots = here, .count = TRACK};
        collector_attach(&graph->fixture.collector, &mutator);
        roots_push(&mutator, &frame);
        for (unsigned i = 0; i < STEPS; i++) {
            step(graph, &mutator, here, &state);
        }
        roots_pop(&mutator, &frame);
        wait_at(&mutator, &graph->still);
        wait_at(&mutator, &graph->go);
        collector_detach(&mutator);
    }
    return NULL;
}

/* The object that a reference in the model should lead to: the same one each time. */
static void expect_target(struct object **objects, uint32_t *queue, size_t *waiting,
                          uint32_t number, struct object *found)
{
    EXPECT_EQ(number_of(found), number);
    if (number == 0) {
        return;
    }
    if (objects[number] == NULL) {
        expect_node(found);
        objects[number] = found;
        queue[(*waiting)++] = number;
    }
    EXPECT_EQ((uintptr_t)objects[number], (uintptr_t)found);
}

/* With the world stopped, after a collection. */
static void expect_same(struct graph *graph)
{
    struct graph_model *model = &graph->model;
    const size_t reached = graph_model_reach(model);
    struct object **objects = calloc(model->most_nodes + 1, sizeof(struct object *));
    uint32_t *queue = calloc(model->most_nodes + 1, sizeof(uint32_t));
    EXPECT(objects != NULL && queue != NULL);
    size_t waiting = 0;
    size_t done = 0;
    struct object *table = atomic_load(&graph->table.object);
    for (uint32_t i = 0; i < GRAPH_ROOTS; i++) {
        expect_target(objects, queue, &waiting, model->roots[i], object_get(table, i));
    }
    for (; done < waiting; done++) {
        for (uint32_t i = 0; i < GRAPH_SLOTS; i++) {
            expect_target(objects, queue, &waiting, model->targets[queue[done]][i],
                          object_get(objects[queue[done]], i));
        }
    }
    EXPECT_EQ(done, reached);
    /* And the table. */
    EXPECT_EQ(graph->fixture.collector.statistics.live_objects, reached + 1);
    free(objects);
    free((void *)queue);
}

static void test_graph(uint64_t seed)
{
    static struct graph graph;
    struct player players[MUTATORS];
    struct mutator *mutator = fixture_begin(&graph.fixture, HEAP_BYTES);
    graph.seed = seed;
    graph_model_init(&graph.model, MUTATORS * EPOCHS * STEPS);
    EXPECT_EQ(pthread_barrier_init(&graph.still, NULL, MUTATORS + 1), 0);
    EXPECT_EQ(pthread_barrier_init(&graph.go, NULL, MUTATORS + 1), 0);
    collector_add_global(&graph.fixture.collector, &graph.table);
    atomic_store(&graph.table.object, collector_alloc(mutator, GRAPH_ROOTS, 0, NULL));
    for (unsigned i = 0; i < MUTATORS; i++) {
        players[i] = (struct player){.graph = &graph, .number = i};
        EXPECT_EQ(pthread_create(&players[i].thread, NULL, play, &players[i]), 0);
    }
    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        wait_at(mutator, &graph.still);
        collector_stop(mutator);
        expect_same(&graph);
        collector_resume(mutator);
        fixture_check(&graph.fixture);
        wait_at(mutator, &graph.go);
    }
    collector_block(mutator);
    for (unsigned i = 0; i < MUTATORS; i++) {
        EXPECT_EQ(pthread_join(players[i].thread, NULL), 0);
    }
    collector_unblock(mutator);
    const struct collector_statistics statistics = graph.fixture.collector.statistics;
    (void)printf("%u nodes, %zu live, %" PRIu64 " collections, %" PRIu64
                 " blocks given back\n",
                 (unsigned)graph.model.nodes, statistics.live_objects,
                 statistics.collections, statistics.blocks_given);
    EXPECT(statistics.collections > (uint64_t)2 * EPOCHS);
    atomic_store(&graph.table.object, NULL);
    EXPECT_EQ(fixture_live(&graph.fixture), 0);
    EXPECT_EQ(pthread_barrier_destroy(&graph.still), 0);
    EXPECT_EQ(pthread_barrier_destroy(&graph.go), 0);
    graph_model_destroy(&graph.model);
    fixture_end(&graph.fixture);
}

static void test_workload(workload_body *body, unsigned scale)
{
    struct fixture fixture;
    struct mutator *mutator = fixture_begin(&fixture, HEAP_BYTES);
    collector_block(mutator);
    const bool good = workload_run(&fixture.collector, MUTATORS, scale, body);
    collector_unblock(mutator);
    EXPECT(good);
    EXPECT(fixture.collector.statistics.collections > 0);
    EXPECT_EQ(fixture_live(&fixture), 0);
    fixture_end(&fixture);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240607;
    (void)printf("%s: seed %" PRIu64 "\n", argv[0], seed);
    test_graph(seed);
    test_workload(workload_trees, 4);
    test_workload(workload_lists, 2);
    return 0;
}
