/* SPDX-License-Identifier: MIT
 *
 * What waits in the out-queue when the broker goes, and how what is owed to the next one gets through it.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "tests/unit/fake_return.h"
#include "tests/unit/run.h"

/* Tokens: more than a socket and what waits at most take of words, or of weights. So many are sent in one message. */
enum { MANY = 12000, MANY_WEIGHED = 30000, AT_ONCE = 200 };

static int post(struct returned *r, gaijin_holding *h) {
  gaijin_begin_request(r->f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = h, .one_way = true}, 0);
  return gaijin_end_request(r->f.g, NULL, NULL, NULL);
}

static void ignore(void *user, const struct gaijin_answer *answer) {
  (void)user;
  gaijin_body_free(answer->body);
}

START_TEST(posts_that_were_not_sent_are_told) {
  struct returned r;
  return_open(&r);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
  for (int i = 0; i < 3; i++) ck_assert_int_eq(post(&r, h), 0);
  ck_assert_int_eq(gaijin_flush(r.f.g, false), 0); /* these three leave */
  for (int i = 0; i < 5; i++) ck_assert_int_eq(post(&r, h), 0);
  if (_i) { /* the end is noticed in writing */
    return_kill(&r);
    gaijin_flush(r.f.g, false);
    ck_assert_int_eq(post(&r, h), 0);
    gaijin_flush(r.f.g, false);
    while (gaijin_link(r.f.g) == GAIJIN_UP) ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  } else {
    return_cut(&r);
  }
  ck_assert_uint_eq(r.f.told.refusals, _i ? 6 : 5);
  ck_assert_int_eq(r.f.told.refused, GAIJIN_STATUS_LOST);
  return_back(&r);
  return_cut(&r);
  ck_assert_uint_eq(r.f.told.refusals, _i ? 6 : 5); /* once */
  fake_close(&r.f);
}
END_TEST

/* Of those that a full socket has cut in two, the broker has had no more than the first part. */
START_TEST(a_post_that_was_sent_in_part_is_told) {
  struct returned r;
  return_open(&r);
  static char text[100000];
  memset(text, 'x', sizeof text - 1);
  unsigned posts = 0;
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
  size_t before = gaijin_queued_bytes(r.f.g), size = 0;
  for (; gaijin_queued_bytes(r.f.g) == 0 || posts < 8; posts++) {
    gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = h, .one_way = true}, 1);
    gaijin_put_string(r.f.g, text, sizeof text - 1);
    ck_assert_int_eq(gaijin_end_request(r.f.g, NULL, NULL, NULL), 0);
    if (!size) size = gaijin_queued_bytes(r.f.g) - before;
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
  }
  size_t left = gaijin_queued_bytes(r.f.g);
  return_cut(&r);
  ck_assert_uint_eq(r.f.told.refusals, (left + size - 1) / size);
  fake_close(&r.f);
}
END_TEST

/* Opens, sends so many tokens that have this weight, and comes back. */
static void open_with(struct returned *r, int n, uint64_t weight) {
  gaijin_token *tokens[AT_ONCE];
  return_open(r);
  for (; n > 0; n -= AT_ONCE) {
    return_send_tokens(r, tokens, AT_ONCE);
    for (int i = 0; weight && i < AT_ONCE; i++) ck_assert_int_eq(gaijin_token_weigh(r->f.g, tokens[i], weight), 0);
  }
  return_renew(r);
}

/* A program that is never done with writing does not keep back what others wait for. */
START_TEST(a_queue_that_is_never_empty_lets_back_through) {
  struct returned r;
  open_with(&r, MANY, 0);
  unsigned read = 0;
  do {
    while (gaijin_queued_bytes(r.f.g) < 300000) {
      gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
      ck_assert_int_eq(gaijin_end_request(r.f.g, ignore, NULL, NULL), 0);
    }
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    ck_assert_uint_lt(++read, 100000);
  } while (fake_next(&r.f)->op != OP_back);
  fake_close(&r.f);
}
END_TEST

START_TEST(leave_follows_back) {
  struct returned r;
  open_with(&r, MANY, 0);
  ck_assert_int_eq(gaijin_notice(r.f.g, GAIJIN_OP_LEAVE), 0);
  bool back = false;
  for (;;) {
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    enum op op = fake_next(&r.f)->op;
    back |= op == OP_back;
    if (op == OP_leave) break;
  }
  ck_assert(back);
  fake_close(&r.f);
}
END_TEST

