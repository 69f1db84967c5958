/* SPDX-License-Identifier: MIT
 *
 * A list is a userdata; its environment has the table, its keys, and the charge for them. That is
 * a userdata of its own, for its finaliser: what has one outlives, with all that it refers to, the
 * round of the collector that finds it, and so must not refer to the keys. All of it is made before
 * the traversal begins: where Lua makes an object it may run a script's finaliser, and that might
 * change the table. The book of what is charged lives as long as one of its lists: a VM may survive
 * its worker.
 *
 * A list that has ended, or whose cursor nobody else holds, is marked as dropped and stays charged
 * until its finaliser runs: no memory is there that is not in the book. Dropped lists that stand in
 * the way of another are collected first, all at once if they are a good part of the heap, so that
 * the collection costs in proportion to what had been listed; else in slices, by the turns that
 * follow. The marks `driven` and `collected` say how much was dropped when that was last done: what
 * is left then a script keeps, and to collect again for it would be in vain.
 */
#include "lua/ref/listed.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/answer.h"
#include "lua/fiber/wait.h"
#include "lua/vm/gc.h"
#include "lua/vm/userdata.h"

enum { ASKER_BUCKETS = 64 };
/* So large a part of the heap is collected at once, of all that may be listed in slices. */
enum { HEAP_PART = 16, BOOK_PART = 4 };

/* Is there while it is charged for a list. */
struct listed_asker {
  struct listed_asker *next; /* in its bucket */
  uint64_t host;
  size_t bytes, dropped; /* of all its lists; of those that are dropped */
  unsigned n;
};

struct listed_book {
  struct listed_asker *askers[ASKER_BUCKETS];
  size_t bytes, dropped;    /* of all; of those that are dropped */
  size_t driven, collected; /* `dropped` when the collector was driven, when all was collected */
  unsigned n;     /* lists that are charged */
  unsigned users; /* and the worker */
};

struct charge {
  struct listed_book *book; /* NULL: nothing is charged */
  struct listed_asker *asker;
  size_t bytes;
  bool dropped; /* nobody waits for the list, and the collector will find it */
};

struct list {
  struct charge *charge; /* in the environment */
  bool final;            /* made anew after a collection: there is no other */
  int at, n;             /* keys read; in all */
};

enum { UP_LIST = 1 }; /* upvalue of a cursor; nil when all has been read */
enum { ENV_TABLE = 1, ENV_KEYS, ENV_CHARGE }; /* fields of a list's environment */

size_t listed_weight(lua_State *L, int i) {
  return lua_type(L, i) == LUA_TSTRING ? lua_objlen(L, i) : 9;
}

/* ---- The book ---- */

static struct listed_asker **asker_slot(struct listed_book *b, uint64_t host) {
  struct listed_asker **p = &b->askers[host % ASKER_BUCKETS]; /* the broker chose them at random */
  while (*p && (*p)->host != host) p = &(*p)->next;
  return p;
}

static void leave_book(struct listed_book *b) {
  assert(b->users > 0);
  if (--b->users == 0) free(b);
}

/* The asker's record, for one list more; NULL when memory is short. */
static struct listed_asker *enter_book(struct worker *w, uint64_t host) {
  if (!w->listed && (w->listed = calloc(1, sizeof *w->listed))) w->listed->users = 1;
  if (!w->listed) return NULL;
  struct listed_asker **p = asker_slot(w->listed, host);
  if (!*p && (*p = calloc(1, sizeof **p))) (*p)->host = host;
  if (!*p) return NULL;
  (*p)->n++;
  w->listed->n++;
  w->listed->users++;
  return *p;
}

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

/* It is the collector's from now on. */
static void drop(struct charge *k) {
  if (!k->book || k->dropped) return;
  k->dropped = true;
  k->asker->dropped += k->bytes;
  k->book->dropped += k->bytes;
}

/* Its memory is free. */
static void give_back(struct charge *k) {
  struct listed_book *b = k->book;
  if (!b) return;
  drop(k);
  struct listed_asker **p = asker_slot(b, k->asker->host), *a = *p;
  assert(a == k->asker && a->n > 0 && a->dropped >= k->bytes && b->dropped >= k->bytes);
  a->bytes -= k->bytes;
  a->dropped -= k->bytes;
  b->bytes -= k->bytes;
  b->dropped -= k->bytes;
  b->driven = least_of(b->driven, b->dropped);
  b->collected = least_of(b->collected, b->dropped);
  b->n--;
  if (--a->n == 0) {
    assert(a->bytes == 0);
    *p = a->next;
    free(a);
  }
  k->book = NULL;
  leave_book(b);
}

/* What has been dropped has the collector run, in slices, when it is much. */
static void drive_collector(struct worker *w, struct listed_book *b, size_t least) {
  if (b->dropped - b->driven < least || w->weights.rounds) return;
  b->driven = b->dropped;
  w->weights.rounds = 2; /* the one under way may have seen it before it was dropped */
}

static bool is_within(size_t all, size_t used, size_t own) {
  return used < all && own <= all - used;
}

