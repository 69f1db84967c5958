/* SPDX-License-Identifier: MIT
 *
 * Nodes know their parents, so a way is first collected from its end.
 */
#include "lua/walk/path.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of a longer way so many steps are shown at each end. */
enum { STEPS_AT_END = 12, STEPS_MOST = 2 * STEPS_AT_END, KEY_SHOWN = 60 };
/* Bytes of a step, and of all that are shown with what stands between them. */
enum { STEP_TEXT = 320, STEPS_TEXT = (STEPS_MOST + 2) * STEP_TEXT };
static const char gap[] = " ... ";

struct out {
  char text[STEPS_TEXT];
  size_t size, most; /* most: what the step that is written may reach */
  bool open;    /* a field may follow directly */
  bool between; /* a ` > ` has just been written */
};

__attribute__((format(printf, 2, 3)))
static void put(struct out *o, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(o->text + o->size, o->most - o->size, format, args);
  va_end(args);
  if (n > 0) o->size += (size_t)n;
  if (o->size >= o->most) o->size = o->most - 1;
}

/* Where a cut may be, at `at`, which is 3 at least, or before: not within a character of UTF-8, of
 * which 3 bytes at most follow the first; in what is no UTF-8, anywhere. */
static size_t boundary(const char *text, size_t at) {
  assert(at >= 3);
  for (size_t back = 0; back <= 3; back++)
    if (((unsigned char)text[at - back] & 0xc0) != 0x80) return at - back;
  return at;
}

/* Copies the text; its middle is left out if it has more than `room` bytes, its 0 included. */
static size_t copy_ends(char *to, size_t room, const char *text, size_t size) {
  if (size < room) {
    memcpy(to, text, size + 1);
    return size;
  }
  size_t half = (room - sizeof gap) / 2, head = boundary(text, half);
  size_t tail = boundary(text, size - half + 3); /* a character is 4 bytes at most */
  memcpy(to, text, head);
  memcpy(to + head, gap, sizeof gap - 1);
  memcpy(to + head + sizeof gap - 1, text + tail, size - tail + 1);
  return head + sizeof gap - 1 + size - tail;
}

static bool is_identifier(const char *s, size_t size) {
  if (size == 0 || size > KEY_SHOWN || isdigit((unsigned char)*s)) return false;
  for (size_t i = 0; i < size; i++)
    if (!isalnum((unsigned char)s[i]) && s[i] != '_') return false;
  return true;
}

/* Quoted as Lua reads it, but cut; bytes that are no plain text as \ddd. */
static void put_quoted(struct out *o, const char *s, size_t size) {
  size_t shown = size > KEY_SHOWN ? boundary(s, KEY_SHOWN) : size;
  put(o, "\"");
  for (size_t i = 0; i < shown; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\')
      put(o, "\\%c", c);
    else if (c < ' ' || c == 0x7f)
      put(o, "\\%03u", c);
    else
      put(o, "%c", c);
  }
  put(o, shown < size ? "...\"" : "\"");
}

/* The key on top of the stack. */
static void put_field(struct out *o, lua_State *L) {
  size_t size;
  const char *s;
  if (o->size && !o->open && !o->between) put(o, " > ");
  o->between = false;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      s = lua_tolstring(L, -1, &size);
      if (is_identifier(s, size)) {
        put(o, "%s%s", o->open ? "." : "", s);
        break;
      }
      put(o, "[");
      put_quoted(o, s, size);
      put(o, "]");
      break;
    case LUA_TNUMBER: put(o, "[%.14g]", lua_tonumber(L, -1)); break;
    case LUA_TBOOLEAN: put(o, "[%s]", lua_toboolean(L, -1) ? "true" : "false"); break;
    default: put(o, "[a %s]", luaL_typename(L, -1)); break;
  }
  o->open = true;
}

/* Where the function of a node was defined. */
static void put_source(struct out *o, const struct ways *h, uint32_t node) {
  lua_State *L = h->walk.L;
  lua_Debug ar;
  lua_rawgeti(L, h->walk.objects, (int)node + 1);
  lua_getinfo(L, ">S", &ar);
  if (strcmp(ar.what, "C") == 0)
    put(o, "a C function");
  else if (ar.linedefined > 0)
    put(o, "%s:%d", ar.short_src, ar.linedefined);
  else
    put(o, "%s", ar.short_src);
}

/* A step whose key is on top of the stack. */
static void put_step(struct out *o, const struct ways *h, const struct ways_node *step) {
  const char *key = lua_type(h->walk.L, -1) == LUA_TSTRING ? lua_tostring(h->walk.L, -1) : NULL;
  if (step->step == STEP_FIELD) {
    put_field(o, h->walk.L);
    return;
  }
  if (o->size && !o->between) put(o, " > ");
  o->open = o->between = false;
  switch ((enum walk_step)step->step) {
    case STEP_ROOT:
      put(o, "%s", key ? key : "?");
      o->open = true;
      break;
    case STEP_KEY: put(o, "a key"); break;
    case STEP_METATABLE: put(o, "metatable"); o->open = true; break;
    case STEP_ENVIRONMENT: put(o, "environment"); o->open = true; break;
    case STEP_UPVALUE:
      if (key && *key)
        put(o, "upvalue %.60s of ", key);
      else
        put(o, "upvalue %d of ", (int)step->n);
      put_source(o, h, step->parent);
      break;
    case STEP_LOCAL: put(o, "%s", key ? key : "?"); break;
    case STEP_FIELD: break;
  }
}

/* There is room for it. */
static void begin_step(struct out *o) { o->most = o->size + STEP_TEXT; }

size_t path_text(const struct ways *h, unsigned way, char text[PATH_TEXT]) {
  struct out o = {.size = 0};
  uint32_t last[STEPS_AT_END], first[STEPS_AT_END]; /* a ring of those nearest to the root */
  uint32_t n = 0;
  for (uint32_t i = h->found[way].parent; i != WALK_NO_NODE; i = h->nodes[i].parent, n++) {
    if (n < STEPS_AT_END) last[n] = i;
    first[n % STEPS_AT_END] = i;
  }
  uint32_t head = n < STEPS_AT_END ? n : STEPS_AT_END;
  for (uint32_t k = 1; k <= head; k++) {
    uint32_t node = first[(n - k) % STEPS_AT_END];
    lua_rawgeti(h->walk.L, h->keys, (int)node + 1);
    begin_step(&o);
    put_step(&o, h, &h->nodes[node]);
    lua_pop(h->walk.L, 1);
  }
  if (n > STEPS_MOST) {
    begin_step(&o);
    put(&o, " > ... %u steps ... > ", (unsigned)(n - STEPS_MOST));
    o.open = false;
    o.between = true;
  }
  for (uint32_t k = n > STEPS_MOST ? STEPS_AT_END : n - head; k-- > 0;) {
    lua_rawgeti(h->walk.L, h->keys, (int)last[k] + 1);
    begin_step(&o);
    put_step(&o, h, &h->nodes[last[k]]);
    lua_pop(h->walk.L, 1);
  }
  lua_rawgeti(h->walk.L, h->last, (int)way + 1);
  begin_step(&o);
  put_step(&o, h, &h->found[way]);
  lua_pop(h->walk.L, 1);
  return copy_ends(text, PATH_TEXT, o.text, o.size);
}
