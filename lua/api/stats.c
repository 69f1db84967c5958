/* SPDX-License-Identifier: MIT
 *
 * Each figure is kept where it changes; here they are only read.
 */
#include "lua/api/stats.h"

#include "lua/serve/label_waits.h"
#include "proto/base.h"

int stats_push(lua_State *L) {
  struct worker *w = worker_of(L);
  worker_need_connection(L, w);
  uint64_t hits, slow, looks = gaijin_poll_looks(w->g, &hits, &slow);
  const struct {
    const char *name;
    double value;
  } figures[] = {
      {"fibers", w->sched.n_fibers},
      {"serving", w->sched.n_serving},
      {"futures", w->open_futures},
      {"stacks", (double)w->sched.stacks.n_all},
      {"idle_stacks", (double)w->sched.stacks.n_idle},
      {"tokens", (double)gaijin_token_count(w->g)},
      {"holdings", (double)gaijin_holding_count(w->g)},
      {"label_waits", label_waits_count(w)},
      {"posts_waiting", w->backlog.n_posts},
      {"posts_failed", (double)w->posts_failed},
      {"queued_bytes", (double)gaijin_queued_bytes(w->g)},
      {"poll_looks", (double)looks},
      {"poll_hits", (double)hits},
      {"poll_slow", (double)slow},
      {"lua_bytes", 1024.0 * lua_gc(L, LUA_GCCOUNT, 0) + lua_gc(L, LUA_GCCOUNTB, 0)},
  };
  lua_createtable(L, 0, (int)ARRAY_SIZE(figures));
  for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
    lua_pushnumber(L, figures[i].value);
    lua_setfield(L, -2, figures[i].name);
  }
  return 1;
}
