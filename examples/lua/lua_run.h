/* SPDX-License-Identifier: MIT */
/* A Lua state in a given memory, and files run in it. Nothing here aborts: whatever
 * fails, also for want of memory, is an error that the caller is told. */
#ifndef EXAMPLES_LUA_LUA_RUN_H
#define EXAMPLES_LUA_LUA_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include "examples/lua/lua_memory.h"

/*
 * Makes a state with Lua's libraries, whose `print` writes to `out`, runs the files in it
 * one after the other, and closes it. At the first error: false, and *message is what Lua
 * says, with a traceback where there is memory for one, and why memory was refused if it
 * was; to be freed. With immortal memory Lua's collector is stopped.
 */
bool lua_run_files(const struct lua_memory *memory, FILE *out, char *const *files,
                   size_t count, char **message);

#endif /* EXAMPLES_LUA_LUA_RUN_H */
