/* SPDX-License-Identifier: MIT */
/*
 * Fibers: stacks that one thread switches between, a few nanoseconds a switch.
 *
 * The deterministic scheduler runs every simulated thread on a fiber. x86-64 and
 * aarch64 have their own switch (the callee-saved registers and the stack pointer; no
 * signal mask, which is what makes ucontext ten times slower); other machines, and
 * builds with MMAPPER_FIBER_UCONTEXT, use ucontext. AddressSanitizer is told of each
 * switch.
 *
 * Not thread-safe: a fiber belongs to the thread that prepared it.
 */
#ifndef MMAPPER_TESTING_FIBER_H
#define MMAPPER_TESTING_FIBER_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#endif

#if !defined(MMAPPER_FIBER_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define MMAPPER_FIBER_UCONTEXT 1
#endif

#if defined(MMAPPER_FIBER_UCONTEXT)
#include <ucontext.h>
#endif

struct fiber {
    void *stack_pointer; /* where it stopped */
    char *stack;         /* lowest address; NULL: the thread's own stack */
    size_t stack_bytes;
    void (*entry)(void *argument);
    void *argument;
#if defined(MMAPPER_FIBER_UCONTEXT)
    ucontext_t context;
#endif
#if defined(FIBER_ASAN)
    void *fake_stack;
    const void *asan_bottom; /* of the stack that the sanitizer knows */
    size_t asan_bytes;
#endif
};

/* Makes `fiber` one that begins with entry(argument) on the given stack at the next
 * switch to it; whatever it was doing is forgotten. `entry` must not return. */
void fiber_prepare(struct fiber *fiber, char *stack, size_t stack_bytes,
                   void (*entry)(void *argument), void *argument);

/* Stops `from`, which is running, and goes on with `to`. */
void fiber_switch(struct fiber *from, struct fiber *to);

#endif /* MMAPPER_TESTING_FIBER_H */
