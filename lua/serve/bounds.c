/* SPDX-License-Identifier: MIT
 *
 * Where the arguments are not what the function wants, nothing is said here: it raises by itself.
 * Numbers beyond those of an int, which Lua's library would cut, are refused where they count.
 */
#include "lua/serve/bounds.h"

#include <limits.h>
#include <lualib.h>
#include <math.h>
#include <string.h>

#include "lua/ref/at.h"
#include "lua/serve/bounded_files.h"
#include "lua/serve/bounds_patterns.h"
#include "proto/base.h"

/* What is refused: so many `unit` to `act` are too many. */
static void limit(lua_State *L, const char *title, const char *act, double n, const char *unit,
                  double most) {
  if (n <= most) return;
  worker_raise(L, GAIJIN_STATUS_TOO_LARGE, "%s would %s %.0f %s for another worker; at most %.0f",
               title, act, n, unit, most);
}

static void limit_text(lua_State *L, struct worker *w, const char *title, double bytes) {
  limit(L, title, "make", bytes, "bytes", gaijin_max_message(w->g));
}

/* A number that is none of an int counts as this many. */
static const double beyond = 4294967296.0;

static bool is_int(double n) { return n >= INT_MIN && n <= INT_MAX; }

/* The number at index i; nil and none are `absent`. False: it is none. */
static bool number_at(lua_State *L, int i, double absent, double *out) {
  *out = lua_isnoneornil(L, i) ? absent : lua_tonumber(L, i);
  return lua_isnoneornil(L, i) || lua_isnumber(L, i);
}

/* Bytes of the text at index i, or of the number, which becomes the text that it is taken for. */
static double length(lua_State *L, int i) {
  return lua_isstring(L, i) ? (double)lua_objlen(L, i) : 1;
}

/* ---- Tables ---- */

/* What is below the position is the asker's choice, and so is, where it may set fields, the length:
 * Lua looks for a border by doubling. */
static void insert(lua_State *L, struct worker *w, const char *title, int first) {
  double at;
  (void)w;
  if (lua_gettop(L) != first + 2 || !lua_istable(L, first)) return;
  if (!number_at(L, first + 1, 0, &at)) return;
  double n = (double)lua_objlen(L, first);
  limit(L, title, "move", is_int(at) ? n + 1 - trunc(at) : beyond, "entries", BOUNDS_ENTRIES);
}

static void remove_entry(lua_State *L, struct worker *w, const char *title, int first) {
  double at, n = lua_istable(L, first) ? (double)lua_objlen(L, first) : 0;
  (void)w;
  if (!number_at(L, first + 1, n, &at) || (is_int(at) && at < 1)) return;
  limit(L, title, "move", is_int(at) ? n - trunc(at) : beyond, "entries", BOUNDS_ENTRIES);
}

/* Calls of another worker's function wait each, and others are served meanwhile. */
static bool waits(lua_State *L, struct worker *w, int function) {
  return lua_isfunction(L, function) && at_get(L, w, function);
}

static void visit(lua_State *L, struct worker *w, const char *title, int first) {
  if (!lua_istable(L, first) || waits(L, w, first + 1)) return;
  limit(L, title, "visit", (double)lua_objlen(L, first), "entries", BOUNDS_ENTRIES);
}

/* LuaJIT has it. */
static void move(lua_State *L, struct worker *w, const char *title, int first) {
  double from, to;
  (void)w;
  if (!number_at(L, first + 1, 1, &from) || !number_at(L, first + 2, 0, &to)) return;
  limit(L, title, "move", is_int(from) && is_int(to) ? trunc(to) - trunc(from) + 1 : beyond,
        "entries", BOUNDS_ENTRIES);
}

/* The result must fit into a message. To count it is to read the entries up to that size, or to the
 * first that is no text. */
static void concat(lua_State *L, struct worker *w, const char *title, int first) {
  double from, to, bytes = 0, most = gaijin_max_message(w->g);
  if (!lua_istable(L, first)) return;
  double n = (double)lua_objlen(L, first);
  double separator = lua_isstring(L, first + 1) ? length(L, first + 1) : 0;
  if (!number_at(L, first + 2, 1, &from) || !number_at(L, first + 3, n, &to)) return;
  if (!is_int(from) || !is_int(to)) limit_text(L, w, title, beyond);
  luaL_checkstack(L, 1, "too many arguments");
  for (int64_t i = (int64_t)from; i <= (int64_t)to && bytes <= most; i++) {
    lua_rawgeti(L, first, (int)i);
    bool is_text = lua_isstring(L, -1);
    double size = length(L, -1);
    lua_pop(L, 1);
    if (!is_text) return;
    bytes += fmax(size, 1) + (i < (int64_t)to ? separator : 0);
  }
  limit_text(L, w, title, bytes);
}

