/* SPDX-License-Identifier: MIT
 *
 * Functions are taken out of the tables that Lua's own openers have filled. Those that load code
 * are written anew: they look at the first byte of what they get, as Lua's reader does, which tells
 * bytecode from text by it.
 */
#include "lua/sandbox/untrusted.h"

#include <errno.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

static const char bytecode_text[] =
    "gaijin: unsupported: bytecode is not loaded in a sandbox, only source text";

static bool is_bytecode(const char *text, size_t size) {
  return size > 0 && text[0] == LUA_SIGNATURE[0];
}

/* ---- Source text ---- */

void untrusted_load_text(lua_State *L, const char *text, size_t size, const char *name) {
  if (is_bytecode(text, size)) luaL_error(L, "%s", bytecode_text);
  if (luaL_loadbuffer(L, text, size, name) != 0) lua_error(L);
}

/* What Lua reads. Of bytecode it gets nothing. */
struct source {
  FILE *f; /* of load: NULL */
  bool begun, is_bytecode;
  char buffer[4096];
};

/* What is read begins with this piece, or goes on with it. */
static const char *give(struct source *s, const char *text, size_t *size) {
  if (!s->begun) s->is_bytecode = is_bytecode(text, *size);
  s->begun = true;
  if (s->is_bytecode) *size = 0;
  return *size > 0 ? text : NULL;
}

/* The first line is a comment if it begins with '#'. The newline stays, for the numbers of lines.
 */
static void skip_comment(FILE *f) {
  int c = getc(f);
  if (c == '#')
    while (c != EOF && c != '\n') c = getc(f);
  if (c != EOF) ungetc(c, f);
}

static const char *read_file(lua_State *L, void *user, size_t *size) {
  struct source *s = user;
  (void)L;
  if (!s->begun) skip_comment(s->f);
  *size = fread(s->buffer, 1, sizeof s->buffer, s->f);
  return give(s, s->buffer, size);
}

void untrusted_load_file(lua_State *L, const char *path) {
  struct source s = {.f = fopen(path, "re")};
  if (!s.f) luaL_error(L, "cannot open %s: %s", path, strerror(errno));
  const char *name = lua_pushfstring(L, "@%s", path);
  int status = lua_load(L, read_file, &s, name);
  bool failed = ferror(s.f) != 0;
  fclose(s.f);
  if (status != 0) lua_error(L);
  if (failed) luaL_error(L, "cannot read %s", path);
  if (s.is_bytecode) luaL_error(L, "%s: %s", path, bytecode_text);
  lua_remove(L, -2);
}

/* loadstring(text [, name]) -> function, or nil and an error. */
static int load_string(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  const char *name = luaL_optstring(L, 2, text);
  lua_pushnil(L);
  if (is_bytecode(text, size)) {
    lua_pushstring(L, bytecode_text);
    return 2;
  }
  return luaL_loadbuffer(L, text, size, name) == 0 ? 1 : 2;
}

/* Calls the function at index 1; what it gives stays at index 3 as long as Lua reads it. */
static const char *read_piece(lua_State *L, void *user, size_t *size) {
  luaL_checkstack(L, 2, "too many nested functions");
  lua_pushvalue(L, 1);
  lua_call(L, 0, 1);
  *size = 0;
  if (lua_isnil(L, -1)) return NULL;
  if (!lua_isstring(L, -1)) luaL_error(L, "reader function must return a string");
  lua_replace(L, 3);
  const char *text = lua_tolstring(L, 3, size);
  return give(user, text, size);
}

/* load(reader [, name]) -> function, or nil and an error. */
static int load_pieces(lua_State *L) {
  const char *name = luaL_optstring(L, 2, "=(load)");
  struct source s = {0};
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 3);
  int status = lua_load(L, read_piece, &s, name);
  if (status == 0 && !s.is_bytecode) return 1;
  if (status == 0) lua_pushstring(L, bytecode_text);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* require(name) -> a library that is there. */
