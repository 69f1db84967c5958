/* SPDX-License-Identifier: MIT
 *
 * Waiting is poll() on the loop's own descriptor between turns that do not block,
 * and not a blocking turn, because a signal must be felt: stock interpreters turn
 * Ctrl-C into a debug hook, which only runs when Lua does. So after an interrupted
 * poll a piece of Lua runs. What it raises is kept for whoever waits, who gives up and raises it.
 */
#define _GNU_SOURCE /* ppoll */
#include "lua/fiber/hosted.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "lua/fiber/connection.h"
#include "lua/fiber/door.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/loop.h"
#include "lua/fiber/turns.h"

void hosted_open(lua_State *L, struct worker *w) {
  worker_load_chunk(L, "local n = 0 for i = 1, 10 do n = n + i end");
  w->anchors.hook_chunk = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Until the loop has something to do of its own; -1: never. */
static double loop_seconds(const struct worker *w) {
  int ms = uv_backend_timeout(&w->loop.uv);
  return ms < 0 ? -1 : ms / 1e3;
}

/* Waits for the loop's descriptor; whether a signal was felt. */
static bool wait_for_descriptor(struct worker *w, double seconds, const sigset_t *mask) {
  struct pollfd p = {.fd = hosted_fd(w), .events = POLLIN};
  struct timespec limit = {.tv_sec = (time_t)seconds,
                           .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
  return ppoll(&p, 1, seconds < 0 ? NULL : &limit, mask) < 0 && errno == EINTR;
}

/* Whether something waits to be sent that no event of the descriptor brings us to. */
static bool is_to_send(const struct worker *w) {
  return !w->lost && gaijin_queued_bytes(w->g) > 0 && !w->loop.writable_wanted &&
         !gaijin_awaits_room(w->g);
}

/* Halted, the guest stays in here, and the interpreter's hooks wait. */
static void turn_while_halted(struct worker *w) {
  while (w->halted) {
    double seconds = is_to_send(w) ? 0 : loop_seconds(w);
    if (wait_for_descriptor(w, seconds, NULL)) w->loop.hooks->withdraw(w);
    uv_run(&w->loop.uv, UV_RUN_NOWAIT);
  }
}

double hosted_turn(struct worker *w) {
  struct fiber *f = w->sched.current;
  assert(f == w->sched.guest); /* the loop runs on the interpreter's own stack only */
  w->sched.current = NULL;
  uv_run(&w->loop.uv, UV_RUN_NOWAIT);
  turn_while_halted(w);
  if (fiber_is_due(w))
    uv_run(&w->loop.uv, UV_RUN_NOWAIT); /* what arrived runs, and its answers leave, in this turn */
  turn_while_halted(w);
  w->sched.current = f;
  uv_update_time(&w->loop.uv);
  /* What the last poll of the turn brought has not had its prepare phase yet. */
  bool left = fiber_is_due(w) || connection_has_more(w) || is_to_send(w) || ending_is_due(w) ||
              (!w->lost && !door_is_shut(w) && gaijin_releases(w->g) > 0 &&
               !w->loop.release_timer);
  return left ? 0 : loop_seconds(w);
}

int hosted_fd(const struct worker *w) { return uv_backend_fd(&w->loop.uv); }

/* Gives the interpreter's hooks their chance. */
static void let_lua_run(struct worker *w) {
  lua_State *L = w->sched.guest_state;
  assert(!w->halted);
  w->lua_ran++;
  w->sched.no_wait++;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.hook_chunk);
  if (lua_pcall(L, 0, 0, 0) != 0) worker_interrupted(L, w);
  w->sched.no_wait--;
}

/* The hook that is set, the interpreter's for Ctrl-C perhaps. */
static lua_Hook hook_of(const struct worker *w) {
  return w->sched.guest_state ? lua_gethook(w->sched.guest_state) : NULL;
}

/* Waits for the loop's descriptor. A signal is felt whenever it comes: until the wait begins,
 * signals are blocked. */
static void wait_for_loop(struct worker *w, double seconds) {
  sigset_t all, before;
  lua_Hook hook = hook_of(w);
  if (hook) let_lua_run(w);
  if (w->sched.interrupted) return;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool felt = hook_of(w) && hook_of(w) != hook;
  if (!felt) felt = wait_for_descriptor(w, seconds, &before);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (felt && w->sched.guest_state) let_lua_run(w);
}

/* It is in no queue. Whatever of the worker's own was ready before it runs first, as if it were in
 * theirs; in a fork nothing runs. */
static bool is_its_turn(const struct worker *w, const struct fiber *guest) {
  return guest->queued && (worker_is_fork(w) || !turns_own_left(w, guest->ready_in));
}

/* What comes at once needs no wait. True: something has come. */
static bool linger(struct worker *w) {
  struct fiber *f = w->sched.current;
  w->sched.current = NULL;
  bool came = loop_linger(w);
  w->sched.current = f;
  return came;
}

/* The guest's way to wait: runs the loop until the guest is woken and has its turn, or is
 * interrupted (sched.interrupted). */
static void wait_in_guest(struct worker *w) {
  struct fiber *f = w->sched.guest;
  for (;;) {
    double seconds = hosted_turn(w);
    if (is_its_turn(w, f) || w->sched.interrupted) break;
    if (seconds != 0) {
      bool came = linger(w);
      if (w->halted) continue;
      if (came)
        seconds = 0; /* hooks have their chance, then the loop */
      else
        seconds = loop_seconds(w); /* a look may have started a timer */
    }
    if (is_its_turn(w, f) || w->sched.interrupted) break;
    wait_for_loop(w, seconds);
    if (w->sched.interrupted) break;
  }
  f->queued = false;
  w->lua_ran++;
}

bool hosted_init(struct worker *w) {
  struct fiber *f = calloc(1, sizeof *f);
  if (!f) return false;
  f->w = w;
  f->asker = &w->sched.own;
  f->L = w->L;
  w->sched.guest = w->sched.current = f;
  w->sched.wait_in_guest = wait_in_guest;
  return true;
}

void hosted_deinit(struct worker *w) {
  struct fiber *f = w->sched.guest;
  w->sched.guest = w->sched.current = NULL;
  if (!f) return;
  fiber_disown_all(f);
  while (f->answers) answer_free(f, f->answers);
  free(f);
}

void hosted_finish(struct worker *w) {
  struct fiber *f = w->sched.guest;
  ending_stop(w, 0);
  if (f->is_serving) w->sched.n_serving--; /* what follows gaijin.run ends here */
  f->is_serving = false;
  while (!ending_reached(w) && !w->sched.interrupted) wait_in_guest(w);
}
