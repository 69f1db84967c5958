/* SPDX-License-Identifier: MIT
 *
 * Whatever becomes of a message, its PTs have been taken (transfer.h) before and
 * are settled after. A request is either forwarded or refused with one error.
 */
#include "broker/ops/route/route.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "broker/core/expiry.h"
#include "broker/core/grace.h"
#include "broker/core/meter.h"
#include "broker/core/notify.h"
#include "broker/core/pairs.h"
#include "broker/core/permissions.h"
#include "broker/core/seen.h"
#include "broker/core/state.h"
#include "broker/core/transfer.h"
#include "broker/core/way.h"
#include "broker/cycles/cycles.h"
#include "broker/net/limits.h"
#include "broker/ops/refs/collect.h"
#include "broker/ops/route/flow.h"
#include "broker/ops/route/reach.h"
#include "proto/body.h"
#include "proto/closed.h"
#include "proto/limits.h"
#include "proto/name.h"

/* Units of work for a refusal: its text, and the messages that tell it. */
enum { REFUSED_COST = 10 };

static bool is_there(const struct broker *b, uint64_t id) {
  uint32_t host = hosts_find(&b->hosts, id);
  return host != SLAB_NONE && hosts_at(&b->hosts, host)->client;
}

/* The worker a request is for, if it has not come back yet, or not said that this is all. */
static const struct absent *find_absent(const struct broker *b, const struct message *m) {
  const struct absents *a = &b->grace.absents;
  if (!absents_count(a)) return NULL;
  if (m->target == OP_PT) return grace_absent(b, hosts_find(&b->hosts, m->pt.host), m->pt.host);
  uint32_t i = absents_find_name(a, m->name, m->name_size);
  if (i != SLAB_NONE) return absents_at(a, i);
  uint32_t host = names_host(&b->names, m->name, m->name_size);
  return host == SLAB_NONE ? NULL : grace_absent(b, host, hosts_at(&b->hosts, host)->id);
}

/* Refuses a request. Nobody waits for a one-way request, so its refusal is also logged. */
__attribute__((format(printf, 4, 5)))
static void refuse(struct client *from, const struct message *m, enum status status,
                   const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  client_charge(from, REFUSED_COST);
  notify_refuse_text(from, m, status, text);
  /* The sender has entered it into its window, and nobody is going to report it as taken. */
  if (m->target == OP_PT && flow_counts(from, m) &&
      (is_there(from->broker, m->pt.host) || find_absent(from->broker, m)))
    notify_grant(from, m->pt.host, &(struct window){.requests = 1, .bytes = m->size}, 0);
  if (!(m->flags & MESSAGE_ONE_WAY)) return;
  log_peer(&from->broker->log, LOG_WARN, CAUSE_POST, client_about_why(from, text),
           "a one-way '%s' of %s was not delivered", op_name(m->op), from->name);
}

/* The host (its number) a request is for, and the object if it is for one of another; that is a
 * mention of it. False: it has been refused. */
static bool find_host(struct client *from, const struct message *m, uint32_t *host,
                      uint32_t *token) {
  struct broker *b = from->broker;
  *token = SLAB_NONE;
  if (m->target == OP_NAME) {
    *host = names_host(&b->names, m->name, m->name_size);
    if (*host != SLAB_NONE) return true;
    const char *fault = name_fault(m->name, m->name_size);
    if (fault)
      refuse(from, m, STATUS_unsupported, "no worker can have this name: a worker's name %s",
             fault);
    else
      refuse(from, m, STATUS_dead, NOTIFY_DEAD_TEXT, (int)m->name_size, m->name);
    return false;
  }
  if (way_find(from, &m->pt, host, token)) return true;
  refuse(from, m, STATUS_denied,
         "the request is for an object that you were never given, or have given back");
  client_forged(from, "a request is for an object it does not hold");
  return false;
}

