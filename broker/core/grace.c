/* SPDX-License-Identifier: MIT
 *
 * One timer, which also looks now and then whether the process of an absent one has ended, and one
 * job: it decides what waits for those whose fate is known, and then settles all tokens.
 */
#include "broker/core/grace.h"

#include <stdatomic.h>

#include "broker/base/process.h"
#include "broker/core/claiming.h"
#include "broker/core/releases.h"
#include "broker/core/succession.h"
#include "proto/base.h"

/* How often time is counted, and how much of it at most: a broker that was stopped, or a machine,
 * has not waited for anybody meanwhile, and what they sent is still in its sockets. How many
 * processes are looked at then, and how many absent ones are looked through for those at most; the
 * units of work for a process. */
enum {
  TICK_MS = 100,
  TICK_MOST_MS = 2 * TICK_MS,
  JUDGED_PER_TICK = 64,
  SEEN_PER_TICK = 4096,
  JUDGE_COST = 100
};
enum { CLAIMS_SLICE = WORK_QUANTUM / CLAIM_COST, SWEEP_COST = 1 };

void grace_open(struct broker *b) {
  uv_timer_init(b->loop, &b->grace.timer);
  b->grace.timer.data = b;
}

bool grace_init(struct broker *b, uint64_t seed) {
  claims_init(&b->grace.claims);
  return absents_init(&b->grace.absents, seed);
}

void grace_close(struct broker *b) { uv_close((uv_handle_t *)&b->grace.timer, NULL); }

void grace_deinit(struct broker *b) {
  absents_deinit(&b->grace.absents);
  claims_deinit(&b->grace.claims);
}

uint32_t grace_left(const struct broker *b) {
  return (uint32_t)((b->grace.left_ms + 999) / 1000);
}

const struct absent *grace_absent(const struct broker *b, uint32_t number, uint64_t id) {
  const struct absents *a = &b->grace.absents;
  if (!absents_count(a)) return NULL;
  const struct client *c = number == SLAB_NONE ? NULL : hosts_at(&b->hosts, number)->client;
  uint32_t i = c ? c->absent : absents_find(a, id);
  return i == SLAB_NONE ? NULL : absents_at(a, i);
}

/* ---- The end ---- */

/* Tokens that nobody has claimed; those of hosts that are dead go with them. */
static bool sweep_slice(struct broker *b) {
  struct drops d;
  struct grace *g = &b->grace;
  uint32_t units = 0;
  releases_begin(&d, NULL);
  while (units < WORK_QUANTUM && (g->swept = slab_next(&b->refs.tokens, g->swept)) != SLAB_NONE) {
    bool is_held = refs_token(&b->refs, g->swept)->holds != SLAB_NONE;
    if (!is_held) releases_settle(b, &d, g->swept);
    units += is_held ? SWEEP_COST : RELEASE_COST;
    g->swept++;
  }
  releases_send(b, &d);
  work_charge(&b->work, units);
  if (g->swept != SLAB_NONE) return true;
  b->refs.kept = REFS_SETTLED;
  return false;
}

/* Everybody's loads are what was claimed, and are needed: nobody has to collect because of them. */
static void settle_loads(struct broker *b) {
  for (const struct client *c = b->connections.all; c; c = c->next)
    if (c->host != SLAB_NONE) loads_settle(&b->loads, c->host);
}

static void finish(struct broker *b) {
  struct grace *g = &b->grace;
  uv_timer_stop(&g->timer);
  g->is_on = false;
  g->swept = 0;
  b->refs.kept = REFS_SWEPT;
  settle_loads(b);
  succession_all_back(b);
  log_line(&b->log, g->missed ? LOG_WARN : LOG_INFO,
           "the grace period is over after %.3f s: %u workers have come back, %u are dead",
           (double)(uv_now(b->loop) - g->began_ms) / 1e3, g->came, g->missed);
}

/* ---- The job ---- */

static bool go_on(struct work *w, struct job *j) {
  struct broker *b = container_of(w, struct broker, work);
  struct absents *a = &b->grace.absents;
  uint32_t left = CLAIMS_SLICE;
  (void)j;
  while (left && a->first_settled != SLAB_NONE && claiming_decide(b, &left))
    absents_remove_first_settled(a);
  work_charge(w, (uint64_t)(CLAIMS_SLICE - left) * CLAIM_COST);
  if (a->first_settled != SLAB_NONE) return true;
  if (b->grace.is_on && absents_count(a) == 0) finish(b);
  return b->refs.kept == REFS_SWEPT && sweep_slice(b);
}

