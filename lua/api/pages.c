/* SPDX-License-Identifier: MIT
 *
 * An iterator is a C function. Its upvalues are the page, where it is in that page, and what the
 * next page is asked with. A page is a table of the values as they came; if they are numbers and
 * nothing else, a userdata that has them, and those of a table that has no more are never on Lua's
 * stack. Asking waits, and whoever else calls the iterator meanwhile asks too: a page is put in the
 * place of the one before in one go.
 *
 * What the host says is looked at first: its cursor must be a function of its own, and what the
 * cursor gives a page.
 */
#include "lua/api/pages.h"

#include <stdio.h>
#include <string.h>

#include "lua/ask/form.h"
#include "lua/ask/remote.h"
#include "lua/ref/at.h"
#include "lua/ref/value.h"

enum { UP_WORKER = 1, UP_PLACE, UP_PAGE, UP_ASKED, UP_CURSOR };

struct place {
  int at, n;        /* values of the page given out; in all */
  const lua_Number *numbers; /* all of them, in the page; NULL: it is a table */
  lua_Number first; /* ipairs: the index of the first one */
  bool more;        /* ipairs: there are further ones */
};

/* The name of the worker that was asked for pages: at this index is it, or an AT of its. */
static const char *asked_worker(lua_State *L, struct worker *w, int asked) {
  const struct at *at = at_get(L, w, asked);
  return at ? worker_host_name(w, at->pt.host) : luaL_checkstring(L, asked);
}

static bool is_own_cursor(lua_State *L, struct worker *w, int asked, int i) {
  const struct at *table = at_get(L, w, asked), *cursor = at_get(L, w, i);
  if (!cursor) /* ours: this worker's labels */
    return !table && lua_isfunction(L, i) && strcmp(luaL_checkstring(L, asked), w->name) == 0;
  if (cursor->pt.kind != GAIJIN_KIND_FUNCTION) return false;
  return table ? cursor->pt.host == table->pt.host
               : strcmp(worker_host_name(w, cursor->pt.host), luaL_checkstring(L, asked)) == 0;
}

/* The cursor is about to be called: what a worker cannot call itself it must not have others
 * call. */
static void check_cursor(lua_State *L, struct worker *w, int asked, int i) {
  if (is_own_cursor(L, w, asked, i)) return;
  worker_raise(L, GAIJIN_STATUS_PROTOCOL,
               "worker %s answered 'pairs' with a cursor that is no function of its own",
               asked_worker(L, w, asked));
}

static bool are_numbers(lua_State *L, int first, int n) {
  for (int i = first; i < first + n; i++)
    if (lua_type(L, i) != LUA_TNUMBER) return false;
  return n > 0;
}

/* Makes a page of the values from index `first` to the top, in whose place it is then; the first of
 * them is what comes next. */
static struct place make_page(lua_State *L, int first) {
  struct place p = {.n = lua_gettop(L) - first + 1};
  luaL_checkstack(L, 2, "no room for a page");
  if (are_numbers(L, first, p.n)) {
    lua_Number *to = lua_newuserdata(L, (size_t)p.n * sizeof *to);
    for (int i = 0; i < p.n; i++) to[i] = lua_tonumber(L, first + i);
    p.numbers = to;
    lua_replace(L, first);
    lua_settop(L, first);
    return p;
  }
  lua_createtable(L, p.n, 0);
  lua_insert(L, first);
  for (int i = p.n; i > 0; i--) lua_rawseti(L, first, i);
  return p;
}

/* Pushes the next value of the page, a table. */
static void push_next(lua_State *L, struct place *p) {
  int page = lua_upvalueindex(UP_PAGE);
  lua_rawgeti(L, page, ++p->at);
  if (value_is_plain(lua_type(L, -1))) return;
  lua_pushnil(L); /* its token goes as the traversal moves on */
  lua_rawseti(L, page, p->at);
}

/* ---- pairs ---- */

/* Asks for the next page. One without entries that promised more could go on so for ever: it is
 * refused. False: there was none left. */
static bool turn_page(lua_State *L, struct place *p) {
  struct worker *w = worker_of(L);
  char from[GAIJIN_NAME_MAX + 16];
  if (lua_isnil(L, lua_upvalueindex(UP_CURSOR))) return false;
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(UP_CURSOR));
  lua_call(L, 0, LUA_MULTRET);
  snprintf(from, sizeof from, "worker %s", asked_worker(L, w, lua_upvalueindex(UP_ASKED)));
  form_check_page(L, from, lua_gettop(L));
  struct place page = make_page(L, 2);
  lua_replace(L, lua_upvalueindex(UP_PAGE));
  *p = page;
  if (!lua_toboolean(L, 1)) {
    lua_pushnil(L);
    lua_replace(L, lua_upvalueindex(UP_CURSOR));
  }
  return page.n > 0;
}

static int next_entry(lua_State *L) {
  struct place *p = lua_touserdata(L, lua_upvalueindex(UP_PLACE));
  if (p->at >= p->n && !turn_page(L, p)) {
    lua_pushnil(L);
    return 1;
  }
  if (p->numbers) {
    lua_pushnumber(L, p->numbers[p->at]);
    lua_pushnumber(L, p->numbers[p->at + 1]);
    p->at += 2;
    return 2;
  }
  push_next(L, p);
  push_next(L, p);
  return 2;
}

