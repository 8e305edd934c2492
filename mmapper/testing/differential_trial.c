/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/differential_trial.h"

#include "mmapper/testing/expect.h"
#include "mmapper/testing/foreign_code.h"

enum { MAX_MAPPINGS = 4 * WORKLOAD_CHUNKS };

struct mm_extent trial_chunks(const struct trial *trial, size_t first, size_t count)
{
    return mm_extent_of(trial->base + first * trial->chunk_bytes,
                        count * trial->chunk_bytes);
}

struct mm_extent trial_last_page(const struct trial *trial, size_t chunk)
{
    const struct mm_extent extent = trial_chunks(trial, chunk, 1);
    return mm_extent_of(mm_extent_end(extent) - trial->page_bytes, trial->page_bytes);
}

enum workload_owner side_owner(const struct side *side, const struct mm_owner *owner)
{
    enum workload_owner i = 0;
    while (side->owners[i] != owner) {
        i++;
        EXPECT(i <= OWNER_NONE);
    }
    return i;
}

static void compare_mapping(const struct mm_mapping *sim, const struct mm_mapping *real)
{
    EXPECT_EQ(sim->extent.start, real->extent.start);
    EXPECT_EQ(sim->extent.bytes, real->extent.bytes);
    EXPECT_EQ(sim->access, real->access);
    EXPECT_EQ(sim->shared, real->shared);
    EXPECT_EQ(sim->file, real->file);
    EXPECT_STR(sim->name, real->name);
}

static void compare_errors(const struct trial *trial, const struct mm_error *sim,
                           const struct mm_error *real)
{
    EXPECT_EQ(sim->status, real->status);
    EXPECT_EQ(sim->operation, real->operation);
    EXPECT_STR(sim->detail, real->detail);
    EXPECT_EQ(sim->request.start, real->request.start);
    EXPECT_EQ(sim->request.bytes, real->request.bytes);
    EXPECT_EQ(sim->address, real->address);
    EXPECT_EQ(sim->holder.state, real->holder.state);
    EXPECT_EQ(sim->holder.kind, real->holder.kind);
    EXPECT_STR(sim->holder.name, real->holder.name);
    EXPECT_EQ(side_owner(&trial->sides[0], sim->holder.owner),
              side_owner(&trial->sides[1], real->holder.owner));
    EXPECT_EQ(sim->os_call, real->os_call);
    EXPECT_EQ(sim->os_error, real->os_error);
    EXPECT_EQ(sim->cause, real->cause);
    compare_mapping(&sim->foreign, &real->foreign);
}

void trial_compare_outcomes(const struct trial *trial, const struct outcome *sim,
                            const struct outcome *real)
{
    EXPECT_EQ(sim->status, real->status);
    if (sim->status != MM_OK) {
        compare_errors(trial, &sim->error, &real->error);
        return;
    }
    EXPECT_EQ(sim->extent.start, real->extent.start);
    EXPECT_EQ(sim->extent.bytes, real->extent.bytes);
}

void trial_compare_tables(struct trial *trial)
{
    for (size_t i = 0; i < WORKLOAD_CHUNKS; i++) {
        struct mm_lookup seen[SIDES];
        enum workload_owner owner[SIDES];
        for (size_t s = 0; s < SIDES; s++) {
            const struct side *side = &trial->sides[s];
            seen[s] = mmapper_lookup(side->mapper, trial_chunks(trial, i, 1).start);
            owner[s] = side_owner(side, seen[s].owner);
        }
        EXPECT_EQ(seen[0].state, seen[1].state);
        EXPECT_EQ(owner[0], owner[1]);
        trial->model.chunks[i].state = seen[0].state;
        trial->model.chunks[i].owner = owner[0];
    }
}

unsigned trial_access(const struct trial *trial, struct mm_extent page)
{
    return sim_kernel_view(trial->sides[0].kernel, page.start).mapping.access;
}

void trial_compare_contents(const struct trial *trial)
{
    for (size_t i = 0; i < WORKLOAD_CHUNKS; i++) {
        const struct mm_extent page = trial_last_page(trial, i);
        if (trial_access(trial, page) & MM_ACCESS_READ) {
            EXPECT_EQ(foreign_read(trial->sides[0].kernel, page.start),
                      foreign_read(trial->sides[1].kernel, page.start));
        }
    }
}

struct listing {
    struct mm_extent window;
    size_t count;
    struct mm_mapping mappings[MAX_MAPPINGS];
};

/* Clips to the window and merges what differs in nothing that is listed: the kernels
 * may split by flags that are not. */
static bool add_mapping(void *argument, const struct mm_mapping *mapping)
{
    struct listing *listing = argument;
    struct mm_mapping clipped = *mapping;
    const uintptr_t window_end = mm_extent_end(listing->window);
    uintptr_t start = mapping->extent.start;
    uintptr_t end = mm_extent_end(mapping->extent);
    start = start > listing->window.start ? start : listing->window.start;
    end = end < window_end ? end : window_end;
    clipped.extent = mm_extent_of(start, end - start);
    if (listing->count > 0) {
        struct mm_mapping *last = &listing->mappings[listing->count - 1];
        if (mm_extent_end(last->extent) == start && last->access == clipped.access &&
            last->shared == clipped.shared && last->file == clipped.file &&
            strcmp(last->name, clipped.name) == 0) {
            last->extent.bytes += clipped.extent.bytes;
            return true;
        }
    }
    EXPECT(listing->count < MAX_MAPPINGS);
    listing->mappings[listing->count++] = clipped;
    return true;
}

