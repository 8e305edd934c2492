/* SPDX-License-Identifier: MIT */
/*
 * The spaces together: immortal and free-list spaces, a space map, side metadata and
 * owners who use the mapper directly, on one mapper over the real kernel. After every
 * operation all that can be seen is compared with a naive model in which a chunk has
 * one owner.
 *
 * A unit is a row of operations, six bytes or so each: kind (its high bit makes every
 * commit during the operation fail), then what the operation asks for.
 */
#include "fuzz/fuzz_target.h"
#include "fuzz/spaces_world.h"

enum { MAX_OPERATIONS = 60 };

enum kind {
    IMMORTAL_CREATE = 0,
    IMMORTAL_DESTROY,
    IMMORTAL_ALLOCATE,
    METADATA_CREATE,
    METADATA_DESTROY,
    METADATA_MAP,
    METADATA_STORE,
    MAP_CREATE,
    MAP_DESTROY,
    MAP_TAKE,
    MAP_GIVE_BACK,
    RAW_ENSURE_MAPPED,
    RAW_RELEASE,
    FREELIST_CREATE,
    FREELIST_DESTROY,
    FREELIST_ALLOCATE,
    FREELIST_FREE,
    KINDS,
};

static void run_operation(struct world *world, enum kind kind, struct input *input)
{
    switch (kind) {
    case IMMORTAL_CREATE:
        immortal_create(world, input);
        break;
    case IMMORTAL_DESTROY:
        immortal_destroy(world, &world->immortals[input_byte(input) % WORLD_IMMORTALS]);
        break;
    case IMMORTAL_ALLOCATE:
        immortal_allocate(world, input);
        break;
    case METADATA_CREATE:
        metadata_create(world, input);
        break;
    case METADATA_DESTROY:
        metadata_destroy(world, &world->metadata[input_byte(input) % WORLD_METADATA]);
        break;
    case METADATA_MAP:
        metadata_map(world, input);
        break;
    case METADATA_STORE:
        metadata_store(world, input);
        break;
    case MAP_CREATE:
        map_create(world, input);
        break;
    case MAP_DESTROY:
        map_destroy(world);
        break;
    case MAP_TAKE:
        map_take(world, input);
        break;
    case MAP_GIVE_BACK:
        map_give_back(world, input);
        break;
    case RAW_ENSURE_MAPPED:
        raw_ensure_mapped(world, input);
        break;
    case RAW_RELEASE:
        raw_release(world, input);
        break;
    case FREELIST_CREATE:
        freelist_create(world, input);
        break;
    case FREELIST_DESTROY:
        freelist_destroy(world, &world->freelists[input_byte(input) % WORLD_FREELISTS]);
        break;
    case FREELIST_ALLOCATE:
        freelist_allocate(world, input);
        break;
    case FREELIST_FREE:
    default:
        freelist_free(world, input);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.data = data, .left = size};
    struct world world;
    world_begin(&world);
    for (unsigned i = 0; i < MAX_OPERATIONS && input.left > 0; i++) {
        const unsigned kind = input_byte(&input);
        world.failing.armed = (kind & 128) != 0;
        run_operation(&world, (enum kind)((kind & 127) % KINDS), &input);
        world.failing.armed = false;
        world_compare(&world);
    }
    world_end(&world);
    return 0;
}
