/* SPDX-License-Identifier: MIT
 *
 * What a script that is not trusted (--sandbox) finds of Lua's library: a list of what is
 * open; everything else is not there, whatever a later liblua adds. It gets no file, no other
 * process, no C module, no bytecode (which can break a VM: the reader of 5.1 checks
 * nothing) and of `debug` the traceback only.
 *
 * The libraries are closed before the prelude runs: nothing of ours keeps a function that is
 * closed. docs/sandbox.md lists what is open and why.
 */
#ifndef GAIJIN_LUA_UNTRUSTED_H
#define GAIJIN_LUA_UNTRUSTED_H

#include "lua/vm/worker.h"

/* In the place of luaL_openlibs. Raises. */
void untrusted_open_libraries(lua_State *L);

/* As luaL_loadfile and luaL_loadbuffer, but what is loaded is source text. Push the function, or
 * raise. */
void untrusted_load_file(lua_State *L, const char *path);
void untrusted_load_text(lua_State *L, const char *text, size_t size, const char *name);

#endif
