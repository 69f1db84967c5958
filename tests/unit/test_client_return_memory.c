/* SPDX-License-Identifier: MIT
 *
 * Shortage of memory on the way from one broker to the next: the story is told again and again while its first, second,
 * third ... allocation fails, alone or with all that follow in that part of it. It must end as if nothing had been: each
 * token announced and each holding claimed once, and all of it granted.
 */
#define _GNU_SOURCE /* syscall */
#include "tests/unit/fake_return.h"
#include "tests/unit/run.h"
#include "tests/unit/scarce.h"

enum { TOKENS = 10, HOLDINGS = 50 }; /* more than a first buffer takes */
enum part { PART_CUT, PART_HELLO, PART_OWED, PART_ANSWER, PARTS };

struct story {
  struct returned r;
  enum part part; /* in which memory is short */
};

static void begin(const struct story *s, enum part part) {
  if (s->part == part) scarce_begin();
}
static void end(const struct story *s, enum part part) {
  if (s->part == part) scarce_end();
}

static void dispatch(const struct story *s, enum part part) {
  begin(s, part);
  int status = gaijin_dispatch(s->r.f.g);
  end(s, part);
  ck_assert_msg(status == 0, "%s", gaijin_error(s->r.f.g));
}

static void be_cut(struct story *s) {
  return_kill(&s->r);
  while (gaijin_link(s->r.f.g) == GAIJIN_UP) dispatch(s, PART_CUT);
  return_check(&s->r);
}

static void come_back(struct story *s) {
  struct returned *r = &s->r;
  struct pollfd listener = {.fd = r->f.listener, .events = POLLIN}, own = {.events = POLLIN};
  bool greeted = false;
  while (gaijin_link(r->f.g) == GAIJIN_AWAY) {
    if (poll(&listener, 1, 0) == 1) { /* what it dialled before and gave up ends */
      if (r->f.fd >= 0) close(r->f.fd);
      r->f.fd = accept(r->f.listener, NULL, NULL);
      frame_deinit(&r->f.in);
      frame_init(&r->f.in, MAX_MESSAGE_MOST);
      greeted = false;
    }
    struct pollfd said = {.fd = r->f.fd, .events = POLLIN};
    if (!greeted && r->f.fd >= 0 && poll(&said, 1, 0) == 1 && said.revents == POLLIN) {
      ck_assert_int_eq(fake_next(&r->f)->op, OP_hello);
      return_welcome(&r->f, FAKE_HOST, GENERATION + 1);
      greeted = true;
    }
    own.fd = gaijin_fd(r->f.g);
    if (poll(&own, 1, 1) == 1) dispatch(s, PART_HELLO);
  }
}

/* Returns the id of the claim. */
static uint64_t say_all(struct story *s) {
  struct returned *r = &s->r;
  uint32_t tokens = 0, claims = 0;
  uint64_t id = 0;
  begin(s, PART_OWED);
  for (int i = 0; i < 4; i++) gaijin_flush(r->f.g, true);
  end(s, PART_OWED);
  for (;;) {
    ck_assert_int_eq(gaijin_flush(r->f.g, true), 0);
    return_check(r);
    enum op op = fake_next(&r->f)->op;
    if (op == OP_announce) tokens += r->f.m.body_count;
    if (op == OP_claim) claims += r->f.m.body_count;
    if (op == OP_claim) id = r->f.m.id;
    if (op == OP_ready) break;
  }
  ck_assert_uint_eq(tokens, TOKENS);
  ck_assert_uint_eq(claims, HOLDINGS);
  return id;
}

static void be_answered(struct story *s, uint64_t id, gaijin_holding *const *h) {
  return_decide(&s->r, id, NULL, 0);
  struct pollfd p = {.fd = gaijin_fd(s->r.f.g), .events = POLLIN};
  if (poll(&p, 1, FAKE_LIMIT_MS) == 1) dispatch(s, PART_ANSWER);
  dispatch(s, PARTS);
  for (int i = 0; i < HOLDINGS; i++) ck_assert_int_eq(gaijin_holding_standing(h[i]), GAIJIN_HELD);
  return_check(&s->r);
}

