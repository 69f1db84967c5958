/* SPDX-License-Identifier: MIT
 *
 * The scheduler's half of fibers. A fiber's lua_State is anchored from creation
 * to its end; the C stack comes from the pool at its first turn, so a burst of
 * requests that cannot start yet costs no stacks.
 */
#include "lua/fiber/fiber.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua/fiber/kept.h"
#include "lua/fiber/reuse.h"
#include "lua/fiber/timer.h"
#include "lua/fiber/trace.h"
#include "lua/fiber/turns.h"
#include "lua/vm/luajit.h"

/* How soon memory for C stacks is asked for again, and how long a call waits for it: whoever has
 * the stacks may be waiting for that very call. */
static const double retry_seconds = 0.01, stackless_seconds = 0.25;
/* Queued answers of calls that are refused for that, at once. */
enum { REFUSED_BYTES = 1 << 10 };

void fiber_set_most(struct worker *w, unsigned max_fibers) {
  unsigned most = stacks_most();
  w->sched.max_fibers = max_fibers < most ? max_fibers : most;
  if (max_fibers > most)
    worker_log(w, LOG_WARN,
               "%u fibers are more than the kernel has room for; at most %u may run or wait "
               "(vm.max_map_count)",
               max_fibers, most);
}

struct fiber *fiber_new(struct worker *w, void (*job)(struct worker *w, struct fiber *f)) {
  if (w->sched.n_fibers >= w->sched.max_fibers) return NULL;
  struct fiber *f = reuse_take(w);
  if (!f) return NULL;
  f->number = ++w->sched.last_number;
  f->job = job;
  f->all_next = w->sched.all;
  if (w->sched.all) w->sched.all->all_prev = f;
  w->sched.all = f;
  struct fiber **bucket = &w->sched.by_number[f->number % FIBER_BUCKETS];
  f->next_by_number = *bucket;
  *bucket = f;
  w->sched.n_fibers++;
  turns_join(f);
  return f;
}

static struct asker *asker_here(struct worker *w) {
  return w->sched.current ? w->sched.current->asker : &w->sched.own;
}

struct fiber *fiber_new_here(struct worker *w, void (*job)(struct worker *w, struct fiber *f)) {
  struct asker *a = asker_here(w);
  struct fiber *f = turns_may_spawn(w, a) ? fiber_new(w, job) : NULL;
  if (f) turns_give(f, a);
  return f;
}

int fiber_raise_none_here(lua_State *L, struct worker *w) {
  const struct asker *a = asker_here(w);
  if (a != &w->sched.own && !turns_may_spawn(w, a))
    return worker_raise(L, GAIJIN_STATUS_BUSY,
                        "as many fibers as its asker may have (%u of %u, --max-fibers)",
                        a->n_fibers, w->sched.max_fibers);
  return worker_raise(L, GAIJIN_STATUS_BUSY,
                      "as many fibers as can be (%u, --max-fibers), or short of memory",
                      w->sched.n_fibers);
}

void answer_free(struct fiber *f, struct answer *a) {
  for (struct answer **p = &f->answers; *p; p = &(*p)->next) {
    if (*p == a) {
      *p = a->next;
      break;
    }
  }
  gaijin_body_free(a->body);
  free(a->text);
  if (a == &f->first_answer)
    f->has_first_answer = false;
  else
    free(a);
}

/* What the fiber owns in C. */
static void release(struct fiber *f) {
  while (f->answers) answer_free(f, f->answers);
  gaijin_body_free(f->serving.body);
  f->serving.body = NULL;
}

/* ---- Looking one up ---- */

struct fiber *fiber_numbered(const struct worker *w, uint64_t number) {
  struct fiber *f = w->sched.by_number[number % FIBER_BUCKETS];
  while (f && f->number != number) f = f->next_by_number;
  return f;
}

static void forget_number(struct worker *w, struct fiber *f) {
  struct fiber **p = &w->sched.by_number[f->number % FIBER_BUCKETS];
  while (*p != f) p = &(*p)->next_by_number;
  *p = f->next_by_number;
}

void fiber_serve(struct fiber *f, const struct serving *serving) {
  assert(serving->id && !f->serving.id);
  struct fiber **p = &f->w->sched.by_request[serving->id % FIBER_BUCKETS];
  f->serving = *serving;
  f->is_serving = true;
  f->next_by_request = *p;
  *p = f;
  f->w->sched.n_requests++;
  f->w->sched.n_serving++;
}

void fiber_begun(struct fiber *f) {
  if (f->kept == 0) return;
  kept_remove(f->w, f->asker, f->kept);
  f->kept = 0;
}

struct fiber *fiber_serving(const struct worker *w, uint64_t id) {
  struct fiber *f = w->sched.by_request[id % FIBER_BUCKETS];
  while (f && f->serving.id != id) f = f->next_by_request;
  return f;
}

static void forget_request(struct worker *w, struct fiber *f) {
  struct fiber **p = &w->sched.by_request[f->serving.id % FIBER_BUCKETS];
  while (*p != f) p = &(*p)->next_by_request;
  *p = f->next_by_request;
  assert(w->sched.n_requests > 0);
  w->sched.n_requests--;
}

