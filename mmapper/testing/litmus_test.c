/* SPDX-License-Identifier: MIT */
/*
 * The litmus tests of the simulated memory (sim_run.h): of each program all executions,
 * and the set of their outcomes is exactly the one written here. So the table says both
 * what the model forbids and how weak it is; with LIMIT, what C11 or hardware allow and
 * the model does not have.
 */
#include <inttypes.h>

#include "mmapper/atomic.h"
#include "mmapper/testing/expect.h"
#include "mmapper/testing/litmus_programs.h"
#include "mmapper/testing/litmus_run.h"

/* ------------------------------------------------------------------ interpreter */

static struct {
    const struct litmus *program;
    mm_atomic_u64 places[LITMUS_PLACES];
    uint64_t registers[LITMUS_REGISTERS];
} machine;

static uint64_t load(const struct litmus_step *step)
{
    const mm_atomic_u64 *place = &machine.places[step->place];
    switch (step->order) {
    case RLX:
        return mm_load_relaxed_u64(place);
    case ACQ:
        return mm_load_acquire_u64(place);
    case SC:
        return mm_load_seq_cst_u64(place);
    default:
        abort();
    }
}

static void store(const struct litmus_step *step)
{
    mm_atomic_u64 *place = &machine.places[step->place];
    switch (step->order) {
    case RLX:
        mm_store_relaxed_u64(place, step->value);
        break;
    case REL:
        mm_store_release_u64(place, step->value);
        break;
    default:
        abort(); /* atomic.h has no other */
    }
}

static bool swap(const struct litmus_step *step)
{
    mm_atomic_u64 *place = &machine.places[step->place];
    switch (step->order) {
    case RLX:
        return mm_cas_relaxed_u64(place, step->expected, step->value);
    case ACQ:
        return mm_cas_acquire_u64(place, step->expected, step->value);
    case REL:
        return mm_cas_release_u64(place, step->expected, step->value);
    case ACQ_REL:
        return mm_cas_acq_rel_u64(place, step->expected, step->value);
    default:
        return mm_cas_seq_cst_u64(place, step->expected, step->value);
    }
}

static uint64_t add(const struct litmus_step *step)
{
    mm_atomic_u64 *place = &machine.places[step->place];
    switch (step->order) {
    case RLX:
        return mm_fetch_add_relaxed_u64(place, step->value);
    case ACQ:
        return mm_fetch_add_acquire_u64(place, step->value);
    case REL:
        return mm_fetch_add_release_u64(place, step->value);
    case ACQ_REL:
        return mm_fetch_add_acq_rel_u64(place, step->value);
    default:
        return mm_fetch_add_seq_cst_u64(place, step->value);
    }
}

static void take_step(const struct litmus_step *step)
{
    uint64_t result = 0;
    switch (step->what) {
    case LOAD:
        result = load(step);
        break;
    case STORE:
        store(step);
        break;
    case CAS:
        result = swap(step);
        break;
    case ADD:
        result = add(step);
        break;
    default:
        return;
    }
    if (step->into >= 0) {
        machine.registers[step->into] = result;
    }
}

static void run_thread(void *context, unsigned thread)
{
    (void)context;
    for (unsigned i = 0; i < LITMUS_STEPS; i++) {
        take_step(&machine.program->threads[thread][i]);
    }
}

static void begin(void *context)
{
    (void)context;
    memset(machine.registers, 0, sizeof(machine.registers));
}

static uint64_t outcome(void *context)
{
    uint64_t digits = 0;
    (void)context;
    for (unsigned i = 0; i < machine.program->registers; i++) {
        digits = digits << 4 | machine.registers[i];
    }
    for (unsigned i = 0; i < machine.program->finals; i++) {
        digits = digits << 4 | machine.places[i].value;
    }
    return digits;
}

/* -------------------------------------------------------------------- the tests */

static void explore(const struct litmus *program, bool strong, bool elide,
                    struct litmus_found *found)
{
    struct litmus_search search = {.body = run_thread,
                                   .begin = begin,
                                   .outcome = outcome,
                                   .strong = strong,
                                   .elide = elide};
    while (search.threads < SIM_MAX_THREADS &&
           program->threads[search.threads][0].what != NOTHING) {
        search.threads++;
    }
    memset(&machine, 0, sizeof(machine));
    machine.program = program;
    litmus_explore(&search, found);
    EXPECT_EQ(found->verdicts[SIM_DONE], found->executions);
    for (unsigned i = 0; i < LITMUS_PLACES; i++) {
        EXPECT_EQ(machine.places[i].value, 0); /* each run began with what was there */
    }
}

/* The outcomes as `outcomes` has them. */
static void write_outcomes(const struct litmus *program,
                           const struct litmus_found *found, char *text, size_t bytes)
{
    size_t length = 0;
    const int digits = (int)(program->registers + program->finals);
    text[0] = '\0';
    for (unsigned i = 0; i < found->count && length < bytes; i++) {
        length +=
            (size_t)snprintf(text + length, bytes - length, "%s%0*" PRIx64,
                             i > 0 ? " " : "", digits, found->outcomes[i].outcome);
    }
}

static void print_row(const struct litmus *program, const struct litmus_found *found)
{
    (void)printf("%-34s %7" PRIu64, program->name, found->executions);
    const int digits = (int)(program->registers + program->finals);
    for (unsigned i = 0; i < found->count; i++) {
        (void)printf("  %0*" PRIx64 ":%" PRIu64, digits, found->outcomes[i].outcome,
                     found->outcomes[i].executions);
    }
    (void)printf("%s%s\n", program->limit != NULL ? "  LIMIT: never " : "",
                 program->limit != NULL ? program->limit : "");
}

static void check(const struct litmus *program)
{
    static struct litmus_found full;
    static struct litmus_found other;
    char text[256];
    char elided[256];
    explore(program, false, false, &full);
    print_row(program, &full);
    write_outcomes(program, &full, text, sizeof(text));
    EXPECT_STR(text, program->outcomes);
    EXPECT(program->limit == NULL || strstr(text, program->limit) == NULL);
    /* Fewer choices, the same outcomes. */
    explore(program, false, true, &other);
    write_outcomes(program, &other, elided, sizeof(elided));
    EXPECT_STR(elided, program->outcomes);
    EXPECT(other.executions <= full.executions);
    /* The strong memory: a part of them. */
    explore(program, true, false, &other);
    EXPECT(other.count <= full.count && other.executions <= full.executions);
    for (unsigned i = 0; i < other.count; i++) {
        EXPECT(litmus_count(&full, other.outcomes[i].outcome) > 0);
    }
}

int main(void)
{
    (void)printf("%-34s %7s  outcome:executions\n", "program", "all");
    for (unsigned i = 0; i < litmus_program_count; i++) {
        check(&litmus_programs[i]);
    }
    return 0;
}
