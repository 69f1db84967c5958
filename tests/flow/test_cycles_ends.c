/* SPDX-License-Identifier: MIT
 *
 * A round for garbage in cycles is under way, and the broker is killed, or another program goes on in its place, before and after
 * each message: it simply ends, nobody stays halted, nothing is half done, and the next round finds what this one did not.
 *
 * One member is a worker, the other the test, which holds an object of the worker's that holds one of the test's.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "tests/flow/upgrading.h"

static const char worker[] =
    "bakaGaijin.keep = function(other) return {other = other} end\n"
    "bakaGaijin.ping = function() return 'here' end\n";
static const char asker[] = "gaijin.timeout(20, function() assert(gaijin.wait_for('w', 'ping')() == 'here') end)";

/* Where it happens: before and after each of its answers, and after the condemnation. */
enum { PHASES = 3, ENDS = 2 * PHASES + 1 };

static struct bed *bed;
static struct member {
  gaijin *g, *observer;
  gaijin_token *own;
  gaijin_holding *of_worker;
  bool answers, is_asked; /* it answers by itself; a question waits for its answer */
  unsigned phase;
  uint64_t id;
  size_t bytes;
  unsigned condemned, resumed;
} m;

static void answer(void) {
  static const uint8_t none[64];
  m.is_asked = false;
  ck_assert_int_eq(gaijin_answer_cycle(m.g, m.id, 1, none, m.bytes, NULL, 0), 0);
  ck_assert_int_eq(gaijin_flush(m.g, false), 0);
}
static void on_cycle(void *user, const struct gaijin_cycle *c) {
  (void)user;
  m.is_asked = true;
  m.phase = c->phase;
  m.id = c->id;
  m.bytes = (c->n_hosted + c->n_held + 7) / 8;
  if (m.answers) answer();
}
static void on_condemn(void *user, uint64_t round, const uint64_t *ids, uint32_t n) {
  (void)user;
  (void)round;
  for (uint32_t i = 0; i < n; i++) gaijin_token_condemn(m.g, gaijin_token_find(m.g, ids[i]));
  m.condemned += n;
  gaijin_let_go(m.g, m.of_worker);
}
static void on_resume(void *user, uint64_t round) {
  (void)user;
  (void)round;
  m.resumed++;
}
static const struct gaijin_events events = {.cycle = on_cycle, .condemn = on_condemn, .resume = on_resume};

/* The first value of the answer, held. */
static gaijin_holding *await_object(uint64_t id) {
  struct gaijin_answer a = {0};
  struct gaijin_value v;
  ck_assert_int_eq(gaijin_await(m.g, id, bed_limit(bed), &a), 0);
  ck_assert_msg(a.ok, "%s", a.text);
  ck_assert(gaijin_body_next(a.body, &v) && v.holding);
  gaijin_hold(m.g, v.holding);
  gaijin_holding *h = v.holding;
  gaijin_body_free(a.body);
  return h;
}

static void tie(void) {
  uint64_t id;
  static int tag;
  m.own = gaijin_token_new(m.g, GAIJIN_KIND_TABLE, &tag);
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_S2T, .name = "w"}, 1);
  gaijin_put_text(m.g, "keep");
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, &id), 0);
  gaijin_holding *keep = await_object(id);
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_CALL, .holding = keep}, 1);
  gaijin_put_token(m.g, m.own);
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, &id), 0);
  m.of_worker = await_object(id);
  gaijin_let_go(m.g, keep);
  ck_assert_int_eq(gaijin_flush(m.g, false), 0);
}

static void begin_round(void) {
  if (m.observer) gaijin_close(m.observer);
  m.observer = bed_connect(bed, "o", true, NULL, NULL);
  gaijin_begin_request(m.observer, &(struct gaijin_send){.op = GAIJIN_OP_ACT}, 2);
  gaijin_put_text(m.observer, "cycles");
  gaijin_put_text(m.observer, "");
  ck_assert_int_eq(gaijin_end_request(m.observer, NULL, NULL, NULL), 0);
  ck_assert_int_eq(gaijin_flush(m.observer, false), 0);
}

/* ---- Waiting ---- */

static void turn(void) {
  struct pollfd p = {.fd = gaijin_fd(m.g), .events = POLLIN};
  gaijin_flush(m.g, true);
  if (poll(&p, 1, 10) == 1) ck_assert_msg(gaijin_dispatch(m.g) == 0, "%s", gaijin_error(m.g));
}
static bool is_asked(void *phase) {
  turn();
  return m.is_asked && m.phase == *(unsigned *)phase;
}
static bool is_decided(void *unused) {
  (void)unused;
  turn();
  return m.condemned || m.resumed;
}
static bool is_condemned(void *unused) {
  (void)unused;
  turn();
  return m.condemned > 0;
}

/* Until the broker has read all that the test has sent. */
static void settle(void) {
  struct gaijin_answer a = {0};
  uint64_t id;
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, &id), 0);
  ck_assert_int_eq(gaijin_await(m.g, id, bed_limit(bed), &a), 0);
  gaijin_body_free(a.body);
}

static void open_at(int end) {
  bed = bed_open(NULL);
  bed_start(bed, &(struct bed_worker){.name = "w", .code = worker});
  m = (struct member){0};
  m.g = bed_connect(bed, "m", false, &events, NULL);
  tie();
  begin_round();
  for (unsigned phase = 0; phase < PHASES && end >= (int)(2 * phase); phase++) {
    bed_until(bed, is_asked, &phase, "the test is asked");
    if (end > (int)(2 * phase)) answer();
  }
  if (end == ENDS - 1)
    bed_until(bed, is_condemned, NULL, "it is condemned");
  else if (end % 2)
    settle();
}

static void the_worker_runs(void) {
  bed_exit(bed, bed_start(bed, &(struct bed_worker){.name = "asker", .code = asker, .once = true, .no_wait = true}), 0);
 }

static void close_all(void) {
  if (m.observer) gaijin_close(m.observer);
  gaijin_close(m.g);
  bed_no_tokens(bed);
  bed_close(bed);
}

START_TEST(the_broker_is_killed) {
  open_at(_i);
  bed_kill(bed, bed_broker(bed));
  bed_restart(bed);
  the_worker_runs();
  close_all();
}
END_TEST

START_TEST(the_broker_is_upgraded) {
  open_at(_i);
  upgrade(bed, 1);
  the_worker_runs();
  bool was_halted = _i >= 2 * PHASES - 2;
  if (was_halted) bed_until(bed, is_decided, NULL, "the halt ends");
  ck_assert_uint_le(m.condemned, 1);
  ck_assert_uint_eq(m.condemned + m.resumed, was_halted ? 1u : 0u);
  if (!m.condemned) {
    m.answers = true;
    m.is_asked = false;
    begin_round();
    bed_until(bed, is_condemned, NULL, "the next round finds it");
  }
  settle();
  the_worker_runs();
  close_all();
}
END_TEST

int main(void) {
  Suite *s = suite_create("cycles ends");
  TCase *t = tcase_create("ends");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, the_broker_is_killed, 0, ENDS);
  tcase_add_loop_test(t, the_broker_is_upgraded, 0, ENDS);
  suite_add_tcase(s, t);
  return run_suite(s);
}
