/* SPDX-License-Identifier: MIT */
/* Programs with spaces are refused for the time being. */
#include "stress/explore/world.h"

struct spaces *spaces_create(struct world *world, const char **problem)
{
    (void)world;
    *problem = "the explorer does not know spaces";
    return NULL;
}

void spaces_destroy(struct world *world)
{
    (void)world;
}

void spaces_begin_run(struct world *world)
{
    (void)world;
}

void spaces_check_end(struct world *world)
{
    (void)world;
}

enum mm_status spaces_perform(struct world *world, const struct op *op,
                              struct call_log *log)
{
    (void)world;
    (void)op;
    (void)log;
    return MM_INVALID_ARGUMENT;
}
