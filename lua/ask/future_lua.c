/* SPDX-License-Identifier: MIT
 *
 * The userdata that scripts have of futures. What can be read is in its environment:
 * { n = number of values, values... }, or the error and perhaps its traceback.
 */
#include "lua/ask/future_lua.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lua/ask/future.h"
#include "lua/ask/remote.h"
#include "lua/fiber/position.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/wait.h"
#include "lua/vm/userdata.h"

/* ---- The userdata ---- */

/* The future at index i, or NULL. */
static struct future **find(lua_State *L, struct worker *w, int i) {
  return userdata_test(L, i, w->anchors.future_meta);
}

static struct future *check(lua_State *L, struct worker *w, int i) {
  struct future **handle = find(L, w, i);
  if (!handle) luaL_typerror(L, i, "future");
  if (!*handle && worker_is_closed(w))
    worker_raise(L, GAIJIN_STATUS_LOST,
                 "the connection to the broker was closed, and its futures with it");
  if (!*handle) worker_raise(L, GAIJIN_STATUS_STALE, "the future has been finalised");
  return *handle;
}

static int finalise(lua_State *L) {
  struct future **handle = find(L, worker_of(L), 1), *u = handle ? *handle : NULL;
  if (!u) return 0; /* finalised before; or a script has called this with something else */
  *handle = NULL;
  u->handle = NULL;
  if (u->state != FUTURE_OPEN) future_drop(u);
  return 0;
}

struct future *future_push(lua_State *L, struct worker *w) {
  struct future **handle = userdata_new(L, sizeof(struct future *), w->anchors.future_meta);
  *handle = NULL;
  struct future *u = calloc(1, sizeof *u);
  if (!u) {
    worker_raise(L, GAIJIN_STATUS_BUSY, "no memory for a future");
    return NULL;
  }
  *handle = u;
  u->w = w;
  u->handle = handle;
  u->next = w->futures;
  if (w->futures) w->futures->prev = u;
  w->futures = u;
  return u;
}

/* ---- Results ---- */

/* Fills the table at index `table` with the n values on top of the stack. */
static void keep(lua_State *L, int table, int n) {
  for (int i = n; i >= 1; i--) lua_rawseti(L, table, i);
  lua_pushinteger(L, n);
  lua_setfield(L, table, "n");
}

/* future, table: the table gets what the answer says. */
static int decode(lua_State *L) {
  struct worker *w = worker_of(L);
  struct future *u = check(L, w, 1);
  bool failed;
  int n = remote_decode(L, w, &u->answer, false, &failed);
  u->above = failed && lua_type(L, 3) == LUA_TSTRING ? u->answer.above : 0;
  keep(L, 2, n);
  return 0;
}

/* ANSWERED becomes DONE, unless somebody else has it so meanwhile. All is made first, so that
 * nothing can fail after. */
static void open_answer(lua_State *L, struct worker *w, struct future *u, int i) {
  int top = lua_gettop(L);
  lua_createtable(L, 2, 1);
  lua_pushinteger(L, 1);
  lua_setfield(L, -2, "n");
  worker_push_function(L, w, decode);
  lua_pushvalue(L, i);
  lua_pushvalue(L, top + 1);
  if (u->state == FUTURE_ANSWERED) { /* a finaliser that ran just now may have read it */
    lua_pushvalue(L, top + 1);
    lua_setfenv(L, i);
    u->state = FUTURE_DECODING;
    u->decoder = w->sched.current;
    if (lua_pcall(L, 2, 0, 0) != 0) {
      u->ok = false;
      lua_rawseti(L, top + 1, 1);
      lua_pushinteger(L, 1);
      lua_setfield(L, top + 1, "n");
    }
    u->state = FUTURE_DONE;
    u->decoder = NULL;
    future_clear_answer(u);
  }
  lua_settop(L, top);
}

/* Raises the error, of n values, that the table on top holds. The text gets the position of the
 * code that first asks for it; or, if the function of another future asks (for_own), of the code
 * that first asks for that one's. */
