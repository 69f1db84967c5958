/* SPDX-License-Identifier: MIT
 *
 * Nodes are numbered as they are found, so the queue of a breadth-first walk is the list of nodes
 * itself, and the first way to an object is one of the shortest.
 */
#include "lua/walk/walk.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/fiber/record.h"
#include "lua/ref/at.h"

/* ---- Nodes ---- */

static uint32_t hash(const void *address) {
  uint64_t x = (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15);
  return (uint32_t)(x >> 32);
}

/* The place of an address in the set: its node's, or the empty one where it belongs. */
static uint32_t *place(struct walk *h, const void *address) {
  uint32_t mask = h->set_size - 1;
  for (uint32_t i = hash(address) & mask;; i = (i + 1) & mask)
    if (!h->set[i] || h->addresses[h->set[i] - 1] == address) return &h->set[i];
}

static bool grow(struct walk *h) {
  if (h->count == h->room) {
    uint32_t room = h->room ? h->room * 2 : 4096;
    struct walk_node *nodes = realloc(h->nodes, room * sizeof *nodes);
    if (nodes) h->nodes = nodes;
    const void **addresses = realloc(h->addresses, room * sizeof *addresses);
    if (addresses) h->addresses = addresses;
    if (!nodes || !addresses) return false;
    h->room = room;
  }
  if (h->set_size && h->count < h->set_size / 2) return true;
  uint32_t size = h->set_size ? h->set_size * 2 : 16384;
  uint32_t *set = calloc(size, sizeof *set);
  if (!set) return false;
  free(h->set);
  h->set = set;
  h->set_size = size;
  for (uint32_t i = 0; i < h->count; i++) *place(h, h->addresses[i]) = i + 1;
  return true;
}

/* Enters the object on top of the stack and pops it, with the key at index `key` (0: none). */
static void add(struct walk *h, struct walk_node node, int key) {
  lua_State *L = h->L;
  const void *address = lua_topointer(L, -1);
  if (h->count >= h->most || !grow(h)) {
    h->cut = true;
    lua_pop(L, 1);
    return;
  }
  uint32_t *at = place(h, address);
  if (!*at) {
    h->nodes[h->count] = node;
    h->addresses[h->count] = address;
    *at = ++h->count;
    if (key) {
      lua_pushvalue(L, key);
      lua_rawseti(L, h->keys, (int)h->count);
    }
    lua_rawseti(L, h->objects, (int)h->count);
    return;
  }
  lua_pop(L, 1);
}

/* Whether the value at index i is what is looked for. */
static bool is_target(const struct walk *h, int i) {
  if (h->target.home) return lua_topointer(h->L, i) == h->target.home;
  int type = lua_type(h->L, i);
  if (type != LUA_TUSERDATA && type != LUA_TFUNCTION) return false;
  const struct at *a = at_get(h->L, h->w, i);
  return a && a->pt.id == h->target.id &&
         strcmp(worker_host_name(h->w, a->pt.host), h->target.host) == 0;
}

static bool is_walked(int type) {
  return type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA ||
         type == LUA_TTHREAD;
}

/* There is a way from a node, by a step, to the value on top of the stack, which is popped. `key`
 * is the stack index of the step's key, 0 if it has none. */
static void visit(struct walk *h, struct walk_node node, int key) {
  lua_State *L = h->L;
  if (!is_walked(lua_type(L, -1))) {
    lua_pop(L, 1);
    return;
  }
  if (!is_target(h, lua_gettop(L))) {
    add(h, node, key);
    return;
  }
  lua_pop(L, 1);
  if (h->n_found == WALK_WAYS_MOST) return;
  h->found[h->n_found++] = node;
  if (!key) return;
  lua_pushvalue(L, key);
  lua_rawseti(L, h->ways, (int)h->n_found);
}

/* The same when the step's key is the text on top and the value is below it. Pops both. */
static void visit_text(struct walk *h, struct walk_node node) {
  lua_insert(h->L, -2);
  visit(h, node, lua_gettop(h->L) - 1);
  lua_pop(h->L, 1);
}

/* ---- What objects refer to ---- */

