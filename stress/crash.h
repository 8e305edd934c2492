/* SPDX-License-Identifier: MIT */
/*
 * A fatal signal is a violation too: memory that a thread held was taken from it, or
 * the library trapped.
 */
#ifndef STRESS_CRASH_H
#define STRESS_CRASH_H

/* From here on a fatal signal prints itself, its address and `command`, and exits with
 * STRESS_EXIT_VIOLATION. `command` is kept. Does nothing under sanitizers, which report
 * signals better. */
void stress_crash_report(const char *command);

#endif /* STRESS_CRASH_H */