/* ---- Lists of those that wait for the same thing ---- */

void fiber_list_add(struct fiber **list, struct fiber *f) {
  assert(!f->waits_in);
  f->waits_in = list;
  f->prev_waiter = NULL;
  f->next_waiter = *list;
  if (*list) (*list)->prev_waiter = f;
  *list = f;
}

void fiber_list_remove(struct fiber *f) {
  if (!f->waits_in) return;
  if (f->prev_waiter)
    f->prev_waiter->next_waiter = f->next_waiter;
  else
    *f->waits_in = f->next_waiter;
  if (f->next_waiter) f->next_waiter->prev_waiter = f->prev_waiter;
  f->waits_in = NULL;
}

/* ---- Cancelling ---- */

void fiber_adopt(struct fiber *f, struct fiber_child *child) {
  assert(!child->owner && child->cancel);
  child->owner = f;
  child->prev = NULL;
  child->next = f->children;
  if (f->children) f->children->prev = child;
  f->children = child;
}

void fiber_disown(struct fiber_child *child) {
  if (!child->owner) return;
  if (child->prev)
    child->prev->next = child->next;
  else
    child->owner->children = child->next;
  if (child->next) child->next->prev = child->prev;
  child->owner = NULL;
}

void fiber_disown_all(struct fiber *f) {
  while (f->children) fiber_disown(f->children);
}

/* A child may be what another fiber runs for, which is cancelled in its turn: they are queued,
 * because a script may make such a chain longer than any C stack. */
void fiber_cancel(struct fiber *f, const char *why) {
  struct scheduler *s = &f->w->sched;
  if (f->cancel_reason) return;
  f->cancel_reason = why;
  f->next_to_cancel = s->to_cancel;
  s->to_cancel = f;
  if (s->cancelling) return;
  s->cancelling = true;
  while ((f = s->to_cancel)) {
    s->to_cancel = f->next_to_cancel;
    f->next_to_cancel = NULL;
    while (f->children) {
      struct fiber_child *child = f->children;
      child->cancel(child, f->cancel_reason);
      assert(f->children != child);
    }
    if (f != s->current) fiber_wake(f);
  }
  s->cancelling = false;
}

static void unlink_all(struct worker *w, struct fiber *f) {
  assert(!w->sched.cancelling && w->sched.n_fibers > 0 && f != w->sched.current);
  if (f->request) gaijin_cancel(w->g, f->request); /* its answer would come for nobody */
  release(f);
  if (f->all_prev) f->all_prev->all_next = f->all_next;
  if (f->all_next) f->all_next->all_prev = f->all_prev;
  if (w->sched.all == f) w->sched.all = f->all_next;
  fiber_list_remove(f);
  assert(w->sched.n_serving >= f->is_serving);
  w->sched.n_serving -= f->is_serving;
  if (f->serving.id) forget_request(w, f);
  forget_number(w, f);
  fiber_disown_all(f);
  fiber_begun(f);
  turns_leave(f);
  w->sched.n_fibers--;
}

void fiber_discard_all(struct worker *w) {
  while (w->sched.all) {
    struct fiber *f = w->sched.all;
    unlink_all(w, f);
    free(f);
  }
  reuse_deinit(w);
  turns_clear(w);
  w->sched.stackless_first = w->sched.stackless_last = NULL;
}

static void end(struct worker *w, struct fiber *f) {
  assert(f->done && !f->waits_in && !w->sched.current);
  if (f->queued) turns_remove(w, f); /* woken while it ran, by code of its own */
  trace_forget(w, f);
  if (f->stack) stack_put(&w->sched.stacks, f->stack);
  unlink_all(w, f);
  reuse_give(w, f);
}

void fiber_entry(void *user) {
  struct fiber *f = user;
  f->heap_before = lua_gc(f->L, LUA_GCCOUNT, 0);
  f->job(f->w, f);
  f->done = true;
  if (f->w->heap.most) stack_trim(f->stack); /* it may lie idle for long */
  stack_leave(&f->w->sched.stacks, f->stack);
}

void fiber_no_job(struct worker *w, struct fiber *f) {
  (void)w;
  (void)f;
}

void fiber_wake(struct fiber *f) {
  struct scheduler *s = &f->w->sched;
  assert(!f->done);
  if (f->queued) return;
  f->queued = true;
  if (f == s->guest)
    f->ready_in = s->turn; /* it looks for itself */
  else
    turns_add(f->w, f);
}

void fiber_wake_first(struct fiber *f) {
  assert(!f->done);
  if (f->queued || f == f->w->sched.guest) {
    fiber_wake(f);
    return;
  }
  f->queued = true;
  turns_add_first(f->w, f);
}

size_t fiber_room_outside(const struct worker *w) {
  size_t used = w->sched.parked_bytes + w->kept_bytes;
  return used < w->heap.most ? w->heap.most - used : 0;
}

bool fiber_may_park(const struct worker *w) {
  const struct fiber *f = w->sched.current;
  if (!w->heap.most || !f->stack) return true;
  return stack_used(f->stack) <= fiber_room_outside(w);
}

