/* SPDX-License-Identifier: MIT
 *
 * First each registry by itself, then what must agree between them.
 */
#include "broker/check.h"

#include <string.h>

#include "broker/core/grace.h"
#include "broker/core/pairs.h"
#include "broker/core/seen.h"
#include "broker/core/succession.h"
#include "broker/cycles/cycles.h"
#include "broker/net/hot.h"
#include "broker/net/limits.h"

/* ---- Connections ---- */

static const char *check_client(const struct broker *b, const struct client *c) {
  if (c->prev ? c->prev->next != c : b->connections.all != c) return "connections: a broken link";
  if (c->next && c->next->prev != c) return "connections: a broken link";
  if (c->state == CLIENT_GREETING) {
    if (c->host != SLAB_NONE) return "connections: a host before its hello";
    if (!c->is_postponed && !uv_is_active((const uv_handle_t *)&b->greeting))
      return "connections: no timer waits for a hello";
  }
  if (c->host == SLAB_NONE)
    return c->state == CLIENT_READY ? "connections: a ready client is no host" : NULL;
  if (!slab_live(&b->hosts.all, c->host) || hosts_at(&b->hosts, c->host)->client != c)
    return "connections: a client's host is another's";
  if (c->name != hosts_at(&b->hosts, c->host)->name)
    return "connections: a client has another name than its host";
  return NULL;
}

/* Who is read, who waits for its turn, who is held back (net/reading.h). */
static const char *check_reading(const struct client *c) {
  bool is_job = job_is_queued(&c->job), is_over = client_leaves_untaken(c);
  if (c->state == CLIENT_CONDEMNED || c->is_dirty) return NULL; /* in a list of this turn */
  if (c == c->connections->heard) return NULL; /* what becomes of it is not known yet */
  if (c->has_overstepped) return "connections: one has overstepped and is to rest yet";
  if (c->job.rests && c->events & UV_READABLE && !c->lanes) /* knocks are not what is read of it */
    return "connections: one that rests is read";
  if (is_job && c->is_held_back) return "connections: one that is held back is a job";
  if (is_job || c->is_held_back)
    return c->is_held_back && !is_over ? "connections: one is held back that has read" : NULL;
  if (c->is_postponed || c->balance <= 0 || c->has_hung_up || c->is_put_off)
    return "connections: one has more to do and is no job";
  if (lanes_carry_in(c->lanes) && !c->hot && !c->lanes->pair.is_asleep)
    return "connections: one with rings is neither looked at nor knocks";
  return is_over || c->events & UV_READABLE ? NULL : "connections: one is not read";
}

/* The bytes that came of it and are to be charged to it. While its messages are handled, that is
 * what they were before. */
static uint64_t look_kept(const struct client *c) {
  return c == c->connections->heard ? c->kept : client_look_kept(c);
}

/* The bytes that are charged to it: what came of it, and what it pays in all outboxes. */
static uint64_t count_bytes(const struct client *c) {
  uint64_t bytes = look_kept(c);
  for (const struct client *k = c->connections->all; k; k = k->next)
    bytes += outbox_paid_by(&k->outbox, c->account);
  return bytes;
}

static const char *check_account(const struct client *c) {
  const struct account *k = c->account;
  const char *fault = outbox_check(&c->outbox);
  if (fault) return fault;
  if (k->is_closed || k->used[ACCOUNT_CONNECTIONS] != 1)
    return "connections: one is not charged to its account";
  if (c->lanes && (fault = rings_check(&c->lanes->pair))) return fault;
  if (c->kept != look_kept(c) || k->used[ACCOUNT_BYTES] != count_bytes(c))
    return "connections: one is charged for other bytes than there are";
  if (c->is_dirty || c == c->connections->heard) return NULL;
  if (limits_is_watched(c) && !uv_is_active((const uv_handle_t *)&c->connections->sweep))
    return "connections: no timer waits for a message or a reader";
  return NULL;
}

