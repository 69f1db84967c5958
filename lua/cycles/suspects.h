/* SPDX-License-Identifier: MIT
 *
 * What the broker asks in a round about cycles: which of these tokens are used here apart from each
 * other. A token is *live* here if it is; those of ours and those of others have a bit each.
 *
 * Some are live at once, whatever the heap is like: one of ours that a value or a request names
 * which waits for its fiber; one of others of which a value waits, or that C holds, or whose AT has
 * been finalised once: what a finaliser has brought back to life, no weak table tells of any more.
 * (A function that was brought back and used since has a fresh token, of which one does.)
 * Of the others the collector knows (probe.h).
 */
#ifndef GAIJIN_LUA_SUSPECTS_H
#define GAIJIN_LUA_SUSPECTS_H

#include "lua/vm/worker.h"

struct suspects {
  uint64_t round;
  uint32_t n_hosted, n_held;
  uint64_t *hosted;       /* ids */
  struct gaijin_pt *held;
  uint8_t *live;          /* a bit for each of hosted, then for each of held; the lowest first */
  uint32_t n_live;        /* so many are set */
  uint32_t n_open;        /* of those held: the collector is to be asked */
  bool tells_edges;       /* and which of them are reached by way of which of ours (edges.h) */
};

/* Bytes of `live`. */
size_t suspects_bytes(const struct suspects *s);
bool suspects_is_live(const struct suspects *s, uint32_t i);
/* Copies what is asked. False when memory is short; then there is nothing to free. */
bool suspects_init(struct suspects *s, const struct gaijin_cycle *c);
void suspects_deinit(struct suspects *s);
/* Whether both ask the same, of one round. */
bool suspects_same(const struct suspects *a, const struct suspects *b);
/* Sets the bits of those that are live at once, and n_live, n_open. */
void suspects_look(struct suspects *s, lua_State *L, struct worker *w);
/* Of a token of ours in the list: it, unless it is gone, condemned, or live at once. */
gaijin_token *suspects_token(const struct suspects *s, const struct worker *w, uint32_t i);
/* Pushes the userdata of the AT of one of others, if the collector is to be asked about it. */
bool suspects_push(const struct suspects *s, lua_State *L, struct worker *w, uint32_t i);
/* Sets all bits. */
void suspects_keep(struct suspects *s);
/* Adds the bits of those that the collector found live, an array like `live`. */
void suspects_add(struct suspects *s, const uint8_t *live);

#endif