/* The fate of one is known. */
static void settle(struct broker *b, uint32_t absent) {
  absents_settle(&b->grace.absents, absent);
  if (!job_is_queued(&b->grace.job)) work_add(&b->work, &b->grace.job, go_on);
}

/* ---- Who comes, and who does not ---- */

void grace_came(struct client *c, uint32_t absent) {
  const struct absent *k = absents_at(&c->broker->grace.absents, absent);
  c->absent = absent;
  c->slot = k->slot;
  absents_come(&c->broker->grace.absents, absent, c->host);
  roster_set_process(&c->broker->roster, c->slot, c->pid, c->born);
}

void grace_back(struct client *c) {
  uint32_t absent = c->absent;
  c->absent = SLAB_NONE;
  c->broker->grace.came++;
  settle(c->broker, absent);
}

void grace_give_up_slot(struct client *c) {
  struct broker *b = c->broker;
  if (c->slot == SLAB_NONE) return;
  roster_free(&b->roster, c->slot);
  c->slot = SLAB_NONE;
  if (c->absent != SLAB_NONE) absents_at(&b->grace.absents, c->absent)->slot = SLAB_NONE;
}

void grace_ended(struct client *c) {
  uint32_t absent = c->absent;
  if (absent == SLAB_NONE) return;
  c->absent = SLAB_NONE;
  c->broker->grace.missed++;
  settle(c->broker, absent);
}

/* One that is not connected is dead. */
static void bury(struct broker *b, uint32_t absent) {
  struct absent *k = absents_at(&b->grace.absents, absent);
  roster_free(&b->roster, k->slot);
  k->slot = SLAB_NONE;
  b->grace.missed++;
  settle(b, absent);
  if (!k->retired) succession_settle(b, k->name, k->name_size);
}

static struct log_about about_absent(const struct broker *b, const struct absent *k) {
  const struct roster_slot *s = k->slot == SLAB_NONE ? NULL : roster_at(&b->roster, k->slot);
  return (struct log_about){.worker = k->name, .id = s ? s->host : 0, .pid = s ? s->pid : 0,
                            .uid = s ? (uid_t)s->uid : LOG_NO_UID};
}

/* Slots first, so that none of them comes back to a later broker, whatever becomes of this one. */
static void lapse(struct broker *b) {
  struct absents *a = &b->grace.absents;
  for (uint32_t i = slab_next(&a->all, 0); i != SLAB_NONE; i = slab_next(&a->all, i + 1)) {
    const struct absent *k = absents_at(a, i);
    if (k->is_settled) continue;
    log_peer(&b->log, LOG_WARN, CAUSE_ROSTER, about_absent(b, k),
             "worker %s did not come back within the grace period (--return-grace), and is dead",
             k->name);
    if (k->number == SLAB_NONE) {
      bury(b, i);
      continue;
    }
    struct client *c = hosts_at(&b->hosts, k->number)->client;
    grace_give_up_slot(c);
    grace_ended(c);
    client_condemn(c, "it came back, and did not say within the grace period that this was all");
  }
}

/* It has not connected, and its fate is not known. */
static bool is_away(const struct absent *k) { return !k->is_settled && k->number == SLAB_NONE; }

bool grace_has_ended(struct broker *b, uint32_t absent) {
  const struct absent *k = absents_at(&b->grace.absents, absent);
  if (!is_away(k)) return false;
  const struct roster_slot *s = roster_at(&b->roster, k->slot);
  work_charge(&b->work, JUDGE_COST);
  if (!process_has_ended(s->pid, s->start)) return false;
  log_peer(&b->log, LOG_INFO, CAUSE_ROSTER, about_absent(b, k),
           "worker %s has ended before it came back (process %ld)", k->name, (long)s->pid);
  bury(b, absent);
  return true;
}

