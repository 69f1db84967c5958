/* SPDX-License-Identifier: MIT
 *
 * The record of a fiber, which fiber.h makes and ends. Its place among those that are ready is
 * turns.h's.
 */
#ifndef GAIJIN_LUA_RECORD_H
#define GAIJIN_LUA_RECORD_H

#include "lua/vm/worker.h"

/* An answer that came for a waiting fiber. Linked to the fiber, so that a Lua error raised while it
 * is decoded cannot lose it: what is left is freed at a later wait, or with the fiber. The first is
 * in the fiber's record, others are on the heap. */
struct answer {
  struct answer *next;
  const void *frame; /* of the C function that waited for it */
  bool ok;
  enum gaijin_status status;
  unsigned above; /* of a text that was raised: the level above of its position (position.h) */
  char *text;
  gaijin_body *body;
};

/* Where code is, as errors name it; an empty source: not known. */
struct code_place {
  char source[LUA_IDSIZE];
  int line; /* 0: not known */
};

/* The request a fiber serves. */
struct serving {
  uint64_t id;
  enum gaijin_op op;
  uint64_t caller;
  gaijin_token *target;
  gaijin_body *body;
  bool one_way;
  bool answered;
  bool given_up; /* the asker waits no longer: its answer will be discarded */
  bool applying; /* a library function runs for the asker (op apply) */
  struct code_place called; /* by op call, if origins are kept (ref/origin.h) */
};

/* Something that a fiber has started and that is cancelled with it; embedded in the record of it (a
 * future). Linked from fiber_adopt to fiber_disown, or to the end of the fiber, which it survives.
 */
struct fiber_child {
  struct fiber *owner; /* NULL: not linked */
  struct fiber_child *next, *prev;
  void (*cancel)(struct fiber_child *child, const char *why); /* must disown it */
};

struct fiber {
  struct worker *w;
  lua_State *L;
  int thread_slot; /* in anchors.threads */
  uint64_t number; /* never used twice */
  struct stack *stack;
  void (*job)(struct worker *w, struct fiber *f);
  struct asker *asker;       /* whose it is; never NULL */
  struct fiber *next;        /* in its asker's ready queue, or among those without a stack */
  uint64_t ready_in;         /* the turn in which it became ready, and does not run */
  struct fiber **waits_in; /* the list it is in while it waits: sched.runners; NULL: none */
  struct fiber *next_waiter, *prev_waiter;
  struct fiber *all_next, *all_prev;
  unsigned depth;     /* of the chain of calls it serves */
  bool queued, done;
  bool is_traced; /* there is a record of an error of it (trace.c) */
  int heap_before; /* KiB of Lua's when it began to run (reuse.c) */
  double stackless_since; /* when there was no memory for its C stack first; 0: there was */
  unsigned refused; /* waits refused since it last waited (wait_refuse) */
  bool timer_ended; /* it is a timer, and shall not sleep any more (concurrency.c) */
  bool is_serving;       /* the worker does not end before it, within --grace */
  const char
      *cancel_reason; /* why it shall not wait any more (static text); NULL: it is not cancelled */
  double deadline; /* until when it may wait (gaijin.timeout), on clock_seconds()'s clock; 0: no
                      limit */
  double limit;          /* the seconds that the deadline was set with, for people */
  double asked_until; /* until when its caller waits; it limits what the fiber asks of others. That
                         it is over, the broker tells */
  uint64_t request; /* the request it waits for, 0 for none */
  void *user; /* the job's own: what it was started for, or waits for; NULL: nothing, or no more */
  struct fiber_child *children;
  struct fiber *next_to_cancel;     /* its children are yet to be cancelled (scheduler.to_cancel) */
  struct fiber *next_by_number, *next_by_request; /* in their buckets */
  struct answer *answers;
  struct answer first_answer;
  bool has_first_answer; /* it is one of them */
  bool lost_ok; /* the last answer that came was ok, and there was no memory to keep it */
  struct long_work *work; /* it is at (slices.h); NULL: none, or not paused yet */
  struct serving serving;
  size_t kept; /* bytes of it, charged to its asker until it has begun (kept.h) */
};

#endif
