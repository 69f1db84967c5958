/* SPDX-License-Identifier: MIT
 *
 * Random steps of workers that share two names: they come, wait to succeed one another, are ready, retire and end, and the broker
 * is killed in between. After each step a name is whose the rules say, and all books agree.
 */
#include "broker/check.h"
#include "proto/name.h"
#include "tests/unit/broker_comeback.h"
#include "tests/unit/random.h"

enum { WORKERS = 6, NAMES = 2, STEPS = 300 };
enum place { GONE, NAMED, WAITS, RETIRED };

static const char *const names[NAMES] = {"x", "y"};
static struct wire w;
static struct worker workers[WORKERS];
static struct {
  enum place standing;
  bool ready; /* it has said so */
  unsigned name;
} is[WORKERS];
static uint64_t state;

static int who(unsigned name, enum place standing) {
  for (int i = 0; i < WORKERS; i++)
    if (is[i].standing == standing && is[i].name == name) return i;
  return -1;
}

static void check(void) {
  for (int i = 0; i < 3; i++) wire_turn(&w);
  const char *fault = broker_check(&w.broker);
  ck_assert_msg(!fault, "%s", fault);
  for (unsigned n = 0; n < NAMES; n++) {
    uint32_t host = names_host(&w.broker.names, names[n], 1);
    int i = who(n, NAMED);
    ck_assert_msg((i < 0) == (host == SLAB_NONE), "%s is whose it should not be", names[n]);
    if (i < 0) continue;
    ck_assert_uint_eq(hosts_at(&w.broker.hosts, host)->id, workers[i].host);
    ck_assert_int_eq(names_at(&w.broker.names, names_find(&w.broker.names, names[n], 1))->ready, is[i].ready);
  }
}

/* The one with the name has given it up, or ended. */
static void pass(unsigned name) {
  int heir = who(name, WAITS);
  if (heir >= 0) is[heir].standing = NAMED;
}

static void come(int i) {
  struct worker *k = &workers[i];
  unsigned n = random_below(&state, NAMES);
  bool succeeds = random_below(&state, 3) > 0, taken = who(n, NAMED) >= 0;
  bool refused = taken && (!succeeds || who(n, WAITS) >= 0);
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = names[n], .name_size = 1};
  wire_connect(&w, &k->end);
  struct pack *p = wire_begin(&k->end, MESSAGE_REQUEST, OP_hello, 1, hello_request_values(succeeds));
  hello_put_request(p, &h, succeeds);
  if (succeeds) {
    pack_text(p, SUCCEED_KEY);
    pack_bool(p, true);
  }
  wire_send(&w, &k->end);
  if (refused) {
    worker_refused(&w, k, STATUS_name_taken);
    return;
  }
  worker_welcome(&w, k);
  k->name = names[n];
  is[i].name = n;
  is[i].ready = false;
  is[i].standing = taken ? WAITS : NAMED;
}

static void say(int i, enum op op) {
  wire_begin(&workers[i].end, MESSAGE_NOTICE, op, 0, 0);
  wire_send(&w, &workers[i].end);
}

static void be_ready(int i) {
  say(i, OP_ready);
  is[i].ready = true;
  if (is[i].standing != WAITS) return;
  int before = who(is[i].name, NAMED);
  if (before >= 0) is[before].standing = RETIRED;
  is[i].standing = NAMED;
}

static void go(int i, bool ends) {
  enum place was = is[i].standing;
  is[i].standing = ends ? GONE : RETIRED;
  if (was == NAMED) pass(is[i].name);
  if (ends)
    worker_forget(&workers[i]);
  else
    say(i, OP_retire);
}

static void come_back(int i) {
  worker_return(&w, &workers[i]);
  worker_back(&w, &workers[i]);
}

/* All come back in some order, and say again that they are ready; or somebody is so for the first time before all are back. */
static void kill_broker(void) {
  int order[WORKERS], n = 0, last = -1;
  for (int i = 0; i < WORKERS; i++)
    if (is[i].standing != GONE) order[n++] = i;
  if (!n) return;
  wire_kill(&w);
  wire_again(&w, NULL);
  for (int left = n; left > 0; left--) {
    unsigned at = random_below(&state, (uint32_t)left);
    int i = order[at];
    order[at] = order[left - 1];
    come_back(i);
    if (is[i].ready && is[i].standing == RETIRED) say(i, OP_ready); /* it may not know */
    if (is[i].ready && is[i].standing == NAMED) say(i, OP_ready);
    if (is[i].standing == WAITS && left > 1 && random_below(&state, 2)) last = i;
    if (last >= 0 && is[last].standing == WAITS && random_below(&state, 2)) be_ready(last);
  }
  for (int i = 0; i < WIRE_TURNS && w.broker.grace.is_on; i++) wire_turn(&w);
  ck_assert(!w.broker.grace.is_on);
}

START_TEST(names_are_whose_the_rules_say) {
  wire_open(&w, NULL);
  for (int step = 0; step < STEPS; step++) {
    int i = (int)random_below(&state, WORKERS);
    uint32_t what = random_below(&state, 10);
    if (what == 0)
      kill_broker();
    else if (is[i].standing == GONE)
      come(i);
    else if (what < 6)
      be_ready(i);
    else if (what < 8)
      go(i, false);
    else
      go(i, true);
    check();
  }
  for (int i = 0; i < WORKERS; i++)
    if (is[i].standing != GONE) worker_forget(&workers[i]);
  wire_close(&w);
}
END_TEST

static void setup(void) {
  state = random_seed("test_broker_succeed_random");
}

int main(void) {
  Suite *s = suite_create("broker succeed random");
  TCase *t = tcase_create("random");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, NULL);
  tcase_add_loop_test(t, names_are_whose_the_rules_say, 0, 10);
  return run_suite(s);
}
