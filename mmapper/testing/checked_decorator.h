/* SPDX-License-Identifier: MIT */
/*
 * A decorator of the real kernel's operations that mirrors what they do in the oracle.
 *
 * Every call is passed on, and every success is entered in an address_map: a
 * reservation (or table) must not overlap anything that is held, and commit, decommit,
 * advise, annotate, release and the calls on pages must lie wholly within what this decorator's mapper
 * holds. What does not is recorded as a violation and passed on all the same: the
 * decorator watches, it does not judge for the kernel.
 *
 * Decorators of several mappers may share one oracle, each with a token of its own:
 * then the mappers are checked against each other as well. Tables are entered under the
 * token's complement.
 *
 * A release is taken out of the oracle before the kernel sees it (afterwards somebody
 * else may have the range already) and put back when it fails. It does not model access
 * or contents, nor what foreign code does.
 *
 * The inner support has all operations but collapse, if that is not asked for.
 *
 * Thread-safe.
 */
#ifndef MMAPPER_TESTING_CHECKED_DECORATOR_H
#define MMAPPER_TESTING_CHECKED_DECORATOR_H

#include "mmapper/mmap_support.h"
#include "mmapper/testing/address_map.h"

struct checked_decorator;

/* `inner` is copied; what it refers to, and the oracle, must outlive the decorator. */
struct checked_decorator *checked_decorator_create(const struct mmap_support *inner,
                                                   struct address_map *oracle,
                                                   uint64_t token);
void checked_decorator_destroy(struct checked_decorator *decorator);

/* The decorated operations and the inner options. */
struct mmap_support checked_decorator_support(struct checked_decorator *decorator);

/* Violations so far, and a description of the first ("" if none). */
uint64_t checked_decorator_violations(struct checked_decorator *decorator);
const char *checked_decorator_violation_text(struct checked_decorator *decorator);

/* Bytes that the mapper holds: reservations, and tables. */
uint64_t checked_decorator_reserved_bytes(struct checked_decorator *decorator);
uint64_t checked_decorator_table_bytes(struct checked_decorator *decorator);

#endif /* MMAPPER_TESTING_CHECKED_DECORATOR_H */