static int require_opened(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushvalue(L, 1);
  lua_rawget(L, -2);
  if (lua_isnil(L, -1))
    return luaL_error(L, "gaijin: unsupported: module '%s' is not there, and a sandbox reads no "
                         "files; have its text sent, and use loadstring", name);
  return 1;
}

/* ---- What is open ---- */

/* Each list ends with NULL. Libraries are named among the globals too. */
static const char *const globals[] = {
    "_G",       "_VERSION", "assert",       "collectgarbage", "coroutine", "debug",
    "error",    "gcinfo",   "getfenv",      "getmetatable",   "ipairs",    "load",
    "loadstring", "math",   "newproxy",     "next",           "os",        "pairs",
    "pcall",    "print",    "rawequal",     "rawget",         "rawset",    "require",
    "select",   "setfenv",  "setmetatable", "string",         "table",     "tonumber",
    "tostring", "type",     "unpack",       "xpcall",         NULL};
static const char *const coroutines[] = {"create", "resume", "running", "status",
                                         "wrap",   "yield",  NULL};
static const char *const strings[] = {"byte", "char",  "find",  "format", "gfind",
                                      "gmatch", "gsub", "len", "lower", "match",
                                      "rep",  "reverse", "sub", "upper", NULL};
static const char *const tables[] = {"concat", "foreach", "foreachi", "getn", "insert",
                                     "maxn",   "remove",  "setn",     "sort", NULL};
static const char *const numbers[] = {
    "abs",  "acos", "asin", "atan", "atan2", "ceil", "cos",    "cosh", "deg",  "exp",
    "floor", "fmod", "frexp", "huge", "ldexp", "log", "log10", "max",  "min",  "mod",
    "modf", "pi",   "pow",  "rad",  "random", "randomseed", "sin", "sinh", "sqrt", "tan",
    "tanh", NULL};
static const char *const system_functions[] = {"clock", "date", "difftime", "exit", "time", NULL};
static const char *const debugging[] = {"traceback", NULL};

static const struct library {
  const char *name; /* the global; luaopen_base makes two */
  lua_CFunction open;
  const char *const *open_names;
} libraries[] = {
    {"_G", luaopen_base, globals},
    {LUA_COLIBNAME, NULL, coroutines},
    {LUA_TABLIBNAME, luaopen_table, tables},
    {LUA_STRLIBNAME, luaopen_string, strings},
    {LUA_MATHLIBNAME, luaopen_math, numbers},
    {LUA_OSLIBNAME, luaopen_os, system_functions},
    {LUA_DBLIBNAME, luaopen_debug, debugging},
};
enum { N_LIBRARIES = sizeof libraries / sizeof libraries[0] };

static bool is_one_of(const char *name, const char *const *list) {
  while (*list && strcmp(name, *list) != 0) list++;
  return *list != NULL;
}

/* Clears the fields of the table on top that are not in the list. */
static void keep_only(lua_State *L, const char *const *list) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    lua_pop(L, 1);
    bool is_open = lua_type(L, -1) == LUA_TSTRING && is_one_of(lua_tostring(L, -1), list);
    if (is_open) continue;
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4);
  }
}

void untrusted_open_libraries(lua_State *L) {
  static const luaL_Reg loading[] = {
      {"load", load_pieces},
      {"loadstring", load_string},
      {"require", require_opened},
      {NULL, NULL}};
  for (int i = 0; i < N_LIBRARIES; i++) {
    if (!libraries[i].open) continue;
    lua_pushcfunction(L, libraries[i].open);
    lua_pushstring(L, i == 0 ? "" : libraries[i].name);
    lua_call(L, 1, 0);
  }
  for (int i = 0; i < N_LIBRARIES; i++) {
    lua_getglobal(L, libraries[i].name);
    keep_only(L, libraries[i].open_names);
    lua_pop(L, 1);
  }
  for (const luaL_Reg *f = loading; f->name; f++) lua_register(L, f->name, f->func);
}
