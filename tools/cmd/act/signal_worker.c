/* SPDX-License-Identifier: MIT
 *
 * A worker's process is held by a pidfd (pidfd_open and pidfd_send_signal, which glibc has since
 * 2.36 only) before the broker is asked for it: what the broker names is then what is held.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "tools/cmd/act/signal_worker.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/text.h"

/* A worker as the broker knows it. */
struct target {
  const char *name;
  uint64_t id; /* 0: there is none of that name */
  uint64_t pid;
};

static bool note(struct observer *o, gaijin_body *b, void *user) {
  struct target *t = user;
  struct gaijin_value name, host, pid;
  if (!observe_value(o, b, "clients", &name) || !observe_value(o, b, "clients", &host) ||
      !observe_value(o, b, "clients", &pid))
    return false;
  if (name.type == GAIJIN_STRING && name.size == strlen(t->name) &&
      memcmp(name.bytes, t->name, name.size) == 0)
    *t = (struct target){t->name, host.integer, pid.integer};
  return true;
}

/* In the list of all, for which nobody needs a right. False after an error line. */
static bool look_up(struct observer *o, struct target *t) {
  struct observe_book book = {.what = "clients", .columns = 3, .row = note, .user = t};
  if (!observe_read(o, &book)) return false;
  if (t->id) return true;
  if (observe_must_know(o, t->name)) /* it has come meanwhile */
    tool_error("worker %s was not there a moment ago; ask again", t->name);
  return false;
}

/* Asks the broker, which refuses who may not act, and logs it. False after an error line. */
static bool ask(struct observer *o, const char *what, const char *name, struct target *t) {
  uint64_t id;
  gaijin_begin_request(o->g, &(struct gaijin_send){.op = GAIJIN_OP_ACT}, 2);
  gaijin_put_text(o->g, what);
  gaijin_put_text(o->g, name);
  if (!observe_send(o, what, &id)) return false;
  struct gaijin_value host, pid;
  gaijin_body *b = observe_await(o, what, id);
  bool good = b && observe_value(o, b, what, &host) && observe_value(o, b, what, &pid);
  if (good) *t = (struct target){name, host.integer, pid.integer};
  gaijin_body_free(b);
  return good;
}

/* Holds the process; -1 after an error line. */
static int hold(struct observer *o, const char *what, const char *name) {
  struct target first = {.name = name}, again;
  if (!look_up(o, &first)) return -1;
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
  if (!ask(o, what, name, &again)) {
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
