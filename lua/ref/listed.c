/* SPDX-License-Identifier: MIT
 *
 * A list is a userdata, for its finaliser; its environment has the table and its keys. All of it is
 * made before the traversal begins: where Lua makes an object it may run a script's finaliser, and
 * that might change the table. The book of what is charged lives as long as one of its lists: a VM
 * may survive its worker.
 */
#include "lua/ref/listed.h"

#include <assert.h>
#include <stdlib.h>

#include "lua/fiber/answer.h"
#include "lua/fiber/wait.h"
#include "lua/vm/userdata.h"

enum { ASKER_BUCKETS = 64 };

/* Is there while it is charged for a list. */
struct listed_asker {
  struct listed_asker *next; /* in its bucket */
  uint64_t host;
  size_t bytes;
  unsigned n;
};

struct listed_book {
  struct listed_asker *askers[ASKER_BUCKETS];
  size_t bytes;   /* of all */
  unsigned n;     /* lists that are charged */
  unsigned users; /* and the worker */
};

struct list {
  struct listed_book *book; /* NULL: it is not charged */
  struct listed_asker *asker;
  size_t bytes;
  int at, n; /* keys read; in all */
};

enum { UP_WORKER = 1, UP_LIST };   /* upvalues of a cursor */
enum { ENV_TABLE = 1, ENV_KEYS }; /* fields of a list's environment */

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

static void give_back(struct list *k) {
  struct listed_book *b = k->book;
  if (!b) return;
  struct listed_asker **p = asker_slot(b, k->asker->host), *a = *p;
  assert(a == k->asker && a->n > 0 && a->bytes >= k->bytes && b->bytes >= k->bytes);
  a->bytes -= k->bytes;
  b->bytes -= k->bytes;
  b->n--;
  if (--a->n == 0) {
    assert(a->bytes == 0);
    *p = a->next;
    free(a);
  }
  k->book = NULL;
  leave_book(b);
}

/* Raises if the list may not have so many bytes more; it ends then. */
static void need_room(lua_State *L, struct worker *w, struct list *k, size_t bytes) {
  const struct listed_book *b = k->book;
  if (!b) return;
  size_t all = w->max_decoded, used = b->bytes + bytes, left = used < all ? all - used : 0;
  if (k->asker->bytes + bytes <= left) return;
  bool never = k->bytes + bytes > all / 2;
  const char *who = worker_host_name(w, k->asker->host);
  give_back(k); /* now, and not when the collector finds it */
  worker_raise(L, never ? GAIJIN_STATUS_TOO_LARGE : GAIJIN_STATUS_BUSY,
               never ? "the keys that pairs would list for %s need more than half of %u bytes; the "
                       "limit of %s is --max-decoded"
                     : "pairs has listed as many keys for %s as it may (of %u bytes for all); the "
                       "limit of %s is --max-decoded: end some traversals first",
               who, w->max_decoded, w->name);
}

static void charge(lua_State *L, struct worker *w, struct list *k, size_t bytes) {
  need_room(L, w, k, bytes);
  if (!k->book) return;
  k->bytes += bytes;
  k->asker->bytes += bytes;
  k->book->bytes += bytes;
}

/* ---- A list ---- */

/* All has been read. `i` is where it is. */
static void end_list(lua_State *L, struct list *k, int i) {
  give_back(k);
  lua_getfenv(L, i);
  for (int field = ENV_TABLE; field <= ENV_KEYS; field++) {
    lua_pushboolean(L, 0); /* the field is there: nothing is allocated */
    lua_rawseti(L, -2, field);
  }
  lua_pop(L, 1);
}

static int collect_list(lua_State *L) {
  struct list *k = userdata_test(L, 1, worker_of(L)->anchors.list_meta);
  if (!k) return 0; /* by a script's hand */
  give_back(k);
  return 0;
}

void listed_push(lua_State *L, struct worker *w) {
  luaL_checkstack(L, 8, "no room for a list");
  const struct fiber *f = w->sched.current;
  uint64_t host = f ? f->serving.caller : 0;
  if (w->g && host == gaijin_host(w->g)) host = 0; /* by its own name */
  struct list *k = lua_newuserdata(L, sizeof *k);
  *k = (struct list){.n = 0};
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->anchors.list_meta);
  lua_setmetatable(L, -2);
  lua_createtable(L, 2, 0);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, ENV_TABLE);
  lua_newtable(L);
  lua_rawseti(L, -2, ENV_KEYS);
  lua_setfenv(L, -2);
  if (!host) return;
  if (!(k->asker = enter_book(w, host)))
    worker_raise(L, GAIJIN_STATUS_BUSY, "memory is too short to list keys");
  k->book = w->listed;
  charge(L, w, k, LISTED_LIST);
}

