/* SPDX-License-Identifier: MIT */
#include "stress/explore/scenarios.h"

const char *const space_scenarios[] = {
    0,
};