/* The search for who keeps something knows nobody who has gone. */
static const char *check_keepers(const struct connections *n) {
  const struct client *next = n->keepers.next, *keeper = n->keepers.keeper;
  if (!n->keepers.is_on) return NULL;
  for (const struct client *c = n->all; c; c = c->next) {
    if (c == next) next = NULL;
    if (c == keeper) keeper = NULL;
  }
  return next || keeper ? "connections: one is looked at that has gone" : NULL;
}

static const char *check_connections(const struct broker *b) {
  const struct connections *n = &b->connections;
  long dirty = 0, condemned = 0;
  for (const struct client *c = n->all; c; c = c->next) {
    const char *fault = check_client(b, c);
    if (!fault) fault = check_reading(c);
    if (!fault) fault = check_account(c);
    if (fault) return fault;
    dirty += c->is_dirty;
    condemned += c->state == CLIENT_CONDEMNED && !job_is_queued(&c->job);
  }
  for (const struct client *c = n->dirty; c; c = c->next_dirty, dirty--)
    if (!c->is_dirty) return "connections: one in the dirty list has no mark of it";
  for (const struct client *c = n->condemned; c; c = c->next_condemned, condemned--)
    if (c->state != CLIENT_CONDEMNED)
      return "connections: one in the condemned list is not condemned";
  if (dirty || condemned) return "connections: a list has another number of clients";
  return check_keepers(n);
}

/* ---- The roster ---- */

static const char *check_roster(const struct broker *b) {
  uint32_t slots = 0;
  const char *fault = roster_check(&b->roster);
  if (fault) return fault;
  for (const struct client *c = b->connections.all; c; c = c->next) {
    if (c->slot == SLAB_NONE) continue;
    slots++;
    if (c->host == SLAB_NONE || c->observer ||
        roster_at(&b->roster, c->slot)->host != hosts_at(&b->hosts, c->host)->id)
      return "roster: a client has another's slot";
    bool waits = slab_live(&b->names.all, c->name_record) && succession_waits(c);
    if (roster_at(&b->roster, c->slot)->succeeds != waits)
      return "roster: a slot and its client differ in whether it is to succeed another";
    if (roster_at(&b->roster, c->slot)->retired != (c->retired || waits))
      return "roster: a slot and its client differ in whether it has retired";
  }
  for (uint32_t i = slab_next(&b->grace.absents.all, 0); i != SLAB_NONE;
       i = slab_next(&b->grace.absents.all, i + 1)) {
    const struct absent *k = absents_at(&b->grace.absents, i);
    slots += !k->is_settled && k->number == SLAB_NONE;
  }
  return slots == b->roster.used ? NULL : "roster: a slot of nobody";
}

/* ---- Hosts ---- */

static const char *check_hosts(const struct broker *b) {
  for (uint32_t i = slab_next(&b->hosts.all, 0); i != SLAB_NONE;
       i = slab_next(&b->hosts.all, i + 1)) {
    const struct host *h = hosts_at(&b->hosts, i);
    if (h->client) {
      if (h->client->host != i) return "hosts: a client that does not know its host";
      if (h->client->observer != h->observer)
        return "hosts: a host and its client differ in whether it observes";
    }
    if ((h->name[0] == '@') != h->observer)
      return "hosts: a worker that is told as an observer, or one as a worker";
    uint32_t held = refs_held_count(&b->refs, i);
    bool has_known = loads_first_of_client(&b->loads, i) != SLAB_NONE;
    bool is_job = job_is_queued(&h->giving_back);
    if (!h->client && !is_job && !held && !has_known && !refs_export_count(&b->refs, i) &&
        !accounts_of(&b->connections.accounts, i)->used[ACCOUNT_HELD])
      return "hosts: a dead one of no use";
    if (h->client ? is_job : !is_job && (held > 0 || has_known))
      return "hosts: a dead holder is no job, or another is one";
  }
  return NULL;
}

/* Its holdings are counted as those that it pays, and that others do; and those of the dead. */
static bool is_counted(const struct broker *b, uint32_t host, const struct account *k) {
  uint32_t own = 0, given = 0, left = 0;
  for (uint32_t i = refs_first_held(&b->refs, host); i != SLAB_NONE;
       i = refs_next_held(&b->refs, i)) {
    const struct hold *h = refs_hold_at(&b->refs, i);
    if (h->payer == host)
      own++;
    else
      given++;
    left += !hosts_at(&b->hosts, refs_token(&b->refs, h->token)->host)->client;
  }
  return own == k->own_held && given == k->given && left == k->left;
}

