/* SPDX-License-Identifier: MIT
 *
 * Few PTs are kept inside the struct; only a message with more of them costs an allocation.
 */
#include "broker/core/transfer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/releases.h"
#include "broker/core/state.h"
#include "broker/net/limits.h"
#include "proto/body.h"
#include "proto/limits.h"

static void start(struct transfer *t) {
  t->pts = t->few;
  t->count = t->exported = 0;
  t->capacity = TRANSFER_FEW;
  t->no_memory = t->has_null = t->too_many = false;
}

static void end(struct transfer *t) {
  if (t->pts != t->few) free(t->pts);
  start(t);
}

static bool grow(struct transfer *t) {
  bool first = t->pts == t->few;
  struct transfer_pt *pts = realloc(first ? NULL : t->pts, (size_t)t->capacity * 2 * sizeof *pts);
  if (!pts) return false;
  if (first) memcpy(pts, t->few, sizeof t->few);
  t->pts = pts;
  t->capacity *= 2;
  return true;
}

static void add(void *user, const struct value *v) {
  struct transfer *t = user;
  if (v->type == VALUE_NULL) {
    t->has_null = true;
    return;
  }
  if (t->count == REFS_MOST) {
    t->too_many = true;
    return;
  }
  if (t->no_memory || (t->count == t->capacity && !grow(t))) {
    t->no_memory = true;
    return;
  }
  t->pts[t->count++] = (struct transfer_pt){.pt = v->pt, .host = SLAB_NONE, .token = SLAB_NONE};
}

/* ---- Reading ---- */

/* A large body that is being walked. */
struct walk {
  struct body_walker walker;
  struct transfer transfer; /* what was found so far */
};

static void move(struct transfer *to, struct transfer *from) {
  *to = *from;
  if (from->pts == from->few) to->pts = to->few;
  start(from);
}

void transfer_forget(struct client *from) {
  if (!from->walk) return;
  end(&from->walk->transfer);
  free(from->walk);
  from->walk = NULL;
  from->walk_bytes = 0;
  client_settle(from);
}

/* What is kept until the next slice. */
static void account_for(struct client *from) {
  const struct transfer *t = &from->walk->transfer;
  size_t pts = t->pts == t->few ? 0 : t->capacity * sizeof *t->pts;
  from->walk_bytes = (uint32_t)(sizeof *from->walk + pts);
  client_settle(from);
}

/* The next slice of a large body: as much as its sender's balance allows. */
static enum body_walked walk_slice(struct transfer *t, struct client *from,
                                   const struct message *m, const char **fault) {
  struct walk *k = from->walk;
  if (!k) {
    if (!(k = from->walk = malloc(sizeof *k))) {
      *fault = "memory is too short to read it";
      return BODY_FAULTY;
    }
    start(&k->transfer);
    body_walker_start(&k->walker);
  }
  uint32_t before = k->walker.values;
  uint32_t most = from->balance > 0 ? (uint32_t)from->balance * VALUES_PER_UNIT : VALUES_PER_UNIT;
  enum body_walked o = body_walker_go_on(&k->walker, m->body, m->body_size, most, t ? add : NULL,
                                         &k->transfer, fault);
  client_charge(from, 1 + (k->walker.values - before) / VALUES_PER_UNIT);
  if (o == BODY_WALKED && t) move(t, &k->transfer);
  if (o != BODY_MORE)
    transfer_forget(from);
  else
    account_for(from);
  return o;
}

enum transfer_reading transfer_read(struct transfer *t, struct client *from,
                                    const struct message *m, const char **fault) {
  if (t) start(t);
  if (m->body_size <= WALKED_AT_ONCE) {
    client_charge(from, m->body_size / WALKED_PER_UNIT);
    *fault = body_walk(m->body, m->body_size, t ? add : NULL, t);
  } else if (walk_slice(t, from, m, fault) == BODY_MORE) {
    client_postpone(from);
    return TRANSFER_LATER;
  }
  if (!*fault && t && t->no_memory) *fault = "memory is too short for the objects in it";
  if (!*fault && t && !transfer_in_version(t, from->version))
    *fault = "a null pointer, which the version of the wire agreed in hello does not have";
  if (*fault && t) end(t);
  return *fault ? TRANSFER_BAD : TRANSFER_READ;
}

void transfer_set(struct client *to, struct transfer *t, const struct pt *pt, uint32_t host,
                  uint32_t token) {
  start(t);
  refs_mention(&to->broker->refs, token, to->host, broker_now(to->broker));
  t->pts[t->count++] = (struct transfer_pt){.pt = *pt, .host = host, .token = token};
}

/* The PTs whose host is the sender. */
static bool see_own(struct broker *b, struct transfer *t, struct client *from) {
  uint64_t own = hosts_at(&b->hosts, from->host)->id;
  for (uint32_t i = 0; i < t->count; i++) {
    struct transfer_pt *k = &t->pts[i];
    if (k->pt.host != own) continue;
    k->host = from->host;
    switch (refs_see(&b->refs, from->host, &k->pt, broker_now(b), &k->token)) {
      case REFS_OK: break;
      case REFS_MISMATCH:
        client_fault(from, "it sent its token %llu with another stamp or kind than before",
                     (unsigned long long)k->pt.id);
        return false;
      default:
        client_condemn(from, "memory is too short for its tokens");
        return false;
    }
  }
  return true;
}

