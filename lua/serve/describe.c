/* SPDX-License-Identifier: MIT
 *
 * All is read raw. First each object is described in a record of plain C, in slices, then the
 * reply is put from these: between its begin and its end nothing may allocate. An object that goes
 * meanwhile is described as it was.
 *
 * Of a large object only a part is looked at, in one stretch, since a table that changes amid a
 * traversal cannot be counted: COUNTED_MOST entries take less than a slice. Empty places between
 * them are passed over, some 4 ns each: a table that has had many entries takes longer.
 */
#include "lua/serve/describe.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/fiber/fiber.h"
#include "lua/fiber/slices.h"
#include "lua/ref/origin.h"
#include "lua/ref/pool.h"
#include "lua/serve/labels.h"
#include "proto/base.h"
#include "proto/ops.h"

enum {
  COUNTED_MOST = 10000, /* entries of a table */
  SEARCHED_MOST = 5000, /* entries of the library, or the registry, for a name */
  KEYS_MOST = 4,
  TEXT_MOST = 60,       /* bytes of a key or name; of a longer one the first, and dots */
};

/* A string, shortened. */
struct shortened {
  uint8_t size; /* 0: none */
  char bytes[TEXT_MOST + 3];
};

struct key {
  int type; /* Lua's: boolean, number, string */
  bool boolean;
  double number;
  struct shortened text;
};

struct description {
  double id;
  const char *type;   /* static; NULL: nobody holds such an object */
  bool counted, more; /* entries are known; there are more of them */
  unsigned entries;
  struct shortened name;
  char source[LUA_IDSIZE]; /* of a function or coroutine; "": not known */
  int line;                /* there; 0: not known */
  const char *status;      /* of a coroutine, static; else NULL */
  unsigned n_keys;
  struct key keys[KEYS_MOST];
};

static_assert(sizeof(((struct shortened *)0)->bytes) <= UINT8_MAX, "their size has a byte");

/* ---- Looking ---- */

static void shorten(struct shortened *s, const char *bytes, size_t size) {
  size_t n = size < TEXT_MOST ? size : TEXT_MOST;
  /* Not amid a character. */
  if (n < size)
    while (n > 0 && n + 4 > TEXT_MOST && ((unsigned char)bytes[n] & 0xc0) == 0x80) n--;
  memcpy(s->bytes, bytes, n);
  if (n < size) {
    memcpy(s->bytes + n, "...", 3);
    n += 3;
  }
  s->size = (uint8_t)n;
}

/* The string at index i; anything else is none. */
static void shorten_at(lua_State *L, int i, struct shortened *s) {
  size_t size;
  if (lua_type(L, i) != LUA_TSTRING) return;
  const char *bytes = lua_tolstring(L, i, &size);
  shorten(s, bytes, size);
}

/* A plain key, at index i; others would say nothing. */
static void note_key(lua_State *L, int i, struct description *d) {
  int type = lua_type(L, i);
  bool plain = type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
  if (!plain || d->n_keys == KEYS_MOST) return;
  struct key *k = &d->keys[d->n_keys++];
  *k = (struct key){.type = type};
  if (type == LUA_TBOOLEAN) k->boolean = lua_toboolean(L, i);
  if (type == LUA_TNUMBER) k->number = lua_tonumber(L, i);
  if (type == LUA_TSTRING) shorten_at(L, i, &k->text);
}

/* The table on top. */
static void describe_entries(lua_State *L, struct description *d) {
  d->counted = true;
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (d->entries == COUNTED_MOST) {
      d->more = true;
      lua_pop(L, 2);
      return;
    }
    d->entries++;
    note_key(L, -2, d);
  }
}

/* The text under which the value at index `value` stands in the table on top, which is searched as
 * far as *left goes: pushed, or nothing. */
static bool find_key(lua_State *L, int value, unsigned *left) {
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (*left == 0) {
      lua_pop(L, 2);
      return false;
    }
    --*left;
    if (lua_type(L, -2) != LUA_TSTRING || !lua_rawequal(L, -1, value)) continue;
    lua_pop(L, 1);
    return true;
  }
  return false;
}

/* The name that the class of the object on top has: what its metatable says, or what it was
 * registered as (luaL_newmetatable). */
