/* SPDX-License-Identifier: MIT
 *
 * One row, which fits on a screen: of many who are away only some are named.
 */
#include "broker/ops/show/show_status.h"

#include <time.h>
#include <unistd.h>

#include "broker/base/process.h"
#include "broker/core/grace.h"
#include "broker/core/notify.h"
#include "broker/net/carrier.h"

/* What a screen has room for; units of work for so many connections counted. */
enum { NAMED_MOST = 20, COLUMNS = 16, CONNECTIONS_PER_UNIT = 16 };
/* Units of work for a look into /proc. */
enum { UPTIME_COST = 20 };

/* The next absent one from `index` on; SLAB_NONE at the end. */
static uint32_t next_away(const struct absents *a, uint32_t index) {
  for (index = slab_next(&a->all, index); index != SLAB_NONE; index = slab_next(&a->all, index + 1))
    if (!absents_at(a, index)->is_settled) return index;
  return index;
}

static uint32_t count_workers(struct client *from) {
  uint32_t workers = 0, n = 0;
  for (const struct client *c = from->connections->all; c; c = c->next, n++)
    workers += c->host != SLAB_NONE && !c->observer;
  client_charge(from, n / CONNECTIONS_PER_UNIT);
  return workers;
}

/* Seconds since the process was started, which an upgrade does not change; 0: not known. */
static uint64_t find_uptime(void) {
  struct timespec now;
  uint64_t start = process_start(getpid()), ticks = (uint64_t)sysconf(_SC_CLK_TCK);
  clock_gettime(CLOCK_BOOTTIME, &now);
  return start && ticks && start / ticks < (uint64_t)now.tv_sec
             ? (uint64_t)now.tv_sec - start / ticks
             : 0;
}

static void write_sums(struct broker *b, struct pack *p) {
  const struct accounts *a = &b->connections.accounts;
  const struct permissions *policy = &b->permissions;
  pack_uint(p, find_uptime());
  pack_uint(p, b->refs.tokens.count);
  pack_uint(p, b->refs.holds.count);
  pack_uint(p, b->calls.all.count);
  pack_uint(p, a->memory);
  pack_uint(p, a->limits.memory);
  pack_uint(p, a->refused);
  pack_uint(p, b->log.lost_ever);
  if (policy->policy && *policy->refused)
    pack_text(p, policy->refused);
  else
    pack_nil(p);
  pack_uint(p, b->connections.carrier.count);
  pack_uint(p, carrier_most(&b->connections));
}

void show_status(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  const struct absents *a = &b->grace.absents;
  uint32_t away = absents_count(a), named = away < NAMED_MOST ? away : NAMED_MOST, i = 0;
  uint32_t workers = count_workers(from);
  client_charge(from, UPTIME_COST);
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_inspect, m->id, 2);
  pack_nil(p); /* no other page */
  pack_array(p, COLUMNS);
  pack_uint(p, b->roster.generation);
  if (grace_is_on(b))
    pack_uint(p, grace_left(b));
  else
    pack_nil(p);
  pack_uint(p, workers);
  pack_uint(p, away);
  pack_array(p, named);
  for (; named; named--, i++) {
    i = next_away(a, i);
    pack_text(p, absents_at(a, i)->name);
  }
  write_sums(b, p);
  notify_send(b, from);
}