static int raise_kept(lua_State *L, struct worker *w, struct future *u, int n, bool for_own) {
  int table = lua_gettop(L);
  lua_rawgeti(L, table, 1);
  lua_rawgeti(L, table, 2);
  if (for_own) {
    struct future *own = w->sched.current->user;
    if (own) own->above = u->above; /* else it was cancelled */
  } else if (u->above && position_add(L, w, table + 1, u->above, false)) {
    u->above = 0;
    lua_pushvalue(L, table + 1);
    lua_rawseti(L, table, 1);
  }
  if (n >= 2 && lua_isstring(L, table + 2)) trace_remember(L, w, table + 1, table + 2);
  lua_settop(L, table + 1);
  return lua_error(L);
}

/* Pushes the table of the results of the done future at index i, and returns their number; or
 * raises its error, as raise_kept does. */
static int push_kept(lua_State *L, struct worker *w, struct future *u, int i, bool for_own) {
  u->read = true;
  while (u->state != FUTURE_DONE) {
    if (u->state == FUTURE_ANSWERED) {
      open_answer(L, w, u, i);
      continue;
    }
    assert(u->state == FUTURE_DECODING);
    if (u->decoder == w->sched.current)
      worker_raise(L, GAIJIN_STATUS_UNSUPPORTED,
                   "reading a future in a finaliser, while it is being read");
    wait_yield(L, w, "reading a future");
  }
  luaL_checkstack(L, 4, "reading a future");
  lua_getfenv(L, i);
  if (u->ok && u->is_list) lua_rawgeti(L, -1, 1);
  lua_pushliteral(L, "n");
  lua_rawget(L, -2);
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return u->ok ? n : raise_kept(L, w, u, n, for_own);
}

/* ---- Waiting ---- */

/* Waits for the future at index 1, at most for the seconds at index 2 if they are given. Raises
 * `timeout` if it has no result then: its call goes on. */
static struct future *wait_done(lua_State *L, struct worker *w) {
  struct future *u = check(L, w, 1);
  double seconds = luaL_optnumber(L, 2, 0);
  if (seconds != seconds) luaL_argerror(L, 2, "number expected, got nan");
  bool limited = !lua_isnoneornil(L, 2);
  struct future_wait n = {0};
  if (!future_is_done(u) && limited && seconds <= 0)
    wait_yield(L, w, "reading a future"); /* others must run, if it is tried again and again */
  if (future_is_done(u)) return u;
  wait_check(L, w, "reading a future");
  struct future_group g = {.fiber = w->sched.current};
  double own = limited ? clock_seconds() + seconds : 0, limit = g.fiber->deadline;
  enum wait_outcome how;
  future_wait_on(&n, u, &g);
  do
    how = limited && seconds <= 0 ? WAIT_OVER : wait_park(L, w, wait_nearer(own, limit));
  while (how == WAIT_WOKEN && !g.over);
  future_unwait(&n);
  if (!g.over && how == WAIT_OVER && limited && (limit == 0 || own < limit))
    worker_raise(L, GAIJIN_STATUS_TIMEOUT,
                 "the future has no result after %g s; its call goes on", seconds);
  if (!g.over) wait_raise(L, w, how, "reading a future");
  return u;
}

static int push_results(lua_State *L, struct worker *w, bool for_own) {
  int n = push_kept(L, w, wait_done(L, w), 1, for_own), table = lua_gettop(L);
  if (n < 0 || n > LUAI_MAXCSTACK || !lua_checkstack(L, n + 2))
    return worker_raise(L, GAIJIN_STATUS_TOO_LARGE,
                        "%d results are more than Lua's stack holds; read them with future:list()",
                        n);
  for (int k = 1; k <= n; k++) lua_rawgeti(L, table, k);
  return n;
}

/* future [, seconds] -> results. Raises the error of the call. */
static int method_get(lua_State *L) { return push_results(L, worker_of(L), false); }

/* The same for the function of a future: its own results or error are to be those of the future it
 * reads. */
static int core_get_for_own(lua_State *L) { return push_results(L, worker_of(L), true); }

