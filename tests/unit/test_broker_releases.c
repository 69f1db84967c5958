/* SPDX-License-Identifier: MIT
 *
 * What large holders held when they ended (broker/core/releases.c): it is released in pieces, and
 * others are answered meanwhile.
 */
#include "broker/core/releases.h"

#include <sys/socket.h>

#include "broker/check.h"
#include "broker/net/reading.h"
#include "proto/base.h"
#include "tests/unit/broker_probe.h"
#include "tests/unit/broker_wire.h"

enum { PER_ANSWER = 3000, ANSWERS = 10, HELD = PER_ANSWER * ANSWERS };

static struct wire w;
static struct end host, others;

static void setup(void) {
  wire_open(&w, NULL);
  wire_join(&w, &host, "host");
  wire_join(&w, &others, "others");
}
static void teardown(void) {
  wire_leave(&host);
  wire_leave(&others);
  while (w.broker.connections.all) wire_turn(&w);
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  ck_assert_ptr_null(w.broker.work.first);
  ck_assert_uint_eq(w.broker.hosts.all.count, 0);
  wire_close(&w);
}

/* A client of this name, which holds HELD tokens of the host, from id `first` on. */
static void join_holder(struct end *e, const char *name, uint64_t first) {
  *e = (struct end){0};
  wire_join(&w, e, name);
  for (uint64_t k = 0; k < ANSWERS; k++) {
    pack_text(wire_ask(e, OP_s2t, "host", NULL, 1), "x");
    wire_send(&w, e);
    do
      ck_assert_int_eq(wire_next(&w, &host), 1);
    while (host.m.op != OP_s2t);
    struct pack *p = wire_begin(&host, MESSAGE_REPLY, OP_s2t, host.m.id, PER_ANSWER);
    for (uint64_t i = 0; i < PER_ANSWER; i++) {
      struct pt pt = wire_token(&host, first + k * PER_ANSWER + i);
      pack_pt(p, &pt);
    }
    wire_send(&w, &host);
    do
      ck_assert_int_eq(wire_next(&w, e), 1);
    while (e->m.op != OP_s2t);
  }
}

/* Turns the loop until the broker has noticed the death, and counts the turns in which others are
 * answered before all is settled. */
static unsigned answered_meanwhile(uint32_t tokens_before) {
  unsigned n = 0;
  while (w.broker.refs.tokens.count == tokens_before) wire_turn(&w);
  while (w.broker.refs.tokens.count > 0) {
    uint32_t left = w.broker.refs.tokens.count;
    ck_assert_ptr_nonnull(w.broker.work.first);
    wire_quiet(&w, &others);
    ck_assert_uint_lt(w.broker.refs.tokens.count, left);
    n += w.broker.refs.tokens.count > 0;
  }
  return n;
}

static void expect_all_drops(unsigned n) {
  unsigned drops = 0;
  int r;
  while (drops < n && (r = wire_next(&w, &host)) == 1) {
    if (host.m.op == OP_drop) drops += host.m.body_count / 2;
  }
  ck_assert_uint_eq(drops, n);
  wire_quiet(&w, &host);
}

/* `e` is given this token of `from`. */
static void give(struct end *from, const char *to_name, struct end *e, const struct pt *pt) {
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = OP_s2t,
                      .id = 1,
                      .flags = MESSAGE_ONE_WAY,
                      .target = OP_NAME,
                      .name = to_name,
                      .name_size = (uint8_t)strlen(to_name)};
  pack_pt(wire_begin_to(from, &h, 1), pt);
  wire_send(&w, from);
  do
    ck_assert_int_eq(wire_next(&w, e), 1);
  while (e->m.op != OP_s2t);
}

/* One unsub gives back tokens of three hosts in mixed order; the second host is dead. Each living
 * one is told once, and the dead one is forgotten once. */
