/* SPDX-License-Identifier: MIT */
/*
 * System calls that go past libc, whose functions the guard stands in for. errno is left
 * alone: the result is the kernel's, from -4095 to -1 for an error.
 */
#ifndef GUARD_KERNEL_H
#define GUARD_KERNEL_H

#include <stdbool.h>

enum { GUARD_ARGUMENTS = 6 };

static inline long guard_kernel6(long number, const long arguments[GUARD_ARGUMENTS])
{
#if defined(__x86_64__)
    long result;
    register long fourth __asm__("r10") = arguments[3];
    register long fifth __asm__("r8") = arguments[4];
    register long sixth __asm__("r9") = arguments[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(arguments[0]), "S"(arguments[1]),
                       "d"(arguments[2]), "r"(fourth), "r"(fifth), "r"(sixth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long wanted __asm__("x8") = number;
    register long first __asm__("x0") = arguments[0];
    register long second __asm__("x1") = arguments[1];
    register long third __asm__("x2") = arguments[2];
    register long fourth __asm__("x3") = arguments[3];
    register long fifth __asm__("x4") = arguments[4];
    register long sixth __asm__("x5") = arguments[5];
    __asm__ volatile("svc 0"
                     : "+r"(first)
                     : "r"(wanted), "r"(second), "r"(third), "r"(fourth), "r"(fifth),
                       "r"(sixth)
                     : "memory");
    return first;
#else
#error "how does this processor make system calls?"
#endif
}

static inline long guard_kernel(long number, long first, long second, long third,
                                long fourth)
{
    const long arguments[GUARD_ARGUMENTS] = {first, second, third, fourth, 0, 0};
    return guard_kernel6(number, arguments);
}

static inline bool guard_failed(long result)
{
    return result < 0 && result >= -4095;
}

#endif /* GUARD_KERNEL_H */
