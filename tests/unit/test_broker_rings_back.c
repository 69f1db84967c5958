/* SPDX-License-Identifier: MIT
 *
 * The way back from rings to the socket (broker/net/carrier.h): when the broker asks for it, in what order messages and knocks
 * come, and what becomes of one that does not keep to it. Beside it is a victim on its socket, which is served all the time.
 */
#define _GNU_SOURCE /* memfd_create */
#include "broker/net/carrier.h"
#include "broker/net/hot.h"
#include "tests/unit/broker_carried.h"
#include "tests/unit/ring_wire.h"

/* Nothing is left of its rings. */
static void expect_given_back(void) {
  struct client *c = wire_client(&w, &a);
  ck_assert_ptr_null(c->lanes);
  ck_assert_uint_eq(all()->carrier.count, 0);
  ck_assert_uint_eq(c->kept, 0);
  ck_assert_uint_eq(c->account->used[ACCOUNT_BYTES], 0);
}

static void put_ping(void) {
  wire_ask(&a, OP_ping, NULL, NULL, 0);
  wire_end(&a);
}
static void expect_pong(uint64_t id) {
  wire_expect(&w, &a, MESSAGE_REPLY, OP_ping);
  ck_assert_uint_eq(a.m.id, id);
}

/* It is offered none again. */
static void stay_on_sockets(void) { all()->carrier.transport = TRANSPORT_SOCKET; }

START_TEST(it_goes_back_to_its_socket) {
  move();
  ping();
  stay_on_sockets();
  be_left();
  leave_too();
  put_ping();
  wire_flush(&w, &a);
  expect_pong(a.last_id);
  expect_given_back();
}
END_TEST

/* The number that the next descriptor gets: the same again, if none was left open. */
static int next_descriptor(void) {
  int fd = dup(a.fd);
  ck_assert(fd >= 0 && close(fd) == 0);
  return fd;
}

/* Messages in the ring before each end of it, and on the socket at once: each is answered, in its order. */
START_TEST(a_hundred_times_with_messages_under_way) {
  move();
  int before = next_descriptor();
  for (int i = 0; i < 100; i++) {
    ck_assert_uint_eq(wire_client(&w, &a)->account->used[ACCOUNT_BYTES], RING_MAP_BYTES);
    uint64_t first = a.last_id + 1;
    put_ping();
    ck_assert_uint_eq(ring_put(&pair, a.out.bytes, a.out.size), a.out.size);
    a.out.size = 0;
    be_left(); /* the broker has not seen the ping yet */
    put_ping();
    put_ping();
    leave_too();
    put_ping();
    ck_assert_int_eq(send(a.fd, a.out.bytes, a.out.size, 0), a.out.size);
    a.out.size = 0;
    stay_on_sockets();
    for (uint64_t id = first; id <= a.last_id; id++) expect_pong(id);
    ck_assert_uint_eq(a.last_id, first + 3);
    expect_given_back();
    all()->carrier.transport = TRANSPORT_SHM;
    put_ping();
    wire_flush(&w, &a);
    int fd = receive_descriptor();
    expect_pong(a.last_id);
    move_to(fd);
    ck_assert_int_eq(next_descriptor(), before);
  }
}
END_TEST

#define LIMIT_NS 20000000000 /* waited for what is to come */

/* But not while something waits for it (1). */
START_TEST(who_is_idle_leaves) {
  bool waits = _i == 1;
  struct carrier *k = &all()->carrier;
  k->idle_ms = 5;
  move();
  struct client *c = wire_client(&w, &a);
  ck_assert(uv_is_active((uv_handle_t *)&k->look));
  static char large[2 * RING_BYTES];
  if (waits) client_push(c, c->account, large, sizeof large);
  ring_sleep(&pair);
  if (waits) {
    c->lanes->seen_ms -= k->idle_ms;
    k->look.timer_cb(&k->look);
    ck_assert(!c->lanes->has_left);
    return;
  }
  for (uint64_t end = uv_hrtime() + LIMIT_NS; !c->lanes->has_left && uv_hrtime() < end;) wire_turn(&w);
  ck_assert(c->lanes->has_left);
  expect_in_ring(MESSAGE_NOTICE, OP_ring);
  expect_step(RING_LEFT);
  stay_on_sockets();
  leave_too();
  wire_turn(&w);
  expect_given_back();
  for (uint64_t end = uv_hrtime() + LIMIT_NS; uv_is_active((uv_handle_t *)&k->look) && uv_hrtime() < end;) wire_turn(&w);
  ck_assert_msg(!uv_is_active((uv_handle_t *)&k->look), "it looks for idle ones, and nobody has rings");
}
END_TEST

