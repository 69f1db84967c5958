/* SPDX-License-Identifier: MIT
 *
 * Pairs of sockets whose bytes do not go through the kernel, and their readiness as epoll tells it:
 * a session makes thousands of calls for a few bytes each, and they took most of its time. Both
 * ends are real sockets, so whatever else is done to a descriptor is done to that; closed ones are
 * kept and given out again.
 *
 * They behave as Unix sockets of streams do, but are full sooner. There is one epoll instance; ends
 * are reported in the order of their descriptors, others when none of these has anything.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { FDS_MOST = 256, HOLDS = 32 << 10 };

static struct end {
  int peer;           /* -1: this is no such end, or the other one has been closed */
  bool open, no_more; /* no_more: what is in it is the last */
  bool is_closed;     /* the socket is there and nobody's */
  bool is_reset;      /* the other was closed with something unread */
  bool watched;
  struct epoll_event wanted;
  uint32_t at, size; /* of what is in it, in its ring */
} ends[FDS_MOST];
static uint8_t rings[FDS_MOST][HOLDS];
static int fds_end; /* no end has a descriptor from here on */

static uint8_t *ring_of(const struct end *e) { return rings[e - ends]; }

static struct end *end_of(int fd) {
  return fd >= 0 && fd < FDS_MOST && ends[fd].open ? &ends[fd] : NULL;
}

static struct end *other(const struct end *e) { return e->peer < 0 ? NULL : &ends[e->peer]; }

/* The first descriptor from `fd` on that was closed; fds_end if there is none. */
static int closed_from(int fd) {
  while (fd < fds_end && !ends[fd].is_closed) fd++;
  return fd;
}

void pairs_make(int fds[2]) {
  fds[0] = closed_from(0);
  fds[1] = closed_from(fds[0] + 1);
  if (fds[1] >= fds_end)
    FUZZ_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0,
                 "no pair of sockets");
  for (int i = 0; i < 2; i++) {
    FUZZ_REQUIRE(fds[i] < FDS_MOST, "too many descriptors");
    if (fds_end <= fds[i]) fds_end = fds[i] + 1;
    ends[fds[i]] = (struct end){.peer = fds[1 - i], .open = true};
  }
}

ssize_t send(int fd, const void *bytes, size_t n, int flags) {
  struct end *e = end_of(fd), *to;
  if (!e) return syscall(SYS_sendto, fd, bytes, n, flags, NULL, 0);
  to = other(e);
  if (!to || to->no_more) {
    errno = e->is_reset ? ECONNRESET : EPIPE;
    return -1;
  }
  if (n > HOLDS - to->size) n = HOLDS - to->size;
  if (n == 0) errno = EAGAIN;
  for (size_t i = 0; i < n;) {
    uint32_t start = (to->at + to->size) % HOLDS;
    size_t piece = n - i < HOLDS - start ? n - i : HOLDS - start;
    memcpy(ring_of(to) + start, (const uint8_t *)bytes + i, piece);
    to->size += (uint32_t)piece;
    i += piece;
  }
  return n == 0 ? -1 : (ssize_t)n;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
  ssize_t sum = 0, n;
  if (!end_of(fd)) return syscall(SYS_sendmsg, fd, m, flags);
  for (size_t i = 0; i < m->msg_iovlen; i++) {
    n = send(fd, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len, flags);
    if (n < 0) return sum > 0 ? sum : n;
    sum += n;
    if ((size_t)n < m->msg_iov[i].iov_len) break;
  }
  return sum;
}

ssize_t recv(int fd, void *bytes, size_t n, int flags) {
  struct end *e = end_of(fd);
  if (!e) return syscall(SYS_recvfrom, fd, bytes, n, flags, NULL, NULL);
  FUZZ_REQUIRE(!(flags & ~MSG_DONTWAIT), "recv with other flags");
  if (e->size == 0) {
    if (e->no_more && !e->is_reset) return 0;
    errno = e->is_reset ? ECONNRESET : EAGAIN;
    e->is_reset = false;
    return -1;
  }
  if (n > e->size) n = e->size;
  for (size_t i = 0; i < n;) {
    size_t piece = n - i < HOLDS - e->at ? n - i : HOLDS - e->at;
    memcpy((uint8_t *)bytes + i, ring_of(e) + e->at, piece);
    e->at = (e->at + (uint32_t)piece) % HOLDS;
    e->size -= (uint32_t)piece;
    i += piece;
  }
  return (ssize_t)n;
}

int shutdown(int fd, int how) {
  struct end *e = end_of(fd);
  if (!e) return (int)syscall(SYS_shutdown, fd, how);
  FUZZ_REQUIRE(how == SHUT_RDWR, "shutdown of one direction");
  e->no_more = true;
  if (other(e)) other(e)->no_more = true;
  return 0;
}

int close(int fd) {
  struct end *e = end_of(fd), *to;
  if (!e) return (int)syscall(SYS_close, fd);
  to = other(e);
  if (to) {
    to->peer = -1;
    to->no_more = true;
    to->is_reset = e->size > 0;
  }
  *e = (struct end){.peer = -1, .is_closed = true};
  return 0;
}

/* ---- Readiness ---- */

/* These are what libuv is to find. */
#pragma GCC visibility push(default)
int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int epoll_wait(int epoll, struct epoll_event *events, int most, int ms);
int epoll_pwait(int epoll, struct epoll_event *events, int most, int ms, const sigset_t *mask);
#pragma GCC visibility pop

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event) {
  struct end *e = end_of(fd);
  if (!e) return (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
  if (e->watched == (what == EPOLL_CTL_ADD)) {
    errno = e->watched ? EEXIST : ENOENT;
    return -1;
  }
  e->watched = what != EPOLL_CTL_DEL;
  if (e->watched) e->wanted = *event;
  return 0;
}

static uint32_t events_of(const struct end *e) {
  const struct end *to = other(e);
  uint32_t events = e->is_reset ? EPOLLERR : 0;
  if (e->size > 0) events |= EPOLLIN;
  if (e->no_more) events |= EPOLLIN | EPOLLRDHUP | EPOLLHUP;
  if (!to || to->size < HOLDS) events |= EPOLLOUT;
  return events & (e->wanted.events | EPOLLERR | EPOLLHUP);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int ms) {
  int n = 0;
  for (int fd = 0; fd < fds_end && n < most; fd++) {
    if (!ends[fd].watched || !events_of(&ends[fd])) continue;
    events[n] = ends[fd].wanted;
    events[n++].events = events_of(&ends[fd]);
  }
  return n ? n : (int)syscall(SYS_epoll_wait, epoll, events, most, ms);
}

int epoll_pwait(int epoll, struct epoll_event *events, int most, int ms, const sigset_t *mask) {
  FUZZ_REQUIRE(!mask, "epoll_pwait with a mask");
  return epoll_wait(epoll, events, most, ms);
}
