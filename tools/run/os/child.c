/* SPDX-License-Identifier: MIT
 *
 * fork and exec by hand, because the parent-death signal has to be asked for
 * between the two. Signals are blocked around fork: a handler of the loop that
 * ran in the child would write into the parent's signal pipe.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "tools/run/os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The default actions again; an ignored or blocked signal would be inherited. */
static void reset_signals(void) {
  static const int used[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGPIPE,
                             SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU};
  for (size_t i = 0; i < sizeof used / sizeof used[0]; i++) signal(used[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/* dup2 clears close-on-exec, except when both are the same. */
static int place(int fd, int at) {
  if (fd < 0) return 0;
  return fd == at ? fcntl(fd, F_SETFD, 0) : dup2(fd, at);
}

/* Where it works, and its environment: what is said of it first, then what is ours. */
static bool surround(const struct child_options *o) {
  for (char *const *e = o->env; e && *e; e++)
    if (putenv(*e) != 0) return false;
  return unsetenv("NOTIFY_SOCKET") == 0 && setenv("GAIJIN_SOCKET", o->socket, 1) == 0 &&
         (!o->directory || chdir(o->directory) == 0);
}

/* In the child. Tells an errno through `report` and never returns. */
static _Noreturn void become(const struct child_options *o, pid_t parent, int report) {
  reset_signals();
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, o->death_signal) == 0 && null >= 0 &&
      place(null, 0) >= 0 && place(o->out, 1) >= 0 && place(o->err, 2) >= 0 &&
      surround(o)) {
    /* The parent may have died before the kernel was told. */
    if (getppid() != parent) _exit(1);
    execv(o->argv[0], o->argv);
  }
  int e = errno;
  if (write(report, &e, sizeof e) != (ssize_t)sizeof e) _exit(126);
  _exit(127);
}

int child_start(struct child *c, const struct child_options *o) {
  *c = (struct child){0};
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) become(o, parent, report[1]);
  int e = pid < 0 ? errno : 0;
  sigprocmask(SIG_SETMASK, &old, NULL);
  close(report[1]);
  if (pid > 0) {
    setpgid(pid, pid); /* both do it: who comes first does not matter */
    ssize_t n;
    do n = read(report[0], &e, sizeof e);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof e) {
      e = 0;
      c->pid = pid;
    } else {
      while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
    }
  }
  close(report[0]);
  return e;
}

void child_stop(struct child *c) {
  if (c->pid == 0 || c->termed) return;
  c->termed = true;
  kill(c->pid, SIGTERM);
}

void child_kill(struct child *c) {
  if (c->pid == 0) return;
  c->killed = true;
  kill(-c->pid, SIGKILL);
}

bool child_reap(struct child *c) {
  if (c->pid == 0) return false;
  int status = 0;
  pid_t r = waitpid(c->pid, &status, WNOHANG);
  if (r == 0 || (r < 0 && errno == EINTR)) return false;
  /* Somebody else reaped it: how it ended is not known, and must not look well. */
  c->wait_status = r < 0 ? 0xff00 : status;
  c->pid = 0;
  return true;
}

bool child_failed(const struct child *c) {
  if (WIFEXITED(c->wait_status)) return WEXITSTATUS(c->wait_status) != 0;
  int sig = WTERMSIG(c->wait_status);
  return !((sig == SIGTERM && c->termed) || (sig == SIGKILL && c->killed));
}

void child_how(const struct child *c, char *out, size_t n) {
  int status = c->wait_status;
  if (!WIFEXITED(status))
    snprintf(out, n, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
  else if (WEXITSTATUS(status))
    snprintf(out, n, "failed with status %d", WEXITSTATUS(status));
  else
    snprintf(out, n, "ended");
}
