/* SPDX-License-Identifier: MIT
 *
 * Asking others: a request is sent, the fiber waits, the answer becomes Lua
 * values or a Lua error.
 */
#ifndef GAIJIN_LUA_REMOTE_H
#define GAIJIN_LUA_REMOTE_H

#include "lua/vm/worker.h"

struct answer;

/* Whom and what to ask. */
struct remote {
  enum gaijin_op op;
  int target;       /* stack index of the AT asked; 0 for none */
  const char *name; /* or the worker asked, or NULL for the broker */
  int first, count; /* the values to send: stack indices */
  double seconds;   /* gives up after so long; 0 never */
  bool no_call_timeout; /* --call-timeout does not count, only the limits of the fiber */
  /* NULL, or what makes something else of an answer that is no error: pushes that, and returns how
   * many values it is, whose form is its own affair. -1: it is decoded as ever, nothing of it has
   * been read. */
  int (*take)(lua_State *L, const gaijin_body *body);
};

enum remote_outcome { REMOTE_OK, REMOTE_TIMED_OUT };

/* Sends the request, when the connection stands (fiber/door.h) and there is room for it in the
 * window of its host (room.h), waits, pushes the results (*n of them), which have the form of the
 * op's answers (form.h). What was answered `away`, and watches that were lost with the connection,
 * are asked again under the same limits. Raises what the host raised, or the system's error.
 * REMOTE_TIMED_OUT: `seconds` are over, nothing is pushed, the request is cancelled. Raises
 * `unsupported` outside a fiber. */
enum remote_outcome remote_ask(lua_State *L, struct worker *w, const struct remote *r, int *n);

/* The common case: no time limit; returns the number of results. */
int remote_call(lua_State *L, struct worker *w, enum gaijin_op op, int target, int first,
                int count);

/* Queues the request; the answer will come to fn(user). Its id. Raises as above, before anything
 * was queued. */
uint64_t remote_start(lua_State *L, struct worker *w, const struct remote *r, gaijin_answer_fn fn,
                      void *user);
/* Pushes what an answer says, in whatever form, and returns the number of values: the results, or
 * with *failed the error and perhaps (a second value) its traceback. Raises what decoding raises.
 * A text that was raised still lacks its position (a->above). */
int remote_decode(lua_State *L, struct worker *w, const struct answer *a, bool rows, bool *failed);

/* Calls the AT at index `target` one way with the n values from `first`: no answer comes. Waits
 * where a resurrected AT must be claimed, and until there is room in the window of its host
 * (room.h). To a host that has ended, or ends meanwhile, and while the connection is away, the post
 * counts as failed and is logged; it never raises `dead`. Where nothing can wait it works while it
 * need not, and raises `busy` if there is no room. */
void remote_post(lua_State *L, struct worker *w, int target, int first, int n);

#endif
