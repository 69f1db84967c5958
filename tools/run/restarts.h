/* SPDX-License-Identifier: MIT
 *
 * How often, and how soon, a broker that dies is started again: at once the first time, then later
 * and later, and not for ever.
 */
#ifndef GAIJIN_TOOLS_RESTARTS_H
#define GAIJIN_TOOLS_RESTARTS_H

/* So many within so many seconds; one more death in that time, and it is left dead. */
enum { RESTARTS_MOST = 8, RESTARTS_SECONDS = 60 };

/* Zeroed at the beginning. */
struct restarts {
  double at[RESTARTS_MOST]; /* the last ones, a ring; in seconds of one clock */
  unsigned long n;          /* all of them */
};

/* It has died, `now` on that clock: after how many milliseconds it is to be started, which is
 * counted; -1: not any more. */
int restarts_delay(struct restarts *r, double now);

#endif
