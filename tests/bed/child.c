/* SPDX-License-Identifier: MIT
 *
 * Processes of a test: see child.h.
 */
#define _GNU_SOURCE
#include "tests/bed/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs in the child; only returns by ending it. */
static void become(char *const argv[], const char *variable, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127); /* it died before the line above */
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) _exit(127);
  (void)close_range(3, ~0u, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  char *copy = variable ? strdup(variable) : NULL;
  if (copy) putenv(copy);
  execv(argv[0], argv);
  dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

bool child_start(struct child *c, const char *name, char *const argv[], const char *variable) {
  *c = (struct child){.output = -1};
  snprintf(c->name, sizeof c->name, "%s", name);
  int output = memfd_create(c->name, MFD_CLOEXEC);
  if (output < 0) return false;
  pid_t parent = getpid();
  c->pid = fork();
  if (c->pid == 0) become(argv, variable, output, parent);
  if (c->pid < 0) {
    c->pid = 0;
    close(output);
    return false;
  }
  c->output = output;
  return true;
}

bool child_ended(struct child *c) {
  if (!c->ended && c->pid > 0 && waitpid(c->pid, &c->status, WNOHANG) == c->pid) c->ended = true;
  return c->ended;
}

void child_signal(struct child *c, int signal_number) {
  if (c->pid > 0 && !child_ended(c)) kill(c->pid, signal_number);
}

char *child_output(const struct child *c) {
  struct stat st = {0};
  if (c->output < 0 || fstat(c->output, &st) != 0) return strdup("");
  char *text = malloc((size_t)st.st_size + 1);
  if (!text) return NULL;
  ssize_t n = pread(c->output, text, (size_t)st.st_size, 0);
  text[n > 0 ? n : 0] = '\0';
  return text;
}

void child_free(struct child *c) {
  if (c->pid <= 0) return;
  if (!child_ended(c)) {
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR) continue;
  }
  close(c->output);
  *c = (struct child){.output = -1};
}

char *child_describe(const struct child *c, char *out, size_t n) {
  if (!c->ended) {
    snprintf(out, n, "runs");
  } else if (WIFSIGNALED(c->status)) {
    snprintf(out, n, "was killed by signal %d (%s)", WTERMSIG(c->status), strsignal(WTERMSIG(c->status)));
  } else {
    snprintf(out, n, "ended with status %d", WEXITSTATUS(c->status));
  }
  return out;
}