/* What an honest sandboxed worker never asks: whoever does so has broken out of it. */
static bool is_closed(const struct client *from, const struct client *to, const struct message *m) {
  struct reader r;
  uint32_t count, size;
  const char *title;
  if (!from->sandboxed || from == to || m->op != OP_apply) return false;
  if (!reader_open(&r, m->body, m->body_size, &count) || !reader_string(&r, &title, &size) ||
      !closed_title(title, size))
    return false;
  log_peer(&from->broker->log, LOG_WARN, CAUSE_POLICY, client_about(from),
           "denied: %s (user %u, process %ld) is sandboxed and may not ask %s for '%.*s'; its "
           "worker program does not, so other code may run in it",
           from->name, (unsigned)from->uid, (long)from->pid, to->name, (int)(size < 64 ? size : 64),
           title);
  return true;
}

/* Whether `to` may be given what it does not hold yet, which `asker` pays. If not, *status is what
 * to say. */
static bool may_hold(struct client *asker, const struct client *to, const struct transfer *t,
                     char *full, enum status *status) {
  struct broker *b = asker->broker;
  if (!accounts_full(&b->connections.accounts, asker->account, ACCOUNT_HELD, t->count))
    return true;
  uint32_t new = transfer_count_new(b, t, to);
  if (!new || limits_allow(asker, ACCOUNT_HELD, new, full)) return true;
  *status = limits_status(to, ACCOUNT_HELD, new);
  return false;
}

/* Whether `to` has a place for another request of `from`. False: it has been refused. */
static bool has_place(struct client *from, const struct client *to, const struct message *m) {
  char full[LIMITS_TEXT];
  if (!client_has_room(to)) {
    snprintf(full, sizeof full,
             "worker %s has more waiting for it than it reads, %zu bytes (a part of --max-queued)",
             to->name, to->outbox.bytes);
    limits_note_refusal(from, full);
    refuse(from, m, STATUS_busy, "%s; try again later", full);
    return false;
  }
  if (m->flags & MESSAGE_ONE_WAY || /* it takes no place, as nobody waits for its answer */
      calls_has_place(&from->broker->calls, to->host,
                      from->account->process->used[ACCOUNT_REQUESTS]))
    return true;
  snprintf(full, sizeof full,
           "worker %s has more requests to answer than leave a place for another of this process",
           to->name);
  limits_note_refusal(from, full);
  refuse(from, m, STATUS_busy, "%s; wait for answers", full);
  return false;
}

/* The connection a request is for, and the object (find_host); NULL: it has been refused. */
static struct client *find_receiver(struct client *from, const struct transfer *t,
                                    const struct message *m, uint32_t *token) {
  struct broker *b = from->broker;
  uint32_t number;
  const struct absent *absent = find_absent(b, m);
  if (absent) {
    refuse(from, m, notify_away_status(from), NOTIFY_AWAY_TEXT, absent->name_size, absent->name);
    return NULL;
  }
  if (!find_host(from, m, &number, token)) return NULL;
  const struct host *host = hosts_at(&b->hosts, number);
  if (!host->client || host->client->state != CLIENT_READY || host->client->leaves) {
    refuse(from, m, STATUS_dead, NOTIFY_DEAD_HOST_TEXT, host->name, notify_fate(host));
    return NULL;
  }
  if (m->op == OP_eval || calls_op_looks(m->op)) {
    char why[REACH_TEXT];
    enum status status;
    if (!reach_may(from, host, m, &status, why, sizeof why)) {
      refuse(from, m, status, "%s", why);
      return NULL;
    }
  } else if (!permission_to_ask(from, number, m)) {
    refuse(from, m, STATUS_denied, "this broker's policy does not let you ask worker %s for '%s'",
           host->name, op_name(m->op));
    return NULL;
  }
  if (is_closed(from, host->client, m)) {
    refuse(from, m, STATUS_denied,
           "you are sandboxed: environments, metatables and 'debug' of objects of worker %s are "
           "closed to you",
           host->name);
    return NULL;
  }
  if (!op_in_version(m->info, m->body_count, host->client->version)) {
    refuse(from, m, STATUS_unsupported,
           "worker %s speaks version %u of the wire, which does not have '%s' (%u values); update "
           "its gaijin",
           host->name, host->client->version, op_name(m->op), m->body_count);
    return NULL;
  }
  if (!transfer_in_version(t, host->client->version)) {
    refuse(from, m, STATUS_unsupported,
           "worker %s speaks version %u of the wire, which has no null pointers; update its gaijin",
           host->name, host->client->version);
    return NULL;
  }
  if (!has_place(from, host->client, m)) return NULL;
  char full[LIMITS_TEXT];
  enum status status = STATUS_busy;
  if (!limits_allow(from, ACCOUNT_BYTES, m->size, full)) {
    refuse(from, m, limits_status(from, ACCOUNT_BYTES, m->size), "%s", full);
    return NULL;
  }
  if (t->count && !may_hold(from, host->client, t, full, &status)) {
    refuse(from, m, status, "worker %s can be given no more objects: %s", host->name, full);
    return NULL;
  }
  return host->client;
}

