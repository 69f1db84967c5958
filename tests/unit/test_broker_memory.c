/* SPDX-License-Identifier: MIT
 *
 * Shortage of memory in the broker: a story is told again and again while its first, second, third
 * ... allocation fails (and, in a second round, all that follow it), until one telling needs no
 * more. A client may lose its connection by it, never miss a message unknowingly; the books must
 * hold after each turn, and when there is memory again the broker serves as before.
 */
#define _GNU_SOURCE /* syscall */
#include "tests/unit/broker_wire.h"
#include "tests/unit/scarce.h"

/* MANY: more than a page of heads of a hash table, so that it has to grow. */
enum { ENDS = 3, MANY = 1100 };

static struct wire w;
static struct end ends[ENDS]; /* a, b, an observer */
static uint64_t introduced[ENDS]; /* the worker that each has been told of: there are only two */

/* Memory is short in the broker only, and only while it handles what has been sent. */
static void turn(void) {
  scarce_begin();
  uv_run(&w.loop, UV_RUN_NOWAIT);
  broker_end_turn(&w.broker);
  scarce_end();
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(!fault, "%s", fault);
}

/* Sends what was begun, if the connection still is. */
static void send_now(struct end *e) {
  wire_end(e);
  ssize_t sent = e->fd < 0 ? -1 : send(e->fd, e->out.bytes, e->out.size, MSG_NOSIGNAL);
  ck_assert(sent < 0 || sent == (ssize_t)e->out.size);
  e->out.size = 0;
  turn();
}

/* Who asked or answered has been introduced before. */
static void check_introduction(const struct end *e) {
  uint64_t *other = &introduced[e - ends];
  uint64_t host;
  struct reader r = e->r;
  if (e->m.op == OP_peer && reader_uint(&r, &host) && host != e->host) *other = host;
  if (e->m.peer && e->m.peer != e->host) ck_assert_uint_eq(e->m.peer, *other);
}

/* The next message of this op, if one is there; what comes before it is skipped. Closes a
 * connection that the broker has ended. */
static bool find(struct end *e, enum op op) {
  while (e->fd >= 0) {
    uint8_t *bytes;
    uint32_t size, room, count;
    enum frame_outcome o = frame_next(&e->in, &bytes, &size);
    if (o == FRAME_MESSAGE) {
      ck_assert_ptr_null(message_parse(bytes, size, &e->m));
      ck_assert(reader_open(&e->r, e->m.body, e->m.body_size, &count));
      check_introduction(e);
      if (e->m.op == op) return true;
      continue;
    }
    uint8_t *to = frame_room(&e->in, 4096, &room);
    ssize_t n = recv(e->fd, to, room, 0);
    if (n < 0 && errno == EAGAIN) return false;
    if (n > 0) {
      frame_filled(&e->in, (uint32_t)n);
    } else {
      wire_leave(e);
      buffer_init(&e->out, UINT32_MAX); /* what is begun later goes nowhere */
    }
  }
  return false;
}

/* The same, where the message may be missing only because the connection has ended. */
static bool expect(struct end *e, enum op op) {
  bool found = find(e, op);
  ck_assert_msg(found || e->fd < 0, "'%s' was never answered", op_name(op));
  return found;
}

static void join(struct end *e, const char *name) {
  struct hello_request h = {.lowest = WIRE_VERSION_LEAST, .highest = WIRE_VERSION_MOST,
                            .name = name, .name_size = (uint32_t)strlen(name),
                            .observer = e == &ends[2]};
  *e = (struct end){0};
  introduced[e - ends] = 0;
  wire_connect(&w, e);
  turn();
  e->last_id = 1;
  hello_put_request(wire_begin(e, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)), &h, 0);
  send_now(e);
  if (!expect(e, OP_hello) || e->m.kind != MESSAGE_REPLY) return;
  ck_assert_uint_eq(wire_uint(e), WIRE_VERSION_MOST);
  e->host = wire_uint(e);
}

