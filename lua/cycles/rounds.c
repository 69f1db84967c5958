/* SPDX-License-Identifier: MIT
 *
 * A question is handled as it is read, in the scheduler: what had come before it counts as arrived.
 * Its answer goes behind all that is queued. The next question ends the one before it, which is
 * answered that all is live: true or not, that keeps everything, and nobody waits for it.
 */
#include "lua/cycles/rounds.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/cycles/inquiry.h"
#include "lua/cycles/probe.h"
#include "lua/cycles/reach.h"
#include "lua/cycles/state.h"
#include "lua/fiber/ending.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/timer.h"
#include "lua/ref/pool.h"
#include "lua/vm/gc.h"
#include "lua/vm/luajit.h"
#include "lua/walk/twin.h"

/* Having answered, a worker lets the others take so long as it has told the broker (--cycle-pause),
 * at least the first. Then it asks for an end of the halt as soon as it has something to do,
 * looking that often, and a broker that says nothing for the second is given up: that is death for
 * whoever uses its objects, so a broker that only stood still for a while must not come to it. */
static const double patience_seconds = 0.05, broker_seconds = 10;

/* A heap of so many KiB is settled (lua/vm/gc.h) before a check, which takes so long at most: so
 * that in halt marking is all that is to be done. */
enum { SETTLED_LEAST = 4096 };
static const double settling_seconds = 4;
/* Between two slices of the collector's work fibers have their turn: a timer of 0 s would fire in
 * the same turn of the loop. */
static const double slice_pause = 1e-4;

/* ---- The halt ---- */

static void stop_patience(struct cycles *c) {
  if (c->patience) timer_stop(c->patience);
  c->patience = NULL;
}

static void halt(struct worker *w, uint64_t round) {
  struct cycles *c = w->cycles;
  assert(!w->sched.current);
  stop_patience(c);
  w->halted = true;
  c->round = round;
  c->withdrawn = false;
}

/* Compiled code may keep a member, so it is thrown away before the collection that follows a
 * condemnation. Where handlers would be told of that, they are told now: then no script runs
 * between the two. */
static void tell_handlers(struct worker *w) {
  w->cycles->is_flushed = luajit_has_handlers(w);
  if (w->cycles->is_flushed) luajit_flush_code(w);
}

static void go_on(struct worker *w) {
  stop_patience(w->cycles);
  w->halted = false;
  timer_wake_loop(w);
  ending_resume(w);
}

void rounds_withdraw(struct worker *w) {
  struct cycles *c = w->cycles;
  if (!w->halted || c->withdrawn) return;
  c->withdrawn = gaijin_withdraw(w->g, c->round) == 0;
}

/* Whether something would run now. An idle worker loses nothing by waiting, and others may take
 * longer for their answers. */
static bool is_wanted(const struct worker *w) {
  return fiber_is_due(w) || w->backlog.first || w->budget.n_waiting > 0 || w->stop_waits ||
         (w->sched.guest && w->sched.guest->queued);
}

static void on_patience(struct timer *t);

static void be_patient(struct worker *w, double seconds) {
  struct cycles *c = w->cycles;
  c->patience = timer_start(w, fmax(seconds, patience_seconds), on_patience, NULL);
  if (!c->patience) rounds_withdraw(w);
}

static void on_patience(struct timer *t) {
  struct worker *w = timer_worker(t);
  struct cycles *c = w->cycles;
  stop_patience(c);
  if (!w->halted) return; /* the connection has been lost */
  if (clock_seconds() - c->answered_at >= broker_seconds) {
    gaijin_give_up(w->g, "the broker does not end a halt");
    return;
  }
  if (is_wanted(w)) rounds_withdraw(w);
  be_patient(w, patience_seconds);
}

/* It has said what it can, and stands still until it is decided. */
static void await_decision(struct worker *w) {
  if (!w->halted || w->cycles->patience) return;
  w->cycles->answered_at = clock_seconds();
  be_patient(w, w->cycle_pause);
}

/* ---- Answers ---- */

static void end_question(struct cycles *c) {
  if (c->inquiry) inquiry_drop(c->inquiry);
  c->inquiry = NULL;
  if (c->settling) timer_stop(c->settling);
  c->settling = NULL;
  c->is_asked = false;
  suspects_deinit(&c->now);
}