/* Enters a request into the books of its pair; false: it has been refused. */
static bool enter(struct client *from, struct client *to, uint32_t load, const struct message *m) {
  if (flow_enter(from, load, m)) return true;
  client_oversteps(from);
  if (flow_counts(from, m))
    refuse(from, m, STATUS_busy,
           "worker %s has not taken what you sent it before, and the window has no room for more; "
           "wait until it has taken some",
           to->name);
  else
    refuse(from, m, STATUS_busy,
           "worker %s has as many requests of yours as you may have open there; wait for answers",
           to->name);
  return false;
}

/* The id the receiver sees, with a record for the answer (its index, and *k; SLAB_NONE: none is
 * wanted); 0: the request has been refused. */
static uint64_t make_call(struct client *from, struct client *to, uint32_t load,
                          const struct message *m, uint32_t *call, struct call **record) {
  struct calls *calls = &from->broker->calls;
  *call = SLAB_NONE;
  struct load *pair = loads_at(&from->broker->loads, load);
  if (m->flags & MESSAGE_ONE_WAY) {
    meter_post(from->broker, pair, m->size);
    return calls_next_id(calls);
  }
  char full[LIMITS_TEXT];
  if (pair->asked >= pairs_most(from->broker)) {
    snprintf(full, sizeof full,
             "worker %s has %llu requests of this connection to answer, the part of --max-requests "
             "that one worker may keep",
             to->name, (unsigned long long)pairs_most(from->broker));
    limits_note_refusal(from, full);
    refuse(from, m, STATUS_busy, "%s; wait for answers", full);
    return 0;
  }
  if (!limits_allow(from, ACCOUNT_REQUESTS, 1, full)) {
    refuse(from, m, STATUS_busy, "%s; wait for answers", full);
    return 0;
  }
  bool unbounded = flow_waits(m);
  switch (calls_add(calls, from->host, m->id, to->host, load, (uint8_t)m->op, unbounded, call)) {
    case CALLS_OK:
      pair->asked++;
      expiry_set(from->broker, *call, m->deadline_ms);
      struct call *k = *record = calls_at(calls, *call);
      meter_call(from->broker, pair, k, m->size);
      if (!unbounded) {
        client_answer_due(to);
        meter_begin(from->broker, k);
      }
      return k->id;
    case CALLS_DUPLICATE:
      client_fault(from, "it asked with the id of a request that is still open");
      return 0;
    default:
      refuse(from, m, STATUS_busy, "the broker's memory is too short; try again later");
      return 0;
  }
}

