/* SPDX-License-Identifier: MIT */
/*
 * How a case is measured.
 *
 *     open all sides: tables and arrays lie where the seed says
 *     warm up
 *     for each repetition: one sample of each variant, back to back, in rotated order
 *
 * A variant is a side with a number of threads. Whatever drifts, drifts over all of them,
 * so that their ratios within one repetition hold. A sample has a fixed number of steps,
 * found at the warm-up. With more threads than processors the cost of a call is the time
 * that passed by the processors that there are.
 *
 * Each sample is a line of JSON on standard output:
 *     {"case": .., "side": .., "threads": .., "repetition": .., "ns": ..}
 * ns is the cost of one operation as one thread sees it. A side that cannot be measured
 * here has one line, {"case": .., "side": .., "skipped": why}, a gauge one for each figure,
 *     {"case": .., "side": .., "value": .., "unit": ..}
 */
#ifndef BENCH_PROTOCOL_H
#define BENCH_PROTOCOL_H

#include "bench/measure.h"

struct bench_protocol {
    unsigned repetitions;
    uint64_t sample_ns; /* about how long the timed part of a sample takes */
    uint64_t seed;      /* of where things lie */
};

void bench_run_case(const struct bench_machine *machine,
                    const struct bench_protocol *protocol,
                    const struct bench_case *one);

#endif /* BENCH_PROTOCOL_H */
