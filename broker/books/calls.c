/* SPDX-License-Identifier: MIT
 *
 * One slab, for each of the two ids places with a hash table behind them, and a list for either
 * side.
 */
#include "broker/books/calls.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"

static uint64_t hash_of_id(const void *item, uint64_t seed) {
  return mix64(((const struct call *)item)->id ^ seed);
}
static uint64_t asked_hash(uint32_t asker, uint64_t id, uint64_t seed) {
  return mix64_seeded(id, seed + mix64(asker)); /* askers choose their ids */
}
static uint64_t hash_of_asked(const void *item, uint64_t seed) {
  const struct call *k = item;
  return asked_hash(k->asker, k->asked_id, seed);
}

bool calls_init(struct calls *c, uint64_t seed) {
  *c = (struct calls){.served_most = CALLS_SERVED_MOST};
  slab_init(&c->all, sizeof(struct call));
  front_init(&c->id_front);
  front_init(&c->asked_front);
  owners_init(&c->asked, &c->all, offsetof(struct call, of_asker));
  owners_init(&c->served, &c->all, offsetof(struct call, of_host));
  wheel_init(&c->deadlines, &c->all, offsetof(struct call, deadline));
  return chain_init(&c->by_id, &c->all, offsetof(struct call, id_link), hash_of_id, seed) &&
         chain_init(&c->by_asked, &c->all, offsetof(struct call, asked_link), hash_of_asked, seed);
}

void calls_deinit(struct calls *c) {
  chain_deinit(&c->by_id);
  chain_deinit(&c->by_asked);
  owners_deinit(&c->asked);
  owners_deinit(&c->served);
  counts_deinit(&c->looks);
  slab_deinit(&c->all);
  *c = (struct calls){0};
}

/* ---- Those that look into workers ---- */

static bool looks(const struct call *k) { return calls_op_looks(k->op); }

uint32_t calls_looks(const struct calls *c, uint32_t asker) {
  return (uint32_t)counts_at(&c->looks, asker);
}

bool calls_reserve_looks(struct calls *c, uint32_t asker) {
  return counts_reserve(&c->looks, asker);
}

void calls_count_look(struct calls *c, const struct call *k) {
  if (looks(k)) ++*counts_place(&c->looks, k->asker);
}

static void uncount_look(struct calls *c, const struct call *k) {
  if (!looks(k)) return;
  assert(calls_looks(c, k->asker) > 0);
  --*counts_place(&c->looks, k->asker);
}

/* ---- All ---- */

void calls_charge(struct calls *c, struct accounts *accounts) { c->accounts = accounts; }

void calls_start_at(struct calls *c, uint64_t id) { c->last_id = id; }

uint64_t calls_next_id(struct calls *c) { return ++c->last_id; }

enum calls_outcome calls_add(struct calls *c, uint32_t asker, uint64_t asked_id, uint32_t host,
                             uint32_t pair, uint8_t op, bool unbounded, uint32_t *call) {
  assert(asker != SLAB_NONE && host != SLAB_NONE);
  if (calls_find_asked(c, asker, asked_id) != SLAB_NONE) return CALLS_DUPLICATE;
  if (!owners_reserve(&c->asked, asker) || !owners_reserve(&c->served, host))
    return CALLS_NO_MEMORY;
  if (calls_op_looks(op) && !calls_reserve_looks(c, asker)) return CALLS_NO_MEMORY;
  *call = slab_add(&c->all);
  if (*call == SLAB_NONE) return CALLS_NO_MEMORY;
  struct call *k = calls_at(c, *call); /* zeroed */
  k->id = calls_next_id(c);
  k->asked_id = asked_id;
  k->asker = k->from = asker;
  k->pair = pair;
  k->host = host;
  k->op = op;
  k->unbounded = unbounded;
  if (c->accounts) {
    k->payer = accounts_of(c->accounts, asker);
    account_charge(c->accounts, k->payer, ACCOUNT_REQUESTS, 1);
  }
  owners_add(&c->asked, asker, *call);
  owners_add(&c->served, host, *call);
  calls_list_id(c, *call);
  calls_list_asked(c, *call);
  calls_count_look(c, k);
  return CALLS_OK;
}

/* The key of a place: ids of one asker are mostly counted up, and those of several begin alike. */
static uint64_t asked_key(uint32_t asker, uint64_t id) { return id + asker * UINT64_C(167); }

