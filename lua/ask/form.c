/* SPDX-License-Identifier: MIT
 *
 * A form is a word: a letter for each value, `|` between alternatives, and after `*` what may come
 * any number of times.
 *   v any value       x any but nil        k what may be a key    z nil
 *   b a boolean       T true               F false                t a table
 *   n a number        s a string or number l a label              c a function or nil
 */
#include "lua/ask/form.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/base.h"

static const char any[] = "*v";

/* NULL: the op is none that a worker asks, or its answer is not looked at (`watch`, `ping`,
 * `gc`). */
static const char *const forms[GAIJIN_OP_COUNT] = {
    [GAIJIN_OP_S2T] = "v",        [GAIJIN_OP_GET] = "v",       [GAIJIN_OP_SET] = "",
    [GAIJIN_OP_CALL] = any,       [GAIJIN_OP_PAIRS] = "c*kx",  [GAIJIN_OP_IPAIRS] = "F*x|Tx*x",
    [GAIJIN_OP_NEXT] = "kx|z",    [GAIJIN_OP_LEN] = "v",       [GAIJIN_OP_STR] = "s",
    [GAIJIN_OP_OPERATOR] = "Tv|F", [GAIJIN_OP_LABELS] = "c*lx", [GAIJIN_OP_INSPECT] = "v*t",
};

/* Of functions of the library; those that are not here give any values. */
static const struct {
  const char *name, *form;
} functions[] = {
    {"fetch", "v"},         {"steps", "vn"},              {"path", "v"},
    {"rawget", "v"},        {"rawset", "v"},              {"tostring", "s"},
    {"getmetatable", "v"},  {"debug.getmetatable", "v"},  {"setmetatable", "v"},
    {"getfenv", "v"},       {"debug.getfenv", "v"},       {"setfenv", "v"},
    {"debug.setfenv", "v"}, {"debug.setmetatable", "v"},  {"table.concat", "s"},
    {"table.maxn", "n"},    {"table.getn", "n"},          {"table.insert", ""},
    {"table.sort", ""},     {"coroutine.status", "s"},    {"coroutine.resume", "b*v"},
};

static bool is_nan(lua_State *L, int i) {
  lua_Number n = lua_tonumber(L, i);
  return n != n;
}

static inline bool fits(lua_State *L, int i, char letter) {
  int type = lua_type(L, i);
  switch (letter) {
    case 'v': return true;
    case 'x': return type != LUA_TNIL;
    case 'k': return type != LUA_TNIL && !(type == LUA_TNUMBER && is_nan(L, i));
    case 'z': return type == LUA_TNIL;
    case 'b': return type == LUA_TBOOLEAN;
    case 'T': return type == LUA_TBOOLEAN && lua_toboolean(L, i);
    case 'F': return type == LUA_TBOOLEAN && !lua_toboolean(L, i);
    case 't': return type == LUA_TTABLE;
    case 'n': return type == LUA_TNUMBER;
    case 's': return type == LUA_TSTRING || type == LUA_TNUMBER;
    case 'l': return type == LUA_TSTRING || (type == LUA_TNUMBER && !is_nan(L, i));
    case 'c': return type == LUA_TNIL || type == LUA_TFUNCTION;
    default: assert(false && "a letter of the list above"); return false;
  }
}

/* Whether the values from index i to the top are keys and values: most that are looked at. */
static bool are_entries(lua_State *L, int i) {
  int top = lua_gettop(L);
  for (; i < top; i += 2) {
    int key = lua_type(L, i);
    if (key == LUA_TNIL || (key == LUA_TNUMBER && is_nan(L, i))) return false;
    if (lua_isnil(L, i + 1)) return false;
  }
  return i > top;
}

/* Whether the values from index i to the top have the one form that ends at `end`. */
static bool has_form(lua_State *L, int i, const char *form, const char *end) {
  int top = lua_gettop(L);
  for (; form < end && *form != '*'; form++, i++)
    if (i > top || !fits(L, i, *form)) return false;
  if (form == end) return i > top;
  if (end - form == 3 && form[1] == 'k' && form[2] == 'x') return are_entries(L, i);
  for (const char *again = form + 1; i <= top;) {
    for (const char *p = again; p < end; p++, i++)
      if (i > top || !fits(L, i, *p)) return false;
  }
  return true;
}

static bool has_one_of(lua_State *L, int first, const char *forms_of) {
  for (;;) {
    const char *end = forms_of + strcspn(forms_of, "|");
    if (has_form(L, first, forms_of, end)) return true;
    if (!*end) return false;
    forms_of = end + 1;
  }
}

/* The types of the first values: "[boolean, nil, ...]". */
static void list_types(lua_State *L, int first, char *out, size_t n) {
  enum { MOST = 4 };
  size_t used = (size_t)snprintf(out, n, "[");
  int top = lua_gettop(L);
  for (int i = first; i <= top && i < first + MOST; i++)
    used += (size_t)snprintf(out + used, n - used, "%s%s", i > first ? ", " : "",
                             luaL_typename(L, i));
  snprintf(out + used, n - used, "%s]", top - first >= MOST ? ", ..." : "");
}

static void refuse(lua_State *L, const char *from, const char *op, int n) {
  char types[96];
  list_types(L, lua_gettop(L) - n + 1, types, sizeof types);
  worker_raise(L, GAIJIN_STATUS_PROTOCOL, "%s answered '%s' with %s", from, op, types);
}

bool form_fits(lua_State *L, const struct form_question *q, int n) {
  const char *form = q->op == GAIJIN_OP_LEN && q->of_table ? "n" : forms[q->op];
  for (size_t i = 0; q->function && i < ARRAY_SIZE(functions); i++)
    if (strcmp(functions[i].name, q->function) == 0) form = functions[i].form;
  assert(n >= 0 && n <= lua_gettop(L));
  if (!form || form == any) return true;
  if (!form[0] || !form[1]) /* most have one value, or none */
    return form[0] ? n == 1 && fits(L, lua_gettop(L), form[0]) : n == 0;
  return has_one_of(L, lua_gettop(L) - n + 1, form);
}

void form_refuse(lua_State *L, const struct form_question *q, const char *from, int n) {
  refuse(L, from, q->function ? q->function : gaijin_op_name(q->op), n);
}

void form_check_page(lua_State *L, const char *from, int n) {
  if (!has_one_of(L, lua_gettop(L) - n + 1, "F*kx|Tkx*kx"))
    refuse(L, from, "a cursor of pairs", n);
}

void form_check_raised(lua_State *L, int n) {
  if (!has_one_of(L, lua_gettop(L) - n + 1, "v|vs"))
    worker_raise(L, GAIJIN_STATUS_PROTOCOL, "an error came with a traceback that is no text");
}
