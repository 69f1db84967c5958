/* SPDX-License-Identifier: MIT
 *
 * Texts are made only of what is new or the last step of a way: most references are neither.
 */
#include "lua/walk/ways.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/fiber/record.h"
#include "lua/ref/at.h"

/* ---- Nodes ---- */

/* Whether the value at index i is what is looked for. */
static bool is_target(const struct ways *h, int i) {
  lua_State *L = h->walk.L;
  if (h->target.home) return lua_topointer(L, i) == h->target.home;
  int type = lua_type(L, i);
  if (type != LUA_TUSERDATA && type != LUA_TFUNCTION) return false;
  const struct at *a = at_get(L, h->walk.w, i);
  return a && a->pt.id == h->target.id &&
         strcmp(worker_host_name(h->walk.w, a->pt.host), h->target.host) == 0;
}

static void push_local(lua_State *L, const struct walk_way *way) {
  const lua_Debug *ar = way->frame;
  if (!ar)
    lua_pushstring(L, way->name);
  else if (strcmp(ar->what, "C") == 0)
    lua_pushfstring(L, "%s of a C function", way->name);
  else if (ar->linedefined > 0)
    lua_pushfstring(L, "%s of %s:%d", way->name, ar->short_src, ar->linedefined);
  else
    lua_pushfstring(L, "%s of %s", way->name, ar->short_src);
}

/* Pushes the key, or the text, of a step; nil: it has none. */
static void push_key(lua_State *L, const struct walk_way *way) {
  switch (way->step) {
    case STEP_FIELD: lua_pushvalue(L, way->key); break;
    case STEP_ROOT:
    case STEP_UPVALUE: lua_pushstring(L, way->name); break;
    case STEP_LOCAL: push_local(L, way); break;
    default: lua_pushnil(L); break;
  }
}

/* For the next node; else it is as if there were none. */
static bool has_room(struct ways *h) {
  if (h->walk.count < h->room) return true;
  uint32_t room = h->room ? h->room * 2 : 4096;
  struct ways_node *nodes = realloc(h->nodes, room * sizeof *nodes);
  h->walk.cut |= !nodes;
  if (!nodes) return false;
  h->nodes = nodes;
  h->room = room;
  return true;
}

static struct ways_node node_of(const struct walk_way *way) {
  return (struct ways_node){.parent = way->from, .step = (uint8_t)way->step, .n = way->n};
}

static void note(struct ways *h, uint32_t node, const struct walk_way *way) {
  h->nodes[node] = node_of(way);
  push_key(h->walk.L, way);
  if (lua_isnil(h->walk.L, -1))
    lua_pop(h->walk.L, 1);
  else
    lua_rawseti(h->walk.L, h->keys, (int)node + 1);
}

static void visit(struct walk *walk, const struct walk_way *way) {
  struct ways *h = (struct ways *)(void *)walk; /* its first member */
  lua_State *L = walk->L;
  bool is_new;
  if (!is_target(h, lua_gettop(L))) {
    if (!has_room(h)) {
      lua_pop(L, 1);
      return;
    }
    uint32_t node = walk_enter(walk, &is_new);
    if (is_new) note(h, node, way);
    return;
  }
  lua_pop(L, 1);
  if (h->n_found == WAYS_MOST) return;
  h->found[h->n_found++] = node_of(way);
  push_key(L, way);
  lua_rawseti(L, h->last, (int)h->n_found);
}

/* ---- Roots ---- */

/* The value on top is a root called by the text that follows. Pops it. */
__attribute__((format(printf, 2, 3)))
static void root(struct ways *h, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  walk_tell(&h->walk, &(struct walk_way){.from = WALK_NO_NODE, .step = STEP_ROOT, .name = text});
}

/* A table of ours that is no way to what is in it: the roots below name that better. */
static void pass_over(struct ways *h, int anchor) {
  bool is_new;
  lua_rawgeti(h->walk.L, LUA_REGISTRYINDEX, anchor);
  if (!lua_istable(h->walk.L, -1) || !has_room(h)) {
    lua_pop(h->walk.L, 1);
    return;
  }
  uint32_t node = walk_enter_empty(&h->walk, &is_new);
  if (is_new)
    note(h, node, &(struct walk_way){.from = WALK_NO_NODE, .step = STEP_ROOT, .name = "ours"});
}

