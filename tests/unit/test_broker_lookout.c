/* SPDX-License-Identifier: MIT
 *
 * Looking at hot connections before the loop sleeps (broker/net/lookout.h): who is looked at, and that
 * nothing else about being heard is different.
 */
#include "broker/net/hot.h"
#include "broker/net/lookout.h"
#include "broker/net/reading.h"
#include "tests/unit/broker_pair.h"

enum { LIMIT_US = 1000 };

static struct hot *hot(void) { return &w.broker.connections.hot; }

/* Looking has been worth it so far. */
static void setup_eager(void) {
  setup();
  hot_set(&w.broker.connections, LIMIT_US);
  hot()->polling.share = 1;
}

/* A wait begins: true if something was read in it. Whether it does is no question of time. */
static bool look(void) {
  hot()->stretch_ends = hot()->polling.until = 0;
  hot()->polling.is_waiting = false;
  bool found = lookout_wait(&w.broker.connections);
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(!fault, "%s", fault);
  return found;
}

/* It speaks, through the loop, and so is hot. */
static void heat(struct end *e) {
  begin_pings(e, 1);
  write_only(e);
  wire_turn(&w);
  ck_assert_uint_eq(take_all(e), 1);
  ck_assert(client_of(e)->hot);
}

START_TEST(who_has_spoken_is_read_without_the_loop) {
  heat(&a);
  begin_pings(&a, 3);
  write_only(&a);
  uint64_t before = client_of(&a)->messages_in, hits = hot()->polling.hits;
  ck_assert(look());
  ck_assert_uint_eq(client_of(&a)->messages_in, before + 3);
  ck_assert_uint_eq(hot()->polling.hits, hits + 1);
  broker_end_turn(&w.broker);
  ck_assert_uint_eq(take_all(&a), 3);
}
END_TEST

START_TEST(the_others_are_left_to_the_loop) {
  heat(&a);
  hot_leave_all(&w.broker.connections);
  begin_pings(&a, 1);
  write_only(&a);
  uint64_t before = client_of(&a)->messages_in;
  ck_assert(!look());
  ck_assert_uint_eq(client_of(&a)->messages_in, before);
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&a), 1);
}
END_TEST

START_TEST(off_nobody_is_hot) {
  hot_leave_all(&w.broker.connections);
  hot_set(&w.broker.connections, 0);
  begin_pings(&a, 1);
  write_only(&a);
  wire_turn(&w);
  ck_assert_uint_eq(hot()->count, 0);
  ck_assert(!look());
  ck_assert_uint_eq(hot()->polling.looks, 0);
}
END_TEST

START_TEST(when_nothing_comes_the_loop_sleeps_and_nobody_is_hot) {
  heat(&a);
  ck_assert(!look());
  ck_assert(hot()->count == 0 || uv_is_active((uv_handle_t *)&hot()->awake));
  hot()->polling.is_waiting = true;
  hot()->polling.began = 0; /* long ago: nothing is looked at any more */
  uint64_t looks = hot()->polling.looks;
  ck_assert(!lookout_wait(&w.broker.connections));
  ck_assert_uint_eq(hot()->count, 0);
  ck_assert(!uv_is_active((uv_handle_t *)&hot()->awake));
  ck_assert_uint_eq(hot()->polling.looks, looks);
}
END_TEST

/* It is read, and that is all: the wait goes on, and ends when it would have. */
START_TEST(who_drips_bytes_keeps_nobody_awake) {
  uint8_t bytes[64];
  heat(&a);
  begin_pings(&a, 1);
  uint32_t size = a.out.size;
  ck_assert_uint_le(size, sizeof bytes);
  memcpy(bytes, a.out.bytes, size);
  a.out.size = 0;
  ck_assert_int_eq(send(a.fd, bytes, 1, 0), 1);
  ck_assert(look());
  broker_end_turn(&w.broker);
  ck_assert(polling_wants_hit(&hot()->polling));
  hot()->polling.began = 0;
  uint64_t looks = hot()->polling.looks, hits = hot()->polling.hits;
  for (uint32_t i = 1; i < size; i++) {
    ck_assert_int_eq(send(a.fd, bytes + i, 1, 0), 1);
    ck_assert(!lookout_wait(&w.broker.connections));
    wire_turn(&w);
  }
  ck_assert_uint_eq(take_all(&a), 1);
  ck_assert_uint_eq(hot()->polling.looks, looks);
  ck_assert_uint_eq(hot()->polling.hits, hits);
}
END_TEST