/* In a VM with a limit what a stack takes while it is left is counted, and no more than that. */
static void leave_counted(struct scheduler *s, struct stack *k) {
  size_t used = stack_used(k);
  stack_trim(k);
  s->parked_bytes += used;
  stack_leave(&s->stacks, k);
  assert(s->parked_bytes >= used);
  s->parked_bytes -= used;
}

void fiber_park(lua_State *L, struct worker *w) {
  struct fiber *f = w->sched.current;
  assert(f && !w->sched.cancelling); /* the scheduler never waits */
  if (f == w->sched.guest)
    w->sched.wait_in_guest(w);
  else if (w->heap.most)
    leave_counted(&w->sched, f->stack);
  else
    stack_leave(&w->sched.stacks, f->stack);
  luajit_back(L, w);
}

void fiber_check_stack(lua_State *L, const struct worker *w, size_t more) {
  const struct fiber *f = w->sched.current;
  /* The main fiber has the program's stack, of which we know nothing. */
  if (f && f->stack && stack_is_short(f->stack, more)) luaL_error(L, "C stack overflow");
}

/* ---- Those that wait for a stack ---- */

static struct fiber *reverse(struct fiber *list) {
  struct fiber *reversed = NULL, *next;
  for (; list; list = next) {
    next = list->next;
    list->next = reversed;
    reversed = list;
  }
  return reversed;
}

/* In front of all of their askers that have become ready since: they started before them. */
static void wake_stackless(struct worker *w) {
  struct fiber *f = reverse(w->sched.stackless_first), *next;
  w->sched.stackless_first = w->sched.stackless_last = NULL;
  for (; f; f = next) {
    next = f->next;
    turns_add_first(w, f);
  }
}

/* Answers `busy` to a call that has waited too long for a C stack; it has not begun. Posts and the
 * worker's own fibers wait on: nobody would learn of it. Few at a time, so that the answers leave
 * before there are more: memory is short for them, too. */
static void refuse_stackless(struct worker *w, struct fiber *f) {
  const struct serving *k = &f->serving;
  char text[160];
  assert(!f->stack);
  bool is_call = k->id && !k->one_way && !k->answered;
  if (!is_call || clock_seconds() - f->stackless_since < stackless_seconds ||
      gaijin_queued_bytes(w->g) > REFUSED_BYTES)
    return;
  snprintf(text, sizeof text, "%s has no memory for another C stack", w->name);
  gaijin_answer_error(w->g, k->id, k->op, GAIJIN_STATUS_BUSY, text);
  f->serving.answered = true;
  f->job = fiber_no_job;
}

static void retry(struct worker *w) {
  for (struct fiber *f = w->sched.stackless_first; f; f = f->next) refuse_stackless(w, f);
  wake_stackless(w);
}

static void on_retry(struct timer *t) {
  timer_worker(t)->sched.stackless_timer = NULL;
  timer_stop(t);
  retry(timer_worker(t));
}

/* There was no memory for a timer: nothing but the next turn has them try again. */
static bool retry_is_due(const struct scheduler *s) {
  return s->stackless_first && !s->stackless_timer;
}

/* It counts as queued. */
static void try_later(struct worker *w, struct fiber *f) {
  struct scheduler *s = &w->sched;
  if (f->stackless_since == 0) {
    f->stackless_since = clock_seconds();
    worker_log_often(w, LINE_MEMORY, "memory is too short for another C stack; trying again");
  }
  if (!s->stackless_timer) s->stackless_timer = timer_start(w, retry_seconds, on_retry, NULL);
  f->queued = true;
  f->next = NULL;
  if (s->stackless_last)
    s->stackless_last->next = f;
  else
    s->stackless_first = f;
  s->stackless_last = f;
}

static void run_fiber(struct worker *w, struct fiber *f) {
  if (!f->stack && f->job == fiber_no_job) {
    f->done = true;
    end(w, f);
    return;
  }
  /* Those that wait for a stack already keep their place. */
  if (!f->stack && (w->sched.stackless_first || !(f->stack = stack_get(&w->sched.stacks)))) {
    try_later(w, f);
    return;
  }
  assert(!w->sched.current && !f->done && !w->halted);
  w->lua_ran++;
  w->sched.current = f;
  scheduler_next_stretch(&w->sched);
  stack_resume(&w->sched.stacks, f->stack, f);
  scheduler_next_stretch(&w->sched);
  w->sched.current = NULL;
  if (f->done) end(w, f);
}

bool fiber_is_due(const struct worker *w) {
  return w->sched.n_ready > 0 || w->backlog.n_due > 0;
}

bool fiber_run_ready(struct worker *w) {
  struct scheduler *s = &w->sched;
  struct fiber *f;
  bool ran = false;
  assert(!s->current && !s->no_wait);
  if (retry_is_due(s)) retry(w);
  turns_begin(w);
  while (!worker_is_fork(w) && (f = turns_take(w))) {
    struct asker *a = f->asker;
    run_fiber(w, f);
    turns_ran(w, a);
    ran = true;
  }
  turns_end(w);
  return fiber_is_due(w) || retry_is_due(s) || (ran && w->backlog.first);
}
