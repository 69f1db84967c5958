/* SPDX-License-Identifier: MIT
 *
 * The thread ends when nobody can write to the pipe any more. A child that outlives us may keep it
 * open: then the thread is left alone, with all of this, which it frees if it ends after all.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ, pthread_clockjoin_np */
#endif
#include "tools/run/output/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/text.h"
#include "tools/base/thread.h"

struct relay {
  int fd, to, from; /* written to; where that goes in the end; our end of the pipe */
  int other, other_to; /* a second one that is written to, -1: none; and what it was */
  pthread_t thread;
  atomic_int fault; /* an errno: what was read last could not be written on */
  atomic_bool is_left; /* by the thread, or by who has waited long enough for its end */
};

/* Also where somebody has made the descriptor one that does not block. */
static int write_all(int fd, const char *bytes, size_t size) {
  while (size) {
    ssize_t n = write(fd, bytes, size);
    if (n >= 0) {
      bytes += n;
      size -= (size_t)n;
    } else if (errno == EAGAIN) {
      poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

static void relay_free(struct relay *r) {
  close(r->from);
  close(r->to);
  free(r);
}

static void *pass_on(void *arg) {
  struct relay *r = arg;
  char buffer[1 << 16];
  ssize_t n;
  while ((n = read(r->from, buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR))
    if (n > 0) atomic_store(&r->fault, write_all(r->to, buffer, (size_t)n));
  if (atomic_exchange(&r->is_left, true)) relay_free(r);
  return NULL;
}

/* The pipe takes the place of the descriptor. 0 or an errno. */
static int put_between(struct relay *r, int write_end) {
  if (fcntl(write_end, F_SETFL, O_NONBLOCK) != 0) return errno;
  fcntl(write_end, F_SETPIPE_SZ, RELAY_ROOM); /* less will do */
  r->to = fcntl(r->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (r->to < 0) return errno;
  int e = thread_begin(&r->thread, pass_on, r);
  if (e) return e;
  while (dup2(write_end, r->fd) < 0 && (errno == EINTR || errno == EBUSY)) continue;
  return 0;
}

struct relay *relay_begin(int fd) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return NULL;
  struct relay *r = tool_alloc(1, sizeof *r);
  *r = (struct relay){.fd = fd, .to = -1, .from = ends[0], .other = -1};
  int e = put_between(r, ends[1]);
  close(ends[1]);
  if (!e) return r;
  close(r->from);
  if (r->to >= 0) close(r->to);
  free(r);
  errno = e;
  return NULL;
}

bool relay_share(struct relay *r, int fd) {
  struct stat own, other;
  if (!r || r->other >= 0 || fstat(r->to, &own) != 0 || fstat(fd, &other) != 0 ||
      own.st_dev != other.st_dev || own.st_ino != other.st_ino)
    return false;
  r->other_to = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (r->other_to < 0) return false;
  while (dup2(r->fd, fd) < 0 && (errno == EINTR || errno == EBUSY)) continue;
  r->other = fd;
  return true;
}

int relay_fault(const struct relay *r) { return r ? atomic_load(&r->fault) : 0; }

void relay_end(struct relay *r) {
  struct timespec end;
  if (!r) return;
  if (r->other >= 0) {
    dup2(r->other_to, r->other);
    close(r->other_to);
  }
  dup2(r->to, r->fd); /* the last one who could write, but for children: the thread ends */
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += RELAY_END_MS / 1000;
  if (pthread_clockjoin_np(r->thread, NULL, CLOCK_MONOTONIC, &end) != 0) {
    pthread_detach(r->thread);
    if (!atomic_exchange(&r->is_left, true)) return;
  }
  relay_free(r);
}
