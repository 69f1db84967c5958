/* SPDX-License-Identifier: MIT
 *
 * The record (struct future) is in the worker's list from its making to its burial. What a script
 * can read is in the environment of the userdata: { n = number of values, values... }, or the
 * error and perhaps its traceback.
 */
#include "lua/future.h"

#include <stdlib.h>
#include <string.h>

#include "lua/fiber.h"
#include "lua/remote.h"
#include "lua/trace.h"
#include "lua/wait.h"

/* ANSWERED: done, the answer not yet decoded. DECODING: a fiber is at it. */
enum future_state { FUTURE_IDLE, FUTURE_OPEN, FUTURE_ANSWERED, FUTURE_DECODING, FUTURE_DONE };

struct future {
  struct worker *w;
  struct future *next, *prev; /* all */
  struct future *next_dropped;
  struct future **handle;     /* the userdata; NULL: finalised */
  struct fiber *owner;        /* who started it, while both last */
  struct future *next_owned, **owned_at; /* owned_at: what points at it */
  struct fiber *runs;         /* whose results it gets, when it is a function of ours */
  struct future_wait *waits;
  uint64_t request;           /* its request while it is open, when it is a remote call */
  struct answer answer;
  char *complaint;            /* of a function of ours that failed: the error's text */
  enum future_state state;
  struct fiber *decoder;      /* while DECODING: who is at it */
  bool ok, read; /* read: nobody needs to be told of its error */
};

/* A fiber waits for some futures: one record for each, and a common one. */
struct future_group {
  struct fiber *fiber;
  unsigned left; /* not done */
  bool all;      /* waits for all, or the first failure; else for the first that is done */
  bool over;
};
struct future_wait {
  struct future_wait *next, *prev;
  struct future *future; /* NULL: not in a list */
  struct future_group *group;
};

/* ---- The record ---- */

static bool is_done(const struct future *u) { return u->state > FUTURE_OPEN; }

static void disown(struct future *u) {
  if (!u->owner) return;
  *u->owned_at = u->next_owned;
  if (u->next_owned) u->next_owned->owned_at = u->owned_at;
  u->owner = NULL;
}

static void own(struct future *u, struct fiber *f) {
  u->owner = f;
  u->owned_at = &f->first_future;
  u->next_owned = f->first_future;
  if (u->next_owned) u->next_owned->owned_at = &u->next_owned;
  f->first_future = u;
}

/* It will not be read: no allocation here, it may be a finaliser that says so. */
static void drop(struct future *u) {
  u->next_dropped = u->w->dropped_futures;
  u->w->dropped_futures = u;
}

static void unwait(struct future_wait *n) {
  if (!n->future) return;
  if (n->prev)
    n->prev->next = n->next;
  else
    n->future->waits = n->next;
  if (n->next) n->next->prev = n->prev;
  n->future = NULL;
}

static void wait_on(struct future_wait *n, struct future *u, struct future_group *group) {
  *n = (struct future_wait){.next = u->waits, .future = u, .group = group};
  if (u->waits) u->waits->prev = n;
  u->waits = n;
  group->left++;
}

/* Open becomes done. */
static void complete(struct future *u, enum future_state state, bool ok) {
  u->state = state;
  u->ok = ok;
  u->w->open_futures--;
  disown(u);
  while (u->waits) {
    struct future_group *g = u->waits->group;
    unwait(u->waits);
    g->left--;
    if (g->all && ok && g->left > 0) continue;
    g->over = true;
    fiber_wake(g->fiber);
  }
  if (!u->handle) drop(u);
}

void future_begin(struct future *u, struct fiber *runs, uint64_t request) {
  u->runs = runs;
  u->request = request;
  u->state = FUTURE_OPEN;
  u->w->open_futures++;
  own(u, u->w->sched.current);
}

void future_on_answer(void *user, const struct gaijin_answer *got) {
  struct future *u = user;
  u->request = 0;
  u->answer = (struct answer){.ok = got->ok, .status = got->status, .body = got->body, .text = got->text ? strdup(got->text) : NULL};
  complete(u, FUTURE_ANSWERED, got->ok);
}

/* False if it was done already. */
static bool cancel(struct future *u, const char *why) {
  if (u->state != FUTURE_OPEN) return false;
  if (u->request) gaijin_cancel(u->w->g, u->request);
  if (u->runs) {
    u->runs->future = NULL;
    fiber_cancel(u->runs, why);
  }
  u->request = 0;
  u->runs = NULL;
  u->read = true;
  u->answer = (struct answer){.status = STATUS_cancelled, .text = strdup(why)};
  complete(u, FUTURE_ANSWERED, false);
  return true;
}

void future_cancel_all(struct fiber *f, const char *why) {
  while (f->first_future) cancel(f->first_future, why);
}

