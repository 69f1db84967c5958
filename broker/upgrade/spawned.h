/* SPDX-License-Identifier: MIT
 *
 * A program that runs beside the loop, with files as its input and output, until it ends. It is
 * started without a copy of this process (vfork): a copy takes time in proportion to the broker's
 * memory, and afterwards each page that the broker touches costs a fault.
 */
#ifndef GAIJIN_BROKER_UPGRADE_SPAWNED_H
#define GAIJIN_BROKER_UPGRADE_SPAWNED_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct spawned;
/* `status` as of waitpid. */
typedef void (*spawned_ended_fn)(struct spawned *s, int status);

struct spawned {
  uv_signal_t ends; /* watches for SIGCHLD */
  pid_t pid;        /* 0: it has ended, or was not started */
  spawned_ended_fn ended;
  void *user; /* the caller's */
};

/* For the loop; then it can be closed. */
void spawned_init(struct spawned *s, uv_loop_t *loop);
/* Executes the file at `path` with `input` on standard input and `output` on the other two; nothing
 * else that is closed on exec. `ended` is called once, in a later turn, when it has ended. 0, or
 * libuv's number of an error: there is no program and `ended` will not be called. The loop waits
 * until it is executed. */
int spawned_start(struct spawned *s, const char *path, char **words, int input, int output,
                  spawned_ended_fn ended);
/* If it runs. `ended` is still called. */
void spawned_kill(struct spawned *s);
/* The end, of the program too if it runs: `ended` is not called any more. */
void spawned_close(struct spawned *s, uv_close_cb closed);

#endif
