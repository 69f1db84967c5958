/* SPDX-License-Identifier: MIT
 *
 * pidfd_open and pidfd_send_signal, which glibc has since 2.36 only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "tools/cmd/signal_worker.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/text.h"

/* A worker as the broker knows it. */
struct target {
  uint64_t id;
  uint64_t pid;
};

/* Asks the broker, which refuses who may not act. False after an error line. */
static bool find(struct observer *o, const char *what, const char *name, struct target *t) {
  uint64_t id;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_ACT}, 2);
  gaijin_put_text(o->g, what);
  gaijin_put_text(o->g, name);
  if (!observe_send(o, what, &id)) return false;
  struct gaijin_value host, pid;
  gaijin_body *b = observe_await(o, what, id);
  bool good = b && observe_value(o, b, what, &host) && observe_value(o, b, what, &pid);
  if (good) *t = (struct target){host.integer, pid.integer};
  gaijin_body_free(b);
  return good;
}

/* Holds the process; -1 after an error line. */
static int hold(struct observer *o, const char *what, const char *name) {
  struct target first, again;
  if (!find(o, what, name, &first)) return -1;
  if (first.pid == 0) {
    tool_error("%s: the process of worker %s is in a name space that the broker does not see", what,
               name);
    return -1;
  }
  int fd = (int)syscall(SYS_pidfd_open, (pid_t)first.pid, 0);
  if (fd < 0) {
    tool_error("%s: cannot reach process %llu of worker %s: %s", what,
               (unsigned long long)first.pid, name, strerror(errno));
    return -1;
  }
  if (!find(o, what, name, &again)) {
    close(fd);
    return -1;
  }
  if (again.id == first.id && again.pid == first.pid) return fd;
  tool_error("%s: worker %s has ended and another has its name; nothing was done", what, name);
  close(fd);
  return -1;
}

/* Whether it ends in time. */
static bool await_end(int fd, double seconds) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  return poll(&p, 1, (int)ceil(fmin(seconds, 1e6) * 1000)) == 1;
}

static bool send_and_wait(int fd, const char *what, const char *name, int signal, double seconds) {
  if (syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) != 0)
    tool_error("%s: worker %s: %s", what, name, strerror(errno));
  else if (!await_end(fd, seconds))
    tool_error("%s: worker %s has not ended in %g s", what, name, seconds);
  else
    return true;
  return false;
}

int signal_worker(const struct invocation *in, const char *what, int signal) {
  struct observer o;
  const char *name = in->words[0];
  int fd = observe_open(&o, in) ? hold(&o, what, name) : -1;
  bool good = fd >= 0 && send_and_wait(fd, what, name, signal,
                                       observe_timeout(in));
  if (fd >= 0) close(fd);
  return observe_close(&o, good);
}
