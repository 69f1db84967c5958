/* SPDX-License-Identifier: MIT
 *
 * How clients are heard (broker/net/reading.h): in slices, with others served between them, and
 * not while they leave untaken what they asked for. Work is counted, never timed.
 */
#include "broker/core/transfer.h"
#include "broker/net/reading.h"
#include "tests/unit/broker_pair.h"

/* ---- Slices ---- */

START_TEST(a_flood_is_handled_in_slices_and_others_between) {
  enum { PINGS = 1400 }; /* they fit into one read */
  begin_pings(&a, PINGS);
  write_only(&a);
  unsigned turns = 0;
  uint64_t before = client_of(&a)->messages_in;
  for (uint64_t done = 0; done < PINGS; turns++) {
    begin_pings(&b, 1);
    write_only(&b);
    wire_turn(&w);
    uint64_t now = client_of(&a)->messages_in - before;
    ck_assert_uint_gt(now, done);
    ck_assert_uint_le((now - done) * COST_MESSAGE, TURN_MOST);
    ck_assert_uint_eq(take_all(&b), 1);
    done = now;
  }
  ck_assert_uint_ge(turns, PINGS * COST_MESSAGE / TURN_MOST);
  ck_assert_uint_eq(take_all(&a), PINGS);
}
END_TEST

/* Sends so many pings, and gives the most bytes that were read and not handled at once. */
static uint32_t most_unhandled(unsigned pings) {
  const struct client *c = client_of(&a);
  uint64_t before = c->messages_in;
  uint32_t most = 0;
  begin_pings(&a, pings);
  write_only(&a);
  for (int turns = 0; c->messages_in < before + pings; turns++) {
    ck_assert_int_lt(turns, WIRE_TURNS);
    wire_turn(&w);
    uint32_t left = c->rest.in.size - c->rest.start;
    if (left > most) most = left;
  }
  ck_assert_uint_eq(take_all(&a), pings);
  return most;
}

START_TEST(of_one_who_floods_no_more_is_read_than_can_be_handled) {
  enum { PINGS = 1400, WAVES = 4, LITTLE = 8 << 10 };
  ck_assert_uint_gt(most_unhandled(PINGS), 3 * LITTLE); /* at first all of it was read */
  for (int i = 0; i < WAVES; i++) most_unhandled(PINGS);
  for (int i = 0; i < WAVES; i++) ck_assert_uint_le(most_unhandled(PINGS), LITTLE);
  ck_assert_uint_gt(client_of(&a)->read_shift, 0);
  /* Who sends less is soon read as all are. */
  for (int i = 0; i < WAVES; i++) ck_assert_uint_eq(most_unhandled(1), 0);
  ck_assert_uint_eq(client_of(&a)->read_shift, 0);
  ck_assert_uint_gt(most_unhandled(PINGS), 3 * LITTLE);
}
END_TEST

/* Its timer fires so many milliseconds from now: time is not what is tested. */
static void rest_for(uint64_t ms) {
  uv_timer_t *timer = &w.broker.work.rested;
  uv_timer_start(timer, timer->timer_cb, ms, 0);
}

START_TEST(who_asks_for_more_than_it_may_have_open_rests) {
  enum { OPEN = 4, MORE = 3, TURNS = 20, HOUR = 3600000 };
  struct client *c = client_of(&a);
  uint64_t before = c->messages_in;
  w.broker.flows.window.requests = OPEN;
  for (int i = 0; i < OPEN + MORE; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "label");
    wire_end(&a);
  }
  write_only(&a);
  reading_ready(c);
  ck_assert_uint_eq(c->messages_in, before + OPEN + MORE);
  ck_assert(c->job.rests && !c->has_overstepped && !(c->events & UV_READABLE));
  rest_for(HOUR);
  begin_pings(&a, 1);
  write_only(&a);
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&a), MORE); /* it is told at once */
  take_all(&b);
  for (int i = 0; i < TURNS; i++) {
    begin_pings(&b, 1);
    write_only(&b);
    wire_turn(&w);
    ck_assert_uint_eq(take_all(&b), 1);
  }
  ck_assert_uint_eq(c->messages_in, before + OPEN + MORE);
  ck_assert_ptr_null(w.broker.work.first); /* the loop sleeps meanwhile */
  rest_for(0);
  while (c->messages_in == before + OPEN + MORE) wire_turn(&w);
  ck_assert(!job_is_queued(&c->job) && c->events & UV_READABLE);
  ck_assert_uint_eq(take_all(&a), 1);
}
END_TEST

