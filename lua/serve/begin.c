/* SPDX-License-Identifier: MIT
 *
 * What has come is refused, or answered at once, or gets a fiber (serve.h), if nothing of the same
 * asker waits and there is one for it. Else it waits as a record behind what its asker sent before
 * (backlog.h).
 */
#include "lua/serve/begin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua/ask/room.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/kept.h"
#include "lua/fiber/ration.h"
#include "lua/fiber/slices.h"
#include "lua/fiber/timer.h"
#include "lua/fiber/turns.h"
#include "lua/serve/backlog.h"
#include "lua/serve/label_waits.h"
#include "lua/serve/quick.h"
#include "lua/serve/serve.h"
#include "lua/vm/fate.h"

/* So many requests whose label has been set are queued in a turn at most. */
enum { LABELS_A_TURN = 64 };

/* So many fibers of an asker are ready at most before the next of its requests gets one: they have
 * no turn before the others anyway. */
enum { BEGUN_MOST = 64 };

/* It may be what those wait for that have the fibers: it must not wait for one of them. */
static bool is_nested(const struct gaijin_request *rq) { return rq->depth > 1 && !rq->one_way; }

/* ---- Beginning ---- */

/* Whether the asker's next request may have a fiber now; to make one may run finalisers. What comes
 * behind long work (slices.h) stays a record: with a fiber it might run before those that wait
 * there for the end of it. */
static bool may_begin(const struct worker *w, const struct asker *a, bool nested) {
  return !w->halted && a->n_ready < BEGUN_MOST && turns_may_begin(w, a, nested) &&
         !slices_is_followed(w, a->host);
}

/* Gives the request this new fiber, which owns the body from then on. */
static void start(struct worker *w, struct asker *a, struct fiber *f,
                  const struct gaijin_request *rq, double asked_until, gaijin_body *body) {
  turns_give(f, a);
  f->depth = rq->depth;
  f->asked_until = asked_until;
  f->kept = backlog_size(body);
  kept_add(w, a, f->kept);
  const struct serving serving = {.id = rq->id, .op = rq->op, .caller = rq->caller,
                                  .target = rq->target, .body = body, .one_way = rq->one_way};
  fiber_serve(f, &serving);
  fiber_wake(f);
}

/* The same with a fiber made for it. False when memory is short. */
static bool begin(struct worker *w, struct asker *a, const struct gaijin_request *rq,
                  double asked_until, gaijin_body *body) {
  struct fiber *f = fiber_new(w, serve_job);
  if (f) start(w, a, f, rq, asked_until, body);
  return f != NULL;
}

/* The request is refused: its asker is told, or if nobody waits for it, counted and logged. */
static void refuse(struct worker *w, const struct gaijin_request *rq, gaijin_body *body,
                   enum gaijin_status status, const char *text) {
  if (rq->one_way)
    worker_post_failed(w, rq->op, status, text);
  else
    gaijin_answer_error(w->g, rq->id, rq->op, status, text);
  gaijin_body_free(body);
}

/* `why`: what it has no room for. */
static void refuse_full(struct worker *w, const struct gaijin_request *rq, gaijin_body *body,
                        const char *why) {
  char text[160];
  snprintf(text, sizeof text, "%s has %u requests under way and %u that wait: %s", w->name,
           w->sched.n_serving, backlog_count(w), why);
  refuse(w, rq, body, GAIJIN_STATUS_BUSY, text);
}

static void refuse_stuck(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  char text[160];
  snprintf(text, sizeof text,
           "%s has not begun what you sent it before: its fibers for that are used up "
           "(--max-fibers)",
           w->name);
  refuse(w, rq, body, GAIJIN_STATUS_BUSY, text);
}

static const char no_memory[] = "memory is too short for more";
static const char no_room[] = "yours take as much memory as there is for them";

/* Makes room for so much more of the asker, at the cost of those that have the most here. */
static bool make_room(struct worker *w, const struct asker *a, size_t size) {
  struct backlog_entry *e;
  bool has_room;
  while ((e = backlog_excess(w, a, size, &has_room))) {
    backlog_take(w, e);
    refuse_full(w, &e->request, e->body, no_room);
    free(e);
  }
  return has_room;
}

/* A request whose label has been set is served as if it had just come. */
static void queue_label_wait(struct worker *w) {
  struct label_wait *k = label_waits_take(w);
  struct asker *a = turns_asker(w, k->request.caller);
  k->request.deadline_ms = 0;
  if (a && backlog_add(w, a, &k->request, k->asked_until, k->body))
    k->body = NULL;
  else
    gaijin_answer_error(w->g, k->request.id, k->request.op, GAIJIN_STATUS_BUSY,
                        label_waits_fault(LABEL_WAITS_NO_MEMORY));
  label_waits_free(w, k);
}

/* The first that waits of an asker gets a fiber, if there is one for it. A post, which has been
 * accepted, is not refused for lack of memory while somebody is there who may free some. */
