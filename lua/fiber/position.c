/* SPDX-License-Identifier: MIT
 *
 * A level is that of lua_getstack: 0 is the running C function. Functions of the Lua files of
 * lua/api/ are none of the script's levels.
 *
 * lua_getstack counts from the top each time, so a walk takes the square of its depth: it ends
 * after WALKED_MOST levels, whatever another worker asks for.
 */
#include "lua/fiber/position.h"

#include <string.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/trace.h"

/* Each level of the script may have some of ours beside it. */
enum { WALKED_MOST = 4 * POSITION_LEVELS_MOST };

enum frame { FRAME_NONE, FRAME_SERVE, FRAME_OURS, FRAME_C, FRAME_LUA };

/* Whether the frame is that of a request served. */
static bool serves(lua_State *L, const struct worker *w, lua_Debug *ar) {
  lua_getinfo(L, "f", ar);
  bool so = lua_tocfunction(L, -1) == w->serves;
  lua_pop(L, 1);
  return so;
}

/* What is at the level; ar gets the source and the line of Lua code. */
static enum frame frame_at(lua_State *L, const struct worker *w, int level, lua_Debug *ar) {
  if (!lua_getstack(L, level, ar)) return FRAME_NONE;
  if (serves(L, w, ar)) return FRAME_SERVE;
  lua_getinfo(L, "Sl", ar);
  if (strcmp(ar->source, "=gaijin") == 0) return FRAME_OURS;
  return ar->currentline > 0 ? FRAME_LUA : FRAME_C;
}

unsigned position_above(lua_State *L, const struct worker *w, int level) {
  const struct fiber *f = w->sched.current;
  if (!f || !f->is_serving || f->serving.one_way) return 0;
  luaL_checkstack(L, 1, "no room for a position");
  lua_Debug ar;
  for (int i = 1; i <= level && lua_getstack(L, i, &ar); i++) {
    if (!serves(L, w, &ar)) continue;
    int above = level - i + 1;
    return above <= POSITION_LEVELS_MOST ? (unsigned)above : 0;
  }
  return 0;
}

bool position_add(lua_State *L, struct worker *w, int i, unsigned above) {
  luaL_checkstack(L, 4, "no room for a position");
  lua_Debug ar;
  unsigned passed = 0;
  if (above > POSITION_LEVELS_MOST) return false;
  for (int level = 1;; level++) {
    enum frame frame = level > WALKED_MOST ? FRAME_NONE : frame_at(L, w, level, &ar);
    if (frame == FRAME_NONE) return false;
    if (frame == FRAME_OURS) continue;
    if (frame == FRAME_SERVE) {
      if (!w->sched.current->serving.one_way)
        trace_note_above(L, w, i, above > passed ? above - passed : 1);
      return false;
    }
    if (++passed >= above && frame == FRAME_LUA) break;
  }
  lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  lua_pushvalue(L, i);
  lua_concat(L, 2);
  lua_replace(L, i);
  return true;
}
