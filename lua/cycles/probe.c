/* SPDX-License-Identifier: MIT
 *
 * The collectors of 5.1 and of LuaJIT sweep what an interrupted round has left, mark from the roots
 * anew, clear the weak tables, all at once, and then sweep: strings first, then the objects, the
 * youngest first. The youngest is a table of ours that is garbage, the canary: when its memory is
 * freed, all is marked, and nothing has been finalised. Userdata with a finaliser leave weak values
 * if they were not marked from the roots, even if the finaliser of another one will see them.
 *
 * A settled collector (lua/vm/gc.h) is asked by marking alone first. What it did not find is
 * garbage; what it found may have become that since it began, so then all is marked anew.
 */
#include "lua/cycles/probe.h"

#include <string.h>
#include <unistd.h>

#include "lua/cycles/edges.h"
#include "lua/cycles/reach.h"
#include "lua/ref/pool.h"
#include "lua/vm/gc.h"
#include "lua/vm/luajit.h"
#include "lua/walk/twin.h"

enum { NO_CANARY = 4 };

struct probe {
  lua_State *L;
  const struct suspects *s;
  lua_Alloc allocate; /* of the VM */
  void *user;
  const void *canary;
  int table; /* index in the stack: i -> userdata of the AT of held[i - 1], weak values */
  struct edges edges;
  int objects; /* index in the stack: what edges_walk has left; 0: nothing */
  int fd;
};

/* Whether some are live. */
static bool note_live(const struct probe *p) {
  const struct suspects *s = p->s;
  bool any = false;
  for (uint32_t i = 0; i < s->n_held; i++) {
    uint32_t bit = s->n_hosted + i;
    lua_rawgeti(p->L, p->table, (int)i + 1);
    bool is_live = !lua_isnil(p->L, -1);
    if (is_live) s->live[bit / 8] |= (uint8_t)(1u << bit % 8);
    any |= is_live;
    lua_pop(p->L, 1);
  }
  return any;
}

__attribute__((noreturn)) static void tell(struct probe *p) {
  const struct suspects *s = p->s;
  struct probe_head head = {0};
  uint8_t *pairs = NULL;
  if (p->objects) pairs = edges_pairs(&p->edges, p->L, p->objects, &head.n_pairs);
  twin_write(p->fd, &head, sizeof head);
  twin_write(p->fd, s->live, suspects_bytes(s));
  twin_write(p->fd, pairs, (size_t)head.n_pairs * REACH_PAIR_BYTES);
  _exit(0);
}

static void *watch(void *user, void *block, size_t old, size_t size) {
  struct probe *p = user;
  if (size == 0 && block && block == p->canary) {
    note_live(p);
    tell(p);
  }
  return p->allocate(p->user, block, old, size);
}

/* The weak table of the userdata, on top. */
static void push_table(lua_State *L, struct worker *w, const struct suspects *s) {
  lua_createtable(L, (int)s->n_held, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  for (uint32_t i = 0; i < s->n_held; i++)
    if (suspects_push(s, L, w, i)) lua_rawseti(L, -2, (int)i + 1);
}

/* A table of our suspects' objects: i -> that of hosted[i - 1], on top. */
static void push_ours(lua_State *L, struct worker *w, const struct suspects *s) {
  lua_createtable(L, (int)s->n_hosted, 0);
  for (uint32_t i = 0; i < s->n_hosted; i++) {
    gaijin_token *t = suspects_token(s, w, i);
    if (!t) continue;
    pool_push(L, w, t);
    lua_rawseti(L, -2, (int)i + 1);
  }
}

static void empty_pool(lua_State *L, struct worker *w, const struct suspects *s) {
  for (uint32_t i = 0; i < s->n_hosted; i++) {
    gaijin_token *t = suspects_token(s, w, i);
    if (t) pool_empty(L, w, t);
  }
}

/* The pool is emptied; before that the walk begins, at what was in it. */
static void look_for_edges(struct probe *p, struct worker *w) {
  lua_State *L = p->L;
  push_ours(L, w, p->s);
  int ours = lua_gettop(L);
  empty_pool(L, w, p->s);
  if (edges_walk(&p->edges, L, w, p->s, ours, p->table)) p->objects = lua_gettop(L);
  lua_pushnil(L);
  lua_replace(L, ours); /* else they would all be found */
}

/* As the youngest object, and garbage. */
static void make_canary(struct probe *p) {
  p->canary = NULL;
  lua_newtable(p->L);
  p->canary = lua_topointer(p->L, -1);
  lua_pop(p->L, 1);
  lua_pushnil(p->L); /* where it was */
}

void probe_run(lua_State *L, struct worker *w, void *user, int fd) {
  struct probe p = {.L = L, .s = user, .fd = fd};
  w->halted = false; /* here, where no script runs anyway */
  luaL_checkstack(L, LUA_MINSTACK, "no room for a probe");
  luajit_forget_handlers(L, w); /* to drop code is told to scripts */
  luajit_flush_code(w);
  push_table(L, w, p.s);
  p.table = lua_gettop(L);
  if (p.s->tells_edges)
    look_for_edges(&p, w);
  else
    empty_pool(L, w, p.s);
  p.allocate = lua_getallocf(L, &p.user);
  lua_setallocf(L, watch, &p);
  make_canary(&p);
  if (!p.s->tells_edges && gc_is_settled(L, w)) {
    gc_mark(L, w, true);
    if (!note_live(&p)) tell(&p);
    memset(p.s->live, 0, suspects_bytes(p.s));
    make_canary(&p);
  }
  lua_gc(L, LUA_GCCOLLECT, 0);
  _exit(NO_CANARY);
}
