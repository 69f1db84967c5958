/* SPDX-License-Identifier: MIT
 *
 * The way back (client-lib/return.c): hello that is refused or late, declared dead, programs without a loop, forks.
 */
#include <sys/wait.h>

#include "tests/unit/fake_return.h"

START_TEST(who_was_declared_dead_comes_as_another) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  uint64_t host;
  struct secret s;
  return_open_with_one_of_each(&r, &t, &h);
  ck_assert_int_eq(gaijin_notice(r.f.g, GAIJIN_OP_READY), 0);
  gaijin_token *pinned = gaijin_token_new(r.f.g, GAIJIN_KIND_TABLE, &r);
  fake_take(&r.f, pinned);
  struct gaijin_pt home = gaijin_token_pt(r.f.g, pinned), pt = fake_pt(OTHER_HOST, 1);
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&r.f.p, OTHER_HOST);
  pack_text(&r.f.p, "bank");
  fake_send(&r.f);
  fake_begin_to(&r.f, GAIJIN_OP_CALL, 41, &home, 1);
  fake_put_pt(&r.f, &home);
  fake_deliver(&r.f);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_DEAD, "you were declared dead while you were away (time)");
  ck_assert_int_eq(return_turn(&r), 0);
  close(r.f.fd);
  ck_assert(!return_meet(&r, &host, &s)); /* without host and secret */
  return_welcome(&r.f, NEW_HOST, GENERATION + 1);
  ck_assert_int_eq(return_turn_to_the_end(&r), 0);
  ck_assert_str_eq(r.log, "dfxbr");
  ck_assert_uint_eq(r.former, FAKE_HOST);
  ck_assert_uint_eq(gaijin_host(r.f.g), NEW_HOST);
  return_check(&r);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
  ck_assert(gaijin_host_dead(r.f.g, OTHER_HOST));
  ck_assert_int_eq(gaijin_flush(r.f.g, true), 0);
  return_expect(&r, OP_ready, 0); /* and no `back`: it is new */
  /* The body that had come is still read as it was. */
  struct gaijin_value v;
  ck_assert(gaijin_body_next(r.f.told.body[0], &v));
  ck_assert_int_eq(v.type, GAIJIN_HOME);
  gaijin_body_free(r.f.told.body[0]);
  ck_assert_uint_eq(r.f.told.forgets, 2);
  ck_assert_uint_eq(gaijin_token_count(r.f.g), 0);
  /* The other host lives: it is met again, and its object is the one that it was. */
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&r.f.p, OTHER_HOST);
  pack_text(&r.f.p, "bank");
  fake_send(&r.f);
  unsigned n = fake_give(&r.f, &pt);
  ck_assert(!gaijin_host_dead(r.f.g, OTHER_HOST));
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_HELD);
  gaijin_body_free(r.f.told.answer[n].body);
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

START_TEST(a_name_taken_meanwhile_ends_it) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_DEAD, "you were declared dead");
  ck_assert_int_eq(return_turn(&r), 0);
  close(r.f.fd);
  ck_assert(!return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_NAME_TAKEN, "another worker is named shop");
  ck_assert_int_eq(return_turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "another worker is named shop"));
  struct secret none = {{0}};
  ck_assert(secret_equal(&r.f.g->ret.secret, &none));
  fake_close(&r.f);
}
END_TEST

/* One that does not know what `host` means gives another host id: all is over, too, and the connection good. */
START_TEST(another_host_id_means_declared_dead) {
  struct returned r;
  gaijin_token *t;
  gaijin_holding *h;
  uint64_t host;
  struct secret s;
  return_open_with_one_of_each(&r, &t, &h);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_welcome(&r.f, NEW_HOST, GENERATION + 1);
  ck_assert_int_eq(return_turn_to_the_end(&r), 0);
  ck_assert_str_eq(r.log, "dfxbr");
  return_check(&r);
  gaijin_let_go(r.f.g, h);
  fake_close(&r.f);
}
END_TEST

