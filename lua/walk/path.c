/* SPDX-License-Identifier: MIT
 *
 * Nodes know their parents, so a way is first collected from its end.
 */
#include "lua/walk/path.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of a longer way so many steps are shown at each end. */
enum { STEPS_AT_END = 12, STEPS_MOST = 2 * STEPS_AT_END, KEY_SHOWN = 60 };

struct out {
  char *text;
  size_t size;
  bool open;    /* a field may follow directly */
  bool between; /* a ` > ` has just been written */
};

__attribute__((format(printf, 2, 3)))
static void put(struct out *o, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(o->text + o->size, PATH_TEXT - o->size, format, args);
  va_end(args);
  if (n > 0) o->size += (size_t)n;
  if (o->size >= PATH_TEXT) o->size = PATH_TEXT - 1;
}

static bool is_identifier(const char *s, size_t size) {
  if (size == 0 || size > KEY_SHOWN || isdigit((unsigned char)*s)) return false;
  for (size_t i = 0; i < size; i++)
    if (!isalnum((unsigned char)s[i]) && s[i] != '_') return false;
  return true;
}

/* Quoted as Lua reads it, but cut; bytes that are no plain text as \ddd. */
static void put_quoted(struct out *o, const char *s, size_t size) {
  put(o, "\"");
  for (size_t i = 0; i < size && i < KEY_SHOWN; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\')
      put(o, "\\%c", c);
    else if (c < ' ' || c == 0x7f)
      put(o, "\\%03u", c);
    else
      put(o, "%c", c);
  }
  put(o, size > KEY_SHOWN ? "...\"" : "\"");
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
static void put_source(struct out *o, const struct walk *h, uint32_t node) {
  lua_State *L = h->L;
  lua_Debug ar;
  lua_rawgeti(L, h->objects, (int)node + 1);
  lua_getinfo(L, ">S", &ar);
  if (strcmp(ar.what, "C") == 0)
    put(o, "a C function");
  else if (ar.linedefined > 0)
    put(o, "%s:%d", ar.short_src, ar.linedefined);
  else
    put(o, "%s", ar.short_src);
}

/* A step whose key is on top of the stack. */
static void put_step(struct out *o, const struct walk *h, const struct walk_node *step) {
  const char *key = lua_type(h->L, -1) == LUA_TSTRING ? lua_tostring(h->L, -1) : NULL;
  if (step->step == STEP_FIELD) {
    put_field(o, h->L);
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

size_t path_text(const struct walk *h, unsigned way, char text[PATH_TEXT]) {
  struct out o = {.text = text};
  uint32_t last[STEPS_AT_END], first[STEPS_AT_END]; /* a ring of those nearest to the root */
  uint32_t n = 0;
  text[0] = '\0';
  for (uint32_t i = h->found[way].parent; i != WALK_NO_NODE; i = h->nodes[i].parent, n++) {
    if (n < STEPS_AT_END) last[n] = i;
    first[n % STEPS_AT_END] = i;
  }
  uint32_t head = n < STEPS_AT_END ? n : STEPS_AT_END;
  for (uint32_t k = 1; k <= head; k++) {
    uint32_t node = first[(n - k) % STEPS_AT_END];
    lua_rawgeti(h->L, h->keys, (int)node + 1);
    put_step(&o, h, &h->nodes[node]);
    lua_pop(h->L, 1);
  }
  if (n > STEPS_MOST) {
    put(&o, " > ... %u steps ... > ", (unsigned)(n - STEPS_MOST));
    o.open = false;
    o.between = true;
  }
  for (uint32_t k = n > STEPS_MOST ? STEPS_AT_END : n - head; k-- > 0;) {
    lua_rawgeti(h->L, h->keys, (int)last[k] + 1);
    put_step(&o, h, &h->nodes[last[k]]);
    lua_pop(h->L, 1);
  }
  lua_rawgeti(h->L, h->ways, (int)way + 1);
  put_step(&o, h, &h->found[way]);
  lua_pop(h->L, 1);
  return o.size;
}
