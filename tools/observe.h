/* SPDX-License-Identifier: MIT
 *
 * An observer's connection to the broker for commands that ask and print: each
 * step blocks for at most OBSERVE_SECONDS, and whatever fails is one line on
 * stderr here, so that callers only give up.
 */
#ifndef GAIJIN_TOOLS_OBSERVE_H
#define GAIJIN_TOOLS_OBSERVE_H

#include <stdbool.h>

#include <gaijin/gaijin.h>
#include "tools/command.h"
#include "tools/show.h"

#define OBSERVE_SECONDS 5.0

/* Connects; NULL after an error line. The caller closes it. */
gaijin *observe_open(const struct invocation *in);

/* Starts a request whose values were put (gaijin_begin_request); false after an error line, which
 * begins with `what`. */
bool observe_send(gaijin *g, const char *what, uint64_t *id);
/* Waits for the answer to `id`; the body to free, or NULL after an error line. */
gaijin_body *observe_await(gaijin *g, const char *what, uint64_t id);
/* The same when `left` of `limit` seconds are left. */
gaijin_body *observe_await_left(gaijin *g, const char *what, uint64_t id, double left,
                                double limit);
/* Both. */
gaijin_body *observe_ask(gaijin *g, const char *what);

/* One of the broker's books (op inspect), read page by page to its end, so that a large one holds
 * nobody up. */
struct observe_book {
  const char *what;
  uint32_t columns;           /* values that each row must have; what it has beyond is skipped */
  const char *host, *holder;  /* filters; NULL: none */
  /* Reads exactly `columns` values of b; false after an error line. */
  bool (*row)(gaijin_body *b, void *user);
  void *user;
};
/* Calls row for each row. False after an error line. */
bool observe_read(gaijin *g, const struct observe_book *book);

/* Reads the next value of a row whatever it is; false (after an error line) when there is none. */
bool observe_value(gaijin_body *b, const char *what, struct gaijin_value *v);
/* Puts the next `count` values into the table. */
bool observe_show(gaijin_body *b, const char *what, uint32_t count, struct show *s);
/* One line: the answer is not what this version expects. */
void observe_report_form(const char *what);

/* Names of all workers that are connected, in the broker's order. */
struct observe_names {
  char **names;
  size_t count;
};
bool observe_names(gaijin *g, struct observe_names *out);
void observe_names_deinit(struct observe_names *n);

#endif