void calls_list_id(struct calls *c, uint32_t call) {
  if (!front_add(&c->id_front, calls_at(c, call)->id, call)) chain_add(&c->by_id, call);
}

void calls_list_asked(struct calls *c, uint32_t call) {
  const struct call *k = calls_at(c, call);
  if (!front_add(&c->asked_front, asked_key(k->asker, k->asked_id), call))
    chain_add(&c->by_asked, call);
}

uint32_t calls_find(const struct calls *c, uint64_t id) {
  uint32_t first = front_at(&c->id_front, id);
  if (first != SLAB_NONE && calls_at(c, first)->id == id) return first;
  if (!c->by_id.count) return SLAB_NONE;
  for (uint32_t i = chain_first(&c->by_id, mix64(id ^ c->by_id.seed)); i != SLAB_NONE;
       i = chain_next(&c->by_id, i))
    if (calls_at(c, i)->id == id) return i;
  return SLAB_NONE;
}

uint32_t calls_find_asked(const struct calls *c, uint32_t asker, uint64_t asked_id) {
  const struct chain *t = &c->by_asked;
  uint32_t first = front_at(&c->asked_front, asked_key(asker, asked_id));
  if (first != SLAB_NONE && calls_at(c, first)->asked_id == asked_id &&
      calls_at(c, first)->asker == asker)
    return first;
  if (!t->count) return SLAB_NONE;
  for (uint32_t i = chain_first(t, asked_hash(asker, asked_id, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct call *k = calls_at(c, i);
    if (k->asked_id == asked_id && k->asker == asker) return i;
  }
  return SLAB_NONE;
}

void calls_abandon(struct calls *c, uint32_t call) {
  struct call *k = calls_at(c, call);
  assert(k->asker != SLAB_NONE || !k->deadline.in);
  if (k->asker == SLAB_NONE) return;
  if (k->deadline.in) wheel_remove(&c->deadlines, call);
  if (!front_remove(&c->asked_front, asked_key(k->asker, k->asked_id), call))
    chain_remove(&c->by_asked, call);
  owners_remove(&c->asked, k->asker, call);
  uncount_look(c, k);
  k->asker = SLAB_NONE;
}

void calls_remove(struct calls *c, uint32_t call) {
  calls_abandon(c, call);
  const struct call *k = calls_at(c, call);
  if (!front_remove(&c->id_front, k->id, call)) chain_remove(&c->by_id, call);
  owners_remove(&c->served, k->host, call);
  if (k->payer) account_discharge(c->accounts, k->payer, ACCOUNT_REQUESTS, 1);
  slab_remove(&c->all, call);
}

uint32_t calls_first_asked(const struct calls *c, uint32_t asker) {
  return owners_first(&c->asked, asker);
}
uint32_t calls_first_served(const struct calls *c, uint32_t host) {
  return owners_first(&c->served, host);
}
uint32_t calls_asked_count(const struct calls *c, uint32_t asker) {
  return owners_count(&c->asked, asker);
}
uint32_t calls_served_count(const struct calls *c, uint32_t host) {
  return owners_count(&c->served, host);
}

const char *calls_check(const struct calls *c) {
  uint64_t asked = 0, looking = 0;
  for (uint32_t i = slab_next(&c->all, 0); i != SLAB_NONE; i = slab_next(&c->all, i + 1)) {
    const struct call *k = calls_at(c, i);
    if (calls_find(c, k->id) != i) return "calls: a call is not found by its id";
    if (k->asker == SLAB_NONE && k->deadline.in) return "calls: a deadline for nobody";
    if (k->asker == SLAB_NONE) continue;
    asked++;
    looking += looks(k);
    if (looks(k) && !calls_looks(c, k->asker)) return "calls: one that looks is not counted";
    if (calls_find_asked(c, k->asker, k->asked_id) != i)
      return "calls: a call is not found by its asker's id";
  }
  if (front_count(&c->id_front) + c->by_id.count != c->all.count)
    return "calls: another number of calls is listed by id";
  if (counts_sum(&c->looks) != looking) return "calls: another number of them looks into workers";
  if (front_count(&c->asked_front) + c->by_asked.count != asked)
    return "calls: an abandoned call still has its asker";
  return wheel_check(&c->deadlines);
}
