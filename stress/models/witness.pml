/* SPDX-License-Identifier: MIT */
/* WITNESS(NAME) says once, in the output of a search, that the search came by. The
 * runner knows which names a search must have come by: a model in which nobody ever
 * loses a race proves nothing about races. */
#ifdef WITNESSES
#define WITNESS(name) \
    c_code { static int said; if (!said) { said = 1; printf("witness: %s\n", #name); } };
#else
#define WITNESS(name)
#endif