/* False if the list cannot have so many bytes more before what has been dropped is collected, which
 * is worth it. Raises if it may not have them; it is dropped then. */
static bool need_room(lua_State *L, struct worker *w, struct list *list, size_t bytes) {
  struct charge *k = list->charge;
  struct listed_book *b = k->book;
  if (!b) return true;
  const struct listed_asker *a = k->asker;
  size_t all = w->max_decoded, used = b->bytes + bytes, own = a->bytes + bytes;
  if (is_within(all, used, own)) return true;
  bool never = k->bytes + bytes > all / 2;
  if (!never && is_within(all, used - b->dropped, own - a->dropped) && b->dropped > b->collected) {
    size_t heap = (size_t)lua_gc(L, LUA_GCCOUNT, 0) << 10;
    if (!list->final && b->dropped - b->collected >= heap / HEAP_PART) {
      drop(k);
      return false;
    }
    drive_collector(w, b, 1);
  }
  const char *who = worker_host_name(w, a->host);
  drop(k);
  worker_raise(L, never ? GAIJIN_STATUS_TOO_LARGE : GAIJIN_STATUS_BUSY,
               never ? "the keys that pairs would list for %s need more than half of %u bytes; the "
                       "limit of %s is --max-decoded"
                     : "pairs has listed as many keys for %s as it may (of %u bytes for all); the "
                       "limit of %s is --max-decoded: end some traversals first",
               who, w->max_decoded, w->name);
  return false;
}

static bool charge(lua_State *L, struct worker *w, struct list *list, size_t bytes) {
  if (!need_room(L, w, list, bytes)) return false;
  struct charge *k = list->charge;
  if (!k->book) return true;
  assert(!k->dropped);
  k->bytes += bytes;
  k->asker->bytes += bytes;
  k->book->bytes += bytes;
  return true;
}

/* ---- A list ---- */

/* Upvalue: the metatable of charges. Not by the worker's anchors: in a fork these may be new. */
static int collect_charge(lua_State *L) {
  struct charge *k = lua_touserdata(L, 1);
  if (!k || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1)))
    return 0; /* by a script's hand */
  give_back(k);
  return 0;
}

void listed_collect(lua_State *L, struct worker *w) {
  size_t before = w->listed ? w->listed->dropped : 0;
  gc_full(L, w); /* finalisers may wait: what is dropped meanwhile it may not have seen */
  if (w->listed) w->listed->collected = least_of(before, w->listed->dropped);
}

void listed_push(lua_State *L, struct worker *w, bool final) {
  luaL_checkstack(L, 8, "no room for a list");
  const struct fiber *f = w->sched.current;
  uint64_t host = f ? f->serving.caller : 0;
  if (w->g && host == gaijin_host(w->g)) host = 0; /* by its own name */
  if (w->listed) drive_collector(w, w->listed, w->max_decoded / BOOK_PART);
  struct list *k = userdata_new(L, sizeof *k, w->anchors.list_meta);
  *k = (struct list){.final = final};
  lua_createtable(L, 3, 0);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, ENV_TABLE);
  lua_newtable(L);
  lua_rawseti(L, -2, ENV_KEYS);
  k->charge = userdata_new(L, sizeof *k->charge, w->anchors.charge_meta);
  *k->charge = (struct charge){.book = NULL};
  lua_rawseti(L, -2, ENV_CHARGE);
  lua_setfenv(L, -2);
  if (!host) return;
  if (!(k->charge->asker = enter_book(w, host)))
    worker_raise(L, GAIJIN_STATUS_BUSY, "memory is too short to list keys");
  k->charge->book = w->listed;
  if (charge(L, w, k, LISTED_LIST)) return;
  lua_pop(L, 1);
  listed_collect(L, w);
  listed_push(L, w, true);
}

/* Its asker waits no more: whoever waits for us need not wait for this. */
static void look_at_clock(lua_State *L, struct worker *w, const struct list *k) {
  const struct fiber *f = w->sched.current;
  double until = f ? wait_nearer(f->deadline, f->asked_until) : 0;
  if (until == 0 || clock_seconds() < until) return;
  drop(k->charge);
  worker_raise(L, GAIJIN_STATUS_TIMEOUT, "pairs: it has taken too long to list the keys");
}

bool listed_fill(lua_State *L, struct worker *w, int list, int table, bool is_copy) {
  struct list *k = lua_touserdata(L, list);
  size_t each = LISTED_KEY + (is_copy ? LISTED_COPY : 0);
  size_t bytes = is_copy ? LISTED_PAGE * LISTED_COPY : 0;
  assert(k->n == 0);
  luaL_checkstack(L, 8, "no room for a list");
  /* So much is certain; the rest is seen on the way. */
  size_t least = lua_objlen(L, table);
  if (least > LISTED_PAGE && !need_room(L, w, k, (least - LISTED_PAGE) * LISTED_KEY)) return false;
  lua_getfenv(L, list);
  lua_pushvalue(L, table);
  lua_rawseti(L, -2, ENV_TABLE);
  lua_rawgeti(L, -1, ENV_KEYS);
  lua_replace(L, -2);
  int keys = lua_gettop(L) - 1;
  lua_insert(L, keys); /* keys, key */
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    bytes += each + (lua_type(L, -1) == LUA_TSTRING ? lua_objlen(L, -1) : 0);
    lua_pushvalue(L, -1);
    lua_rawseti(L, keys, ++k->n);
    if (k->n % LISTED_PAGE != 0) continue;
    if (!charge(L, w, k, bytes)) return false;
    look_at_clock(L, w, k);
    bytes = 0;
  }
  lua_settop(L, keys - 1);
  return charge(L, w, k, bytes);
}

