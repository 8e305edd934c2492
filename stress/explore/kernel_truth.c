/* SPDX-License-Identifier: MIT */
/* O2: what a chunk's state says of the kernel, looked at when it is published and at the
 * end of a run. */
#include "stress/explore/world.h"

static int committed_access(struct mm_strategy strategy)
{
    const int rw = MM_ACCESS_READ | MM_ACCESS_WRITE;
    return strategy.protection == MM_PROTECTION_RWX ? rw | MM_ACCESS_EXECUTE : rw;
}

static void check_reserved(struct world *world, unsigned mapper, size_t chunk,
                           struct watch_value value, struct mm_strategy strategy)
{
    const struct mm_extent extent = world_extent(chunk, 1);
    const bool mapped = value.state != WATCH_QUARANTINED;
    const uint8_t access = world->facts.access[chunk];
    /* The access of QUARANTINED memory is not looked at: helpers commit before they
     * publish. */
    if (!sim_kernel_holds(world->kernel, extent, mapper,
                          !mapped       ? -1
                          : access != 0 ? access - 1
                                        : committed_access(strategy))) {
        world_fail(world, ORACLE_O2, "chunk %zu is %s for %s, and is not %s", chunk,
                   watch_state_name(value.state), mm_owner_name(value.owner),
                   mapped ? "committed with its protection" : "reserved");
    } else if (sim_kernel_view(world->kernel, extent.start).unaccounted !=
               (strategy.accounting == MM_UNACCOUNTED)) {
        world_fail(world, ORACLE_O2, "chunk %zu is not accounted as %s wants it", chunk,
                   mm_owner_name(value.owner));
    } else if (value.state == WATCH_SEALED &&
               !sim_kernel_view(world->kernel, extent.start).sealed) {
        world_fail(world, ORACLE_O2,
                   "chunk %zu is SEALED, and the kernel would let it "
                   "be changed",
                   chunk);
    }
}

void world_check_kernel(struct world *world, unsigned mapper, size_t chunk,
                        struct watch_value value)
{
    const struct mm_strategy strategy =
        value.owner != NULL ? mm_owner_strategy(value.owner) : (struct mm_strategy){0};
    if (value.state == WATCH_UNMAPPED || strategy.backing == MM_BACKING_EXTERNAL) {
        if (!sim_kernel_holds_none(world->kernel, world_extent(chunk, 1), mapper)) {
            world_fail(world, ORACLE_O2, "chunk %zu is %s, and still reserved", chunk,
                       watch_state_name(value.state));
        }
    } else if (value.state == WATCH_QUARANTINED || value.state == WATCH_MAPPED ||
               value.state == WATCH_SEALED) {
        check_reserved(world, mapper, chunk, value, strategy);
    }
}
