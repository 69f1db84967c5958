/* SPDX-License-Identifier: MIT
 *
 * Loads and their allowance, free, and gc.
 */
#include "tests/unit/broker_three.h"

/* a has the objects, b holds them, o observes */
static void setup(void) {
  struct broker_config config = wire_config();
  config.load_min = 10;
  three_open(&config);
}

/* a sends b `n` tokens, the first with this id, in one message each. */
static void give(uint64_t first, uint64_t n) {
  for (uint64_t id = first; id < first + n; id++) {
    struct pt x = wire_token(&a, id);
    struct message h = {.kind = MESSAGE_REQUEST,
                        .op = OP_s2t,
                        .id = 1,
                        .flags = MESSAGE_ONE_WAY,
                        .target = OP_NAME,
                        .name = "b",
                        .name_size = 1};
    pack_pt(wire_begin_to(&a, &h, 1), &x);
    wire_send(&w, &a);
  }
}

static void expect_tokens(uint64_t first, uint64_t n) {
  for (uint64_t id = first; id < first + n; id++) {
    wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
    ck_assert_uint_eq(wire_pt(&b).id, id);
  }
}

static void answer_free(struct end *e, uint64_t id) {
  wire_begin(e, MESSAGE_REPLY, OP_free, id, 0);
  wire_send(&w, e);
}

START_TEST(free_comes_before_the_delivery_that_exceeds_the_allowance) {
  give(1, 12);
  wire_expect_peer(&w, &b, a.host, "a");
  expect_tokens(1, 10);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  ck_assert_uint_ne(b.m.id, 0);
  expect_tokens(11, 2); /* nobody is held up, and no second free comes */
  wire_expect_nothing(&w, &b);
}
END_TEST

START_TEST(the_answer_to_free_raises_the_allowance) {
  give(1, 20);
  wire_expect_peer(&w, &b, a.host, "a");
  expect_tokens(1, 10);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  uint64_t id = b.m.id;
  expect_tokens(11, 10);
  answer_free(&b, id); /* all 20 are used: it may hold 28 */
  give(21, 8);
  expect_tokens(21, 8);
  give(29, 1);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  ck_assert_uint_ne(b.m.id, id);
  expect_tokens(29, 1);
  wire_expect_nothing(&w, &b);
}
END_TEST

START_TEST(one_message_with_many_tokens_asks_once) {
  struct message h = {
      .kind = MESSAGE_REQUEST, .op = OP_call, .id = 1, .flags = MESSAGE_ONE_WAY, .target = OP_PT};
  struct pt f = wire_token(&b, 1);
  wire_fetch(&w, &a, &b, "b", &f);
  h.pt = f;
  wire_begin_to(&a, &h, 50);
  for (uint64_t id = 1; id <= 50; id++) {
    struct pt x = wire_token(&a, id);
    pack_pt(&a.p, &x);
  }
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_call);
  wire_expect_nothing(&w, &b);
}
END_TEST

static void gc(struct end *e, const char *name) {
  wire_ask(e, OP_gc, name, NULL, 0);
  wire_send(&w, e);
}

START_TEST(gc_is_answered_when_the_worker_has_collected) {
  gc(&o, "b");
  gc(&o, "b");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  wire_expect_nothing(&w, &b); /* the second joins the first */
  wire_quiet(&w, &o);
  answer_free(&b, b.m.id - 1);
  wire_quiet(&w, &o);
  gc(&o, "a");
  wire_expect(&w, &a, MESSAGE_REQUEST, OP_free);
  answer_free(&a, a.m.id);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_gc);
}
END_TEST

/* An answer to free that nobody asked for, with the id 0 that "none is open" is noted as, and with
 * another. It must change nothing, whether an answer of the client's is due (_i == 1) or not. */