static void describe_class(lua_State *L, struct description *d) {
  unsigned left = SEARCHED_MOST;
  int top = lua_gettop(L);
  if (!lua_getmetatable(L, -1)) return;
  lua_pushliteral(L, "__name");
  lua_rawget(L, -2);
  shorten_at(L, -1, &d->name);
  if (!d->name.size) {
    lua_pushvalue(L, LUA_REGISTRYINDEX);
    if (find_key(L, top + 1, &left)) shorten_at(L, -1, &d->name);
  }
  lua_settop(L, top);
}

/* The function on top in the library, as "string.format"; functions of scripts have their line. */
static void describe_library_name(lua_State *L, struct description *d) {
  unsigned left = SEARCHED_MOST;
  int top = lua_gettop(L);
  char name[TEXT_MOST * 2];
  lua_pushliteral(L, "_LOADED");
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (!lua_istable(L, -1)) {
    lua_settop(L, top);
    return;
  }
  for (lua_pushnil(L); left > 0 && lua_next(L, top + 1); lua_settop(L, top + 2)) {
    left--;
    if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1) || !find_key(L, top, &left)) continue;
    const char *module = lua_tostring(L, top + 2);
    bool global = strcmp(module, "_G") == 0;
    int n = snprintf(name, sizeof name, "%.50s%s%.60s", global ? "" : module, global ? "" : ".",
                     lua_tostring(L, -1));
    shorten(&d->name, name, (size_t)n);
    /* A name of its own is better than one that was made global. */
    if (!global) break;
  }
  lua_settop(L, top);
}

static void describe_function(lua_State *L, struct description *d) {
  lua_Debug ar;
  lua_pushvalue(L, -1);
  if (!lua_getinfo(L, ">S", &ar)) return;
  snprintf(d->source, sizeof d->source, "%s", ar.short_src);
  d->line = ar.linedefined > 0 ? ar.linedefined : 0;
  if (strcmp(ar.what, "C") == 0) describe_library_name(L, d);
}

/* As coroutine.status has it. */
static const char *status_of(lua_State *L, lua_State *co) {
  lua_Debug ar;
  if (co == L) return "running";
  if (lua_status(co) == LUA_YIELD) return "suspended";
  if (lua_status(co) != 0) return "dead";
  if (lua_getstack(co, 0, &ar)) return "normal";
  return lua_gettop(co) == 0 ? "dead" : "suspended";
}

enum { LEVELS_MOST = 16 };

static void describe_coroutine(lua_State *L, struct description *d) {
  lua_State *co = lua_tothread(L, -1);
  lua_Debug ar;
  d->status = status_of(L, co);
  for (int level = 0; level < LEVELS_MOST && lua_getstack(co, level, &ar); level++) {
    lua_getinfo(co, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    snprintf(d->source, sizeof d->source, "%s", ar.short_src);
    d->line = ar.currentline;
    return;
  }
  /* Not begun: the function that it was made with. */
  if (lua_status(co) != 0 || lua_getstack(co, 0, &ar) || !lua_isfunction(co, 1)) return;
  if (!lua_checkstack(co, 1)) return;
  lua_pushvalue(co, 1);
  lua_getinfo(co, ">S", &ar);
  snprintf(d->source, sizeof d->source, "%s", ar.short_src);
  d->line = ar.linedefined > 0 ? ar.linedefined : 0;
}

/* The id is at index i of the request. */
static void describe(lua_State *L, struct worker *w, int i, struct description *d) {
  *d = (struct description){.id = lua_tonumber(L, i)};
  bool is_id = d->id >= 1 && d->id < 9007199254740992.0 && d->id == floor(d->id);
  gaijin_token *t = is_id ? gaijin_token_find(w->g, (uint64_t)d->id) : NULL;
  if (!t) return;
  pool_push(L, w, t);
  d->type = luaL_typename(L, -1);
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
      describe_class(L, d);
      describe_entries(L, d);
      break;
    case LUA_TFUNCTION: describe_function(L, d); break;
    case LUA_TTHREAD: describe_coroutine(L, d); break;
    default: describe_class(L, d); break;
  }
  lua_pop(L, 1);
}

/* ---- Telling ---- */

static void put_short(gaijin *g, const struct shortened *s) {
  gaijin_put_string(g, s->bytes, s->size);
}

