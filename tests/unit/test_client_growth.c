/* SPDX-License-Identifier: MIT
 *
 * Programs built with the header of another version (client-lib/growth.c): their structs are
 * shorter or longer than the library's.
 */
#include <stddef.h>

#include "tests/unit/fake_broker.h"

/* What a later header would have: one member more. */
struct later_options {
  struct gaijin_options now;
  uint64_t more;
};
struct later_send {
  struct gaijin_send now;
  uint64_t more;
};
struct later_value {
  struct gaijin_value now;
  uint64_t more;
};
struct later_answer {
  struct gaijin_answer now;
  uint64_t more;
};
struct later_events {
  struct gaijin_events now;
  void (*more)(void *user);
};

static int connect_later(const struct later_options *o, char *error, size_t n) {
  gaijin *g;
  int status = gaijin_connect_sized(&g, &o->now, sizeof *o, sizeof(struct later_events), error, n);
  gaijin_close(g);
  return status;
}

START_TEST(an_option_of_a_later_version_is_refused_when_set) {
  char error[200] = "";
  struct later_options o = {.now.socket = "/nonexistent/s"};
  ck_assert_int_eq(connect_later(&o, error, sizeof error),
                   GAIJIN_STATUS_LOST); /* got as far as that */
  o.more = (uint64_t)1 << 40;
  ck_assert_int_eq(connect_later(&o, error, sizeof error), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_str_eq(error, "this program sets an option or event that libgaijin " GAIJIN_VERSION
                          " does not know");
}
END_TEST

static void later_event(void *user) { (void)user; }

START_TEST(an_event_of_a_later_version_is_refused_when_set) {
  char error[200] = "";
  struct later_events events = {.more = NULL};
  struct later_options o = {.now.socket = "/nonexistent/s", .now.events = &events.now};
  ck_assert_int_eq(connect_later(&o, error, sizeof error), GAIJIN_STATUS_LOST);
  events.more = later_event;
  ck_assert_int_eq(connect_later(&o, error, sizeof error), GAIJIN_STATUS_UNSUPPORTED);
}
END_TEST

/* An earlier header ends before `user`; what lies there is not the library's to read. */
START_TEST(an_option_of_an_earlier_version_is_not_read_beyond) {
  char error[200] = "";
  gaijin *g;
  struct gaijin_options o = {.socket = "/nonexistent/s", .wait_seconds = 0};
  size_t earlier = offsetof(struct gaijin_options, wait_seconds);
  o.wait_seconds = 1e6; /* would wait for ever */
  o.events = (void *)1; /* would crash */
  ck_assert_int_eq(gaijin_connect_sized(&g, &o, earlier, 0, error, sizeof error),
                   GAIJIN_STATUS_LOST);
}
END_TEST

START_TEST(the_events_are_copied) {
  struct fake f;
  struct gaijin_events events = fake_events;
  fake_connect(&f, &events, MAX_MESSAGE_DEFAULT);
  memset(&events, 0x5a, sizeof events);
  fake_begin(&f, MESSAGE_REQUEST, GAIJIN_OP_FREE, 1, 0);
  fake_deliver(&f);
  ck_assert_uint_eq(f.told.frees, 1);
  fake_close(&f);
}
END_TEST

START_TEST(a_request_of_a_later_version_is_refused_by_its_end) {
  struct fake f;
  fake_open(&f);
  struct later_send send = {.now.op = GAIJIN_OP_PING};
  uint64_t id;
  gaijin_begin_request_sized(f.g, &send.now, sizeof send, 0);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  gaijin_cancel(f.g, id);
  size_t queued = gaijin_queued_bytes(f.g);
  send.more = 1;
  gaijin_begin_request_sized(f.g, &send.now, sizeof send, 0);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), GAIJIN_STATUS_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(gaijin_error(f.g), "a request that libgaijin " GAIJIN_VERSION));
  ck_assert_uint_eq(gaijin_queued_bytes(f.g), queued);
  fake_close(&f);
}
END_TEST

