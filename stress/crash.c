/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "stress/crash.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "stress/options.h"
#include "stress/sanitizers.h"

/* A signal handler has no argument of its own to carry it. */
static const char *crash_command;

static void put(const char *text)
{
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* there is nobody left to tell */
}

static void put_hex(uintptr_t value)
{
    char text[2 + 2 * sizeof(value) + 1] = "0x";
    for (size_t i = 0; i < 2 * sizeof(value); i++) {
        const unsigned shift = (unsigned)(8 * sizeof(value) - 4 * (i + 1));
        text[2 + i] = "0123456789abcdef"[(value >> shift) & 0xF];
    }
    text[2 + 2 * sizeof(value)] = '\0';
    put(text);
}

static void on_fatal_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    put("\nVIOLATION: fatal signal: ");
    put(number == SIGSEGV   ? "SIGSEGV (memory that was given is not there)"
        : number == SIGBUS  ? "SIGBUS"
        : number == SIGABRT ? "SIGABRT"
                            : "SIGILL or SIGTRAP (an assertion of the library)");
    put(" at address ");
    put_hex((uintptr_t)info->si_addr);
    put("\nreproduce: ");
    put(crash_command);
    put("\n");
    _exit(STRESS_EXIT_VIOLATION);
}

void stress_crash_report(const char *command)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT};
    if (STRESS_SANITIZED) {
        return;
    }
    crash_command = command;
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        struct sigaction action;
        memset(&action, 0, sizeof(action));
        action.sa_sigaction = on_fatal_signal;
        action.sa_flags = (int)(SA_SIGINFO | SA_RESETHAND);
        (void)sigaction(fatal[i], &action, NULL);
    }
}
