/* SPDX-License-Identifier: MIT
 *
 * A fiber may have several answers: a Lua error may leave the function that was
 * decoding one. An answer is no longer wanted when the frame of that function has ended.
 */
#include "lua/fiber/answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void answer_need_fiber(lua_State *L, struct worker *w, enum gaijin_op op) {
  if (w->lost) worker_raise(L, GAIJIN_STATUS_LOST, "the connection to the broker has ended");
  wait_need_fiber(L, w, gaijin_op_name(op), " of a remote object");
  wait_need_memory(L, w);
}

double answer_limit(const struct worker *w, double now, bool no_call_timeout) {
  const struct fiber *f = w->sched.current;
  double own = wait_nearer(f->deadline, f->asked_until);
  if (no_call_timeout || w->call_timeout == 0) return own;
  return wait_nearer(own, now + w->call_timeout);
}

static struct answer *new_answer(struct fiber *f) {
  if (f->has_first_answer) return calloc(1, sizeof(struct answer));
  f->has_first_answer = true;
  f->first_answer = (struct answer){0};
  return &f->first_answer;
}

void answer_arrived(void *fiber, const struct gaijin_answer *got) {
  struct fiber *f = fiber;
  f->request = 0;
  struct answer *a = new_answer(f);
  f->lost_ok = !a && got->ok;
  if (a) {
    a->ok = got->ok;
    a->status = got->status;
    a->above = got->level;
    a->body = got->body;
    a->text = got->text ? strdup(got->text) : NULL;
    a->next = f->answers;
    f->answers = a;
  } else {
    gaijin_body_free(got->body); /* the fiber finds no answer and says so */
  }
  fiber_wake(f);
}

/* Frees the answers whose decoding raised: the stack grows down, so frames that still run are above
 * this one. */
static void free_abandoned(struct fiber *f, const void *frame) {
  struct answer *next;
  for (struct answer *a = f->answers; a; a = next) {
    next = a->next;
    if ((uintptr_t)a->frame <= (uintptr_t)frame) answer_free(f, a);
  }
}

struct answer *answer_wait(lua_State *L, struct worker *w, uint64_t id, double until,
                           enum wait_outcome *how) {
  struct fiber *f = w->sched.current;
  const void *frame = __builtin_frame_address(0);
  assert(f->request == 0); /* a fiber waits for one answer at a time */
  free_abandoned(f, frame);
  struct answer *before = f->answers;
  f->request = id;
  do
    *how = wait_park(L, w, until);
  while (*how == WAIT_WOKEN && f->request == id);
  if (f->request != id) {
    *how = WAIT_WOKEN;
    if (f->answers == before) return NULL;
    f->answers->frame = frame;
    return f->answers;
  }
  f->request = 0;
  gaijin_cancel(w->g, id);
  return NULL;
}

int answer_raise_none(lua_State *L, struct worker *w, enum wait_outcome how, const char *what,
                      double begun, double limit) {
  if (how == WAIT_WOKEN)
    return worker_raise(L, GAIJIN_STATUS_BUSY, "no memory for an answer; it was discarded");
  if (how == WAIT_OVER && w->sched.current->deadline != limit)
    return worker_raise(L, GAIJIN_STATUS_TIMEOUT,
                        "%s got no answer in %.3g s; whether it was done is not known", what,
                        limit - begun);
  return wait_raise(L, w, how, what);
}

void answer_push_error(lua_State *L, const struct answer *a) {
  assert(!a->ok);
  lua_pushfstring(L, "gaijin: %s: %s", gaijin_status_name(a->status), a->text ? a->text : "");
}
