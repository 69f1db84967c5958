/* SPDX-License-Identifier: MIT
 *
 * A slab, a hash table by text, and a registry of waits whose subjects are names.
 */
#include "broker/books/names.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "proto/base.h"
#include "proto/name.h"

uint64_t names_hash(const char *text, uint32_t size, uint64_t seed) {
  uint64_t h = mix64(seed + size);
  for (uint32_t i = 0; i < size; i++) h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
  return mix64(h);
}

static uint64_t hash_of_name(const void *item, uint64_t seed) {
  const struct name *k = item;
  return names_hash(k->text, k->size, seed);
}

bool names_init(struct names *n, uint64_t seed) {
  *n = (struct names){0};
  slab_init(&n->all, sizeof(struct name));
  return waits_init(&n->watches, mix64(seed)) &&
         chain_init(&n->by_text, &n->all, offsetof(struct name, link), hash_of_name, seed);
}

void names_deinit(struct names *n) {
  chain_deinit(&n->by_text);
  waits_deinit(&n->watches);
  slab_deinit(&n->all);
  *n = (struct names){0};
}

void names_charge(struct names *n, struct accounts *accounts) {
  n->accounts = accounts;
  owners_charge(&n->watches.by_client, accounts, ACCOUNT_WAITS);
}

uint32_t names_find(const struct names *n, const char *text, uint32_t size) {
  const struct chain *t = &n->by_text;
  for (uint32_t i = chain_first(t, names_hash(text, size, t->seed)); i != SLAB_NONE;
       i = chain_next(t, i)) {
    const struct name *k = names_at(n, i);
    if (k->size == size && memcmp(k->text, text, size) == 0) return i;
  }
  return SLAB_NONE;
}

static uint32_t find_or_make(struct names *n, const char *text, uint32_t size) {
  uint32_t name = names_find(n, text, size);
  if (name != SLAB_NONE) return name;
  name = slab_add(&n->all);
  if (name == SLAB_NONE) return SLAB_NONE;
  struct name *k = names_at(n, name);
  k->host = k->successor = SLAB_NONE;
  k->size = (uint8_t)size;
  memcpy(k->text, text, size);
  chain_add(&n->by_text, name);
  return name;
}

/* A watch of the name for this event; SLAB_NONE when there is none. */
static uint32_t first_watch(const struct names *n, uint32_t name, enum names_event event) {
  return waits_first_of_subject(&n->watches, names_subject(name, event));
}

static bool is_used(const struct names *n, uint32_t name) {
  return names_at(n, name)->host != SLAB_NONE || names_at(n, name)->successor != SLAB_NONE ||
         first_watch(n, name, NAMES_PRESENT) != SLAB_NONE ||
         first_watch(n, name, NAMES_READY) != SLAB_NONE;
}

static void remove_if_unused(struct names *n, uint32_t name) {
  if (is_used(n, name)) return;
  chain_remove(&n->by_text, name);
  slab_remove(&n->all, name);
}

static void charge(const struct names *n, uint32_t host) {
  if (n->accounts) account_charge(n->accounts, accounts_of(n->accounts, host), ACCOUNT_NAMES, 1);
}
static void discharge(const struct names *n, uint32_t host) {
  if (n->accounts)
    account_discharge(n->accounts, accounts_of(n->accounts, host), ACCOUNT_NAMES, 1);
}

enum names_outcome names_take(struct names *n, const char *text, uint32_t size, uint32_t host,
                              uint32_t *name) {
  assert(!name_fault(text, size) && host != SLAB_NONE);
  *name = find_or_make(n, text, size);
  if (*name == SLAB_NONE) return NAMES_NO_MEMORY;
  struct name *k = names_at(n, *name);
  if (k->host != SLAB_NONE) return NAMES_TAKEN;
  k->host = host;
  k->ready = false;
  charge(n, host);
  return NAMES_OK;
}

