/* SPDX-License-Identifier: MIT */
/* How programs are written: shared by the writer and the reader. */
#ifndef STRESS_EXPLORE_PROGRAM_FORMS_H
#define STRESS_EXPLORE_PROGRAM_FORMS_H

#include "stress/explore/program.h"

/* An operation: who (NULL: an owner), what, and which numbers follow. */
struct op_form {
    const char *who;
    const char *what;
    bool first;
    bool count;
    char arg; /* 'o': an owner, 'p': a protection, 'n': a number, 0: none */
};

extern const struct op_form op_forms[OP_KIND_COUNT];
extern const char *const program_owner_names[OWNER_COUNT];
extern const char *const program_protections[8]; /* by MM_ACCESS_* */
enum { PROGRAM_SPACES = 7 };
extern const char *const program_spaces[PROGRAM_SPACES]; /* by the bits WITH_* */

#endif /* STRESS_EXPLORE_PROGRAM_FORMS_H */