START_TEST(a_broker_without_room_is_asked_again) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  for (int i = 0; i < 3; i++) {
    ck_assert(return_meet(&r, &host, &s));
    return_refuse(&r, GAIJIN_STATUS_BUSY, "no room");
    ck_assert_int_eq(return_turn(&r), 0);
    close(r.f.fd);
  }
  return_back(&r);
  ck_assert_str_eq(r.log, "dr");
  fake_close(&r.f);
}
END_TEST

START_TEST(other_refusals_end_it) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  return_refuse(&r, GAIJIN_STATUS_DENIED, "the policy does not let you in");
  ck_assert_int_eq(return_turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "the policy does not let you in"));
  return_check(&r);
  fake_close(&r.f);
}
END_TEST

START_TEST(what_is_no_broker_ends_it) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open(&r);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  fake_bytes(&r.f, "HTTP/1.1 400 Bad Request\r\n", 26);
  ck_assert_int_eq(return_turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  fake_close(&r.f);
}
END_TEST

/* The answer may come a byte at a time, and with the next messages at its heels. */
START_TEST(the_answer_to_hello_in_pieces_and_with_more_behind) {
  struct returned r;
  uint64_t host;
  struct secret s;
  gaijin_token *t;
  gaijin_holding *h;
  return_open_with_one_of_each(&r, &t, &h);
  struct gaijin_pt pt = gaijin_token_pt(r.f.g, t);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  int kept = r.f.fd, ends[2];
  ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  r.f.fd = ends[0]; /* what return_welcome writes is caught, and sent in pieces */
  return_welcome(&r.f, FAKE_HOST, GENERATION + 1);
  fake_begin_to(&r.f, GAIJIN_OP_CALL, ((uint64_t)(GENERATION + 1) << CALL_ID_BITS) + 1, &pt, 0);
  fake_send(&r.f);
  r.f.fd = kept;
  uint8_t bytes[4096];
  ssize_t n = recv(ends[1], bytes, sizeof bytes, 0);
  ck_assert_int_gt(n, 80);
  for (int i = 0; i < 80; i++) {
    fake_bytes(&r.f, bytes + i, 1);
    ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  }
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
  fake_bytes(&r.f, bytes + 80, (size_t)n - 80);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_str_eq(r.log, "dr");
  ck_assert_uint_eq(r.f.told.requests, 1);
  gaijin_body_free(r.f.told.body[0]);
  close(ends[0]);
  close(ends[1]);
  fake_close(&r.f);
}
END_TEST

START_TEST(time_runs_out) {
  struct returned r;
  return_open_with(&r, 100, false, MAX_MESSAGE_DEFAULT);
  close(r.f.listener);
  unlink(r.f.path);
  return_cut(&r);
  ck_assert_int_eq(return_turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "could not be taken up again in 0.1 s"));
  ck_assert_int_eq(gaijin_dispatch(r.f.g), GAIJIN_STATUS_LOST);
  return_check(&r);
  r.f.listener = dup(0);
  fake_close(&r.f);
}
END_TEST

/* A program that was busy with other things all that time is no reason to give up: the broker may be back for long. */
START_TEST(who_did_not_look_tries_once_more) {
  struct returned r;
  return_open_with(&r, 1, false, MAX_MESSAGE_DEFAULT);
  return_cut(&r);
  while (clock_seconds() < r.f.g->ret.end) continue;
  return_back(&r);
  ck_assert_str_eq(r.log, "dr");
  fake_close(&r.f);
}
END_TEST

/* A broker that accepts and says nothing, at the end of the time. */
START_TEST(time_runs_out_in_hello) {
  struct returned r;
  uint64_t host;
  struct secret s;
  return_open_with(&r, 100, false, MAX_MESSAGE_DEFAULT);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &s));
  ck_assert_int_eq(return_turn_to_the_end(&r), GAIJIN_STATUS_LOST);
  ck_assert_ptr_nonnull(strstr(gaijin_error(r.f.g), "look whether it hangs"));
  fake_close(&r.f);
}
END_TEST

