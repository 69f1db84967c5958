/* SPDX-License-Identifier: MIT
 *
 * Attacks through memory that an attacker shares with the broker (broker/net/lanes.h). The worker that the victim calls has
 * such memory, too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/ring/map.h"
#include "proto/ring/ring.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

struct ringed {
  struct raw r;
  void *map; /* NULL: none */
  struct rings pair;
};

static void count(struct attacker *a, unsigned n) { atomic_fetch_add(&a->sent, n); }

static bool knock(const struct ringed *x) {
  return send(x->r.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 || errno == EAGAIN;
}

/* ---- The way there ---- */

/* Reads what is there; *fd gets a descriptor that comes with it. */
static bool receive(struct raw *r, int *fd) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  uint32_t room;
  struct pollfd p = {.fd = r->fd, .events = POLLIN};
  struct iovec v = {.iov_base = frame_room(&r->in, 4096, &room), .iov_len = 4096};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
  poll(&p, 1, -1);
  ssize_t n = recvmsg(r->fd, &m, MSG_CMSG_CLOEXEC);
  if (n > 0) frame_filled(&r->in, (uint32_t)n);
  if (n > 0 && CMSG_FIRSTHDR(&m)) memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof *fd);
  return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Reads up to a notice `ring` of this step, on the socket. */
static bool await_step(struct raw *r, enum ring_step step, int *fd) {
  uint8_t *bytes;
  uint32_t size, values;
  uint64_t told;
  for (;;) {
    while (r->in.start < r->in.in.size && !r->in.in.bytes[r->in.start]) r->in.start++; /* knocks */
    if (frame_next(&r->in, &bytes, &size) != FRAME_MESSAGE) {
      if (!receive(r, fd)) return false;
      continue;
    }
    if (message_parse(bytes, size, &r->m) != NULL) return false;
    if (r->m.op == OP_ring && reader_open(&r->r, r->m.body, r->m.body_size, &values) && reader_uint(&r->r, &told) && told == step)
      return true;
  }
}

static void put_step(struct raw *r, enum ring_step step) {
  pack_uint(raw_begin(r, MESSAGE_NOTICE, OP_ring, 0, 1), step);
  raw_end(r);
}

/* Takes the next offer. */
static bool move(struct ringed *x) {
  int fd = -1;
  if (!await_step(&x->r, RING_OFFERED, &fd) || fd < 0) return false;
  int mapped = ring_map(fd, &x->map);
  close(fd);
  if (mapped < 0) return false;
  rings_attach(&x->pair, x->map, RING_WORKER, NULL);
  put_step(&x->r, RING_MOVED);
  return raw_push(&x->r, -1) && await_step(&x->r, RING_MOVED, &fd);
}

static bool greet(struct attacker *a, struct ringed *x) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = WIRE_VERSION_MOST, .name = a->name,
                            .name_size = (uint32_t)strlen(a->name)};
  *x = (struct ringed){.map = NULL};
  if (!raw_connect(&x->r, a->socket)) return false;
  x->r.last_id = 1;
  hello_put_request(raw_begin(&x->r, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(1)), &h, 1);
  pack_text(&x->r.p, RING_KEY);
  pack_uint(&x->r.p, RING_LAYOUT);
  raw_end(&x->r);
  return raw_push(&x->r, -1);
}

static bool join(struct attacker *a, struct ringed *x) {
  bool on = greet(a, x) && move(x);
  a->ready = a->ready || on;
  return on;
}

static void leave(struct ringed *x) {
  if (x->map) ring_unmap(x->map);
  raw_close(&x->r);
  usleep(1000); /* it comes again, but does no more than that */
}

static bool is_over(const struct ringed *x) {
  struct pollfd p = {.fd = x->r.fd, .events = 0};
  return x->r.fd < 0 || poll(&p, 1, 0) != 0;
}

/* Messages from r.out into the ring, as far as there is room. What was put it knocks of. */
static void put(struct ringed *x) {
  x->r.sent += ring_put(&x->pair, x->r.out.bytes + x->r.sent, x->r.out.size - x->r.sent);
  if (x->r.sent == x->r.out.size) x->r.sent = x->r.out.size = 0;
  if (ring_publish(&x->pair)) knock(x);
}

static void put_pings(struct attacker *a, struct ringed *x, unsigned n) {
  if (x->r.out.size == 0) {
    for (unsigned i = 0; i < n; i++) {
      raw_ask(&x->r, OP_ping, NULL, NULL, 0, 0);
      raw_end(&x->r);
    }
    count(a, n);
  }
  put(x);
}

/* ---- Attacks ---- */

/* Counters, flags and bytes, as they come. */
static void scribble(struct attacker *a) {
  struct ringed x;
  if (join(a, &x)) {
    uint32_t *page = x.map, *bytes = (uint32_t *)((uint8_t *)x.map + RING_PAGE_BYTES);
    for (uint32_t i = a->index; !is_over(&x); i++) {
      for (uint32_t k = 0; k < 64; k++) bytes[(i * 64 + k) % (2 * RING_BYTES / 4)] = (uint32_t)random();
      if (i % 16 == 0) page[random() % 160] = i % 32 == 0 ? (uint32_t)random() : (uint32_t)random() % RING_BYTES;
      knock(&x);
      count(a, 1);
    }
  }
  leave(&x);
}

