/* SPDX-License-Identifier: MIT
 *
 * A claim is handled like the delivery of a message with one PT, so that
 * introductions, loads and dead hosts need no second thought. A release never
 * frees anything unless the sender holds it, with the stamp and as often.
 */
#include "broker/ops/refs/holdings.h"

#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/releases.h"
#include "broker/core/state.h"
#include "broker/core/transfer.h"
#include "broker/cycles/cycles.h"
#include "broker/net/limits.h"
#include "proto/body.h"

/* Units of work for one object weighed, and for each of its holders. */
enum { WEIGH_COST = 2 };

void holdings_on_sub(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct reader r;
  struct pt pt;
  uint32_t count, token;
  reader_open(&r, m->body, m->body_size, &count);
  if (!reader_pt(&r, &pt)) {
    client_fault(from, "'sub' wants a PT");
    return;
  }
  uint32_t host = hosts_find(&b->hosts, pt.host);
  const struct absent *absent = grace_absent(b, host, pt.host);
  if (absent) {
    notify_refuse(from, m, notify_away_status(from), NOTIFY_AWAY_TEXT, absent->name_size,
                  absent->name);
    return;
  }
  enum refs_outcome o = host == SLAB_NONE ? REFS_UNKNOWN : refs_find(&b->refs, host, &pt, &token);
  if (o == REFS_UNKNOWN || (o == REFS_OK && refs_is_condemned(&b->refs, token))) {
    notify_refuse(from, m, STATUS_stale,
                  "token %llu is not known here: its object is not kept any more, or its worker "
                  "has ended",
                  (unsigned long long)pt.id);
  } else if (o == REFS_MISMATCH) {
    notify_refuse(from, m, STATUS_denied, "token %llu has another stamp",
                  (unsigned long long)pt.id);
    client_forged(from, "it claimed a token with a wrong stamp");
  } else if (host == from->host) {
    notify_refuse(from, m, STATUS_denied, "token %llu is your own", (unsigned long long)pt.id);
  } else {
    char full[LIMITS_TEXT];
    bool adds = refs_count(&b->refs, token, from->host) == 0;
    if (cycles_refuses(from, token)) {
      notify_refuse(from, m, STATUS_busy, CYCLES_REFUSED, (unsigned long long)pt.id);
      return;
    }
    if (adds && !limits_allow(from, ACCOUNT_HELD, 1, full)) {
      notify_refuse(from, m, STATUS_busy, "%s", full);
      return;
    }
    struct transfer t;
    transfer_set(from, &t, &pt, host, token);
    transfer_give(b, &t, from, from->account, from);
    notify_done(from, m);
    transfer_settle(b, &t, from);
  }
}

static void give_back(struct client *from, struct drops *d, const struct pt *pt, uint64_t n) {
  struct broker *b = from->broker;
  uint32_t token, host = hosts_find(&b->hosts, pt->host);
  bool ok = host != SLAB_NONE && n > 0 &&
            refs_find_held(&b->refs, host, pt, from->host, &token) == REFS_OK &&
            releases_give_back(b, d, token, from->host, n);
  if (!ok) client_forged(from, "it gave back what it does not hold");
}

/* Pairs of a PT and a number. Whoever knows the op has sent fewer at a time ever since. */
static bool is_within_limit(struct client *from, const struct message *m) {
  if (m->body_count <= 2 * REFS_MOST) return true;
  client_fault(from, "'%s' has more than %u PTs", op_name(m->op), REFS_MOST);
  return false;
}

void holdings_on_unsub(struct client *from, const struct message *m) {
  struct reader r;
  struct pt pt;
  uint32_t count;
  uint64_t n;
  struct drops d;
  reader_open(&r, m->body, m->body_size, &count);
  releases_begin(&d, from->account);
  if (!is_within_limit(from, m)) return;
  client_charge(from, (uint64_t)count / 2 * RELEASE_COST);
  for (uint32_t i = 0; i < count && from->state == CLIENT_READY; i += 2) {
    if (reader_pt(&r, &pt) && reader_uint(&r, &n))
      give_back(from, &d, &pt, n);
    else
      client_fault(from, "'unsub' wants pairs of a PT and a count");
  }
  releases_send(from->broker, &d);
}

/* The token weighs `weight` KiB now, for all who hold it. They are as many at most as messages have
 * carried it, and a weight doubles at least: so few notices come to this. */
static void set_weight(struct client *from, struct token *t, uint32_t weight) {
  struct broker *b = from->broker;
  uint32_t more = weight - t->weight;
  t->weight = weight;
  for (uint32_t i = t->holds; i != SLAB_NONE; i = refs_next_holder(&b->refs, i)) {
    client_charge(from, WEIGH_COST);
    uint32_t who = refs_hold_at(&b->refs, i)->client;
    struct client *holder = hosts_at(&b->hosts, who)->client;
    bool over = loads_add_weight(&b->loads, loads_find(&b->loads, t->host, who), more);
    if (over && holder && holder->state == CLIENT_READY) notify_free(holder);
  }
}

static void weigh(struct client *from, const struct pt *pt, uint64_t weight) {
  struct broker *b = from->broker;
  uint32_t token;
  client_charge(from, WEIGH_COST);
  if (pt->host != hosts_at(&b->hosts, from->host)->id) {
    client_fault(from, "it weighed an object of another worker");
    return;
  }
  switch (refs_find(&b->refs, from->host, pt, &token)) {
    case REFS_OK: break;
    case REFS_UNKNOWN: return; /* nobody holds it any more */
    default:
      client_fault(from, "it weighed a token with another stamp or kind than before");
      return;
  }
  struct token *t = refs_token(&b->refs, token);
  if (weight > UINT32_MAX) weight = UINT32_MAX;
  if (weight > t->weight && weight / 2 >= t->weight) set_weight(from, t, (uint32_t)weight);
}

/* In slices: an object may have many holders, and a message many objects. The weights are
 * independent of each other, so nobody sees that a message takes effect in several steps. */
void holdings_on_weigh(struct client *from, const struct message *m) {
  struct reader r;
  struct pt pt;
  uint32_t count;
  uint64_t weight;
  if (!is_within_limit(from, m)) return;
  reader_open(&r, m->body, m->body_size, &count);
  for (uint32_t i = 0; i < count && from->state == CLIENT_READY; i += 2) {
    if (!reader_pt(&r, &pt) || !reader_uint(&r, &weight)) {
      client_fault(from, "'weigh' wants pairs of a PT and a weight");
      return;
    }
    if (i < from->weighed) continue;
    if (from->balance <= 0 && i > from->weighed) {
      from->weighed = i;
      client_postpone(from);
      return;
    }
    weigh(from, &pt, weight);
  }
  from->weighed = 0;
}