void future_orphan_all(struct fiber *f) {
  while (f->first_future) disown(f->first_future);
}

/* ---- The end ---- */

static void clear_answer(struct future *u) {
  gaijin_body_free(u->answer.body);
  free(u->answer.text);
  u->answer = (struct answer){0};
}

static void unlink_and_free(struct future *u) {
  if (u->prev)
    u->prev->next = u->next;
  else
    u->w->futures = u->next;
  if (u->next) u->next->prev = u->prev;
  if (u->handle) *u->handle = NULL;
  clear_answer(u);
  free(u->complaint);
  free(u);
}

/* The error of one that was never read. */
static void complain(struct future *u) {
  static const char text[] = "an error of a dropped future was never read";
  struct gaijin_value v;
  if (u->state == FUTURE_DONE)
    worker_log(u->w, "%s: %s", text, u->complaint ? u->complaint : "(not a string)");
  else if (u->answer.status != STATUS_raised)
    worker_log(u->w, "%s: gaijin: %s: %s", text, status_name(u->answer.status), u->answer.text ? u->answer.text : "");
  else if (u->answer.body && gaijin_body_next(u->answer.body, &v) && v.type == GAIJIN_STRING)
    worker_log(u->w, "%s: %.*s", text, (int)v.size, v.bytes);
  else
    worker_log(u->w, "%s: (not a string)", text);
}

void future_bury(struct worker *w) {
  while (w->dropped_futures) {
    struct future *u = w->dropped_futures;
    w->dropped_futures = u->next_dropped;
    if (is_done(u) && !u->ok && !u->read) complain(u);
    unlink_and_free(u);
  }
}

void future_discard_all(struct worker *w) {
  future_bury(w);
  while (w->futures) {
    struct future *u = w->futures;
    if (u->request) gaijin_cancel(w->g, u->request); /* its answer would come for nobody */
    unlink_and_free(u);
  }
}

/* ---- The userdata ---- */

/* The future at index i, or NULL. */
static struct future **find(lua_State *L, struct worker *w, int i) {
  if (lua_type(L, i) != LUA_TUSERDATA || !lua_getmetatable(L, i)) return NULL;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->at.future_meta);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same ? lua_touserdata(L, i) : NULL;
}

static struct future *check(lua_State *L, struct worker *w, int i) {
  struct future **handle = find(L, w, i);
  if (!handle) luaL_typerror(L, i, "future");
  if (!*handle && worker_is_closed(w)) worker_raise(L, STATUS_lost, "the connection to the broker was closed, and its futures with it");
  if (!*handle) worker_raise(L, STATUS_stale, "the future has been finalised");
  return *handle;
}

static int finalise(lua_State *L) {
  struct future **handle = lua_touserdata(L, 1), *u = handle ? *handle : NULL;
  if (!u) return 0;
  *handle = NULL;
  u->handle = NULL;
  if (u->state != FUTURE_OPEN) drop(u);
  return 0;
}

struct future *future_push(lua_State *L, struct worker *w) {
  struct future **handle = lua_newuserdata(L, sizeof(struct future *));
  *handle = NULL;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->at.future_meta);
  lua_setmetatable(L, -2);
  struct future *u = calloc(1, sizeof *u);
  if (!u) {
    worker_raise(L, STATUS_busy, "no memory for a future");
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
  keep(L, 2, n);
  return 0;
}

/* ANSWERED becomes DONE, unless somebody else has it so meanwhile. All is made first, so that nothing can fail after. */
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
    clear_answer(u);
  }
  lua_settop(L, top);
}

/* Pushes the results of the done future at index i, or raises its error. */
static int push_results(lua_State *L, struct worker *w, struct future *u, int i) {
  u->read = true;
  while (u->state == FUTURE_DECODING) {
    if (u->decoder == w->sched.current) worker_raise(L, STATUS_unsupported, "reading a future in a finaliser, while it is being read");
    wait_yield(L, w, "reading a future");
  }
  if (u->state == FUTURE_ANSWERED) open_answer(L, w, u, i);
  if (u->state == FUTURE_DECODING) return push_results(L, w, u, i);
  lua_getfenv(L, i);
  int table = lua_gettop(L);
  lua_getfield(L, table, "n");
  int n = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, n + 2, "too many results");
  for (int k = 1; k <= n; k++) lua_rawgeti(L, table, k);
  if (u->ok) return n;
  if (n >= 2 && lua_isstring(L, table + 2)) trace_remember(L, w, table + 1, table + 2);
  lua_settop(L, table + 1);
  return lua_error(L);
}

/* ---- Waiting ---- */

