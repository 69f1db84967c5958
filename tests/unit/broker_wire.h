/* SPDX-License-Identifier: MIT
 *
 * A whole broker inside the test, spoken to with single messages over sockets.
 * Broker and clients share one thread: what a client has sent is there when the
 * loop is turned next, so no test waits for time. After each turn all invariants
 * of the broker are checked.
 *
 *   struct wire w = {0};          struct end a = ...
 *   wire_open(&w, NULL);          wire_join(&w, &a, "shop");
 *   wire_begin(&a, MESSAGE_REQUEST, OP_ping, 1, 0); wire_send(&w, &a);
 *   wire_expect(&w, &a, MESSAGE_REPLY, OP_ping);    a.m is the message
 */
#ifndef GAIJIN_TESTS_BROKER_WIRE_H
#define GAIJIN_TESTS_BROKER_WIRE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/late.h"
#include "broker/broker.h"
#include "broker/check.h"
#include "broker/net/client.h"
#include "proto/body.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/status.h"
#include "tests/unit/run.h"

struct wire {
  uv_loop_t loop;
  struct broker broker;
  char dir[RUN_PATH], path[96];
};

/* One client. Zero it before wire_join or wire_connect. */
struct end {
  int fd;
  uint64_t host, last_id;
  struct frame in;
  struct message m; /* the one read last; valid until the next is read */
  struct buffer out;
  struct pack p;
  struct reader r; /* on m's body */
};

enum { WIRE_TURNS = 2000 };

/* What tests change some settings of. */
static inline struct broker_config wire_config(void) {
  return (struct broker_config){.load_min = 100,
                                .load_gain = 1.4,
                                .weight_min = 32u << 20,
                                .max_message = 1 << 20,
                                .most = {.most = {[ACCOUNT_BYTES] = 64u << 20,
                                                  [ACCOUNT_REQUESTS] = 100000,
                                                  [ACCOUNT_WAITS] = 10000,
                                                  [ACCOUNT_EXPORTED] = 1000000,
                                                  [ACCOUNT_HELD] = 2000000,
                                                  [ACCOUNT_NAMES] = 4000,
                                                  [ACCOUNT_CONNECTIONS] = 4000},
                                         .users = 16,
                                         .memory = 256u << 20},
                                .limits = {30000, 60000},
                                .return_grace_ms = 3600000, /* as long as a test lasts */
                                .window = {UINT32_MAX, UINT32_MAX}, /* many tests flood */
                                .log_level = LOG_ERROR};
}

/* config: NULL for wire_config(). */
static inline void wire_open(struct wire *w, const struct broker_config *config) {
  char error[512];
  struct broker_config c = config ? *config : wire_config();
  ck_assert_ptr_nonnull(run_directory(w->dir));
  snprintf(w->path, sizeof w->path, "%s/s", w->dir);
  c.socket = w->path;
  ck_assert_int_eq(uv_loop_init(&w->loop), 0);
  ck_assert_msg(broker_start(&w->broker, &w->loop, &c, error, sizeof error) == 0, "%s", error);
}

/* Who rests (base/work.h) does so for this turn: time is not waited for. Unless a test has set the
 * timer to another time. */
static inline void wire_turn(struct wire *w) {
  uv_timer_t *rested = &w->broker.work.rested;
  if (w->broker.work.first_resting && uv_timer_get_due_in(rested) <= WORK_REST_MS)
    uv_timer_start(rested, rested->timer_cb, 0, 0);
  uv_run(&w->loop, UV_RUN_NOWAIT);
  broker_end_turn(&w->broker); /* the loop would do it next, before it waits */
  const char *fault = broker_check(&w->broker);
  ck_assert_msg(!fault, "%s", fault);
}

/* Also checks that the broker has left nothing behind, in the loop or on disk. */
static inline void wire_close(struct wire *w) {
  broker_stop(&w->broker);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  broker_deinit(&w->broker);
  ck_assert_int_eq(uv_loop_close(&w->loop), 0);
  ck_assert_int_eq(rmdir(w->dir), 0);
}

static inline void wire_connect(struct wire *w, struct end *e) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  memcpy(a.sun_path, w->path, strlen(w->path) + 1);
  e->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  ck_assert_int_eq(connect(e->fd, (struct sockaddr *)&a, sizeof a), 0);
  frame_init(&e->in, 1 << 30);
  buffer_init(&e->out, UINT32_MAX);
}

static inline void wire_leave(struct end *e) {
  if (e->fd >= 0) close(e->fd);
  e->fd = -1;
  frame_deinit(&e->in);
  buffer_deinit(&e->out);
}

/* Writes bytes, turning the loop when the socket is full. */
static inline void wire_bytes(struct wire *w, struct end *e, const void *bytes, size_t n) {
  const char *p = bytes;
  for (int turns = 0; n > 0; turns++) {
    ck_assert_int_lt(turns, WIRE_TURNS);
    ssize_t sent = send(e->fd, p, n, MSG_NOSIGNAL);
    if (sent < 0) ck_assert_int_eq(errno, EAGAIN);
    if (sent > 0) {
      p += sent;
      n -= (size_t)sent;
    }
    wire_turn(w);
  }
}