/* ---- The cursor ---- */

/* The next page: more, key, value, ... Entries that have gone meanwhile are left out. */
static int cursor(lua_State *L) {
  struct list *k = lua_touserdata(L, lua_upvalueindex(UP_LIST));
  lua_settop(L, 0);
  if (!k) { /* all has been read */
    lua_pushboolean(L, 0);
    return 1;
  }
  int at = k->at;
  luaL_checkstack(L, 2 * LISTED_PAGE + 12, "no room for a page");
  enum { MORE = 1, TABLE, KEYS };
  lua_pushboolean(L, 0);
  lua_getfenv(L, lua_upvalueindex(UP_LIST));
  lua_rawgeti(L, TABLE, ENV_KEYS);
  lua_rawgeti(L, TABLE, ENV_TABLE);
  lua_replace(L, TABLE);
  size_t bytes = 0;
  while (at < k->n && lua_gettop(L) < 2 * LISTED_PAGE + KEYS && bytes < LISTED_PAGE_BYTES) {
    lua_rawgeti(L, KEYS, ++at);
    lua_pushvalue(L, -1);
    lua_rawget(L, TABLE);
    if (lua_isnil(L, -1))
      lua_pop(L, 2);
    else
      bytes += listed_weight(L, -1) + listed_weight(L, -2);
  }
  assert(at <= k->n && lua_gettop(L) % 2 == 1); /* keys and values, and what comes first */
  lua_remove(L, KEYS);
  lua_remove(L, TABLE);
  lua_pushboolean(L, at < k->n);
  lua_replace(L, MORE);
  k->at = at;
  if (at < k->n) return lua_gettop(L);
  drop(k->charge);
  lua_pushnil(L); /* the list is garbage, whoever keeps the cursor */
  lua_replace(L, lua_upvalueindex(UP_LIST));
  return lua_gettop(L);
}

bool listed_is_cursor(lua_State *L, int i) { return lua_tocfunction(L, i) == cursor; }

void listed_to_cursor(lua_State *L, int list) {
  struct list *k = lua_touserdata(L, list);
  if (k->n == 0) {
    drop(k->charge);
    lua_pushnil(L);
  } else {
    lua_pushvalue(L, list);
    lua_pushcclosure(L, cursor, UP_LIST);
  }
  lua_replace(L, list);
}

void listed_forget(lua_State *L, int i) {
  if (!listed_is_cursor(L, i) || !lua_getupvalue(L, i, UP_LIST)) return;
  struct list *k = lua_touserdata(L, -1);
  if (k) drop(k->charge);
  lua_pop(L, 1);
}

/* ---- The rest ---- */

/* A metatable that scripts do not see. */
static int make_metatable(lua_State *L, lua_CFunction finaliser) {
  lua_createtable(L, 0, 2);
  if (finaliser) {
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, finaliser, 1);
    lua_setfield(L, -2, "__gc");
  }
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

void listed_open(lua_State *L, struct worker *w) {
  w->anchors.list_meta = make_metatable(L, NULL);
  w->anchors.charge_meta = make_metatable(L, collect_charge);
}

size_t listed_charged(const struct worker *w, uint64_t host) {
  struct listed_asker **p = w->listed ? asker_slot(w->listed, host) : NULL;
  return p && *p ? (*p)->bytes : 0;
}

const char *listed_check(const struct worker *w) {
  const struct listed_book *b = w->listed;
  size_t bytes = 0, dropped = 0;
  unsigned n = 0;
  if (!b) return NULL;
  for (int i = 0; i < ASKER_BUCKETS; i++) {
    for (const struct listed_asker *a = b->askers[i]; a; a = a->next) {
      if (a->n == 0 || a->host == 0) return "listed keys: an asker without lists";
      bytes += a->bytes;
      dropped += a->dropped;
      if (a->dropped > a->bytes) return "listed keys: an asker dropped more than it has";
      n += a->n;
    }
  }
  if (b->driven > b->dropped || b->collected > b->dropped)
    return "listed keys: more was dropped when it was collected";
  if (n != b->n || bytes != b->bytes || dropped != b->dropped)
    return "listed keys: the sum is another";
  return b->users != b->n + 1 ? "listed keys: a book with other users" : NULL;
}

void listed_deinit(struct worker *w) {
  if (w->listed) leave_book(w->listed);
  w->listed = NULL;
}
