/* SPDX-License-Identifier: MIT
 *
 * The order matters to those who are told: first the answers to what they had
 * asked of the dead one, then the news of its death, then the drops of what it
 * held (core/releases.c). All of it is done in slices (base/work.h): meanwhile nobody is served by
 * it or heard from it, and its name is taken. Its tokens need no walk: a token is dead because its
 * host's record has no connection.
 */
#include "broker/ops/coming/reap.h"

#include <assert.h>

#include "broker/core/claiming.h"
#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/pairs.h"
#include "broker/core/releases.h"
#include "broker/core/seen.h"
#include "broker/core/state.h"
#include "broker/core/succession.h"
#include "broker/net/connections.h"
#include "broker/ops/refs/collect.h"
#include "broker/ops/watch/watch.h"

/* Units of work for what one request or wait needs when its end has come, and how many of them a
 * slice has. */
enum { REAP_COST = 5, REAP_SLICE = WORK_QUANTUM / REAP_COST };
/* The same for one who is told of the end: most of it is the write to its socket, in the same turn.
 * Records that are put back for one unit. */
enum { TELL_COST = 20, TELL_SLICE = WORK_QUANTUM / TELL_COST, PUT_BACK_PER_UNIT = 4 };

/* Requests it had been asked. What it cannot have read, or says that it has not begun, was not
 * done, and may be asked again. */
static void answer_askers(struct broker *b, const struct client *c, uint32_t *left) {
  for (uint32_t i; *left && (i = calls_first_served(&b->calls, c->host)) != SLAB_NONE; --*left) {
    const struct call *call = calls_at(&b->calls, i);
    struct client *asker =
        call->asker == SLAB_NONE ? NULL : hosts_at(&b->hosts, call->asker)->client;
    if (asker && !c->leaves && client_was_sent(c, call->sent_at))
      notify_error(asker, call->op, call->asked_id, STATUS_lost, NOTIFY_LOST_TEXT, c->name);
    else if (asker)
      notify_error(asker, call->op, call->asked_id, STATUS_dead, NOTIFY_DEAD_HOST_TEXT, c->name,
                   notify_fate(hosts_at(&b->hosts, c->host)));
    pairs_answered(b, i);
  }
}

/* Requests it had asked: the records stay until they are answered. */
static void cancel_requests(struct broker *b, const struct client *c, uint32_t *left) {
  for (uint32_t i; *left && (i = calls_first_asked(&b->calls, c->host)) != SLAB_NONE; --*left) {
    const struct call *call = calls_at(&b->calls, i);
    struct client *host = hosts_at(&b->hosts, call->host)->client;
    if (host) notify_cancel(host, call->id, c->account);
    calls_abandon(&b->calls, i);
  }
}

/* Watches, collections that it or others wait for, and claims. */
static void end_waits(struct broker *b, struct client *c, uint32_t *left) {
  while (*left && names_unwatch_one(&b->names, c->host)) --*left;
  while (*left && collect_end_one(c)) --*left;
  while (*left && claiming_end_one(c)) --*left;
}

/* Tells those who know it and have not been told, so many as one slice allows; true when all have
 * been. One that comes to know it meanwhile is told by a later slice. */
static bool tell_death(struct broker *b, const struct client *c) {
  uint64_t id = hosts_at(&b->hosts, c->host)->id;
  uint32_t told = 0;
  for (uint32_t i; (i = loads_first_of_host(&b->loads, c->host)) != SLAB_NONE; told++) {
    if (told == TELL_SLICE) break;
    struct client *to = hosts_at(&b->hosts, loads_at(&b->loads, i)->client)->client;
    loads_note_told(&b->loads, i);
    if (to) notify_dead(to, id, c->account);
  }
  work_charge(&b->work, told * TELL_COST);
  return loads_first_of_host(&b->loads, c->host) == SLAB_NONE;
}

/* What others have of it is of a dead one from now on. Who comes to know it is told at once. */
static void note_left(struct broker *b, const struct client *c) {
  uint32_t n = 0;
  for (uint32_t i; (i = loads_first_told(&b->loads, c->host)) != SLAB_NONE; n++) {
    const struct load *l = loads_at(&b->loads, i);
    struct account *holder = accounts_of(&b->connections.accounts, l->client);
    if (l->held && holder->left == 0) holder->left_ms = uv_now(b->loop);
    holder->left += l->held;
    loads_put_back(&b->loads, i);
  }
  work_charge(&b->work, n / PUT_BACK_PER_UNIT);
}

/* What it asked and was asked, so much as one slice allows; true when nothing is left. */
static bool end_requests(struct broker *b, struct client *c) {
  uint32_t left = REAP_SLICE;
  answer_askers(b, c, &left);
  cancel_requests(b, c, &left);
  end_waits(b, c, &left);
  work_charge(&b->work, (uint64_t)(REAP_SLICE - left) * REAP_COST);
  return left > 0;
}

/* Its process has ended, and not with status 0. */
static bool has_failed(const struct client *c) {
  return c->end.how == PROCESS_KILLED || (c->end.how == PROCESS_EXITED && c->end.status != 0);
}

/* Why is what is known: what the broker has against it, or how its process ended. */
static void log_end(struct broker *b, const struct client *c) {
  char buffer[PROCESS_END_BYTES];
  const char *how = process_end_text(c->end, buffer);
  if (*c->reason)
    log_peer(&b->log, LOG_WARN, CAUSE_DISCONNECTED, client_about_why(c, c->reason),
             "disconnected %s (process %ld)", c->name, (long)c->pid);
  else if (c->host != SLAB_NONE && c->observer)
    log_peer(&b->log, LOG_DEBUG, CAUSE_COMING, client_about(c), "observer %s left (process %ld)",
             c->name, (long)c->pid);
  else if (c->host != SLAB_NONE && c->leaves && has_failed(c))
    log_peer(&b->log, LOG_INFO, CAUSE_ENDED, client_about_why(c, how),
             "worker %s left (process %ld)", c->name, (long)c->pid);
  else if (c->host != SLAB_NONE && c->leaves)
    log_peer(&b->log, LOG_INFO, CAUSE_COMING, client_about(c),
             "worker %s left in good order (process %ld)", c->name, (long)c->pid);
  else if (c->host != SLAB_NONE)
    log_peer(&b->log, LOG_INFO, CAUSE_ENDED, client_about_why(c, how),
             "worker %s ended (process %ld)", c->name, (long)c->pid);
}

bool reap(struct client *c) {
  struct broker *b = c->broker;
  assert(c->state == CLIENT_CONDEMNED && !c->walk);
  assert(c->slot == SLAB_NONE); /* given up when it was condemned, before anybody was told */
  grace_ended(c);
  seen_forget(c);
  watch_forget(c);
  succession_forget(c);
  if (c->host != SLAB_NONE && (!end_requests(b, c) || !tell_death(b, c))) return false;
  log_end(b, c);
  if (c->host != SLAB_NONE) {
    if (c->name_record != SLAB_NONE) succession_give_up(c);
    note_left(b, c);
    assert(calls_served_count(&b->calls, c->host) == 0);
    assert(calls_asked_count(&b->calls, c->host) == 0);
    hosts_at(&b->hosts, c->host)->client = NULL;
    releases_host_died(b, c->host);
    c->host = SLAB_NONE;
    c->id = 0;
    c->name = "a client that has ended"; /* the record that had its name may be gone */
  }
  client_close(c);
  return true;
}
