/* SPDX-License-Identifier: MIT
 *
 * Hosts (client-lib/host.c): names, death, and records that end.
 */
#include "tests/unit/fake_broker.h"

static void introduce(struct fake *f, uint64_t host, const char *name) {
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_PEER, 0, 2);
  pack_uint(&f->p, host);
  pack_text(&f->p, name);
  fake_deliver(f);
}

static void kill_host(struct fake *f, uint64_t host) {
  fake_begin(f, MESSAGE_NOTICE, GAIJIN_OP_DEAD, 0, 1);
  pack_uint(&f->p, host);
  fake_deliver(f);
}

START_TEST(names_and_death_are_known) {
  struct fake f;
  fake_open(&f);
  ck_assert_ptr_null(gaijin_host_name(f.g, OTHER_HOST));
  introduce(&f, OTHER_HOST, "bank");
  introduce(&f, THIRD_HOST, "post");
  ck_assert_str_eq(gaijin_host_name(f.g, OTHER_HOST), "bank");
  ck_assert(!gaijin_host_dead(f.g, OTHER_HOST));
  kill_host(&f, OTHER_HOST);
  ck_assert_uint_eq(f.told.deads, 1);
  ck_assert_uint_eq(f.told.dead[0], OTHER_HOST);
  ck_assert(gaijin_host_dead(f.g, OTHER_HOST));
  ck_assert(!gaijin_host_dead(f.g, THIRD_HOST));
  ck_assert_str_eq(gaijin_host_name(f.g, OTHER_HOST), "bank");
  fake_close(&f);
}
END_TEST

/* A holding keeps its host's name for error texts, however many others die. */
START_TEST(a_holding_keeps_its_dead_host) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  introduce(&f, OTHER_HOST, "bank");
  unsigned n = fake_give(&f, &pt);
  gaijin_holding *h = gaijin_holding_find(f.g, &pt);
  gaijin_hold(f.g, h);
  gaijin_body_free(f.told.answer[n].body);
  kill_host(&f, OTHER_HOST);
  for (uint64_t i = 0; i < 500; i++) {
    introduce(&f, 1000 + i, "mayfly");
    kill_host(&f, 1000 + i);
  }
  ck_assert_str_eq(gaijin_host_name(f.g, OTHER_HOST), "bank");
  ck_assert_uint_le(f.g->hosts.count, 65);
  gaijin_let_go(f.g, h);
  gaijin_flush(f.g, true);
  ck_assert_int_eq(fake_next(&f)->op, GAIJIN_OP_UNSUB); /* the broker's tombstone waits for it */
  for (uint64_t i = 0; i < 100; i++) {
    introduce(&f, 2000 + i, "mayfly");
    kill_host(&f, 2000 + i);
  }
  ck_assert_ptr_null(gaijin_host_name(f.g, OTHER_HOST));
  ck_assert_uint_le(f.g->hosts.count, 64);
  fake_close(&f);
}
END_TEST

/* A tombstone that is handed on after its host's death was told: the record is taken up again. */
START_TEST(a_dead_token_may_arrive) {
  struct fake f;
  fake_open(&f);
  struct gaijin_pt pt = fake_pt(OTHER_HOST, 1);
  introduce(&f, OTHER_HOST, "bank");
  kill_host(&f, OTHER_HOST);
  unsigned n = fake_give(&f, &pt);
  ck_assert_uint_eq(f.g->n_unused_hosts, 0);
  ck_assert(gaijin_host_dead(f.g, OTHER_HOST));
  ck_assert_str_eq(gaijin_host_name(f.g, OTHER_HOST), "bank");
  gaijin_body_free(f.told.answer[n].body);
  gaijin_flush(f.g, true);
  ck_assert_uint_eq(f.g->n_unused_hosts, 1);
  fake_close(&f);
}
END_TEST

int main(void) {
  Suite *s = suite_create("client_host");
  TCase *c = tcase_create("host");
  tcase_add_test(c, names_and_death_are_known);
  tcase_add_test(c, a_holding_keeps_its_dead_host);
  tcase_add_test(c, a_dead_token_may_arrive);
  suite_add_tcase(s, c);
  return run_suite(s);
}