static void refuse(struct worker *w, uint64_t id, enum gaijin_status status, const char *text) {
  char line[160];
  snprintf(line, sizeof line, "%s %s", w->name, text);
  gaijin_answer_error(w->g, id, GAIJIN_OP_CYCLE, status, line);
}

/* What nobody waits for any more. */
static void answer_all_live(struct worker *w) {
  struct cycles *c = w->cycles;
  if (!c->is_asked) return;
  suspects_keep(&c->now);
  gaijin_answer_cycle(w->g, c->id, 0, c->now.live, suspects_bytes(&c->now), NULL, 0);
  end_question(c);
}

static void remember_clear(struct cycles *c, uint32_t ms) {
  suspects_deinit(&c->clear);
  c->clear = c->now;
  c->clear_ms = ms;
  c->clear_ran = c->ran;
  c->has_clear = true;
  c->now = (struct suspects){0};
}

/* Edges that make the message too large, or that there is no memory for, are left out. */
static int send_answer(struct worker *w, uint32_t ms, const uint8_t *edges, size_t size) {
  const struct cycles *c = w->cycles;
  size_t live = suspects_bytes(&c->now);
  int status = gaijin_answer_cycle(w->g, c->id, ms, c->now.live, live, edges, size);
  if (status == 0 || size == 0 || w->lost) return status;
  return gaijin_answer_cycle(w->g, c->id, ms, c->now.live, live, NULL, 0);
}

/* `least`: milliseconds that it will take if the collector has to be asked again. */
static void answer(struct worker *w, uint32_t least, const uint8_t *edges, uint32_t n_edges) {
  struct cycles *c = w->cycles;
  uint32_t ms = (uint32_t)fmax(ceil(c->took * 1e3), least);
  int status = send_answer(w, ms, edges, (size_t)n_edges * REACH_PAIR_BYTES);
  if (status != 0 && !w->lost)
    refuse(w, c->id, GAIJIN_STATUS_BUSY, "has no memory for the answer");
  if (c->now.n_live == 0) remember_clear(c, ms);
  end_question(c);
  timer_wake_loop(w);
  await_decision(w);
}

static void on_told(struct worker *w, const uint8_t *live, const uint8_t *edges, uint32_t n_edges,
                    double took) {
  struct cycles *c = w->cycles;
  c->inquiry = NULL;
  c->took += took;
  assert(c->is_asked);
  if (live) {
    suspects_add(&c->now, live);
    answer(w, 0, edges, n_edges);
    return;
  }
  refuse(w, c->id, GAIJIN_STATUS_BUSY,
         "was not told by its forked copy what is used: memory is short, or the machine too slow");
  end_question(c);
  timer_wake_loop(w);
  await_decision(w);
}

/* ---- Questions ---- */

/* No Lua has run since the collector said that none of the same suspects is live. */
static bool is_still_clear(const struct worker *w) {
  const struct cycles *c = w->cycles;
  return c->has_clear && c->clear_ran == w->lua_ran && c->now.n_live == 0 &&
         c->phase != GAIJIN_CYCLE_SCAN && suspects_same(&c->clear, &c->now);
}

static void ask_collector(struct worker *w) {
  struct cycles *c = w->cycles;
  char text[120];
  c->ran = w->lua_ran;
  double before = twin_own_seconds();
  c->inquiry = inquiry_start(w, &c->now, c->phase == GAIJIN_CYCLE_HALT, on_told);
  c->took += twin_own_seconds() - before;
  if (c->inquiry) return;
  snprintf(text, sizeof text, "cannot be forked to see what is used: %s", strerror(errno));
  refuse(w, c->id, GAIJIN_STATUS_BUSY, text);
  end_question(c);
  await_decision(w);
}

static void look(struct worker *w);

/* When it has come to that, the loop turns once more before the look: then the worker does what
 * follows a round of the collector (lua/serve/weight.h), and no Lua runs after the look. */
static void on_settling(struct timer *t) {
  struct worker *w = timer_worker(t);
  struct cycles *c = w->cycles;
  double before = twin_own_seconds();
  bool is_over = luajit_is_stopped(w) || gc_is_settled(w->L, w) ||
                 clock_seconds() >= c->settled_until;
  if (!is_over) gc_settle(w);
  if (!c->is_asked) return; /* by a finaliser */
  c->took += twin_own_seconds() - before;
  timer_stop(t);
  c->settling = is_over ? NULL : timer_start(w, slice_pause, on_settling, NULL);
  if (!c->settling) look(w);
}

