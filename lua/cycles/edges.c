/* SPDX-License-Identifier: MIT
 *
 * The nodes, in this order: what is in use anyway, and is not walked into; the ATs that are asked
 * for, which refer to nothing that matters; our suspects' objects, and all that is found from them.
 */
#include "lua/cycles/edges.h"

#include <stdlib.h>

#include "lua/cycles/reach.h"

/* ---- The walk ---- */

static bool grow(uint32_t **all, uint32_t *room, uint32_t needed, uint32_t most) {
  if (needed < *room) return true;
  uint32_t next = *room ? *room * 2 : 4096;
  uint32_t *grown = next <= most ? realloc(*all, next * sizeof *grown) : NULL;
  if (!grown) return false;
  *all = grown;
  *room = next;
  return true;
}

/* The object on top. Pops it. */
static uint32_t enter(struct edges *e) {
  bool is_new, is_userdata = lua_type(e->walk.L, -1) == LUA_TUSERDATA;
  uint32_t node = walk_enter(&e->walk, &is_new);
  if (!is_new || !is_userdata) return node;
  if (grow(&e->userdata, &e->userdata_room, e->n_userdata, EDGES_OBJECTS_MOST))
    e->userdata[e->n_userdata++] = node;
  else
    e->walk.cut = true;
  return node;
}

static void note(struct walk *walk, const struct walk_way *way) {
  struct edges *e = (struct edges *)(void *)walk; /* its first member */
  uint32_t node = enter(e);
  if (node == WALK_NO_NODE || node < e->held_at || way->from == WALK_NO_NODE) return;
  if (grow(&e->links, &e->links_room, e->n_links, EDGES_LINKS_MOST))
    e->links[e->n_links++] = node;
  else
    walk->cut = true;
}

/* The value on top is in use. Pops it. */
static void know(struct edges *e) {
  walk_tell(&e->walk, &(struct walk_way){.from = WALK_NO_NODE, .step = STEP_ROOT});
}

/* The table on top, and what is in it. Pops it. */
static void know_all_in(struct edges *e) {
  lua_State *L = e->walk.L;
  if (lua_istable(L, -1))
    for (lua_pushnil(L); lua_next(L, -2);) know(e);
  know(e);
}

static void know_roots(struct edges *e) {
  lua_State *L = e->walk.L;
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  know_all_in(e);
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  know_all_in(e);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  know_all_in(e);
}

static void enter_held(struct edges *e, int others) {
  lua_State *L = e->walk.L;
  bool is_new;
  for (uint32_t i = 0; i < e->n_held; i++) {
    lua_rawgeti(L, others, (int)i + 1);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      continue;
    }
    walk_enter(&e->walk, &is_new);
    if (is_new) e->held[e->n_nodes_held++] = i;
  }
}

static void enter_hosted(struct edges *e, int ours) {
  lua_State *L = e->walk.L;
  for (uint32_t i = 0; i < e->n_hosted; i++) {
    lua_rawgeti(L, ours, (int)i + 1);
    e->hosted[i] = REACH_NO_NODE;
    if (lua_isnil(L, -1))
      lua_pop(L, 1);
    else
      e->hosted[i] = enter(e);
  }
}

static void walk_all(struct edges *e) {
  struct walk *h = &e->walk;
  for (uint32_t i = e->walked_at; i < h->count && !h->cut; i++) {
    if (!grow(&e->first, &e->first_room, i - e->walked_at + 1, UINT32_MAX / 2)) {
      h->cut = true;
      return;
    }
    e->first[i - e->walked_at] = e->n_links;
    walk_expand(h, i);
  }
}

static void make_weak(lua_State *L, int table) {
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, table);
}

/* edges, table of ours, table of others -> table of objects */
static int walk(lua_State *L) {
  struct edges *e = lua_touserdata(L, 1);
  struct worker *w = e->walk.w;
  walk_begin(&e->walk, L, w, note, EDGES_OBJECTS_MOST);
  e->walk.until = clock_seconds() + EDGES_SECONDS;
  make_weak(L, e->walk.objects);
  know_roots(e);
  e->held_at = e->walk.count;
  enter_held(e, 3);
  e->walked_at = e->walk.count;
  enter_hosted(e, 2);
  walk_all(e);
  lua_pushvalue(L, e->walk.objects);
  return 1;
}