START_TEST(drops_of_several_hosts_go_out_by_host) {
  struct end dead = {0}, third = {0};
  wire_join(&w, &dead, "dead");
  wire_join(&w, &third, "third");
  struct pt pts[] = {wire_token(&host, 1), wire_token(&dead, 1), wire_token(&third, 1),
                     wire_token(&dead, 2), wire_token(&third, 2), wire_token(&dead, 3)};
  struct end *owners[] = {&host, &dead, &third, &dead, &third, &dead};
  for (unsigned i = 0; i < ARRAY_SIZE(pts); i++) give(owners[i], "others", &others, &pts[i]);
  wire_leave(&dead);
  wire_expect(&w, &others, MESSAGE_NOTICE, OP_dead);
  ck_assert_uint_eq(w.broker.hosts.all.count, 4);
  struct pack *p = wire_begin(&others, MESSAGE_NOTICE, OP_unsub, 0, 2 * ARRAY_SIZE(pts));
  for (unsigned i = 0; i < ARRAY_SIZE(pts); i++) {
    pack_pt(p, &pts[i]);
    pack_uint(p, 1);
  }
  wire_send(&w, &others);
  wire_quiet(&w, &others);
  wire_expect_drop(&w, &host, 1, 1);
  wire_quiet(&w, &host);
  wire_expect(&w, &third, MESSAGE_NOTICE, OP_drop);
  ck_assert_uint_eq(third.m.body_count, 4);
  wire_quiet(&w, &third);
  ck_assert_uint_eq(w.broker.hosts.all.count, 3);
  wire_leave(&third);
}
END_TEST

START_TEST(others_are_answered_while_a_large_holder_is_released) {
  struct end holder;
  join_holder(&holder, "holder", 1);
  wire_leave(&holder);
  ck_assert_uint_ge(answered_meanwhile(HELD), 1);
  expect_all_drops(HELD);
}
END_TEST

START_TEST(several_dead_holders_and_a_successor_of_the_name) {
  struct end first, second, successor = {0};
  join_holder(&first, "first", 1);
  join_holder(&second, "second", 1 + HELD);
  wire_leave(&first);
  wire_leave(&second);
  while (w.broker.refs.tokens.count == 2 * HELD) wire_turn(&w);
  wire_join(&w, &successor, "first"); /* the name is free, the old number is not */
  ck_assert_uint_ne(successor.host, first.host);
  while (w.broker.refs.tokens.count > 0) wire_turn(&w);
  expect_all_drops(2 * HELD);
  wire_leave(&successor);
  wire_quiet(&w, &others);
}
END_TEST

START_TEST(the_host_dies_before_its_dead_holder_is_released) {
  struct end holder;
  join_holder(&holder, "holder", 1);
  wire_leave(&holder);
  while (w.broker.refs.tokens.count == HELD) wire_turn(&w);
  wire_leave(&host);
  while (w.broker.refs.tokens.count > 0) wire_turn(&w);
  wire_quiet(&w, &others);
}
END_TEST

enum { KNOWN = 60, MANY = 450 };
static struct end known[MANY];

static void introduce(uint64_t host_id, uint64_t client_id) {
  uint32_t load, client = hosts_find(&w.broker.hosts, client_id);
  ck_assert_int_ne(loads_introduce(&w.broker.loads, hosts_find(&w.broker.hosts, host_id), client,
                                   accounts_of(&w.broker.connections.accounts, client), &load),
                   LOADS_NO_MEMORY);
}
static uint32_t known_by(uint32_t client) {
  return owners_count(&w.broker.loads.by_client, client);
}

/* Whom a client knew is forgotten in its slices, too: here, after one that has spent all on what it
 * held. Nobody ends for these records meanwhile, whoever pays for them. */
START_TEST(whom_a_dead_client_knew_is_forgotten_in_slices) {
  struct end holder;
  const struct accounts *a = &w.broker.connections.accounts;
  join_holder(&holder, "holder", 1);
  ck_assert_uint_eq(HELD % RELEASES_SLICE, 0);
  for (int i = 0; i < KNOWN; i++) {
    known[i] = (struct end){0};
    wire_join(&w, &known[i], NULL);
    introduce(known[i].host, holder.host);
  }
  uint32_t number = hosts_find(&w.broker.hosts, holder.host);
  wire_leave(&holder);
  while (w.broker.refs.tokens.count > 0) wire_turn(&w);
  ck_assert_uint_eq(known_by(number), KNOWN + 1);
  ck_assert_uint_eq(a->leaving, (KNOWN + 1) * (uint64_t)w.broker.loads.bytes);
  ck_assert(job_is_queued(&hosts_at(&w.broker.hosts, number)->giving_back));
  wire_leave(&known[0]); /* a pair that goes with its host meanwhile is not counted twice */
  wire_turn(&w);
  ck_assert(!slab_live(&w.broker.hosts.all, number));
  ck_assert_uint_eq(known_by(number), 0);
  ck_assert_uint_eq(a->leaving, 0);
  expect_all_drops(HELD);
  for (int i = 1; i < KNOWN; i++) wire_leave(&known[i]);
}
END_TEST

