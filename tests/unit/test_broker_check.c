/* SPDX-License-Identifier: MIT
 *
 * broker_check: one thing at a time is made wrong in a broker that is at work, and must be found.
 */
#include "broker/core/releases.h"
#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, o, silent; /* b holds a token of a and has asked it; o observes and waits */
static struct client *client_a, *client_b, *client_o;
static uint32_t host_a, host_b;

static struct client *client_of(const struct end *e, uint32_t *host) {
  *host = hosts_find(&w.broker.hosts, e->host);
  return wire_client(&w, e);
}

static void setup(void) {
  uint32_t host_o;
  struct message h = {.kind = MESSAGE_REQUEST,
                      .op = OP_labels,
                      .id = 70,
                      .deadline_ms = 60000,
                      .target = OP_NAME,
                      .name = "a",
                      .name_size = 1};
  wire_open(&w, NULL);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join_as(&w, &o, "o", true);
  wire_connect(&w, &silent);
  struct pt x = wire_token(&a, 1);
  wire_fetch(&w, &b, &a, "a", &x);
  wire_begin_to(&b, &h, 0);
  wire_send(&w, &b);
  wire_ask(&o, OP_gc, "b", NULL, 0);
  wire_send(&w, &o);
  pack_text(wire_ask(&o, OP_watch, NULL, NULL, 2), "nope");
  pack_text(&o.p, "present");
  wire_send(&w, &o);
  wire_turn(&w);
  client_a = client_of(&a, &host_a);
  client_b = client_of(&b, &host_b);
  client_o = client_of(&o, &host_o);
}
static void teardown(void) {
  wire_turn(&w); /* all is as it was */
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&o);
  wire_leave(&silent);
  wire_close(&w);
}

static void expect(const char *text) {
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(fault && strcmp(fault, text) == 0, "expected \"%s\", got \"%s\"", text,
                fault ? fault : "no fault");
}

/* While `place` has another value, this fault is found. */
#define EXPECT_WITH(place, value, text) \
  do {                                  \
    __typeof__(place) was = (place);    \
    (place) = (value);                  \
    expect(text);                       \
    (place) = was;                      \
  } while (0)

START_TEST(connections_are_checked) {
  struct connections *n = &w.broker.connections;
  struct client *greeting = n->all;
  ck_assert_int_eq(greeting->state, CLIENT_GREETING);
  EXPECT_WITH(client_b->prev, NULL, "connections: a broken link");
  EXPECT_WITH(client_b->next->prev, NULL, "connections: a broken link");
  EXPECT_WITH(client_a->is_postponed, true, "connections: one has more to do and is no job");
  EXPECT_WITH(client_a->is_put_off, true, "connections: one has more to do and is no job");
  EXPECT_WITH(client_a->balance, 0, "connections: one has more to do and is no job");
  EXPECT_WITH(client_a->is_held_back, true, "connections: one is held back that has read");
  EXPECT_WITH(client_a->events, UV_DISCONNECT, "connections: one is not read");
  EXPECT_WITH(greeting->host, 0, "connections: a host before its hello");
  EXPECT_WITH(client_b->host, SLAB_NONE, "connections: a ready client is no host");
  EXPECT_WITH(client_b->host, host_a, "connections: a client's host is another's");
  EXPECT_WITH(client_b->name, "b", "connections: a client has another name than its host");
  EXPECT_WITH(client_b->is_dirty, true, "connections: a list has another number of clients");
  EXPECT_WITH(n->dirty, client_b, "connections: one in the dirty list has no mark of it");
  EXPECT_WITH(n->condemned, client_b, "connections: one in the condemned list is not condemned");
  uint64_t due_in = uv_timer_get_due_in(&w.broker.greeting);
  uv_timer_cb callback = w.broker.greeting.timer_cb;
  uv_timer_stop(&w.broker.greeting);
  expect("connections: no timer waits for a hello");
  uv_timer_start(&w.broker.greeting, callback, due_in, 0);
}
END_TEST

START_TEST(hosts_and_names_are_checked) {
  struct hosts *hosts = &w.broker.hosts;
  struct names *names = &w.broker.names;
  EXPECT_WITH(hosts->by_id.count, 99, "hosts: the hash table has another number of hosts");
  EXPECT_WITH(hosts_at(hosts, host_b)->observer, true,
              "hosts: a host and its client differ in whether it observes");
  EXPECT_WITH(hosts_at(hosts, host_b)->name[0], '@',
              "hosts: a worker that is told as an observer, or one as a worker");
  EXPECT_WITH(hosts_at(hosts, host_b)->giving_back.run, (job_run_fn)abort,
              "hosts: a dead holder is no job, or another is one");
  uv_idle_start(&w.broker.work.idle, (uv_idle_cb)abort);
  expect("work: the loop sleeps over a job, or does not sleep without one");
  uv_idle_stop(&w.broker.work.idle);
  EXPECT_WITH(names_at(names, client_b->name_record)->ready, true,
              "names: a name and its client differ in whether it is ready");
  EXPECT_WITH(names_at(names, client_b->name_record)->host, host_a,
              "names: a client that does not know its name");
  EXPECT_WITH(hosts_at(hosts, host_b)->name[0], 'B', "names: a host has another name");
  EXPECT_WITH(client_o->name_record, client_b->name_record,
              "names: a worker without a name, or an observer or a retired one with one");
  EXPECT_WITH(names->by_text.count, 99, "names: the hash table has another number of names");
}
END_TEST

