/* SPDX-License-Identifier: MIT
 *
 * Rings in memory that is shared with the broker (proto/ring/ring.h), instead of the socket. The
 * broker offers them when it likes; what it sends with that is checked. Each stream moves by
 * itself: the one to the broker behind the message that accepts, the one from it behind the message
 * that says so. From then on the socket carries knocks, and the end of the connection. When the
 * broker says that its stream is back on the socket, ours follows; then there are no rings, until
 * it offers some again.
 *
 * The program's loop waits for the socket, so whenever it may wait the broker is told to knock:
 * gaijin_dispatch and gaijin_poll leave with rings that sleep, unless the program has to call them
 * again anyway. In a fork there is no such memory, and none of these functions is called.
 */
#define _GNU_SOURCE /* MSG_CMSG_CLOEXEC */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client-lib/internal.h"
#include "client-lib/rings.h"
#include "proto/ring/map.h"

void gj_rings_init(gaijin *g, bool wanted) {
  g->rings = (struct carried){.wanted = wanted, .passed = -1};
}

static void close_passed(gaijin *g) {
  if (g->rings.passed >= 0) close(g->rings.passed);
  g->rings.passed = -1;
}

void gj_rings_drop(gaijin *g) {
  close_passed(g);
  /* In a fork other memory may be there by now. */
  if (g->rings.pair.page && !gj_is_fork(g)) ring_unmap(g->rings.pair.page);
  gj_rings_init(g, g->rings.wanted);
}

/* ---- The offer ---- */

ssize_t gj_rings_recv(gaijin *g, void *to, uint32_t room) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec v = {.iov_base = to, .iov_len = room};
  struct msghdr m = {.msg_iov = &v,
                     .msg_iovlen = 1,
                     .msg_control = &control,
                     .msg_controllen = sizeof control.bytes};
  ssize_t n = recvmsg(g->fd, &m, MSG_CMSG_CLOEXEC);
  struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
  if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) return n;
  /* There may be room for two, and a broken broker may send them: the last is kept. */
  for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
    close_passed(g);
    memcpy(&g->rings.passed, CMSG_DATA(c) + at, sizeof(int));
  }
  return n;
}

/* What comes next is on the socket, behind the knocks that are there. */
static const char *on_leave(struct carried *k) {
  if (!k->in || !k->out) return "its rings are not moved to";
  k->in = false;
  k->has_moved = k->leaves = k->answers = k->knocks = true;
  return NULL;
}

/* Without a descriptor, for which there was none left, or room for a mapping it stays as it is. */
static const char *on_offer(gaijin *g, uint64_t layout) {
  struct carried *k = &g->rings;
  void *map;
  if (!k->wanted || k->pair.page) return "it offers rings that were not asked for";
  if (layout == RING_LAYOUT && k->passed >= 0 && ring_map(k->passed, &map) == 0)
    rings_attach(&k->pair, map, RING_WORKER, NULL);
  close_passed(g);
  k->answers = true;
  return NULL;
}

const char *gj_rings_on_notice(gaijin *g, struct reader *r) {
  struct carried *k = &g->rings;
  uint64_t step, layout = 0;
  if (!reader_uint(r, &step)) return "not a step";
  if (step == RING_OFFERED) return reader_uint(r, &layout) ? on_offer(g, layout) : "no layout";
  if (step == RING_LEFT) return on_leave(k);
  if (step != RING_MOVED || k->leaves || !k->out || k->in) return "its rings are not moved to";
  k->in = k->has_moved = true;
  return NULL;
}

void gj_rings_answer(gaijin *g) {
  struct carried *k = &g->rings;
  enum ring_step step = k->leaves ? RING_LEFT : k->pair.page ? RING_MOVED : RING_REFUSED;
  assert(!g->writer.open && g->out_start == g->out.size);
  if (gj_write_ring(g, step)) return; /* the next time */
  k->answers = false;
  if (step != RING_REFUSED) k->end = g->out.size;
}

void gj_rings_answered(gaijin *g) {
  struct carried *k = &g->rings;
  k->end = 0;
  k->out = !k->leaves;
  if (k->out) return;
  ring_unmap(k->pair.page); /* the broker has it yet */
  k->pair = (struct rings){0};
  k->leaves = false;
}

/* ---- Bytes ---- */

/* A socket that is full of knocks needs no more. */
static void knock(gaijin *g) {
  ssize_t n = send(g->fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)n; /* of a broker that has gone the end is read */
}

uint32_t gj_rings_take(gaijin *g, void *to, uint32_t room) {
  bool is_due = false;
  uint32_t n = ring_take(&g->rings.pair, to, room, &is_due);
  if (is_due) knock(g);
  return n;
}

uint32_t gj_rings_put(gaijin *g, const void *bytes, uint32_t n) {
  struct rings *r = &g->rings.pair;
  uint32_t put = 0;
  do {
    put += ring_put(r, (const uint8_t *)bytes + put, n - put);
    if (ring_publish(r)) knock(g);
  } while (put < n && !r->is_broken && !ring_await_room(r));
  return put;
}

enum rings_heard gj_rings_hear(gaijin *g) {
  struct carried *k = &g->rings;
  ssize_t n = 0, knocks = 0;
  if (k->n_ahead > 0) return RINGS_QUIET; /* the ring is read to its end first */
  do
    n = recv(g->fd, k->ahead, sizeof k->ahead, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) return RINGS_ENDED;
  while (knocks < n && !k->ahead[knocks]) knocks++;
  if (knocks < n) {
    k->n_ahead = (uint32_t)(n - knocks);
    memmove(k->ahead, k->ahead + knocks, k->n_ahead);
  }
  ring_wake(&g->rings.pair); /* now that the socket is empty */
  return RINGS_QUIET;
}

uint32_t gj_rings_ahead(gaijin *g, void *to) {
  uint32_t n = g->rings.n_ahead;
  memcpy(to, g->rings.ahead, n);
  g->rings.n_ahead = 0;
  return n;
}

bool gj_rings_sleep(gaijin *g) { return ring_sleep(&g->rings.pair); }
