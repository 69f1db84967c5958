/* SPDX-License-Identifier: MIT
 *
 * Loads and their allowance, free, and gc.
 */
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, o; /* a has the objects, b holds them, o observes */

static void setup(void) {
  struct broker_config config = {
      .load_min = 10, .load_gain = 1.4, .max_message = 1 << 20, .log_level = LOG_ERROR};
  wire_open(&w, &config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join_as(&w, &o, "o", true);
}
static void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&o);
  wire_close(&w);
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
  wire_expect_error(&w, &o, STATUS_dead);
  wire_expect_text(&o, "Gaijin tried accessing dead resource. (b)");
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
  return run_suite(s);
}
