/* SPDX-License-Identifier: MIT
 *
 * The stack grows in a protected call of its own. It stays as large until the collector's next
 * step, and there is none before the values have been moved.
 */
#include "lua/vm/thread.h"

#include <assert.h>
#include <stdbool.h>

struct growth {
  int n;
  bool fits;
};

static int grow(lua_State *L) {
  struct growth *g = lua_touserdata(L, 1);
  g->fits = lua_checkstack(L, g->n);
  return 0;
}

const char *thread_make_room(lua_State *thread, int n) {
  struct growth g = {.n = n};
  assert(n >= 0);
  int status = lua_cpcall(thread, grow, &g);
  if (status != 0) lua_pop(thread, 1);
  if (status == LUA_ERRMEM) return "not enough memory";
  return status == 0 && g.fits && lua_checkstack(thread, n) ? NULL : "too many arguments";
}