/* Between two of its slices a dead client may lose the last that it knew, and others the last of its tokens: it is forgotten
 * in its next slice, and not before. */
START_TEST(a_dead_client_stays_until_its_last_slice) {
  struct end holder;
  join_holder(&holder, "holder", 1);
  struct pt pts[] = {wire_token(&host, HELD + 1), wire_token(&holder, 1)};
  give(&host, "others", &others, &pts[0]);
  give(&holder, "others", &others, &pts[1]);
  uint32_t number = hosts_find(&w.broker.hosts, holder.host);
  wire_leave(&host);
  wire_turn(&w);
  wire_leave(&holder);
  while (w.broker.refs.tokens.count > ARRAY_SIZE(pts)) wire_turn(&w);
  ck_assert_uint_eq(known_by(number), 1);
  struct pack *p = wire_begin(&others, MESSAGE_NOTICE, OP_unsub, 0, 2 * ARRAY_SIZE(pts));
  for (unsigned i = 0; i < ARRAY_SIZE(pts); i++) {
    pack_pt(p, &pts[i]);
    pack_uint(p, 1);
  }
  wire_end(&others);
  ck_assert_int_gt(send(others.fd, others.out.bytes, others.out.size, 0), 0);
  others.out.size = 0;
  reading_ready(wire_client(&w, &others));
  ck_assert_uint_eq(w.broker.refs.tokens.count, 0);
  ck_assert_uint_eq(known_by(number), 0);
  ck_assert(job_is_queued(&hosts_at(&w.broker.hosts, number)->giving_back));
  ck_assert_ptr_null(broker_check(&w.broker));
  wire_turn(&w);
  ck_assert(!slab_live(&w.broker.hosts.all, number));
}
END_TEST

/* How many `dead` of this host have come to one. */
static unsigned told_of(struct end *e, uint64_t dead) {
  unsigned n = 0;
  uint64_t id;
  while (wire_next(&w, e) == 1) {
    if (e->m.op != OP_dead) continue;
    ck_assert(reader_uint(&e->r, &id) && id == dead);
    n++;
  }
  return n;
}

static unsigned count_told(uint32_t number) {
  const struct loads *l = &w.broker.loads;
  unsigned n = 0;
  for (uint32_t i = loads_first_told(l, number); i != SLAB_NONE; i = loads_next_of_host(l, i)) n++;
  /* No slice steps over those who have been told. */
  for (uint32_t i = loads_first_of_host(l, number); i != SLAB_NONE; i = loads_next_of_host(l, i))
    ck_assert(!loads_at(l, i)->told_dead);
  return n;
}

/* Who knew a dead host is told, and forgets it; each of the two is work, and no turn has much of
 * it. Its name is taken until all have been told. */
