/* SPDX-License-Identifier: MIT
 *
 * The way of a client's last request (broker/core/way.h): it leads nowhere where the tables would not.
 */
#include "broker/core/way.h"

#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, c, *const ends[] = {&a, &b, &c};

/* `to` gets an object of b's from it. */
static void get(struct end *to, const struct pt *pt) {
  wire_ask(to, OP_labels, "b", NULL, 0);
  wire_send(&w, to);
  wire_past_peers(&w, &b);
  pack_pt(wire_begin(&b, MESSAGE_REPLY, OP_labels, b.m.id, 1), pt);
  wire_send(&w, &b);
  wire_past_peers(&w, to);
  ck_assert_int_eq(to->m.kind, MESSAGE_REPLY);
}
static struct pt get_object(struct end *to, uint64_t id) {
  struct pt pt = wire_token(&b, id);
  get(to, &pt);
  return pt;
}

/* Whether a request of `from` for the object comes to b. */
static bool comes(struct end *from, const struct pt *pt) {
  wire_ask(from, OP_len, NULL, pt, 0);
  wire_send(&w, from);
  if (wire_next(&w, &b) == 1) {
    ck_assert_int_eq(b.m.op, OP_len);
    return true;
  }
  wire_expect_error(&w, from, STATUS_denied);
  wire_expect(&w, from, MESSAGE_NOTICE, OP_grant);
  return false;
}

static void give_back(struct end *from, const struct pt *pt, bool is_last) {
  struct pack *p = wire_begin(from, MESSAGE_NOTICE, OP_unsub, 0, 2);
  pack_pt(p, pt);
  pack_uint(p, 1);
  wire_send(&w, from);
  if (is_last) wire_expect(&w, &b, MESSAGE_NOTICE, OP_drop);
}

static bool way_is_known(const struct end *e) {
  const struct host *h = hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, e->host));
  return h->client->way.is_known;
}

/* The way of the last request is remembered, and forgotten when its asker gives the object back. */
START_TEST(an_object_is_reached_as_long_as_it_is_held) {
  wire_open(&w, NULL);
  for (int i = 0; i < 3; i++) wire_join(&w, ends[i], (const char *[]){"a", "b", "c"}[i]);
  struct pt one = get_object(&a, 1), two = get_object(&a, 2), forged = one;
  for (int i = 0; i < 3; i++) ck_assert(comes(&a, &one) && comes(&a, &one) && comes(&a, &two));
  ck_assert(comes(&a, &one));
  forged.stamp ^= 1;
  ck_assert(!comes(&a, &forged));
  ck_assert(!comes(&c, &one));
  get(&c, &one); /* so that only the holding goes */
  give_back(&a, &one, false);
  ck_assert(!comes(&a, &one) && comes(&c, &one));
  ck_assert(comes(&a, &two) && way_is_known(&c));
  give_back(&c, &one, true);
  ck_assert(!way_is_known(&c) && way_is_known(&a));
  ck_assert(comes(&a, &two));
  struct pt third = get_object(&c, 3); /* in the place of the first, perhaps */
  ck_assert(!comes(&a, &third));
  ck_assert(!comes(&a, &one));
  ck_assert(comes(&a, &two) && comes(&c, &third));
  struct pt fourth = get_object(&a, 4);
  give_back(&a, &fourth, true); /* another of the same host */
  ck_assert(way_is_known(&a));
  wire_leave(&b);
  while (hosts_find(&w.broker.hosts, two.host) != SLAB_NONE &&
         hosts_at(&w.broker.hosts, hosts_find(&w.broker.hosts, two.host))->client)
    wire_turn(&w);
  wire_ask(&a, OP_len, NULL, &two, 0);
  wire_send(&w, &a);
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.kind != MESSAGE_ERROR || a.m.id != a.last_id);
  uint64_t status;
  ck_assert(reader_uint(&a.r, &status) && status == STATUS_dead);
  wire_leave(&a);
  wire_leave(&c);
  wire_close(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker way");
  TCase *t = tcase_create("way");
  suite_add_tcase(s, t);
  tcase_add_test(t, an_object_is_reached_as_long_as_it_is_held);
  return run_suite(s);
}