START_TEST(who_is_busy_stays) {
  struct carrier *k = &all()->carrier;
  k->idle_ms = 1000000;
  move();
  struct client *c = wire_client(&w, &a);
  c->lanes->seen_ms -= k->idle_ms;
  ck_assert(ring_sleep(&pair));
  for (uint32_t i = 0; i <= CARRIER_IDLE; i++) ping();
  ck_assert(ring_sleep(&pair));
  k->look.timer_cb(&k->look);
  ck_assert(c->lanes->out && c->lanes->seen == (uint32_t)(c->messages_in + c->messages_out));
  c->lanes->seen_ms -= k->idle_ms;
  ck_assert(ring_sleep(&pair));
  k->look.timer_cb(&k->look);
  ck_assert(c->lanes->has_left);
}
END_TEST

/* It may not have read yet that the broker's stream is in its ring (0), or has not taken all that is there (1). */
START_TEST(who_is_awake_is_not_left) {
  move();
  if (_i == 1) {
    ck_assert(ring_sleep(&pair));
    put_ping();
    ring_put(&pair, a.out.bytes, a.out.size);
    a.out.size = 0;
    ring_publish(&pair);
    knock();
    wire_turn(&w);
    atomic_store(&pair.page->down.sleeping, 1);
  }
  all()->events->idle(wire_client(&w, &a));
  ck_assert(wire_client(&w, &a)->lanes->out);
  if (_i == 1) expect_in_ring(MESSAGE_REPLY, OP_ping);
  be_left();
}
END_TEST

START_TEST(it_may_stay_for_good) {
  carrier_set(all(), TRANSPORT_SHM, 4, 0);
  move();
  ck_assert(!uv_is_active((uv_handle_t *)&all()->carrier.look));
}
END_TEST

/* ---- Knocks ---- */

/* It waits for room in its ring while the broker is on the socket already: the knock is between messages (0), or alone (1). */
START_TEST(a_knock_comes_between_messages) {
  enum { QUEUED = 600000 };
  static char queued[QUEUED], read[QUEUED + 1000];
  bool is_alone = _i == 1;
  uint32_t n = 0, want = is_alone ? 1 : QUEUED + 1;
  move();
  stay_on_sockets();
  be_left();
  struct client *c = wire_client(&w, &a);
  memset(queued, 'x', QUEUED);
  if (!is_alone) client_push(c, c->account, queued, QUEUED);
  wire_turn(&w);
  pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 1);
  wire_end(&a);
  atomic_store(&pair.page->up.full, 1);
  put_out();
  for (int i = 0; i < 1000 && n < want; i++) {
    ssize_t some = recv(a.fd, read + n, sizeof read - n, 0);
    ck_assert(some > 0 || errno == EAGAIN);
    if (some > 0) n += (uint32_t)some;
    wire_turn(&w);
  }
  ck_assert_uint_eq(n, want);
  ck_assert(memcmp(read, queued, n - 1) == 0 && read[n - 1] == 0);
  leave_too();
  put_ping();
  wire_flush(&w, &a);
  expect_pong(a.last_id);
}
END_TEST

/* ---- Who does not keep to it ---- */

START_TEST(what_is_out_of_order_ends_it) {
  move();
  if (_i > 0) be_left();
  switch (_i) {
    case 0: /* it goes back by itself */
      answer(RING_LEFT);
      put_out();
      break;
    case 1: /* messages on the socket, and the ring has not ended */
      put_ping();
      wire_flush(&w, &a);
      break;
    case 2: /* more in the ring behind its end */
      answer(RING_LEFT);
      put_ping();
      put_out();
      break;
    case 3:
      answer(RING_MOVED);
      put_out();
      break;
    case 4: /* twice */
      stay_on_sockets();
      leave_too();
      answer(RING_LEFT);
      wire_flush(&w, &a);
      break;
    case 5: /* something else than a message behind its knocks */
      stay_on_sockets();
      leave_too();
      ck_assert_int_eq(send(a.fd, "\0\0x", 3, 0), 3);
      break;
    case 6: /* and later no knock is in order */
      stay_on_sockets();
      leave_too();
      put_ping();
      wire_flush(&w, &a);
      expect_pong(a.last_id);
      knock();
      break;
  }
  expect_ended("it goes on out of order");
}
END_TEST

