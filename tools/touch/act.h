/* SPDX-License-Identifier: MIT
 *
 * What is done with something in a live system, and how the result is shown. The commands of
 * gaijinctl and the lines of its repl are these.
 */
#ifndef GAIJIN_TOOLS_ACT_H
#define GAIJIN_TOOLS_ACT_H

#include <stdio.h>

#include "tools/touch/ask.h"
#include "tools/touch/print.h"

/* Tables in tables that are fetched and shown, unless somebody says otherwise. */
enum { ACT_DEPTH = 3 };

struct act {
  struct ask ask;
  struct print how;
};

/* What a path has to have. */
enum act_needs {
  ACT_NEEDS_NOTHING, /* beside a worker */
  ACT_NEEDS_THING,   /* an id, or a label */
  ACT_NEEDS_KEY      /* a key of something */
};
/* False after an error line. */
bool act_fits(const struct path *p, const char *text, enum act_needs needs);

/* Each prints what came of it to stdout; false after an error line. `text` is the path's. */
bool act_get(struct act *a, const struct path *p, const char *text);
bool act_set(struct act *a, const struct path *p, const char *text, const struct data *d,
             const struct datum *value);
bool act_call(struct act *a, const struct path *p, const char *text, const struct data *d,
              const struct datum *arguments, uint32_t count);
bool act_len(struct act *a, const struct path *p, const char *text);
/* A line for each entry; of a worker alone its labels. */
bool act_pairs(struct act *a, const struct path *p, const char *text);
/* Has the worker run a text as Lua code, which must be allowed there (--allow-eval). */
bool act_eval(struct act *a, const char *worker, const char *code, size_t size);

#endif