static bool forward_request(struct client *from, struct client *to, uint32_t token,
                            struct transfer *t, const struct message *m, uint8_t *bytes) {
  struct broker *b = from->broker;
  assert(to->state == CLIENT_READY);
  uint32_t call, load = way_pair(from, to->host);
  bool is_new = load == SLAB_NONE;
  if (is_new && !transfer_introduce(b, from->host, to, from->account, &load, NULL)) {
    refuse(from, m, STATUS_busy, "the broker's memory is too short; try again later");
    return false;
  }
  if (m->target == OP_PT && from != to && (is_new || !pt_equal(&from->way.pt, &m->pt)))
    way_note(from, &m->pt, to->host, token, load);
  bool counts = flow_counts(from, m);
  if (!enter(from, to, load, m)) return false;
  struct call *k = NULL;
  uint64_t id = make_call(from, to, load, m, &call, &k);
  if (!id) {
    flow_undo(from, load, m);
    return false;
  }
  if (k) flow_call_begins(from, k, m);
  transfer_give(b, t, to, from->account, from);
  uint16_t one_way = m->flags & MESSAGE_ONE_WAY;
  bool reported = counts && !one_way && to->version >= WIRE_VERSION_COUNTED;
  message_set_flags(bytes, reported ? MESSAGE_COUNTED : one_way);
  message_set_id(bytes, id);
  message_set_peer(bytes, from->id);
  if (k) k->sent_at = client_queued_to(to) + m->size;
  client_push(to, from->account, bytes, m->size);
  client_charge(from, m->size / QUEUED_PER_UNIT);
  if (counts) flow_forwarded(from, to, load, m);
  if (seen_by_any(b)) seen_request(b, from, to, call, t, m);
  return true;
}

void route_request(struct client *from, const struct message *m, uint8_t *bytes) {
  struct broker *b = from->broker;
  char full[LIMITS_TEXT];
  struct client *to = NULL;
  uint32_t token = SLAB_NONE;
  struct transfer t;
  const char *fault;
  switch (transfer_read(&t, from, m, &fault)) {
    case TRANSFER_READ: break;
    case TRANSFER_BAD: client_fault(from, "'%s': %s", op_name(m->op), fault); return;
    case TRANSFER_LATER: return;
  }
  if (t.too_many) {
    refuse(from, m, STATUS_too_large,
           "the request carries more than %u objects, the most a message may; send fewer at a time",
           REFS_MOST);
    transfer_settle(b, &t, NULL);
    return;
  }
  switch (transfer_take(b, &t, from, full)) {
    case TRANSFER_OK: to = find_receiver(from, &t, m, &token); break;
    case TRANSFER_FORGED:
      refuse(from, m, STATUS_denied,
             "the request carries an object that you were never given, or have given back");
      client_forged(from, "a request carries an object it does not hold");
      break;
    case TRANSFER_FULL: refuse(from, m, STATUS_busy, "%s", full); break;
    case TRANSFER_NEVER: refuse(from, m, STATUS_too_large, "%s", full); break;
    case TRANSFER_FAULT: break;
  }
  bool forwarded = to && forward_request(from, to, token, &t, m, bytes);
  transfer_settle(b, &t, forwarded ? to : NULL);
}

/* NULL, or what is wrong with an error's body beyond its form. */
static const char *check_error(const struct message *m) {
  struct reader r;
  uint32_t count;
  uint64_t status;
  if (m->kind != MESSAGE_ERROR) return NULL;
  return reader_open(&r, m->body, m->body_size, &count) && reader_uint(&r, &status)
             ? NULL
             : "an error's first value is not its status";
}

/* Forwards a well-formed answer to a call's asker; returns the asker, NULL when there was none to
 * hear it. */