/* It never answers: it keeps paying, and is served. */
START_TEST(who_never_leaves_is_served) {
  move();
  be_left();
  for (int i = 0; i < 10; i++) {
    put_ping();
    put_out();
    expect_pong(a.last_id);
  }
  ck_assert_uint_eq(wire_client(&w, &a)->account->used[ACCOUNT_BYTES], RING_MAP_BYTES);
}
END_TEST

/* In its ring before (0) or behind (1) the broker is back; what it has put there, and sent on the socket (2), is handled. */
START_TEST(its_end_comes_behind_all_that_it_sent) {
  uint64_t *cancels = &w.broker.traffic.read[OP_cancel].messages[MESSAGE_NOTICE], before, want = 3;
  move();
  before = *cancels;
  for (int i = 0; i < 3; i++) {
    pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 1);
    wire_end(&a);
  }
  ring_put(&pair, a.out.bytes, a.out.size);
  ring_publish(&pair);
  a.out.size = 0;
  ck_assert(ring_sleep(&pair));
  all()->events->idle(wire_client(&w, &a));
  if (_i >= 1) leave_too();
  if (_i == 2) {
    pack_uint(wire_begin(&a, MESSAGE_NOTICE, OP_cancel, 0, 1), 1);
    wire_end(&a);
    ck_assert_int_eq(send(a.fd, a.out.bytes, a.out.size, 0), a.out.size);
    want++;
  }
  close(a.fd);
  a.fd = -1;
  for (int i = 0; i < 20; i++) wire_turn(&w);
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, a.host), SLAB_NONE);
  ck_assert_uint_eq(*cancels, before + want);
}
END_TEST

/* ---- To another program ---- */

static struct wire after;

/* The broker is back (0), so is the worker, unheard (1), and has sent more (2), or it all was heard but for what follows its
 * knocks (3). */
START_TEST(an_upgrade_takes_it_along) {
  struct broker_config c = wire_config();
  c.transport = TRANSPORT_SOCKET;
  memset(&after, 0, sizeof after);
  move();
  stay_on_sockets();
  be_left();
  put_ping();
  if (_i >= 1) leave_too();
  if (_i == 3) {
    knock();
    for (int i = 0; i < 4; i++) wire_turn(&w);
    expect_pong(a.last_id);
    expect_given_back();
    ck_assert_uint_eq(wire_client(&w, &a)->moving, MOVING_KNOCKS);
  }
  if (_i >= 2) {
    put_ping();
    ck_assert_int_eq(send(a.fd, a.out.bytes, a.out.size, 0), a.out.size);
    a.out.size = 0;
  }
  carried_over(&after, &w, &c);
  struct client *old = wire_client(&w, &a);
  if (old->lanes) old->lanes->file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  hot_leave_all(all());
  carried_forget(&w);
  if (_i == 0) leave_too();
  if (_i < 2) {
    put_ping();
    wire_flush(&after, &a);
  }
  for (uint64_t id = _i == 3 ? a.last_id : a.last_id - 1; id <= a.last_id; id++) {
    wire_expect(&after, &a, MESSAGE_REPLY, OP_ping);
    ck_assert_uint_eq(a.m.id, id);
  }
  ck_assert_uint_eq(after.broker.connections.carrier.count, 0);
  wire_leave(&a);
  wire_leave(&victim);
  for (int i = 0; i < 10; i++) wire_turn(&after);
  wire_close(&after);
}
END_TEST

int main(void) {
  Suite *s = suite_create("the way back from rings");
  TCase *c = tcase_create("back");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, it_goes_back_to_its_socket);
  tcase_add_test(c, a_hundred_times_with_messages_under_way);
  tcase_add_loop_test(c, who_is_idle_leaves, 0, 2);
  tcase_add_test(c, who_is_busy_stays);
  tcase_add_loop_test(c, who_is_awake_is_not_left, 0, 2);
  tcase_add_test(c, it_may_stay_for_good);
  tcase_add_loop_test(c, a_knock_comes_between_messages, 0, 2);
  tcase_add_loop_test(c, what_is_out_of_order_ends_it, 0, 7);
  tcase_add_test(c, who_never_leaves_is_served);
  tcase_add_loop_test(c, its_end_comes_behind_all_that_it_sent, 0, 3);
  suite_add_tcase(s, c);
  c = tcase_create("upgrade");
  tcase_add_checked_fixture(c, setup, NULL);
  tcase_add_loop_test(c, an_upgrade_takes_it_along, 0, 4);
  suite_add_tcase(s, c);
  return run_suite(s);
}