START_TEST(an_answer_to_no_free_is_discarded) {
  if (_i) {
    wire_ask(&b, OP_labels, "a", NULL, 0);
    wire_send(&w, &b);
    wire_expect_peer(&w, &a, b.host, "b");
    wire_expect(&w, &a, MESSAGE_REQUEST, OP_labels);
  }
  uint64_t asked = a.m.id;
  for (uint64_t id = 0; id <= 1000; id += 1000) {
    answer_free(&a, id);
    pack_uint(wire_begin(&a, MESSAGE_ERROR, OP_free, id, 2), STATUS_busy);
    pack_text(&a.p, "no");
    wire_send(&w, &a);
  }
  wire_quiet(&w, &a);
  if (!_i) return;
  wire_begin(&a, MESSAGE_REPLY, OP_labels, asked, 0);
  wire_send(&w, &a);
  wire_expect(&w, &b, MESSAGE_REPLY, OP_labels);
}
END_TEST

START_TEST(a_worker_may_have_its_holders_collect) {
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  gc(&b, "a"); /* a holds nothing of b */
  wire_expect_error(&w, &b, STATUS_denied);
  gc(&a, "b");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  uint64_t id = b.m.id;
  wire_unsub(&w, &b, &x, 1);
  answer_free(&b, id);
  wire_expect_drop(&w, &a, 1, 1); /* what was collected is told before the answer */
  wire_expect(&w, &a, MESSAGE_REPLY, OP_gc);
}
END_TEST

START_TEST(gc_wants_an_observer_and_a_living_worker) {
  gc(&a, "b");
  wire_expect_error(&w, &a, STATUS_denied);
  gc(&o, "nope");
  wire_expect_error(&w, &o, STATUS_dead);
  gc(&o, "b");
  wire_leave(&b);
  wire_expect_error(&w, &o, STATUS_lost);
  wire_expect_text(&o, "worker b ended while it worked on the call; whether it was done is not known");
}
END_TEST

START_TEST(an_error_answers_free_as_well) {
  gc(&o, "b");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  wire_begin(&b, MESSAGE_ERROR, OP_free, b.m.id, 2);
  pack_uint(&b.p, STATUS_unsupported);
  pack_text(&b.p, "no collector");
  wire_send(&w, &b);
  wire_expect(&w, &o, MESSAGE_REPLY, OP_gc);
}
END_TEST

START_TEST(an_observer_that_leaves_waits_no_more) {
  gc(&o, "b");
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  wire_leave(&o);
  answer_free(&b, b.m.id);
  wire_quiet(&w, &b);
  ck_assert_uint_eq(w.broker.collecting.all.count, 0);
}
END_TEST

START_TEST(waits_for_a_collection_are_bounded) {
  enum { OF_ONE = 100, FOR_ONE = 2000, OBSERVERS = FOR_ONE / OF_ONE };
  static struct end others[OBSERVERS];
  memset(others, 0, sizeof others);
  for (int i = 0; i < OBSERVERS; i++) {
    wire_join_as(&w, &others[i], NULL, true);
    for (int n = 0; n < OF_ONE + (i == 0); n++) gc(&others[i], "b");
    wire_flush(&w, &others[i]);
  }
  wire_expect_error(&w, &others[0], STATUS_busy);
  gc(&o, "b");
  wire_flush(&w, &o);
  wire_expect_error(&w, &o, STATUS_busy);
  ck_assert_uint_eq(w.broker.collecting.all.count, FOR_ONE);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  answer_free(&b, b.m.id);
  for (int i = 0; i < OBSERVERS; i++) {
    for (int n = 0; n < OF_ONE; n++) wire_expect(&w, &others[i], MESSAGE_REPLY, OP_gc);
    wire_leave(&others[i]);
  }
}
END_TEST

/* ---- Weights ---- */

/* e says what its host would get back for the token: no more than `kib`. */
static void weigh(struct end *e, const struct pt *pt, uint64_t kib) {
  struct pack *p = wire_begin(e, MESSAGE_NOTICE, OP_weigh, 0, 2);
  pack_pt(p, pt);
  pack_uint(p, kib);
  wire_send(&w, e);
}

START_TEST(free_is_sent_by_weight_too) {
  struct pt first = wire_token(&a, 1), second = wire_token(&a, 2);
  give(1, 2);
  wire_expect_peer(&w, &b, a.host, "a");
  expect_tokens(1, 2);
  weigh(&a, &first, 20 << 10);
  wire_quiet(&w, &b);
  weigh(&a, &second, 20 << 10);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  uint64_t id = b.m.id;
  wire_unsub(&w, &b, &first, 1);
  answer_free(&b, id);
  give(3, 1); /* 20 MiB are used, so it may hold 32 */
  expect_tokens(3, 1);
  struct pt third = wire_token(&a, 3);
  weigh(&a, &third, 12 << 10);
  wire_quiet(&w, &b);
  weigh(&a, &third, 24 << 10);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
}
END_TEST