static struct client *forward_answer(struct client *from, const struct call *call,
                                     struct transfer *t, const struct message *m, uint8_t *bytes,
                                     enum transfer_outcome o, char *full) {
  struct broker *b = from->broker;
  struct client *to = call->asker == SLAB_NONE ? NULL : hosts_at(&b->hosts, call->asker)->client;
  if (!to || to->state != CLIENT_READY) return NULL;
  if (o == TRANSFER_FORGED) {
    notify_error(to, m->op, call->asked_id, STATUS_denied,
                 "worker %s answered with an object that it does not hold", from->name);
    return NULL;
  }
  if (!transfer_in_version(t, to->version)) {
    notify_error(to, m->op, call->asked_id, STATUS_unsupported,
                 "worker %s answered with a null pointer, which version %u of the wire, that you "
                 "speak, does not have; update your gaijin",
                 from->name, to->version);
    return NULL;
  }
  if (t->too_many) {
    notify_error(to, m->op, call->asked_id, STATUS_too_large,
                 "worker %s answered with more than %u objects, the most a message may carry",
                 from->name, REFS_MOST);
    return NULL;
  }
  enum status status = o == TRANSFER_NEVER ? STATUS_too_large : STATUS_busy;
  if (o == TRANSFER_FULL || o == TRANSFER_NEVER ||
      (t->count && (!transfer_leaves_room(b, t, from, to, full) ||
                    !may_hold(to, to, t, full, &status))) ||
      !limits_allow_answer(from, to, m->size, full)) {
    /* It was done: busy would ask for it once more. */
    notify_error(to, m->op, call->asked_id, status == STATUS_busy ? STATUS_lost : status,
                 "worker %s has answered, and there is no room for the answer: %s", from->name,
                 full);
    return NULL;
  }
  transfer_give(b, t, to, from->account, to);
  message_set_id(bytes, call->asked_id);
  message_set_peer(bytes, from->id);
  client_push(to, to->account, bytes, m->size);
  client_charge(from, m->size / QUEUED_PER_UNIT);
  return to;
}

/* An answer whose PTs have been taken. */
static struct client *answer(struct client *from, struct transfer *t, const struct message *m,
                             uint8_t *bytes, enum transfer_outcome o, char *full) {
  struct calls *calls = &from->broker->calls;
  if (m->op == OP_free && from->free_id != 0 && m->id == from->free_id) {
    collect_answered(from, m);
    return NULL;
  }
  if (m->op == OP_cycle && cycles_answered(from, m)) return NULL;
  uint32_t i = calls_find(calls, m->id);
  const struct call *k = i == SLAB_NONE ? NULL : calls_at(calls, i);
  if (!k || k->host != from->host) {
    log_peer(&from->broker->log, LOG_DEBUG, CAUSE_ANSWER, client_about(from),
             "discarded an answer of %s to no open request of it", from->name);
    return NULL;
  }
  if (k->op != m->op) {
    client_fault(from, "it answered '%s' where it was asked '%s'", op_name(m->op),
                 op_name(k->op));
    return NULL;
  }
  struct client *to = forward_answer(from, k, t, m, bytes, o, full);
  if (!k->unbounded) client_answer_came(from);
  uint64_t took_ns = meter_answer(from->broker, k, m);
  if (seen_by_any(from->broker)) seen_answer(from->broker, i, t, m, took_ns, to != NULL);
  pairs_answered(from->broker, i);
  return to;
}

void route_answer(struct client *from, const struct message *m, uint8_t *bytes) {
  struct broker *b = from->broker;
  char full[LIMITS_TEXT];
  struct client *to = NULL;
  struct transfer t;
  const char *fault;
  if (transfer_read(&t, from, m, &fault) == TRANSFER_LATER) return;
  if (!fault) fault = check_error(m);
  if (fault) {
    client_fault(from, "answer to '%s': %s", op_name(m->op), fault);
    transfer_settle(b, &t, NULL);
    return;
  }
  enum transfer_outcome o = t.too_many ? TRANSFER_OK : transfer_take(b, &t, from, full);
  if (o == TRANSFER_FORGED) client_forged(from, "an answer carries an object it does not hold");
  if (o != TRANSFER_FAULT) to = answer(from, &t, m, bytes, o, full);
  transfer_settle(b, &t, to);
}
