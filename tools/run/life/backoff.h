/* SPDX-License-Identifier: MIT
 *
 * How often, and how soon, what died is started again: at once the first time, then later and
 * later, and not for ever. Only what happened within the last `within` seconds counts, so that who
 * ran well for so long begins anew.
 */
#ifndef GAIJIN_TOOLS_RUN_BACKOFF_H
#define GAIJIN_TOOLS_RUN_BACKOFF_H

enum { BACKOFF_MOST = 64 };

struct backoff_rule {
  unsigned most;  /* so many restarts within `within`; one more death, and it is left dead */
  double within;  /* seconds */
  double first;   /* seconds to wait the second time; twice as long each further time */
  double longest; /* but no longer than this */
};

/* Zeroed at the beginning. */
struct backoff {
  double at[BACKOFF_MOST]; /* the last ones, a ring; in seconds of one clock */
  unsigned long n;         /* all of them */
};

/* It has died, `now` on that clock: after how many milliseconds it is to be started, which is
 * counted; -1: not any more. rule->most is from 1 to BACKOFF_MOST. */
int backoff_delay(struct backoff *b, const struct backoff_rule *rule, double now);

#endif
