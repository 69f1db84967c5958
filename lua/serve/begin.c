/* SPDX-License-Identifier: MIT
 *
 * What has come is refused, or answered at once, or gets a fiber (serve.h), which is woken when the
 * posts of the same asker before it have been begun. A post gets its fiber only then.
 */
#include "lua/serve/begin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "lua/ask/room.h"
#include "lua/fiber/connection.h"
#include "lua/fiber/fiber.h"
#include "lua/fiber/slices.h"
#include "lua/serve/backlog.h"
#include "lua/serve/label_waits.h"
#include "lua/serve/quick.h"
#include "lua/serve/serve.h"

/* ---- Beginning ---- */

/* Makes a fiber the one that serves the request. The body is its own. */
static void give(struct fiber *f, const struct gaijin_request *rq, gaijin_body *body) {
  f->depth = rq->depth;
  if (rq->deadline_ms) f->asked_until = clock_seconds() + rq->deadline_ms / 1e3;
  const struct serving serving = {.id = rq->id, .op = rq->op, .caller = rq->caller,
                                  .target = rq->target, .body = body, .one_way = rq->one_way};
  fiber_serve(f, &serving);
}

/* A request whose label has been set is served as if it had just come. */
static void begin_label_wait(struct worker *w) {
  struct label_wait *k = label_waits_take(w);
  struct fiber *f = fiber_new(w, serve_job);
  if (f) {
    k->request.deadline_ms = 0;
    give(f, &k->request, k->body);
    f->asked_until = k->asked_until;
    k->body = NULL;
    fiber_wake(f);
  } else {
    gaijin_answer_error(w->g, k->request.id, k->request.op, GAIJIN_STATUS_BUSY,
                        label_waits_fault(LABEL_WAITS_NO_MEMORY));
  }
  label_waits_free(w, k);
}

static void begin_post(struct worker *w, struct backlog_entry *e) {
  struct fiber *f = fiber_new(w, serve_job);
  if (!f) {
    worker_post_failed(w, e->request.op, GAIJIN_STATUS_BUSY, "memory is short");
    gaijin_body_free(e->body);
    return;
  }
  give(f, &e->request, e->body);
  fiber_wake(f);
}

/* What waits behind posts that cannot be begun, and may itself be what those wait for that have the
 * fibers: it must not wait. */
static bool may_be_awaited(unsigned depth) { return depth > 1; }

static void refuse_stuck(struct worker *w, const struct gaijin_request *rq) {
  char text[160];
  snprintf(text, sizeof text,
           "%s has not begun what you posted to it before: its fibers for posts are used up "
           "(--max-fibers)",
           w->name);
  gaijin_answer_error(w->g, rq->id, rq->op, GAIJIN_STATUS_BUSY, text);
}

static void refuse_if_awaited(struct worker *w, uint64_t number) {
  struct fiber *f = fiber_numbered(w, number);
  if (!f || f->queued || !may_be_awaited(f->depth)) return;
  refuse_stuck(w, &(struct gaijin_request){.id = f->serving.id, .op = f->serving.op});
  f->serving.answered = true;
  f->job = fiber_no_job;
  fiber_wake(f);
}

static void note_stuck(struct worker *w) {
  bool stuck = w->backlog.n_posts > 0 && !fiber_left_for_posts(w);
  bool is_new = stuck && !w->backlog.stuck;
  w->backlog.stuck = stuck;
  if (!is_new) return;
  room_refuse_all(w);
  if (w->backlog.n_calls) backlog_each_call(w, refuse_if_awaited);
}

/* The worker ends: nothing more is begun. A call behind posts that are given up is not begun
 * either: that would be out of its order. */
static void give_up_call(struct worker *w, uint64_t number) {
  struct fiber *f = fiber_numbered(w, number);
  char text[160];
  if (!f || f->stack || f->serving.answered) return;
  snprintf(text, sizeof text, "Gaijin tried accessing dead resource. (%s)", w->name);
  if (!w->lost)
    gaijin_answer_error(w->g, f->serving.id, f->serving.op, GAIJIN_STATUS_DEAD, text);
  f->serving.answered = true;
  f->job = fiber_no_job;
  fiber_wake(f);
}

static void give_up(struct worker *w) {
  struct backlog_entry *e;
  while ((e = backlog_take(w, true))) {
    if (e->body) {
      gaijin_body_not_done(e->body);
      gaijin_body_free(e->body);
    } else {
      give_up_call(w, e->fiber);
    }
    free(e);
  }
}

