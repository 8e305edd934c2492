/* SPDX-License-Identifier: MIT */
/* What the collector's tests share: a collector on a mapper under the oracles, and the
 * calling thread as a mutator. */
#ifndef EXAMPLES_COLLECTOR_FIXTURE_H
#define EXAMPLES_COLLECTOR_FIXTURE_H

#include "examples/collector/collector.h"
#include "examples/testing/oracle_mapper.h"
#include "mmapper/testing/expect.h"

enum { FIXTURE_CHUNK = 256 * 1024, FIXTURE_BUDGET = 1 << 20 };

struct fixture {
    struct oracle_mapper oracle;
    struct collector collector;
    struct mutator mutator;
};

static inline struct mutator *fixture_begin(struct fixture *fixture, size_t bytes)
{
    const struct mapper_memory_options options = {.name = "heap", .bytes = bytes};
    struct mmapper *mapper = oracle_mapper_begin(&fixture->oracle, FIXTURE_CHUNK);
    struct heap_memory *memory;
    EXPECT_OK(mapper_memory_create(mapper, &options, &memory, NULL));
    EXPECT_OK(collector_init(&fixture->collector, memory, FIXTURE_BUDGET));
    collector_attach(&fixture->collector, &fixture->mutator);
    return &fixture->mutator;
}

/* Collects, and looks at everything while the world stands still. */
static inline void fixture_check(struct fixture *fixture)
{
    collector_stop(&fixture->mutator);
    const char *fault = heap_fault(&fixture->collector.heap);
    EXPECT_STR(fault == NULL ? "sound" : fault, "sound");
    oracle_mapper_check(&fixture->oracle);
    collector_resume(&fixture->mutator);
}

static inline void fixture_end(struct fixture *fixture)
{
    fixture_check(fixture);
    collector_detach(&fixture->mutator);
    EXPECT_OK(collector_destroy(&fixture->collector, NULL));
    oracle_mapper_end(&fixture->oracle);
}

static inline size_t fixture_live(struct fixture *fixture)
{
    fixture_check(fixture);
    return fixture->collector.statistics.live_objects;
}

#endif /* EXAMPLES_COLLECTOR_FIXTURE_H */