/* future [, seconds] -> results. Raises the error of the call, or `timeout`: it goes on then. */
static int future_get(lua_State *L) {
  struct worker *w = worker_of(L);
  struct future *u = check(L, w, 1);
  double seconds = luaL_optnumber(L, 2, 0);
  if (seconds != seconds) return luaL_argerror(L, 2, "number expected, got nan");
  bool limited = !lua_isnoneornil(L, 2);
  struct future_wait n = {0};
  if (!is_done(u) && limited && seconds <= 0) wait_yield(L, w, "reading a future"); /* others must run, if it is tried again and again */
  if (!is_done(u)) {
    wait_check(L, w, "reading a future");
    struct future_group g = {.fiber = w->sched.current};
    double own = limited ? worker_now() + seconds : 0, limit = g.fiber->deadline;
    enum wait_outcome how;
    wait_on(&n, u, &g);
    do
      how = limited && seconds <= 0 ? WAIT_OVER : wait_park(L, w, wait_nearer(own, limit));
    while (how == WAIT_WOKEN && !g.over);
    unwait(&n);
    if (!g.over && how == WAIT_OVER && limited && (limit == 0 || own < limit))
      return worker_raise(L, STATUS_timeout, "the future has no result after %g s; its call goes on", seconds);
    if (!g.over) return wait_raise(L, w, how, "reading a future");
  }
  return push_results(L, w, u, 1);
}

/* The future at place i of the list at index 1, which keeps it. */
static struct future *nth(lua_State *L, struct worker *w, int i) {
  lua_rawgeti(L, 1, i);
  struct future *u = check(L, w, lua_gettop(L));
  lua_pop(L, 1);
  return u;
}

/* list, all -> the first place of one that failed (all) or is done (not all); nil: all have succeeded. Waits until it is known. */
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
    if (!is_done(u)) wait_on(&nodes[i], u, &g);
    if (is_done(u) && !(g.all && u->ok)) g.over = true;
  }
  while (how == WAIT_WOKEN && !g.over && g.left > 0) how = wait_park(L, w, g.fiber->deadline);
  for (int i = 0; i < count; i++) unwait(&nodes[i]);
  if (!g.over && g.left > 0) return wait_raise(L, w, how, "waiting for futures");
  for (int i = 1; i <= count; i++) {
    struct future *u = nth(L, w, i);
    if (!is_done(u) || (g.all && u->ok)) continue;
    lua_pushinteger(L, i);
    return 1;
  }
  return 0;
}

static int future_done(lua_State *L) {
  lua_pushboolean(L, is_done(check(L, worker_of(L), 1)));
  return 1;
}

/* -> whether it was open. */
static int future_cancel(lua_State *L) {
  lua_pushboolean(L, cancel(check(L, worker_of(L), 1), "the future was cancelled"));
  return 1;
}

/* Its error needs no reader. */
static int core_quiet(lua_State *L) {
  check(L, worker_of(L), 1)->read = true;
  return 0;
}

static int core_is_future(lua_State *L) {
  lua_pushboolean(L, find(L, worker_of(L), 1) != NULL);
  return 1;
}

static int future_tostring(lua_State *L) {
  struct future **handle = find(L, worker_of(L), 1), *u = handle ? *handle : NULL;
  lua_pushfstring(L, "future: %p (%s)", (void *)handle, !u ? "finalised" : !is_done(u) ? "open" : u->ok ? "done" : "failed");
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

void future_complaint(struct future *u, const char *text) {
  if (text && !u->complaint) u->complaint = strdup(text);
}

void future_finish(struct fiber *f, bool ok, const char *why_not) {
  struct future *u = f->future;
  f->future = NULL;
  u->runs = NULL;
  if (why_not) u->answer = (struct answer){.status = STATUS_busy, .text = strdup(why_not)};
  complete(u, why_not ? FUTURE_ANSWERED : FUTURE_DONE, ok && !why_not);
}

/* ---- Opening ---- */

static void set_functions(lua_State *L, struct worker *w, const luaL_Reg *list) {
  for (; list->name; list++) {
    worker_push_function(L, w, list->func);
    lua_setfield(L, -2, list->name);
  }
}

void future_open(lua_State *L, struct worker *w) {
  static const luaL_Reg core[] = {{"await", core_await}, {"quiet", core_quiet}, {"is_future", core_is_future}, {NULL, NULL}};
  static const luaL_Reg methods[] = {{"get", future_get}, {"done", future_done}, {"cancel", future_cancel}, {NULL, NULL}};
  set_functions(L, w, core);
  lua_newtable(L);
  worker_push_function(L, w, finalise);
  lua_setfield(L, -2, "__gc");
  worker_push_function(L, w, future_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "future");
  lua_setfield(L, -2, "__metatable");
  lua_newtable(L);
  set_functions(L, w, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "methods");
  lua_setfield(L, -2, "__index");
  w->at.future_meta = luaL_ref(L, LUA_REGISTRYINDEX);
}
