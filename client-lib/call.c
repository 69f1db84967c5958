/* SPDX-License-Identifier: MIT
 *
 * Our requests under way. A record is in the table from the moment its request
 * entered the out-queue until its answer was handed over (a call-back, or
 * gaijin_await for those without one) or it was cancelled. Ids are never used twice,
 * so an answer that finds no record is late and is discarded.
 */
#include <assert.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "client-lib/internal.h"

enum { SPARE_CALLS_KEPT = 1024 };

struct call *gj_call_new(gaijin *g) {
  struct call *c = g->spare_calls;
  if (c) {
    g->spare_calls = c->next_spare;
    g->n_spare_calls--;
  } else if (!(c = malloc(sizeof *c))) {
    return NULL;
  }
  *c = (struct call){
      .op = g->writer.op, .host = g->writer.host, .deadline_ms = g->writer.deadline_ms};
  list_init(&c->open);
  return c;
}

void gj_call_enter(gaijin *g, struct call *c) {
  if (c->deadline_ms) c->due = clock_seconds() + c->deadline_ms / 1e3;
  gj_table_insert(&g->calls, &c->node, g->last_call);
  list_append(&g->open_calls, &c->open);
}

void gj_call_recycle(gaijin *g, struct call *c) {
  assert(list_empty(&c->open) && !c->claim);
  if (g->n_spare_calls >= SPARE_CALLS_KEPT) {
    free(c);
    return;
  }
  c->next_spare = g->spare_calls;
  g->spare_calls = c;
  g->n_spare_calls++;
}

struct call *gj_call_find(const gaijin *g, uint64_t id) {
  struct table_node *n = table_find(&g->calls, id);
  return n ? container_of(n, struct call, node) : NULL;
}

size_t gaijin_request_count(const gaijin *g) { return g->calls.count; }

/* Takes a call out of the books. */
static void call_leave(gaijin *g, struct call *c) {
  list_remove(&c->open);
  gj_table_remove(&g->calls, &c->node);
}

/* The holding of a claim is the program's from now on, if it is `used`, or is given back. */
static void end_claim(gaijin *g, struct call *c, bool used) {
  if (c->claim) gj_holding_claimed(g, c->claim, used);
  c->claim = NULL;
}

void gj_call_answer(gaijin *g, struct call *c, const struct gaijin_answer *answer,
                    gaijin_body *keep) {
  assert(g->dispatching || g->lost); /* call-backs run nowhere else */
  assert(!list_empty(&c->open));
  gaijin_answer_fn fn = c->fn;
  void *user = c->user;
  if (c->claim && answer->ok) gj_holding_granted(c->claim, &c->claimed);
  if (c->cancelled) {
    end_claim(g, c, false);
    gaijin_body_free(answer->body);
    gaijin_body_free(keep);
    call_leave(g, c);
    gj_call_recycle(g, c);
    return;
  }
  if (fn || !answer->ok) end_claim(g, c, answer->ok);
  if (!fn) { /* stays in the table for gaijin_await */
    list_remove(&c->open);
    c->answer = *answer;
    c->keep = keep;
    return;
  }
  call_leave(g, c);
  gj_call_recycle(g, c);
  fn(user, answer);
  gaijin_body_free(keep);
}

/* Answered and waiting for gaijin_await. */
static bool is_kept(const struct call *c) { return list_empty(&c->open); }

void gj_call_lose_all(gaijin *g, const char *reason) {
  while (!list_empty(&g->open_calls)) {
    struct call *c = container_of(g->open_calls.next, struct call, open);
    const char *name = c->host ? gaijin_host_name(g, c->host) : NULL;
    char text[512];
    snprintf(text, sizeof text,
             "the connection to the broker ended while '%s'%s%s was under way: %s; whether it was "
             "done is not known",
             op_name(c->op), name ? " to worker " : "", name ? name : "", reason);
    struct gaijin_answer a = {.status = GAIJIN_STATUS_LOST, .text = c->fn ? text : g->loss};
    gj_call_answer(g, c, &a, NULL);
  }
}

/* Tells the broker too, should it ever hear again. */
static void expire(gaijin *g, struct call *c) {
  const char *name = c->host ? gaijin_host_name(g, c->host) : NULL;
  char text[256];
  snprintf(text, sizeof text,
           "%s%s%s got no answer in %g s, nor does the broker say anything; whether it was done is "
           "not known",
           op_name(c->op), name ? " to worker " : "", name ? name : "", c->deadline_ms / 1e3);
  struct gaijin_answer a = {.status = GAIJIN_STATUS_TIMEOUT, .text = text};
  gj_write_cancel(g, c->node.key);
  gj_call_answer(g, c, &a, NULL);
}