/* Which parts of the table on top are weak. */
static void weak_parts(lua_State *L, bool *keys, bool *values) {
  *keys = *values = false;
  if (!lua_getmetatable(L, -1)) return;
  lua_pushliteral(L, "__mode");
  lua_rawget(L, -2);
  if (lua_type(L, -1) == LUA_TSTRING) {
    const char *mode = lua_tostring(L, -1);
    *keys = strchr(mode, 'k') != NULL;
    *values = strchr(mode, 'v') != NULL;
  }
  lua_pop(L, 2);
}

static void expand_table(struct walk *h, uint32_t node) {
  lua_State *L = h->L;
  bool weak_keys, weak_values;
  weak_parts(L, &weak_keys, &weak_values);
  int table = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, table);) {
    if (weak_values)
      lua_pop(L, 1);
    else
      visit(h, (struct walk_node){.parent = node, .step = STEP_FIELD}, table + 1);
    if (weak_keys) continue;
    lua_pushvalue(L, -1);
    visit(h, (struct walk_node){.parent = node, .step = STEP_KEY}, 0);
  }
}

static void expand_upvalues(struct walk *h, uint32_t node) {
  lua_State *L = h->L;
  const char *name;
  for (int n = 1; (name = lua_getupvalue(L, -1, n)) != NULL; n++) {
    lua_pushstring(L, name);
    visit_text(h, (struct walk_node){.parent = node, .step = STEP_UPVALUE, .n = n});
  }
}

/* The value on top of `co` is a local variable of a frame, or what it calls. */
static void visit_local(struct walk *h, uint32_t node, lua_State *co, const lua_Debug *ar,
                        const char *name) {
  lua_State *L = h->L;
  lua_xmove(co, L, 1);
  if (!is_walked(lua_type(L, -1))) {
    lua_pop(L, 1);
    return;
  }
  if (strcmp(ar->what, "C") == 0)
    lua_pushfstring(L, "%s of a C function", name);
  else if (ar->linedefined > 0)
    lua_pushfstring(L, "%s of %s:%d", name, ar->short_src, ar->linedefined);
  else
    lua_pushfstring(L, "%s of %s", name, ar->short_src);
  visit_text(h, (struct walk_node){.parent = node, .step = STEP_LOCAL});
}

static void visit_frame(struct walk *h, uint32_t node, lua_State *co, lua_Debug *ar) {
  char text[80];
  const char *name;
  lua_getinfo(co, "Slf", ar);
  visit_local(h, node, co, ar, "running function");
  for (int n = 1; (name = lua_getlocal(co, ar, n)) != NULL; n++) {
    snprintf(text, sizeof text, *name == '(' ? "a temporary" : "local %.60s", name);
    visit_local(h, node, co, ar, text);
  }
  /* LuaJIT shows what stands for `...`, too. */
  for (int n = -1; lua_getlocal(co, ar, n) != NULL; n--)
    visit_local(h, node, co, ar, "an argument in '...'");
}

static void expand_thread(struct walk *h, uint32_t node) {
  lua_State *L = h->L, *co = lua_tothread(L, -1);
  lua_Debug ar;
  if (co == L || !lua_checkstack(co, 8)) return;
  for (int level = 0; lua_getstack(co, level, &ar); level++) visit_frame(h, node, co, &ar);
  /* What it was made with, or has yielded. */
  for (int i = 1, top = lua_gettop(co); i <= top; i++) {
    lua_pushvalue(co, i);
    lua_xmove(co, L, 1);
    lua_pushliteral(L, "a value on its stack");
    visit_text(h, (struct walk_node){.parent = node, .step = STEP_LOCAL});
  }
}

static void expand(struct walk *h, uint32_t node) {
  lua_State *L = h->L;
  int top = lua_gettop(L);
  lua_rawgeti(L, h->objects, (int)node + 1);
  if (lua_getmetatable(L, -1))
    visit(h, (struct walk_node){.parent = node, .step = STEP_METATABLE}, 0);
  switch (lua_type(L, -1)) {
    case LUA_TTABLE: expand_table(h, node); break;
    case LUA_TFUNCTION: expand_upvalues(h, node); break;
    case LUA_TTHREAD: expand_thread(h, node); break;
    default: break;
  }
  if (lua_type(L, -1) != LUA_TTABLE) {
    lua_getfenv(L, -1);
    visit(h, (struct walk_node){.parent = node, .step = STEP_ENVIRONMENT}, 0);
  }
  lua_pop(L, 1);
  assert(lua_gettop(L) == top);
  (void)top;
}

