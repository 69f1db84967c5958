/* SPDX-License-Identifier: MIT
 *
 * A level is that of lua_getstack: 0 is the running C function.
 */
#include "lua/fiber/position.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/fiber/fiber.h"

enum frame { FRAME_NONE, FRAME_SERVE, FRAME_OURS, FRAME_C, FRAME_LUA };

/* lua_getstack counts from the top each time, so a walk takes the square of its depth: it ends
 * after so many levels, whatever another worker asks for. Each level of the script may have some of
 * ours beside it. */
enum { WALKED_MOST = 4 * POSITION_LEVELS_MOST };

/* What is at the level; ar gets the source and the line of Lua code. */
static enum frame frame_at(lua_State *L, const struct worker *w, int level, lua_Debug *ar) {
  if (!lua_getstack(L, level, ar)) return FRAME_NONE;
  lua_getinfo(L, "f", ar);
  lua_CFunction c = lua_tocfunction(L, -1);
  lua_pop(L, 1);
  if (c) return c == w->serves ? FRAME_SERVE : FRAME_C; /* the rest takes longer */
  lua_getinfo(L, "Sl", ar);
  if (strcmp(ar->source, "=gaijin") == 0) return FRAME_OURS;
  return ar->currentline > 0 ? FRAME_LUA : FRAME_C;
}

/* What is at the level above that position_add is asked for: Lua code, whose source and line ar
 * gets; or the request served, with what is left of the level in *above; or else no position. */
static enum frame find(lua_State *L, const struct worker *w, unsigned *above, bool exact,
                       lua_Debug *ar) {
  unsigned passed = 0;
  if (!exact && *above > POSITION_LEVELS_MOST) return FRAME_NONE;
  for (int level = 1; level <= WALKED_MOST; level++) {
    enum frame frame = frame_at(L, w, level, ar);
    if (frame == FRAME_SERVE) *above = *above > passed ? *above - passed : 1;
    if (frame == FRAME_SERVE || frame == FRAME_NONE) return frame;
    if (frame == FRAME_OURS) continue;
    passed++;
    if (passed >= *above && (exact || frame == FRAME_LUA)) return frame;
  }
  return exact && frame_at(L, w, (int)*above, ar) == FRAME_LUA ? FRAME_LUA : FRAME_NONE;
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

void position_leave_applied(lua_State *L, struct worker *w, int i) {
  static const char ours[] = "gaijin: "; /* errors of the system have no position */
  const struct fiber *f = w->sched.current;
  lua_Debug ar;
  if (!f || !f->serving.applying || lua_type(L, i) != LUA_TSTRING) return;
  if (strncmp(lua_tostring(L, i), ours, sizeof ours - 1) == 0) return;
  luaL_checkstack(L, 4, "no room for a position");
  /* Errors raised by what it calls are further up the stack. */
  if (frame_at(L, w, 1, &ar) == FRAME_C && frame_at(L, w, 2, &ar) == FRAME_SERVE) leave(L, w, i, 1);
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