/* A look that finds nothing is none of its doing: its time runs on. */
START_TEST(a_vain_look_changes_nothing) {
  heat(&a);
  begin_pings(&a, 1);
  ck_assert_int_eq(send(a.fd, a.out.bytes, 3, 0), 3);
  a.out.size = 0;
  wire_turn(&w);
  struct client *c = client_of(&a);
  c->heard_ms = 1;
  int64_t balance = c->balance;
  uint64_t spent = w.broker.work.spent;
  ck_assert(!reading_look(c));
  ck_assert_uint_eq(c->heard_ms, 1);
  ck_assert_int_ge(c->balance, balance);
  ck_assert_uint_eq(w.broker.work.spent, spent);
}
END_TEST

START_TEST(a_flood_is_cut_as_ever) {
  enum { PINGS = 1400 };
  heat(&a);
  begin_pings(&a, PINGS);
  write_only(&a);
  struct client *c = client_of(&a);
  uint64_t before = c->messages_in;
  ck_assert(look());
  ck_assert(job_is_queued(&c->job));
  ck_assert_uint_le((c->messages_in - before) * COST_MESSAGE, TURN_MOST);
  uint64_t done = c->messages_in;
  ck_assert(!look()); /* the loop goes on: work is queued */
  ck_assert_uint_eq(c->messages_in, done);
  while (c->messages_in < before + PINGS) {
    done = c->messages_in;
    wire_turn(&w);
    ck_assert_uint_le((c->messages_in - done) * COST_MESSAGE, 2 * TURN_MOST);
  }
  ck_assert_uint_eq(take_all(&a), PINGS);
}
END_TEST

/* Once so much was done in a turn nobody more is read in it. */
START_TEST(a_turn_is_bounded) {
  heat(&a);
  begin_pings(&a, 1);
  write_only(&a);
  uint64_t before = client_of(&a)->messages_in;
  work_charge(&w.broker.work, 2 * WORK_TURN);
  ck_assert(!look());
  ck_assert_uint_eq(client_of(&a)->messages_in, before);
  wire_turn(&w);
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&a), 1);
}
END_TEST

START_TEST(who_rests_is_not_read) {
  struct client *c = client_of(&a);
  w.broker.flows.window.requests = 1;
  heat(&a);
  for (int i = 0; i < 2; i++) {
    pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "label");
    wire_end(&a);
  }
  write_only(&a);
  ck_assert(look());
  ck_assert(c->job.rests);
  broker_end_turn(&w.broker);
  begin_pings(&a, 1);
  write_only(&a);
  uint64_t before = c->messages_in;
  ck_assert(!reading_look(c));
  ck_assert_uint_eq(c->messages_in, before);
  while (c->messages_in == before) wire_turn(&w);
}
END_TEST

START_TEST(an_end_is_seen) {
  heat(&a);
  wire_leave(&a);
  ck_assert(look());
  broker_end_turn(&w.broker);
  ck_assert_uint_eq(hosts_find(&w.broker.hosts, a.host), SLAB_NONE);
  for (unsigned i = 0; i < hot()->count; i++) ck_assert_ptr_eq(hot()->all[i], client_of(&b));
  wire_turn(&w);
}
END_TEST