/* Upvalues of what compares for table.sort. The first is the worker. */
enum { COMPARE_FUNCTION = 2, COMPARE_COUNT, COMPARE_UPVALUES = COMPARE_COUNT };

static int compare(lua_State *L) {
  double n = lua_tonumber(L, lua_upvalueindex(COMPARE_COUNT)) + 1;
  if (n > BOUNDS_COMPARISONS)
    worker_raise(L, GAIJIN_STATUS_TOO_LARGE,
                 "table.sort needs more than %d comparisons for another worker; the table is left "
                 "partly sorted",
                 BOUNDS_COMPARISONS);
  lua_pushnumber(L, n);
  lua_replace(L, lua_upvalueindex(COMPARE_COUNT));
  if (lua_isnil(L, lua_upvalueindex(COMPARE_FUNCTION))) {
    lua_pushboolean(L, lua_lessthan(L, 1, 2));
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(COMPARE_FUNCTION));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

/* So many entries are sorted with BOUNDS_COMPARISONS, but for orders that were made to need more:
 * one can be found for which it takes the square of their number. So they are counted on the way,
 * too. */
static void sort(lua_State *L, struct worker *w, const char *title, int first) {
  bool has_order = !lua_isnoneornil(L, first + 1);
  if (!lua_istable(L, first) || waits(L, w, first + 1)) return;
  if (has_order && !lua_isfunction(L, first + 1)) return;
  limit(L, title, "sort", (double)lua_objlen(L, first), "entries", BOUNDS_SORTED);
  luaL_checkstack(L, 4, "too many arguments");
  if (!has_order) {
    lua_settop(L, first);
    lua_pushnil(L);
  }
  lua_pushlightuserdata(L, w);
  lua_pushvalue(L, first + 1);
  lua_pushnumber(L, 0);
  lua_pushcclosure(L, compare, COMPARE_UPVALUES);
  lua_replace(L, first + 1);
}

/* ---- Text ---- */

static void repeat(lua_State *L, struct worker *w, const char *title, int first) {
  double n, size = length(L, first);
  if (!lua_isstring(L, first) || !number_at(L, first + 1, 0, &n)) return;
  if (w->is_luajit && lua_isstring(L, first + 2)) size += length(L, first + 2); /* between them */
  limit_text(L, w, title, (is_int(n) ? n : beyond) * fmax(size, 1));
}

/* In 5.1 each level below 0 gives a line. */
static void traceback(lua_State *L, struct worker *w, const char *title, int first) {
  double level;
  (void)w;
  if (!number_at(L, first + (lua_isthread(L, first) ? 2 : 1), 0, &level)) return;
  if (!(level >= 0 && is_int(level)))
    worker_raise(L, GAIJIN_STATUS_TOO_LARGE, "%s from level %.0f for another worker; at least 0",
                 title, level);
}

/* The pattern behind the text at index `first`. */
static void limit_steps(lua_State *L, const char *title, int first, bool anchors) {
  size_t n;
  if (!lua_isstring(L, first) || !lua_isstring(L, first + 1)) return;
  const char *pattern = lua_tolstring(L, first + 1, &n);
  limit(L, title, "take", bounds_steps(pattern, n, length(L, first), anchors), "steps",
        BOUNDS_STEPS);
}

static void match(lua_State *L, struct worker *w, const char *title, int first) {
  (void)w;
  limit_steps(L, title, first, true);
}

static void match_each(lua_State *L, struct worker *w, const char *title, int first) {
  (void)w;
  limit_steps(L, title, first, false);
}

static void find(lua_State *L, struct worker *w, const char *title, int first) {
  size_t n;
  if (!lua_isstring(L, first) || !lua_isstring(L, first + 1)) return;
  const char *text = lua_tolstring(L, first + 1, &n);
  if (!lua_toboolean(L, first + 3) && bounds_is_pattern(text, n))
    match(L, w, title, first);
  else
    limit(L, title, "take", bounds_plain_steps(n, length(L, first)), "steps", BOUNDS_STEPS);
}

/* Upvalues of what stands for a replacement that is asked. The first is the worker. */
enum { REPLACE_BY = 2, REPLACE_BYTES, REPLACE_UPVALUES = REPLACE_BYTES };

static int replace(lua_State *L) {
  int by = lua_upvalueindex(REPLACE_BY);
  if (lua_isfunction(L, by)) {
    lua_pushvalue(L, by);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
  } else {
    lua_settop(L, 1);
    lua_gettable(L, by);
  }
  double bytes = lua_tonumber(L, lua_upvalueindex(REPLACE_BYTES));
  if (lua_isstring(L, -1)) bytes += length(L, -1);
  limit_text(L, lua_touserdata(L, lua_upvalueindex(1)), "string.gsub", bytes);
  lua_pushnumber(L, bytes);
  lua_replace(L, lua_upvalueindex(REPLACE_BYTES));
  return 1;
}

/* What a table or function gives is counted on the way. */
static void count_replacements(lua_State *L, struct worker *w, int by, double size) {
  luaL_checkstack(L, REPLACE_UPVALUES, "too many arguments");
  lua_pushlightuserdata(L, w);
  lua_pushvalue(L, by);
  lua_pushnumber(L, size);
  lua_pushcclosure(L, replace, REPLACE_UPVALUES);
  lua_replace(L, by);
}

static void substitute(lua_State *L, struct worker *w, const char *title, int first) {
  size_t n;
  double most, size = length(L, first);
  match(L, w, title, first);
  if (!lua_isstring(L, first)) return;
  if (lua_istable(L, first + 2) || lua_isfunction(L, first + 2))
    count_replacements(L, w, first + 2, size);
  if (!lua_isstring(L, first + 2)) return;
  if (!number_at(L, first + 3, size + 1, &most)) return;
  const char *replacement = lua_tolstring(L, first + 2, &n);
  limit_text(L, w, title,
             bounds_replaced(replacement, n, size, is_int(most) ? fmin(most, size + 1) : size + 1));
}

/* ---- Files ---- */

static void read_file(lua_State *L, struct worker *w, const char *title, int first) {
  double most = gaijin_max_message(w->g);
  limit(L, title, "read", bounded_files_size(L, first, most), "bytes", most);
}

/* The iterator has the file as its first upvalue; LuaJIT's has formats behind it. */
enum { UPVALUES_MOST = 256 }; /* more than a C function can have */
static void read_line(lua_State *L, struct worker *w, int function) {
  int top = lua_gettop(L);
  luaL_checkstack(L, UPVALUES_MOST, "too many arguments");
  for (int i = 1; lua_getupvalue(L, function, i); i++)
    if (i > 1 && lua_isboolean(L, -1)) lua_pop(L, 1);
  if (lua_gettop(L) > top) read_file(L, w, "the iterator of lines", top + 1);
  lua_settop(L, top);
}

/* ---- The table ---- */

static const struct bound {
  const char *title;
  /* The arguments begin at index `first`. */
  void (*check)(lua_State *L, struct worker *w, const char *title, int first);
} bounds[] = {
    {"table.insert", insert},
    {"table.remove", remove_entry},
    {"table.move", move},
    {"table.foreachi", visit},
    {"table.concat", concat},
    {"table.sort", sort},
    {"debug.traceback", traceback},
    {"string.rep", repeat},
    {"string.find", find},
    {"string.match", match},
    {"string.gmatch", match_each},
    {"string.gfind", match_each},
    {"string.gsub", substitute},
    {"file.read", read_file},
};

/* NULL: the function is not bounded. */
static const struct bound *bound_of(lua_State *L, struct worker *w, int function) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.bounded);
  lua_pushvalue(L, function);
  lua_rawget(L, -2);
  const struct bound *b = lua_touserdata(L, -1);
  lua_pop(L, 2);
  return b;
}