void trial_compare_kernels(const struct trial *trial)
{
    struct listing lists[SIDES];
    for (size_t s = 0; s < SIDES; s++) {
        const struct mmap_support *support = &trial->sides[s].support;
        lists[s].window = trial_chunks(trial, 0, WORKLOAD_CHUNKS);
        lists[s].count = 0;
        EXPECT_EQ(support->operations->each_mapping(support->context, lists[s].window,
                                                    add_mapping, &lists[s]),
                  0);
    }
    for (size_t i = 0; i < lists[0].count && i < lists[1].count; i++) {
        compare_mapping(&lists[0].mappings[i], &lists[1].mappings[i]);
    }
    EXPECT_EQ(lists[0].count, lists[1].count);
}

void trial_compare_statistics(const struct trial *trial)
{
    struct mm_statistics counts[SIDES];
    for (size_t s = 0; s < SIDES; s++) {
        mmapper_statistics(trial->sides[s].mapper, &counts[s]);
    }
    for (size_t call = 0; call < MM_OS_CALL_COUNT; call++) {
        EXPECT_EQ(counts[0].os_calls[call], counts[1].os_calls[call]);
        EXPECT_EQ(counts[0].os_failures[call], counts[1].os_failures[call]);
    }
    EXPECT_EQ(counts[0].conflicts, counts[1].conflicts);
    EXPECT_EQ(counts[0].regions_split, counts[1].regions_split);
    EXPECT_EQ(counts[0].runs, counts[1].runs);
}

void trial_begin_mappers(struct trial *trial, uint64_t seed)
{
    static const char *const names[WORKLOAD_OWNERS] = {"a", "b", "huge", "x"};
    static const size_t pages_per_chunk[] = {1, 2, 4, 16};
    trial->chunk_bytes = trial->page_bytes * pages_per_chunk[seed % 4];
    const struct mmapper_options options = {
        .chunk_bytes = trial->chunk_bytes,
        .base = trial->base,
        .limit = mm_extent_end(trial_chunks(trial, 0, WORKLOAD_CHUNKS)),
        .log_region_chunks = 1 + (unsigned)(seed / 4 % 4),
        .max_owners = WORKLOAD_OWNERS};
    for (size_t s = 0; s < SIDES; s++) {
        struct side *side = &trial->sides[s];
        EXPECT_OK(mmapper_create(&options, &side->support, &side->mapper, NULL));
        for (enum workload_owner i = 0; i < WORKLOAD_OWNERS; i++) {
            const struct mm_owner_options owner = {.name = names[i],
                                                   .kind = MM_KIND_TEST,
                                                   .strategy = workload_strategy(i)};
            EXPECT_OK(
                mmapper_register_owner(side->mapper, &owner, &side->owners[i], NULL));
        }
    }
    model_reset(&trial->model);
}

void trial_end_mappers(struct trial *trial)
{
    for (size_t s = 0; s < SIDES; s++) {
        EXPECT_OK(mmapper_destroy(trial->sides[s].mapper, NULL));
    }
}

/* Places that are far from where kernels and sanitizers map; the first that is free. */
static uintptr_t find_window(const struct mmap_support *real, size_t bytes)
{
    const struct mm_strategy plain = {0};
    for (uintptr_t base = (uintptr_t)0x7e8000000000;; base += (uintptr_t)1 << 30) {
        const struct mm_extent extent = mm_extent_of(base, bytes);
        if (real->operations->reserve(real->context, extent, &plain) == 0) {
            EXPECT_EQ(real->operations->release(real->context, extent), 0);
            return base;
        }
        EXPECT(base < (uintptr_t)0x7f0000000000);
    }
}

/* Whether the real kernel has no names for anonymous memory. */
static bool lacks_names(const struct mmap_support *real, struct mm_extent extent)
{
    const struct mm_strategy plain = {0};
    EXPECT_EQ(real->operations->reserve(real->context, extent, &plain), 0);
    const int result = real->operations->annotate(real->context, extent, "probe");
    EXPECT_EQ(real->operations->release(real->context, extent), 0);
    return result != 0;
}

void trial_begin(struct trial *trial)
{
    const struct mmap_support real = mmap_support_linux();
    memset(trial, 0, sizeof(*trial));
    trial->page_bytes = real.page_bytes;
    trial->base = find_window(&real, 16 * real.page_bytes * WORKLOAD_CHUNKS);
    const struct sim_kernel_options options = {
        .page_bytes = real.page_bytes,
        .no_names = lacks_names(&real, mm_extent_of(trial->base, real.page_bytes)),
        .single_threaded = true};
    trial->sides[0].kernel = sim_kernel_create(&options);
    const struct mmap_support sim = sim_kernel_support(trial->sides[0].kernel, 0);
    const struct mmap_support *inner[SIDES] = {&sim, &real};
    for (size_t s = 0; s < SIDES; s++) {
        trial->sides[s].faults = fault_decorator_create(inner[s]);
        trial->sides[s].support = fault_decorator_support(trial->sides[s].faults);
    }
}

void trial_end(struct trial *trial)
{
    EXPECT_EQ(sim_kernel_statistics(trial->sides[0].kernel).mappings, 0);
    for (size_t s = 0; s < SIDES; s++) {
        fault_decorator_destroy(trial->sides[s].faults);
    }
    sim_kernel_destroy(trial->sides[0].kernel);
    (void)printf("%" PRIu64 " sequences, %" PRIu64 " steps, %" PRIu64 " faults\n",
                 trial->sequences, trial->steps, trial->faults);
    for (enum mm_status status = 0; status < MM_STATUS_COUNT; status++) {
        (void)printf("  %-18s %" PRIu64 "\n", mm_status_name(status),
                     trial->by_status[status]);
    }
}
