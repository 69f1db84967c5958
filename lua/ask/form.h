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

/* The n values on top of the stack answer the question, `from` ("worker shop", or "the broker").
 * Raises `protocol` if they have not the form that the op's answer has. */
void form_check(lua_State *L, const struct form_question *q, const char *from, int n);
/* The same for what calling a cursor of `pairs` gave. */
void form_check_page(lua_State *L, const char *from, int n);
/* The same for what an answer raised: a value, and perhaps a traceback. */
void form_check_raised(lua_State *L, int n);

#endif
