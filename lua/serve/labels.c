/* SPDX-License-Identifier: MIT
 *
 * A request that waits for a label leaves its fiber, and becomes a record (label_waits.h); when the
 * label is set it is served anew. There may be more labels than Lua's stack has slots: the list of
 * them is written straight into the answer, and a traversal is that of a table made for it.
 */
#include "lua/serve/labels.h"

#include <assert.h>
#include <string.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/wait.h"
#include "lua/ref/at.h"
#include "lua/ref/pool.h"
#include "lua/serve/access.h"
#include "lua/serve/label_waits.h"
#include "lua/serve/traverse.h"

/* ---- One label ---- */

/* The request that the fiber serves waits from now on without it: its answer is due when the label
 * at index 1 is set. */
static int wait_for_label(lua_State *L, struct worker *w, struct fiber *f) {
  struct serving *s = &f->serving;
  if (f->cancel_reason) wait_raise(L, w, WAIT_CANCELLED, "waiting for a label");
  const struct gaijin_request request = {
      .id = s->id, .op = s->op, .depth = (uint16_t)f->depth, .caller = s->caller};
  if (!gaijin_body_rewind(s->body) || !label_waits_is(&request, s->body))
    return luaL_error(L, "a label is a string or a number");
  enum label_waits_outcome o = label_waits_add(w, &request, f->asked_until, s->body, false);
  if (o != LABEL_WAITS_OK) return worker_raise(L, GAIJIN_STATUS_BUSY, "%s", label_waits_fault(o));
  s->body = NULL;
  return ANSWER_LATER;
}

/* The value of the label at index 1, or nil. */
int labels_s2t(lua_State *L, struct worker *w) {
  struct fiber *f = w->sched.current;
  bool wait = lua_toboolean(L, 2) && !f->serving.one_way;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  lua_pushvalue(L, 1);
  lua_rawget(L, -2);
  return wait && lua_isnil(L, -1) ? wait_for_label(L, w, f) : 1;
}

void labels_set(lua_State *L, struct worker *w, int i) {
  struct gaijin_value label = {.type = GAIJIN_NUMBER};
  if (lua_type(L, i) == LUA_TSTRING) {
    size_t size;
    label.type = GAIJIN_STRING;
    label.bytes = lua_tolstring(L, i, &size);
    label.size = (uint32_t)size;
    if (size > UINT32_MAX) return; /* nobody can have asked for it */
  } else {
    label.number = lua_tonumber(L, i);
  }
  label_waits_set(w, &label);
}

/* ---- The list ---- */

static void put_label(lua_State *L, struct worker *w, int i) {
  size_t size;
  if (lua_type(L, i) == LUA_TNUMBER) {
    gaijin_put_number(w->g, lua_tonumber(L, i));
    return;
  }
  const char *bytes = lua_tolstring(L, i, &size);
  gaijin_put_string(w->g, bytes, size);
}

static void put_value(lua_State *L, struct worker *w, int i) {
  struct at *at = at_get(L, w, i);
  gaijin_token *t = at ? NULL : pool_find(L, w, i);
  gaijin_put_text(w->g, at ? gaijin_kind_name(at->pt.kind) : luaL_typename(L, i));
  if (t)
    gaijin_put_number(w->g, (double)gaijin_token_pt(w->g, t).id);
  else
    gaijin_put_nil(w->g);
}

/* The labels are at the top. Nothing is allocated between the count and the end: a finaliser that
 * ran might set labels. */
static int write_list(lua_State *L, struct worker *w, const struct serving *s) {
  int labels = lua_gettop(L);
  uint32_t n = 0;
  luaL_checkstack(L, 6, "no room to list labels");
  for (lua_pushnil(L); lua_next(L, labels); lua_pop(L, 1)) n++;
  gaijin_begin_reply(w->g, s->id, s->op, 3 * n);
  for (lua_pushnil(L); lua_next(L, labels); lua_pop(L, 1)) {
    put_label(L, w, labels + 1);
    put_value(L, w, labels + 2);
  }
  return ANSWER_WRITTEN;
}

/* ---- The traversal ---- */

enum { LABELS = 1, VALUES, READABLE, KEY };

/* The labels and values at the top become two lists, in new tables. Setting a field runs no
 * finaliser, which might set labels. */
static int list_both(lua_State *L) {
  int labels = lua_gettop(L), n = 0;
  for (lua_pushnil(L); lua_next(L, labels);) {
    lua_rawseti(L, VALUES, ++n);
    lua_pushvalue(L, -1);
    lua_rawseti(L, LABELS, n);
  }
  lua_pop(L, 1);
  return n;
}

static int may_read(lua_State *L) {
  access_check(L, worker_of(L), GAIJIN_OP_S2T, 0, 1);
  return 0;
}

/* Whether gaijin.access lets the caller read the label at index KEY. What else it raises is
 * raised. */
static bool is_readable(lua_State *L, struct worker *w) {
  if (!access_is_asked(L, w)) return true;
  worker_push_function(L, w, may_read);
  lua_pushvalue(L, KEY);
  if (lua_pcall(L, 1, 0, 0) == 0) return true;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  static const char denied[] = "gaijin: denied:";
  if (strncmp(text, denied, sizeof denied - 1) != 0) lua_error(L);
  lua_pop(L, 1);
  return false;
}

static int traverse(lua_State *L, struct worker *w) {
  lua_settop(L, 0);
  for (int i = LABELS; i <= READABLE; i++) lua_newtable(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  int n = list_both(L);
  for (int i = 1; i <= n; i++) {
    lua_rawgeti(L, LABELS, i); /* KEY */
    if (is_readable(L, w)) {
      lua_rawgeti(L, VALUES, i);
      lua_rawset(L, READABLE);
    }
    lua_settop(L, READABLE);
  }
  lua_replace(L, 1);
  return traverse_copy(L, w);
}

int labels_serve(lua_State *L, struct worker *w) {
  const struct serving *s = &w->sched.current->serving;
  if (lua_toboolean(L, 1)) return traverse(L, w);
  if (s->one_way || s->given_up) return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.labels);
  return write_list(L, w, s);
}