static void knock_without_end(struct attacker *a) {
  static const char many[4096];
  struct ringed x;
  bool on = join(a, &x);
  while (on) {
    ssize_t n = send(x.r.fd, many, sizeof many, MSG_NOSIGNAL | MSG_DONTWAIT);
    on = n > 0 || errno == EAGAIN;
    if (n > 0) count(a, (unsigned)n);
    if (n < 0 && on) poll(&(struct pollfd){.fd = x.r.fd, .events = POLLOUT}, 1, -1);
  }
  leave(&x);
}

/* It asks, and takes nothing. */
static void take_nothing(struct attacker *a) {
  struct ringed x;
  bool on = join(a, &x);
  while (on && !is_over(&x)) put_pings(a, &x, 100);
  leave(&x);
}

/* It takes some bytes at a time, and says so each time. */
static void drip(struct attacker *a) {
  struct ringed x;
  char some[3];
  bool on = join(a, &x), is_due;
  while (on && !is_over(&x)) {
    put_pings(a, &x, 100);
    ring_take(&x.pair, some, sizeof some, &is_due);
    on = knock(&x);
  }
  leave(&x);
}

/* It always wants to be knocked at, and never reads that. */
static void want_knocks(struct attacker *a) {
  static char all[RING_BYTES];
  struct ringed x;
  bool on = join(a, &x), is_due;
  while (on && !is_over(&x)) {
    atomic_store(&x.pair.in->sleeping, 1);
    atomic_store(&x.pair.out->full, 1);
    put_pings(a, &x, 20);
    ring_take(&x.pair, all, sizeof all, &is_due);
  }
  leave(&x);
}

/* It is busy until it has rings, and idle until it has none. */
static bool flap(struct attacker *a, struct ringed *x) {
  uint8_t *bytes;
  uint32_t size, room;
  bool is_due = false;
  for (int i = 0; i < 600; i++) {
    raw_ask(&x->r, OP_ping, NULL, NULL, 0, 0);
    raw_end(&x->r);
  }
  if (!raw_push(&x->r, -1) || !move(x)) return false;
  a->ready = true;
  do { /* up to the broker's last message there */
    if (is_over(x)) return false;
    while (ring_sleep(&x->pair) && !is_over(x)) usleep(200); /* nobody is told to leave who does not sleep */
    ring_wake(&x->pair);
    uint8_t *to = frame_room(&x->r.in, 4096, &room);
    frame_filled(&x->r.in, ring_take(&x->pair, to, room, &is_due));
    do
      if (frame_next(&x->r.in, &bytes, &size) != FRAME_MESSAGE) break;
    while (message_parse(bytes, size, &x->r.m) == NULL && x->r.m.op != OP_ring);
  } while (x->r.m.op != OP_ring || x->r.m.body_size == 0);
  put_step(&x->r, RING_LEFT);
  put(x);
  knock(x);
  ring_unmap(x->map);
  x->map = NULL;
  x->r.m.op = OP_ping;
  count(a, 1);
  return true;
}
static void flap_on(struct attacker *a) {
  struct ringed x;
  for (bool on = greet(a, &x) && raw_answer(&x.r); on;) on = flap(a, &x);
  leave(&x);
}

static const char *const at_once[] = {"--transport", "shm", NULL};
static const char *const as_due[] = {"--transport", "auto", "--rings-idle", "0.01", NULL};

const struct hostile_case hostile_on_rings[] = {
    {.name = "ring-scribble",
     .text = "random counters, flags and bytes in shared memory",
     .before = "-",
     .attack = scribble,
     .attackers = 2,
     .broker_flags = at_once,
     .sent_least = 100,
     .named = "it broke the protocol"},
    {.name = "ring-knocks",
     .text = "knocks without end",
     .before = "-",
     .attack = knock_without_end,
     .attackers = 4,
     .broker_flags = at_once,
     .sent_least = 10000},
    {.name = "ring-untaken",
     .text = "questions in shared memory, whose answers nobody takes",
     .before = "-",
     .attack = take_nothing,
     .attackers = 4,
     .broker_flags = at_once,
     .sent_least = 1000},
    {.name = "ring-drips",
     .text = "answers are taken three bytes at a time",
     .before = "-",
     .attack = drip,
     .attackers = 4,
     .broker_flags = at_once,
     .sent_least = 100},
    {.name = "ring-wakes",
     .text = "who never sleeps wants to be woken with each answer",
     .before = "-",
     .attack = want_knocks,
     .attackers = 4,
     .broker_flags = at_once,
     .sent_least = 1000},
    {.name = "ring-flaps",
     .text = "busy, idle, busy: in and out of shared memory",
     .before = "-",
     .attack = flap_on,
     .attackers = 2,
     .broker_flags = as_due,
     .sent_least = 10},
    {.name = NULL},
};