START_TEST(more_than_there_is_room_for_are_heard_all_the_same) {
  enum { MANY = HOT_MOST + 8 };
  static struct end many[MANY];
  memset(many, 0, sizeof many);
  char name[16];
  for (int i = 0; i < MANY; i++) {
    snprintf(name, sizeof name, "many%d", i);
    wire_join(&w, &many[i], name);
  }
  for (int i = 0; i < MANY; i++) hot_enter(client_of(&many[i]));
  ck_assert_uint_eq(hot()->count, HOT_MOST);
  for (int i = 0; i < MANY; i++) {
    begin_pings(&many[i], 1);
    write_only(&many[i]);
  }
  look();
  broker_end_turn(&w.broker);
  wire_turn(&w);
  wire_turn(&w);
  for (int i = 0; i < MANY; i++) {
    ck_assert_uint_eq(take_all(&many[i]), 1);
    wire_leave(&many[i]);
  }
}
END_TEST

/* What the loop would do at once it is let do. */
START_TEST(timers_that_are_due_come_first) {
  uv_timer_t *timer = &w.broker.greeting;
  heat(&a);
  uv_timer_start(timer, timer->timer_cb, 0, 0);
  begin_pings(&a, 1);
  write_only(&a);
  uint64_t before = client_of(&a)->messages_in;
  ck_assert(!look());
  ck_assert_uint_eq(client_of(&a)->messages_in, before);
  ck_assert(uv_is_active((uv_handle_t *)&hot()->awake));
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&a), 1);
}
END_TEST

static bool is_awake(void) { return uv_is_active((uv_handle_t *)&hot()->awake); }

/* While one is looked at, another speaks: the loop is let read it. */
START_TEST(who_is_not_hot_ends_the_looks) {
  heat(&a);
  hot_leave(client_of(&b));
  begin_pings(&b, 1);
  write_only(&b);
  uint64_t before = client_of(&b)->messages_in;
  hot()->polling.until = hot()->around = 0; /* the others are asked about at once */
  hot()->polling.is_waiting = false;
  hot()->stretch_ends = 1e18;
  ck_assert(!lookout_wait(&w.broker.connections));
  ck_assert(is_awake());
  ck_assert(client_of(&a)->hot);
  ck_assert_uint_eq(client_of(&b)->messages_in, before);
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&b), 1);
}
END_TEST

/* However much there is to hear, the loop has its turn after a while. */
/* With nobody to look at there is nothing else to do. */
START_TEST(when_nobody_is_hot_the_loop_is_asked_at_each_look) {
  heat(&a);
  begin_pings(&a, 1);
  write_only(&a);
  hot_leave_all(&w.broker.connections);
  double began = clock_seconds();
  uint64_t looks = hot()->polling.looks;
  hot()->polling.until = 0;
  hot()->polling.is_waiting = false;
  hot()->stretch_ends = hot()->around = 1e18;
  ck_assert(!lookout_look(&w.broker.connections));
  ck_assert(is_awake());
  ck_assert_uint_eq(hot()->polling.looks, looks);
  ck_assert_double_gt(hot()->around, began);
  ck_assert_double_lt(hot()->around, 1e18); /* not again before that, where somebody is */
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&a), 1);
}
END_TEST

START_TEST(a_stretch_ends) {
  heat(&a);
  begin_pings(&a, 1);
  write_only(&a);
  uint64_t before = client_of(&a)->messages_in;
  hot()->polling.until = 0;
  hot()->polling.is_waiting = false;
  hot()->stretch_ends = 1e-9; /* long ago */
  hot()->around = 1e18;
  ck_assert(!lookout_wait(&w.broker.connections));
  ck_assert(is_awake());
  ck_assert(client_of(&a)->hot);
  ck_assert_uint_eq(client_of(&a)->messages_in, before);
  wire_turn(&w);
  ck_assert_uint_eq(take_all(&a), 1);
}
END_TEST

