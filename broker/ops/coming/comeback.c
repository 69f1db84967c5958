/* SPDX-License-Identifier: MIT
 *
 * Each message takes effect in one step: it has so few PTs.
 */
#include "broker/ops/coming/comeback.h"

#include "broker/core/claiming.h"
#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "broker/core/transfer.h"
#include "broker/net/limits.h"
#include "proto/body.h"
#include "proto/returning.h"

/* Whether it is time for it. */
static bool is_expected(struct client *from, const struct message *m) {
  if (from->absent == SLAB_NONE)
    client_fault(from, "it sent '%s', and has not come back, or has said that this was all",
                 op_name(m->op));
  else if (m->body_count > RETURNED_MOST)
    client_fault(from, "'%s' has more than %u PTs", op_name(m->op), RETURNED_MOST);
  else
    return true;
  return false;
}

static bool read_pt(struct client *from, const struct message *m, struct reader *r,
                    struct pt *pt) {
  if (reader_pt(r, pt)) return true;
  client_fault(from, "'%s' wants PTs", op_name(m->op));
  return false;
}

/* The PT was read once from its host. */
static void see(struct client *from, const struct pt *pt) {
  struct broker *b = from->broker;
  uint32_t token;
  if (pt->host != hosts_at(&b->hosts, from->host)->id) {
    client_fault(from, "it announced an object of another worker");
    return;
  }
  switch (refs_see(&b->refs, from->host, pt, broker_now(b), &token)) {
    case REFS_OK: break;
    case REFS_MISMATCH:
      client_fault(from, "it announced its token %llu with another stamp or kind than before",
                   (unsigned long long)pt->id);
      break;
    default: client_condemn(from, "memory is too short for its tokens"); break;
  }
}

void comeback_on_announce(struct client *from, const struct message *m) {
  struct reader r;
  struct pt pt;
  uint32_t count;
  char full[LIMITS_TEXT];
  if (!is_expected(from, m)) return;
  reader_open(&r, m->body, m->body_size, &count);
  client_charge(from, (uint64_t)count * TRANSFER_PT_COST);
  for (uint32_t i = 0; i < count && from->state == CLIENT_READY; i++)
    if (read_pt(from, m, &r, &pt)) see(from, &pt);
  /* The broker before this one has had them all, so one more is not to be had. */
  if (from->state == CLIENT_READY && !limits_allow(from, ACCOUNT_EXPORTED, 0, full))
    client_fault(from, "it announced too many objects: %s", full);
}

void comeback_on_claim(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  struct reader r;
  struct pt pt;
  uint32_t count;
  if (!is_expected(from, m)) return;
  uint32_t claim =
      claims_add(&b->grace.claims, from->host, m->flags & MESSAGE_ONE_WAY ? 0 : m->id,
                 m->body_count);
  if (claim == SLAB_NONE) {
    client_condemn(from, "memory is too short for what it claims");
    return;
  }
  reader_open(&r, m->body, m->body_size, &count);
  client_charge(from, (uint64_t)count * CLAIM_COST);
  for (uint32_t i = 1; i <= count && from->state == CLIENT_READY; i++)
    if (read_pt(from, m, &r, &pt)) claiming_place(from, claim, i, &pt);
  claiming_seal(from, claim);
  claiming_answer(b, claim);
}

void comeback_on_back(struct client *from, const struct message *m) {
  if (is_expected(from, m)) grace_back(from);
}