void gaijin_expire(gaijin *g, double slack) {
  struct link late;
  double now = clock_seconds();
  list_init(&late);
  if (!gj_is_up(g) || g->dispatching || gj_is_fork(g)) return;
  if (g->starved || g->paused) return; /* answers may have come already */
  if (g->heard) { /* it lives, and more may be on its way */
    g->heard = false;
    return;
  }
  for (struct link *l = g->open_calls.next, *next; l != &g->open_calls; l = next) {
    struct call *c = container_of(l, struct call, open);
    next = l->next;
    if (!c->fn || c->due == 0 || now - c->due < slack) continue;
    list_remove(l);
    list_append(&late, l); /* a call-back may cancel it */
  }
  g->dispatching = true;
  while (!list_empty(&late)) expire(g, container_of(late.next, struct call, open));
  g->dispatching = false;
}

void gj_call_free_all(gaijin *g) {
  struct table_node *n;
  while ((n = gj_table_take(&g->calls))) {
    struct call *c = container_of(n, struct call, node);
    gaijin_body_free(c->answer.body);
    gaijin_body_free(c->keep);
    free(c);
  }
  while (g->spare_calls) {
    struct call *c = g->spare_calls;
    g->spare_calls = c->next_spare;
    free(c);
  }
}

void gaijin_cancel(gaijin *g, uint64_t id) {
  struct call *c = gj_call_find(g, id);
  if (!c) return;
  bool open = !is_kept(c);
  if (c->claim && open) {
    /* The broker counts us as a holder if it agrees: the answer must still be seen. */
    c->cancelled = true;
    return;
  }
  end_claim(g, c, false);
  gaijin_body *body = c->answer.body, *keep = c->keep;
  call_leave(g, c);
  gj_call_recycle(g, c);
  gaijin_body_free(body);
  gaijin_body_free(keep);
  /* Without memory for it nobody is told: the answer comes late and is discarded. */
  if (open && !g->lost) gj_write_cancel(g, id);
}

/* Takes the kept answer of a call out. */
static int await_take(gaijin *g, struct call *c, struct gaijin_answer *answer) {
  *answer = c->answer;
  g->await_keep = c->keep;
  end_claim(g, c, true);
  call_leave(g, c);
  gj_call_recycle(g, c);
  return answer->text == g->loss ? gj_fail_lost(g) : 0;
}

static void sleep_for(gaijin *g, double seconds) {
  int ms = seconds > 1e6 ? 1000000000 : (int)ceil(seconds * 1000);
  struct pollfd p = {.fd = gaijin_fd(g),
                     .events = (short)(POLLIN | (gaijin_wants_write(g) ? POLLOUT : 0))};
  if (g->starved)
    poll(NULL, 0, ms < STARVED_RETRY_MS ? ms : STARVED_RETRY_MS);
  else
    poll(&p, 1, ms);
}

bool gj_await_turn(gaijin *g, double end) {
  double left = end - clock_seconds();
  if (!(left > 0)) return false;
  bool was_up = gj_is_up(g);
  if (gaijin_poll(g)) return true;
  if (was_up && !gj_is_up(g)) return true; /* what is waited for may have been lost with it */
  if (!g->paused) sleep_for(g, left);
  gaijin_dispatch(g);
  return true;
}

static int await(gaijin *g, uint64_t id, double seconds, struct gaijin_answer *answer) {
  gaijin_body_free(g->await_keep);
  g->await_keep = NULL;
  if (g->dispatching)
    return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "gaijin_await was called in a call-back");
  if (gj_is_fork(g)) return gj_fork_refuse(g);
  double end = clock_seconds() + seconds;
  for (;;) {
    struct call *c = gj_call_find(g, id);
    if (!c || c->fn || c->cancelled)
      return gj_fail(g, GAIJIN_STATUS_UNSUPPORTED, "no request %llu to await",
                     (unsigned long long)id);
    if (is_kept(c)) return await_take(g, c, answer);
    gaijin_flush(g, true);
    if (!gj_await_turn(g, end)) {
      gaijin_cancel(g, id);
      gaijin_flush(g, true);
      return gj_fail(g, GAIJIN_STATUS_TIMEOUT,
                     "no answer to request %llu after %g s; whether it was done is not known",
                     (unsigned long long)id, seconds);
    }
  }
}

int gaijin_await_sized(gaijin *g, uint64_t id, double seconds, struct gaijin_answer *answer,
                       size_t size) {
  struct gaijin_answer own = {.text = ""};
  int status = await(g, id, seconds, &own);
  gj_give_struct(answer, size, &own, sizeof own);
  return status;
}
