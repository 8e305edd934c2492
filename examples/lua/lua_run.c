/* SPDX-License-Identifier: MIT */
#include "examples/lua/lua_run.h"

#include <lua5.4/lauxlib.h>
#include <lua5.4/lualib.h>
#include <string.h>

struct job {
    FILE *out;
    const char *file; /* NULL: open the libraries */
};

static int print_to_out(lua_State *state)
{
    FILE *out = lua_touserdata(state, lua_upvalueindex(1));
    const int count = lua_gettop(state);
    for (int i = 1; i <= count; i++) {
        size_t bytes;
        const char *text = luaL_tolstring(state, i, &bytes);
        if (i > 1) {
            (void)fputc('\t', out);
        }
        (void)fwrite(text, 1, bytes, out);
        lua_pop(state, 1);
    }
    (void)fputc('\n', out);
    return 0;
}

static int with_traceback(lua_State *state)
{
    const char *message = luaL_tolstring(state, 1, NULL);
    luaL_traceback(state, state, message, 1);
    return 1;
}

/* Everything that may fail for want of memory is done in a protected call, and this is
 * the only one: outside of it Lua could only panic. */
static int do_job(lua_State *state)
{
    const struct job *job = lua_touserdata(state, 1);
    if (job->file == NULL) {
        luaL_openlibs(state);
        lua_pushlightuserdata(state, job->out);
        lua_pushcclosure(state, print_to_out, 1);
        lua_setglobal(state, "print");
        return 0;
    }
    if (luaL_loadfile(state, job->file) != LUA_OK) {
        return lua_error(state);
    }
    lua_call(state, 0, 0);
    return 0;
}

/* A status of Lua's. Unless it is LUA_OK, what Lua says is on the stack's top. */
static int run(lua_State *state, struct job job)
{
    lua_settop(state, 0);
    lua_pushcfunction(state, with_traceback);
    lua_pushcfunction(state, do_job);
    lua_pushlightuserdata(state, &job);
    return lua_pcall(state, 1, 0, 1);
}

/* What Lua said, and if that was for want of memory, why it was refused. */
static char *explain(const char *said, const struct lua_memory *memory)
{
    char reason[1024];
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL) {
        return NULL;
    }
    lua_memory_explain(memory, reason, sizeof(reason));
    (void)fputs(said, out);
    if (reason[0] != '\0' && strstr(said, "not enough memory") != NULL) {
        (void)fprintf(out, "\n%s", reason);
    }
    (void)fclose(out);
    return text;
}

bool lua_run_files(const struct lua_memory *memory, FILE *out, char *const *files,
                   size_t count, char **message)
{
    lua_State *state = lua_newstate(memory->allocate, memory->context);
    if (state == NULL) {
        *message = explain("not enough memory for a state", memory);
        return false;
    }
    if (memory->kind == LUA_MEMORY_IMMORTAL) {
        lua_gc(state, LUA_GCSTOP);
    }
    int status = run(state, (struct job){.out = out});
    for (size_t i = 0; status == LUA_OK && i < count; i++) {
        status = run(state, (struct job){.file = files[i]});
    }
    if (status != LUA_OK) {
        /* Always a string here, by with_traceback or Lua's own, so nothing is converted,
         * which could fail. */
        *message = explain(lua_tostring(state, -1), memory);
    }
    lua_close(state);
    return status == LUA_OK;
}