/* More are decoded in slices. */
enum { TAKEN_MOST = 1 + 2 * 1024 };

/* Pushes nil and a page of numbers, if the answer is that: no cursor, and entries of numbers. */
static int take_numbers(lua_State *L, const gaijin_body *body) {
  uint32_t count = gaijin_body_count(body);
  size_t at = 0, n = count - 1;
  struct gaijin_value cursor;
  lua_Number first;
  if (count < 3 || count % 2 == 0 || count > TAKEN_MOST) return -1;
  if (!gaijin_body_look(body, &at, &cursor) || cursor.type != GAIJIN_NIL) return -1;
  size_t begin = at;
  if (gaijin_body_look_numbers(body, &at, &first, 1) == 0) return -1;
  luaL_checkstack(L, 2, "no room for a page");
  lua_pushnil(L);
  lua_Number *to = lua_newuserdata(L, n * sizeof *to);
  bool good = gaijin_body_look_numbers(body, &begin, to, n) == n;
  for (size_t i = 0; good && i < n; i += 2) good = to[i] == to[i]; /* NaN is no key */
  if (good) return 2;
  lua_pop(L, 2);
  return -1;
}

/* Pushes the cursor, or nil, and the first page of what is at index 1: of a worker's labels if
 * there is a name, else of a table. */
static struct place ask_first(lua_State *L, struct worker *w, bool is_name) {
  int top = lua_gettop(L), n = 0;
  struct remote r = {.op = GAIJIN_OP_PAIRS, .target = 1, .first = top + 1, .take = take_numbers};
  if (is_name) {
    lua_pushboolean(L, 1);
    r = (struct remote){.op = GAIJIN_OP_LABELS,
                        .name = luaL_checkstring(L, 1),
                        .first = top + 1,
                        .count = 1};
  }
  remote_ask(L, w, &r, &n);
  if (is_name) lua_remove(L, r.first);
  if (n % 2 == 1) return make_page(L, top + 2);
  return (struct place){.n = (int)(lua_objlen(L, -1) / sizeof(lua_Number)),
                        .numbers = lua_touserdata(L, -1)};
}

/* table or worker's name -> iterator over its entries or labels. */
static int core_pairs(lua_State *L) {
  struct worker *w = worker_of(L);
  enum { ASKED = 1, PLACE, CURSOR, PAGE };
  lua_settop(L, ASKED);
  struct place *p = lua_newuserdata(L, sizeof *p);
  *p = ask_first(L, w, lua_type(L, ASKED) == LUA_TSTRING);
  if (!lua_isnil(L, CURSOR)) check_cursor(L, w, ASKED, CURSOR);
  lua_pushlightuserdata(L, w);
  lua_pushvalue(L, PLACE);
  lua_pushvalue(L, PAGE);
  lua_pushvalue(L, ASKED);
  lua_pushvalue(L, CURSOR);
  lua_pushcclosure(L, next_entry, UP_CURSOR);
  return 1;
}

/* ---- ipairs ---- */

/* Asks for the page that begins with this index. */
static void ask_from(lua_State *L, struct place *p, lua_Number i) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(UP_ASKED));
  lua_pushnumber(L, i);
  remote_call(L, worker_of(L), GAIJIN_OP_IPAIRS, 1, 2, 1);
  enum { MORE = 3, PAGE };
  struct place page = make_page(L, PAGE);
  lua_replace(L, lua_upvalueindex(UP_PAGE));
  page.first = i;
  page.more = lua_toboolean(L, MORE);
  *p = page;
}

static int next_index(lua_State *L) {
  struct place *p = lua_touserdata(L, lua_upvalueindex(UP_PLACE));
  lua_Number i = luaL_checknumber(L, 2) + 1;
  if (!(i >= p->first && i < p->first + p->n)) {
    if (!p->more && i >= p->first + p->n) return 0;
    ask_from(L, p, i);
    if (p->n == 0) return 0;
  }
  lua_pushnumber(L, i);
  int at = (int)(i - p->first);
  if (p->numbers)
    lua_pushnumber(L, p->numbers[at]);
  else
    lua_rawgeti(L, lua_upvalueindex(UP_PAGE), at + 1);
  return 2;
}

/* table -> iterator */
static int core_ipairs(lua_State *L) {
  lua_settop(L, 1);
  lua_pushlightuserdata(L, worker_of(L));
  struct place *p = lua_newuserdata(L, sizeof *p);
  *p = (struct place){.first = 1, .more = true};
  lua_newtable(L);
  lua_pushvalue(L, 1);
  lua_pushcclosure(L, next_index, UP_ASKED);
  return 1;
}

void pages_open(lua_State *L, struct worker *w) {
  static const luaL_Reg functions[] = {
      {"pairs", core_pairs},
      {"ipairs", core_ipairs},
      {NULL, NULL},
  };
  worker_hide_function(w, next_entry);
  worker_hide_function(w, next_index);
  worker_set_functions(L, w, functions);
}
