/* SPDX-License-Identifier: MIT
 *
 * Child processes of `gaijinctl run`. Each has a process group of its own, so
 * that Ctrl-C of a terminal reaches only gaijinctl, which stops them in order;
 * and each dies with gaijinctl, even when that is killed, because the kernel is
 * told so before the program starts.
 */
#ifndef GAIJIN_TOOLS_RUN_CHILD_H
#define GAIJIN_TOOLS_RUN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
  pid_t pid;       /* 0: not started, or ended and reaped */
  bool termed;     /* we sent SIGTERM */
  bool killed;     /* we sent SIGKILL */
  int wait_status; /* once reaped */
};

struct child_options {
  char *const *argv;  /* argv[0] is the program's path */
  const char *socket; /* becomes $GAIJIN_SOCKET of the child */
  char *const *env;   /* more of its environment, "KEY=VALUE", and a NULL; or NULL */
  const char *directory; /* where it works; NULL: where we do */
  int out, err;       /* descriptors for stdout and stderr; -1 inherits ours */
  int death_signal;   /* sent by the kernel when gaijinctl dies */
};

/* Starts a program, with stdin from /dev/null, and without our own $NOTIFY_SOCKET. 0, or an errno
 * (also that of a failed exec). */
int child_start(struct child *c, const struct child_options *options);
/* SIGTERM, at most once; nothing for one that does not run. */
void child_stop(struct child *c);
/* SIGKILL for it and what it started; nothing for one that does not run. */
void child_kill(struct child *c);
/* True once, when it has ended: wait_status is set and pid is 0. Does not block. */
bool child_reap(struct child *c);
/* Whether it ended badly: a status other than 0, or a signal that we did not send. */
bool child_failed(const struct child *c);
/* Says how it ended: "failed with status 3", "was killed by signal 9 (Killed)", "ended". */
void child_how(const struct child *c, char *out, size_t n);

#endif
