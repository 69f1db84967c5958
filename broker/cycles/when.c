/* SPDX-License-Identifier: MIT
 *
 * When there are rounds, and who has asked for one. A round that finds nothing doubles the pause;
 * one that finds something, or had no time for all, and many new tokens, set it back.
 *
 * No worker spends more than a hundredth of its time on rounds: what a round has taken of one is
 * the sum of all its answers in scan and check, and of the time that it stood still. All rest
 * together, as long as the one that has spent most needs, because a cycle is found only by a round
 * in which all of its workers take part: if each rested by itself, two might never meet. But the
 * others do not wait for longer than ten minutes: who has to rest for more is left out of rounds
 * until then.
 */
#include <assert.h>

#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/cycles/internal.h"
#include "broker/cycles/cycles.h"

/* How often the pause may double, and milliseconds that it may last. It stays below the time in
 * which the age of a token is known (REFS_QUIET_MOST). */
enum { PAUSE_DOUBLES = 64 };
#define PAUSE_MOST_MS UINT64_C(14400000)
/* So many more tokens than after the last round are a reason for another one. */
enum { NEW_TOKENS = 100 };
/* The part of its time that a worker may spend. */
enum { SHARE = 100 };
/* However much one has spent, the others do not wait longer for the next round. */
enum { REST_MOST_MS = 600000 };

/* ---- When ---- */

bool when_may(const struct cycles *k) {
  const struct broker *b = k->b;
  return k->stage == CYCLES_IDLE && !k->is_closed && !grace_is_on(b) &&
         b->refs.kept == REFS_SETTLED && b->refs.holds.count > 0;
}

static void set_pause(struct cycles *k, bool is_again) {
  uint64_t most = k->time_ms * PAUSE_DOUBLES, now = uv_now(k->b->loop);
  if (most > PAUSE_MOST_MS) most = PAUSE_MOST_MS;
  if (most < k->time_ms) most = k->time_ms;
  if (is_again || !k->pause_ms)
    k->pause_ms = k->time_ms;
  else
    k->pause_ms = k->pause_ms * 2 < most ? k->pause_ms * 2 : most;
  k->due_ms = now + k->pause_ms;
  k->soonest_ms = now + k->time_ms;
  k->tokens_then = k->b->refs.tokens.count;
}

static bool has_grown(const struct cycles *k) {
  return k->b->refs.tokens.count >= (uint64_t)k->tokens_then + NEW_TOKENS;
}

static uint64_t next_ms(const struct cycles *k) {
  return k->due_ms > k->not_before_ms ? k->due_ms : k->not_before_ms;
}

static void on_timer(uv_timer_t *timer) {
  struct cycles *k = timer->data;
  bool is_due = k->time_ms && uv_now(k->b->loop) >= next_ms(k);
  assert(k->stage == CYCLES_IDLE); /* else it is another's timer, or stopped */
  if (is_due && when_may(k)) {
    round_begin(k);
  } else {
    if (is_due) set_pause(k, false); /* there is none to be had: as if it had found nothing */
    when_schedule(k);
  }
}

void when_begin(struct cycles *k) {
  k->due_ms = k->soonest_ms = uv_now(k->b->loop) + k->time_ms;
  when_schedule(k);
}

void when_schedule(struct cycles *k) {
  uint64_t now = uv_now(k->b->loop), next = next_ms(k);
  if (k->is_closed) return;
  if (k->time_ms)
    uv_timer_start(&k->timer, on_timer, next > now ? next - now : 0, 0);
  else
    uv_timer_stop(&k->timer);
}

void when_hurry(struct cycles *k) {
  if (!k->time_ms || k->due_ms <= k->soonest_ms || !has_grown(k)) return;
  k->due_ms = k->soonest_ms;
  when_schedule(k);
}

/* ---- Afterwards ---- */

/* Milliseconds for which all rest. */
static uint64_t have_rest(struct cycles *k) {
  uint64_t most = 0;
  for (uint32_t i = 0; i < k->host_count; i++) {
    uint64_t rest_ms = k->hosts[i].spent_ms * SHARE;
    struct client *c = rest_ms > REST_MOST_MS ? messages_client_of(k, i, k->hosts[i].asked) : NULL;
    if (c) unable_rest(k, c, rest_ms);
    if (rest_ms > most) most = rest_ms;
  }
  return most < REST_MOST_MS ? most : REST_MOST_MS;
}

void when_settle(struct cycles *k, enum cycles_outcome outcome) {
  uint64_t before = k->pause_ms, rest_ms = have_rest(k);
  set_pause(k, outcome == CYCLES_FOUND || k->is_cut_off || has_grown(k));
  if (outcome == CYCLES_UNFINISHED && before && before < k->pause_ms) { /* the next one is longer */
    k->due_ms -= k->pause_ms - before;
    k->pause_ms = before;
  }
  k->not_before_ms = uv_now(k->b->loop) + rest_ms;
}

/* ---- Who asked for one ---- */

static void answer(struct cycles *k, struct client *to, uint64_t request,
                   const struct cycles_past *p) {
  struct pack *m = notify_begin(k->b, MESSAGE_REPLY, OP_act, request, 6);
  pack_uint(m, p->condemned);
  pack_uint(m, p->suspects);
  pack_uint(m, p->members);
  pack_uint(m, p->took_ms);
  pack_text(m, told_outcome(p->outcome));
  pack_text(m, p->why);
  notify_send(k->b, to);
}

static void answer_them(struct cycles *k, bool all, const struct cycles_past *p) {
  for (uint32_t i = 0; i < CYCLES_WAITERS; i++) {
    struct cycles_waiter *w = &k->waiters[i];
    if (!w->host || (!w->is_served && !all)) continue;
    uint32_t host = hosts_find(&k->b->hosts, w->host);
    struct client *to = host == SLAB_NONE ? NULL : hosts_at(&k->b->hosts, host)->client;
    uint64_t request = w->request;
    *w = (struct cycles_waiter){0};
    if (to && to->state == CLIENT_READY) answer(k, to, request, p);
  }
}

void when_answer(struct cycles *k, bool all) {
  answer_them(k, all, k->rounds ? told_last(k, 0) : &(struct cycles_past){0});
}

void when_answer_none(struct cycles *k) {
  k->is_wanted = false;
  answer_them(k, true, &(struct cycles_past){0});
}

void cycles_ask(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct cycles *k = b->cycles;
  uint32_t i = 0;
  while (i < CYCLES_WAITERS && k->waiters[i].host) i++;
  if (grace_is_on(b)) {
    notify_refuse(from, m, STATUS_busy,
                  "the broker was started again and waits for its workers, %u s at most; try again "
                  "later",
                  grace_left(b));
    return;
  }
  if (i == CYCLES_WAITERS) {
    notify_refuse(from, m, STATUS_busy, "%d wait for a round already", CYCLES_WAITERS);
    return;
  }
  k->waiters[i] = (struct cycles_waiter){.host = from->id, .request = m->id};
  k->is_wanted = true;
  if (when_may(k))
    round_begin(k);
  else if (k->stage == CYCLES_IDLE)
    when_answer_none(k);
}

bool cycles_cancel(struct client *from, uint64_t request) {
  struct cycles_waiter *all = from->broker->cycles->waiters;
  for (uint32_t i = 0; i < CYCLES_WAITERS; i++) {
    if (all[i].host != from->id || all[i].request != request) continue;
    all[i] = (struct cycles_waiter){0};
    return true;
  }
  return false;
}
