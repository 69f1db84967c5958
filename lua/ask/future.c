/* SPDX-License-Identifier: MIT
 *
 * The life of a future, without Lua: a call begins, is answered, cancelled or
 * given up; those that wait are woken; what nobody can reach any more is freed.
 */
#include "lua/ask/future.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"

/* Texts are kept outside Lua's heap and are not counted there, so that none is long: system errors
 * are not, and of a complaint no more is told. */
enum { TEXT_MOST = 4096, COMPLAINT_MOST = 255 };

/* ---- Begin and end of a call ---- */

void future_drop(struct future *u) {
  assert(u->state != FUTURE_OPEN && !u->handle);
  u->next_dropped = u->w->dropped_futures;
  u->w->dropped_futures = u;
}

void future_unwait(struct future_wait *n) {
  if (!n->future) return;
  if (n->prev)
    n->prev->next = n->next;
  else
    n->future->waits = n->next;
  if (n->next)
    n->next->prev = n->prev;
  else
    n->future->last_wait = n->prev;
  n->future = NULL;
}

void future_wait_on(struct future_wait *n, struct future *u, struct future_group *group) {
  assert(u->state == FUTURE_OPEN && !n->future);
  *n = (struct future_wait){.prev = u->last_wait, .future = u, .group = group};
  if (u->last_wait)
    u->last_wait->next = n;
  else
    u->waits = n;
  u->last_wait = n;
  group->left++;
}

/* Open becomes done. */
static void complete(struct future *u, enum future_state state, bool ok) {
  assert(u->state == FUTURE_OPEN && state > FUTURE_OPEN);
  u->state = state;
  u->ok = ok;
  assert(u->w->open_futures > 0);
  u->w->open_futures--;
  fiber_disown(&u->child);
  while (u->waits) {
    struct future_group *g = u->waits->group;
    future_unwait(u->waits);
    assert(g->left > 0);
    g->left--;
    if (g->all && ok && g->left > 0) continue;
    g->over = true;
    fiber_wake(g->fiber);
  }
  if (!u->handle) future_drop(u);
}

static void cancel_child(struct fiber_child *child, const char *why) {
  future_cancel(container_of(child, struct future, child),
                why); /* it is open as long as it is linked */
}

void future_begin(struct future *u, struct fiber *runs, uint64_t request) {
  assert(u->state == FUTURE_IDLE && !runs == (request != 0));
  u->runs = runs;
  u->request = request;
  u->state = FUTURE_OPEN;
  u->w->open_futures++;
  u->child.cancel = cancel_child;
  if (runs) runs->user = u;
  struct fiber *by = u->w->sched.current;
  fiber_adopt(by, &u->child);
  /* A finaliser that ran meanwhile may have cancelled whoever starts it. */
  if (by->cancel_reason) future_cancel(u, by->cancel_reason);
}

/* Where the heap has a limit, what waits outside of it has one: past it the answer is lost, and its
 * reader is told. */
static void keep_within_limit(struct future *u) {
  struct worker *w = u->w;
  size_t size = u->answer.body ? gaijin_body_size(u->answer.body) : 0;
  if (!w->heap.most || size == 0) return;
  if (size <= fiber_room_outside(w)) {
    u->kept_bytes = size;
    w->kept_bytes += size;
    return;
  }
  future_clear_answer(u);
  u->answer = (struct answer){
      .status = GAIJIN_STATUS_TOO_LARGE,
      .text = strdup("not enough memory for answers that nobody has read (--memory-limit)")};
}

void future_on_answer(void *user, const struct gaijin_answer *got) {
  struct future *u = user;
  u->request = 0;
  u->answer = (struct answer){.ok = got->ok,
                              .above = got->level,
                              .status = got->status,
                              .body = got->body,
                              .text = got->text ? strndup(got->text, TEXT_MOST) : NULL};
  keep_within_limit(u);
  complete(u, FUTURE_ANSWERED, u->answer.ok);
}

bool future_cancel(struct future *u, const char *why) {
  if (u->state != FUTURE_OPEN) return false;
  if (u->request) gaijin_cancel(u->w->g, u->request);
  if (u->runs) {
    u->runs->user = NULL;
    fiber_cancel(u->runs, why);
  }
  u->request = 0;
  u->runs = NULL;
  u->read = true;
  u->answer = (struct answer){.status = GAIJIN_STATUS_CANCELLED, .text = strdup(why)};
  complete(u, FUTURE_ANSWERED, false);
  return true;
}

/* ---- The end ---- */

void future_clear_answer(struct future *u) {
  assert(u->w->kept_bytes >= u->kept_bytes);
  u->w->kept_bytes -= u->kept_bytes;
  u->kept_bytes = 0;
  gaijin_body_free(u->answer.body);
  free(u->answer.text);
  u->answer = (struct answer){0};
}

static void unlink_and_free(struct future *u) {
  assert(!u->child.owner);
  if (u->prev)
    u->prev->next = u->next;
  else
    u->w->futures = u->next;
  if (u->next) u->next->prev = u->prev;
  if (u->handle) *u->handle = NULL;
  future_clear_answer(u);
  free(u->complaint);
  free(u);
}

/* Tells the error of one that was never read. */
static void complain(struct future *u) {
  struct gaijin_value v;
  char text[256] = "(not a string)";
  if (!future_is_done(u) || u->ok || u->read) return;
  if (u->state == FUTURE_DONE)
    snprintf(text, sizeof text, "%s", u->complaint ? u->complaint : text);
  else if (u->answer.status != GAIJIN_STATUS_RAISED)
    snprintf(text, sizeof text, "gaijin: %s: %s", gaijin_status_name(u->answer.status),
             u->answer.text ? u->answer.text : "");
  else if (u->answer.body && gaijin_body_next(u->answer.body, &v) && v.type == GAIJIN_STRING)
    snprintf(text, sizeof text, "%.*s", (int)v.size, v.bytes);
  if (!worker_is_stop_error(u->w, text))
    worker_log_often(u->w, LINE_FUTURE, "an error of a dropped future was never read: %s", text);
}

void future_free_dropped(struct worker *w) {
  while (w->dropped_futures) {
    struct future *u = w->dropped_futures;
    w->dropped_futures = u->next_dropped;
    complain(u);
    unlink_and_free(u);
  }
}

void future_discard_all(struct worker *w) {
  future_free_dropped(w);
  while (w->futures) {
    struct future *u = w->futures;
    if (u->request) gaijin_cancel(w->g, u->request); /* its answer would come for nobody */
    complain(u);
    unlink_and_free(u);
  }
}

void future_complaint(struct future *u, const char *text) {
  if (text && !u->complaint) u->complaint = strndup(text, COMPLAINT_MOST);
}

void future_finish(struct fiber *f, bool ok, const char *why_not) {
  struct future *u = f->user;
  assert(u && u->runs == f);
  f->user = NULL;
  u->runs = NULL;
  if (why_not)
    u->answer = (struct answer){.status = GAIJIN_STATUS_BUSY, .text = strndup(why_not, TEXT_MOST)};
  complete(u, why_not ? FUTURE_ANSWERED : FUTURE_DONE, ok && !why_not);
}