static bool begin_settling(struct worker *w) {
  struct cycles *c = w->cycles;
  bool is_wanted = c->phase == GAIJIN_CYCLE_CHECK && c->settled_until <= 0 &&
                   lua_gc(w->L, LUA_GCCOUNT, 0) >= SETTLED_LEAST && !gc_is_settled(w->L, w);
  if (!is_wanted || luajit_is_stopped(w)) return false;
  c->settled_until = clock_seconds() + settling_seconds;
  c->settling = timer_start(w, slice_pause, on_settling, NULL);
  return c->settling != NULL;
}

static void look(struct worker *w) {
  struct cycles *c = w->cycles;
  suspects_look(&c->now, w->L, w);
  c->now.tells_edges = c->phase == GAIJIN_CYCLE_SCAN && c->now.n_hosted > 0;
  if (c->now.n_open == 0)
    answer(w, 0, NULL, 0);
  else if (is_still_clear(w))
    answer(w, c->clear_ms, NULL, 0);
  else if (!begin_settling(w))
    ask_collector(w);
}

static bool is_ready(struct worker *w) {
  if (!w->cycles) w->cycles = calloc(1, sizeof *w->cycles);
  return w->cycles != NULL;
}

void rounds_asked(void *worker, const struct gaijin_cycle *q) {
  struct worker *w = worker;
  if (w->no_cycles) {
    refuse(w, q->id, GAIJIN_STATUS_UNSUPPORTED, "takes no part in finding cycles (--no-cycles)");
    return;
  }
  if (!is_ready(w)) {
    refuse(w, q->id, GAIJIN_STATUS_BUSY, "has no memory to look what is used");
    return;
  }
  struct cycles *c = w->cycles;
  answer_all_live(w);
  if (q->phase == GAIJIN_CYCLE_HALT) {
    if (!w->halted) tell_handlers(w);
    halt(w, q->round);
  }
  if (!suspects_init(&c->now, q)) {
    refuse(w, q->id, GAIJIN_STATUS_BUSY, "has no memory to look what is used");
    await_decision(w);
    return;
  }
  c->is_asked = true;
  c->id = q->id;
  c->phase = q->phase;
  c->took = 0;
  c->ran = w->lua_ran;
  c->settled_until = 0;
  look(w);
}

/* ---- Decisions ---- */

static void forget_clear(struct cycles *c) {
  suspects_deinit(&c->clear);
  c->has_clear = false;
}

static bool is_halted_in(const struct worker *w, uint64_t round) {
  return w->halted && w->cycles->round == round;
}

struct decision {
  struct worker *w;
  const uint64_t *ids;
  uint32_t n;
  bool is_begun, is_clear;
};

static void let_go(const struct decision *d) {
  struct worker *w = d->w;
  for (uint32_t i = 0; i < d->n; i++) {
    gaijin_token *t = gaijin_token_find(w->g, d->ids[i]);
    if (t && gaijin_token_pins(t) > 0)
      worker_log(w, LOG_ERROR, "object %llu was condemned while it is in use; it is left alone",
                 (unsigned long long)d->ids[i]);
    else if (t)
      pool_condemn(w, t);
  }
}

