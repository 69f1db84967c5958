/* SPDX-License-Identifier: MIT
 *
 * Asking workers for something over an observer's connection, one request at a time, within a time
 * that somebody gave. Whatever fails is told on stderr here, with the traceback of what a worker
 * raised, and sets the status: EXIT_FAILED, or EXIT_NO_BROKER when the broker is not there, does
 * not answer, or has gone.
 */
#ifndef GAIJIN_TOOLS_ASK_H
#define GAIJIN_TOOLS_ASK_H

#include <signal.h>
#include <stdbool.h>

#include "tools/base/command.h"
#include "tools/touch/datum.h"
#include "tools/touch/path.h"

struct ask {
  gaijin *g;
  double seconds;                            /* each step may take so long; 0: for ever */
  const volatile sig_atomic_t *interrupted;  /* gives up what is asked when it is set; or NULL */
  const sigset_t *waiting_mask; /* signals that are held back while it waits; NULL: as ever */
  bool was_interrupted;
  bool quiet; /* nothing is told */
  bool takes_more;     /* code that ends too early is no failure: */
  bool was_unfinished; /* it was such, and nothing was told */
  int status; /* of the program */
  const char *worker; /* that is asked by its name now; or NULL */
};

/* Connects; false after an error line, with the status set. */
bool ask_open(struct ask *a, const struct invocation *in, double seconds);
void ask_close(struct ask *a);

/* Begins a request as gaijin_begin_request does, with the deadline; put `count` values next. */
void ask_begin(struct ask *a, const struct gaijin_send *send, uint32_t count);
/* Ends it and waits for the answer: its body, for gaijin_body_free; NULL after an error line, which
 * begins with `what` (`size` bytes; escaped here). */
gaijin_body *ask_end(struct ask *a, const char *what, size_t size);
/* The same with a limit, seconds, of its own, for what the broker answers. */
gaijin_body *ask_end_within(struct ask *a, const char *what, size_t size, double limit);
/* True after an error line, and the status is set: nobody has the name `worker`, or that cannot be
 * asked. */
bool ask_refuse_name(struct ask *a, const char *worker);
/* One line: the answer has another form than it should have. */
void ask_report_form(struct ask *a, const char *what, size_t size);

/* Reads all values of an answer to `d` and frees it; *out (for free()) has *count of them. */
bool ask_values(struct ask *a, const char *what, size_t size, gaijin_body *b, struct data *d,
                struct datum **out, uint32_t *count);
/* The same with one value, nil if there is none. */
bool ask_value(struct ask *a, const char *what, size_t size, gaijin_body *b, struct data *d,
               struct datum *out);

/* What is at the first `keys` keys of a path, whose text is `text`. Without an id there is at least
 * one. */
bool ask_resolve(struct ask *a, const struct path *p, const char *text, size_t keys,
                 struct data *d, struct datum *out);
/* The same, which must be an object that can be asked for something: no dead one, no plain value.
 * `need` says for what: "has no keys". The request's target is set. */
bool ask_target(struct ask *a, const struct path *p, const char *text, size_t keys,
                const char *need, struct data *d, struct datum *out, struct gaijin_send *send);
/* The field of an object or of a table by value. `what`: the object. */
bool ask_get(struct ask *a, const char *what, size_t size, struct data *d,
             const struct datum *object, const struct datum *key, struct datum *out);

#endif
