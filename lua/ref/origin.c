/* SPDX-License-Identifier: MIT
 *
 * The origin of what is sent is looked for when the first token is made for it: most messages make
 * none. Origins are found by a hash table twice as large as there may be; they are never freed
 * before the worker ends, since their number is bounded.
 */
#include "lua/ref/origin.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/fiber/position.h"
#include "proto/base.h"

enum { BUCKETS = 2 * ORIGINS_MOST, SLOTS_FIRST = 256, WHERE_MOST = LUA_IDSIZE + 16 };
/* Instead of an origin's number; these count from 1. */
enum { UNKNOWN = 0 };

static_assert(ORIGINS_MOST < UINT16_MAX, "two bytes have its number");

struct record {
  struct origin o; /* its texts follow the record */
  uint32_t hash;
  uint32_t size;   /* bytes of the record, with its texts */
};

struct origins {
  uint16_t *by_slot; /* of the pool */
  uint32_t slots;
  uint16_t count;
  bool begun;      /* `current` is right */
  uint16_t current;
  /* What is being sent. */
  struct origin_sending sending;
  char to[GAIJIN_NAME_MAX + 2];
  struct record *records[ORIGINS_MOST + 1]; /* by number */
  uint16_t buckets[BUCKETS];                /* numbers; open addressing */
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
  for (unsigned i = 1; i <= o->count; i++)
    reallocate(w->L, o->records[i], o->records[i]->size, 0);
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

/* Its number, UNKNOWN if there are too many or memory is short. */
static uint16_t intern(lua_State *L, struct origins *all, const struct origin *o) {
  uint32_t hash = hash_of(o), i = hash % BUCKETS;
  for (; all->buckets[i]; i = (i + 1) % BUCKETS)
    if (is_equal(all->records[all->buckets[i]], o, hash)) return all->buckets[i];
  if (all->count == ORIGINS_MOST) return UNKNOWN;
  struct record *r = make(L, o, hash);
  if (!r) return UNKNOWN;
  all->records[++all->count] = r;
  return all->buckets[i] = all->count;
}

/* "shop.lua:12": the code that sends; of an answer the function that gave it, which has returned;
 * or nothing. */
static void find_where(lua_State *L, struct worker *w, char where[WHERE_MOST]) {
  lua_Debug ar;
  gaijin_token *called = w->origins->sending.called;
  where[0] = '\0';
  if (position_innermost(L, w, &ar)) {
    snprintf(where, WHERE_MOST, "%s:%d", ar.short_src, ar.currentline);
  } else if (called) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.pool); /* pool.c, which uses this file, has it */
    lua_rawgeti(L, -1, (int)(intptr_t)gaijin_token_tag(called));
    lua_remove(L, -2);
    if (!lua_isfunction(L, -1)) {
      lua_pop(L, 1);
      return;
    }
    lua_getinfo(L, ">S", &ar);
    if (ar.linedefined > 0)
      snprintf(where, WHERE_MOST, "%s:%d", ar.short_src, ar.linedefined);
    else
      snprintf(where, WHERE_MOST, "%s", ar.short_src);
  }
}

void origin_begin(lua_State *L, struct worker *w, const struct origin_sending *s) {
  if (!w->origins && (w->origins = reallocate(L, NULL, 0, sizeof *w->origins)))
    memset(w->origins, 0, sizeof *w->origins);
  struct origins *o = w->origins;
  if (!o) return;
  o->begun = false;
  o->sending = *s;
  snprintf(o->to, sizeof o->to, "%s", s->to ? s->to : "");
  o->sending.to = o->to;
}

void origin_note(lua_State *L, struct worker *w, int slot) {
  struct origins *o = w->origins;
  char where[WHERE_MOST];
  assert(slot > 0);
  if (!o || !reserve(L, o, (uint32_t)slot)) return;
  if (!o->begun) {
    find_where(L, w, where);
    o->current = intern(L, o, &(struct origin){.where = where,
                                               .to = o->to,
                                               .op = (uint8_t)o->sending.op,
                                               .answer = o->sending.answer});
    o->begun = true;
  }
  o->by_slot[slot] = o->current;
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
  if (o->count > ORIGINS_MOST) return "origins: there are too many";
  unsigned used = 0;
  for (unsigned i = 0; i < BUCKETS; i++) {
    if (o->buckets[i] > o->count) return "origins: a bucket has a number that there is not";
    used += o->buckets[i] != UNKNOWN;
  }
  if (used != o->count) return "origins: another number of them can be found";
  for (uint32_t i = 0; i < o->slots; i++)
    if (o->by_slot[i] > o->count) return "origins: an object has one that there is not";
  return NULL;
}
