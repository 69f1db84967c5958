/* SPDX-License-Identifier: MIT
 *
 * One walk for both directions. The order is that in which records refer to each other.
 */
#include "broker/upgrade/state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/accounts_carried.h"
#include "broker/books/carried.h"
#include "broker/books/refs_kept.h"
#include "broker/books/roster_file.h"
#include "broker/core/expiry.h"
#include "broker/core/permissions.h"
#include "broker/core/releases.h"
#include "broker/core/succession.h"
#include "broker/cycles/cycles.h"
#include "broker/net/carried.h"
#include "broker/net/connections.h"
#include "broker/ops/coming/greet.h"
#include "broker/ops/watch/watch.h"

/* The first and the last number of a sheet. */
#define STATE_BEGIN UINT64_C(0x6761696a696e5550)
#define STATE_END UINT64_C(0x505567616965)

static void carry_head(struct sheet *s, struct state_head *head, uint64_t now_ms) {
  uint64_t format = STATE_FORMAT, then_ms = now_ms;
  sheet_mark(s, STATE_BEGIN);
  SHEET(s, format);
  if (format != STATE_FORMAT) sheet_fail(s, "the state has another form");
  SHEET(s, then_ms);
  if (then_ms > now_ms) sheet_fail(s, "the clock of this program is behind the other's");
  SHEET(s, head->stopped_ns);
  SHEET(s, head->asker);
  SHEET(s, head->request);
  sheet_text(s, head->version, sizeof head->version);
  SHEET(s, head->keeps);
}

/* Each client that has said hello is its host's. */
static void join_hosts(struct broker *b, struct sheet *s) {
  for (struct client *c = b->connections.all; c; c = c->next) {
    if (c->host == SLAB_NONE) {
      if (c->state == CLIENT_READY || c->name_record != SLAB_NONE)
        sheet_fail(s, "a client that is no host");
      continue;
    }
    struct host *h = hosts_at(&b->hosts, c->host);
    if (h->client || c->state != CLIENT_READY ||
        accounts_of(&b->connections.accounts, c->host) != c->account) {
      sheet_fail(s, "a client whose host is another's");
      return;
    }
    h->client = c;
    c->name = h->name;
    c->id = h->id;
  }
}

/* What was begun for a host is a job: of a dead one that gives back; of a living one whose name
 * others have waited for. */
static void carry_jobs(struct broker *b, struct sheet *s) {
  sheet_mark(s, 'J');
  for (uint32_t i = slab_next(&b->hosts.all, 0); i != SLAB_NONE && !s->fault;
       i = slab_next(&b->hosts.all, i + 1)) {
    struct host *h = hosts_at(&b->hosts, i);
    bool is_job = job_is_queued(h->client ? &h->client->telling : &h->giving_back);
    sheet_record(s);
    SHEET(s, is_job);
    if (s->writes || !is_job) continue;
    if (!h->client)
      releases_go_on(b, i);
    else if (succession_has_name(h->client))
      watch_go_on(h->client);
    else
      sheet_fail(s, "a client without a name is told of");
  }
}

static void carry_all(struct broker *b, struct sheet *s, struct state_head *head) {
  const struct hosts *hosts = &b->hosts;
  carry_head(s, head, uv_now(b->loop));
  SHEET(s, b->last_generated);
  accounts_carry(&b->connections.accounts, s);
  hosts_carry(&b->hosts, &b->connections.accounts, s);
  names_carry(&b->names, hosts, s);
  connections_carry(&b->connections, &b->hosts.all, &b->names.all, s);
  if (!s->writes && !s->fault) join_hosts(b, s);
  if (head->keeps)
    refs_keep(&b->refs, &b->pool, s);
  else
    refs_carry(&b->refs, hosts, s);
  loads_carry(&b->loads, hosts, s);
  calls_carry(&b->calls, hosts, s);
  waits_carry(&b->collecting, hosts, &b->hosts.all, 1, s);
  carry_jobs(b, s);
  log_carry(&b->log, s);
}

static void write_all(struct broker *b, struct sheet *s, const struct state_head *head) {
  struct state_head mine = *head;
  char unused[8];
  cycles_stop(b);
  assert(!state_is_unsettled(b) && (!head->keeps || b->pool.fd >= 0));
  connections_bury(&b->connections);
  carry_all(b, s, &mine);
  permissions_carry(&b->permissions, b->permissions.path, s, unused, sizeof unused);
  listener_carry(&b->listener, &b->listener.access, s);
  roster_carry(&b->roster, b->listener.path, s);
  sheet_mark(s, STATE_END);
}

void state_tell_form(struct broker *b, int fd, bool keeps,
                     void (*told)(void *user, const char *field), void *user) {
  const struct state_head head = {.keeps = keeps};
  struct sheet s;
  sheet_open_to_write(&s, fd);
  s.told = told;
  s.user = user;
  write_all(b, &s, &head);
  sheet_close(&s);
}

bool state_write(struct broker *b, int fd, const struct state_head *head, const char **fault) {
  struct sheet s;
  sheet_open_to_write(&s, fd);
  write_all(b, &s, head);
  sheet_close(&s);
  *fault = s.fault;
  return !s.fault;
}

bool state_read(struct broker *b, int fd, const struct access *access, const char *policy,
                struct state_head *head, char *error, size_t n) {
  struct sheet s;
  *error = '\0';
  sheet_open_to_read(&s, fd);
  carry_all(b, &s, head);
  permissions_carry(&b->permissions, policy, &s, error, n);
  listener_carry(&b->listener, access, &s);
  roster_carry(&b->roster, b->listener.path, &s);
  sheet_mark(&s, STATE_END);
  sheet_close(&s);
  if (s.fault && !*error) snprintf(error, n, "%s", s.fault);
  if (s.fault) return false;
  accounts_carried(&b->connections.accounts);
  for (uint32_t i = slab_next(&b->hosts.all, 0); i != SLAB_NONE;
       i = slab_next(&b->hosts.all, i + 1))
    if (!hosts_at(&b->hosts, i)->client) loads_note_leaving(&b->loads, i);
  return true;
}

void state_go_on(struct broker *b) {
  uv_update_time(b->loop); /* reading much has taken long */
  connections_go_on(&b->connections);
  expiry_go_on(b);
  greet_go_on(b);
  succession_go_on(b);
  if (b->permissions.reload_due) permissions_reload(b);
}
