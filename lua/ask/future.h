/* SPDX-License-Identifier: MIT
 *
 * Futures: the results of a call that was started and is not waited for. The
 * C record and the userdata that Lua sees point at each other; either may go
 * first. A finaliser only marks: what was dropped is freed in the scheduler.
 *
 * A future is open until its answer comes, its function ends or it is cancelled; then
 * done, once and for all. The answer of a remote call stays as bytes until it is first read.
 */
#ifndef GAIJIN_LUA_FUTURE_H
#define GAIJIN_LUA_FUTURE_H

#include "lua/fiber/fiber.h"

/* ANSWERED: done, the answer not yet decoded. DECODING: a fiber is at it. */
enum future_state { FUTURE_IDLE, FUTURE_OPEN, FUTURE_ANSWERED, FUTURE_DECODING, FUTURE_DONE };

struct future {
  struct worker *w;
  struct future *next, *prev; /* all */
  struct future *next_dropped;
  struct future **handle;     /* the userdata; NULL: finalised */
  struct fiber_child child;   /* of who started it, while it is open */
  struct fiber *runs;         /* whose results it gets, when it is a function of ours */
  struct future_wait *waits, *last_wait; /* who waits, the longest first */
  uint64_t request;           /* its request while it is open, when it is a remote call */
  struct answer answer;
  size_t kept_bytes; /* of its body, in worker.kept_bytes */
  char *complaint;            /* of a function of ours that failed: the error's text */
  enum future_state state;
  struct fiber *decoder;      /* while DECODING: who is at it */
  unsigned above; /* of the text that it failed with: the level of the position that it lacks
                     (position.h); 0: none */
  bool ok, read; /* read: nobody needs to be told of its error */
  bool is_list;  /* its result is a list of the results */
};

/* A fiber waits for some futures: one record for each, and a common one. */
struct future_group {
  struct fiber *fiber;
  unsigned left; /* not done */
  bool all;      /* waits for all, or the first failure; else for the first that is done */
  bool over;
};
struct future_wait {
  struct future_wait *next, *prev;
  struct future *future; /* NULL: not in a list */
  struct future_group *group;
};

static inline bool future_is_done(const struct future *u) { return u->state > FUTURE_OPEN; }

/* An open one is given up; false if it was done already. `why` is copied. */
bool future_cancel(struct future *u, const char *why);
/* It will not be read: it is freed in the scheduler. Allocates nothing, it may be a finaliser that
 * says so. */
void future_drop(struct future *u);
void future_clear_answer(struct future *u);

/* The node is linked to the future, which must be open, and counted in the group; unlinked, if it
 * is linked. */
void future_wait_on(struct future_wait *n, struct future *u, struct future_group *group);
void future_unwait(struct future_wait *n);

/* Its call has been started by the current fiber: another one runs it, or the request was sent with
 * future_on_answer and the future. */
void future_begin(struct future *u, struct fiber *runs, uint64_t request);
void future_on_answer(void *future, const struct gaijin_answer *got);
/* What to tell people if nobody reads its error; NULL: it is no string. */
void future_complaint(struct future *u, const char *text);
/* The fiber's future is done; its results have been kept, unless there is a text that says why not.
 */
void future_finish(struct fiber *f, bool ok, const char *why_not);

/* Logs what nobody will read any more and frees what was dropped. From the scheduler. */
void future_free_dropped(struct worker *w);

/* Frees all: no Lua will run but finalisers. Call when all fibers have been discarded, before
 * lua_close. */
void future_discard_all(struct worker *w);

#endif