/* An earlier header has no one_way and what follows: the request is none of those. */
START_TEST(a_request_of_an_earlier_version_is_not_read_beyond) {
  struct fake f;
  fake_open(&f);
  struct gaijin_send send = {.op = GAIJIN_OP_PING, .one_way = true, .deadline_ms = 77};
  uint64_t id;
  gaijin_begin_request_sized(f.g, &send, offsetof(struct gaijin_send, one_way), 0);
  ck_assert_int_eq(gaijin_end_request(f.g, told_answer, &f, &id), 0);
  ck_assert_uint_ne(id, 0);
  gaijin_flush(f.g, false);
  ck_assert_uint_eq(fake_next(&f)->deadline_ms, 0);
  ck_assert_uint_eq(f.m.flags, 0);
  fake_close(&f);
}
END_TEST

static gaijin_body *body_with(struct fake *f, uint64_t number) {
  uint64_t id = fake_ask(f, told_answer);
  fake_begin(f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 1);
  pack_uint(&f->p, number);
  fake_deliver(f);
  return f->told.answer[f->told.answers - 1].body;
}

START_TEST(values_are_written_as_far_as_the_program_knows_them) {
  struct fake f;
  struct later_value later;
  struct gaijin_value v;
  fake_open(&f);
  gaijin_body *body = body_with(&f, 42);
  memset(&later, 0x5a, sizeof later);
  ck_assert(gaijin_body_peek_sized(body, &later.now, sizeof later));
  ck_assert(later.now.integer == 42 && later.more == 0);
  memset(&later, 0x5a, sizeof later);
  ck_assert(gaijin_body_next_sized(body, &later.now, sizeof later));
  ck_assert(later.now.integer == 42 && later.more == 0);
  ck_assert(!gaijin_body_next_sized(body, &later.now, sizeof later));
  gaijin_body_free(body);
  body = body_with(&f, 43);
  memset(&v, 0x5a, sizeof v);
  size_t earlier = offsetof(struct gaijin_value, integer);
  ck_assert(gaijin_body_peek_sized(body, &v, earlier) && gaijin_body_next_sized(body, &v, earlier));
  ck_assert(v.type == GAIJIN_NUMBER && v.number == 43);
  ck_assert_uint_eq(v.integer, 0x5a5a5a5a5a5a5a5a);
  gaijin_body_free(body);
  fake_close(&f);
}
END_TEST

START_TEST(an_awaited_answer_is_written_as_far_as_the_program_knows_it) {
  struct fake f;
  struct later_answer later;
  fake_open(&f);
  uint64_t id = fake_ask(&f, NULL);
  fake_begin(&f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 0);
  fake_send(&f);
  memset(&later, 0x5a, sizeof later);
  ck_assert_int_eq(gaijin_await_sized(f.g, id, 20, &later.now, sizeof later), 0);
  ck_assert(later.now.ok && later.more == 0);
  gaijin_body_free(later.now.body);
  memset(&later, 0x5a, sizeof later);
  ck_assert_int_eq(gaijin_await_sized(f.g, id, 0, &later.now, offsetof(struct gaijin_answer, body)),
                   GAIJIN_STATUS_UNSUPPORTED);
  ck_assert(!later.now.ok && *later.now.text == '\0');
  ck_assert_uint_eq((uintptr_t)later.now.body, 0x5a5a5a5a5a5a5a5a);
  fake_close(&f);
}
END_TEST

START_TEST(the_versions_agree) { ck_assert_str_eq(gaijin_version(), GAIJIN_VERSION); }
END_TEST

int main(void) {
  Suite *s = suite_create("client_growth");
  TCase *c = tcase_create("growth");
  tcase_add_test(c, an_option_of_a_later_version_is_refused_when_set);
  tcase_add_test(c, an_event_of_a_later_version_is_refused_when_set);
  tcase_add_test(c, an_option_of_an_earlier_version_is_not_read_beyond);
  tcase_add_test(c, the_events_are_copied);
  tcase_add_test(c, a_request_of_a_later_version_is_refused_by_its_end);
  tcase_add_test(c, a_request_of_an_earlier_version_is_not_read_beyond);
  tcase_add_test(c, values_are_written_as_far_as_the_program_knows_them);
  tcase_add_test(c, an_awaited_answer_is_written_as_far_as_the_program_knows_it);
  tcase_add_test(c, the_versions_agree);
  suite_add_tcase(s, c);
  return run_suite(s);
}
