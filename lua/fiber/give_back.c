/* SPDX-License-Identifier: MIT
 *
 * A timer runs while the memory is low: it fires if that lasts. Without memory for the timer it is
 * started at the next fall.
 *
 * Spare lua_States are given to Lua's collector, whenever it runs next: 64 KiB are not worth a
 * collection of a heap that may be large.
 *
 * C stacks that are idle are looked at once in a second, and those that were idle since the
 * last look go, a few at a time. They stay kept only where this looks: in a heap with a limit no
 * memory lies idle that the limit does not count.
 *
 * What comes and goes within one turn the looks between turns do not see, but the pages that were
 * mapped for it have been counted by the kernel.
 */
#include "lua/fiber/give_back.h"

#include <sys/resource.h>

#include "lua/fiber/reuse.h"
#include "lua/fiber/timer.h"

enum { PAGE_LEAST = 4096 };
enum { STACKS_AT_ONCE = 32 };
static const double stacks_seconds = 1.0, stacks_next_seconds = 0.01;

static uint64_t in_use(struct worker *w) {
  return ((uint64_t)lua_gc(w->L, LUA_GCCOUNT, 0) << 10) + w->backlog.bytes;
}

/* So much has been mapped anew since the last look, beyond what is still in use. Once in
 * MEMORY_LOW_MS. */
static bool has_peaked(struct worker *w, uint64_t used) {
  struct loop *l = &w->loop;
  uint64_t now = uv_now(&l->uv);
  struct rusage u;
  if (l->faults_at_ms && now - l->faults_at_ms < MEMORY_LOW_MS) return false;
  if (getrusage(RUSAGE_SELF, &u) != 0) return false;
  uint64_t mapped = ((uint64_t)u.ru_minflt - l->faults) * PAGE_LEAST;
  uint64_t grown = used > l->used_then ? used - l->used_then : 0;
  bool first = l->faults_at_ms == 0;
  l->faults_at_ms = now ? now : 1;
  l->faults = (uint64_t)u.ru_minflt;
  l->used_then = used;
  return !first && mapped > 2 * grown + MEMORY_FALL;
}

static void on_low(struct timer *t) {
  struct worker *w = timer_worker(t);
  w->loop.low_timer = NULL;
  timer_stop(t);
  reuse_drop(w);
  memory_given_back(&w->loop.memory, in_use(w));
  memory_give_back();
}

static void on_stacks_time(struct timer *t) {
  struct worker *w = timer_worker(t);
  timer_stop(t);
  bool more = stacks_give_back(&w->sched.stacks, STACKS_AT_ONCE);
  w->loop.stacks_timer = more ? timer_start(w, stacks_next_seconds, on_stacks_time, NULL) : NULL;
}

/* Without memory for the timer they go at once. */
static void watch_stacks(struct worker *w) {
  struct stacks *s = &w->sched.stacks;
  s->keeps_all = !w->heap.most;
  if (w->loop.stacks_timer || s->n_idle <= STACKS_KEPT) return;
  stacks_watch_idle(s);
  w->loop.stacks_timer = timer_start(w, stacks_seconds, on_stacks_time, NULL);
  if (w->loop.stacks_timer) return;
  stacks_give_back(s, SIZE_MAX);
}

void give_back_turn(struct worker *w) {
  struct loop *l = &w->loop;
  watch_stacks(w);
  uint64_t used = in_use(w);
  bool peaked = has_peaked(w, used);
  if (!memory_note(&l->memory, used) && !peaked) return;
  if (l->low_timer) timer_stop(l->low_timer);
  l->low_timer = l->memory.is_low || peaked
                     ? timer_start(w, MEMORY_LOW_MS / 1e3, on_low, NULL) : NULL;
}