/* Its asker waits no more: whoever waits for us need not wait for this. */
static void look_at_clock(lua_State *L, struct worker *w, struct list *k) {
  const struct fiber *f = w->sched.current;
  double until = f ? wait_nearer(f->deadline, f->asked_until) : 0;
  if (until == 0 || clock_seconds() < until) return;
  give_back(k);
  worker_raise(L, GAIJIN_STATUS_TIMEOUT, "pairs: it has taken too long to list the keys");
}

void listed_fill(lua_State *L, struct worker *w, int list, int table) {
  struct list *k = lua_touserdata(L, list);
  size_t bytes = 0;
  assert(k->n == 0);
  luaL_checkstack(L, 8, "no room for a list");
  /* So much is certain; the rest is seen on the way. */
  size_t least = lua_objlen(L, table);
  if (least > LISTED_PAGE) need_room(L, w, k, (least - LISTED_PAGE) * LISTED_KEY);
  lua_getfenv(L, list);
  lua_pushvalue(L, table);
  lua_rawseti(L, -2, ENV_TABLE);
  lua_rawgeti(L, -1, ENV_KEYS);
  lua_replace(L, -2);
  int keys = lua_gettop(L) - 1;
  lua_insert(L, keys); /* keys, key */
  while (lua_next(L, table)) {
    lua_pop(L, 1);
    bytes += LISTED_KEY + (lua_type(L, -1) == LUA_TSTRING ? lua_objlen(L, -1) : 0);
    lua_pushvalue(L, -1);
    lua_rawseti(L, keys, ++k->n);
    if (k->n % LISTED_PAGE != 0) continue;
    charge(L, w, k, bytes);
    look_at_clock(L, w, k);
    bytes = 0;
  }
  charge(L, w, k, bytes);
  lua_settop(L, keys - 1);
}

/* ---- The cursor ---- */

/* The next page: more, key, value, ... Entries that have gone meanwhile are left out. */
static int cursor(lua_State *L) {
  struct list *k = lua_touserdata(L, lua_upvalueindex(UP_LIST));
  int at = k->at;
  lua_settop(L, 0);
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
  if (at == k->n) end_list(L, k, lua_upvalueindex(UP_LIST));
  return lua_gettop(L);
}

bool listed_is_cursor(lua_State *L, int i) { return lua_tocfunction(L, i) == cursor; }

void listed_to_cursor(lua_State *L, struct worker *w, int list) {
  struct list *k = lua_touserdata(L, list);
  if (k->n == 0) {
    give_back(k);
    lua_pushnil(L);
  } else {
    lua_pushlightuserdata(L, w);
    lua_pushvalue(L, list);
    lua_pushcclosure(L, cursor, UP_LIST);
  }
  lua_replace(L, list);
}

void listed_forget(lua_State *L, int i) {
  if (!listed_is_cursor(L, i) || !lua_getupvalue(L, i, UP_LIST)) return;
  give_back(lua_touserdata(L, -1));
  lua_pop(L, 1);
}

/* ---- The rest ---- */

void listed_open(lua_State *L, struct worker *w) {
  lua_createtable(L, 0, 2);
  worker_push_function(L, w, collect_list);
  lua_setfield(L, -2, "__gc");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  w->anchors.list_meta = luaL_ref(L, LUA_REGISTRYINDEX);
}

size_t listed_charged(const struct worker *w, uint64_t host) {
  struct listed_asker **p = w->listed ? asker_slot(w->listed, host) : NULL;
  return p && *p ? (*p)->bytes : 0;
}

const char *listed_check(const struct worker *w) {
  const struct listed_book *b = w->listed;
  size_t bytes = 0;
  unsigned n = 0;
  if (!b) return NULL;
  for (int i = 0; i < ASKER_BUCKETS; i++) {
    for (const struct listed_asker *a = b->askers[i]; a; a = a->next) {
      if (a->n == 0 || a->host == 0) return "listed keys: an asker without lists";
      bytes += a->bytes;
      n += a->n;
    }
  }
  if (n != b->n || bytes != b->bytes) return "listed keys: the sum is another";
  return b->users != b->n + 1 ? "listed keys: a book with other users" : NULL;
}

void listed_deinit(struct worker *w) {
  if (w->listed) leave_book(w->listed);
  w->listed = NULL;
}