/* Whether the sender may use all other PTs. */
static bool holds_others(struct broker *b, struct transfer *t, const struct client *from) {
  for (uint32_t i = 0; i < t->count; i++) {
    struct transfer_pt *k = &t->pts[i];
    if (k->token != SLAB_NONE) continue;
    k->host = hosts_find(&b->hosts, k->pt.host);
    uint32_t token;
    if (k->host == SLAB_NONE ||
        refs_find_held(&b->refs, k->host, &k->pt, from->host, &token) != REFS_OK)
      return false;
    k->token = token;
    refs_mention(&b->refs, token, from->host, broker_now(b));
  }
  return true;
}

enum transfer_outcome transfer_take_all(struct broker *b, struct transfer *t, struct client *from,
                                        char *full) {
  client_charge(from, (uint64_t)t->count * TRANSFER_PT_COST);
  uint32_t before = refs_export_count(&b->refs, from->host);
  if (!see_own(b, t, from)) return TRANSFER_FAULT;
  t->exported = refs_export_count(&b->refs, from->host) - before;
  if (t->exported && !limits_allow(from, ACCOUNT_EXPORTED, 0, full))
    return limits_status(from, ACCOUNT_EXPORTED, t->exported) == STATUS_busy ? TRANSFER_FULL
                                                                             : TRANSFER_NEVER;
  return holds_others(b, t, from) ? TRANSFER_OK : TRANSFER_FORGED;
}

bool transfer_leaves_room(struct broker *b, const struct transfer *t, struct client *from,
                          struct client *to, char *full) {
  if (t->exported == 0) return true;
  uint32_t load = loads_find(&b->loads, from->host, to->host);
  uint64_t holds = (load == SLAB_NONE ? 0 : loads_at(&b->loads, load)->held) + t->exported;
  uint64_t most = b->connections.accounts.limits.most[ACCOUNT_EXPORTED];
  uint64_t used = from->account->process->used[ACCOUNT_EXPORTED];
  uint64_t left = most > used ? most - used : 0;
  if (holds <= left * TRANSFER_HOLDER || most <= TRANSFER_HOLDER) return true;
  snprintf(full, LIMITS_TEXT,
           "you would hold %llu of worker %s, which may have others hold %llu more "
           "(--max-exported)",
           (unsigned long long)holds, hosts_at(&b->hosts, from->host)->name,
           (unsigned long long)left);
  limits_note_refusal(to, full);
  return false;
}

uint32_t transfer_count_new(struct broker *b, const struct transfer *t, const struct client *to) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < t->count; i++) {
    const struct transfer_pt *k = &t->pts[i];
    struct token *token = refs_token(&b->refs, k->token);
    if (k->host == to->host || token->mark & TOKEN_COUNTED ||
        refs_count(&b->refs, k->token, to->host) > 0)
      continue;
    token->mark |= TOKEN_COUNTED;
    n++;
  }
  for (uint32_t i = 0; i < t->count; i++)
    refs_token(&b->refs, t->pts[i].token)->mark &= (uint8_t)~TOKEN_COUNTED;
  return n;
}

bool transfer_introduce(struct broker *b, uint32_t host, struct client *to, struct account *payer,
                        uint32_t *load, bool *is_new) {
  enum loads_outcome o = loads_introduce(&b->loads, host, to->host, payer, load);
  if (is_new) *is_new = o == LOADS_NEW;
  if (o == LOADS_NEW) notify_peer(to, hosts_at(&b->hosts, host), payer);
  if (o == LOADS_NO_MEMORY) client_condemn(to, "memory is too short to introduce others to it");
  return o != LOADS_NO_MEMORY;
}

/* It has got an object of a host that is dead. */
static void note_dead_object(struct broker *b, struct account *holder) {
  if (holder->left++ == 0) holder->left_ms = uv_now(b->loop);
}

void transfer_give_all(struct broker *b, struct transfer *t, struct client *to,
                       struct account *payer, const struct client *asker) {
  bool over_allowance = false;
  for (uint32_t i = 0; i < t->count; i++) {
    struct transfer_pt *k = &t->pts[i];
    assert(k->host != SLAB_NONE && k->token != SLAB_NONE); /* taken */
    if (k->host == to->host) continue;
    uint32_t load;
    bool is_new;
    if (!transfer_introduce(b, k->host, to, payer, &load, &is_new)) return;
    k->tell_dead = is_new && !hosts_at(&b->hosts, k->host)->client;
    enum refs_outcome o =
        refs_hold(&b->refs, k->token, to->host, asker->host, broker_now(b));
    if (o == REFS_NO_MEMORY) {
      client_condemn(to, "memory is too short for what it is given");
      return;
    }
    if (o != REFS_FIRST) continue;
    if (!hosts_at(&b->hosts, k->host)->client) note_dead_object(b, to->account);
    uint32_t weight = refs_token(&b->refs, k->token)->weight;
    if (loads_raise(&b->loads, load)) over_allowance = true;
    if (weight && loads_add_weight(&b->loads, load, weight)) over_allowance = true;
  }
  if (over_allowance) notify_free(to);
}

void transfer_settle_all(struct broker *b, struct transfer *t, struct client *to) {
  for (uint32_t i = 0; i < t->count; i++)
    if (to && t->pts[i].tell_dead) notify_dead(to, t->pts[i].pt.host, NULL);
  struct drops d;
  releases_begin(&d, NULL);
  for (uint32_t i = 0; i < t->count; i++)
    if (t->pts[i].token != SLAB_NONE) releases_settle(b, &d, t->pts[i].token);
  releases_send(b, &d);
  end(t);
}
