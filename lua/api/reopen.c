/* SPDX-License-Identifier: MIT
 *
 * The userdata of remote values have pointers into the parent's connection, which is freed. They
 * are not looked for: their two metatables, by which everything knows them, are given up for new
 * ones, and the old are emptied, finalisers included, so that nothing reads those pointers again.
 */
#include "lua/api/reopen.h"

#include <string.h>

#include "lua/api/library.h"

void reopen_reset(struct worker *w) {
  w->sched = (struct scheduler){.guest_state = w->sched.guest_state,
                                .last_number = w->sched.last_number};
  w->loop = (struct loop){0};
  w->deaths = (struct deaths){0};
  w->backlog = (struct backlog){0};
  w->label_waits = NULL; /* freed with the instance */
  memset(w->lines, 0, sizeof w->lines);
  /* What was exported to the parent's clients is not held by ours. The sentinel stays. */
  w->weights.n_exports = w->weights.grown = w->weights.freed = w->weights.rounds = 0;
  w->open_futures = w->sweeps = 0;
  w->posts_failed = 0;
  w->exit_code = 0;
  w->succeeded = w->label_waits_left = false;
  w->stopping = w->retired = w->unwinding = w->overdue = w->loss_told = false;
  w->lost = w->left_parent = true;
}

static int refuse(lua_State *L) {
  return worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                      "a remote value of the process that this one is a fork of");
}

/* Whether Lua has an answer of its own without this metamethod, other than an error. */
static bool is_optional(const char *event) {
  return strcmp(event, "__gc") == 0 || strcmp(event, "__tostring") == 0 ||
         strcmp(event, "__eq") == 0;
}

/* Replaces the functions of a metatable of remote values, and takes it out of the registry. */
static void retire(lua_State *L, struct worker *w, int *metatable) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, *metatable);
  int meta = lua_gettop(L);
  worker_push_function(L, w, refuse);
  if (lua_istable(L, meta)) lua_pushnil(L);
  while (lua_gettop(L) > meta + 1 && lua_next(L, meta)) {
    bool replaced = lua_isfunction(L, -1);
    lua_pop(L, 1);
    if (!replaced) continue;
    lua_pushvalue(L, -1); /* assigning to a field that is there does not disturb the traversal */
    if (is_optional(lua_tostring(L, -1)))
      lua_pushnil(L);
    else
      lua_pushvalue(L, meta + 1);
    lua_rawset(L, meta);
  }
  lua_settop(L, meta - 1);
  luaL_unref(L, LUA_REGISTRYINDEX, *metatable);
  *metatable = LUA_NOREF;
}

static void forget(lua_State *L, int *table) {
  luaL_unref(L, LUA_REGISTRYINDEX, *table);
  *table = LUA_NOREF;
}

static void clear_labels(lua_State *L, struct worker *w) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4);
  }
  lua_pop(L, 1);
}

void reopen_library(lua_State *L, struct worker *w) {
  struct anchors *a = &w->anchors;
  luaL_checkstack(L, 8, "gaijin.connect");
  w->object_meta_address = w->token_meta_address = NULL;
  retire(L, w, &a->object_meta);
  retire(L, w, &a->token_meta);
  forget(L, &a->pool);
  forget(L, &a->lookup);
  forget(L, &a->threads);
  forget(L, &a->interner);
  clear_labels(L, w);
  library_open_books(L, w);
}

void reopen_name(lua_State *L, struct worker *w) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.module);
  lua_pushliteral(L, "name");
  lua_pushstring(L, w->name);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}
