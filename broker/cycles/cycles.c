/* SPDX-License-Identifier: MIT
 *
 * What happens to a round: answers, deaths, time, the end of the broker.
 */
#include "broker/cycles/cycles.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/base/late.h"
#include "broker/cycles/internal.h"
#include "proto/body.h"
#include "proto/status.h"

/* The member that was asked with this request; NULL: nobody. */
static struct cycles_member *find_member(const struct cycles *k, const struct client *c,
                                         uint64_t request) {
  if (!round_is_asking(k) || c->host >= k->host_count || k->hosts[c->host].member == SLAB_NONE)
    return NULL;
  struct cycles_member *m = &k->members[k->hosts[c->host].member];
  return m->id == c->id && m->request && (!request || (m->request == request && !m->answered))
             ? m
             : NULL;
}

/* It cannot say. */
static void note_error(struct cycles *k, struct cycles_member *m, struct client *from,
                       const struct message *msg) {
  struct reader r;
  uint32_t count, size = 0;
  uint64_t status = 0;
  const char *text = "";
  char why[CYCLES_WHY];
  reader_open(&r, msg->body, msg->body_size, &count);
  if (reader_uint(&r, &status) && !reader_string(&r, &text, &size)) size = 0;
  if (size > sizeof why) size = sizeof why;
  snprintf(why, sizeof why, "%s: %.*s", status_name((enum status)status), (int)size, text);
  round_drop(k, m);
  unable_says(k, from, status == STATUS_unsupported, why);
}

/* A suspect of the part that is halted was used: nothing comes of it. */
static void note_touch(struct cycles *k) {
  if (k->phase == CYCLES_HALT && round_is_asking(k) && !k->is_lost && round_is_touched(k))
    halt_touched(k);
}

bool cycles_answered(struct client *from, const struct message *m) {
  struct cycles *k = from->broker->cycles;
  struct cycles_member *member = find_member(k, from, m->id);
  if (!member) return false;
  note_touch(k); /* what was read before this answer was sent before it */
  if (m->kind == MESSAGE_ERROR) {
    note_error(k, member, from, m);
  } else if (!messages_read(k, member, from, m)) {
    round_drop(k, member); /* its connection ends */
  } else {
    client_answer_came(from);
    member->answered = true;
    k->waiting--;
    if (k->is_lost) {
      /* It may be what the others have done that it tells. */
    } else if (k->phase == CYCLES_HALT && (member->live || member->is_unable)) {
      round_lose_for(k, "worker %s uses a suspected object", from->name);
      halt_bar(k, member, UNABLE_USES);
    } else if (k->phase == CYCLES_HALT) {
      halt_note_clear(member);
    }
  }
  round_react(k);
  return true;
}

void cycles_on_withdraw(struct client *from, const struct message *m) {
  struct cycles *k = from->broker->cycles;
  struct reader r;
  uint32_t count;
  uint64_t number;
  reader_open(&r, m->body, m->body_size, &count);
  if (!reader_uint(&r, &number)) {
    client_fault(from, "'withdraw' wants the number of a round");
    return;
  }
  const struct cycles_member *member = find_member(k, from, 0);
  if (number != k->number || k->phase != CYCLES_HALT || !member) return;
  halt_withdrawn(k, member, from);
  round_react(k);
}

void cycles_ended(struct client *c) {
  struct cycles *k = c->broker->cycles;
  if (!k) return;
  for (uint32_t i = 0; c->id && i < CYCLES_WAITERS; i++)
    if (k->waiters[i].host == c->id) k->waiters[i] = (struct cycles_waiter){0};
  /* It may end anywhere: the round goes on at the end of this turn. */
  struct cycles_member *m = find_member(k, c, 0);
  if (m) round_drop(k, m);
}

/* In scan or check: all of what they have and hold is live. Nobody has stood still for them, but
 * the round has: the next ones go without them. */
static void drop_late_ones(struct cycles *k) {
  for (uint32_t i = 0; i < k->member_count; i++) {
    struct cycles_member *m = &k->members[i];
    if (!m->request || m->answered) continue;
    struct client *c = messages_client(k, m);
    round_drop(k, m);
    if (c) unable_hung(k, c);
  }
  round_expect_answers(k); /* nobody's: it goes on at once, or at the end of this turn */
}

void cycles_late(struct cycles *k) {
  if (k->b->refs.is_decided) return;
  if (is_late(uv_now(k->b->loop), k->late_ms)) {
    round_expect(k, 1); /* what came meanwhile is read first */
    return;
  }
  if (round_is_asking(k) && k->phase == CYCLES_HALT)
    halt_late(k);
  else if (k->stage == CYCLES_WAIT)
    drop_late_ones(k);
  else
    round_stop_for(k, "the broker took too long");
  round_react(k);
}

bool cycles_awaits(const struct client *c) {
  const struct cycles_member *m = find_member(c->broker->cycles, c, 0);
  return m && !m->answered;
}

void cycles_end_turn(struct broker *b) {
  struct cycles *k = b->cycles;
  if (k->stage == CYCLES_IDLE) when_hurry(k);
  if (k->stage == CYCLES_IDLE || b->refs.is_decided) return;
  note_touch(k);
  round_react(k);
}

void cycles_stop(struct broker *b) {
  struct cycles *k = b->cycles;
  k->is_wanted = false;
  while (b->refs.is_decided) round_run_slice(k);
  if (k->stage != CYCLES_IDLE && k->stage != CYCLES_CLEAR) {
    round_stop_for(k, "another program goes on in the broker's place");
    round_react(k);
  }
  while (k->stage == CYCLES_CLEAR) round_run_slice(k);
  work_remove(&b->work, &k->job);
  when_answer(k, true);
}

/* ---- Beginning and end of the broker ---- */

bool cycles_open(struct broker *b, uint64_t time_ms, uint32_t quiet_s) {
  struct cycles *k = b->cycles = calloc(1, sizeof *k);
  if (!k) return false;
  k->b = b;
  k->time_ms = time_ms;
  k->quiet_s = quiet_s;
  k->limit = CYCLES_TURNS;
  uv_timer_init(b->loop, &k->timer);
  k->timer.data = k;
  when_begin(k);
  return true;
}

void cycles_close(struct broker *b) {
  if (!b->cycles) return;
  b->cycles->is_closed = true;
  uv_close((uv_handle_t *)&b->cycles->timer, NULL);
}

void cycles_deinit(struct broker *b) {
  if (!b->cycles) return;
  round_free(b->cycles);
  free(b->cycles);
  b->cycles = NULL;
}

const char *cycles_check(const struct broker *b) {
  const struct cycles *k = b->cycles;
  if (k->stage == CYCLES_IDLE && (b->refs.trials || b->refs.is_decided))
    return "cycles: tokens are on trial, and there is no round";
  if (!k->is_running && job_is_queued(&k->job) != round_is_working(k))
    return "cycles: the round goes on, and is no job; or it waits, and is one";
  if (b->refs.is_decided && k->stage != CYCLES_CONDEMN && k->stage != CYCLES_CONVICT)
    return "cycles: it is decided, and nobody is told";
  if (k->stage == CYCLES_WAIT && !uv_is_active((const uv_handle_t *)&k->timer))
    return "cycles: answers are waited for without an end";
  uint32_t waiting = 0;
  for (uint32_t i = 0; round_is_asking(k) && i < k->member_count; i++)
    waiting += k->members[i].request && !k->members[i].answered;
  return round_is_asking(k) && waiting != k->waiting
             ? "cycles: another number of workers has not answered"
             : NULL;
}
