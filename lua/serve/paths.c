/* SPDX-License-Identifier: MIT
 *
 * The result of the forked copy: a struct head, and each path behind its length (uint16_t).
 */
#include "lua/serve/paths.h"

#include <assert.h>
#include <string.h>

#include "lua/ref/pool.h"
#include "lua/walk/forked.h"
#include "lua/walk/path.h"

/* So many objects are looked at: the copy has some 40 bytes more for each. */
enum { OBJECTS_MOST = 8000000 };

struct head {
  uint32_t objects, ways;
  bool cut;
};

static_assert(sizeof(struct head) + WAYS_MOST * (sizeof(uint16_t) + PATH_TEXT) <=
                  FORKED_BYTES_MOST, "all paths fit");

static size_t find_paths(lua_State *L, struct worker *w, void *target, char *result) {
  struct ways h;
  char text[PATH_TEXT];
  ways_find(&h, L, w, target, OBJECTS_MOST);
  struct head head = {.objects = h.walk.count, .ways = h.n_found, .cut = h.walk.cut};
  memcpy(result, &head, sizeof head);
  size_t size = sizeof head;
  for (unsigned i = 0; i < h.n_found; i++) {
    uint16_t length = (uint16_t)path_text(&h, i, text);
    memcpy(result + size, &length, sizeof length);
    memcpy(result + size + sizeof length, text, length);
    size += sizeof length + length;
  }
  return size;
}

/* Whether all is there of a result; where the ends of children are ignored, it may be that of a
 * copy that was killed while it wrote. */
static bool is_whole(const char *result, size_t size) {
  struct head head;
  uint16_t length;
  if (size < sizeof head) return false;
  memcpy(&head, result, sizeof head);
  size_t at = sizeof head;
  for (uint32_t i = 0; i < head.ways; i++, at += length) {
    if (size - at < sizeof length) return false;
    memcpy(&length, result + at, sizeof length);
    at += sizeof length;
    if (length > size - at) return false;
  }
  return at == size;
}

/* Pushes what the string on top tells. */
static int push_paths(lua_State *L, struct worker *w) {
  size_t size;
  struct head head;
  uint16_t length;
  const char *result = lua_tolstring(L, -1, &size);
  if (!is_whole(result, size))
    worker_raise(L, GAIJIN_STATUS_BUSY, "a walk of the heap of %s was killed", w->name);
  memcpy(&head, result, sizeof head);
  luaL_checkstack(L, (int)head.ways + 2, "too many paths");
  lua_pushboolean(L, !head.cut);
  lua_pushnumber(L, head.objects);
  result += sizeof head;
  for (uint32_t i = 0; i < head.ways; i++, result += length) {
    memcpy(&length, result, sizeof length);
    result += sizeof length;
    lua_pushlstring(L, result, length);
  }
  return (int)head.ways + 2;
}

int paths_serve(lua_State *L, struct worker *w) {
  lua_Number id = lua_tonumber(L, 2);
  struct ways_target target = {
      .host = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL,
      .id = id >= 1 && id < 9007199254740992.0 ? (uint64_t)id : 0};
  if (!target.host || !target.id)
    worker_raise(L, GAIJIN_STATUS_UNSUPPORTED, "%s was asked for the paths to no object", w->name);
  if (strcmp(target.host, w->name) == 0) {
    gaijin_token *t = gaijin_token_find(w->g, target.id);
    if (!t)
      worker_raise(L, GAIJIN_STATUS_STALE, "others hold no object %s:%.14g", w->name, id);
    pool_push(L, w, t);
    target.home = lua_topointer(L, -1);
    lua_pop(L, 1);
  }
  forked_run(L, w, "a walk of the heap", find_paths, &target);
  return push_paths(L, w);
}
