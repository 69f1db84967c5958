/* SPDX-License-Identifier: MIT
 *
 * Nothing here allocates in the VM or runs Lua: a halted worker may look.
 */
#include "lua/cycles/suspects.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lua/ref/at.h"

size_t suspects_bytes(const struct suspects *s) {
  return ((size_t)s->n_hosted + s->n_held + 7) / 8;
}

bool suspects_is_live(const struct suspects *s, uint32_t i) {
  return s->live[i / 8] >> i % 8 & 1;
}

static void set_live(struct suspects *s, uint32_t i) {
  if (suspects_is_live(s, i)) return;
  s->live[i / 8] |= (uint8_t)(1u << i % 8);
  s->n_live++;
}

bool suspects_init(struct suspects *s, const struct gaijin_cycle *c) {
  *s = (struct suspects){.round = c->round, .n_hosted = c->n_hosted, .n_held = c->n_held};
  s->hosted = malloc(c->n_hosted * sizeof *s->hosted + 1);
  s->held = malloc(c->n_held * sizeof *s->held + 1);
  s->live = calloc(suspects_bytes(s) + 1, 1);
  if (!s->hosted || !s->held || !s->live) {
    suspects_deinit(s);
    return false;
  }
  if (c->n_hosted) memcpy(s->hosted, c->hosted, c->n_hosted * sizeof *s->hosted);
  if (c->n_held) memcpy(s->held, c->held, c->n_held * sizeof *s->held);
  return true;
}

void suspects_deinit(struct suspects *s) {
  free(s->hosted);
  free(s->held);
  free(s->live);
  *s = (struct suspects){0};
}

bool suspects_same(const struct suspects *a, const struct suspects *b) {
  if (a->round != b->round || a->n_hosted != b->n_hosted || a->n_held != b->n_held) return false;
  for (uint32_t i = 0; i < a->n_hosted; i++)
    if (a->hosted[i] != b->hosted[i]) return false;
  for (uint32_t i = 0; i < a->n_held; i++)
    if (!gaijin_pt_equal(&a->held[i], &b->held[i])) return false;
  return true;
}

/* The other reference that keeps an object is the pool's own, which is taken away. */
static bool is_token_live(const struct suspects *s, const struct worker *w, uint32_t i) {
  const gaijin_token *t = gaijin_token_find(w->g, s->hosted[i]);
  return t && gaijin_token_pins(t) > 0;
}

gaijin_token *suspects_token(const struct suspects *s, const struct worker *w, uint32_t i) {
  gaijin_token *t = gaijin_token_find(w->g, s->hosted[i]);
  return t && gaijin_token_pins(t) == 0 ? t : NULL;
}

enum known { NOT_LIVE, LIVE, OPEN };

/* OPEN pushes the userdata. A holding that nobody uses is about to be given back. */
static enum known look_at(const struct suspects *s, lua_State *L, struct worker *w, uint32_t i) {
  const gaijin_holding *h = gaijin_holding_find(w->g, &s->held[i]);
  if (!h) return NOT_LIVE;
  if (gaijin_holding_pending(h) > 0 || gaijin_holding_users(h) > 1) return LIVE;
  if (gaijin_holding_users(h) == 0) return NOT_LIVE;
  const struct at *at = at_push_userdata(L, w, h);
  if (at && !at->was_finalised) return OPEN;
  if (at) lua_pop(L, 1);
  return LIVE;
}

bool suspects_push(const struct suspects *s, lua_State *L, struct worker *w, uint32_t i) {
  return look_at(s, L, w, i) == OPEN;
}

void suspects_look(struct suspects *s, lua_State *L, struct worker *w) {
  int top = lua_gettop(L);
  s->n_live = s->n_open = 0;
  memset(s->live, 0, suspects_bytes(s));
  for (uint32_t i = 0; i < s->n_hosted; i++)
    if (is_token_live(s, w, i)) set_live(s, i);
  for (uint32_t i = 0; i < s->n_held; i++) {
    enum known known = look_at(s, L, w, i);
    if (known == LIVE) set_live(s, s->n_hosted + i);
    if (known != OPEN) continue;
    s->n_open++;
    lua_pop(L, 1);
  }
  assert(lua_gettop(L) == top);
  (void)top;
}

void suspects_keep(struct suspects *s) {
  for (uint32_t i = 0; i < s->n_hosted + s->n_held; i++) set_live(s, i);
}

void suspects_add(struct suspects *s, const uint8_t *live) {
  for (uint32_t i = 0; i < s->n_hosted + s->n_held; i++)
    if (live[i / 8] >> i % 8 & 1) set_live(s, i);
}
