/* SPDX-License-Identifier: MIT
 *
 * A broker that has taken another's place goes on with all that the other had begun.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/unit/broker_scene.h"

static void expect_large(struct end *e) {
  const char *text;
  uint32_t size;
  do {
    ck_assert_int_eq(wire_next(&v, e), 1);
  } while (e->m.op == OP_peer);
  ck_assert_int_eq(e->m.op, OP_call);
  ck_assert(reader_string(&e->r, &text, &size));
  ck_assert_uint_eq(size, 300000);
  for (uint32_t i = 0; i < size; i++) ck_assert_int_eq(text[i], 'x');
}

/* Sends `e` through the messages it has been sent, up to an answer of this id. */
static void expect_answer(struct end *e, enum message_kind kind, uint64_t id) {
  do
    ck_assert_int_eq(wire_next(&v, e), 1);
  while (e->m.id != id || e->m.kind == MESSAGE_REQUEST);
  ck_assert_int_eq(e->m.kind, kind);
}

/* Parts of messages are completed, calls are answered, given up and expire, who waits is told, and what the dead one held is
 * given back. */
START_TEST(what_was_begun_goes_on) {
  uint64_t asked[8] = {0}, ping;
  unsigned n = 0;
  set_scene();
  ping = till.last_id;
  carried_over(&v, &w, &config);
  carried_forget(&w);
  wire_bytes(&v, &till, last_bytes, sizeof last_bytes);
  expect_answer(&till, MESSAGE_REPLY, ping);
  for (int i = 0; i < 3; i++) expect_large(&deaf);
  for (int i = 0; i < PINGS; i++) wire_expect(&v, &flood, MESSAGE_REPLY, OP_ping);
  ck_assert_uint_eq(hosts_find(&v.broker.hosts, leaver.host), SLAB_NONE);
  while (wire_next(&v, &shop) == 1)
    if (shop.m.op == OP_s2t || shop.m.op == OP_free) asked[n++] = shop.m.op == OP_free ? shop.m.id : shop.m.id | 1ull << 63;
  ck_assert_uint_eq(n, 4); /* two of till, one of watcher, and free */
  for (unsigned i = 0; i < n; i++) {
    bool is_free = !(asked[i] >> 63);
    wire_begin(&shop, MESSAGE_REPLY, is_free ? OP_free : OP_s2t, asked[i] & ~(1ull << 63), is_free ? 0 : 1);
    if (!is_free) pack_text(&shop.p, "answer");
    wire_send(&v, &shop);
  }
  wire_expect(&v, &observer, MESSAGE_REPLY, OP_gc);
  wire_past_peers(&v, &watcher);
  for (n = 0; watcher.m.op != OP_watch && n < 2;) { /* what it was asked itself, and its answer */
    n += watcher.m.op == OP_s2t && watcher.m.kind == MESSAGE_REPLY;
    if (wire_next(&v, &watcher) != 1) break;
  }
  ck_assert_uint_eq(n, 1);
  for (n = 0; n < 2;) {
    ck_assert_int_eq(wire_next(&v, &till), 1);
    if (till.m.op == OP_s2t && till.m.kind == MESSAGE_REPLY) n++;
  }
  struct end late = {0};
  wire_join(&v, &late, "nobody");
  do
    ck_assert_int_eq(wire_next(&v, &watcher), 1);
  while (watcher.m.op != OP_watch);
  wire_leave(&late);
  /* A token of the dead one is given back by its last holder, and its record goes. */
  uint32_t tokens = v.broker.refs.tokens.count;
  struct pt pt = wire_token(&dead, 9);
  wire_unsub(&v, &till, &pt, 1);
  ck_assert_uint_eq(v.broker.refs.tokens.count, tokens - 1);
  ck_assert_uint_eq(hosts_find(&v.broker.hosts, dead.host), SLAB_NONE);
  end_scene(&v);
}
END_TEST

/* A policy that was being read is read again. */
START_TEST(a_reload_begins_anew) {
  set_scene();
  permissions_reload(&w.broker);
  carried_over(&v, &w, &config);
  ck_assert_ptr_nonnull(v.broker.permissions.reload);
  carried_forget(&w);
  while (v.broker.permissions.reload) wire_turn(&v);
  ck_assert_uint_eq(v.broker.permissions.generation, 2);
  end_scene(&v);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker goes on");
  TCase *t = tcase_create("carried");
  suite_add_tcase(s, t);
  tcase_add_test(t, what_was_begun_goes_on);
  tcase_add_test(t, a_reload_begins_anew);
  return run_suite(s);
}
