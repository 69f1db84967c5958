/* SPDX-License-Identifier: MIT
 *
 * A desk's connection to the broker, as an observer. It stays from question to question, is opened
 * again when the broker has gone, and each change of that is one line on stderr. The broker has
 * --timeout for each answer, and to greet: who asks about one that hangs is told within twice that.
 */
#ifndef GAIJIN_TOOLS_LOOK_H
#define GAIJIN_TOOLS_LOOK_H

#include "tools/ask/observe.h"
#include "tools/web/desk.h"

struct look {
  const struct invocation *in;
  const char *what;  /* begins lines: "metrics" */
  struct observer o; /* o.g is NULL while there is no connection */
  bool missed;       /* the broker could not be asked the last time */
};

void look_init(struct look *l, const struct invocation *in, const char *what);
void look_deinit(struct look *l);

/* Asks: `read` adds what it has found to the answer's body, and gives false after error lines,
 * which become its body then. `said` gets the lines that there were though it gave true; NULL:
 * nobody wants them. The status is 200, 503 if the broker cannot be asked, else 502. */
typedef bool (*look_fn)(void *user, struct observer *o, struct text *body);
void look_ask(struct look *l, look_fn read, void *user, const char *type, struct desk_answer *a,
              struct text *said);

#endif