START_TEST(what_is_under_way_is_checked) {
  struct calls *calls = &w.broker.calls;
  uint32_t call = calls_find_asked(calls, host_b, 70);
  ck_assert_uint_ne(call, SLAB_NONE);
  EXPECT_WITH(client_a->answers_due, 0, "calls: another number of answers is due");
  EXPECT_WITH(client_b->answers_due, 2, "calls: another number of answers is due");
  EXPECT_WITH(calls_at(calls, call)->unbounded, true, "calls: another number of answers is due");
  EXPECT_WITH(calls_at(calls, call)->host, 4711, "calls: one to a dead host");
  EXPECT_WITH(calls->by_id.count, 99, "calls: another number of calls is listed by id");
  EXPECT_WITH(w.broker.expiry.fires_ms, UINT64_MAX, "calls: no timer for a deadline");
  EXPECT_WITH(w.broker.writing, true, "notify: a message was begun and not sent");
  struct waits *gc = &w.broker.collecting, *watches = &w.broker.names.watches;
  uint32_t i = slab_next(&gc->all, 0), k = slab_next(&watches->all, 0);
  EXPECT_WITH(waits_at(gc, i)->subject, host_a,
              "waits: one is not in the lists of its subject and its client");
  EXPECT_WITH(waits_at(watches, k)->client, host_a,
              "waits: one is not in the lists of its subject and its client");
  client_b->answers_due--;
  EXPECT_WITH(client_b->free_id, 0, "collecting: a wait for what is not under way");
  client_b->answers_due++;
}
END_TEST

START_TEST(loads_and_holds_are_checked) {
  struct loads *loads = &w.broker.loads;
  struct refs *refs = &w.broker.refs;
  uint32_t load = loads_find(loads, host_a, host_b), other = loads_find(loads, host_b, host_a);
  uint32_t hold = refs_first_held(refs, host_b);
  EXPECT_WITH(loads_at(loads, load)->open[0], ((struct window){1, 100}),
              "flows: more is open than was asked");
  EXPECT_WITH(loads_at(loads, load)->asked, 1, "calls: pairs count another number of them");
  EXPECT_WITH(loads_at(loads, load)->held, 2,
              "loads: one is not what its client holds of its host");
  EXPECT_WITH(loads_at(loads, other)->held, 1,
              "loads: one is not what its client holds of its host");
  EXPECT_WITH(loads_at(loads, load)->shadow, 7, "loads: a shadow above its load");
  EXPECT_WITH(loads_at(loads, load)->settled, 7,
              "loads: a shadow of a collection that has not been");
  EXPECT_WITH(refs_hold_at(refs, hold)->count, 0, "refs: a hold with count 0");
  EXPECT_WITH(refs_token(refs, refs_hold_at(refs, hold)->token)->seen, 0,
              "refs: a token that was never seen");
}
END_TEST

START_TEST(dead_hosts_are_checked) {
  enum { HELD = 3 * RELEASES_SLICE };
  pack_text(wire_ask(&b, OP_s2t, "a", NULL, 1), "x");
  wire_send(&w, &b);
  do
    ck_assert_int_eq(wire_next(&w, &a), 1);
  while (a.m.op != OP_s2t);
  struct pack *p = wire_begin(&a, MESSAGE_REPLY, OP_s2t, a.m.id, HELD);
  for (uint64_t i = 0; i < HELD; i++) {
    struct pt pt = wire_token(&a, 100 + i);
    pack_pt(p, &pt);
  }
  wire_send(&w, &a);
  wire_quiet(&w, &a);
  wire_leave(&b);
  struct job *job = &hosts_at(&w.broker.hosts, host_b)->giving_back;
  while (!job_is_queued(job)) wire_turn(&w);
  job_run_fn run = job->run;
  work_remove(&w.broker.work, job);
  expect("hosts: a dead holder is no job, or another is one");
  work_add(&w.broker.work, job, run);
  while (slab_live(&w.broker.hosts.all, host_b)) wire_turn(&w);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker check");
  TCase *t = tcase_create("check");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, connections_are_checked);
  tcase_add_test(t, hosts_and_names_are_checked);
  tcase_add_test(t, what_is_under_way_is_checked);
  tcase_add_test(t, loads_and_holds_are_checked);
  tcase_add_test(t, dead_hosts_are_checked);
  return run_suite(s);
}
