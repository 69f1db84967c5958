/* SPDX-License-Identifier: MIT
 *
 * As new: nothing on the stack, not suspended, and with the globals and the hook that a new
 * lua_State would take from the worker's own. Its stack may have grown as deep as Lua lets it, and
 * shrinks by halves only, in each round of the collector: one that may have grown much is not kept.
 * Its size cannot be asked for, so that is so when Lua has taken more than REUSE_GROWTH KiB since
 * the fiber began to run.
 *
 * With AddressSanitizer records are not kept: it would not see one that is used after its end.
 */
#include "lua/fiber/reuse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sanitizer.h"

enum { REUSE_GROWTH = 64 };
/* Where the heap has a limit spare lua_States count in it. */
enum { REUSE_MOST_LIMITED = 8 };

/* A finaliser may raise when all is done: then it runs again and finds it so. While finalisers may
 * run, in lua_newthread, none finds the table or the new lua_State among the locals of this
 * function. */
static int make_thread(lua_State *L) {
  struct fiber *f = lua_touserdata(L, 1);
  if (f->L) return 0;
  lua_State *thread = lua_newthread(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->w->anchors.threads);
  lua_insert(L, -2);
  f->thread_slot = luaL_ref(L, -2);
  f->L = thread;
  return 0;
}

static void drop_state(struct worker *w, int slot) {
  lua_rawgeti(w->L, LUA_REGISTRYINDEX, w->anchors.threads);
  luaL_unref(w->L, -1, slot);
  lua_pop(w->L, 1);
}

static void drop_states(struct worker *w) {
  struct reuse *r = &w->sched.reuse;
  while (r->n_states > 0) drop_state(w, r->states[--r->n_states].slot);
}

/* What a new lua_State would begin with has changed since the spare ones were given back: a
 * finaliser that the scheduler ran has changed it. */
static bool has_changed(const struct worker *w) {
  const struct reuse *r = &w->sched.reuse;
  return lua_topointer(w->L, LUA_GLOBALSINDEX) != r->globals || lua_gethook(w->L) != r->hook;
}

static bool is_as_new(const struct reuse *r, lua_State *L) {
  return lua_status(L) == 0 && lua_gethook(L) == r->hook &&
         lua_topointer(L, LUA_GLOBALSINDEX) == r->globals;
}

static bool take_state(struct worker *w, struct fiber *f) {
  struct reuse *r = &w->sched.reuse;
  if (r->n_states == 0) return false;
  if (!r->allowed || has_changed(w)) {
    drop_states(w);
    return false;
  }
  const struct spare_state *spare = &r->states[--r->n_states];
  assert(lua_gettop(spare->L) == 0);
  f->L = spare->L;
  f->thread_slot = spare->slot;
  return true;
}

static struct fiber *take_record(struct reuse *r) {
  struct fiber *f = r->records;
  if (!f) return calloc(1, sizeof *f);
  r->records = f->next;
  r->n_records--;
  memset(f, 0, sizeof *f);
  return f;
}

struct fiber *reuse_take(struct worker *w) {
  struct fiber *f = take_record(&w->sched.reuse);
  if (!f) return NULL;
  f->w = w;
  if (take_state(w, f) || worker_protected(w, make_thread, f) || f->L) return f;
  free(f);
  return NULL;
}

static bool has_grown(const struct fiber *f) {
  return lua_gc(f->L, LUA_GCCOUNT, 0) - f->heap_before > REUSE_GROWTH;
}

static unsigned states_most(const struct worker *w) {
  return w->heap.most ? REUSE_MOST_LIMITED : REUSE_MOST;
}

void reuse_give(struct worker *w, struct fiber *f) {
  struct reuse *r = &w->sched.reuse;
  lua_settop(f->L, 0);
  if (r->n_states == 0) r->globals = lua_topointer(w->L, LUA_GLOBALSINDEX);
  if (r->allowed && r->n_states < states_most(w) && is_as_new(r, f->L) && !has_grown(f))
    r->states[r->n_states++] = (struct spare_state){.L = f->L, .slot = f->thread_slot};
  else
    drop_state(w, f->thread_slot);
  if (WITH_ASAN || r->n_records >= REUSE_MOST) {
    free(f);
    return;
  }
  f->L = NULL;
  f->next = r->records;
  r->records = f;
  r->n_records++;
}

void reuse_forbid(struct worker *w) { w->sched.reuse.allowed = false; }

static void free_records(struct reuse *r) {
  while (r->records) {
    struct fiber *f = r->records;
    r->records = f->next;
    free(f);
  }
  r->n_records = 0;
}

void reuse_drop(struct worker *w) {
  struct reuse *r = &w->sched.reuse;
  drop_states(w);
  free_records(r);
}

void reuse_deinit(struct worker *w) {
  w->sched.reuse.n_states = 0;
  free_records(&w->sched.reuse);
}

static const char *check_state(const struct worker *w, const struct spare_state *s) {
  lua_rawgeti(w->L, LUA_REGISTRYINDEX, w->anchors.threads);
  lua_rawgeti(w->L, -1, s->slot);
  bool is_anchored = lua_tothread(w->L, -1) == s->L;
  lua_pop(w->L, 2);
  if (!is_anchored) return "a spare lua_State is not anchored at its slot";
  if (lua_gettop(s->L) != 0 || lua_status(s->L) != 0) return "a spare lua_State is not as new";
  for (const struct fiber *f = w->sched.all; f; f = f->all_next)
    if (f->L == s->L) return "a fiber runs on a spare lua_State";
  return NULL;
}

const char *reuse_check(const struct worker *w) {
  const struct reuse *r = &w->sched.reuse;
  const char *fault = NULL;
  unsigned n = 0;
  if (r->n_states > states_most(w)) return "more lua_States are spare than are kept";
  for (unsigned i = 0; i < r->n_states && !fault; i++) fault = check_state(w, &r->states[i]);
  if (fault) return fault;
  for (const struct fiber *f = r->records; f; f = f->next, n++)
    if (f->L) return "a spare record has a lua_State";
  if (n != r->n_records || n > REUSE_MOST) return "spare records are not as many as are counted";
  return NULL;
}
