/* SPDX-License-Identifier: MIT */
/*
 * Random calls on the binding against a model as simple as can be: for each chunk who holds
 * it, whether it is mapped, and what was written to it. Foreign mappings come and go. The
 * seed is printed; give it as the argument to repeat a run.
 */
#include "bindings/mmtk/test_fixture.h"

enum { STEPS = 20000, MOST_PAGES = 5 * CHUNK_PAGES };

enum who { NOBODY = 0, SPACE_A, SPACE_B, SPACE_C, METADATA, VM, WHO_COUNT };

struct model_chunk {
    enum who who;
    bool mapped;
    bool foreign; /* a mapping that the binding does not know of, on a free chunk */
    uint64_t token;
};

struct world {
    struct fixture f;
    struct model_chunk chunks[CHUNKS];
    uint64_t random;
    uint64_t tokens;
    uint64_t outcomes[MM_STATUS_COUNT];
};

/* splitmix64. */
static uint64_t below(struct world *world, uint64_t limit)
{
    world->random += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = world->random;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % limit;
}

static struct mmtk_annotation annotation_of(struct world *world, enum who who)
{
    static const char *const names[] = {"?", "a", "b", "c"};
    static const char *const metas[] = {"mark", "vo", "log"};
    return who == METADATA ? metadata("any", metas[below(world, 3)])
                           : space(names[who]);
}

static enum who holder_of(const struct world *world, const struct mm_owner *owner)
{
    if (owner == NULL) {
        return NOBODY;
    }
    if (owner == mmtk_mmapper_vm_owner(world->f.binding)) {
        return VM;
    }
    const char *name = mm_owner_name(owner);
    return name[0] == 's' ? METADATA : (enum who)(SPACE_A + (name[0] - 'a'));
}

/* ------------------------------------------------------------------ the model */

/* A part of the range, from `first` on, that is alike in being free, mapped or neither. */
static size_t part_end(const struct world *world, size_t first, size_t end)
{
    size_t last = first + 1;
    while (last < end && world->chunks[last].who == world->chunks[first].who &&
           world->chunks[last].mapped == world->chunks[first].mapped) {
        last++;
    }
    return last;
}

static bool has_foreign(const struct world *world, size_t first, size_t end)
{
    bool found = false;
    for (size_t chunk = first; chunk < end; chunk++) {
        found |= world->chunks[chunk].foreign;
    }
    return found;
}

/* What quarantine (or mark, or with `map` ensure_mapped) of chunks must do. */
static enum mm_status model_take(struct world *world, enum who who, size_t first,
                                 size_t end, bool map)
{
    for (size_t chunk = first; chunk < end; chunk++) {
        if (world->chunks[chunk].who != NOBODY && world->chunks[chunk].who != who) {
            return MM_CONFLICT;
        }
    }
    while (first < end) {
        const size_t last = part_end(world, first, end);
        const bool taken = world->chunks[first].who == NOBODY;
        if (taken && who != VM && has_foreign(world, first, last)) {
            return MM_CONFLICT;
        }
        for (; first < last; first++) {
            struct model_chunk *chunk = &world->chunks[first];
            chunk->who = who;
            chunk->mapped |= map || who == VM;
            chunk->token = taken ? 0 : chunk->token;
        }
    }
    return MM_OK;
}

/* Whether that many chunks are free somewhere, beginning at a multiple of `step`. */
static bool model_has_room(const struct world *world, size_t chunks, size_t step)
{
    const size_t first = (step - (size_t)(BASE / CHUNK) % step) % step;
    for (size_t start = first; start + chunks <= CHUNKS; start += step) {
        size_t length = 0;
        while (length < chunks && world->chunks[start + length].who == NOBODY &&
               !world->chunks[start + length].foreign) {
            length++;
        }
        if (length == chunks) {
            return true;
        }
    }
    return false;
}

/* Everything is as the model has it. */
static void compare(struct world *world)
{
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        const struct model_chunk *model = &world->chunks[chunk];
        const struct mm_lookup lookup = mmapper_lookup(world->f.mapper, at(chunk));
        uint64_t token = 0;
        EXPECT_EQ(holder_of(world, lookup.owner), model->who);
        EXPECT_EQ(mmtk_mmapper_is_mapped_address(world->f.binding, at(chunk) + 1),
                  model->mapped);
        if (model->who != NOBODY && model->who != VM) {
            EXPECT_EQ(sim_kernel_read(world->f.kernel, at(chunk), &token) == 0,
                      model->mapped);
            EXPECT_EQ(token, model->mapped ? model->token : 0);
        }
    }
}

/* ------------------------------------------------------------------ the steps */

static void take(struct world *world)
{
    const uintptr_t start = BASE + below(world, (uint64_t)CHUNKS * CHUNK_PAGES) * PAGE +
                            below(world, 2) * 8;
    const size_t pages = below(world, MOST_PAGES);
    const size_t first = (start - BASE) / CHUNK;
    const size_t end = (start - BASE + pages * PAGE + CHUNK - 1) / CHUNK;
    const enum who who = (enum who)(SPACE_A + below(world, WHO_COUNT - SPACE_A));
    const bool map = below(world, 2) == 0;
    enum mm_status expected = MM_OK;
    enum mm_status status;
    if (pages > 0) {
        expected =
            end > CHUNKS ? MM_OUT_OF_RANGE : model_take(world, who, first, end, map);
    }
    if (who == VM) {
        status =
            mmtk_mmapper_mark_as_mapped(world->f.binding, start, pages * PAGE, NULL);
    } else {
        const struct mmtk_annotation own = annotation_of(world, who);
        status =
            (map ? mmtk_mmapper_ensure_mapped : mmtk_mmapper_quarantine_address_range)(
                world->f.binding, start, pages, &read_write, &own, NULL);
    }
    EXPECT_STATUS(status, expected);
    world->outcomes[status]++;
}

