/* SPDX-License-Identifier: MIT
 *
 * A worker's life under the supervisor, as states. What happens to it is told here, and what it is
 * afterwards says what is to be done; nothing here starts, signals or waits.
 *
 *     WAITING --started--> STARTING --ready--> READY --stop--> STOPPING --ended--> STOPPED
 *        ^                     |  ended: failed, or to be always there  |             |
 *        |<---resume--- PAUSING <---------------------------------------+             |
 *        |                     |  ended: otherwise                                    |
 *        |<------start---- FINISHED, FAILED   <--------start--------------------------+
 */
#ifndef GAIJIN_TOOLS_LIFE_H
#define GAIJIN_TOOLS_LIFE_H

#include <stdbool.h>

#include "tools/run/backoff.h"

enum life_state {
  LIFE_WAITING,  /* to be started as soon as what it needs serves */
  LIFE_STARTING, /* its process runs, and does not serve yet */
  LIFE_READY,    /* it serves */
  LIFE_STOPPING, /* its process is to end */
  LIFE_PAUSING,  /* it will be started again when the pause is over */
  LIFE_STOPPED,  /* somebody asked for its end */
  LIFE_FINISHED, /* it ended well */
  LIFE_FAILED,   /* it failed, and is not started again by itself */
};

enum life_restart { LIFE_NEVER, LIFE_ON_FAILURE, LIFE_ALWAYS };

struct life_policy {
  enum life_restart restart;
  struct backoff_rule rule;
};

struct life {
  enum life_state state;
  bool again;    /* STOPPING: and then to be started */
  bool given_up; /* FAILED: after so many restarts */
  int pause_ms;  /* PAUSING: for so long */
  struct backoff backoff;
  unsigned long restarts; /* by the policy, all of them */
};

/* "waiting", "ready" ... Static. */
const char *life_name(enum life_state state);
/* Whether it has a process. */
bool life_runs(const struct life *l);
/* Whether it will be started again by nobody but a user. */
bool life_is_over(const struct life *l);
/* Whether who needs it may start. */
bool life_serves(const struct life *l);

/* Each is told in the states that it can happen in, and asserts that. */
void life_started(struct life *l); /* WAITING */
void life_ready(struct life *l);   /* STARTING */
void life_resume(struct life *l);  /* PAUSING: the time is over */
void life_refuse(struct life *l);  /* WAITING: what it needs will not come */
/* Its process has ended (STARTING, READY, STOPPING), or could not be started (STARTING too), at
 * `now`, in seconds of one clock. */
void life_ended(struct life *l, const struct life_policy *policy, bool failed, double now);

/* A user's wish, in any state. Whether a process that runs has to be told to end. */
bool life_stop(struct life *l, bool again);
/* The same. False if it runs already, or will without this. */
bool life_start(struct life *l);

#endif
