/* SPDX-License-Identifier: MIT
 *
 * A level is that of lua_getstack: 0 is the running C function.
 */
#include "lua/fiber/position.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/fiber/record.h"

enum frame { FRAME_NONE, FRAME_SERVE, FRAME_OURS, FRAME_C, FRAME_LUA };

/* lua_getstack counts from the top each time, so a walk takes the square of its depth: it ends
 * after so many levels, whatever another worker asks for. Each level of the script may have some of
 * ours beside it. */
enum { WALKED_MOST = 4 * POSITION_LEVELS_MOST };
/* An exact level is of the script's own error, on its own stack: more is walked for that. */
enum { WALKED_MOST_EXACTLY = 4096 };

static bool is_unseen(const struct worker *w, lua_CFunction c) {
  for (unsigned i = 0; i < w->n_unseen; i++)
    if (w->unseen[i] == c) return true;
  return false;
}

/* What is at the level; ar gets the source and the line of Lua code. */
static enum frame frame_at(lua_State *L, const struct worker *w, int level, lua_Debug *ar) {
  if (!lua_getstack(L, level, ar)) return FRAME_NONE;
  lua_getinfo(L, "f", ar);
  lua_CFunction c = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  if (c && c == w->serves) return FRAME_SERVE;
  if (c) return is_unseen(w, c) ? FRAME_OURS : FRAME_C; /* the rest takes longer */
  lua_getinfo(L, "Sl", ar);
  if (strcmp(ar->source, "=gaijin") == 0) return FRAME_OURS;
  return ar->currentline > 0 ? FRAME_LUA : FRAME_C;
}

/* What is at the level above that position_add is asked for: Lua code, whose source and line ar
 * gets; or the request served, with what is left of the level in *above; or else no position. */
static enum frame find(lua_State *L, const struct worker *w, unsigned *above, bool exact,
                       lua_Debug *ar) {
  int level = 1, most = exact ? WALKED_MOST_EXACTLY : WALKED_MOST;
  unsigned passed = 0;
  if (!exact && *above > POSITION_LEVELS_MOST) return FRAME_NONE;
  for (; level <= most; level++) {
    enum frame frame = frame_at(L, w, level, ar);
    if (frame == FRAME_SERVE) *above = *above > passed ? *above - passed : 1;
    if (frame == FRAME_SERVE || frame == FRAME_NONE) return frame;
    if (frame == FRAME_OURS) continue;
    passed++;
    if (passed >= *above && (exact || frame == FRAME_LUA)) return frame;
  }
  /* Further up none of ours are looked for. */
  unsigned left = *above - passed - 1;
  bool is_there = exact && left <= INT_MAX - WALKED_MOST_EXACTLY - 1;
  return is_there && frame_at(L, w, level + (int)left, ar) == FRAME_LUA ? FRAME_LUA : FRAME_NONE;
}

bool position_innermost(lua_State *L, const struct worker *w, lua_Debug *ar) {
  enum frame frame = FRAME_OURS;
  for (int level = 0; level <= WALKED_MOST; level++) {
    frame = frame_at(L, w, level, ar);
    if (frame != FRAME_OURS && frame != FRAME_C) break;
  }
  return frame == FRAME_LUA;
}

int position_outermost(lua_State *L, const struct worker *w) {
  lua_Debug ar;
  int level = 0;
  luaL_checkstack(L, 1, "no room for a position");
  while (level < WALKED_MOST && frame_at(L, w, level + 1, &ar) == FRAME_OURS) level++;
  return level;
}

/* Puts the text on top, which is popped, before the one at index i. */
static void put_before(lua_State *L, int i) {
  lua_pushvalue(L, i);
  lua_concat(L, 2);
  lua_replace(L, i);
}

/* Leaves the position of the text at index i to the worker whose request is served. */
static void leave(lua_State *L, struct worker *w, int i, unsigned above) {
  const struct fiber *f = w->sched.current;
  assert(f && f->is_serving && above > 0);
  if (f->serving.one_way || above > POSITION_LEVELS_MOST) return;
  char position[GAIJIN_NAME_MAX + 24];
  const char *caller = worker_host_name(w, f->serving.caller);
  if (above == 1)
    snprintf(position, sizeof position, "%s:?: ", caller);
  else
    snprintf(position, sizeof position, "%s:?%u: ", caller, above);
  lua_pushstring(L, position);
  put_before(L, i);
}

bool position_add(lua_State *L, struct worker *w, int i, unsigned above, bool exact) {
  assert(above > 0);
  luaL_checkstack(L, 4, "no room for a position");
  lua_Debug ar;
  enum frame frame = find(L, w, &above, exact, &ar);
  if (frame == FRAME_SERVE) leave(L, w, i, above);
  if (frame != FRAME_LUA) return false;
  lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  put_before(L, i);
  return true;
}

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

void position_leave_served(lua_State *L, struct worker *w, int i) {
  const struct fiber *f = w->sched.current;
  lua_Debug ar;
  if (!f || !f->is_serving || lua_type(L, i) != LUA_TSTRING) return;
  const char *text = lua_tostring(L, i);
  if (begins(text, "gaijin: ")) return; /* errors of the system have no position */
  luaL_checkstack(L, 4, "no room for a position");
  enum frame innermost = frame_at(L, w, 1, &ar); /* it has raised the error */
  bool is_ours = innermost == FRAME_SERVE && begins(text, "attempt to ");
  /* C code that is called may raise a text without a position on purpose, but for this one. */
  if (innermost == FRAME_C && (f->serving.applying || begins(text, "bad argument #")))
    is_ours = frame_at(L, w, 2, &ar) == FRAME_SERVE;
  if (is_ours) leave(L, w, i, 1);
}

unsigned position_take_above(lua_State *L, const struct worker *w, int i) {
  assert(w->sched.current->is_serving);
  if (lua_type(L, i) != LUA_TSTRING) return 0;
  const char *text = lua_tostring(L, i);
  const char *caller = worker_host_name(w, w->sched.current->serving.caller);
  size_t n = strlen(caller);
  if (strncmp(text, caller, n) != 0 || strncmp(text + n, ":?", 2) != 0) return 0;
  const char *digits = text + n + 2, *rest = digits + strspn(digits, "0123456789");
  unsigned long above = rest > digits ? strtoul(digits, NULL, 10) : 1;
  if (above == 0 || above > POSITION_LEVELS_MOST || strncmp(rest, ": ", 2) != 0) return 0;
  rest += 2;
  luaL_checkstack(L, 1, "no room for an error");
  lua_pushlstring(L, rest, lua_objlen(L, i) - (size_t)(rest - text));
  lua_replace(L, i);
  return (unsigned)above;
}