static void place(struct world *world)
{
    const size_t pages = 1 + below(world, MOST_PAGES);
    const size_t chunks = (pages + CHUNK_PAGES - 1) / CHUNK_PAGES;
    const size_t step = (size_t)1 << below(world, 3);
    const bool room = model_has_room(world, chunks, step);
    const enum who who = (enum who)(SPACE_A + below(world, VM - SPACE_A));
    const struct mmtk_annotation own = annotation_of(world, who);
    const uintptr_t wish = at(below(world, CHUNKS));
    uintptr_t address = 0;
    const enum mm_status status = below(world, 2) == 0
                                      ? mmtk_mmapper_quarantine_address_range_anywhere(
                                            world->f.binding, pages, step * CHUNK,
                                            &read_write, &own, &address, NULL)
                                      : mmtk_mmapper_quarantine_address_range_preferred(
                                            world->f.binding, wish, pages, step * CHUNK,
                                            &read_write, &own, &address, NULL);
    EXPECT_STATUS(status, room ? MM_OK : MM_NO_SPACE);
    world->outcomes[status]++;
    if (room) {
        const size_t first = (address - BASE) / CHUNK;
        EXPECT(mm_is_aligned(address, step * CHUNK) && first + chunks <= CHUNKS);
        for (size_t chunk = first; chunk < first + chunks; chunk++) {
            EXPECT_EQ(world->chunks[chunk].who, NOBODY);
            EXPECT(!world->chunks[chunk].foreign);
        }
        EXPECT_OK(model_take(world, who, first, first + chunks, false));
    }
}

/* Gives a chunk back, by the owner's handle. */
static void give_back(struct world *world)
{
    const size_t chunk = below(world, CHUNKS);
    const struct mm_lookup lookup = mmapper_lookup(world->f.mapper, at(chunk));
    const enum who who = world->chunks[chunk].who;
    if (who == NOBODY) {
        return;
    }
    struct mm_owner *owner = mmtk_mmapper_vm_owner(world->f.binding);
    if (who != VM) {
        const struct mmtk_annotation own = annotation_of(world, who);
        owner = mmtk_mmapper_owner(world->f.binding, &own);
    }
    EXPECT(owner == lookup.owner);
    EXPECT_OK(
        mmapper_release(world->f.mapper, owner, mm_extent_of(at(chunk), CHUNK), NULL));
    world->chunks[chunk].who = NOBODY;
    world->chunks[chunk].mapped = false;
}

static void be_foreign(struct world *world)
{
    const size_t chunk = below(world, CHUNKS);
    struct model_chunk *model = &world->chunks[chunk];
    const struct mm_mapping mapping = {.extent = {at(chunk) + PAGE, PAGE}};
    if (model->foreign) {
        sim_kernel_foreign_unmap(world->f.kernel, mapping.extent);
        model->foreign = false;
    } else if (model->who == NOBODY || model->who == VM) {
        EXPECT_EQ(sim_kernel_foreign_map(world->f.kernel, &mapping), 0);
        model->foreign = true;
    }
}

static void write_token(struct world *world)
{
    const size_t chunk = below(world, CHUNKS);
    struct model_chunk *model = &world->chunks[chunk];
    if (model->mapped && model->who != VM) {
        model->token = ++world->tokens;
        EXPECT_EQ(sim_kernel_write(world->f.kernel, at(chunk), model->token), 0);
    }
}

static void play(struct world *world)
{
    const uint64_t dice = below(world, 14);
    if (dice < 4) {
        take(world);
    } else if (dice < 5) {
        place(world);
    } else if (dice < 12) {
        give_back(world);
    } else if (dice < 13) {
        be_foreign(world);
    } else {
        write_token(world);
    }
}

/* What was marked and has nothing behind it is what verify is there to find: none of it
 * is left for the end. */
static void release_marked(struct world *world)
{
    struct mm_owner *vm = mmtk_mmapper_vm_owner(world->f.binding);
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        if (world->chunks[chunk].who == VM) {
            EXPECT_OK(mmapper_release(world->f.mapper, vm,
                                      mm_extent_of(at(chunk), CHUNK), NULL));
        }
    }
}

int main(int argc, char **argv)
{
    struct world world = {.random = argc > 1 ? strtoull(argv[1], NULL, 0) : 20240607};
    (void)printf("%s: seed %" PRIu64 "\n", argv[0], world.random);
    fixture_begin(&world.f, NULL);
    for (unsigned step = 0; step < STEPS; step++) {
        play(&world);
        compare(&world);
    }
    /* All that can happen did. */
    (void)printf("%" PRIu64 " good, %" PRIu64 " conflicts, %" PRIu64
                 " without room, %" PRIu64 " outside\n",
                 world.outcomes[MM_OK], world.outcomes[MM_CONFLICT],
                 world.outcomes[MM_NO_SPACE], world.outcomes[MM_OUT_OF_RANGE]);
    EXPECT(world.outcomes[MM_OK] > STEPS / 20);
    EXPECT(world.outcomes[MM_CONFLICT] > STEPS / 20);
    EXPECT(world.outcomes[MM_NO_SPACE] > STEPS / 1000);
    EXPECT(world.outcomes[MM_OUT_OF_RANGE] > STEPS / 100);
    release_marked(&world);
    fixture_end(&world.f);
    return 0;
}