static bool begin_first(struct worker *w, struct asker *a) {
  struct backlog_entry *e = a->first;
  if (!e || !may_begin(w, a, is_nested(&e->request))) return false;
  struct fiber *f = fiber_new(w, serve_job);
  if (!f && e->request.one_way && w->sched.n_fibers > 0) return false;
  backlog_take(w, e);
  if (f)
    start(w, a, f, &e->request, e->asked_until, e->body);
  else
    refuse_full(w, &e->request, e->body, no_memory);
  free(e);
  return true;
}

/* One of each asker, and again, as long as there are fibers. Who has got one goes behind the
 * others, so that the next one that comes free is somebody else's. Whoever got none gets none after
 * this either: nothing has come free meanwhile. */
static void begin_in_turn(struct worker *w) {
  struct asker *next;
  for (struct asker *a = w->backlog.first; a; a = next) {
    next = a->next_waiting;
    if (!begin_first(w, a) || !a->first) continue;
    backlog_put_last(w, a);
    if (!next) next = a;
  }
}

/* ---- Those that cannot be begun ---- */

/* Those that came last, half of them: that may be enough for the others to be done. */
static void refuse_nested(struct worker *w, struct asker *a) {
  unsigned n = 0;
  struct backlog_entry *prev;
  for (const struct backlog_entry *e = a->first; e; e = e->next) n += is_nested(&e->request);
  n = (n + 1) / 2;
  for (struct backlog_entry *e = a->last; n > 0; e = prev) {
    prev = e->prev;
    if (!is_nested(&e->request)) continue;
    backlog_take(w, e);
    refuse_stuck(w, &e->request, e->body);
    free(e);
    n--;
  }
}

/* Its fibers are used up, and none of them runs. */
static bool is_blocked(const struct worker *w, const struct asker *a) {
  return a->first && a->n_ready == 0 && !slices_is_followed(w, a->host) &&
         !turns_may_begin(w, a, is_nested(&a->first->request));
}

static void on_stall_time(struct timer *t) {
  timer_worker(t)->backlog.stall_timer = NULL; /* note_stuck looks again */
  timer_stop(t);
}

/* Whether more is to be refused of the asker: it has been blocked for BEGIN_STALL, and for as long
 * again since that was so last. *next: when to look again. */
static bool note_one(struct asker *a, bool blocked, double now, double *next) {
  if (!blocked) {
    a->refuse_at = 0;
    return a->stuck = false;
  }
  if (a->refuse_at == 0) a->refuse_at = now + BEGIN_STALL;
  bool due = now >= a->refuse_at;
  if (due) a->refuse_at = now + BEGIN_STALL;
  a->stuck = a->stuck || due;
  if (*next == 0 || a->refuse_at < *next) *next = a->refuse_at;
  return due;
}

/* While somebody is stuck it is looked again and again, and more is refused. */
static void note_stuck(struct worker *w) {
  struct backlog *b = &w->backlog;
  double now = b->first ? w->sched.seconds() : 0, at = 0;
  bool refuse = false;
  struct asker *next;
  b->stuck = false;
  for (struct asker *a = b->first; a; a = next) {
    next = a->next_waiting;
    bool due = note_one(a, is_blocked(w, a), now, &at);
    b->stuck = b->stuck || a->stuck;
    refuse = refuse || due;
    if (due) refuse_nested(w, a);
  }
  if (refuse) room_refuse(w);
  if (at > 0 && !b->stall_timer) b->stall_timer = timer_start(w, at - now, on_stall_time, NULL);
}

/* The worker ends: nothing more is begun, and no label will be set. */
static void give_up(struct worker *w) {
  char text[WORKER_DEAD_BYTES];
  worker_dead_text(w, text);
  while (w->backlog.first) {
    struct backlog_entry *e = w->backlog.first->first;
    backlog_take(w, e);
    if (e->request.one_way)
      gaijin_body_not_done(e->body);
    else if (!w->lost)
      gaijin_answer_error(w->g, e->request.id, e->request.op, GAIJIN_STATUS_DEAD, text);
    gaijin_body_free(e->body);
    free(e);
  }
  if (w->lost)
    label_waits_deinit(w);
  else
    label_waits_refuse_all(w, GAIJIN_STATUS_DEAD, text);
}

void begin_forget(struct worker *w) {
  struct asker *next;
  for (struct asker *a = w->backlog.first; a; a = next) {
    struct backlog_entry *after;
    next = a->next_waiting;
    for (struct backlog_entry *e = a->first; e; e = after) {
      after = e->next;
      if (e->request.one_way) continue;
      backlog_take(w, e); /* the last one takes its asker out of the list */
      gaijin_body_free(e->body);
      free(e);
    }
  }
  label_waits_deinit(w);
}

