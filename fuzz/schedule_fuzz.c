/* SPDX-License-Identifier: MIT */
/*
 * The mapper under schedules: a unit is a small program and what is chosen in a run of
 * it (schedule_unit.h); the explorer's oracles judge. libFuzzer sees by coverage which
 * interleavings are new to the code, which the explorer's own strategies do not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz_target.h"
#include "fuzz/schedule_unit.h"
#include "stress/explore/schedule.h"

/* Made at first use and kept: making one takes longer than a run. */
struct kept_world {
    struct program program; /* the last unit's: the world reads it from here */
    struct world *world;
};

static struct kept_world *kept_for(unsigned number, const struct program *program)
{
    static struct kept_world *worlds[UNIT_WORLDS];
    static struct kept_world *last;
    struct kept_world *kept = worlds[number];
    const char *problem = program_check(program);
    if (kept == NULL && problem == NULL) {
        kept = malloc(sizeof(*kept));
        if (kept == NULL) {
            abort();
        }
        kept->program = *program;
        kept->world = world_create(&kept->program, &problem);
        worlds[number] = kept;
    }
    if (problem != NULL) {
        (void)fprintf(stderr, "a unit makes no program: %s\n", problem);
        abort();
    }
    if (kept != last) {
        sim_memory_forget(); /* the engine has no room for the locations of all */
        last = kept;
    }
    kept->program = *program;
    return kept;
}

_Noreturn static void report(const struct explorer *explorer)
{
    static struct schedule schedule;
    const struct world *world = explorer->world;
    schedule.program = *world->program;
    schedule.choices = explorer->made;
    schedule.weak = explorer->weak;
    schedule.expected = world->failed;
    schedule.hash = explorer->last.hash;
    (void)fprintf(stderr, "VIOLATION %s: %s\n", oracle_name(world->failed),
                  world->text);
    schedule_write(stderr, &schedule);
    abort();
}

uint64_t schedule_fuzz_run(const uint8_t *data, size_t size)
{
    static struct explorer explorer;
    struct program program;
    const unsigned number = schedule_unit_program(data, size, &program);
    struct kept_world *kept = kept_for(number, &program);
    if (explorer.world == NULL) {
        explorer_init(&explorer, kept->world, STRATEGY_BYTES, 0);
    }
    explorer.world = kept->world;
    explorer.observer.context = kept->world;
    explorer.weak = schedule_unit_weak(data, size);
    explorer.bytes = size > UNIT_CHOICES ? data + UNIT_CHOICES : data;
    explorer.byte_count = size > UNIT_CHOICES ? size - UNIT_CHOICES : 0;
    if (!explorer_run(&explorer)) {
        report(&explorer);
    }
    return explorer.last.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)schedule_fuzz_run(data, size);
    return 0;
}
