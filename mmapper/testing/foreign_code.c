/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/foreign_code.h"

#include <stdlib.h>
#include <sys/mman.h>

static void expect(bool condition)
{
    if (!condition) {
        abort(); /* the test asked for what cannot be */
    }
}

static void *pointer(uintptr_t address)
{
    return (void *)address;
}

bool foreign_map(struct sim_kernel *kernel, struct mm_extent extent)
{
    if (kernel != NULL) {
        const struct mm_mapping mapping = {.extent = extent, .access = MM_ACCESS_READ};
        return sim_kernel_foreign_map(kernel, &mapping) == 0;
    }
    void *wanted = pointer(extent.start);
    void *got = mmap(wanted, extent.bytes, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MAP_FAILED && got != wanted) {
        expect(munmap(got, extent.bytes) == 0);
    }
    return got == wanted;
}

void foreign_unmap(struct sim_kernel *kernel, struct mm_extent extent)
{
    if (kernel != NULL) {
        sim_kernel_foreign_unmap(kernel, extent);
    } else {
        expect(munmap(pointer(extent.start), extent.bytes) == 0);
    }
}

void foreign_protect(struct sim_kernel *kernel, struct mm_extent extent)
{
    if (kernel != NULL) {
        sim_kernel_foreign_protect(kernel, extent, MM_ACCESS_READ);
    } else {
        expect(mprotect(pointer(extent.start), extent.bytes, PROT_READ) == 0);
    }
}

void foreign_write(struct sim_kernel *kernel, uintptr_t page, uint64_t token)
{
    if (kernel != NULL) {
        expect(sim_kernel_write(kernel, page, token) == 0);
    } else {
        *(volatile uint64_t *)pointer(page) = token;
    }
}

uint64_t foreign_read(struct sim_kernel *kernel, uintptr_t page)
{
    uint64_t token = 0;
    if (kernel != NULL) {
        expect(sim_kernel_read(kernel, page, &token) == 0);
        return token;
    }
    return *(const volatile uint64_t *)pointer(page);
}