void begin_waiting(struct worker *w) {
  if (!w->backlog.first && !w->backlog.stuck && !w->backlog.n_due) return;
  if (w->unwinding || w->lost) {
    give_up(w);
  } else {
    for (unsigned n = 0; w->backlog.n_due && n < LABELS_A_TURN; n++) queue_label_wait(w);
    begin_in_turn(w);
  }
  note_stuck(w);
}

/* ---- Events ---- */

/* A worker that stops goes on with what is under way, and that may need to be called back by those
 * it asks. It is not known which nested request is such a call, so all are served while it waits
 * for somebody. */
static bool may_be_call_back(const struct worker *w, const struct gaijin_request *rq) {
  return rq->depth > 1 && !rq->one_way && connection_asks(w);
}

/* What no window bounds is bounded here: what comes by name, or of an older version. */
static bool is_overfull(const struct worker *w, const struct asker *a, const gaijin_body *body) {
  return !gaijin_body_counts(body) && a->n_entries >= w->sched.max_fibers;
}

/* NULL, or why the request is not served at all. The text is in the buffer. */
static const char *refusal(const struct worker *w, const struct gaijin_request *rq,
                           enum gaijin_status *status, char *text, size_t n) {
  if (!serve_knows(rq->op)) {
    *status = GAIJIN_STATUS_UNSUPPORTED;
    snprintf(text, n, "%s does not know %s", w->name, gaijin_op_name(rq->op));
    return text;
  }
  if (!w->stopping || may_be_call_back(w, rq)) return NULL;
  *status = GAIJIN_STATUS_DEAD;
  char dead[WORKER_DEAD_BYTES];
  snprintf(text, n, "%s", worker_dead_text(w, dead));
  return text;
}

/* Not in the order of its asker's calls: it is to wait. */
static void on_label_wait(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  if (!why) {
    double until = rq->deadline_ms ? clock_seconds() + rq->deadline_ms / 1e3 : 0;
    enum label_waits_outcome o = label_waits_add(w, rq, until, body, true);
    if (o == LABEL_WAITS_OK) return; /* it is due, and begun in the next turn */
    why = label_waits_fault(o);
  }
  gaijin_answer_error(w->g, rq->id, rq->op, status, why);
  gaijin_body_free(body);
}

static void on_refused(struct worker *w, const struct gaijin_request *rq, gaijin_body *body,
                       enum gaijin_status status, const char *why) {
  if (rq->one_way && status == GAIJIN_STATUS_DEAD && gaijin_post_window(w->g)) {
    gaijin_body_not_done(body); /* its sender counts it */
    gaijin_body_free(body);
    return;
  }
  refuse(w, rq, body, status, why);
}

static void on_request(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  if (why) {
    on_refused(w, rq, body, status, why);
    return;
  }
  struct asker *a = turns_asker(w, rq->caller);
  double until = rq->deadline_ms ? clock_seconds() + rq->deadline_ms / 1e3 : 0;
  bool nested = is_nested(rq);
  if (!a) {
    refuse_full(w, rq, body, no_memory);
  } else if (nested && a->stuck && is_blocked(w, a)) {
    refuse_stuck(w, rq, body);
  } else if (is_overfull(w, a, body)) {
    refuse_full(w, rq, body, "yours are as many as may wait");
  } else if (!make_room(w, a, backlog_size(body))) {
    refuse_full(w, rq, body, no_room);
  } else if (!a->first && may_begin(w, a, nested) ? !begin(w, a, rq, until, body)
                                                  : !backlog_add(w, a, rq, until, body)) {
    refuse_full(w, rq, body, no_memory);
  }
}

void begin_request(void *worker, const struct gaijin_request *rq, gaijin_body *body) {
  struct worker *w = worker;
  ration_note(w, rq);
  if (!rq->one_way && label_waits_is(rq, body))
    on_label_wait(w, rq, body);
  else if (w->backlog.first || slices_is_followed(w, rq->caller) || !quick_serve(w, rq, body))
    on_request(w, rq, body);
}

/* The broker keeps the record of a request that was given up until it hears of it. */
static void give_up_entry(struct worker *w, struct backlog_entry *e) {
  backlog_take(w, e);
  gaijin_answer_error(w->g, e->request.id, e->request.op, GAIJIN_STATUS_CANCELLED, "given up");
  gaijin_body_free(e->body);
  free(e);
}

void begin_cancel(void *worker, uint64_t id) {
  struct worker *w = worker;
  struct fiber *f = fiber_serving(w, id);
  struct backlog_entry *e = f ? NULL : backlog_find(w, id);
  if (f) {
    f->serving.given_up = true;
    fiber_cancel(f, "the caller waits no longer");
  } else if (e && !e->request.one_way) {
    give_up_entry(w, e);
  } else if (label_waits_cancel(w, id)) {
    gaijin_answer_error(w->g, id, GAIJIN_OP_S2T, GAIJIN_STATUS_CANCELLED, "given up");
  }
}
