/* SPDX-License-Identifier: MIT
 *
 * LuaJIT is known by a function that only it has. In stock 5.1 all of this but
 * luajit_in_finaliser does nothing.
 */
#include "lua/vm/luajit.h"

#include <string.h>

/* Of LuaJIT, which throws all compiled code away; elsewhere it is not there. */
extern int luaJIT_setmode(lua_State *L, int index, int mode) __attribute__((weak));
enum { ENGINE_FLUSH = 0x0200 }; /* LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH */

bool luajit_is_here(void) { return luaJIT_setmode != NULL; }

/* The error on top is that Lua's stack has no room for another C function. */
static bool is_overflow(lua_State *L) {
  return lua_type(L, -1) == LUA_TSTRING && strstr(lua_tostring(L, -1), "stack overflow");
}

/* Calls `noop` while `hook` is the hook; the script's own is put aside. A C function has room for
 * one value: those of ours that wait are far from LUA_MINSTACK. */
static void call_noop(lua_State *L, struct worker *w, lua_Hook hook) {
  lua_Hook old = lua_gethook(L);
  int mask = lua_gethookmask(L), count = lua_gethookcount(L);
  bool aside = hook || (mask & ~LUA_MASKCOUNT); /* a count would begin anew each time, and there is
                                                   nothing to be counted here */
  if (aside) lua_sethook(L, hook, hook ? LUA_MASKCALL : 0, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.noop);
  int status = lua_pcall(L, 0, 0, 0);
  if (status == LUA_ERRRUN && !is_overflow(L))
    worker_interrupted(L, w); /* by a hook that a signal has set in between */
  else if (status != 0)
    lua_pop(L, 1);
  if (aside) lua_sethook(L, old, mask, count);
}

/* A call makes LuaJIT note it. */
void luajit_note_state(lua_State *L, struct worker *w) { call_noop(L, w, NULL); }

/* Where LuaJIT has the handlers that scripts gave jit.attach: a name in the registry. */
static const char handlers_key[] = "_VMEVENTS";
static const char hook_key; /* registry: its address -> the worker's sched.hook_ran */

bool luajit_is_stopped(const struct worker *w) {
  return w->is_luajit && lua_gc(w->L, LUAJIT_GCISRUNNING, 0) == 0;
}

static void note_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  lua_pushlightuserdata(L, (void *)(uintptr_t)&hook_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  bool *ran = lua_touserdata(L, -1);
  lua_pop(L, 1);
  *ran = true;
}

bool luajit_in_finaliser(lua_State *L, struct worker *w) {
  w->sched.hook_ran = false;
  call_noop(L, w, note_hook);
  return !w->sched.hook_ran;
}

static int noop(lua_State *L) {
  (void)L;
  return 0;
}

void luajit_open(lua_State *L, struct worker *w) {
  lua_pushcfunction(L, noop);
  w->anchors.noop = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushstring(L, handlers_key);
  w->anchors.vmevents = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushboolean(L, 0);
  w->anchors.interrupt = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&hook_key);
  lua_pushlightuserdata(L, &w->sched.hook_ran);
  lua_rawset(L, LUA_REGISTRYINDEX);
  w->is_luajit = luajit_is_here();
}

static int flush_code(lua_State *L) {
  luaJIT_setmode(L, 0, ENGINE_FLUSH);
  return 0;
}

void luajit_forget_code(struct worker *w) {
  double now = clock_seconds();
  if (!w->is_luajit || now - w->code_forgotten < 1) return;
  if (luajit_is_stopped(w)) return; /* perhaps in a finaliser, where it is not allowed */
  luajit_flush_code(w);
}

void luajit_flush_code(struct worker *w) {
  if (!w->is_luajit) return;
  w->code_forgotten = clock_seconds();
  worker_protected(w, flush_code, NULL);
}

bool luajit_has_handlers(const struct worker *w) {
  if (!w->is_luajit) return false;
  lua_rawgeti(w->L, LUA_REGISTRYINDEX, w->anchors.vmevents);
  lua_rawget(w->L, LUA_REGISTRYINDEX);
  bool has = lua_istable(w->L, -1);
  lua_pop(w->L, 1);
  return has;
}

/* LuaJIT looks for them there, and when there are none not again. */
void luajit_forget_handlers(lua_State *L, struct worker *w) {
  if (!w->is_luajit) return;
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, handlers_key);
}
