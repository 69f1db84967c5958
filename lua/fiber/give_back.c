/* SPDX-License-Identifier: MIT
 *
 * A timer runs while the memory is low: it fires if that lasts. Without memory for the timer it is
 * started at the next fall.
 */
#include "lua/fiber/give_back.h"

#include "lua/fiber/timer.h"

static uint64_t in_use(struct worker *w) {
  return ((uint64_t)lua_gc(w->L, LUA_GCCOUNT, 0) << 10) + w->backlog.bytes;
}

static void on_low(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.low_timer = NULL;
  timer_stop(t);
  memory_given_back(&w->loop.memory, in_use(w));
  memory_give_back();
}

void give_back_turn(struct worker *w) {
  struct loop *l = &w->loop;
  if (!memory_note(&l->memory, in_use(w))) return;
  if (l->low_timer) timer_stop(l->low_timer);
  l->low_timer = l->memory.is_low ? timer_start(w, MEMORY_LOW_MS / 1e3, on_low, NULL) : NULL;
}