START_TEST(who_knew_a_dead_host_is_told_and_forgets_it_in_slices) {
  enum { TOLD = 20, MOST_IN_A_TURN = 2 * WORK_QUANTUM / TOLD };
  struct probe p = {.most = 0};
  struct end late = {0};
  unsigned turns = 0, told = 0;
  uint32_t number = hosts_find(&w.broker.hosts, host.host);
  for (int i = 0; i < MANY; i++) {
    known[i] = (struct end){0};
    wire_join(&w, &known[i], NULL);
    introduce(host.host, known[i].host);
  }
  wire_join(&w, &late, NULL);
  work_add(&w.broker.work, &p.job, look);
  wire_turn(&w);
  p.most = 0;
  wire_leave(&host);
  for (unsigned before = 0; slab_live(&w.broker.hosts.all, number); before = told, turns++) {
    wire_turn(&w);
    told = count_told(number);
    if (!slab_live(&w.broker.hosts.all, number) || !hosts_at(&w.broker.hosts, number)->client) break;
    ck_assert_uint_le(told - before, MOST_IN_A_TURN);
    if (turns == 1) { /* one comes to know it meanwhile, one ends */
      introduce(host.host, late.host);
      wire_leave(&known[0]);
    }
  }
  ck_assert_uint_ge(turns, MANY / MOST_IN_A_TURN);
  while (slab_live(&w.broker.hosts.all, number)) wire_turn(&w);
  ck_assert_uint_lt(p.most, 2 * WORK_QUANTUM);
  work_remove(&w.broker.work, &p.job);
  for (int i = 1; i < MANY; i++) ck_assert_uint_eq(told_of(&known[i], host.host), 1);
  ck_assert_uint_eq(told_of(&late, host.host), 1);
  for (int i = 1; i < MANY; i++) wire_leave(&known[i]);
  wire_leave(&late);
}
END_TEST

/* Else it would be told of no other: it is in the book of those who know of the end. */
START_TEST(who_was_told_of_an_end_waits_for_the_next_of_its_name) {
  struct end next = {0}, *told = known;
  uint32_t number = hosts_find(&w.broker.hosts, host.host);
  for (int i = 0; i < MANY; i++) {
    known[i] = (struct end){0};
    wire_join(&w, &known[i], NULL);
    introduce(host.host, known[i].host);
  }
  wire_leave(&host);
  while (count_told(number) == 0) wire_turn(&w);
  uint32_t knows = loads_at(&w.broker.loads, loads_first_told(&w.broker.loads, number))->client;
  while (wire_client(&w, told)->host != knows) ck_assert(++told < known + MANY);
  struct pack *p = wire_begin(told, MESSAGE_REQUEST, OP_watch, 77, 2);
  pack_text(p, "host");
  pack_text(p, "present");
  wire_send(&w, told);
  ck_assert_msg(hosts_at(&w.broker.hosts, number)->client, "all have been told already");
  ck_assert_ptr_null(broker_check(&w.broker));
  while (w.broker.names.watches.all.count == 0) wire_turn(&w);
  while (slab_live(&w.broker.hosts.all, number)) wire_turn(&w);
  ck_assert_uint_eq(told_of(told, host.host), 1);
  wire_join(&w, &next, "host");
  uint64_t id;
  do
    ck_assert_int_eq(wire_next(&w, told), 1);
  while (told->m.op != OP_watch);
  ck_assert(told->m.kind == MESSAGE_REPLY && reader_uint(&told->r, &id) && id == next.host);
  for (int i = 0; i < MANY; i++) wire_leave(&known[i]);
  wire_leave(&next);
}
END_TEST

START_TEST(the_broker_stops_in_the_middle) {
  struct end holder;
  join_holder(&holder, "holder", 1);
  wire_leave(&holder);
  while (w.broker.refs.tokens.count == HELD) wire_turn(&w);
  wire_leave(&host);
  wire_leave(&others);
  wire_close(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker releases");
  TCase *c = tcase_create("releases");
  tcase_add_checked_fixture(c, setup, teardown);
  run_long(c);
  tcase_add_test(c, drops_of_several_hosts_go_out_by_host);
  tcase_add_test(c, others_are_answered_while_a_large_holder_is_released);
  tcase_add_test(c, several_dead_holders_and_a_successor_of_the_name);
  tcase_add_test(c, the_host_dies_before_its_dead_holder_is_released);
  tcase_add_test(c, whom_a_dead_client_knew_is_forgotten_in_slices);
  tcase_add_test(c, a_dead_client_stays_until_its_last_slice);
  tcase_add_test(c, who_knew_a_dead_host_is_told_and_forgets_it_in_slices);
  tcase_add_test(c, who_was_told_of_an_end_waits_for_the_next_of_its_name);
  suite_add_tcase(s, c);
  TCase *stops = tcase_create("stops");
  tcase_add_checked_fixture(stops, setup, NULL);
  tcase_add_test(stops, the_broker_stops_in_the_middle);
  suite_add_tcase(s, stops);
  return run_suite(s);
}