bool edges_walk(struct edges *e, lua_State *L, struct worker *w, const struct suspects *s, int ours,
                int others) {
  *e = (struct edges){.walk.w = w, .n_hosted = s->n_hosted, .n_held = s->n_held};
  e->hosted = calloc(e->n_hosted + 1, sizeof *e->hosted);
  e->held = calloc(e->n_held + 1, sizeof *e->held);
  if (!e->hosted || !e->held) return false;
  lua_pushcfunction(L, walk);
  lua_pushlightuserdata(L, e);
  lua_pushvalue(L, ours);
  lua_pushvalue(L, others);
  if (lua_pcall(L, 3, 1, 0) == 0 && !e->walk.cut) return true;
  lua_pop(L, 1);
  return false;
}

/* ---- What it tells ---- */

/* The nodes from held_at on are those of the graph: their numbers there. */
static struct reach_graph make_graph(struct edges *e, bool *is_out, uint32_t *first) {
  uint32_t n_held = e->walked_at - e->held_at, count = e->walk.count - e->held_at;
  for (uint32_t i = 0; i < n_held; i++) first[i] = 0;
  for (uint32_t i = n_held; i < count; i++) first[i] = e->first[i - n_held];
  first[count] = e->n_links;
  for (uint32_t i = 0; i < e->n_links; i++) e->links[i] -= e->held_at;
  for (uint32_t i = 0; i < e->n_hosted; i++) /* what is in use anyway reaches nothing else */
    e->hosted[i] = e->hosted[i] == REACH_NO_NODE || e->hosted[i] < e->held_at
                       ? REACH_NO_NODE : e->hosted[i] - e->held_at;
  return (struct reach_graph){.count = count,
                              .first = first,
                              .next = e->links,
                              .is_out = is_out,
                              .n_marked = n_held,
                              .marks = e->held};
}

/* What userdata that are left refer to may have been marked for their finalisers alone: the
 * collector does that last. It counts as left; `stack` has room for all nodes. */
static void take_back(const struct edges *e, const struct reach_graph *g, bool *is_out, bool *seen,
                      uint32_t *stack) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < e->n_userdata; i++) {
    uint32_t node = e->userdata[i] - e->held_at;
    if (e->userdata[i] < e->walked_at || is_out[node]) continue;
    seen[node] = true;
    stack[n++] = node;
  }
  while (n > 0) {
    uint32_t node = stack[--n];
    is_out[node] = false;
    for (uint32_t k = g->first[node]; k < g->first[node + 1]; k++) {
      uint32_t to = g->next[k];
      if (seen[to]) continue;
      seen[to] = true;
      stack[n++] = to;
    }
  }
}

uint8_t *edges_pairs(struct edges *e, lua_State *L, int objects, uint32_t *n) {
  uint32_t count = e->walk.count - e->held_at;
  bool *is_out = malloc((size_t)count + 1), *seen = calloc((size_t)count + 1, sizeof *seen);
  uint32_t *first = calloc((size_t)count + 1, sizeof *first);
  uint32_t *stack = calloc((size_t)count + 1, sizeof *stack);
  uint8_t *pairs = NULL;
  *n = 0;
  for (uint32_t i = 0; is_out && i < count; i++) {
    lua_rawgeti(L, objects, (int)(e->held_at + i) + 1);
    is_out[i] = !lua_isnil(L, -1);
    lua_pop(L, 1);
  }
  if (is_out && seen && first && stack) {
    struct reach_graph g = make_graph(e, is_out, first);
    take_back(e, &g, is_out, seen, stack);
    pairs = reach_pairs(&g, e->hosted, e->n_hosted, n);
  }
  free(is_out);
  free(seen);
  free(first);
  free(stack);
  return pairs;
}
