/* SPDX-License-Identifier: MIT
 *
 * A desk answers questions one at a time, in a thread of its own, because to ask a broker blocks.
 * Who comes with a question that waits or is being answered shares its answer: however many ask,
 * the broker is asked by one. Questions that wait are bounded.
 */
#ifndef GAIJIN_TOOLS_DESK_H
#define GAIJIN_TOOLS_DESK_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/base/text.h"

/* Shared by those who asked. */
struct desk_answer {
  unsigned status;  /* of HTTP */
  const char *type; /* static */
  struct text body;
  unsigned users; /* the desk's own */
};

struct desk;

/* Answers a question: fills status, type and body. Called in the desk's thread. */
typedef void (*desk_fn)(void *user, const char *question, struct desk_answer *answer);

/* Somebody who waits for an answer; it is its own, and stays where it is until it was woken. */
struct desk_visit {
  struct desk_answer *answer; /* NULL: there is none yet */
  void (*wake)(struct desk_visit *v); /* called once, in any thread, when `answer` is there */
  struct desk_visit *next;
};

/* Starts the thread; NULL after an error line. `user` is handed to `fn`. */
struct desk *desk_new(desk_fn fn, void *user);
/* Asks; false: too many questions wait, and nothing happens. */
bool desk_ask(struct desk *d, const char *question, struct desk_visit *v);
/* Gives an answer back, in any thread. */
void desk_put_back(struct desk *d, struct desk_answer *answer);
/* Who waits is answered that this ends, and so is who comes. False: the thread does not end within
 * `seconds`, so the desk cannot be freed. */
bool desk_end(struct desk *d, double seconds);
/* After desk_end, and when all answers are back. NULL is fine. */
void desk_free(struct desk *d);

#endif
