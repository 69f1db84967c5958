/* SPDX-License-Identifier: MIT
 *
 * A client that spoils each halt, in whatever way, beside two honest workers of which one shares objects with it: it keeps what it
 * has and holds, and the garbage of the two goes all the same.
 */
#define _GNU_SOURCE
#include "tests/flow/cycles.h"

static const char other[] =
    "local keep = gaijin.wait_for('w', 'keep')\n"
    "local weak = setmetatable({}, {__mode = 'v'})\n"
    "for i = 1, 10 do local u = {} u.t = keep(u) weak[i] = u end\n"
    "bakaGaijin.left = function() return next(weak) ~= nil end\n";
static const char nothing_is_left[] =
    "gaijin.timeout(20, function() assert(not gaijin.wait_for('v', 'left')()) assert(gaijin.wait_for('w', 'ping')() == 'here') end)";

static void use(void) {
  gaijin_begin_request(m.g, &(struct gaijin_send){.op = GAIJIN_OP_GET, .token = m.own, .one_way = true}, 1);
  gaijin_put_text(m.g, "k");
  ck_assert_int_eq(gaijin_end_request(m.g, NULL, NULL, NULL), 0);
  answer();
}
static void withdraw(void) { ck_assert_int_eq(gaijin_withdraw(m.g, m.round), 0); }
static void be_late(void) {}
static void say_live(void) { answer_with(0xff); }
static void refuse(void) {
  m.is_asked = false;
  gaijin_answer_error(m.g, m.id, GAIJIN_OP_CYCLE, GAIJIN_STATUS_BUSY, "it is busy");
}
static void (*const ways[])(void) = {use, withdraw, be_late, say_live, refuse};

START_TEST(who_spoils_each_halt_keeps_only_what_it_has) {
  double found = 0, most = 0;
  bed = bed_open(NULL);
  bed_start(bed, &(struct bed_worker){.name = "w", .code = worker});
  bed_start(bed, &(struct bed_worker){.name = "v", .code = other});
  m = (struct member){.answers = true, .spoil = ways[_i]};
  m.g = bed_connect(bed, "m", false, &events, NULL);
  tie();
  for (int round = 0; round < 20 && found < 20; round++) { /* two, but where the machine stands still in a halt */
    begin_round();
    bed_until(bed, is_over, NULL, "the round is over");
    found += m.found;
    if (m.found > most) most = m.found;
  }
  ck_assert_uint_ge((unsigned)found, 20);
  ck_assert_uint_ge((unsigned)most, 10); /* and not one by one */
  ck_assert_uint_eq(m.condemned, 0);
  bed_exit(bed, bed_start(bed, &(struct bed_worker){.name = "asker", .code = nothing_is_left, .once = true, .no_wait = true}), 0);
  gaijin_close(m.observer);
  gaijin_close(m.g);
  bed_no_tokens(bed);
  bed_close(bed);
}
END_TEST

int main(void) {
  Suite *s = suite_create("cycles liar");
  TCase *t = tcase_create("liar");
  tcase_set_timeout(t, 600);
  tcase_add_loop_test(t, who_spoils_each_halt_keeps_only_what_it_has, 0, (int)(sizeof ways / sizeof ways[0]));
  suite_add_tcase(s, t);
  return run_suite(s);
}