/* a gets many objects of b, claims one of them too, and gives all back. */
static void exchange(struct end *a, struct end *b) {
  pack_text(wire_ask(a, OP_s2t, "b", NULL, 1), "x");
  send_now(a);
  if (find(b, OP_s2t)) {
    struct pack *p = wire_begin(b, MESSAGE_REPLY, OP_s2t, b->m.id, MANY);
    for (unsigned i = 1; i <= MANY; i++) {
      struct pt pt = wire_token(b, i);
      pack_pt(p, &pt);
    }
    send_now(b);
  }
  if (!expect(a, OP_s2t) || a->m.kind != MESSAGE_REPLY) return;
  struct pt first = wire_token(b, 1);
  pack_pt(wire_ask(&ends[2], OP_sub, NULL, NULL, 1), &first);
  send_now(&ends[2]);
  expect(&ends[2], OP_sub);
  struct pack *p = wire_begin(a, MESSAGE_NOTICE, OP_unsub, 0, 2 * MANY);
  for (unsigned i = 1; i <= MANY; i++) {
    struct pt pt = wire_token(b, i);
    pack_pt(p, &pt);
    pack_uint(p, 1);
  }
  send_now(a);
}

/* Requests that the broker answers itself, at once or later. */
static void ask_broker(struct end *a, struct end *observer) {
  wire_ask(observer, OP_gc, "a", NULL, 0);
  send_now(observer);
  pack_text(wire_ask(observer, OP_inspect, NULL, NULL, 1), "tokens");
  send_now(observer);
  expect(observer, OP_inspect);
  struct pack *p = wire_ask(observer, OP_watch, NULL, NULL, 2);
  pack_text(p, "later");
  pack_text(p, "ready");
  send_now(observer);
  wire_begin(a, MESSAGE_NOTICE, OP_ready, 0, 0);
  send_now(a);
}

/* A message that comes in two pieces, with a deadline and an object of a's. */
static void in_pieces(struct end *a) {
  static const char text[3000];
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = ++a->last_id, .deadline_ms = 1e6,
                      .target = OP_NAME, .name = "b", .name_size = 1};
  pack_string(wire_begin_to(a, &h, 1), text, sizeof text);
  wire_end(a);
  for (uint32_t at = 0; at < a->out.size; at += 1000) {
    uint32_t n = a->out.size - at < 1000 ? a->out.size - at : 1000;
    if (a->fd < 0 || send(a->fd, a->out.bytes + at, n, MSG_NOSIGNAL) < 0) break;
    turn();
  }
  a->out.size = 0;
}

static void story(void) {
  struct end *a = &ends[0], *b = &ends[1], *observer = &ends[2];
  join(a, "a");
  join(b, "b");
  join(observer, "o");
  exchange(a, b);
  ask_broker(a, observer);
  in_pieces(a);
  exchange(b, a);
  wire_leave(b);
  turn();
}

/* There is memory again: who comes now is served. */
static void aftermath(void) {
  struct end late = {0};
  wire_leave(&ends[0]);
  wire_leave(&ends[2]);
  wire_turn(&w);
  wire_join(&w, &late, "a");
  wire_quiet(&w, &late);
  wire_leave(&late);
  wire_turn(&w);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  ck_assert_uint_eq(w.broker.hosts.all.count, 0);
  ck_assert_uint_eq(w.broker.calls.all.count, 0);
  ck_assert_uint_eq(w.broker.names.all.count, 0);
}

START_TEST(whatever_allocation_fails_the_books_hold) {
  ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* the broker's log of all this */
  /* libuv ends a program that has no memory for it. */
  uv_replace_allocator(__libc_malloc, __libc_realloc, __libc_calloc, __libc_free);
  for (long n = 0, enough = 0; !enough; n++) {
    ck_assert_int_lt(n, 1000);
    struct broker_config config = wire_config();
    config.load_min = 10;
    wire_open(&w, &config);
    scarce_from(n, _i);
    story();
    enough = scarce.failed == 0;
    ck_assert(!enough || n > 0 || !SCARCE_REPLACES); /* some did fail */
    aftermath();
    wire_close(&w);
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker memory");
  TCase *t = tcase_create("short");
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, whatever_allocation_fails_the_books_hold, 0, 2);
  return run_suite(s);
}
