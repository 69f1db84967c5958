/* SPDX-License-Identifier: MIT
 *
 * The socket clients connect to. The path belongs to whoever holds the lock on
 * PATH.lock: a stale socket is replaced, a living broker's is not, and what is no
 * socket is never removed.
 */
#ifndef GAIJIN_BROKER_LISTENER_H
#define GAIJIN_BROKER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "broker/base/log.h"
#include "broker/net/access.h"

/* A connection has come: its descriptor, non-blocking and closed on exec, is the callee's. */
typedef void (*listener_fn)(void *user, int fd);

struct listener {
  char path[108], lock_path[116];
  int fd, lock_fd; /* -1: closed */
  int spare_fd;    /* given up for a moment to refuse a client when there are no descriptors left */
  struct access access; /* who may connect */
  dev_t device;    /* of the socket file, to know it again */
  ino_t inode;
  struct log *log;
  const void *parting; /* what one is sent that is refused; the caller's. NULL: nothing */
  uint32_t parting_size;
  listener_fn accepted;
  void *user;
  uv_poll_t poll;
  uv_timer_t pause; /* runs while nobody is accepted, for lack of descriptors */
  bool polling;     /* poll and pause are initialised */
};

/* Looks at the directory, takes the lock, and removes a dead socket: the path, and what is beside
 * it, are this process's now. 0; or -1 and one clear line in `error` (n bytes); nothing stays
 * behind then, but a directory that was made. */
int listener_lock(struct listener *l, const char *path, const struct access *access, char *error,
                  size_t n);
/* After listener_lock: binds and listens. The same. */
int listener_listen(struct listener *l, char *error, size_t n);
/* In the place of the two for a socket that listens at `path` already (activation.h), whose file is
 * another's: takes the lock, and the descriptor. Closing leaves the file where it is. The same; on
 * a failure the descriptor stays the caller's. */
int listener_adopt(struct listener *l, int fd, const char *path, const struct access *access,
                   char *error, size_t n);
/* Has the loop accept connections from now on; `accepted` is called for each. 0, or libuv's error;
 * listener_close is due then, too. */
int listener_start(struct listener *l, uv_loop_t *loop, struct log *log,
                   listener_fn accepted, void *user);
/* Unlinks the socket and the lock; the loop lets go of the struct when it runs next. A listener
 * that is not open is fine. */
void listener_close(struct listener *l);

/* The next connection, non-blocking and closed on exec: its descriptor, or a negative errno.
 * -EAGAIN: none waits. -EMFILE, -ENFILE: the connection was refused for lack of descriptors. */
int listener_accept(struct listener *l);

#endif
