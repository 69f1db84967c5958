/* SPDX-License-Identifier: MIT
 *
 * The form that the answer to each op has: other workers may answer anything. Checked in one place,
 * where answers are decoded; what relies on a form need not look again.
 */
#ifndef GAIJIN_LUA_FORM_H
#define GAIJIN_LUA_FORM_H

#include "lua/vm/worker.h"

/* What was asked. */
struct form_question {
  enum gaijin_op op;
  bool of_table;        /* the target is a table: `#` gives a number */
  const char *function; /* of apply: its name; else NULL */
};

/* Whether the n values on top of the stack have the form of an answer to the question. */
bool form_fits(lua_State *L, const struct form_question *q, int n);
/* Raises `protocol`: they have not. `from`: who answered, "worker shop" or "the broker". */
void form_refuse(lua_State *L, const struct form_question *q, const char *from, int n);
/* Raises `protocol` if it is no page what calling a cursor of `pairs` gave. */
void form_check_page(lua_State *L, const char *from, int n);
/* The same if it is not what an answer may raise: a value, and perhaps a traceback. */
void form_check_raised(lua_State *L, int n);

#endif
