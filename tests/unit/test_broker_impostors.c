/* SPDX-License-Identifier: MIT
 *
 * Who says that it comes back and does not, and what a worker that does may not have.
 */
#define _GNU_SOURCE /* memmem */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "broker/base/process.h"
#include "proto/closed.h"
#include "tests/unit/broker_comeback.h"
#include "tests/unit/held_child.h"

static struct wire w;
static struct worker shop, other;

static void setup(void) {
  wire_open(&w, NULL);
  shop = other = (struct worker){.end = {.fd = -1}};
  worker_join(&w, &shop, "shop");
}
static void teardown(void) {
  wire_leave(&shop.end);
  wire_leave(&other.end);
  wire_close(&w);
}
static void again(void) {
  wire_kill(&w);
  wire_again(&w, NULL);
}

static void hello_sandboxed(struct worker *k, const char *name) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = name,
                            .name_size = (uint32_t)strlen(name)};
  wire_connect(&w, &k->end);
  struct pack *p = wire_begin(&k->end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(1));
  hello_put_request(p, &h, 1);
  pack_text(p, SANDBOXED_KEY);
  pack_bool(p, true);
  wire_send(&w, &k->end);
}

static void expect_text(struct end *e, const char *text) {
  struct value v;
  ck_assert(reader_next(&e->r, &v));
  ck_assert_msg(memmem(v.bytes, v.size, text, strlen(text)) != NULL, "expected \"%s\" in \"%.*s\"",
                text, (int)v.size, v.bytes);
}

/* Whether the id is anybody's is not told. */
START_TEST(with_a_wrong_secret) {
  again();
  for (int bit = 0; bit < 8 * SECRET_BYTES; bit += 31) {
    struct secret wrong = shop.secret;
    wrong.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    for (uint64_t host = shop.host; host <= shop.host + 1; host++) {
      worker_hello(&w, &other, "shop", host, &wrong);
      wire_expect_error(&w, &other.end, STATUS_dead);
      expect_text(&other.end, "you were declared dead while you were away (the roster of this "
                              "broker, generation 2, does not have you)");
      wire_expect_end(&w, &other.end);
      worker_forget(&other);
    }
  }
  worker_return(&w, &shop); /* who has it still comes back */
}
END_TEST

START_TEST(of_another_user) {
  wire_kill(&w);
  char roster[120];
  snprintf(roster, sizeof roster, "%s.roster", w.path);
  int fd = open(roster, O_RDWR);
  uint32_t uid = getuid() + 1;
  off_t at = ROSTER_RECORD + (off_t)offsetof(struct roster_slot, uid);
  ck_assert_int_eq(pwrite(fd, &uid, sizeof uid, at), sizeof uid);
  close(fd);
  wire_again(&w, NULL);
  worker_hello(&w, &other, NULL, shop.host, &shop.secret);
  worker_refused(&w, &other, STATUS_dead);
}
END_TEST

START_TEST(an_observer_has_no_way_back) {
  again();
  worker_forget(&other);
  wire_connect(&w, &other.end);
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .observer = true};
  struct pack *p = wire_begin(&other.end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(2));
  hello_put_request(p, &h, 2);
  pack_text(p, RETURN_HOST_KEY);
  pack_uint(p, shop.host);
  pack_text(p, RETURN_SECRET_KEY);
  pack_string(p, (const char *)shop.secret.bytes, SECRET_BYTES);
  wire_send(&w, &other.end);
  worker_refused(&w, &other, STATUS_dead);
}
END_TEST

START_TEST(with_one_of_the_two) {
  again();
  worker_hello(&w, &other, NULL, shop.host, NULL);
  worker_refused(&w, &other, STATUS_protocol);
  worker_hello(&w, &other, NULL, 0, &shop.secret);
  worker_refused(&w, &other, STATUS_protocol);
}
END_TEST

START_TEST(its_name_is_its_own_until_it_is_dead) {
  again();
  worker_hello(&w, &other, "shop", 0, NULL);
  wire_expect_error(&w, &other.end, STATUS_name_taken);
  expect_text(&other.end, "worker shop has not come back yet after a restart of the broker");
  wire_expect_end(&w, &other.end);
  worker_forget(&other);
  worker_hello(&w, &other, "else", shop.host, &shop.secret); /* nor has it another */
  worker_refused(&w, &other, STATUS_unsupported);
  shop.name = NULL; /* the same as its own */
  worker_return(&w, &shop);
  worker_back(&w, &shop);
  wire_settle(&w);
  worker_hello(&w, &other, "shop", 0, NULL);
  worker_refused(&w, &other, STATUS_name_taken);
}
END_TEST