START_TEST(who_is_given_a_weighed_object_bears_its_weight) {
  struct end c = {0};
  struct pt x = wire_token(&a, 1);
  wire_join(&w, &c, "c");
  give(1, 1);
  wire_expect_peer(&w, &b, a.host, "a");
  expect_tokens(1, 1);
  weigh(&a, &x, 40 << 10);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
  pack_text(wire_ask(&c, OP_s2t, "b", NULL, 1), "x");
  wire_send(&w, &c);
  wire_expect(&w, &b, MESSAGE_NOTICE, OP_peer);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_s2t);
  pack_pt(wire_begin(&b, MESSAGE_REPLY, OP_s2t, b.m.id, 1), &x);
  wire_send(&w, &b);
  wire_expect(&w, &c, MESSAGE_NOTICE, OP_peer);
  wire_expect(&w, &c, MESSAGE_REQUEST, OP_free);
  wire_expect(&w, &c, MESSAGE_REPLY, OP_s2t);
  wire_leave(&b); /* the books say that it bears nothing any more (wire_turn) */
  wire_quiet(&w, &a);
  wire_leave(&c);
}
END_TEST

START_TEST(a_weight_doubles_at_least) {
  struct pt x = wire_token(&a, 1);
  give(1, 1);
  wire_expect_peer(&w, &b, a.host, "a");
  expect_tokens(1, 1);
  weigh(&a, &x, 20 << 10);
  weigh(&a, &x, 39 << 10);
  weigh(&a, &x, 1);
  wire_quiet(&w, &b);
  weigh(&a, &x, UINT64_MAX);
  wire_expect(&w, &b, MESSAGE_REQUEST, OP_free);
}
END_TEST

START_TEST(only_its_host_weighs_an_object) {
  struct pt x = wire_token(&a, 1), gone = wire_token(&a, 7), wrong = wire_token(&a, 1);
  give(1, 1);
  wire_expect_peer(&w, &b, a.host, "a");
  expect_tokens(1, 1);
  weigh(&a, &gone, 50 << 10); /* one that nobody holds any more is no fault */
  wire_quiet(&w, &a);
  if (_i == 0) {
    weigh(&b, &x, 50 << 10);
    wire_expect_end(&w, &b);
  } else {
    wrong.stamp++;
    weigh(&a, _i == 1 ? &wrong : &x, 50 << 10);
    if (_i == 1) {
      wire_expect_end(&w, &a);
    } else {
      wire_begin(&a, MESSAGE_NOTICE, OP_weigh, 0, 3);
      pack_pt(&a.p, &x);
      pack_uint(&a.p, 1);
      pack_nil(&a.p);
      wire_send(&w, &a);
      wire_expect_end(&w, &a);
    }
  }
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker collect");
  TCase *t = tcase_create("collect");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, free_comes_before_the_delivery_that_exceeds_the_allowance);
  tcase_add_test(t, the_answer_to_free_raises_the_allowance);
  tcase_add_test(t, one_message_with_many_tokens_asks_once);
  tcase_add_test(t, gc_is_answered_when_the_worker_has_collected);
  tcase_add_loop_test(t, an_answer_to_no_free_is_discarded, 0, 2);
  tcase_add_test(t, a_worker_may_have_its_holders_collect);
  tcase_add_test(t, gc_wants_an_observer_and_a_living_worker);
  tcase_add_test(t, an_error_answers_free_as_well);
  tcase_add_test(t, an_observer_that_leaves_waits_no_more);
  tcase_add_test(t, waits_for_a_collection_are_bounded);
  tcase_add_test(t, free_is_sent_by_weight_too);
  tcase_add_test(t, who_is_given_a_weighed_object_bears_its_weight);
  tcase_add_test(t, a_weight_doubles_at_least);
  tcase_add_loop_test(t, only_its_host_weighs_an_object, 0, 3);
  return run_suite(s);
}