START_TEST(one_that_rests_may_end) {
  w.broker.flows.window.requests = 1;
  for (int i = 0; i < 2; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "label");
    wire_end(&a);
  }
  write_only(&a);
  reading_ready(client_of(&a));
  ck_assert(client_of(&a)->job.rests);
  if (_i)
    client_condemn(client_of(&a), "the test ends it");
  else
    wire_leave(&a);
  while (hosts_find(&w.broker.hosts, a.host) != SLAB_NONE) wire_turn(&w);
  ck_assert_ptr_null(w.broker.work.first_resting);
  begin_pings(&b, 1);
  write_only(&b);
  wire_turn(&w);
  ck_assert_uint_ge(take_all(&b), 1);
}
END_TEST

/* What it has sent is read to its end, without a rest. */
START_TEST(one_that_has_hung_up_does_not_rest) {
  enum { PINGS = 1400 }; /* more than it is heard with at once */
  w.broker.flows.window.requests = 1;
  for (int i = 0; i < 2; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "label");
    wire_end(&a);
  }
  begin_pings(&a, PINGS);
  write_only(&a);
  shutdown(a.fd, SHUT_WR);
  const struct client *c = client_of(&a);
  uint64_t before = c->messages_in;
  reading_hung_up(client_of(&a));
  ck_assert_uint_ge(c->messages_in, before + 2);
  ck_assert(job_is_queued(&c->job) && !c->job.rests && !c->has_overstepped);
  while (hosts_find(&w.broker.hosts, a.host) != SLAB_NONE) wire_turn(&w);
}
END_TEST

/* Asks somebody with `n` tokens of a's own. */
static void ask_whom_with_tokens(const char *whom, uint64_t first, uint32_t n) {
  struct pack *p = wire_ask(&a, OP_s2t, whom, NULL, 1);
  pack_array(p, n);
  for (uint64_t i = 0; i < n; i++) {
    struct pt pt = wire_token(&a, first + i);
    pack_pt(p, &pt);
  }
  wire_end(&a);
}

static void ask_with_tokens(uint64_t first, uint32_t n) { ask_whom_with_tokens("b", first, n); }

START_TEST(what_costs_more_than_a_quantum_is_one_step_and_paid_for_later) {
  enum { TOKENS = 4000, TURNS = TOKENS * TRANSFER_PT_COST / WORK_QUANTUM };
  ask_with_tokens(1, TOKENS);
  begin_pings(&a, 1);
  wire_flush(&w, &a);
  while (w.broker.refs.tokens.count == 0) wire_turn(&w);
  ck_assert_uint_eq(w.broker.refs.tokens.count, TOKENS);
  ck_assert_int_lt(client_of(&a)->balance, -(WORK_QUANTUM * (TURNS / 2)));
  unsigned turns = 0;
  for (; take_all(&a) == 0; turns++) {
    begin_pings(&b, 1);
    write_only(&b);
    take_all(&b);
    wire_turn(&w);
    ck_assert_uint_ge(take_all(&b), 1);
  }
  ck_assert_uint_ge(turns, TURNS / 2);
}
END_TEST

START_TEST(many_who_flood_share_turns_of_bounded_length) {
  enum { MANY = 40, PINGS = 1200 };
  static struct end many[MANY];
  memset(many, 0, sizeof many);
  for (int i = 0; i < MANY; i++) wire_join(&w, &many[i], NULL);
  for (int i = 0; i < MANY; i++) {
    begin_pings(&many[i], PINGS);
    write_only(&many[i]);
  }
  uint64_t done = 0, all = 0;
  for (int turns = 0; done < MANY * PINGS; turns++) {
    ck_assert_int_lt(turns, WIRE_TURNS);
    wire_turn(&w);
    all = 0;
    for (int i = 0; i < MANY; i++) all += client_of(&many[i])->messages_in - 1;
    /* wire_turn ends two turns; each client gets a small quantum from its socket at least. */
    ck_assert_uint_le((all - done) * COST_MESSAGE,
                      2 * (WORK_TURN + TURN_MOST) + MANY * WORK_QUANTUM / 4);
    done = all;
  }
  for (int i = 0; i < MANY; i++) ck_assert_uint_eq(take_all(&many[i]), PINGS);
  for (int i = 0; i < MANY; i++) wire_leave(&many[i]);
}
END_TEST

static unsigned weighed(uint32_t weight) {
  const struct slab *tokens = &w.broker.refs.tokens;
  unsigned n = 0;
  for (uint32_t i = slab_next(tokens, 0); i != SLAB_NONE; i = slab_next(tokens, i + 1))
    n += refs_token(&w.broker.refs, i)->weight == weight;
  return n;
}

