/* SPDX-License-Identifier: MIT */
/* Which sanitizer this is built with: they take address space and signals for
 * themselves, so that a few sizes and a few phases differ under them. */
#ifndef STRESS_SANITIZERS_H
#define STRESS_SANITIZERS_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define STRESS_TSAN 1
#endif
#if __has_feature(address_sanitizer)
#define STRESS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(STRESS_TSAN)
#define STRESS_TSAN 1
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(STRESS_ASAN)
#define STRESS_ASAN 1
#endif
#ifndef STRESS_TSAN
#define STRESS_TSAN 0
#endif
#ifndef STRESS_ASAN
#define STRESS_ASAN 0
#endif

#define STRESS_SANITIZED (STRESS_TSAN || STRESS_ASAN)

#endif /* STRESS_SANITIZERS_H */
