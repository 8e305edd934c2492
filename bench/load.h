/* SPDX-License-Identifier: MIT */
/*
 * The acquire load: the floor of everything that is only looked up, and the unit of
 * "nanosecond-equivalents", in which costs without another floor are compared between
 * machines. Its loop is that of the lookups: over an array of places computed beforehand.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "bench/case.h"

extern const struct bench_side bench_load_side; /* "load" */

#endif /* BENCH_LOAD_H */