/* What a host has, living or dead, is charged to its account. */
static const char *check_charges(const struct broker *b) {
  for (uint32_t i = slab_next(&b->hosts.all, 0); i != SLAB_NONE;
       i = slab_next(&b->hosts.all, i + 1)) {
    const struct account *k = accounts_of(&b->connections.accounts, i);
    const struct client *c = hosts_at(&b->hosts, i)->client;
    if (c ? c->account != k : !k->is_closed) return "accounts: a host has another's";
    if (k->used[ACCOUNT_REQUESTS] < calls_asked_count(&b->calls, i) ||
        k->used[ACCOUNT_WAITS] != waits_count_of_client(&b->names.watches, i) +
                                      waits_count_of_client(&b->collecting, i) ||
        k->used[ACCOUNT_EXPORTED] != refs_export_count(&b->refs, i) ||
        !is_counted(b, i, k) ||
        k->used[ACCOUNT_NAMES] != (c && c->name_record != SLAB_NONE))
      return "accounts: a host is charged for other things than it has";
  }
  return NULL;
}

static bool is_connected(const struct broker *b, uint32_t host) {
  return slab_live(&b->hosts.all, host) && hosts_at(&b->hosts, host)->client;
}

/* ---- Names ---- */

static const char *check_names(const struct broker *b) {
  for (uint32_t i = slab_next(&b->names.all, 0); i != SLAB_NONE;
       i = slab_next(&b->names.all, i + 1)) {
    const struct name *k = names_at(&b->names, i);
    if (k->successor != SLAB_NONE && (!is_connected(b, k->successor) ||
        hosts_at(&b->hosts, k->successor)->client->name_record != i))
      return "names: a successor is dead, or does not know its name";
    if (k->host == SLAB_NONE && k->successor != SLAB_NONE &&
        absents_find_name(&b->grace.absents, k->text, k->size) == SLAB_NONE)
      return "names: a successor of nobody";
    if (k->host == SLAB_NONE) continue;
    if (!is_connected(b, k->host)) return "names: a dead host has a name";
    const struct host *h = hosts_at(&b->hosts, k->host);
    if (h->client->name_record != i) return "names: a client that does not know its name";
    if (strlen(h->name) != k->size || memcmp(h->name, k->text, k->size) != 0)
      return "names: a host has another name";
    if (h->client->serves != k->ready)
      return "names: a name and its client differ in whether it is ready";
  }
  for (const struct client *c = b->connections.all; c; c = c->next) {
    bool wanted = c->host != SLAB_NONE && !c->observer && !c->retired;
    if (wanted != (c->name_record != SLAB_NONE))
      return "names: a worker without a name, or an observer or a retired one with one";
    if (wanted && (!slab_live(&b->names.all, c->name_record) ||
                   (names_at(&b->names, c->name_record)->host != c->host &&
                    names_at(&b->names, c->name_record)->successor != c->host)))
      return "names: a client's name is another's";
  }
  return NULL;
}

/* ---- Requests under way ---- */

/* Each is charged to who asked, whether that one still waits for it or not. */
static const char *check_payers(const struct broker *b) {
  const struct accounts *a = &b->connections.accounts;
  uint64_t charged = 0;
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = slab_at(&a->slab, i);
    if (k->level == ACCOUNT_USER) charged += k->used[ACCOUNT_REQUESTS];
  }
  if (charged != b->calls.all.count) return "calls: another number of them is charged";
  for (uint32_t i = slab_next(&b->calls.all, 0); i != SLAB_NONE;
       i = slab_next(&b->calls.all, i + 1)) {
    const struct call *k = calls_at(&b->calls, i);
    if (!k->payer || !k->payer->used[ACCOUNT_REQUESTS]) return "calls: one that nobody pays";
    if (k->asker != SLAB_NONE && k->payer != accounts_of(a, k->asker))
      return "calls: one that is not paid by its asker";
  }
  return NULL;
}