START_TEST(objects_with_many_holders_are_weighed_in_slices) {
  enum { HOLDERS = 30, TOKENS = 200, COST = 2 + 2 * HOLDERS, KIB = 7 };
  static struct end holders[HOLDERS];
  char name[32];
  memset(holders, 0, sizeof holders);
  for (int i = 0; i < HOLDERS; i++) {
    snprintf(name, sizeof name, "holder-%d", i);
    wire_join(&w, &holders[i], name);
    ask_whom_with_tokens(name, 1, TOKENS);
    wire_flush(&w, &a);
  }
  while (w.broker.refs.holds.count < TOKENS * HOLDERS || w.broker.work.first) wire_turn(&w);
  struct pack *p = wire_begin(&a, MESSAGE_NOTICE, OP_weigh, 0, 2 * TOKENS);
  for (uint64_t i = 1; i <= TOKENS; i++) {
    struct pt pt = wire_token(&a, i);
    pack_pt(p, &pt);
    pack_uint(p, KIB);
  }
  wire_end(&a);
  begin_pings(&a, 1);
  uint64_t before = client_of(&a)->messages_in;
  write_only(&a);
  unsigned turns = 0, done = 0;
  for (; done < TOKENS; turns++) {
    begin_pings(&b, 1);
    write_only(&b);
    take_all(&b);
    wire_turn(&w);
    ck_assert_uint_ge(take_all(&b), 1);
    unsigned now = weighed(KIB);
    ck_assert_uint_gt(now, done);
    ck_assert_uint_le((now - done) * COST, TURN_MOST);
    done = now;
  }
  ck_assert_uint_ge(turns, TOKENS * COST / TURN_MOST);
  ck_assert_uint_le(client_of(&a)->messages_in, before + 2);
  while (client_of(&a)->messages_in < before + 2) wire_turn(&w);
  for (int i = 0; i < HOLDERS; i++) wire_leave(&holders[i]);
}
END_TEST

/* Each asks but for one page, a step that costs more than a turn. All are ready in the same turn. */
START_TEST(many_expensive_requests_share_turns_of_bounded_length) {
  enum { MANY = 40, TOKENS = 1000, PAGES_A_TURN = 5 };
  static struct end many[MANY];
  memset(many, 0, sizeof many);
  ask_with_tokens(1, TOKENS);
  wire_flush(&w, &a);
  while (w.broker.refs.tokens.count < TOKENS || w.broker.work.first) wire_turn(&w);
  for (int i = 0; i < MANY; i++) wire_join(&w, &many[i], NULL);
  for (int i = 0; i < MANY; i++) {
    pack_text(wire_ask(&many[i], OP_inspect, NULL, NULL, 1), "tokens");
    wire_end(&many[i]);
    write_only(&many[i]);
  }
  for (unsigned answered = 0, before = 0; answered < MANY; before = answered) {
    uv_run(&w.loop, UV_RUN_NOWAIT);
    answered = 0;
    for (int i = 0; i < MANY; i++) answered += client_of(&many[i])->messages_in > 1;
    ck_assert_uint_gt(answered, before);
    ck_assert_uint_le(answered - before, PAGES_A_TURN);
  }
  for (int i = 0; i < MANY; i++) {
    while (take_all(&many[i]) == 0) wire_turn(&w);
    wire_leave(&many[i]);
  }
}
END_TEST

/* A body of nils; the last value is a token or, with _i == 1, malformed. _i == 2: the sender ends in
 * the middle, which changes nothing; _i == 3: the broker itself answers it (and refuses it: a fault). */
START_TEST(a_large_body_is_walked_in_slices) {
  enum { NILS = 500000, SLICES = NILS / VALUES_PER_UNIT / WORK_QUANTUM };
  struct pt pt = wire_token(&a, 1);
  struct pack *p = _i == 3 ? wire_ask(&a, OP_watch, NULL, NULL, 2) : wire_ask(&a, OP_s2t, "b", NULL, 1);
  pack_array(p, NILS);
  for (int i = 1; i < NILS; i++) pack_nil(p);
  pack_pt(p, &pt);
  if (_i == 3) pack_nil(p);
  wire_end(&a);
  if (_i == 1) a.out.bytes[a.out.size - PT_WIRE_BYTES] = 0x81;
  begin_pings(&a, 1);
  while (a.out.size) {
    ssize_t n = send(a.fd, a.out.bytes, a.out.size, MSG_NOSIGNAL);
    if (n > 0) memmove(a.out.bytes, a.out.bytes + n, a.out.size -= (uint32_t)n);
    if (client_of(&a)->walk) break;
    wire_turn(&w);
  }
  while (!client_of(&a)->walk) wire_turn(&w);
  ck_assert_uint_eq(a.out.size, 0);
  uint64_t before = client_of(&a)->messages_in;
  struct client *c = client_of(&a);
  if (_i == 2) wire_leave(&a);
  unsigned turns = 0;
  for (; hosts_find(&w.broker.hosts, a.host) != SLAB_NONE && c->walk; turns++) {
    ck_assert_uint_eq(c->messages_in, before);
    ck_assert_uint_eq(w.broker.refs.tokens.count, 0); /* it takes effect in one step */
    begin_pings(&b, 1);
    write_only(&b);
    wire_turn(&w);
    ck_assert_uint_ge(take_all(&b), 1);
  }
  ck_assert_uint_ge(turns, SLICES / 4);
  if (_i == 0) ck_assert_uint_eq(w.broker.refs.tokens.count, 1);
  if (_i == 0) wire_expect(&w, &a, MESSAGE_REPLY, OP_ping);
  if (_i == 1 || _i == 3) wire_expect_end(&w, &a);
  while (wire_next(&w, &b) == 1 && b.m.op != OP_s2t) continue;
  ck_assert_int_eq(b.m.op == OP_s2t, _i == 0 || _i == 2);
}
END_TEST

