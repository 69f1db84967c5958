/* SPDX-License-Identifier: MIT
 *
 * An observer's connection to the broker for commands that ask and print: each step blocks for at
 * most OBSERVE_SECONDS, or what the observer's `patience` says, and whatever fails is one line on
 * stderr here, so that callers only give up. The observer knows which exit status that means. When
 * the connection is lost that is said once: what fails afterwards fails silently.
 */
#ifndef GAIJIN_TOOLS_OBSERVE_H
#define GAIJIN_TOOLS_OBSERVE_H

#include <stdbool.h>

#include <gaijin/gaijin.h>
#include "tools/base/command.h"
#include "tools/table/show.h"

#define OBSERVE_SECONDS 5.0
/* Instead of for ever: longer than any system runs. */
#define OBSERVE_EVER 1e9

struct observer {
  gaijin *g; /* NULL while there is no connection */
  const struct invocation *in;
  double patience; /* seconds that the broker has to answer; OBSERVE_SECONDS once it is open */
  bool no_broker; /* it cannot be asked (any more): EXIT_NO_BROKER, and nothing is to be shown */
};

/* Connects, trying for `seconds`. False after an error line. observe_close ends it in either
 * case. */
bool observe_open(struct observer *o, const struct invocation *in);
/* The same, which is told what comes unasked. `events` are copied. */
bool observe_open_told(struct observer *o, const struct invocation *in,
                       const struct gaijin_events *events, void *user);
/* The same with `wait_seconds` of gaijin_options. */
bool observe_open_within(struct observer *o, const struct invocation *in, double seconds);
/* Ends the connection; the exit status, where `good` says whether all went well. */
int observe_close(struct observer *o, bool good);

/* The seconds of --timeout, of which 0 is for ever. */
double observe_timeout(const struct invocation *in);

/* Starts a request whose values were put (gaijin_begin_request on o->g); false after an error line,
 * which begins with `what`. */
bool observe_send(struct observer *o, const char *what, uint64_t *id);
/* Waits for the answer to `id`, of a worker; the body to free, or NULL after an error line. If the
 * answer is late and the broker does not answer either, the broker is to blame. */
gaijin_body *observe_await(struct observer *o, const char *what, uint64_t id);
/* The same when `left` of `limit` seconds are left. */
gaijin_body *observe_await_left(struct observer *o, const char *what, uint64_t id, double left,
                                double limit);
/* Asks the broker itself: starts, and waits. What it does not know it is too old for. */
gaijin_body *observe_ask(struct observer *o, const char *what);

/* One of the broker's books (op inspect), read page by page to its end, so that a large one holds
 * nobody up. */
struct observe_book {
  const char *what;
  uint32_t columns;           /* values that each row must have; what it has beyond is skipped */
  const char *host, *holder;  /* filters; NULL: none */
  const char *kind;           /* of objects; NULL: any */
  double least_age;           /* of objects, in whole seconds */
  uint64_t id;                /* of objects; 0: any. A broker before wire version 6 tells all */
  size_t enough;              /* so many rows will do, whichever they are; 0: all are read */
  /* Reads exactly `columns` values of b; false after an error line. */
  bool (*row)(struct observer *o, gaijin_body *b, void *user);
  void *user;
};
/* Calls row for each row; behind the page with the last that is wanted it asks no more. False after
 * an error line. */
bool observe_read(struct observer *o, const struct observe_book *book);
/* Its halves, for who waits in a loop of its own. The first begins the request for the page at a
 * cursor (nil: the first page), which the caller ends. The second reads the answer, calls row for
 * each row, and puts the next page's cursor, a number, or nil; *count, of rows, grows. False after
 * an error line. */
void observe_begin_page(struct observer *o, const struct observe_book *book,
                        const struct gaijin_value *cursor);
bool observe_read_page(struct observer *o, const struct observe_book *book, gaijin_body *b,
                       struct gaijin_value *cursor, size_t *count);

/* Reads the next value of a row whatever it is; false (after an error line) when there is none. */
bool observe_value(struct observer *o, gaijin_body *b, const char *what, struct gaijin_value *v);
/* Puts the next `count` values into the table. */
bool observe_show(struct observer *o, gaijin_body *b, const char *what, uint32_t count,
                  struct show *s);
/* False after an error line: the connection has ended meanwhile, and whoever was asked may have
 * said nothing for that reason. */
bool observe_is_connected(struct observer *o, const char *what);
/* One line: the answer is not what this version expects. */
void observe_report_form(struct observer *o, const char *what);

/* Asks each of several workers for an op without values, all at once; together they have so many
 * seconds to answer. */
struct observe_each {
  enum gaijin_op op;
  const char *about; /* begins error lines, before the name: "labels of "; NULL: there are none */
  char *const *names;
  size_t count;
  double seconds;
};
/* What became of one. */
struct observe_heard {
  gaijin_body *body; /* the answer, owned by the caller; NULL: there is none, ... */
  bool late;         /* ... and there was none in time */
};
/* Fills `heard`, one for each name. */
void observe_ask_each(struct observer *o, const struct observe_each *each,
                      struct observe_heard *heard);

/* Nothing was found of a worker (NULL: of any): whether one of this name is connected. False after
 * an error line: which one may be meant, and which there are; or that this cannot be asked. */
bool observe_must_know(struct observer *o, const char *name);

/* Names of all workers that are connected, in the broker's order. */
struct observe_names {
  char **names;
  size_t count, room;
};
bool observe_names(struct observer *o, struct observe_names *out);
void observe_names_deinit(struct observe_names *n);

#endif