/* future [, seconds] -> a new table of the results, their number in its field n. */
static int method_list(lua_State *L) {
  struct worker *w = worker_of(L);
  int n = push_kept(L, w, wait_done(L, w), 1, false);
  lua_createtable(L, n, 1);
  for (int k = 1; k <= n; k++) {
    lua_rawgeti(L, -2, k);
    lua_rawseti(L, -2, k);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
  return 1;
}

/* The future at place i of the list at index 1, which keeps it. */
static struct future *nth(lua_State *L, struct worker *w, int i) {
  lua_rawgeti(L, 1, i);
  struct future *u = check(L, w, lua_gettop(L));
  lua_pop(L, 1);
  return u;
}

/* list, all -> the first place of one that failed (all) or is done (not all); nil: all have
 * succeeded. Waits until it is known. */
static int core_await(lua_State *L) {
  struct worker *w = worker_of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  int count = (int)lua_objlen(L, 1);
  struct future_group g = {.fiber = w->sched.current, .all = lua_toboolean(L, 2)};
  lua_settop(L, 1);
  wait_check(L, w, "waiting for futures");
  struct future_wait *nodes = lua_newuserdata(L, (size_t)(count ? count : 1) * sizeof *nodes);
  memset(nodes, 0, (size_t)(count ? count : 1) * sizeof *nodes);
  enum wait_outcome how = WAIT_WOKEN;
  for (int i = 1; i <= count; i++) nth(L, w, i);
  for (int i = 0; i < count; i++) {
    struct future *u = nth(L, w, i + 1); /* none of them raises any more */
    if (!future_is_done(u)) future_wait_on(&nodes[i], u, &g);
    if (future_is_done(u) && !(g.all && u->ok)) g.over = true;
  }
  while (how == WAIT_WOKEN && !g.over && g.left > 0) how = wait_park(L, w, g.fiber->deadline);
  for (int i = 0; i < count; i++) future_unwait(&nodes[i]);
  if (!g.over && g.left > 0) return wait_raise(L, w, how, "waiting for futures");
  for (int i = 1; i <= count; i++) {
    struct future *u = nth(L, w, i);
    if (!future_is_done(u) || (g.all && u->ok)) continue;
    lua_pushinteger(L, i);
    return 1;
  }
  return 0;
}

static int method_done(lua_State *L) {
  lua_pushboolean(L, future_is_done(check(L, worker_of(L), 1)));
  return 1;
}

/* -> whether it was open. */
static int method_cancel(lua_State *L) {
  lua_pushboolean(L, future_cancel(check(L, worker_of(L), 1), "the future was cancelled"));
  return 1;
}

/* Its error needs no reader. */
static int core_quiet(lua_State *L) {
  check(L, worker_of(L), 1)->read = true;
  return 0;
}

/* The only result will be a list, with its length in the field n: its elements are the results. */
static int core_spread(lua_State *L) {
  check(L, worker_of(L), 1)->is_list = true;
  return 0;
}

static int core_is_future(lua_State *L) {
  lua_pushboolean(L, find(L, worker_of(L), 1) != NULL);
  return 1;
}

static int method_tostring(lua_State *L) {
  struct future **handle = find(L, worker_of(L), 1), *u = handle ? *handle : NULL;
  lua_pushfstring(L, "future: %p (%s)", (void *)handle,
                  !u                   ? "finalised"
                  : !future_is_done(u) ? "open"
                  : u->ok              ? "done"
                                       : "failed");
  return 1;
}

int future_keep(lua_State *L) {
  int n = lua_gettop(L) - 1;
  lua_createtable(L, n, 1);
  lua_insert(L, 2);
  keep(L, 2, n);
  lua_setfenv(L, 1);
  return 0;
}

/* ---- Opening ---- */

void future_open(lua_State *L, struct worker *w) {
  static const luaL_Reg core[] = {
      {"await", core_await}, {"quiet", core_quiet}, {"is_future", core_is_future},
      {"spread", core_spread}, {"get_for_own", core_get_for_own}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"get", method_get},
                                     {"list", method_list},
                                     {"done", method_done},
                                     {"cancel", method_cancel},
                                     {NULL, NULL}};
  worker_set_functions(L, w, core);
  lua_newtable(L);
  worker_push_function(L, w, finalise);
  lua_setfield(L, -2, "__gc");
  worker_push_function(L, w, method_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "future");
  lua_setfield(L, -2, "__metatable");
  lua_newtable(L);
  worker_set_functions(L, w, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "methods");
  lua_setfield(L, -2, "__index");
  w->anchors.future_meta = luaL_ref(L, LUA_REGISTRYINDEX);
}
