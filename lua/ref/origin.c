/* SPDX-License-Identifier: MIT
 *
 * The origin of what is sent is looked for when the first token is made for it: most messages make
 * none. Origins are found by a hash table with chains. Who has a number of one, an object or what
 * is being sent, is counted, and what nobody has is freed.
 */
#include "lua/ref/origin.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/fiber/position.h"
#include "lua/fiber/record.h"
#include "proto/base.h"

enum { BUCKETS = ORIGINS_MOST, SLOTS_FIRST = 256, WHERE_MOST = LUA_IDSIZE + 16 };
/* Instead of an origin's number; these count from 1. */
enum { UNKNOWN = 0 };

static_assert(ORIGINS_MOST < UINT16_MAX, "two bytes have its number");

struct record {
  struct origin o; /* its texts follow the record */
  uint32_t hash;
  uint32_t size;   /* bytes of the record, with its texts */
  uint32_t users;
  uint16_t next;   /* of its bucket; 0: the last */
};

struct origins {
  uint16_t *by_slot; /* of the pool */
  uint32_t slots;
  uint16_t highest;  /* number that was ever given */
  uint16_t n_unused; /* numbers below that are free */
  bool begun;      /* `current` is right */
  uint16_t current;
  bool too_many_told;
  /* What is being sent. */
  struct origin_sending sending;
  char to[GAIJIN_NAME_MAX + 2];
  struct record *records[ORIGINS_MOST + 1]; /* by number */
  uint16_t unused[ORIGINS_MOST];
  uint16_t buckets[BUCKETS]; /* the first number of each */
};

/* ---- Memory of Lua's heap ---- */

static void *reallocate(lua_State *L, void *block, size_t old, size_t size) {
  void *user;
  lua_Alloc allocate = lua_getallocf(L, &user);
  return allocate(user, block, old, size);
}

void origins_deinit(struct worker *w) {
  struct origins *o = w->origins;
  if (!o) return;
  for (unsigned i = 1; i <= o->highest; i++)
    if (o->records[i]) reallocate(w->L, o->records[i], o->records[i]->size, 0);
  reallocate(w->L, o->by_slot, o->slots * sizeof *o->by_slot, 0);
  reallocate(w->L, o, sizeof *o, 0);
  w->origins = NULL;
}

/* Makes room for a slot. False: memory is short. */
static bool reserve(lua_State *L, struct origins *o, uint32_t slot) {
  uint32_t room = o->slots ? o->slots : SLOTS_FIRST;
  if (slot < o->slots) return true;
  while (room <= slot) room *= 2;
  uint16_t *all = reallocate(L, o->by_slot, o->slots * sizeof *all, room * sizeof *all);
  if (!all) return false;
  memset(all + o->slots, 0, (room - o->slots) * sizeof *all);
  o->by_slot = all;
  o->slots = room;
  return true;
}

/* ---- Origins ---- */

static uint32_t hash_of(const struct origin *o) {
  uint64_t h = mix64((uint64_t)o->op << 1 | o->answer);
  for (const char *s = o->where; *s; s++) h = mix64(h ^ (unsigned char)*s);
  for (const char *s = o->to; *s; s++) h = mix64(h ^ (unsigned char)*s ^ 0x100);
  return (uint32_t)h;
}

static bool is_equal(const struct record *r, const struct origin *o, uint32_t hash) {
  return r->hash == hash && r->o.op == o->op && r->o.answer == o->answer &&
         strcmp(r->o.where, o->where) == 0 && strcmp(r->o.to, o->to) == 0;
}

/* A record of its own with copies of the texts; NULL: memory is short. */
static struct record *make(lua_State *L, const struct origin *o, uint32_t hash) {
  size_t where = strlen(o->where) + 1, to = strlen(o->to) + 1;
  size_t size = sizeof(struct record) + where + to;
  struct record *r = reallocate(L, NULL, 0, size);
  if (!r) return NULL;
  char *texts = (char *)(r + 1);
  memcpy(texts, o->where, where);
  memcpy(texts + where, o->to, to);
  *r = (struct record){.o = *o, .hash = hash, .size = (uint32_t)size};
  r->o.where = texts;
  r->o.to = texts + where;
  return r;
}

static unsigned count_of(const struct origins *all) { return all->highest - all->n_unused; }

static uint16_t find(const struct origins *all, const struct origin *o, uint32_t hash) {
  uint16_t number = all->buckets[hash % BUCKETS];
  while (number && !is_equal(all->records[number], o, hash)) number = all->records[number]->next;
  return number;
}

/* UNKNOWN: memory is short. */
static uint16_t add(lua_State *L, struct origins *all, const struct origin *o, uint32_t hash) {
  struct record *r = make(L, o, hash);
  if (!r) return UNKNOWN;
  uint16_t number = all->n_unused ? all->unused[--all->n_unused] : ++all->highest;
  uint16_t *first = &all->buckets[hash % BUCKETS];
  r->next = *first;
  *first = number;
  all->records[number] = r;
  return number;
}

static uint16_t use(struct origins *all, uint16_t number) {
  if (number != UNKNOWN) all->records[number]->users++;
  return number;
}

