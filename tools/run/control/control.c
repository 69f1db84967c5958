/* SPDX-License-Identifier: MIT
 *
 * The socket's path is ours as long as we have the lock beside it, so that what a killed supervisor
 * left can be removed without asking. Requests are caller.c's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* struct ucred */
#endif
#include "tools/run/control/control.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/clock.h"
#include "tools/base/text.h"
#include "tools/run/control/address.h"
#include "tools/run/control/caller.h"
#include "tools/run/control/lock.h"

enum { BACKLOG = 128, ORPHAN_MS = 10 };

struct control {
  struct run *run;
  uv_pipe_t listener;
  struct callers callers;
  struct sockaddr_un address;
  char *lock_path;
  int lock;
  pid_t noted; /* the broker that the lock says is ours */
};

/* To be freed. */
static char *lock_path(const struct sockaddr_un *address) {
  struct text path = {0};
  text_print(&path, "%s.lock", address->sun_path);
  return path.bytes;
}

static bool take_lock(struct control *c) {
  c->lock_path = lock_path(&c->address);
  c->lock = lock_take(c->lock_path);
  if (c->lock >= 0) {
    lock_note(c->lock, c->run->broker.pid);
    c->noted = c->run->broker.pid;
    return true;
  }
  if (errno == EBUSY)
    tool_error("run: another supervisor is asked at %s; this one cannot be",
               c->address.sun_path);
  else
    tool_error("run: cannot be asked: %s: %s", c->lock_path, strerror(errno));
  return false;
}

/* Whether who connected may ask: our user, and root. */
static bool may_ask(uv_pipe_t *p) {
  struct ucred who;
  socklen_t n = sizeof who;
  int fd;
  return uv_fileno((uv_handle_t *)p, &fd) == 0 &&
         getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 &&
         (who.uid == geteuid() || who.uid == 0);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct control *c = listener->data;
  if (status < 0) return;
  struct caller *caller = caller_new(&c->callers, c->run);
  uv_pipe_t *p = caller_pipe(caller);
  if (uv_accept(listener, (uv_stream_t *)p) != 0 || !may_ask(p))
    caller_close(caller);
  else
    caller_begin(caller);
}

/* The path is ours, a file of somebody's that is called so is not. */
static void remove_socket(const struct control *c) {
  struct stat st;
  if (lstat(c->address.sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) unlink(c->address.sun_path);
}

static bool listen_on(struct control *c) {
  remove_socket(c);
  /* Nobody else's from the beginning on. */
  mode_t mask = umask(0177);
  int e = uv_pipe_bind(&c->listener, c->address.sun_path);
  umask(mask);
  if (e == 0) e = uv_listen((uv_stream_t *)&c->listener, BACKLOG, on_connection);
  if (e) tool_error("run: cannot be asked at %s: %s", c->address.sun_path, uv_strerror(e));
  return e == 0;
}

struct control *control_begin(struct run *r) {
  struct control *c = tool_alloc(1, sizeof *c);
  c->run = r;
  c->lock = -1;
  uv_pipe_init(&r->loop, &c->listener, 0);
  c->listener.data = c;
  if (!address_of(&c->address, r->plan->socket))
    tool_error("run: cannot be asked: the path %s leaves no room for a socket beside it",
               r->plan->socket);
  else if (take_lock(c) && listen_on(c))
    return c;
  control_end(c);
  return NULL;
}

static void on_closed(uv_handle_t *h) { free(h->data); }

void control_end(struct control *c) {
  if (!c) return;
  callers_close(&c->callers);
  /* Which removes the path at once, whosever it is: so before the lock is another's. */
  uv_close((uv_handle_t *)&c->listener, on_closed);
  if (c->lock >= 0) lock_give(c->lock, c->lock_path);
  free(c->lock_path);
}

void control_await_orphan(const char *socket) {
  struct sockaddr_un address;
  pid_t broker = 0;
  if (!address_of(&address, socket)) return;
  char *path = lock_path(&address);
  double end = clock_seconds() + PLAN_GRACE_SECONDS;
  while ((broker = lock_orphan(path)) && clock_seconds() < end) poll(NULL, 0, ORPHAN_MS);
  if (broker)
    tool_error("run: process %ld, the broker of a supervisor that was killed, does not end",
               (long)broker);
  free(path);
}

void control_changed(struct control *c) {
  if (!c) return;
  if (c->noted != c->run->broker.pid) lock_note(c->lock, c->run->broker.pid);
  c->noted = c->run->broker.pid;
  callers_changed(&c->callers);
}

void control_forget(struct control *c, const struct worker *w) {
  if (c) callers_forget(&c->callers, w);
}

void control_line(struct control *c, const struct worker *w, const char *line, size_t size) {
  if (c) callers_line(&c->callers, w, line, size);
}
