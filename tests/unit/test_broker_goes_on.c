/* SPDX-License-Identifier: MIT
 *
 * A broker that has taken another's place goes on with all that the other had begun. _i of each test: whether tokens and holds
 * have stayed in the pool.
 */
#define _GNU_SOURCE /* memfd_create */
#include "tests/unit/broker_scene.h"
#include "tests/unit/captured.h"

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
  carried_keeps = _i;
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
  carried_keeps = _i;
  set_scene();
  permissions_reload(&w.broker);
  carried_over(&v, &w, &config);
  ck_assert_ptr_nonnull(v.broker.permissions.reread.beside);
  carried_forget(&w);
  while (v.broker.permissions.reread.beside) wire_turn(&v);
  ck_assert_uint_eq(v.broker.permissions.generation, 2);
  end_scene(&v);
}
END_TEST

/* shop asks something; how often the log has said by then that it keeps its name. */
static unsigned times_told(struct wire *b, int log) {
  char text[4096];
  unsigned n = 0;
  pack_text(wire_ask(&shop, OP_s2t, "till", NULL, 2), "label");
  pack_bool(&shop.p, false);
  wire_send(b, &shop);
  log_flush(&b->broker.log);
  ssize_t size = pread(log, text, sizeof text - 1, 0);
  ck_assert_int_ge(size, 0);
  text[size] = '\0';
  for (const char *at = text; (at = strstr(at, "worker shop (user ")); at++) n++;
  return n;
}

/* Who has its name by a policy before is told of once, whichever broker has read the new one. */
START_TEST(a_name_is_judged_by_each_policy_once) {
  carried_keeps = _i;
  static struct wire u, t;
  struct captured log;
  captured_begin(&log, STDERR_FILENO);
  open_scene();
  config.log_level = LOG_WARN;
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  carried_over(&v, &w, &config);
  carried_forget(&w);
  ck_assert_uint_eq(times_told(&v, log.file), 0);
  write_policy("[allow]\nwho = all\nnames = till\nhosts = *\nops = read\nlabels = *\n");
  permissions_reload(&v.broker);
  while (v.broker.permissions.reread.beside) wire_turn(&v);
  carried_over(&u, &v, &config); /* read, and not judged by yet */
  carried_forget(&v);
  ck_assert_uint_eq(times_told(&u, log.file), 1);
  carried_over(&t, &u, &config);
  carried_forget(&u);
  ck_assert_uint_eq(times_told(&t, log.file), 1);
  permissions_reload(&t.broker);
  while (t.broker.permissions.reread.beside) wire_turn(&t);
  ck_assert_uint_eq(times_told(&t, log.file), 2);
  captured_end(&log);
  wire_leave(&shop);
  wire_leave(&till);
  close_scene(&t);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker goes on");
  TCase *t = tcase_create("carried");
  suite_add_tcase(s, t);
  tcase_add_loop_test(t, what_was_begun_goes_on, 0, 2);
  tcase_add_loop_test(t, a_reload_begins_anew, 0, 2);
  tcase_add_loop_test(t, a_name_is_judged_by_each_policy_once, 0, 2);
  return run_suite(s);
}