/* Each of one that is still known is counted with its pair; also those that count until they are
 * answered. */
static const char *check_pairs(const struct broker *b) {
  uint64_t asked = 0, open = 0;
  for (uint32_t i = slab_next(&b->calls.all, 0); i != SLAB_NONE;
       i = slab_next(&b->calls.all, i + 1)) {
    const struct call *k = calls_at(&b->calls, i);
    if (!pairs_count(b, k)) continue;
    asked++;
    open += k->open_bytes != 0;
    if (!slab_live(&b->loads.all, k->pair) || loads_at(&b->loads, k->pair)->host != k->from ||
        loads_at(&b->loads, k->pair)->client != k->host)
      return "calls: one is counted with another pair";
  }
  for (uint32_t i = slab_next(&b->loads.all, 0); i != SLAB_NONE;
       i = slab_next(&b->loads.all, i + 1)) {
    const struct load *k = loads_at(&b->loads, i);
    uint32_t open_here = k->open[0].requests + k->open[1].requests;
    if (k->asked < open_here) return "flows: more is open than was asked";
    if (k->asked && !is_connected(b, k->client)) return "calls: a pair counts one to a dead target";
    asked -= k->asked;
    open -= open_here;
  }
  if (open) return "flows: another number of calls is open";
  return asked ? "calls: pairs count another number of them" : NULL;
}

/* What a client owes: the answer to free, and to every call that is to be answered in
 * finite time. */
static uint32_t count_due(const struct broker *b, const struct client *c) {
  uint32_t n = c->free_id != 0;
  if (c->host == SLAB_NONE) return n;
  for (uint32_t i = calls_first_served(&b->calls, c->host); i != SLAB_NONE;
       i = owners_next(&b->calls.served, i))
    n += !calls_at(&b->calls, i)->unbounded;
  return n;
}

static const char *check_calls(const struct broker *b) {
  for (uint32_t i = slab_next(&b->calls.all, 0); i != SLAB_NONE;
       i = slab_next(&b->calls.all, i + 1)) {
    const struct call *k = calls_at(&b->calls, i);
    if (!is_connected(b, k->host)) return "calls: one to a dead host";
    if (k->asker != SLAB_NONE && !is_connected(b, k->asker)) return "calls: one of a dead asker";
  }
  for (const struct client *c = b->connections.all; c; c = c->next)
    if (c->state != CLIENT_CONDEMNED && c->answers_due != count_due(b, c) + cycles_awaits(c))
      return "calls: another number of answers is due";
  if (wheel_next(&b->calls.deadlines) < b->expiry.fires_ms && !job_is_queued(&b->expiry.job))
    return "calls: no timer for a deadline";
  const char *fault = check_payers(b);
  return fault ? fault : check_pairs(b);
}

/* Whether a watch has come true and nobody is about to say so. */
static bool is_forgotten(const struct broker *b, const struct wait *watch) {
  const struct name *k = names_at(&b->names, names_of_subject(watch->subject));
  bool ready_only = watch->subject == names_subject(names_of_subject(watch->subject), NAMES_READY);
  if (k->host == SLAB_NONE || (ready_only && !k->ready)) return false;
  const struct client *named = hosts_at(&b->hosts, k->host)->client;
  return named->state != CLIENT_CONDEMNED && !job_is_queued(&named->telling);
}

static const char *check_waits(const struct broker *b) {
  const struct waits *gc = &b->collecting, *watches = &b->names.watches;
  for (uint32_t i = slab_next(&gc->all, 0); i != SLAB_NONE; i = slab_next(&gc->all, i + 1)) {
    const struct wait *k = waits_at(gc, i);
    if (!is_connected(b, k->client)) return "collecting: a dead client waits";
    if (!is_connected(b, k->subject) || !hosts_at(&b->hosts, k->subject)->client->free_id)
      return "collecting: a wait for what is not under way";
  }
  for (uint32_t i = slab_next(&watches->all, 0); i != SLAB_NONE;
       i = slab_next(&watches->all, i + 1)) {
    const struct wait *k = waits_at(watches, i);
    if (!is_connected(b, k->client)) return "watches: a dead client waits";
    if (!slab_live(&b->names.all, names_of_subject(k->subject)))
      return "watches: a wait for no name";
    if (is_forgotten(b, k)) return "watches: one whose event has happened still waits";
  }
  return NULL;
}

