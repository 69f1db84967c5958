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
 *
 * Beside that process there may be a second one. To replace a READY worker without a gap, a
 * SUCCESSOR is started beside it, which is to take the name over when it serves:
 *
 *     ALONE --succeed--> SUCCESSOR --passed--> FORMER --beside_ended--> ALONE
 *                            |  beside_ended: it failed, nothing has changed --> ALONE
 *                            |  inherit: the first one has ended: ALONE, STARTING
 *                            |  stop: it is to end as well --> FORMER
 *
 * With `passed` the two change places: the successor's process is the worker's now, and the one
 * before, FORMER, goes on beside it for those who have objects of its, until it ends by itself.
 */
#ifndef GAIJIN_TOOLS_RUN_LIFE_H
#define GAIJIN_TOOLS_RUN_LIFE_H

#include <stdbool.h>

#include "tools/run/life/backoff.h"

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

/* The process beside the worker's own. */
enum life_beside {
  LIFE_ALONE,     /* there is none */
  LIFE_SUCCESSOR, /* it is to have the name when it serves; the worker is READY */
  LIFE_FORMER,    /* it had the name before, or is not to have it any more, and will end */
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
  enum life_beside beside;
  bool wants;           /* a successor, as soon as there can be one */
  unsigned long passes; /* how often a successor's process has become the worker's */
};

/* "waiting", "ready" ... Static. */
const char *life_name(enum life_state state);
/* Whether it has a process of its own. */
bool life_runs(const struct life *l);
/* Whether it has a process, or one beside it. */
bool life_has_process(const struct life *l);
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

/* A successor is wanted, of a worker that is READY: false if it is not, then it can only be
 * restarted. */
bool life_want(struct life *l);
/* Whether a successor is wanted and there can be one. */
bool life_may_succeed(const struct life *l);
/* Whether it is about to be another process: one is wanted, or there. */
bool life_is_passing(const struct life *l);
void life_succeed(struct life *l); /* life_may_succeed: one was started, or failed to */
void life_passed(struct life *l);  /* READY, SUCCESSOR: that has the name now */
void life_beside_ended(struct life *l);
/* The worker's process has ended, and nobody asked for that: whether a successor is there to have
 * the name. It is the worker's process then. Otherwise it is life_ended. */
bool life_inherit(struct life *l);

/* A user's wish, in any state; what is beside it is to end too. Whether a process that runs has to
 * be told to end. */
bool life_stop(struct life *l, bool again);
/* The same. False if it runs already, or will without this. */
bool life_start(struct life *l);

#endif