void begin_waiting(struct worker *w) {
  if (!w->backlog.first && !w->backlog.stuck && !w->backlog.n_due) return;
  if (w->unwinding || w->lost) give_up(w);
  while (!w->unwinding && w->backlog.n_due && w->sched.n_ready < FIBERS_READY_MOST &&
         fiber_left_for_posts(w))
    begin_label_wait(w);
  while (!w->unwinding && w->backlog.first && w->sched.n_ready < FIBERS_READY_MOST) {
    struct backlog_entry *e = backlog_take(w, fiber_left_for_posts(w));
    if (!e) break;
    struct fiber *f = e->fiber ? fiber_numbered(w, e->fiber) : NULL;
    if (f)
      fiber_wake(f);
    else if (!e->fiber)
      begin_post(w, e);
    free(e);
  }
  w->backlog.held_back =
      (w->backlog.first || w->backlog.n_due) && w->sched.n_ready >= FIBERS_READY_MOST;
  note_stuck(w);
}

/* ---- Events ---- */

/* A worker that stops goes on with what is under way, and that may need to be called back by those
 * it asks. It is not known which nested request is such a call, so all are served while it waits
 * for somebody. */
static bool may_be_call_back(const struct worker *w, const struct gaijin_request *rq) {
  return rq->depth > 1 && !rq->one_way && connection_asks(w);
}

/* Without windows nobody but us bounds what waits here. */
static bool is_overfull(const struct worker *w) {
  return !gaijin_post_window(w->g) && w->backlog.n_posts >= w->sched.max_fibers;
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
  snprintf(text, n, "Gaijin tried accessing dead resource. (%s)", w->name);
  return text;
}

static void on_post(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  if (status == GAIJIN_STATUS_DEAD && gaijin_post_window(w->g)) {
    gaijin_body_not_done(body); /* its sender counts it */
    gaijin_body_free(body);
    return;
  }
  if (!why && (is_overfull(w) || !backlog_add(w, rq, body, 0))) {
    snprintf(text, sizeof text,
             "%s has as many posts waiting as it can (%u, --max-fibers) or is short of memory",
             w->name, w->backlog.n_posts);
    why = text;
  }
  if (!why) {
    begin_waiting(w);
    return;
  }
  worker_post_failed(w, rq->op, status, why);
  gaijin_body_free(body);
}

/* Not in the order of its asker's calls: it is to wait. */
static void on_label_wait(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  if (!why) {
    double until = rq->deadline_ms ? clock_seconds() + rq->deadline_ms / 1e3 : 0;
    enum label_waits_outcome o = label_waits_add(w, rq, until, body, true);
    if (o == LABEL_WAITS_OK) {
      begin_waiting(w);
      return;
    }
    why = label_waits_fault(o);
  }
  gaijin_answer_error(w->g, rq->id, rq->op, status, why);
  gaijin_body_free(body);
}

static void on_call(struct worker *w, const struct gaijin_request *rq, gaijin_body *body) {
  enum gaijin_status status = GAIJIN_STATUS_BUSY;
  char text[160];
  const char *why = refusal(w, rq, &status, text, sizeof text);
  bool behind = !why && backlog_has(w, rq->caller);
  struct fiber *f = NULL;
  if (behind && w->backlog.stuck && may_be_awaited(rq->depth)) {
    refuse_stuck(w, rq);
    gaijin_body_free(body);
    return;
  }
  if (!why && !(f = fiber_new(w, serve_job))) {
    snprintf(text, sizeof text,
             "%s serves as many requests as it can (%u, --max-fibers) or is short of memory",
             w->name, w->sched.n_fibers);
    why = text;
  }
  if (why) {
    gaijin_answer_error(w->g, rq->id, rq->op, status, why);
    gaijin_body_free(body);
    return;
  }
  give(f, rq, body);
  /* Without memory for that it overtakes the posts before it. */
  if (!behind || !backlog_add(w, rq, NULL, f->number)) fiber_wake(f);
}

void begin_request(void *worker, const struct gaijin_request *rq, gaijin_body *body) {
  struct worker *w = worker;
  if (rq->one_way)
    on_post(w, rq, body);
  else if (label_waits_is(rq, body))
    on_label_wait(w, rq, body);
  else if (backlog_has(w, rq->caller) || slices_is_followed(w, rq->caller) ||
           !quick_get(w, rq, body))
    on_call(w, rq, body);
  if (w->sched.n_ready >= FIBERS_READY_MOST) gaijin_pause(w->g);
}

void begin_cancel(void *worker, uint64_t id) {
  struct worker *w = worker;
  struct fiber *f = fiber_serving(w, id);
  if (!f) {
    /* The broker keeps the record of a request until it hears of it. */
    if (label_waits_cancel(w, id))
      gaijin_answer_error(w->g, id, GAIJIN_OP_S2T, GAIJIN_STATUS_CANCELLED, "given up");
    return;
  }
  f->serving.given_up = true;
  fiber_cancel(f, "the caller waits no longer");
}