/* ---- References ---- */

/* Pairs, monitors, and the records of connections and hosts, also of those that have ended. */
static const char *check_others(const struct broker *b) {
  const struct accounts *a = &b->connections.accounts;
  uint64_t charged = 0, due = b->loads.all.count * (uint64_t)b->loads.bytes + b->grace.claims.bytes;
  due += seen_charged(b);
  for (uint32_t i = slab_next(&a->slab, 0); i != SLAB_NONE; i = slab_next(&a->slab, i + 1)) {
    const struct account *k = slab_at(&a->slab, i);
    if (k->level == ACCOUNT_USER) charged += k->used[ACCOUNT_OTHER];
    if (k->level == ACCOUNT_CONNECTION) due += a->record_bytes;
  }
  return charged == due ? NULL : "accounts: other records are charged than there are";
}

/* A load counts the tokens of its host that its client holds; whoever holds one has a load. */
static const char *check_loads(const struct broker *b) {
  uint64_t held = 0;
  for (uint32_t i = slab_next(&b->loads.all, 0); i != SLAB_NONE;
       i = slab_next(&b->loads.all, i + 1)) {
    const struct load *l = loads_at(&b->loads, i);
    uint32_t n = 0;
    uint64_t weight = 0;
    if (!slab_live(&b->hosts.all, l->host) || !slab_live(&b->hosts.all, l->client))
      return "loads: one of no host";
    const struct client *host = hosts_at(&b->hosts, l->host)->client;
    if (l->told_dead && (!host || host->state != CLIENT_CONDEMNED))
      return "loads: somebody is noted as told of an end, and nobody ends";
    for (uint32_t h = refs_first_held(&b->refs, l->client); h != SLAB_NONE;
         h = refs_next_held(&b->refs, h)) {
      const struct token *t = refs_token(&b->refs, refs_hold_at(&b->refs, h)->token);
      if (t->host != l->host) continue;
      n++;
      weight += t->weight;
    }
    if (weight != l->weight) return "loads: one does not weigh what its tokens weigh";
    if (n != l->held) return "loads: one is not what its client holds of its host";
    held += n;
  }
  if (held != b->refs.holds.count) return "loads: a hold that no load counts";
  for (uint32_t i = slab_next(&b->refs.tokens, 0); i != SLAB_NONE;
       i = slab_next(&b->refs.tokens, i + 1))
    if (!slab_live(&b->hosts.all, refs_token(&b->refs, i)->host)) return "refs: a token of no host";
  return NULL;
}

const char *broker_check(const struct broker *b) {
  const char *fault = refs_check(&b->refs);
  if (!fault) fault = loads_check(&b->loads);
  if (!fault) fault = calls_check(&b->calls);
  if (!fault) fault = flows_check(&b->flows);
  if (!fault) fault = traffic_check(&b->traffic);
  if (!fault) fault = seen_check(b);
  if (!fault) fault = cycles_check(b);
  if (!fault) fault = names_check(&b->names);
  if (!fault) fault = hosts_check(&b->hosts);
  if (!fault) fault = waits_check(&b->collecting);
  if (!fault) fault = work_check(&b->work);
  if (!fault) fault = hot_check(&b->connections);
  if (!fault) fault = accounts_check(&b->connections.accounts);
  if (!fault) fault = check_connections(b);
  if (!fault) fault = check_roster(b);
  if (!fault) fault = grace_check(b);
  if (!fault) fault = check_hosts(b);
  if (!fault) fault = check_names(b);
  if (!fault) fault = check_calls(b);
  if (!fault) fault = check_waits(b);
  if (!fault) fault = check_loads(b);
  if (!fault) fault = check_charges(b);
  if (!fault) fault = check_others(b);
  if (!fault && b->writing) fault = "notify: a message was begun and not sent";
  return fault;
}