/* One whose name or objects others wait for may have been killed meanwhile. */
static void judge_some(struct broker *b) {
  struct absents *a = &b->grace.absents;
  int judged = 0;
  for (int seen = 0; judged < JUDGED_PER_TICK && seen < SEEN_PER_TICK; seen++) {
    uint32_t k = b->grace.judged = slab_next(&a->all, b->grace.judged);
    if (k == SLAB_NONE) {
      b->grace.judged = 0;
      return;
    }
    b->grace.judged++;
    judged += is_away(absents_at(a, k));
    grace_has_ended(b, k);
  }
}

static void on_tick(uv_timer_t *timer) {
  struct broker *b = timer->data;
  struct grace *g = &b->grace;
  uint64_t took = uv_now(b->loop) - g->ticked_ms;
  if (took > TICK_MOST_MS) took = TICK_MOST_MS;
  g->ticked_ms = uv_now(b->loop);
  g->left_ms -= took < g->left_ms ? took : g->left_ms;
  if (g->left_ms == 0)
    lapse(b);
  else
    judge_some(b);
}

bool grace_begin(struct broker *b, uint64_t ms) {
  struct grace *g = &b->grace;
  struct roster *r = &b->roster;
  for (uint32_t i = 0; i < r->slots; i++) {
    const struct roster_slot *s = roster_at(r, i);
    uint64_t host = atomic_load_explicit(&s->host, memory_order_relaxed);
    if (host && absents_add(&g->absents, host, i, s->name, s->name_size, s->retired) == SLAB_NONE)
      return false;
  }
  if (!r->used) return true;
  g->is_on = true;
  b->refs.kept = REFS_KEPT;
  g->began_ms = g->ticked_ms = uv_now(b->loop);
  g->left_ms = ms;
  uv_timer_start(&g->timer, on_tick, ms < TICK_MS ? ms : TICK_MS, TICK_MS);
  return true;
}

/* ---- Check ---- */

static const char *check_absent(const struct broker *b, const struct absent *k, uint32_t index) {
  for (uint32_t p = k->claims; p != SLAB_NONE; p = claims_next_of_absent(&b->grace.claims, p))
    if (claims_run_at(&b->grace.claims, p)->absent != index)
      return "grace: a claim waits for another one";
  if (k->is_settled) return NULL;
  const struct client *c =
      k->number == SLAB_NONE ? NULL : hosts_at(&b->hosts, k->number)->client;
  if (c ? c->slot != k->slot : k->slot == SLAB_NONE)
    return "grace: an absent one has no slot, or its client has another";
  if (k->slot != SLAB_NONE && roster_at(&b->roster, k->slot)->host != k->host)
    return "grace: an absent one has another's slot";
  if (k->number != SLAB_NONE && (!c || c->absent != index))
    return "grace: one that came does not know that it is awaited";
  return NULL;
}

const char *grace_check(const struct broker *b) {
  const struct grace *g = &b->grace;
  const char *fault = absents_check(&g->absents);
  if (!fault) fault = claims_check(&g->claims);
  for (uint32_t i = slab_next(&g->absents.all, 0); !fault && i != SLAB_NONE;
       i = slab_next(&g->absents.all, i + 1))
    fault = check_absent(b, absents_at(&g->absents, i), i);
  if (fault) return fault;
  if (!g->is_on && g->absents.all.count) return "grace: it is over, and one is absent";
  if (g->is_on != (b->refs.kept == REFS_KEPT)) return "grace: tokens are kept, or are not";
  if (g->is_on && !absents_count(&g->absents) && !job_is_queued(&g->job))
    return "grace: all are back, and it is not over";
  if ((b->refs.kept == REFS_SWEPT || g->absents.first_settled != SLAB_NONE) &&
      !job_is_queued(&g->job))
    return "grace: there is more to do, and no job";
  for (const struct client *c = b->connections.all; c; c = c->next) {
    uint32_t waiting = 0;
    if (c->host == SLAB_NONE) continue;
    for (uint32_t i = claims_first_of_client(&g->claims, c->host); i != SLAB_NONE;
         i = owners_next(&g->claims.by_client, i))
      for (uint32_t r = claims_at(&g->claims, i)->runs; r != SLAB_NONE;
           r = claims_next_of_claim(&g->claims, r))
        waiting += claims_run_at(&g->claims, r)->count;
    if (waiting != c->claimed) return "grace: another number of a client's claims waits";
  }
  return NULL;
}
