/* SPDX-License-Identifier: MIT
 *
 * Nodes are numbered as they are found, so the queue of a breadth-first walk is the list of nodes
 * itself; no depth of a heap is one of the C stack.
 */
#include "lua/walk/walk.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two looks at the clock. */
enum { STEPS = 4096 };

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
    const void **addresses = realloc(h->addresses, room * sizeof *addresses);
    if (!addresses) return false;
    h->addresses = addresses;
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

void walk_begin(struct walk *h, lua_State *L, struct worker *w, walk_fn visit, uint32_t most) {
  luaL_checkstack(L, 24, "no room to walk the heap");
  *h = (struct walk){.L = L, .w = w, .visit = visit, .most = most};
  lua_newtable(L);
  h->objects = lua_gettop(L);
}

/* The node of the address; for a new one its object is to be put into the table. */
static uint32_t enter(struct walk *h, const void *address, bool *is_new) {
  *is_new = false;
  if (h->count >= h->most || !grow(h)) {
    h->cut = true;
    return WALK_NO_NODE;
  }
  uint32_t *at = place(h, address);
  if (*at) return *at - 1;
  *is_new = true;
  h->addresses[h->count] = address;
  *at = ++h->count;
  return h->count - 1;
}

uint32_t walk_enter(struct walk *h, bool *is_new) {
  uint32_t node = enter(h, lua_topointer(h->L, -1), is_new);
  if (*is_new)
    lua_rawseti(h->L, h->objects, (int)node + 1);
  else
    lua_pop(h->L, 1);
  return node;
}

uint32_t walk_enter_empty(struct walk *h, bool *is_new) {
  uint32_t node = enter(h, lua_topointer(h->L, -1), is_new);
  lua_pop(h->L, 1);
  if (!*is_new) return node;
  lua_newtable(h->L);
  lua_rawseti(h->L, h->objects, (int)node + 1);
  return node;
}

static bool is_walked(int type) {
  return type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA ||
         type == LUA_TTHREAD;
}

void walk_tell(struct walk *h, const struct walk_way *way) {
  if (is_walked(lua_type(h->L, -1)))
    h->visit(h, way);
  else
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

/* Of a large table, too, the clock is looked at. */
static bool is_late(struct walk *h) {
  if (++h->steps % STEPS || h->until <= 0 || clock_seconds() < h->until) return false;
  h->cut = true;
  return true;
}

static void expand_table(struct walk *h, uint32_t node) {
  lua_State *L = h->L;
  bool weak_keys, weak_values;
  weak_parts(L, &weak_keys, &weak_values);
  int table = lua_gettop(L);
  if (weak_keys && weak_values) return;
  for (lua_pushnil(L); lua_next(L, table);) {
    if (weak_values)
      lua_pop(L, 1);
    else
      walk_tell(h, &(struct walk_way){.from = node, .step = STEP_FIELD, .key = table + 1});
    if (is_late(h)) {
      lua_pop(L, 1);
      return;
    }
    if (weak_keys) continue;
    lua_pushvalue(L, -1);
    walk_tell(h, &(struct walk_way){.from = node, .step = STEP_KEY});
  }
}

static void expand_upvalues(struct walk *h, uint32_t node) {
  const char *name;
  for (int n = 1; (name = lua_getupvalue(h->L, -1, n)) != NULL; n++)
    walk_tell(h, &(struct walk_way){.from = node, .step = STEP_UPVALUE, .n = n, .name = name});
}

/* The value on top of `co` is on its stack. */
static void tell_local(struct walk *h, uint32_t node, lua_State *co, const lua_Debug *frame,
                       const char *name) {
  lua_xmove(co, h->L, 1);
  walk_tell(h, &(struct walk_way){
                   .from = node, .step = STEP_LOCAL, .name = name, .frame = frame});
}

static void expand_frame(struct walk *h, uint32_t node, lua_State *co, lua_Debug *ar) {
  char text[80];
  const char *name;
  lua_getinfo(co, "Slf", ar);
  tell_local(h, node, co, ar, "running function");
  for (int n = 1; (name = lua_getlocal(co, ar, n)) != NULL; n++) {
    snprintf(text, sizeof text, *name == '(' ? "a temporary" : "local %.60s", name);
    tell_local(h, node, co, ar, text);
  }
  /* LuaJIT shows what stands for `...`, too. */
  for (int n = -1; lua_getlocal(co, ar, n) != NULL; n--)
    tell_local(h, node, co, ar, "an argument in '...'");
}

static void expand_thread(struct walk *h, uint32_t node) {
  lua_State *L = h->L, *co = lua_tothread(L, -1);
  lua_Debug ar;
  if (co == L || !lua_checkstack(co, 8)) return;
  for (int level = 0; lua_getstack(co, level, &ar); level++) expand_frame(h, node, co, &ar);
  /* What it was made with, or has yielded. */
  for (int i = 1, top = lua_gettop(co); i <= top; i++) {
    lua_pushvalue(co, i);
    tell_local(h, node, co, NULL, "a value on its stack");
  }
}

void walk_expand(struct walk *h, uint32_t node) {
  lua_State *L = h->L;
  int top = lua_gettop(L);
  lua_rawgeti(L, h->objects, (int)node + 1);
  if (lua_getmetatable(L, -1))
    walk_tell(h, &(struct walk_way){.from = node, .step = STEP_METATABLE});
  switch (lua_type(L, -1)) {
    case LUA_TTABLE: expand_table(h, node); break;
    case LUA_TFUNCTION: expand_upvalues(h, node); break;
    case LUA_TTHREAD: expand_thread(h, node); break;
    default: break;
  }
  if (lua_type(L, -1) != LUA_TTABLE) {
    lua_getfenv(L, -1);
    walk_tell(h, &(struct walk_way){.from = node, .step = STEP_ENVIRONMENT});
  }
  lua_pop(L, 1);
  assert(lua_gettop(L) == top);
  (void)top;
}