START_TEST(it_can_be_closed_in_each_state) {
  for (int at = 0; at < 3; at++) {
    struct returned r;
    gaijin_token *t;
    gaijin_holding *h;
    uint64_t host;
    struct secret s;
    return_open_with_one_of_each(&r, &t, &h);
    return_cut(&r);
    if (at == 1) ck_assert(return_meet(&r, &host, &s));
    if (at == 2) return_back(&r);
    fake_close(&r.f);
  }
}
END_TEST

static void *next_broker(void *user) {
  struct fake *f = user;
  f->fd = accept(f->listener, NULL, NULL);
  if (f->fd < 0) return NULL;
  fake_next(f);
  return_welcome(f, FAKE_HOST, GENERATION + 1);
  return NULL;
}

START_TEST(await_goes_through_an_outage) {
  struct returned r;
  struct gaijin_answer a;
  pthread_t broker;
  return_open(&r);
  uint64_t id = fake_ask(&r.f, NULL);
  return_kill(&r);
  ck_assert_int_eq(pthread_create(&broker, NULL, next_broker, &r.f), 0);
  ck_assert_int_eq(gaijin_await(r.f.g, id, 10, &a), GAIJIN_STATUS_LOST);
  ck_assert(!a.ok);
  ck_assert_int_eq(a.status, GAIJIN_STATUS_LOST);
  ck_assert_int_eq(gaijin_await_link(r.f.g, NULL, 10), 0);
  pthread_join(broker, NULL);
  ck_assert_str_eq(r.log, "dr");
  fake_close(&r.f);
}
END_TEST

START_TEST(await_link_tells_the_time) {
  struct returned r;
  return_open(&r);
  close(r.f.listener);
  unlink(r.f.path);
  return_cut(&r);
  ck_assert_int_eq(gaijin_await_link(r.f.g, NULL, 0.05), GAIJIN_STATUS_TIMEOUT);
  ck_assert_int_eq(gaijin_link(r.f.g), GAIJIN_AWAY);
  r.f.listener = dup(0);
  fake_close(&r.f);
}
END_TEST

START_TEST(a_fork_does_not_come_back_in_its_parent_s_name) {
  struct returned r;
  return_open(&r);
  return_cut(&r);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 20; i++) {
      if (gaijin_dispatch(r.f.g) != GAIJIN_STATUS_UNSUPPORTED) _exit(1);
      poll(NULL, 0, 5);
    }
    if (gaijin_await_link(r.f.g, NULL, 1) != GAIJIN_STATUS_UNSUPPORTED) _exit(2);
    gaijin_close(r.f.g);
    _exit(0);
  }
  int status;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_int_eq(status, 0);
  struct pollfd p = {.fd = r.f.listener, .events = POLLIN};
  ck_assert_int_eq(poll(&p, 1, 0), 0); /* nobody has come */
  return_back(&r);                     /* and the parent is none the worse */
  fake_close(&r.f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_hello");
  TCase *dead = tcase_create("dead"), *hello = tcase_create("hello"), *alone = tcase_create("alone");
  tcase_add_test(dead, who_was_declared_dead_comes_as_another);
  tcase_add_test(dead, a_name_taken_meanwhile_ends_it);
  tcase_add_test(dead, another_host_id_means_declared_dead);
  tcase_add_test(hello, a_broker_without_room_is_asked_again);
  tcase_add_test(hello, other_refusals_end_it);
  tcase_add_test(hello, what_is_no_broker_ends_it);
  tcase_add_test(hello, the_answer_to_hello_in_pieces_and_with_more_behind);
  tcase_add_test(hello, time_runs_out);
  tcase_add_test(hello, who_did_not_look_tries_once_more);
  tcase_add_test(hello, time_runs_out_in_hello);
  tcase_add_test(hello, it_can_be_closed_in_each_state);
  tcase_add_test(alone, await_goes_through_an_outage);
  tcase_add_test(alone, await_link_tells_the_time);
  tcase_add_test(alone, a_fork_does_not_come_back_in_its_parent_s_name);
  suite_add_tcase(s, dead);
  suite_add_tcase(s, hello);
  suite_add_tcase(s, alone);
  return run_suite(s);
}