/* A supervisor that starts it again is not refused. */
START_TEST(the_name_of_one_that_has_ended_is_free) {
  int held;
  pid_t child = held_child(&held);
  struct client *c = wire_client(&w, &shop.end);
  roster_set_process(&w.broker.roster, c->slot, child, process_start(child));
  again();
  worker_hello(&w, &other, "shop", 0, NULL);
  worker_refused(&w, &other, STATUS_name_taken);
  close(held);
  ck_assert_int_eq(waitpid(child, NULL, 0), child);
  worker_join(&w, &other, "shop");
  wire_settle(&w);
  worker_forget(&shop);
  worker_hello(&w, &shop, NULL, shop.host, &shop.secret);
  worker_refused(&w, &shop, STATUS_dead);
}
END_TEST

START_TEST(one_that_retired_comes_back_without_its_name) {
  wire_begin(&shop.end, MESSAGE_NOTICE, OP_retire, 0, 0);
  wire_send(&w, &shop.end);
  again();
  worker_join(&w, &other, "shop");
  worker_return(&w, &shop);
  ck_assert(wire_client(&w, &shop.end)->retired);
  ck_assert_uint_eq(names_host(&w.broker.names, "shop", 4),
                    hosts_find(&w.broker.hosts, other.host));
  again();
  ck_assert_uint_eq(absents_count(&w.broker.grace.absents), 2);
  worker_return(&w, &shop);
  worker_return(&w, &other);
}
END_TEST

/* It retires between its hello and its `back`. */
START_TEST(one_that_retires_on_its_way) {
  again();
  worker_return(&w, &shop);
  wire_begin(&shop.end, MESSAGE_NOTICE, OP_retire, 0, 0);
  wire_send(&w, &shop.end);
  worker_join(&w, &other, "shop");
  worker_back(&w, &shop);
  wire_settle(&w);
}
END_TEST

/* Its worker knows better than the broker that the old connection has ended. */
START_TEST(while_it_is_connected) {
  struct worker second = shop, wrong = shop;
  second.end = wrong.end = (struct end){.fd = -1};
  wrong.secret.bytes[0] ^= 1;
  worker_hello(&w, &wrong, "shop", shop.host, &wrong.secret);
  worker_refused(&w, &wrong, STATUS_dead);
  wire_quiet(&w, &shop.end);
  worker_hello(&w, &second, "shop", shop.host, &shop.secret);
  worker_refused(&w, &second, STATUS_dead);
  wire_expect_end(&w, &shop.end);
  worker_join(&w, &other, "shop"); /* the name is free */
}
END_TEST

/* Death is final for all brokers to come. */
START_TEST(one_that_was_cut_off) {
  client_condemn(wire_client(&w, &shop.end), "a test");
  wire_expect_end(&w, &shop.end);
  again();
  worker_hello(&w, &other, "shop", shop.host, &shop.secret);
  worker_refused(&w, &other, STATUS_dead);
  ck_assert(!w.broker.grace.is_on);
}
END_TEST

START_TEST(after_an_end_in_good_order) {
  char lost[120];
  snprintf(lost, sizeof lost, "%s.roster", w.path);
  broker_stop(&w.broker);
  uv_run(&w.loop, UV_RUN_DEFAULT);
  broker_deinit(&w.broker);
  uv_loop_close(&w.loop);
  struct stat s;
  ck_assert_int_eq(stat(lost, &s), -1);
  wire_again(&w, NULL);
  worker_hello(&w, &other, "shop", shop.host, &shop.secret);
  worker_refused(&w, &other, STATUS_dead);
}
END_TEST

/* The roster of a broker long ago, put back. */
START_TEST(with_an_old_roster) {
  char roster[120], old[130];
  snprintf(roster, sizeof roster, "%s.roster", w.path);
  snprintf(old, sizeof old, "%s.old", roster);
  wire_kill(&w);
  ck_assert_int_eq(rename(roster, old), 0);
  wire_again(&w, NULL);
  ck_assert_uint_eq(w.broker.roster.generation, 1);
  worker_hello(&w, &other, NULL, shop.host, &shop.secret);
  worker_refused(&w, &other, STATUS_dead);
  ck_assert_int_eq(unlink(old), 0);
}
END_TEST

/* A broker that cannot begin takes nobody's way back: with one descriptor more each time, it fails at
 * each step that needs one. */
