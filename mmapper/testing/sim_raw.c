/* SPDX-License-Identifier: MIT */
/* The system calls of the simulated kernel. */
#include <errno.h>

#include "mmapper/testing/sim_kernel_state.h"

enum { LOWEST_ADDRESS = 65536 /* vm.mmap_min_addr */ };

static size_t piece_bytes(const struct sim_piece *piece)
{
    return piece->end - piece->start;
}

static bool is_data(const struct sim_piece *piece)
{
    return (piece->access & MM_ACCESS_WRITE) && !(piece->flags & SIM_FLAG_SHARED);
}

/* Adds a piece to the totals, or with `sign` -1 takes it off. */
static void count_piece(struct sim_kernel *kernel, const struct sim_piece *piece,
                        int sign)
{
    const size_t bytes = sign > 0 ? piece_bytes(piece) : (size_t)0 - piece_bytes(piece);
    struct sim_statistics *totals = &kernel->statistics;
    if (piece->holder == SIM_HOLDER_FOREIGN) {
        totals->foreign_bytes += bytes;
    } else {
        totals->client_bytes += bytes;
    }
    if (piece->flags & SIM_FLAG_CHARGED) {
        totals->charged_bytes += bytes;
    }
    if (is_data(piece)) {
        kernel->data_bytes += bytes;
    }
}

void sim_enter(struct sim_kernel *kernel, const struct sim_piece *piece)
{
    sim_mappings_add(&kernel->map, piece);
    count_piece(kernel, piece, 1);
}

/* The highest free range of `bytes`, as the kernel searches; 0 if there is none. */
static uintptr_t find_free(const struct sim_kernel *kernel, size_t bytes)
{
    uintptr_t top =
        ((uintptr_t)1 << kernel->options.address_bits) - kernel->options.page_bytes;
    for (size_t i = kernel->map.count; i > 0; i--) {
        const struct sim_piece *piece = &kernel->map.pieces[i - 1];
        if (piece->end <= top && top - piece->end >= bytes) {
            return top - bytes;
        }
        top = piece->start < top ? piece->start : top;
    }
    return top >= LOWEST_ADDRESS && top - LOWEST_ADDRESS >= bytes ? top - bytes : 0;
}

int sim_raw_map(struct sim_kernel *kernel, struct sim_piece *piece)
{
    const size_t bytes = piece_bytes(piece);
    const uintptr_t end_of_space =
        ((uintptr_t)1 << kernel->options.address_bits) - kernel->options.page_bytes;
    /* The kernel's order: map count, address, overlap, RLIMIT_AS. The count may go one
     * over the limit: it compares before it adds. */
    if (kernel->map.mappings > kernel->options.max_map_count) {
        return ENOMEM;
    }
    const bool taken = sim_mappings_any(&kernel->map, piece->start, piece->end);
    if (kernel->options.old_kernel) {
        if (taken || piece->end > end_of_space) {
            piece->start = find_free(kernel, bytes);
            piece->end = piece->start + bytes;
        }
        if (piece->start == 0) {
            return ENOMEM;
        }
    } else if (piece->end > end_of_space) {
        return ENOMEM;
    } else if (piece->start < LOWEST_ADDRESS) {
        return EPERM;
    } else if (taken) {
        return EEXIST;
    }
    if (sim_exceeds(sim_address_bytes(kernel), bytes, kernel->options.address_bytes)) {
        return ENOMEM;
    }
    sim_enter(kernel, piece);
    return 0;
}

/* The attributes that mprotect gives a piece; false when a limit forbids it. */
static bool protected_piece(const struct sim_kernel *kernel, struct sim_piece *piece,
                            unsigned access)
{
    const unsigned never =
        SIM_FLAG_CHARGED | SIM_FLAG_SHARED | SIM_FLAG_FILE | SIM_FLAG_NORESERVE;
    const bool was_data = is_data(piece);
    const bool was_writable = piece->access & MM_ACCESS_WRITE;
    piece->access = (uint8_t)access;
    if (!was_data && is_data(piece) &&
        sim_exceeds(kernel->data_bytes, piece_bytes(piece),
                    kernel->options.data_bytes)) {
        return false;
    }
    if (!(access & MM_ACCESS_WRITE)) {
        /* Memory that was never touched gives its charge back, touched memory keeps
         * it. */
        if (!(piece->flags & SIM_FLAG_TOUCHED)) {
            piece->flags &= (uint8_t)~SIM_FLAG_CHARGED;
        }
        return true;
    }
    if (was_writable || (piece->flags & never) || piece->holder == SIM_HOLDER_FOREIGN) {
        return true;
    }
    if (sim_exceeds(kernel->statistics.charged_bytes, piece_bytes(piece),
                    kernel->options.commit_bytes)) {
        return false;
    }
    piece->flags |= SIM_FLAG_CHARGED;
    return true;
}

/* The part of the piece at `index` that lies in [at, end). */
static struct sim_piece clip(const struct sim_kernel *kernel, size_t index,
                             uintptr_t at, uintptr_t end)
{
    struct sim_piece part = kernel->map.pieces[index];
    part.start = at > part.start ? at : part.start;
    part.end = end < part.end ? end : part.end;
    return part;
}

