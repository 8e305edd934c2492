/* SPDX-License-Identifier: MIT */
/* Programs for the collector, each run by several mutators at the same time. They check
 * what they read; false, with a line on stderr, when something is not as it was written. */
#ifndef EXAMPLES_COLLECTOR_WORKLOAD_H
#define EXAMPLES_COLLECTOR_WORKLOAD_H

#include <stdbool.h>

#include "examples/collector/collector.h"

/* Runs `body` in `threads` threads, each an attached mutator; true when all said so. */
typedef bool workload_body(struct mutator *mutator, unsigned thread, unsigned scale);
bool workload_run(struct collector *collector, unsigned threads, unsigned scale,
                  workload_body *body);

/* Binary trees, one that lives long beside very many that do not. */
bool workload_trees(struct mutator *mutator, unsigned thread, unsigned scale);

/* A queue of nodes of all sizes, some with large buffers: what comes in at the end goes
 * out at the head some time later. */
bool workload_lists(struct mutator *mutator, unsigned thread, unsigned scale);

#endif /* EXAMPLES_COLLECTOR_WORKLOAD_H */
