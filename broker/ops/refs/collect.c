/* SPDX-License-Identifier: MIT
 *
 * Who waits for a collection is in the registry `collecting` (books/waits.h), where the subject of
 * a wait is the host that is to collect.
 */
#include "broker/ops/refs/collect.h"

#include <assert.h>

#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/state.h"
#include "broker/net/limits.h"
#include "proto/body.h"

/* Waits of one observer, for one host and others; of all for one host, who are answered in one
 * step. */
enum { WAITS_MOST = 100, WAITS_FOR_ONE_MOST = 2000, WAIT_COST = 5 };

/* Observers may have anybody collect, a worker those who hold something of its. */
static bool may_ask(const struct client *from, uint32_t host) {
  const struct loads *l = &from->broker->loads;
  if (from->observer) return true;
  uint32_t load = loads_find(l, from->host, host);
  return load != SLAB_NONE && loads_at(l, load)->held > 0;
}

void collect_on_gc(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  uint32_t host = names_host(&b->names, m->name, m->name_size);
  char full[LIMITS_TEXT];
  if (host == SLAB_NONE &&
      absents_find_name(&b->grace.absents, m->name, m->name_size) != SLAB_NONE) {
    notify_refuse(from, m, notify_away_status(from), NOTIFY_AWAY_TEXT, (int)m->name_size, m->name);
    return;
  }
  if (!may_ask(from, host)) {
    notify_refuse(from, m, STATUS_denied,
                  "you may have only those collect that hold something of yours");
    return;
  }
  if (from->observer && !permission_to(from, POLICY_ACT, "have a worker collect")) {
    notify_refuse(from, m, STATUS_denied,
                  "this broker's policy does not let user %u act on its workers",
                  (unsigned)from->uid);
    return;
  }
  struct client *to = host == SLAB_NONE ? NULL : hosts_at(&b->hosts, host)->client;
  if (!to || to->state != CLIENT_READY) {
    notify_refuse(from, m, STATUS_dead, NOTIFY_DEAD_TEXT, (int)m->name_size, m->name);
    return;
  }
  if (grace_is_on(b)) {
    notify_refuse(from, m, STATUS_busy,
                  "the broker was started again and waits for its workers, %u s at most: nobody "
                  "collects until they are back; try again later",
                  grace_left(b));
    return;
  }
  if (!limits_allow(from, ACCOUNT_WAITS, 1, full)) {
    notify_refuse(from, m, STATUS_busy, "%s", full);
    return;
  }
  if (waits_count_of_client(&b->collecting, from->host) >= WAITS_MOST) {
    notify_refuse(from, m, STATUS_busy, "you wait for %d collections already", WAITS_MOST);
    return;
  }
  if (waits_count_of_subject(&b->collecting, host) >= WAITS_FOR_ONE_MOST) {
    notify_refuse(from, m, STATUS_busy, "%d wait for this collection already", WAITS_FOR_ONE_MOST);
    return;
  }
  if (!(m->flags & MESSAGE_ONE_WAY) && !waits_add(&b->collecting, host, from->host, m->id)) {
    notify_refuse(from, m, STATUS_busy, "the broker's memory is too short; try again later");
    return;
  }
  notify_free(to);
}

/* Takes one wait for the host out of the registry; its client, NULL at the end. */
static struct client *take_wait(struct broker *b, uint32_t host, uint64_t *request) {
  uint32_t i = waits_first_of_subject(&b->collecting, host);
  if (i == SLAB_NONE) return NULL;
  struct client *who = hosts_at(&b->hosts, waits_at(&b->collecting, i)->client)->client;
  *request = waits_at(&b->collecting, i)->request;
  waits_remove(&b->collecting, i);
  return who;
}

/* [budget left in ms, collections put off so far]: a client that keeps no budget tells none, which
 * is no fault. */
static void read_budget(struct client *from, const struct message *m) {
  struct reader r;
  uint32_t count;
  struct budget *budget = &from->budget;
  *budget = (struct budget){0};
  if (m->kind != MESSAGE_REPLY || !reader_open(&r, m->body, m->body_size, &count)) return;
  budget->known = count >= 2 && reader_uint(&r, &budget->ms) && reader_uint(&r, &budget->put_off);
}

void collect_answered(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  uint64_t request;
  assert(from->free_id != 0 && m->id == from->free_id);
  from->free_id = 0;
  client_answer_came(from);
  read_budget(from, m);
  loads_settle(&b->loads, from->host);
  for (struct client *who; (who = take_wait(b, from->host, &request));) {
    notify_reply(who, OP_gc, request);
    client_charge(who, WAIT_COST);
  }
}

bool collect_end_one(struct client *c) {
  struct broker *b = c->broker;
  uint64_t request;
  uint32_t i = waits_first_of_client(&b->collecting, c->host);
  struct client *who = i == SLAB_NONE ? take_wait(b, c->host, &request) : NULL;
  if (i != SLAB_NONE) waits_remove(&b->collecting, i);
  if (who) notify_error(who, OP_gc, request, STATUS_lost, NOTIFY_LOST_TEXT, c->name);
  return who || i != SLAB_NONE;
}

bool collect_cancel(struct client *from, uint64_t request) {
  struct waits *w = &from->broker->collecting;
  uint32_t i = waits_find(w, from->host, request);
  if (i != SLAB_NONE) waits_remove(w, i);
  return i != SLAB_NONE;
}