static void give_up(lua_State *L, struct origins *all, uint16_t number) {
  if (number == UNKNOWN) return;
  struct record *r = all->records[number];
  assert(r->users > 0);
  if (--r->users > 0) return;
  uint16_t *link = &all->buckets[r->hash % BUCKETS];
  while (*link != number) link = &all->records[*link]->next;
  *link = r->next;
  all->records[number] = NULL;
  all->unused[all->n_unused++] = number;
  reallocate(L, r, r->size, 0);
}

static void tell_too_many(const struct worker *w, struct origins *all) {
  if (all->too_many_told) return;
  all->too_many_told = true;
  worker_log(w, LOG_WARN,
             "others hold objects of more than %d origins, a line, an op and a receiver each; of "
             "further ones the receiver is not remembered, then not the line (--trace-tokens)",
             ORIGINS_NAMED);
}

/* Its number, or that of one which says less if there are too many; the caller uses it. UNKNOWN:
 * memory is short. */
static uint16_t intern(lua_State *L, const struct worker *w, struct origins *all, struct origin o) {
  static const unsigned most[] = {ORIGINS_NAMED, ORIGINS_PLACES, ORIGINS_MOST};
  for (int i = 0; i < 3; i++) {
    if (i == 1) tell_too_many(w, all);
    if (i >= 1) o.to = "";
    if (i == 2) o.where = "";
    uint32_t hash = hash_of(&o);
    uint16_t number = find(all, &o, hash);
    if (number) return number;
    if (count_of(all) < most[i]) return add(L, all, &o, hash);
  }
  assert(false); /* ops have room */
  return UNKNOWN;
}

void origin_place(lua_State *L, int i, struct code_place *out) {
  lua_Debug ar;
  *out = (struct code_place){0};
  if (!lua_isfunction(L, i)) return;
  lua_pushvalue(L, i);
  lua_getinfo(L, ">S", &ar);
  memcpy(out->source, ar.short_src, sizeof out->source);
  out->line = ar.linedefined > 0 ? ar.linedefined : 0;
}

/* "shop.lua:12": the code that sends; of an answer the function that gave it, which has returned;
 * or nothing. */
static void find_where(lua_State *L, struct worker *w, char where[WHERE_MOST]) {
  lua_Debug ar;
  const struct code_place *called = w->origins->sending.called;
  where[0] = '\0';
  if (position_innermost(L, w, &ar))
    snprintf(where, WHERE_MOST, "%s:%d", ar.short_src, ar.currentline);
  else if (called && called->line > 0)
    snprintf(where, WHERE_MOST, "%s:%d", called->source, called->line);
  else if (called)
    snprintf(where, WHERE_MOST, "%s", called->source);
}

void origin_begin(lua_State *L, struct worker *w, const struct origin_sending *s) {
  if (!w->origins && (w->origins = reallocate(L, NULL, 0, sizeof *w->origins)))
    memset(w->origins, 0, sizeof *w->origins);
  struct origins *o = w->origins;
  if (!o) return;
  give_up(L, o, o->current);
  o->current = UNKNOWN;
  o->begun = false;
  o->sending = *s;
  snprintf(o->to, sizeof o->to, "%s", !s->to ? "?" : s->to[0] == '@' ? "@" : s->to);
  o->sending.to = o->to;
}

void origin_note(lua_State *L, struct worker *w, int slot) {
  struct origins *o = w->origins;
  char where[WHERE_MOST];
  assert(slot > 0);
  if (!o || !reserve(L, o, (uint32_t)slot)) return;
  if (!o->begun) {
    find_where(L, w, where);
    o->current = use(o, intern(L, w, o,
                               (struct origin){.where = where,
                                               .to = o->to,
                                               .op = (uint8_t)o->sending.op,
                                               .answer = o->sending.answer}));
    o->begun = true;
  }
  give_up(L, o, o->by_slot[slot]);
  o->by_slot[slot] = use(o, o->current);
}

void origin_forget(struct worker *w, int slot) {
  struct origins *o = w->origins;
  if (!o || (uint32_t)slot >= o->slots) return;
  give_up(w->L, o, o->by_slot[slot]);
  o->by_slot[slot] = UNKNOWN;
}

const struct origin *origin_of(const struct worker *w, const gaijin_token *t) {
  const struct origins *o = w->origins;
  uintptr_t slot = (uintptr_t)gaijin_token_tag(t);
  if (!o || slot >= o->slots || o->by_slot[slot] == UNKNOWN) return NULL;
  return &o->records[o->by_slot[slot]]->o;
}

const char *origins_check(const struct worker *w) {
  const struct origins *o = w->origins;
  if (!o) return NULL;
  if (o->highest > ORIGINS_MOST) return "origins: there are too many";
  unsigned found = 0;
  uint64_t users = 0, used = o->current != UNKNOWN;
  for (unsigned i = 0; i < BUCKETS; i++) {
    for (uint16_t n = o->buckets[i]; n; n = o->records[n]->next) {
      if (n > o->highest || !o->records[n])
        return "origins: a bucket has a number that there is not";
      if (++found > count_of(o)) break;
      users += o->records[n]->users;
    }
  }
  if (found != count_of(o)) return "origins: another number of them can be found";
  for (uint32_t i = 0; i < o->slots; i++) {
    if (o->by_slot[i] > o->highest || (o->by_slot[i] && !o->records[o->by_slot[i]]))
      return "origins: an object has one that there is not";
    used += o->by_slot[i] != UNKNOWN;
  }
  return users == used ? NULL : "origins: another number has them than is counted";
}
