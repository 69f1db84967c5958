/* SPDX-License-Identifier: MIT
 *
 * An observer's connection to the broker for commands that ask and print: each
 * step blocks for at most OBSERVE_SECONDS, and whatever fails is one line on
 * stderr here, so that callers only give up.
 */
#ifndef GAIJIN_TOOLS_OBSERVE_H
#define GAIJIN_TOOLS_OBSERVE_H

#include <stdbool.h>

#include "client-lib/gaijin.h"
#include "tools/command.h"
#include "tools/show.h"

#define OBSERVE_SECONDS 5.0

/* Connects; NULL after an error line. The caller closes it. */
gaijin *observe_open(const struct invocation *in);

/* Starts a request whose values were put (gaijin_begin_request); false after an error line, which begins with `what`. */
bool observe_send(gaijin *g, const char *what, uint64_t *id);
/* Waits for the answer to `id`; the body to free, or NULL after an error line. */
gaijin_body *observe_await(gaijin *g, const char *what, uint64_t id);
/* Both. */
gaijin_body *observe_ask(gaijin *g, const char *what);

/* Reads the array that begins a row and checks that it has at least `columns` values; *left gets how many.
 * 1 there is a row, 0 the body is at its end, -1 after an error line. */
int observe_row(gaijin_body *b, const char *what, uint32_t columns, uint32_t *left);
/* Reads the next value of a row whatever it is; false (after an error line) when there is none. */
bool observe_value(gaijin_body *b, const char *what, struct gaijin_value *v);
/* Puts the next `count` values into the table. */
bool observe_show(gaijin_body *b, const char *what, uint32_t count, struct show *s);
/* Skips values that this version knows nothing of. */
bool observe_skip(gaijin_body *b, const char *what, uint32_t count);

/* Names of all workers that are connected, in the broker's order. */
struct observe_names {
  char **names;
  size_t count;
};
bool observe_names(gaijin *g, struct observe_names *out);
void observe_names_deinit(struct observe_names *n);

#endif