static void tell(struct story *s) {
  gaijin_holding *h[HOLDINGS];
  return_open(&s->r);
  ck_assert_int_eq(gaijin_notice(s->r.f.g, GAIJIN_OP_READY), 0);
  ck_assert_int_eq(gaijin_flush(s->r.f.g, true), 0);
  return_expect(&s->r, OP_ready, 0);
  for (int i = 0; i < TOKENS; i++) return_sent_token(&s->r, s);
  for (uint64_t i = 0; i < HOLDINGS; i++) {
    struct gaijin_pt pt = fake_pt(OTHER_HOST, i + 1);
    h[i] = return_hold(&s->r, &pt);
  }
  unsigned answers = s->r.f.told.answers;
  uint64_t id = 0;
  gaijin_begin_request(s->r.f.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(s->r.f.g, told_answer, &s->r.f, &id), 0);
  be_cut(s);
  ck_assert_uint_eq(s->r.f.told.answers, answers + 1);
  come_back(s);
  be_answered(s, say_all(s), h);
  ck_assert_uint_eq(s->r.f.told.answers, answers + 1);
  fake_close(&s->r.f);
}

/* _i: the part; and whether one allocation fails, or all from it on. */
START_TEST(memory_is_short_on_the_way) {
  long n = 0;
  struct story s;
  do {
    memset(&s, 0, sizeof s);
    s.part = (enum part)(_i % PARTS);
    /* Without memory for good it never comes to hello: that is told for a moment only. */
    scarce_from(n, _i >= PARTS && s.part != PART_HELLO);
    tell(&s);
    ck_assert_int_lt(++n, 1000);
  } while (scarce.failed);
}
END_TEST

/* A body that nobody has read, of a host that was dead to us when we were declared dead and is met again. */
static void meet_again_in_shortage(long n) {
  struct returned r;
  uint64_t host;
  struct secret secret;
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  return_open(&r);
  unsigned unread = fake_give(&r.f, &pt);
  return_cut(&r);
  ck_assert(return_meet(&r, &host, &secret));
  return_refuse(&r, GAIJIN_STATUS_DEAD, "you were declared dead");
  ck_assert_int_eq(return_turn(&r), 0);
  close(r.f.fd);
  ck_assert(!return_meet(&r, &host, &secret));
  return_welcome(&r.f, NEW_HOST, GENERATION + 1);
  ck_assert_int_eq(return_turn_to_the_end(&r), 0);
  gaijin_holding *h = gj_holding_lookup(r.f.g, OTHER_HOST, 1);
  ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
  fake_begin(&r.f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&r.f.p, OTHER_HOST);
  pack_text(&r.f.p, "bank");
  fake_deliver(&r.f);
  uint64_t id = fake_ask(&r.f, told_answer);
  unsigned answers = r.f.told.answers;
  fake_begin(&r.f, MESSAGE_REPLY, GAIJIN_OP_PING, id, 40);
  fake_put_pt(&r.f, &pt);
  for (uint64_t i = 2; i <= 40; i++) {
    struct gaijin_pt more = fake_pt(OTHER_HOST, i);
    fake_put_pt(&r.f, &more);
  }
  fake_send(&r.f);
  struct pollfd p = {.fd = gaijin_fd(r.f.g), .events = POLLIN};
  ck_assert_int_eq(poll(&p, 1, FAKE_LIMIT_MS), 1);
  r.f.g->events.starved = told_starved;
  scarce_from(n, false);
  scarce_begin();
  int status = gaijin_dispatch(r.f.g);
  scarce_end();
  ck_assert_int_eq(status, 0);
  if (r.f.told.answers == answers) ck_assert_int_eq(gaijin_holding_standing(h), GAIJIN_GONE);
  return_check(&r);
  gaijin_body_free(r.f.told.answer[unread].body); /* the last to need it may be this one */
  return_check(&r);
  ck_assert_int_eq(gaijin_dispatch(r.f.g), 0);
  ck_assert_uint_eq(r.f.told.answers, answers + 1);
  gaijin_body_free(r.f.told.answer[answers].body);
  return_check(&r);
  fake_close(&r.f);
}

START_TEST(a_holding_of_a_dead_host_stays_what_it_is) {
  long n = 0;
  do meet_again_in_shortage(n);
  while (++n < 1000 && scarce.failed);
  ck_assert(n > 40 || !SCARCE_REPLACES);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_return_memory");
  TCase *c = tcase_create("memory");
  run_long(c);
  tcase_add_loop_test(c, memory_is_short_on_the_way, 0, 2 * PARTS);
  tcase_add_test(c, a_holding_of_a_dead_host_stays_what_it_is);
  suite_add_tcase(s, c);
  return run_suite(s);
}