void bounds_check(lua_State *L, struct worker *w, int function) {
  /* In LuaJIT some of those that scripts get are Lua functions (replaced.h). */
  if (!lua_iscfunction(L, function) && (!w->is_luajit || !lua_isfunction(L, function))) return;
  luaL_checkstack(L, 2, "too many arguments");
  const struct bound *b = bound_of(L, w, function);
  lua_CFunction fn = lua_tocfunction(L, function);
  if (b)
    b->check(L, w, b->title, function + 1);
  else if (fn && fn == w->lines_iterator)
    read_line(L, w, function);
}

static int core_bound(lua_State *L) {
  const char *title = luaL_checkstring(L, 1);
  size_t i = 0;
  while (i < ARRAY_SIZE(bounds) && strcmp(bounds[i].title, title) != 0) i++;
  luaL_argcheck(L, i < ARRAY_SIZE(bounds), 1, "it is not bounded");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_rawgeti(L, LUA_REGISTRYINDEX, worker_of(L)->anchors.bounded);
  lua_insert(L, 2);
  lua_pushlightuserdata(L, (void *)&bounds[i]);
  lua_rawset(L, 2);
  return 0;
}

/* The table in which the methods of files are, or nil where there is no such library. */
static int core_file_methods(lua_State *L) {
  luaL_getmetatable(L, LUA_FILEHANDLE);
  if (lua_istable(L, -1)) lua_getfield(L, -1, "__index");
  return 1;
}

static int core_bound_lines(lua_State *L) {
  worker_of(L)->lines_iterator = lua_tocfunction(L, 1);
  return 0;
}

void bounds_open(lua_State *L, struct worker *w) {
  static const luaL_Reg functions[] = {{"bound", core_bound},
                                       {"bound_lines", core_bound_lines},
                                       {"file_methods", core_file_methods},
                                       {NULL, NULL}};
  worker_set_functions(L, w, functions);
  lua_newtable(L);
  w->anchors.bounded = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
    lua_pushstring(L, bounds[i].title);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "bounded");
}
