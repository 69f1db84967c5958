/* SPDX-License-Identifier: MIT
 *
 * Waiting is poll() on the loop's own descriptor between turns that do not block,
 * and not a blocking turn, because a signal must be felt: stock interpreters turn
 * Ctrl-C into a debug hook, which only runs when Lua does. So after an interrupted
 * poll a piece of Lua runs. What it raises is kept for whoever waits, who gives up and raises it.
 */
#include "lua/hosted.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "lua/fiber.h"
#include "lua/loop.h"

bool hosted_init(struct worker *w) {
  struct fiber *f = calloc(1, sizeof *f);
  if (!f) return false;
  f->w = w;
  f->L = w->L;
  w->sched.guest = w->sched.current = f;
  return true;
}

void hosted_deinit(struct worker *w) {
  struct fiber *f = w->sched.guest;
  w->sched.guest = w->sched.current = NULL;
  if (!f) return;
  while (f->answers) answer_free(f, f->answers);
  free(f);
}

double hosted_turn(struct worker *w) {
  struct fiber *f = w->sched.current;
  w->sched.current = NULL;
  uv_run(&w->loop.uv, UV_RUN_NOWAIT);
  if (w->sched.ready_first) uv_run(&w->loop.uv, UV_RUN_NOWAIT); /* what arrived runs, and its answers leave, in this turn */
  w->sched.current = f;
  uv_update_time(&w->loop.uv);
  int ms = uv_backend_timeout(&w->loop.uv);
  /* What the last poll of the turn brought has not had its prepare phase yet. */
  bool left = w->sched.ready_first || (!w->lost && gaijin_queued_bytes(w->g) > 0 && !w->loop.writable_wanted);
  if (left) return 0;
  return ms < 0 ? -1 : ms / 1e3;
}

int hosted_fd(const struct worker *w) { return uv_backend_fd(&w->loop.uv); }

/* Gives the interpreter's hooks their chance. False when they raised. */
static bool let_lua_run(struct worker *w) {
  lua_State *L = w->sched.guest_state;
  if (!L) return true;
  int top = lua_gettop(L);
  bool raised = luaL_loadstring(L, "local n = 0 for i = 1, 10 do n = n + i end") == 0 && lua_pcall(L, 0, 0, 0) != 0;
  if (raised) w->sched.interrupt = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_settop(L, top);
  return !raised;
}

void hosted_wait(struct worker *w) {
  struct fiber *f = w->sched.guest;
  for (;;) {
    double seconds = hosted_turn(w);
    if (f->queued) break;
    struct pollfd p = {.fd = hosted_fd(w), .events = POLLIN};
    if (poll(&p, 1, seconds < 0 ? -1 : (int)(seconds * 1e3 + 0.5)) < 0 && errno == EINTR && !let_lua_run(w)) break;
  }
  f->queued = false;
}

void hosted_finish(struct worker *w) {
  struct fiber *f = w->sched.guest;
  loop_stop(w, 0);
  if (f->is_serving) w->sched.n_serving--; /* what follows gaijin.run ends here */
  f->is_serving = false;
  while (!loop_finished(w) && !w->sched.interrupt) hosted_wait(w);
}
