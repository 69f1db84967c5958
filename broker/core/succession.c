/* SPDX-License-Identifier: MIT
 *
 * All that passes a name over goes through succession_pass.
 */
#include "broker/core/succession.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "broker/core/notify.h"
#include "proto/base.h"

/* Whether a client may be the successor of another at all. */
static bool is_fit(const struct client *from, const struct host *before, uint32_t version,
                   bool sandboxed, enum status *status, char *text, size_t n) {
  const struct client *c = before->client;
  *status = STATUS_denied;
  if (c->uid != from->uid) {
    snprintf(text, n, "worker %s is user %u's, and you are user %u; only its own user may have it "
             "succeeded", before->name, (unsigned)c->uid, (unsigned)from->uid);
  } else if (sandboxed && !c->sandboxed) {
    snprintf(text, n, "worker %s is not sandboxed; a sandboxed one may not succeed it",
             before->name);
  } else if (*status = STATUS_name_taken, c->version < WIRE_VERSION_SUCCEED) {
    snprintf(text, n, "worker %s speaks version %u of the wire, and cannot be told that it is "
             "succeeded; end it first", before->name, (unsigned)c->version);
  } else if (version < WIRE_VERSION_SUCCEED) {
    snprintf(text, n, "another living worker is named %s; choose another name or end that one",
             before->name);
  } else {
    return true;
  }
  return false;
}

bool succession_allowed(const struct client *from, const struct host *before, uint32_t version,
                        bool sandboxed, enum status *status, char *text, size_t n) {
  if (!is_fit(from, before, version, sandboxed, status, text, n)) return false;
  if (!from->broker->grace.is_on) return true;
  snprintf(text, n, "the broker was started again and waits for workers to come back, which may "
           "be a successor of %s; try again", before->name);
  return false;
}

bool succession_goes_on(struct client *from, uint32_t absent, uint32_t version, bool sandboxed) {
  struct broker *b = from->broker;
  const struct absent *k = absents_at(&b->grace.absents, absent);
  enum status status;
  char text[200];
  if (!k->retired || !roster_at(&b->roster, k->slot)->succeeds) return false;
  uint32_t host = names_host(&b->names, k->name, k->name_size);
  if (host == SLAB_NONE)
    return absents_find_name(&b->grace.absents, k->name, k->name_size) != SLAB_NONE;
  if (is_fit(from, hosts_at(&b->hosts, host), version, sandboxed, &status, text, sizeof text))
    return true;
  log_peer(&b->log, LOG_WARN, CAUSE_COMING, client_about_why(from, text),
           "worker %s (process %ld) comes back without a name, which is another's now", k->name,
           (long)from->pid);
  roster_retire(&b->roster, k->slot);
  return false;
}

/* ---- Holders ---- */

/* Units of work to look whether somebody holds objects of its, and to ask. */
enum { LOOK_COST = 1, ASK_COST = 5 };

static void ask_to_collect(struct client *holder) {
  if (!holder || holder->state != CLIENT_READY) return;
  notify_free(holder);
  work_charge(&holder->broker->work, ASK_COST);
}

/* By the numbers of hosts: pairs come and go between two slices. */
static bool reclaim_slice(struct work *work, struct job *j) {
  struct client *c = container_of(j, struct client, reclaiming);
  struct broker *b = c->broker;
  for (uint64_t until = work->spent + WORK_QUANTUM; work->spent < until;) {
    uint32_t other = slab_next(&b->hosts.all, c->reclaimed);
    if (other == SLAB_NONE) return false;
    c->reclaimed = other + 1;
    uint32_t load = loads_find(&b->loads, c->host, other);
    if (load != SLAB_NONE && loads_at(&b->loads, load)->held > 0)
      ask_to_collect(hosts_at(&b->hosts, other)->client);
    work_charge(work, LOOK_COST);
  }
  return true;
}

/* What only garbage holds keeps it no longer. */
static void reclaim(struct client *c) {
  succession_forget(c);
  c->reclaimed = 0;
  work_add(&c->broker->work, &c->reclaiming, reclaim_slice);
}

void succession_go_on(struct broker *b) {
  for (struct client *c = b->connections.all; c; c = c->next)
    if (c->state == CLIENT_READY && hosts_at(&b->hosts, c->host)->succeeded) reclaim(c);
}

void succession_forget(struct client *c) { work_remove(&c->broker->work, &c->reclaiming); }

/* ---- The name ---- */

/* Of one that has come back without a name; another may have it that has come back, too. */
static void note_succeeded(const struct client *c) {
  struct host *h = hosts_at(&c->broker->hosts, c->host);
  uint32_t size = (uint32_t)strlen(h->name);
  h->succeeded = h->succeeded || names_host(&c->broker->names, h->name, size) != SLAB_NONE;
}

void succession_tell(struct client *c) {
  notify_succeeded(c);
  note_succeeded(c);
}

void succession_all_back(struct broker *b) {
  for (struct client *c = b->connections.all; c; c = c->next) {
    if (c->state != CLIENT_READY || !c->retired) continue;
    note_succeeded(c);
    reclaim(c);
  }
}

/* Its name is another's: as if it had retired. */
static void relieve(struct broker *b, uint32_t host) {
  struct client *c = hosts_at(&b->hosts, host)->client;
  assert(c && c->host == host);
  hosts_at(&b->hosts, host)->succeeded = true;
  c->name_record = SLAB_NONE;
  c->serves = false;
  c->retired = true;
  work_remove(&b->work, &c->telling); /* the next one of the name goes on with that */
  if (c->slot != SLAB_NONE) roster_retire(&b->roster, c->slot);
  notify_succeeded(c);
  reclaim(c);
}

/* The same for one that has not come back yet; it is told when it does. */
static void relieve_absent(struct broker *b, const struct name *name) {
  struct absents *a = &b->grace.absents;
  uint32_t absent = absents_find_name(a, name->text, name->size);
  if (absent == SLAB_NONE) return;
  roster_retire(&b->roster, absents_at(a, absent)->slot);
  absents_retire(a, absent);
}

void succession_pass(struct broker *b, uint32_t name) {
  uint32_t before = names_pass(&b->names, name);
  struct client *c = hosts_at(&b->hosts, names_at(&b->names, name)->host)->client;
  assert(c && c->name_record == name);
  if (before != SLAB_NONE)
    relieve(b, before);
  else
    relieve_absent(b, names_at(&b->names, name));
  if (c->slot != SLAB_NONE) roster_succeed(&b->roster, c->slot);
  log_peer(&b->log, LOG_INFO, CAUSE_COMING, client_about(c),
           "worker %s (process %ld) has succeeded the one before", c->name, (long)c->pid);
  if (c->state == CLIENT_READY) b->named(c);
}

void succession_give_up(struct client *c) {
  struct broker *b = c->broker;
  uint32_t name = c->name_record;
  bool passes = succession_has_name(c) && names_at(&b->names, name)->successor != SLAB_NONE;
  c->name_record = SLAB_NONE;
  names_give_up(&b->names, name, c->host);
  if (!passes) return;
  hosts_at(&b->hosts, c->host)->succeeded = true;
  succession_pass(b, name);
}

void succession_settle(struct broker *b, const char *text, uint32_t size) {
  uint32_t name = names_find(&b->names, text, size);
  if (name == SLAB_NONE) return;
  const struct name *k = names_at(&b->names, name);
  if (k->host == SLAB_NONE && k->successor != SLAB_NONE &&
      absents_find_name(&b->grace.absents, text, size) == SLAB_NONE)
    succession_pass(b, name);
}
