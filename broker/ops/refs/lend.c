/* SPDX-License-Identifier: MIT
 *
 * A loan is a transfer that the broker makes on the host's behalf: the PT travels in the reply, so
 * the observer counts it like any other, holds it, pays for it, and gives it back with unsub or by
 * its end. Nothing is added to `seen`, since the host has sent nothing. That is safe because only a
 * token whose record is here can be lent: its host has been sent no drop of what the record has
 * seen, and none is sent as long as the observer holds it (docs/references.md, section 10).
 *
 * Who holds a token may ask its host for everything: permission_to_reach says who may.
 */
#include "broker/ops/refs/lend.h"

#include <stdio.h>

#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/state.h"
#include "broker/core/transfer.h"
#include "broker/cycles/cycles.h"
#include "broker/net/limits.h"
#include "proto/body.h"

/* The token of the worker that has the name now; SLAB_NONE: it has been refused. */
static uint32_t find_token(struct client *from, const struct message *m, const char *name,
                           uint32_t size, uint64_t id) {
  struct broker *b = from->broker;
  uint32_t host = names_host(&b->names, name, size);
  const struct absents *absents = &b->grace.absents;
  if (absents_find_name(absents, name, size) != SLAB_NONE ||
      (host != SLAB_NONE && grace_absent(b, host, hosts_at(&b->hosts, host)->id))) {
    notify_refuse(from, m, notify_away_status(from), NOTIFY_AWAY_TEXT, (int)size, name);
    return SLAB_NONE;
  }
  if (host == SLAB_NONE || !hosts_at(&b->hosts, host)->client) {
    notify_refuse(from, m, STATUS_dead, NOTIFY_DEAD_TEXT, (int)size, name);
    return SLAB_NONE;
  }
  uint32_t token = refs_find_id(&b->refs, host, id);
  if (token != SLAB_NONE && refs_is_condemned(&b->refs, token)) token = SLAB_NONE;
  if (token == SLAB_NONE)
    notify_refuse(from, m, STATUS_stale,
                  "nobody holds an object %llu of worker %.*s: it was given back, or never was",
                  (unsigned long long)id, (int)size, name);
  return token;
}

static void give(struct client *from, const struct message *m, uint32_t token) {
  struct broker *b = from->broker;
  const struct token *t = refs_token(&b->refs, token);
  struct pt pt = {.host = hosts_at(&b->hosts, t->host)->id,
                  .id = t->id,
                  .stamp = t->stamp,
                  .kind = t->kind};
  struct transfer transfer;
  transfer_set(from, &transfer, &pt, t->host, token);
  transfer_give(b, &transfer, from, from->account, from);
  pack_pt(notify_begin(b, MESSAGE_REPLY, OP_lend, m->id, 1), &pt);
  notify_send(b, from);
  transfer_settle(b, &transfer, from);
}

void lend_on_lend(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct reader r;
  const char *name;
  uint32_t count, size;
  uint64_t id;
  char what[64 + NAME_MAX_BYTES], why[REACH_TEXT], full[LIMITS_TEXT];
  if (!reader_open(&r, m->body, m->body_size, &count) || !reader_string(&r, &name, &size) ||
      !reader_uint(&r, &id) || size > NAME_MAX_BYTES) {
    client_fault(from, "'lend' wants a worker's name and the id of a token");
    return;
  }
  if (m->flags & MESSAGE_ONE_WAY) return; /* nobody to be given it */
  snprintf(what, sizeof what, "be lent object %llu of worker %.*s", (unsigned long long)id,
           (int)size, name);
  client_charge(from, TRANSFER_PT_COST);
  if (!permission_to_reach(from, POLICY_LEND, what, why)) {
    notify_refuse(from, m, STATUS_denied, "%s", why);
    return;
  }
  uint32_t token = find_token(from, m, name, size, id);
  if (token == SLAB_NONE) return;
  if (cycles_refuses(from, token)) {
    notify_refuse(from, m, STATUS_busy, CYCLES_REFUSED, (unsigned long long)id);
    return;
  }
  if (refs_count(&b->refs, token, from->host) == 0 && !limits_allow(from, ACCOUNT_HELD, 1, full)) {
    notify_refuse(from, m, STATUS_busy, "%s", full);
    return;
  }
  log_peer(&b->log, LOG_INFO, CAUSE_LENT, client_about(from),
           "observer %s (user %u, process %ld) is lent object %llu (%s) of worker %.*s", from->name,
           (unsigned)from->uid, (long)from->pid, (unsigned long long)id,
           pt_kind_name(refs_token(&b->refs, token)->kind), (int)size, name);
  give(from, m, token);
}
