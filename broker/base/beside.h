/* SPDX-License-Identifier: MIT
 *
 * What may take long, done beside the loop: to learn the number of a user may take a look into a
 * directory far away, and nobody is to wait for that. A thread of its own does it; the loop gets
 * what came of it. A thread that hangs keeps neither the loop nor the process from ending: then the
 * task is its own, and it frees it.
 */
#ifndef GAIJIN_BROKER_BESIDE_H
#define GAIJIN_BROKER_BESIDE_H

#include <uv.h>

enum { BESIDE_SLOW_MS = 10000 };
struct beside_way {
  void (*run)(void *task);              /* in the thread, which has the task alone meanwhile */
  void (*done)(void *user, void *task); /* in the loop, once, when it has run */
  void (*slow)(void *user); /* in the loop, once, if it still runs after BESIDE_SLOW_MS */
  void (*free)(void *task); /* the last thing done with it, in the loop or in the thread */
};

struct beside;

/* Begins to do `task`, which is beside's from now on. NULL: there is no thread, descriptor or
 * memory for it, errno says which, and the task is the caller's still. What is given here ends
 * before `done` is called. */
struct beside *beside_begin(uv_loop_t *loop, const struct beside_way *way, void *task, void *user);
/* Gives it up: neither `done` nor `slow` is called. The loop must run once more. */
void beside_abandon(struct beside *d);

#endif