START_TEST(a_start_that_fails_keeps_the_roster) {
  struct broker_config c = wire_config();
  struct rlimit all, few;
  char error[512];
  int failed = 0, r = -1;
  c.socket = w.path;
  wire_kill(&w);
  worker_forget(&shop);
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
  few = all;
  for (few.rlim_cur = 3; r < 0; few.rlim_cur++) {
    ck_assert_int_eq(uv_loop_init(&w.loop), 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    r = broker_start(&w.broker, &w.loop, &c, error, sizeof error);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
    if (r == 0 && w.broker.roster.header) break;
    failed++;
    w.broker.listens = false; /* without its roster's file it is of no use to this test */
    r = -1;
    broker_stop(&w.broker);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    broker_deinit(&w.broker);
    ck_assert_int_eq(uv_loop_close(&w.loop), 0);
  }
  ck_assert_int_gt(failed, 2);
  worker_return(&w, &shop);
}
END_TEST

START_TEST(nothing_is_left_of_its_secret_where_others_look) {
  static const char *const what[] = {"clients", "tokens", "loads", "accounts"};
  again();
  worker_return(&w, &shop);
  wire_join_as(&w, &other.end, "eye", true);
  for (int i = 0; i < 4; i++) {
    pack_text(wire_ask(&other.end, OP_inspect, NULL, NULL, 1), what[i]);
    wire_send(&w, &other.end);
    wire_past_peers(&w, &other.end);
    ck_assert_int_eq(other.end.m.kind, MESSAGE_REPLY);
    ck_assert_ptr_null(memmem(other.end.m.body, other.end.m.body_size, shop.secret.bytes, 8));
  }
}
END_TEST

/* Code that has broken out of its VM says nothing of that when it comes back. */
START_TEST(a_sandboxed_one_stays_so) {
  struct client *c = wire_client(&w, &shop.end);
  c->sandboxed = true;
  roster_at(&w.broker.roster, c->slot)->sandboxed = true;
  again();
  worker_return(&w, &shop);
  ck_assert(wire_client(&w, &shop.end)->sandboxed);
  hello_sandboxed(&other, "other");
  worker_welcome(&w, &other);
  again();
  worker_forget(&shop);
  other.name = "other";
  worker_return(&w, &other);
  ck_assert(wire_client(&w, &other.end)->sandboxed);
}
END_TEST

/* Who speaks an older version never comes back: nobody waits for it. */
START_TEST(older_workers_have_no_slot) {
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_RETURN - 1, .name = "old",
                            .name_size = 3};
  wire_connect(&w, &other.end);
  hello_put_request(wire_begin(&other.end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(0)),
                    &h, 0);
  wire_send(&w, &other.end);
  wire_expect(&w, &other.end, MESSAGE_REPLY, OP_hello);
  struct hello_reply r;
  struct reader v;
  ck_assert_ptr_null(hello_read_reply(&other.end.m, &r));
  ck_assert(!hello_option(&r.options, RETURN_SECRET_KEY, &v));
  ck_assert(!hello_option(&r.options, RETURN_GENERATION_KEY, &v));
  ck_assert_uint_eq(w.broker.roster.used, 1);
}
END_TEST

START_TEST(new_hosts_are_none_of_the_absent) {
  again();
  worker_hello(&w, &other, NULL, 0, NULL); /* client-1, if that is nobody's who may come back */
  worker_welcome(&w, &other);
  ck_assert_uint_ne(other.host, shop.host);
  again();
  worker_forget(&shop);
  worker_hello(&w, &shop, NULL, 0, NULL);
  worker_welcome(&w, &shop);
  ck_assert_str_eq(wire_client(&w, &shop.end)->name, "client-2");
  other.name = "client-1";
  worker_return(&w, &other);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker impostors");
  TCase *t = tcase_create("impostors");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, with_a_wrong_secret);
  tcase_add_test(t, of_another_user);
  tcase_add_test(t, an_observer_has_no_way_back);
  tcase_add_test(t, with_one_of_the_two);
  tcase_add_test(t, its_name_is_its_own_until_it_is_dead);
  tcase_add_test(t, the_name_of_one_that_has_ended_is_free);
  tcase_add_test(t, one_that_retired_comes_back_without_its_name);
  tcase_add_test(t, one_that_retires_on_its_way);
  tcase_add_test(t, while_it_is_connected);
  tcase_add_test(t, one_that_was_cut_off);
  tcase_add_test(t, after_an_end_in_good_order);
  tcase_add_test(t, with_an_old_roster);
  tcase_add_test(t, a_start_that_fails_keeps_the_roster);
  tcase_add_test(t, nothing_is_left_of_its_secret_where_others_look);
  tcase_add_test(t, a_sandboxed_one_stays_so);
  tcase_add_test(t, older_workers_have_no_slot);
  tcase_add_test(t, new_hosts_are_none_of_the_absent);
  return run_suite(s);
}