/* Starts a message with `count` values; write them with &e->p. Messages begun one after the other
 * are sent together. */
static inline struct pack *wire_begin_to(struct end *e, const struct message *header,
                                         uint32_t count) {
  pack_begin(&e->p, &e->out, 1 << 30, header, count);
  return &e->p;
}
static inline struct pack *wire_begin(struct end *e, enum message_kind kind, enum op op,
                                      uint64_t id, uint32_t count) {
  struct message h = {.kind = kind, .op = op, .id = id, .target = OP_NONE};
  return wire_begin_to(e, &h, count);
}
/* A request to a name or an object, with an id of its own (e->last_id). */
static inline struct pack *wire_ask(struct end *e, enum op op, const char *name,
                                    const struct pt *pt, uint32_t count) {
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = op,
                      .id = ++e->last_id,
                      .depth = 1,
                      .target = name ? OP_NAME : pt ? OP_PT : OP_NONE};
  if (name) {
    h.name = name;
    h.name_size = (uint8_t)strlen(name);
  }
  if (pt) h.pt = *pt;
  return wire_begin_to(e, &h, count);
}
static inline void wire_end(struct end *e) { ck_assert_int_eq(pack_end(&e->p), BUFFER_OK); }
static inline void wire_flush(struct wire *w, struct end *e) {
  wire_bytes(w, e, e->out.bytes, e->out.size);
  e->out.size = 0;
}
static inline void wire_send(struct wire *w, struct end *e) {
  wire_end(e);
  wire_flush(w, e);
}

/* Sends what was put so that it is there when the broker, which does not run meanwhile, goes on after
 * so long that its timers are late (base/late.h). */
static inline void wire_stand_still(struct end *e) {
  struct timespec t = {.tv_sec = LATE_MS / 1000, .tv_nsec = 200000000};
  ck_assert_int_eq(send(e->fd, e->out.bytes, e->out.size, 0), e->out.size);
  e->out.size = 0;
  ck_assert_int_eq(nanosleep(&t, NULL), 0);
}

/* Reads the next message: 1, 0 when none comes, -1 at the end of the connection. */
static inline int wire_next(struct wire *w, struct end *e) {
  for (int turns = 0, idle = 0; turns < WIRE_TURNS && idle < 4; turns++) {
    uint8_t *bytes;
    uint32_t size, room, count;
    enum frame_outcome o = frame_next(&e->in, &bytes, &size);
    if (o == FRAME_MESSAGE) {
      const char *fault = message_parse(bytes, size, &e->m);
      ck_assert_msg(!fault, "%s", fault);
      ck_assert_ptr_null(body_walk(e->m.body, e->m.body_size, NULL, NULL));
      reader_open(&e->r, e->m.body, e->m.body_size, &count);
      return 1;
    }
    ck_assert_int_eq(o, FRAME_MORE);
    wire_turn(w);
    uint8_t *to = frame_room(&e->in, 4096, &room);
    ssize_t n = recv(e->fd, to, room, 0);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return -1;
    if (n > 0) frame_filled(&e->in, (uint32_t)n);
    idle = n > 0 || w->broker.work.first ? 0 : idle + 1; /* a job may yet send something */
  }
  return 0;
}

/* Reads the next message that introduces nobody; there must be one. */
static inline void wire_past_peers(struct wire *w, struct end *e) {
  do
    ck_assert_int_eq(wire_next(w, e), 1);
  while (e->m.op == OP_peer);
}

/* The next message must be of this kind and op. */
static inline void wire_expect(struct wire *w, struct end *e, enum message_kind kind, enum op op) {
  int r = wire_next(w, e);
  ck_assert_msg(r == 1, "expected '%s', but %s", op_name(op),
                r ? "the connection ended" : "nothing came");
  ck_assert_msg(e->m.op == op && e->m.kind == kind, "expected '%s' (kind %d), got '%s' (kind %d)",
                op_name(op), (int)kind, op_name(e->m.op), (int)e->m.kind);
}
/* The next must be an error of this status, to any request. */
static inline void wire_expect_error(struct wire *w, struct end *e, enum status status) {
  uint64_t got;
  ck_assert_int_eq(wire_next(w, e), 1);
  ck_assert_int_eq(e->m.kind, MESSAGE_ERROR);
  ck_assert(reader_uint(&e->r, &got));
  ck_assert_msg(got == status, "expected error %s, got %s", status_name(status), status_name(got));
}
static inline void wire_expect_nothing(struct wire *w, struct end *e) {
  int r = wire_next(w, e);
  ck_assert_msg(r == 0, "expected nothing, but %s",
                r < 0 ? "the connection ended" : op_name(e->m.op));
}
/* The broker must end the connection, perhaps with a parting error. */
static inline void wire_expect_end(struct wire *w, struct end *e) {
  int r;
  while ((r = wire_next(w, e)) == 1) ck_assert_int_eq(e->m.kind, MESSAGE_ERROR);
  ck_assert_msg(r == -1, "the connection should have ended");
}

