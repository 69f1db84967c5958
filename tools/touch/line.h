/* SPDX-License-Identifier: MIT
 *
 * A line of gaijinctl's repl, read:
 *
 *   PATH            what is there; of a worker alone what it exposes
 *   PATH = VALUE    sets it           PATH(VALUE, ...)   calls it
 *   #PATH           its length        pairs PATH         its entries
 *   !CODE           Lua code that the worker runs, if it allows that
 *   use WORKER      the worker that lines are about: then a word at the begin of a path is a label
 *                   of it. use alone: none
 *   help  quit
 */
#ifndef GAIJIN_TOOLS_LINE_H
#define GAIJIN_TOOLS_LINE_H

#include "tools/touch/path.h"

enum line_kind {
  LINE_EMPTY,
  LINE_GET,
  LINE_SET,
  LINE_CALL,
  LINE_LEN,
  LINE_PAIRS,
  LINE_EVAL,
  LINE_USE,
  LINE_HELP,
  LINE_QUIT
};

enum { LINE_VALUES = 64 };
struct line {
  enum line_kind kind;
  struct path path;  /* GET to PAIRS; of USE the worker, which may be NULL */
  const char *text;  /* the path's own text, terminated; of EVAL the code */
  struct data data;
  struct datum values[LINE_VALUES];
  uint32_t count;
};

/* `current`: the worker in use, or NULL. False: s has the fault. End it with line_deinit either
 * way. */
bool line_parse(struct scan *s, const char *current, struct line *l);
void line_deinit(struct line *l);

#endif
