/* SPDX-License-Identifier: MIT
 *
 * The code is a script's like any other: it has the script's globals, runs on the fiber of the
 * request, and under the limits of a sandbox, where it reaches no more than the script does. What
 * has the form of an expression gives its values, as in an interpreter. Bytecode is refused
 * everywhere: Lua trusts it blindly, and what was typed is text.
 */
#include "lua/serve/eval.h"

#include <string.h>

#include "lua/fiber/fiber.h"

/* Leaves a function, or the error of the code as it is. */
static int load(lua_State *L, const char *code, size_t size) {
  lua_pushliteral(L, "return ");
  lua_pushvalue(L, 1);
  lua_concat(L, 2);
  size_t with_return;
  const char *expression = lua_tolstring(L, -1, &with_return);
  if (luaL_loadbuffer(L, expression, with_return, "=eval") == 0) {
    lua_remove(L, -2);
    return 0;
  }
  lua_pop(L, 2);
  return luaL_loadbuffer(L, code, size, "=eval");
}

int eval_serve(lua_State *L, struct worker *w) {
  size_t size;
  const char *asker = worker_host_name(w, w->sched.current->serving.caller);
  if (!w->allows_eval)
    return worker_raise(L, GAIJIN_STATUS_DENIED,
                        "%s runs no code for others; that takes --allow-eval at its start",
                        w->name);
  if (asker[0] != '@')
    return worker_raise(L, GAIJIN_STATUS_DENIED, "%s runs code for observers only", w->name);
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *code = lua_tolstring(L, 1, &size);
  worker_log_often(w, LINE_EVAL, "%s has this code run: %.200s", asker, code);
  if (size && code[0] == LUA_SIGNATURE[0])
    return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "bytecode is not run, only source text");
  lua_settop(L, 1);
  if (load(L, code, size) != 0) return lua_error(L);
  lua_call(L, 0, LUA_MULTRET);
  return lua_gettop(L) - 1;
}
