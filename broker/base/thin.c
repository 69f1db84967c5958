/* SPDX-License-Identifier: MIT
 *
 * Token buckets; `spent` falls with time.
 */
#include "broker/base/thin.h"

#include <assert.h>
#include <stddef.h>

static const double peer_burst = 10, peer_rate = 1, cause_burst = 40, cause_rate = 4;

/* How often as many lines of a cause may come at once. */
static double burst_factor(enum log_cause cause) {
  return cause == CAUSE_COMING || cause == CAUSE_ENDED ? 4 : 1;
}

static void refill(struct thin_bucket *b, double rate, double now) {
  b->spent -= (now - b->updated) * rate;
  if (b->spent < 0) b->spent = 0;
  b->updated = now;
}

/* The bucket of a user; the one that was used least lately is given to a new one. */
static struct thin_bucket *peer_bucket(struct thin *t, enum log_cause cause, uid_t uid) {
  size_t oldest = 0;
  for (size_t i = 0; i < THIN_PEERS; i++) {
    if (t->peers[i].used && t->peers[i].cause == cause && t->peers[i].uid == uid)
      return &t->peers[i].bucket;
    if (!t->peers[oldest].used) continue;
    if (!t->peers[i].used || t->peers[i].bucket.updated < t->peers[oldest].bucket.updated)
      oldest = i;
  }
  if (t->peers[oldest].used)
    t->causes[t->peers[oldest].cause].left_out += t->peers[oldest].bucket.left_out;
  t->peers[oldest].used = true;
  t->peers[oldest].cause = cause;
  t->peers[oldest].uid = uid;
  t->peers[oldest].bucket = (struct thin_bucket){0};
  return &t->peers[oldest].bucket;
}

bool thin_allows(struct thin *t, enum log_cause cause, uid_t uid, double now, uint64_t *left_out) {
  struct thin_bucket *all = &t->causes[cause], *own = peer_bucket(t, cause, uid);
  double factor = burst_factor(cause);
  refill(all, cause_rate, now);
  refill(own, peer_rate, now);
  if (own->spent + 1 > peer_burst * factor || all->spent + 1 > cause_burst * factor) {
    own->left_out++;
    t->left_out++;
    return false;
  }
  own->spent++;
  all->spent++;
  assert(t->left_out >= own->left_out);
  *left_out = own->left_out;
  t->left_out -= own->left_out;
  own->left_out = 0;
  return true;
}

static bool take(struct thin *t, struct thin_bucket *b, double rate, double now, bool all,
                 struct thin_rest *rest) {
  if (!b->left_out) return false;
  refill(b, rate, now);
  if (b->spent > 0 && !all) return false;
  assert(t->left_out >= b->left_out);
  rest->left_out = b->left_out;
  t->left_out -= b->left_out;
  b->left_out = 0;
  return true;
}

bool thin_take(struct thin *t, double now, bool all, struct thin_rest *rest) {
  if (!t->left_out) return false;
  for (size_t i = 0; i < THIN_PEERS; i++) {
    if (!t->peers[i].used) continue;
    *rest = (struct thin_rest){.cause = t->peers[i].cause, .uid = t->peers[i].uid};
    if (take(t, &t->peers[i].bucket, peer_rate, now, all, rest)) return true;
  }
  for (enum log_cause c = 0; c < LOG_CAUSES; c++) {
    *rest = (struct thin_rest){.cause = c, .uid = LOG_NO_UID};
    if (take(t, &t->causes[c], cause_rate, now, all, rest)) return true;
  }
  return false;
}

static void carry_bucket(struct thin_bucket *b, struct sheet *s) {
  sheet_double(s, &b->spent);
  sheet_double(s, &b->updated);
  SHEET(s, b->left_out);
}

void thin_carry(struct thin *t, struct sheet *s) {
  SHEET(s, t->left_out);
  for (size_t i = 0; i < LOG_CAUSES; i++) carry_bucket(&t->causes[i], s);
  for (size_t i = 0; i < THIN_PEERS; i++) {
    sheet_record(s);
    SHEET(s, t->peers[i].used);
    if (!t->peers[i].used) continue;
    SHEET(s, t->peers[i].cause);
    SHEET(s, t->peers[i].uid);
    carry_bucket(&t->peers[i].bucket, s);
    if (t->peers[i].cause >= LOG_CAUSES) sheet_fail(s, "a cause of lines that there is not");
  }
}

const char *thin_subject(enum log_cause cause) {
  static const char *const subjects[LOG_CAUSES] = {
      [CAUSE_DESCRIPTORS] = "a lack of descriptors",
      [CAUSE_MEMORY] = "a lack of memory",
      [CAUSE_STRANGER] = "users who are not served",
      [CAUSE_HELLO] = "refused hellos",
      [CAUSE_COMING] = "clients that came or left",
      [CAUSE_ENDED] = "workers that ended",
      [CAUSE_DISCONNECTED] = "disconnected clients",
      [CAUSE_LIMIT] = "clients over a limit",
      [CAUSE_FORGERY] = "forgeries",
      [CAUSE_POST] = "one-way requests that were not delivered",
      [CAUSE_ANSWER] = "discarded answers",
      [CAUSE_POLICY] = "what the policy refuses",
      [CAUSE_ASKED] = "requests for the status",
      [CAUSE_UPGRADE] = "refused upgrades",
      [CAUSE_RELOAD] = "reloads",
      [CAUSE_ROSTER] = "workers and the roster",
      [CAUSE_LENT] = "objects that were lent",
      [CAUSE_MONITOR] = "observers that begin to monitor",
      [CAUSE_ACT] = "acts of operators",
      [CAUSE_CYCLES] = "workers that are left out of rounds",
  };
  return subjects[cause];
}
