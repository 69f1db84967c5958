/* SPDX-License-Identifier: MIT
 *
 * What a client says and is told when one worker succeeds another in its name.
 */
#include "proto/name.h"
#include "tests/unit/fake_broker.h"

static unsigned succeeded;
static void on_succeeded(void *user) {
  (void)user;
  succeeded++;
}

static void *greet(void *user) {
  struct fake *f = user;
  struct hello_request h;
  struct reader r;
  bool asked = false;
  f->fd = accept(f->listener, NULL, NULL);
  fake_next(f);
  ck_assert_ptr_null(hello_read_request(&f->m, &h));
  f->window.requests = hello_option(&h.options, SUCCEED_KEY, &r) && reader_bool(&r, &asked) && asked;
  fake_welcome(f, WIRE_VERSION_MOST, f->max_message, 0);
  fake_send(f);
  return NULL;
}

/* _i: whether it is asked for. */
START_TEST(hello_says_so) {
  struct fake f;
  pthread_t greeter;
  char error[256];
  fake_listen(&f);
  ck_assert_int_eq(pthread_create(&greeter, NULL, greet, &f), 0);
  struct gaijin_options o = {.socket = f.path, .name = "shop", .wait_seconds = 10, .succeed = _i};
  ck_assert_int_eq(gaijin_connect(&f.g, &o, error, sizeof error), 0);
  pthread_join(greeter, NULL);
  ck_assert_uint_eq(f.window.requests, (unsigned)_i);
  fake_close(&f);
}
END_TEST

START_TEST(the_one_before_is_told) {
  struct fake f;
  struct gaijin_events events = {.succeeded = on_succeeded};
  fake_connect(&f, &events, MAX_MESSAGE_DEFAULT);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_SUCCEEDED, 0, 0);
  fake_deliver(&f);
  ck_assert_uint_eq(succeeded, 1);
  ck_assert(f.g->ret.retired); /* who comes back does not ask for the name */
  fake_close(&f);
}
END_TEST

/* A broker that comes back tells everybody who comes back without a name. */
START_TEST(who_has_retired_is_not_told_that_it_was_succeeded) {
  struct fake f;
  struct gaijin_events events = {.succeeded = on_succeeded};
  fake_connect(&f, &events, MAX_MESSAGE_DEFAULT);
  ck_assert_int_eq(gaijin_notice(f.g, GAIJIN_OP_RETIRE), 0);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_SUCCEEDED, 0, 0);
  fake_deliver(&f);
  ck_assert_uint_eq(succeeded, 0);
  fake_close(&f);
}
END_TEST

START_TEST(who_was_succeeded_may_be_told_again) {
  struct fake f;
  struct gaijin_events events = {.succeeded = on_succeeded};
  fake_connect(&f, &events, MAX_MESSAGE_DEFAULT);
  for (unsigned i = 1; i <= 2; i++) {
    fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_SUCCEEDED, 0, 0);
    fake_deliver(&f);
    ck_assert_uint_eq(succeeded, i);
  }
  fake_close(&f);
}
END_TEST

START_TEST(who_does_not_listen_goes_on) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_SUCCEEDED, 0, 0);
  fake_deliver(&f);
  ck_assert_int_eq(gaijin_dispatch(f.g), 0);
  fake_close(&f);
}
END_TEST

static void die(struct fake *f, int told) {
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f->p, OTHER_HOST);
  pack_text(&f->p, "bank");
  fake_deliver(f);
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, told < 0 ? 1 : 2);
  pack_uint(&f->p, OTHER_HOST);
  if (told >= 0) pack_bool(&f->p, told);
  fake_deliver(f);
}

/* _i 0: an older broker does not say; 1: no; 2: yes. */
START_TEST(an_end_tells_whether_it_was_succeeded) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  ck_assert(!gaijin_host_succeeded(f.g, OTHER_HOST));
  unsigned n = fake_give(&f, &pt);
  gaijin_holding *h = gaijin_holding_find(f.g, &pt);
  gaijin_hold(f.g, h);
  gaijin_body_free(f.told.answer[n].body);
  die(&f, _i - 1);
  ck_assert_uint_eq(f.told.deads, 1);
  ck_assert_int_eq(gaijin_host_succeeded(f.g, OTHER_HOST), _i == 2);
  ck_assert_int_eq(gaijin_await_room(f.g, OTHER_HOST, 0, 0), GAIJIN_STATUS_DEAD);
  ck_assert_str_eq(gaijin_error(f.g),
                   _i == 2 ? "Gaijin tried accessing dead resource. (bank" SUCCEEDED_TEXT ")"
                           : "Gaijin tried accessing dead resource. (bank)");
  gaijin_let_go(f.g, h);
  fake_close(&f);
}
END_TEST

START_TEST(an_end_with_something_else_is_a_fault) {
  struct fake f;
  fake_open(&f);
  fake_begin(&f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 2);
  pack_uint(&f.p, OTHER_HOST);
  pack_uint(&f.p, 1);
  fake_end(&f);
  fake_bytes(&f, f.out.bytes, f.out.size);
  ck_assert_int_eq(gaijin_dispatch(f.g), GAIJIN_STATUS_LOST);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client succession");
  TCase *t = tcase_create("succession");
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, hello_says_so, 0, 2);
  tcase_add_test(t, the_one_before_is_told);
  tcase_add_test(t, who_has_retired_is_not_told_that_it_was_succeeded);
  tcase_add_test(t, who_was_succeeded_may_be_told_again);
  tcase_add_test(t, who_does_not_listen_goes_on);
  tcase_add_loop_test(t, an_end_tells_whether_it_was_succeeded, 0, 3);
  tcase_add_test(t, an_end_with_something_else_is_a_fault);
  return run_suite(s);
}