/* The next value of the message read last. */
static inline uint64_t wire_uint(struct end *e) {
  uint64_t v;
  ck_assert(reader_uint(&e->r, &v));
  return v;
}
static inline struct pt wire_pt(struct end *e) {
  struct pt pt;
  ck_assert(reader_pt(&e->r, &pt));
  return pt;
}
static inline void wire_expect_text(struct end *e, const char *text) {
  const char *bytes;
  uint32_t size;
  ck_assert(reader_string(&e->r, &bytes, &size));
  ck_assert_msg(size == strlen(text) && memcmp(bytes, text, size) == 0,
                "expected \"%s\", got \"%.*s\"", text, (int)size, bytes);
}

/* Says hello; name NULL lets the broker choose. */
static inline void wire_put_hello(struct end *e, const char *name, bool observer) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = WIRE_VERSION_MOST,
                            .name = name, .name_size = name ? (uint32_t)strlen(name) : 0,
                            .observer = observer};
  hello_put_request(wire_begin(e, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h, 0);
  e->last_id = 1;
}
static inline void wire_hello(struct wire *w, struct end *e, const char *name, bool observer) {
  wire_put_hello(e, name, observer);
  wire_send(w, e);
}
static inline void wire_join_as(struct wire *w, struct end *e, const char *name, bool observer) {
  wire_connect(w, e);
  wire_hello(w, e, name, observer);
  wire_expect(w, e, MESSAGE_REPLY, OP_hello);
  ck_assert_uint_eq(wire_uint(e), WIRE_VERSION_MOST);
  e->host = wire_uint(e);
}

/* Joins as if the kernel had named this process and this user. */
static inline void wire_join_from(struct wire *w, struct end *e, const char *name, bool observer, pid_t pid,
                                  uid_t uid) {
  struct connections *all = &w->broker.connections;
  memset(e, 0, sizeof *e);
  wire_connect(w, e);
  wire_turn(w);
  struct client *c = all->all;
  struct account *k = accounts_open(&all->accounts, pid, uid, 0);
  ck_assert(c->state == CLIENT_GREETING && c->kept == 0);
  accounts_close(&all->accounts, c->account);
  c->account = c->outbox.account = k;
  k->owner = c;
  wire_hello(w, e, name, observer);
  wire_expect(w, e, MESSAGE_REPLY, OP_hello);
  wire_uint(e);
  e->host = wire_uint(e);
}
static inline void wire_join(struct wire *w, struct end *e, const char *name) {
  wire_join_as(w, e, name, false);
}

/* The broker's side of a connection. */
static inline struct client *wire_client(struct wire *w, const struct end *e) {
  return hosts_at(&w->broker.hosts, hosts_find(&w->broker.hosts, e->host))->client;
}

/* Everything the client sent has been handled, and nothing came of it for this client. */
static inline void wire_quiet(struct wire *w, struct end *e) {
  wire_ask(e, OP_ping, NULL, NULL, 0);
  wire_send(w, e);
  wire_expect(w, e, MESSAGE_REPLY, OP_ping);
}

static inline struct pt wire_token(const struct end *e, uint64_t id) {
  return (struct pt){.host = e->host, .id = id, .stamp = id ^ 0x5a5a5a5a, .kind = PT_TABLE};
}

static inline void wire_unsub(struct wire *w, struct end *e, const struct pt *pt, uint64_t count) {
  struct pack *p = wire_begin(e, MESSAGE_NOTICE, OP_unsub, 0, 2);
  pack_pt(p, pt);
  pack_uint(p, count);
  wire_send(w, e);
}

static inline void wire_expect_peer(struct wire *w, struct end *e, uint64_t host,
                                    const char *name) {
  wire_expect(w, e, MESSAGE_NOTICE, OP_peer);
  ck_assert_uint_eq(wire_uint(e), host);
  wire_expect_text(e, name);
}
static inline void wire_expect_drop(struct wire *w, struct end *e, uint64_t id, uint64_t seen) {
  wire_expect(w, e, MESSAGE_NOTICE, OP_drop);
  ck_assert_uint_eq(wire_uint(e), id);
  ck_assert_uint_eq(wire_uint(e), seen);
}

/* `from` asks `to` (by name) for a label and is answered with this token of `to`; introductions are
 * skipped. */
static inline void wire_fetch(struct wire *w, struct end *from, struct end *to, const char *to_name,
                              const struct pt *pt) {
  pack_text(wire_ask(from, OP_s2t, to_name, NULL, 1), "x");
  wire_send(w, from);
  wire_past_peers(w, to);
  ck_assert_int_eq(to->m.op, OP_s2t);
  pack_pt(wire_begin(to, MESSAGE_REPLY, OP_s2t, to->m.id, 1), pt);
  wire_send(w, to);
  wire_past_peers(w, from);
  ck_assert_int_eq(from->m.op, OP_s2t);
  struct pt got = wire_pt(from);
  ck_assert(pt_equal(&got, pt));
}

#endif