START_TEST(who_was_looked_at_in_vain_is_not_any_more) {
  heat(&a);
  heat(&b);
  client_of(&a)->vain_looks = HOT_VAIN_MOST - 1;
  begin_pings(&b, 1);
  write_only(&b);
  ck_assert(look()); /* at both, and b has spoken */
  ck_assert(!client_of(&a)->hot && client_of(&b)->hot);
  broker_end_turn(&w.broker);
  ck_assert_uint_eq(take_all(&b), 1);
}
END_TEST

/* It will answer. */
START_TEST(who_was_written_to_is_hot) {
  hot_leave_all(&w.broker.connections);
  pack_text(wire_ask(&a, OP_s2t, "b", NULL, 1), "label");
  wire_end(&a);
  write_only(&a);
  wire_turn(&w);
  ck_assert(client_of(&b)->hot);
}
END_TEST

static bool do_nothing(struct work *work, struct job *j) {
  (void)work, (void)j;
  return false;
}

/* What the loop would not read, a look does not: who is not watched, and whose work is queued. */
START_TEST(who_may_not_be_read_is_not) {
  struct client *c = client_of(&a);
  heat(&a);
  begin_pings(&a, 1);
  write_only(&a);
  uint64_t before = c->messages_in;
  int events = c->events;
  c->events &= ~UV_READABLE;
  ck_assert(!reading_look(c));
  c->events = events;
  work_add(&w.broker.work, &c->job, do_nothing);
  ck_assert(!reading_look(c));
  work_remove(&w.broker.work, &c->job);
  ck_assert_uint_eq(c->messages_in, before);
  ck_assert(reading_look(c));
  ck_assert_uint_eq(c->messages_in, before + 1);
  broker_end_turn(&w.broker);
}
END_TEST

/* There is more of a message than is copied: its buffer stays as it is. */
START_TEST(a_vain_look_makes_no_room) {
  enum { SENT = 50000, WHOLE = 60000 };
  static char text[WHOLE];
  struct client *c = client_of(&a);
  memset(text, 'x', sizeof text);
  pack_string(wire_ask(&a, OP_s2t, "b", NULL, 1), text, sizeof text);
  wire_end(&a);
  ck_assert_int_eq(send(a.fd, a.out.bytes, SENT, 0), SENT);
  while (c->rest.in.size - c->rest.start < SENT) wire_turn(&w);
  uint32_t capacity = c->rest.in.capacity;
  ck_assert(!reading_look(c));
  ck_assert_uint_eq(c->rest.in.capacity, capacity);
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker_lookout");
  TCase *c = tcase_create("lookout");
  suite_add_tcase(s, c);
  tcase_add_checked_fixture(c, setup_eager, teardown);
  tcase_add_test(c, who_has_spoken_is_read_without_the_loop);
  tcase_add_test(c, the_others_are_left_to_the_loop);
  tcase_add_test(c, off_nobody_is_hot);
  tcase_add_test(c, when_nothing_comes_the_loop_sleeps_and_nobody_is_hot);
  tcase_add_test(c, who_drips_bytes_keeps_nobody_awake);
  tcase_add_test(c, a_vain_look_changes_nothing);
  tcase_add_test(c, a_flood_is_cut_as_ever);
  tcase_add_test(c, a_turn_is_bounded);
  tcase_add_test(c, who_rests_is_not_read);
  tcase_add_test(c, an_end_is_seen);
  tcase_add_test(c, more_than_there_is_room_for_are_heard_all_the_same);
  tcase_add_test(c, timers_that_are_due_come_first);
  tcase_add_test(c, who_is_not_hot_ends_the_looks);
  tcase_add_test(c, when_nobody_is_hot_the_loop_is_asked_at_each_look);
  tcase_add_test(c, a_stretch_ends);
  tcase_add_test(c, who_was_looked_at_in_vain_is_not_any_more);
  tcase_add_test(c, who_was_written_to_is_hot);
  tcase_add_test(c, who_may_not_be_read_is_not);
  tcase_add_test(c, a_vain_look_makes_no_room);
  return run_suite(s);
}