enum names_outcome names_succeed(struct names *n, const char *text, uint32_t size, uint32_t host,
                                 uint32_t *name) {
  assert(!name_fault(text, size) && host != SLAB_NONE);
  *name = find_or_make(n, text, size);
  if (*name == SLAB_NONE) return NAMES_NO_MEMORY;
  struct name *k = names_at(n, *name);
  if (k->successor != SLAB_NONE) return NAMES_TAKEN;
  k->successor = host;
  charge(n, host);
  return NAMES_OK;
}

void names_give_up(struct names *n, uint32_t name, uint32_t host) {
  struct name *k = names_at(n, name);
  assert(host != SLAB_NONE && (k->host == host || k->successor == host));
  discharge(n, host);
  if (k->host == host) {
    k->host = SLAB_NONE;
    k->ready = false;
  } else {
    k->successor = SLAB_NONE;
  }
  remove_if_unused(n, name);
}

uint32_t names_pass(struct names *n, uint32_t name) {
  struct name *k = names_at(n, name);
  uint32_t before = k->host;
  assert(k->successor != SLAB_NONE);
  if (before != SLAB_NONE) discharge(n, before);
  k->host = k->successor;
  k->successor = SLAB_NONE;
  k->ready = false;
  return before;
}

uint32_t names_host(const struct names *n, const char *text, uint32_t size) {
  uint32_t name = size <= NAME_MAX_BYTES ? names_find(n, text, size) : SLAB_NONE;
  return name == SLAB_NONE ? SLAB_NONE : names_at(n, name)->host;
}

static bool has_happened(const struct name *k, enum names_event event) {
  return k->host != SLAB_NONE && (event == NAMES_PRESENT || k->ready);
}

bool names_has_happened(const struct names *n, const char *text, uint32_t size,
                        enum names_event event, uint32_t *host) {
  uint32_t name = names_find(n, text, size);
  if (name == SLAB_NONE || !has_happened(names_at(n, name), event)) return false;
  *host = names_at(n, name)->host;
  return true;
}

bool names_watch(struct names *n, const char *text, uint32_t size, enum names_event event,
                 uint32_t client, uint64_t request) {
  uint32_t name = find_or_make(n, text, size);
  if (name == SLAB_NONE) return false;
  bool ok = waits_add(&n->watches, names_subject(name, event), client, request);
  if (!ok) remove_if_unused(n, name);
  return ok;
}

bool names_take_due(struct names *n, uint32_t name, struct wait *watch) {
  for (enum names_event event = 0; event < NAMES_EVENTS; event++) {
    uint32_t i = first_watch(n, name, event);
    if (i == SLAB_NONE || !has_happened(names_at(n, name), event)) continue;
    *watch = *waits_at(&n->watches, i);
    waits_remove(&n->watches, i);
    return true;
  }
  return false;
}

static void unwatch(struct names *n, uint32_t wait) {
  uint32_t name = names_of_subject(waits_at(&n->watches, wait)->subject);
  waits_remove(&n->watches, wait);
  remove_if_unused(n, name);
}

bool names_unwatch(struct names *n, uint32_t client, uint64_t request) {
  uint32_t i = waits_find(&n->watches, client, request);
  if (i == SLAB_NONE) return false;
  unwatch(n, i);
  return true;
}

bool names_unwatch_one(struct names *n, uint32_t client) {
  uint32_t i = waits_first_of_client(&n->watches, client);
  if (i != SLAB_NONE) unwatch(n, i);
  return i != SLAB_NONE;
}

const char *names_check(const struct names *n) {
  for (uint32_t i = slab_next(&n->all, 0); i != SLAB_NONE; i = slab_next(&n->all, i + 1)) {
    const struct name *k = names_at(n, i);
    if (names_find(n, k->text, k->size) != i) return "names: a name is not found by its text";
    if (k->host != SLAB_NONE && k->host == k->successor) return "names: one succeeds itself";
    if (!is_used(n, i)) return "names: a record of no use";
  }
  if (n->by_text.count != n->all.count) return "names: the hash table has another number of names";
  return waits_check(&n->watches);
}