static void root_labels(struct ways *h) {
  lua_State *L = h->walk.L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->walk.w->anchors.labels);
  for (lua_pushnil(L); lua_next(L, -2);) {
    const char *label = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    root(h, "label %.200s", label);
  }
  lua_pop(L, 1);
}

static void root_fibers(struct ways *h) {
  const struct worker *w = h->walk.w;
  for (struct fiber *f = w->sched.all; f; f = f->all_next) {
    if (f->L == h->walk.L || !lua_checkstack(f->L, 4)) continue;
    lua_pushthread(f->L);
    lua_xmove(f->L, h->walk.L, 1);
    if (f->serving.id)
      root(h, "fiber serving %s of %s", gaijin_op_name(f->serving.op),
           worker_host_name(w, f->serving.caller));
    else if (f == w->sched.guest)
      root(h, "the interpreter's own stack");
    else
      root(h, "fiber %llu", (unsigned long long)f->number);
  }
  lua_State *guest = w->sched.guest_state;
  if (guest && guest != h->walk.L && lua_checkstack(guest, 4)) {
    lua_pushthread(guest);
    lua_xmove(guest, h->walk.L, 1);
    root(h, "the interpreter's own stack");
  }
}

static void root_exported(struct ways *h) {
  lua_State *L = h->walk.L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->walk.w->anchors.lookup);
  for (lua_pushnil(L); lua_next(L, -2);) {
    gaijin_token *t = lua_touserdata(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    /* That others hold the object itself is no news. */
    if (!t || (h->target.home && lua_topointer(L, -1) == h->target.home))
      lua_pop(L, 1);
    else
      root(h, "%s:%llu", h->walk.w->name, (unsigned long long)gaijin_token_pt(h->walk.w->g, t).id);
  }
  lua_pop(L, 1);
}

static void root_metatables(struct ways *h) {
  lua_State *L = h->walk.L;
  static const char *const names[] = {"nil", "booleans", "light userdata", "numbers", "strings"};
  for (int type = LUA_TNIL; type <= LUA_TSTRING; type++) {
    switch (type) {
      case LUA_TNIL: lua_pushnil(L); break;
      case LUA_TBOOLEAN: lua_pushboolean(L, 1); break;
      case LUA_TLIGHTUSERDATA: lua_pushlightuserdata(L, h); break;
      case LUA_TNUMBER: lua_pushnumber(L, 0); break;
      default: lua_pushliteral(L, ""); break;
    }
    if (lua_getmetatable(L, -1)) root(h, "the metatable of %s", names[type]);
    lua_pop(L, 1);
  }
}

static void add_roots(struct ways *h) {
  const struct anchors *a = &h->walk.w->anchors;
  /* What is only weakly in one has another way, or is garbage. */
  const int ours[] = {a->pool,    a->lookup, a->interner,  a->remote,
                      a->threads, a->labels, a->resources, a->traces};
  for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
    if (ours[i] > 0) pass_over(h, ours[i]);
  lua_pushvalue(h->walk.L, LUA_GLOBALSINDEX);
  root(h, "_G");
  root_labels(h);
  root_fibers(h);
  root_exported(h);
  root_metatables(h);
  lua_pushvalue(h->walk.L, LUA_REGISTRYINDEX);
  root(h, "registry");
}

void ways_find(struct ways *h, lua_State *L, struct worker *w, const struct ways_target *target,
               uint32_t most) {
  *h = (struct ways){.target = *target};
  walk_begin(&h->walk, L, w, visit, most);
  lua_newtable(L);
  h->keys = lua_gettop(L);
  lua_newtable(L);
  h->last = lua_gettop(L);
  add_roots(h);
  for (uint32_t i = 0; i < h->walk.count; i++) walk_expand(&h->walk, i);
}
