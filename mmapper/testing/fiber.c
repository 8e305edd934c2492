/* SPDX-License-Identifier: MIT */
#include "mmapper/testing/fiber.h"

#include <stdint.h>
#include <string.h>

#if defined(FIBER_ASAN)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

/* A fiber that nobody resumes cannot free the frames that the sanitizer keeps on the heap
 * to see uses after return. A program that prepares fibers anew for each of many runs
 * would leak them all, so there are none. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_stack_use_after_return=0";
}

/* The fiber that is being left: the sanitizer tells its stack on arrival. */
static struct fiber *leaving;

static void before_switch(struct fiber *from, const struct fiber *to)
{
    leaving = from;
    __sanitizer_start_switch_fiber(&from->fake_stack, to->asan_bottom, to->asan_bytes);
}

static void after_switch(void *fake_stack)
{
    __sanitizer_finish_switch_fiber(fake_stack, &leaving->asan_bottom,
                                    &leaving->asan_bytes);
}
#else
static void before_switch(struct fiber *from, const struct fiber *to)
{
    (void)from;
    (void)to;
}
#endif

/* Where every fiber begins. */
static void begin(struct fiber *fiber)
{
#if defined(FIBER_ASAN)
    after_switch(NULL);
#endif
    fiber->entry(fiber->argument);
    __builtin_trap(); /* an entry must not return: there is nothing below it */
}

#if defined(MMAPPER_FIBER_UCONTEXT)

static void begin_ucontext(unsigned high, unsigned low)
{
    /* makecontext passes ints. */
    begin((struct fiber *)(((uintptr_t)high << 32) | low));
}

static void prepare_machine(struct fiber *fiber)
{
    const uintptr_t address = (uintptr_t)fiber;
    (void)getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = fiber->stack_bytes;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, (void (*)(void))begin_ucontext, 2,
                (unsigned)(address >> 32), (unsigned)address);
}

static void switch_machine(struct fiber *from, struct fiber *to)
{
    (void)swapcontext(&from->context, &to->context);
}

#elif defined(__x86_64__)

/* Pushes what a callee must keep, leaves its stack pointer in *from, and takes all of
 * it up again from `to`. MXCSR and the x87 control word are not kept: no fiber changes
 * them. */
void mm_fiber_switch_machine(void **from, void *to);
void mm_fiber_begin_machine(void);

__asm__(".text\n"
        ".p2align 4\n"
        ".globl mm_fiber_switch_machine\n"
        ".type mm_fiber_switch_machine, @function\n"
        "mm_fiber_switch_machine:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    retq\n"
        ".size mm_fiber_switch_machine, . - mm_fiber_switch_machine\n"
        ".globl mm_fiber_begin_machine\n"
        ".type mm_fiber_begin_machine, @function\n"
        "mm_fiber_begin_machine:\n"
        "    movq %r12, %rdi\n"
        "    callq *%r13\n"
        "    ud2\n"
        ".size mm_fiber_begin_machine, . - mm_fiber_begin_machine\n");

static void prepare_machine(struct fiber *fiber)
{
    enum { R15, R14, R13, R12, RBX, RBP, RETURN, SAVED = 9 };
    const uintptr_t top =
        ((uintptr_t)fiber->stack + fiber->stack_bytes) & ~(uintptr_t)63;
    /* An odd number of words: seven are popped, and at the call in begin_machine the
     * stack must be a multiple of 16. */
    uintptr_t *frame = (uintptr_t *)top - SAVED;
    memset(frame, 0, SAVED * sizeof(*frame));
    frame[R13] = (uintptr_t)begin;
    frame[R12] = (uintptr_t)fiber;
    frame[RETURN] = (uintptr_t)mm_fiber_begin_machine;
    fiber->stack_pointer = frame;
}

static void switch_machine(struct fiber *from, struct fiber *to)
{
    mm_fiber_switch_machine(&from->stack_pointer, to->stack_pointer);
}

#else /* aarch64 */

void mm_fiber_switch_machine(void **from, void *to);
void mm_fiber_begin_machine(void);

__asm__(".text\n"
        ".p2align 4\n"
        ".globl mm_fiber_switch_machine\n"
        ".type mm_fiber_switch_machine, %function\n"
        "mm_fiber_switch_machine:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".size mm_fiber_switch_machine, . - mm_fiber_switch_machine\n"
        ".globl mm_fiber_begin_machine\n"
        ".type mm_fiber_begin_machine, %function\n"
        "mm_fiber_begin_machine:\n"
        "    mov x0, x19\n"
        "    blr x20\n"
        "    brk #1\n"
        ".size mm_fiber_begin_machine, . - mm_fiber_begin_machine\n");

static void prepare_machine(struct fiber *fiber)
{
    enum { X19 = 0, X20 = 1, X30 = 11, SAVED = 20 };
    const uintptr_t top =
        ((uintptr_t)fiber->stack + fiber->stack_bytes) & ~(uintptr_t)63;
    uintptr_t *frame = (uintptr_t *)top - SAVED;
    memset(frame, 0, SAVED * sizeof(*frame));
    frame[X19] = (uintptr_t)fiber;
    frame[X20] = (uintptr_t)begin;
    frame[X30] = (uintptr_t)mm_fiber_begin_machine;
    fiber->stack_pointer = frame;
}

static void switch_machine(struct fiber *from, struct fiber *to)
{
    mm_fiber_switch_machine(&from->stack_pointer, to->stack_pointer);
}

#endif

#if defined(FIBER_ASAN)
/* Frames below the one that stopped have been left, and their red zones with them: most
 * runs leave few, and a whole stack has as much shadow as a run writes in all. */
static void forget_frames(const struct fiber *fiber, char *stack, size_t stack_bytes)
{
    const size_t depth = (size_t)((char *)fiber->stack_pointer - stack);
    const size_t left = fiber->stack == stack && depth < stack_bytes ? depth : 0;
    __asan_unpoison_memory_region(stack + left, stack_bytes - left);
}
#endif

void fiber_prepare(struct fiber *fiber, char *stack, size_t stack_bytes,
                   void (*entry)(void *argument), void *argument)
{
#if defined(FIBER_ASAN)
    forget_frames(fiber, stack, stack_bytes);
    fiber->fake_stack = NULL;
    fiber->asan_bottom = stack;
    fiber->asan_bytes = stack_bytes;
#endif
    fiber->stack = stack;
    fiber->stack_bytes = stack_bytes;
    fiber->entry = entry;
    fiber->argument = argument;
    prepare_machine(fiber);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    before_switch(from, to);
    switch_machine(from, to);
#if defined(FIBER_ASAN)
    after_switch(from->fake_stack);
#endif
}