/* ---- Roots ---- */

/* The value on top is a root called by the text that follows. Pops it. */
__attribute__((format(printf, 2, 3)))
static void root(struct walk *h, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  lua_pushstring(h->L, text);
  visit_text(h, (struct walk_node){.parent = WALK_NO_NODE, .step = STEP_ROOT});
}

/* A table of ours that is no way to what is in it: the roots below name that better. */
static void pass_over(struct walk *h, int anchor) {
  lua_rawgeti(h->L, LUA_REGISTRYINDEX, anchor);
  if (!lua_istable(h->L, -1)) {
    lua_pop(h->L, 1);
    return;
  }
  /* It becomes a node with nothing in it. */
  const void *address = lua_topointer(h->L, -1);
  lua_pop(h->L, 1);
  lua_newtable(h->L);
  if (!grow(h)) {
    h->cut = true;
    lua_pop(h->L, 1);
    return;
  }
  uint32_t *at = place(h, address);
  assert(!*at);
  h->nodes[h->count] = (struct walk_node){.parent = WALK_NO_NODE, .step = STEP_ROOT};
  h->addresses[h->count] = address;
  *at = ++h->count;
  lua_rawseti(h->L, h->objects, (int)h->count);
}

static void root_labels(struct walk *h) {
  lua_State *L = h->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->w->anchors.labels);
  for (lua_pushnil(L); lua_next(L, -2);) {
    const char *label = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    root(h, "label %.200s", label);
  }
  lua_pop(L, 1);
}

static void root_fibers(struct walk *h) {
  const struct worker *w = h->w;
  for (struct fiber *f = w->sched.all; f; f = f->all_next) {
    if (f->L == h->L || !lua_checkstack(f->L, 4)) continue;
    lua_pushthread(f->L);
    lua_xmove(f->L, h->L, 1);
    if (f->serving.id)
      root(h, "fiber serving %s of %s", gaijin_op_name(f->serving.op),
           worker_host_name(w, f->serving.caller));
    else if (f == w->sched.guest)
      root(h, "the interpreter's own stack");
    else
      root(h, "fiber %llu", (unsigned long long)f->number);
  }
  lua_State *guest = w->sched.guest_state;
  if (guest && guest != h->L && lua_checkstack(guest, 4)) {
    lua_pushthread(guest);
    lua_xmove(guest, h->L, 1);
    root(h, "the interpreter's own stack");
  }
}

static void root_exported(struct walk *h) {
  lua_State *L = h->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, h->w->anchors.lookup);
  for (lua_pushnil(L); lua_next(L, -2);) {
    gaijin_token *t = lua_touserdata(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    /* That others hold the object itself is no news. */
    if (!t || (h->target.home && lua_topointer(L, -1) == h->target.home))
      lua_pop(L, 1);
    else
      root(h, "%s:%llu", h->w->name, (unsigned long long)gaijin_token_pt(h->w->g, t).id);
  }
  lua_pop(L, 1);
}

static void root_metatables(struct walk *h) {
  lua_State *L = h->L;
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

static void add_roots(struct walk *h) {
  const struct anchors *a = &h->w->anchors;
  /* What is only weakly in one has another way, or is garbage. */
  const int ours[] = {a->pool,    a->lookup, a->interner,  a->remote,
                      a->threads, a->labels, a->resources, a->traces};
  for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
    if (ours[i] > 0) pass_over(h, ours[i]);
  lua_pushvalue(h->L, LUA_GLOBALSINDEX);
  root(h, "_G");
  root_labels(h);
  root_fibers(h);
  root_exported(h);
  root_metatables(h);
  lua_pushvalue(h->L, LUA_REGISTRYINDEX);
  root(h, "registry");
}

void walk_heap(struct walk *h, lua_State *L, struct worker *w, const struct walk_target *target,
               uint32_t most) {
  luaL_checkstack(L, 24, "no room to walk the heap");
  *h = (struct walk){.L = L, .w = w, .target = *target, .most = most};
  lua_newtable(L);
  h->objects = lua_gettop(L);
  lua_newtable(L);
  h->keys = lua_gettop(L);
  lua_newtable(L);
  h->ways = lua_gettop(L);
  add_roots(h);
  for (uint32_t i = 0; i < h->count; i++) expand(h, i);
}