static bool change(struct sim_kernel *kernel, size_t index, const struct sim_piece *to,
                   size_t limit)
{
    struct sim_piece from = kernel->map.pieces[index];
    from.start = to->start;
    from.end = to->end;
    if (!sim_mappings_change(&kernel->map, index, to, limit)) {
        return false;
    }
    count_piece(kernel, &from, -1);
    count_piece(kernel, to, 1);
    return true;
}

int sim_raw_protect(struct sim_kernel *kernel, struct mm_extent extent, unsigned access,
                    size_t limit)
{
    const uintptr_t end = extent.start + extent.bytes;
    for (uintptr_t at = extent.start; at < end;) {
        const size_t index = sim_mappings_find(&kernel->map, at);
        if (index == kernel->map.count || kernel->map.pieces[index].start > at) {
            return ENOMEM; /* a hole; what lies before it is changed */
        }
        struct sim_piece part = clip(kernel, index, at, end);
        at = part.end;
        if (part.flags & SIM_FLAG_SEALED) {
            return EPERM; /* what lies before it is changed */
        }
        if (part.access == access) {
            continue;
        }
        if (!protected_piece(kernel, &part, access) ||
            !change(kernel, index, &part, limit)) {
            return ENOMEM;
        }
    }
    return 0;
}

/* Adds what lies in [start, end) to the totals, or with `sign` -1 takes it off. */
static void count_range(struct sim_kernel *kernel, uintptr_t start, uintptr_t end,
                        int sign)
{
    const struct sim_mappings *map = &kernel->map;
    for (size_t i = sim_mappings_find(map, start);
         i < map->count && map->pieces[i].start < end; i++) {
        const struct sim_piece part = clip(kernel, i, start, end);
        count_piece(kernel, &part, sign);
    }
}

/* Whether any of `extent` is sealed. */
static bool is_sealed(const struct sim_kernel *kernel, struct mm_extent extent)
{
    const struct sim_mappings *map = &kernel->map;
    const uintptr_t end = extent.start + extent.bytes;
    for (size_t i = sim_mappings_find(map, extent.start);
         i < map->count && map->pieces[i].start < end; i++) {
        if (map->pieces[i].flags & SIM_FLAG_SEALED) {
            return true;
        }
    }
    return false;
}

int sim_raw_unmap(struct sim_kernel *kernel, struct mm_extent extent, size_t limit)
{
    const uintptr_t end = extent.start + extent.bytes;
    if (is_sealed(kernel, extent)) {
        return EPERM;
    }
    count_range(kernel, extent.start, end, -1);
    if (!sim_mappings_remove(&kernel->map, extent.start, end, limit)) {
        count_range(kernel, extent.start, end, 1);
        return ENOMEM;
    }
    sim_pages_drop(&kernel->contents, extent.start, end);
    return 0;
}

/* Whether all of `extent` is mapped. */
static bool is_covered(const struct sim_kernel *kernel, struct mm_extent extent)
{
    const uintptr_t end = extent.start + extent.bytes;
    uintptr_t at = extent.start;
    for (size_t i = sim_mappings_find(&kernel->map, at);
         i < kernel->map.count && kernel->map.pieces[i].start <= at && at < end; i++) {
        at = kernel->map.pieces[i].end;
    }
    return at >= end;
}

int sim_raw_drop(struct sim_kernel *kernel, struct mm_extent extent)
{
    /* madvise goes on behind holes and says ENOMEM at the end. */
    sim_pages_drop_some(&kernel->contents, extent.start, extent.start + extent.bytes,
                        false);
    return is_covered(kernel, extent) ? 0 : ENOMEM;
}

int sim_raw_guard(struct sim_kernel *kernel, struct mm_extent extent)
{
    const uintptr_t end = extent.start + extent.bytes;
    if (!is_covered(kernel, extent)) {
        return ENOMEM;
    }
    for (size_t i = sim_mappings_find(&kernel->map, extent.start);
         i < kernel->map.count && kernel->map.pieces[i].start < end; i++) {
        kernel->map.pieces[i].flags |= SIM_FLAG_TOUCHED;
    }
    for (uintptr_t at = extent.start; at < end; at += kernel->options.page_bytes) {
        sim_pages_write(&kernel->contents, at, SIM_GUARD);
    }
    return 0;
}

int sim_raw_mark(struct sim_kernel *kernel, struct mm_extent extent,
                 const uint32_t *name, unsigned flags)
{
    const uintptr_t end = extent.start + extent.bytes;
    const bool covered = is_covered(kernel, extent);
    for (uintptr_t at = extent.start; at < end;) {
        const size_t index = sim_mappings_find(&kernel->map, at);
        if (index == kernel->map.count || kernel->map.pieces[index].start >= end) {
            break;
        }
        struct sim_piece part = clip(kernel, index, at, end);
        at = part.end;
        part.flags |= (uint8_t)flags;
        part.name = name != NULL ? *name : part.name;
        if (!change(kernel, index, &part, kernel->options.max_map_count)) {
            return EAGAIN; /* madvise and prctl say so for a split that fails */
        }
    }
    return covered ? 0 : ENOMEM;
}
