/* SPDX-License-Identifier: MIT
 *
 * Reads one of the broker's books page by page without waiting: answers come in while the program's
 * loop dispatches. One page is asked for at a time, so that a large book costs its broker no more
 * than anybody's pages do.
 */
#ifndef GAIJIN_TOOLS_READER_H
#define GAIJIN_TOOLS_READER_H

#include "tools/ask/observe.h"

struct reader {
  struct observer *o;
  struct observe_book book;
  struct gaijin_value cursor;
  size_t count;     /* rows read */
  uint64_t request; /* 0: none is under way */
  double since;     /* when that was asked */
  /* It has ended: read to its end, or not for a reason (NULL: it is said already). May begin
   * another. */
  void (*done)(void *user, bool good, const char *why);
  void *user;
};

/* Begins; `done` is called later, or at once if nothing can be sent. */
void reader_begin(struct reader *r);
/* Forgets about it. `done` is not called. */
void reader_stop(struct reader *r);

#endif
