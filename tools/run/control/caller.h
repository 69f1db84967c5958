/* SPDX-License-Identifier: MIT
 *
 * Who asks the supervisor: a connection with one request, and its answer. A caller owns itself: it
 * ends with its connection.
 */
#ifndef GAIJIN_TOOLS_RUN_CALLER_H
#define GAIJIN_TOOLS_RUN_CALLER_H

#include "tools/run/core/state.h"

enum { CALLERS_MOST = 32 }; /* at once; twice as many are told so */

struct caller;

/* All of a supervisor's; zeroed at the beginning. */
struct callers {
  struct caller *first;
  unsigned count;
};

/* One more. It is given its connection, then it begins, or is closed. */
struct caller *caller_new(struct callers *all, struct run *r);
uv_pipe_t *caller_pipe(struct caller *c);
void caller_begin(struct caller *c);
void caller_close(struct caller *c);

void callers_close(struct callers *all);
void callers_changed(struct callers *all);
/* This worker ends to be one of ours. */
void callers_forget(struct callers *all, const struct worker *w);
void callers_line(struct callers *all, const struct worker *w, const char *line, size_t size);

#endif
