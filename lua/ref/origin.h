/* SPDX-License-Identifier: MIT
 *
 * Where the objects that others hold were first sent from (--trace-tokens): the line of the script,
 * the op, and to whom. Off, only a flag is looked at where a token is made.
 *
 * An origin is kept once however many objects have it, and as long as one has it; an object has two
 * bytes, its origin's number. All of that is memory of Lua's heap, so a limit of that counts it,
 * and where it cannot be had the object's origin is not known.
 *
 * There are ORIGINS_MOST at most. Others choose what they are called, and must not use them up: all
 * observers are one receiver, "@", and beyond ORIGINS_NAMED a new origin has no receiver, beyond
 * ORIGINS_PLACES no line either; for all ops together such always have room.
 */
#ifndef GAIJIN_LUA_ORIGIN_H
#define GAIJIN_LUA_ORIGIN_H

#include "lua/vm/worker.h"

enum {
  ORIGINS_MOST = 4096,
  ORIGINS_PLACES = ORIGINS_MOST - 2 * GAIJIN_OP_COUNT,
  ORIGINS_NAMED = ORIGINS_MOST - 1024,
};

struct origin {
  const char *where; /* "shop.lua:12"; "": no code sent it, it was read by get, say */
  const char *to;    /* the name of who got it; "": of too many origins */
  uint8_t op;
  bool answer; /* to an op of theirs */
};

/* What is about to be sent. */
struct origin_sending {
  enum gaijin_op op;
  const char *to;       /* need not outlive the call */
  bool answer;
  const struct code_place *called; /* of an answer that a function has given: that function's, which
                                      need not outlive the answer; else NULL */
};

/* All tokens made next, until something else is sent, have this origin. Allocates nothing of
 * Lua's, runs no script, raises nothing; wants three places on the stack. */
void origin_begin(lua_State *L, struct worker *w, const struct origin_sending *s);
/* A token is made, in this slot of the pool. The same. */
void origin_note(lua_State *L, struct worker *w, int slot);
/* The token in this slot has gone. */
void origin_forget(struct worker *w, int slot);
/* Where the function at index i was defined; nothing else has a place. As above, a place on the
 * stack. */
void origin_place(lua_State *L, int i, struct code_place *out);
/* The origin of a token; NULL: it is not known. It lives as long as the token. */
const struct origin *origin_of(const struct worker *w, const gaijin_token *t);
/* Before the VM ends. */
void origins_deinit(struct worker *w);
/* NULL, or a static text that says which invariant is broken. */
const char *origins_check(const struct worker *w);

#endif
