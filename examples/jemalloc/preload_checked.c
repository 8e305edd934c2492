/* SPDX-License-Identifier: MIT */
/*
 * The oracle in the preloaded object: every call to the kernel is mirrored in an independent
 * address map. The oracle allocates while jemalloc allocates, so that it must not do it from
 * jemalloc: the linker hands its calls to what is behind glibc's malloc (--wrap).
 */
#include "examples/jemalloc/preload_support.h"

#include <inttypes.h>

#include "mmapper/testing/checked_decorator.h"

void *glibc_malloc(size_t bytes) __asm__("__libc_malloc");
void *glibc_calloc(size_t count, size_t bytes) __asm__("__libc_calloc");
void *glibc_realloc(void *memory, size_t bytes) __asm__("__libc_realloc");
void glibc_free(void *memory) __asm__("__libc_free");
void *wrapped_malloc(size_t bytes) __asm__("__wrap_malloc");
void *wrapped_calloc(size_t count, size_t bytes) __asm__("__wrap_calloc");
void *wrapped_realloc(void *memory, size_t bytes) __asm__("__wrap_realloc");
void wrapped_free(void *memory) __asm__("__wrap_free");

void *wrapped_malloc(size_t bytes)
{
    return glibc_malloc(bytes);
}

void *wrapped_calloc(size_t count, size_t bytes)
{
    return glibc_calloc(count, bytes);
}

void *wrapped_realloc(void *memory, size_t bytes)
{
    return glibc_realloc(memory, bytes);
}

void wrapped_free(void *memory)
{
    glibc_free(memory);
}

static struct checked_decorator *checked;

struct mmap_support preload_support(void)
{
    const struct mmap_support system = mmap_support_linux();
    checked = checked_decorator_create(&system, address_map_create(), 1);
    return checked_decorator_support(checked);
}

void preload_support_report(FILE *out)
{
    (void)fprintf(out,
                  "oracle: %" PRIu64 " violations%s%s, %" PRIu64 " bytes reserved\n",
                  checked_decorator_violations(checked),
                  checked_decorator_violations(checked) == 0 ? "" : ": ",
                  checked_decorator_violation_text(checked),
                  checked_decorator_reserved_bytes(checked));
}