/* Said when only weights are owed still, nothing that is owed follows that would bring it along. */
START_TEST(a_notice_amid_weights_is_sent) {
  static const struct { enum gaijin_op said; enum op op; } notices[] = {
      {GAIJIN_OP_READY, OP_ready}, {GAIJIN_OP_RETIRE, OP_retire}, {GAIJIN_OP_LEAVE, OP_leave}};
  struct returned r;
  open_with(&r, MANY_WEIGHED, 5 << 20);
  bool said = false, told = false;
  unsigned weights = 0;
  while (weights < MANY_WEIGHED || !told) {
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    ck_assert_msg(weights < MANY_WEIGHED || gaijin_wants_write(r.f.g) || !fake_idle(&r.f), "the notice was swallowed");
    fake_next(&r.f);
    told |= r.f.m.op == notices[_i].op;
    if (r.f.m.op != OP_weigh) continue;
    struct reader in;
    uint32_t count;
    ck_assert(reader_open(&in, r.f.m.body, r.f.m.body_size, &count));
    weights += count / 2;
    if (said) continue;
    said = true;
    ck_assert_int_eq(r.f.g->ret.owing, OWING_WEIGHTS);
    ck_assert_int_eq(gaijin_notice(r.f.g, notices[_i].said), 0);
  }
  ck_assert_uint_eq(weights, MANY_WEIGHED);
  return_check(&r);
  /* The next broker is told again what this worker is, and not that it left. */
  return_renew(&r);
  unsigned again = 0;
  for (weights = 0; weights < MANY_WEIGHED;) {
    struct reader in;
    uint32_t count;
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    fake_next(&r.f);
    again += r.f.m.op == notices[_i].op;
    if (r.f.m.op != OP_weigh) continue;
    ck_assert(reader_open(&in, r.f.m.body, r.f.m.body_size, &count));
    weights += count / 2;
  }
  ck_assert_int_eq(again, notices[_i].said != GAIJIN_OP_LEAVE);
  fake_close(&r.f);
}
END_TEST

/* One who stops does not stay for its weights. */
START_TEST(leave_goes_before_weights) {
  struct returned r;
  open_with(&r, MANY_WEIGHED, 5 << 20);
  ck_assert_int_eq(gaijin_notice(r.f.g, GAIJIN_OP_LEAVE), 0);
  do {
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    fake_next(&r.f);
    ck_assert_msg(r.f.m.op != OP_weigh, "a weight goes before it");
  } while (r.f.m.op != OP_leave);
  fake_close(&r.f);
}
END_TEST

/* A message that is open when the connection ends for good ends with it. */
START_TEST(a_message_open_at_a_final_end_is_given_up) {
  struct returned r;
  return_open_with(&r, 0, false, MAX_MESSAGE_DEFAULT);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  gaijin_holding *h = return_hold(&r, &pt);
  gaijin_begin_request(r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = h}, 1);
  gaijin_put_token(r.f.g, gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r));
  return_kill(&r);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_end_request(r.f.g, ignore, NULL, NULL), GAIJIN_STATUS_LOST);
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

/* Also those that are said only when the broker that was told of the token has gone. */
START_TEST(weights_are_told_again) {
  struct returned r;
  return_open(&r);
  gaijin_token *t = return_sent_token(&r, &r);
  if (_i == 0) {
    ck_assert_int_eq(gaijin_token_weigh(r.f.g, t, 5 << 20), 0);
    ck_assert_int_eq(gaijin_flush(r.f.g, false), 0);
    return_expect(&r, OP_weigh, 2);
  }
  return_cut(&r);
  if (_i == 1) ck_assert_int_eq(gaijin_token_weigh(r.f.g, t, 5 << 20), 0);
  return_back(&r);
  return_expect(&r, OP_announce, 1);
  return_expect(&r, OP_back, 0);
  struct reader in = return_expect(&r, OP_weigh, 2);
  struct pt pt;
  uint64_t weight;
  ck_assert(reader_pt(&in, &pt) && reader_uint(&in, &weight));
  ck_assert_uint_eq(pt.id, gaijin_token_pt(r.f.g, t).id);
  ck_assert_uint_eq(weight, 5 << 10);
  ck_assert(fake_idle(&r.f));
  fake_close(&r.f);
}
END_TEST

START_TEST(without_descriptors_it_says_so) {
  struct returned r;
  return_open(&r);
  int fds[64], n = 0;
  const struct rlimit few = {60, 60};
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
  return_kill(&r);
  while (n < 64 && (fds[n] = dup(0)) >= 0) n++;
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  while (n > 0) close(fds[--n]);
  ck_assert_msg(strstr(gaijin_error(r.f.g), "it cannot be taken up again: Too many open files"), "%s", gaijin_error(r.f.g));
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_queue");
  TCase *c = tcase_create("queue");
  run_long(c);
  tcase_add_loop_test(c, posts_that_were_not_sent_are_told, 0, 2);
  tcase_add_test(c, a_post_that_was_sent_in_part_is_told);
  tcase_add_test(c, a_queue_that_is_never_empty_lets_back_through);
  tcase_add_test(c, leave_follows_back);
  tcase_add_loop_test(c, a_notice_amid_weights_is_sent, 0, 3);
  tcase_add_test(c, leave_goes_before_weights);
  tcase_add_test(c, a_message_open_at_a_final_end_is_given_up);
  tcase_add_loop_test(c, weights_are_told_again, 0, 2);
  tcase_add_test(c, without_descriptors_it_says_so);
  suite_add_tcase(s, c);
  return run_suite(s);
}
