/* SPDX-License-Identifier: MIT
 *
 * What is read again on request, beside the loop (beside.h): one reading at a time, and one more
 * after it if somebody has asked meanwhile, for what is being read may be older than what is there
 * now.
 */
#ifndef GAIJIN_BROKER_REREAD_H
#define GAIJIN_BROKER_REREAD_H

#include <stdbool.h>
#include <uv.h>

#include "broker/base/beside.h"

/* How it is read: `task` is one reading, `user` whoever asks for them. All are called in the loop
 * but `run`, and `free` of a reading that was given up. */
struct reread_way {
  void *(*begin)(void *user);           /* a task; NULL: none can be made, errno says why */
  void (*run)(void *task);              /* in a thread */
  void (*done)(void *user, void *task); /* once, when it has run: takes what it wants */
  void (*slow)(void *user); /* it still runs after BESIDE_SLOW_MS */
  void (*free)(void *task);
  void (*failed)(void *user, int why);  /* nothing is read: there is no task or thread, errno */
  void (*ended)(void *user); /* after done or failed, if nobody has asked for more meanwhile */
};

/* Zeroed, nothing is being read. */
struct reread {
  const struct reread_way *way;
  void *user;
  uv_loop_t *loop;
  struct beside *beside; /* the reading; NULL: there is none */
  bool again;            /* one more follows it */
  uint64_t began_ms;     /* on the loop's clock */
};

/* Asks for a reading, of something that is always read in the same way for the same user. False:
 * there is one already, and one more will follow. `way` must stay; what is given here may be called
 * before it returns. */
bool reread_ask(struct reread *r, uv_loop_t *loop, const struct reread_way *way, void *user);
/* For how many seconds there has been a reading; false: there is none. */
bool reread_lasts(const struct reread *r, unsigned *seconds);
/* Gives up a reading, and calls nothing any more. The loop must run once more. Of none it is
 * fine. */
void reread_stop(struct reread *r);

#endif
