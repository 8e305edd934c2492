/* SPDX-License-Identifier: MIT */
/* WITNESS(NAME) marks what a search must come by: a model in which nobody ever loses a
 * race proves nothing about races. The runner turns the print into one that speaks once,
 * and knows which names each search has to reach. */
#define WITNESS(name) printf(#name);