/* A weak table of all that the round was about here, on top. */
static void push_watched(lua_State *L, struct worker *w, const struct suspects *s) {
  int n = 0;
  lua_createtable(L, (int)(s->n_hosted + s->n_held), 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  for (uint32_t i = 0; i < s->n_hosted; i++) {
    gaijin_token *t = suspects_token(s, w, i);
    if (!t) continue;
    pool_push(L, w, t);
    lua_rawseti(L, -2, ++n);
  }
  for (uint32_t i = 0; i < s->n_held; i++)
    if (suspects_push(s, L, w, i)) lua_rawseti(L, -2, ++n);
}

/* What is marked refers to nothing that is not, and what is not is in no weak table. So if none of
 * what the round was about is marked, nothing that leads to it can be come by. Until then the
 * collector is stopped, for it might run finalisers. */
static int clear_by_marking(lua_State *L) {
  struct decision *d = lua_touserdata(L, 1);
  if (d->is_begun) return 0; /* it was broken off: then all is collected */
  bool was_stopped = luajit_is_stopped(d->w);
  lua_gc(L, LUA_GCSTOP, 0);
  push_watched(L, d->w, &d->w->cycles->clear);
  d->is_begun = true;
  let_go(d);
  gc_mark(L, d->w, was_stopped);
  lua_pushnil(L);
  d->is_clear = lua_next(L, -2) == 0;
  return 0;
}

static void on_finishing(struct timer *t);

static void finish_later(struct worker *w) {
  struct cycles *c = w->cycles;
  double pause = w->halted || c->has_to_drop ? patience_seconds : slice_pause;
  if (!c->finishing) c->finishing = timer_start(w, pause, on_finishing, NULL);
}

/* Whether nothing is left to be done. */
static bool drop(struct worker *w) {
  struct cycles *c = w->cycles;
  bool is_first = !c->has_to_drop;
  enum gc_dropped dropped = gc_drop(w);
  c->has_to_drop = dropped == GC_NOT_DROPPED;
  if (c->has_to_drop && is_first)
    worker_log(w, LOG_ERROR,
               "memory is too short for the collection after garbage in cycles was let go: until "
               "it is done, weak tables may have objects that others find stale");
  return dropped == GC_DROPPED;
}

/* The rest of a round of the collector that was only marked or was broken off, and with it the
 * finalisers; one that a script has stopped goes on when that has it run again. */
static void on_finishing(struct timer *t) {
  struct worker *w = timer_worker(t);
  struct cycles *c = w->cycles;
  bool is_done = false;
  if (!w->halted && c->has_to_drop) {
    is_done = drop(w);
  } else if (!w->halted) {
    is_done = luajit_is_stopped(w) || gc_settle(w);
  }
  timer_stop(t);
  c->finishing = NULL;
  if (!is_done) finish_later(w);
}

/* Before any other Lua runs. */
static void carry_out(struct decision *d) {
  struct worker *w = d->w;
  struct cycles *c = w->cycles;
  bool was_stopped = luajit_is_stopped(w);
  if (!c->is_flushed) luajit_flush_code(w); /* its constants would be left, and in weak tables */
  if (c->has_clear && c->clear.round == c->round && gc_is_settled(w->L, w) &&
      !worker_protected(w, clear_by_marking, d) && !was_stopped)
    lua_gc(w->L, LUA_GCRESTART, 0); /* it was broken off while the collector was stopped */
  luajit_back(w->L, w);
  if (!d->is_begun) let_go(d);
  if (d->is_clear || !drop(w)) finish_later(w);
}

void rounds_condemned(void *worker, uint64_t round, const uint64_t *ids, uint32_t n) {
  struct worker *w = worker;
  if (!is_halted_in(w, round)) return;
  answer_all_live(w);
  w->halted = false; /* so that finalisers run; nothing else does before */
  carry_out(&(struct decision){.w = w, .ids = ids, .n = n});
  forget_clear(w->cycles);
  go_on(w);
}

void rounds_resumed(void *worker, uint64_t round) {
  struct worker *w = worker;
  if (!is_halted_in(w, round)) return;
  answer_all_live(w);
  go_on(w);
}

void rounds_forget(struct worker *w) {
  struct cycles *c = w->cycles;
  if (!c) return;
  end_question(c);
  forget_clear(c);
  go_on(w);
}

const char *rounds_check(const struct worker *w) {
  const struct cycles *c = w->cycles;
  if (w->stop_waits && !w->halted && !w->lost) return "rounds: a signal waits for nothing";
  if (!c) return w->halted ? "rounds: halted in no round" : NULL;
  if (c->is_asked != (c->inquiry || c->settling)) return "rounds: a question waits for nothing";
  if (c->is_asked && !c->now.live) return "rounds: a question about nothing";
  return c->patience && !w->halted && !w->lost ? "rounds: patience without a halt" : NULL;
}

void rounds_deinit(struct worker *w) {
  struct cycles *c = w->cycles;
  if (!c) return;
  end_question(c);
  inquiry_deinit(w);
  forget_clear(c);
  stop_patience(c);
  if (c->finishing) timer_stop(c->finishing);
  free(c);
  w->cycles = NULL;
}