/* ---- What is left untaken ---- */

/* a asks on and on and reads nothing, until the broker has ceased to read it. */
static unsigned flood_without_reading(void) {
  unsigned asked = 0;
  for (int full = 0; full < 50;) {
    begin_pings(&a, 100);
    ssize_t n = send(a.fd, a.out.bytes, a.out.size, MSG_NOSIGNAL);
    full = n < 0 ? full + 1 : 0;
    if (n > 0) {
      asked += 100;
      ck_assert_int_eq(n, (int)a.out.size);
    }
    a.out.size = 0;
    wire_turn(&w);
    ck_assert_uint_lt(asked, 1000000);
  }
  return asked;
}

START_TEST(who_leaves_answers_untaken_is_not_read) {
  unsigned asked = flood_without_reading(), answered = 0;
  ck_assert(client_of(&a)->is_held_back);
  ck_assert_uint_gt(client_of(&a)->outbox.own, UNTAKEN_MOST);
  ck_assert_uint_lt(client_of(&a)->outbox.own, UNTAKEN_MOST + (64 << 10));
  ck_assert_ptr_null(w.broker.work.first); /* it costs nothing */
  wire_quiet(&w, &b);
  for (int idle = 0; idle < 10;) {
    unsigned n = take_all(&a);
    idle = n ? 0 : idle + 1;
    answered += n;
    wire_turn(&w);
  }
  ck_assert_uint_eq(answered, asked);
  ck_assert(!client_of(&a)->is_held_back);
  wire_quiet(&w, &a);
}
END_TEST

/* _i == 1: it only says that it sends nothing more. */
START_TEST(the_end_of_one_who_leaves_answers_untaken_is_noticed) {
  flood_without_reading();
  if (_i == 1)
    shutdown(a.fd, SHUT_WR);
  else
    wire_leave(&a);
  for (int i = 0; i < 2000 && hosts_find(&w.broker.hosts, a.host) != SLAB_NONE; i++) wire_turn(&w);
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, a.host), SLAB_NONE);
  wire_quiet(&w, &b);
}
END_TEST

START_TEST(requests_of_others_hold_nobody_back) {
  static char large[256 << 10];
  for (int i = 0; i < 8; i++) { /* b is sent much that it does not take */
    pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), large, sizeof large);
    wire_send(&w, &a);
  }
  ck_assert_uint_gt(client_of(&b)->outbox.bytes, UNTAKEN_MOST);
  uint64_t before = client_of(&b)->messages_in;
  begin_pings(&b, 1);
  write_only(&b);
  wire_turn(&w);
  ck_assert_uint_eq(client_of(&b)->messages_in, before + 1);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker reading");
  TCase *t = tcase_create("reading");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, a_flood_is_handled_in_slices_and_others_between);
  tcase_add_test(t, of_one_who_floods_no_more_is_read_than_can_be_handled);
  tcase_add_test(t, who_asks_for_more_than_it_may_have_open_rests);
  tcase_add_loop_test(t, one_that_rests_may_end, 0, 2);
  tcase_add_test(t, one_that_has_hung_up_does_not_rest);
  tcase_add_test(t, what_costs_more_than_a_quantum_is_one_step_and_paid_for_later);
  tcase_add_test(t, many_who_flood_share_turns_of_bounded_length);
  tcase_add_test(t, many_expensive_requests_share_turns_of_bounded_length);
  tcase_add_test(t, objects_with_many_holders_are_weighed_in_slices);
  tcase_add_loop_test(t, a_large_body_is_walked_in_slices, 0, 4);
  tcase_add_test(t, who_leaves_answers_untaken_is_not_read);
  tcase_add_loop_test(t, the_end_of_one_who_leaves_answers_untaken_is_noticed, 0, 2);
  tcase_add_test(t, requests_of_others_hold_nobody_back);
  return run_suite(s);
}