static void put_key(gaijin *g, const struct key *k) {
  switch (k->type) {
    case LUA_TBOOLEAN: gaijin_put_bool(g, k->boolean); break;
    case LUA_TNUMBER: gaijin_put_number(g, k->number); break;
    default: put_short(g, &k->text); break;
  }
}

/* NULL: it is not known, or the object has gone while others were looked at. */
static const struct origin *find_origin(const struct worker *w, const struct description *d) {
  gaijin_token *t = d->type ? gaijin_token_find(w->g, (uint64_t)d->id) : NULL;
  return t ? origin_of(w, t) : NULL;
}

static unsigned count_pairs(const struct description *d, const struct origin *o) {
  const bool told[] = {d->type != NULL, d->name.size > 0,  d->counted,  d->more,
                       d->n_keys > 0,   d->source[0] != 0, d->line > 0, d->status != NULL};
  unsigned n = o ? 2u + (o->where[0] != 0) + (o->to[0] != 0) : 0;
  for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) n += told[i];
  return n;
}

static void put_origin(gaijin *g, const struct origin *o) {
  if (o->where[0]) {
    gaijin_put_text(g, "from");
    gaijin_put_text(g, o->where);
  }
  gaijin_put_text(g, "op");
  gaijin_put_text(g, gaijin_op_name((enum gaijin_op)o->op));
  if (o->to[0]) {
    gaijin_put_text(g, "to");
    gaijin_put_text(g, o->to);
  }
  gaijin_put_text(g, "answer");
  gaijin_put_bool(g, o->answer);
}

static void put_row(const struct worker *w, const struct description *d) {
  gaijin *g = w->g;
  const struct origin *origin = find_origin(w, d);
  gaijin_put_array(g, 1 + 2 * count_pairs(d, origin));
  gaijin_put_number(g, d->id);
  if (d->type) {
    gaijin_put_text(g, "type");
    gaijin_put_text(g, d->type);
  }
  if (d->name.size) {
    gaijin_put_text(g, "name");
    put_short(g, &d->name);
  }
  if (d->counted) {
    gaijin_put_text(g, "entries");
    gaijin_put_number(g, d->entries);
  }
  if (d->more) {
    gaijin_put_text(g, "more");
    gaijin_put_bool(g, true);
  }
  if (d->n_keys) {
    gaijin_put_text(g, "keys");
    gaijin_put_array(g, d->n_keys);
    for (unsigned i = 0; i < d->n_keys; i++) put_key(g, &d->keys[i]);
  }
  if (d->source[0]) {
    gaijin_put_text(g, "source");
    gaijin_put_text(g, d->source);
  }
  if (d->line) {
    gaijin_put_text(g, "line");
    gaijin_put_number(g, d->line);
  }
  if (d->status) {
    gaijin_put_text(g, "status");
    gaijin_put_text(g, d->status);
  }
  if (origin) put_origin(g, origin);
}

static void check_ids(lua_State *L, struct worker *w, int n) {
  bool numbers = n > 0 && n <= (int)op_info(OP_describe)->most;
  for (int i = 1; i <= n && numbers; i++) numbers = lua_type(L, i) == LUA_TNUMBER;
  if (!numbers)
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s describes 1 to %u objects, by their ids",
                 w->name, (unsigned)op_info(OP_describe)->most);
}

int describe_serve(lua_State *L, struct worker *w) {
  static const char what[] = "a description of objects";
  struct serving *s = &w->sched.current->serving;
  int n = lua_gettop(L);
  if (s->one_way) worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s is for nobody", what);
  check_ids(L, w, n);
  luaL_checkstack(L, 16, what);
  struct description *all = lua_newuserdata(L, (size_t)n * sizeof *all);
  double slice_end = clock_seconds() + SLICE_SECONDS;
  for (int i = 0; i < n; i++) {
    if (clock_seconds() >= slice_end) {
      slices_pause(L, w, s->caller, w->sched.current->asked_until, what);
      slice_end = clock_seconds() + SLICE_SECONDS;
    }
    describe(L, w, i + 1, &all[i]);
  }
  slices_leave(w->sched.current);
  if (s->given_up || !gaijin_answerable(w->g, s->id))
    return worker_raise(L, GAIJIN_STATUS_CANCELLED, "given up");
  gaijin_begin_reply(w->g, s->id, s->op, (uint32_t)n);
  for (int i = 0; i < n; i++) put_row(w, &all[i]);
  return ANSWER_WRITTEN;
}
