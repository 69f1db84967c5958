/* SPDX-License-Identifier: MIT
 *
 * A broker with a policy: who is refused what, what that costs, and how it is shown.
 */
#define _GNU_SOURCE /* memmem */
#include <grp.h>

#include "proto/base.h"
#include "tests/unit/broker_policy.h"

enum { LABEL_BYTES = 1000 };

START_TEST(a_broker_with_a_wrong_policy_does_not_start) {
  struct broker_config config = wire_config();
  char error[512];
  config.policy = path;
  write_policy("[allow]\nwho = all\nhosts = a@b\n");
  ck_assert_ptr_nonnull(run_directory(w.dir));
  snprintf(w.path, sizeof w.path, "%s/s", w.dir);
  config.socket = w.path;
  ck_assert_int_eq(uv_loop_init(&w.loop), 0);
  ck_assert_int_eq(broker_start(&w.broker, &w.loop, &config, error, sizeof error), -1);
  ck_assert_msg(strstr(error, "/policy:3: no worker is called 'a@b'"), "%s", error);
}
END_TEST

START_TEST(names) {
  open_with("[deny]\nwho = all\nnames = shop\n[allow]\nwho = all\nnames = till*, client-*\n");
  wire_join(&w, &till, "till-1");
  wire_connect(&w, &shop);
  wire_hello(&w, &shop, "shop", false);
  expect_refused(&shop, STATUS_denied, "policy does not let user");
  wire_expect_end(&w, &shop);
  wire_connect(&w, &other);
  wire_hello(&w, &other, NULL, false); /* one that the broker makes up */
  wire_expect(&w, &other, MESSAGE_REPLY, OP_hello);
  wire_join_as(&w, &observer, "shop", true); /* takes no name */
}
END_TEST

/* A rule about any of the many groups that somebody may be in counts. */
START_TEST(names_by_the_last_of_many_groups) {
  static gid_t groups[60000];
  for (gid_t i = 0; i < ARRAY_SIZE(groups); i++) groups[i] = 100000 + i;
  ck_assert_int_eq(setgroups(ARRAY_SIZE(groups), groups), 0);
  open_with("[deny]\nwho = group 159999\nnames = shop\n[allow]\nwho = group 159998\nnames = *\n");
  wire_join(&w, &till, "till-1");
  struct client *c = wire_client(&w, &till);
  int64_t before = c->balance;
  ck_assert(permissions_allow_name(c, "x", 1));
  ck_assert_int_ge(before - c->balance, (int64_t)ARRAY_SIZE(groups) / 100); /* to read them is work */
  c->balance = before;
  wire_connect(&w, &shop);
  wire_hello(&w, &shop, "shop", false);
  expect_refused(&shop, STATUS_denied, "policy does not let user");
}
END_TEST

START_TEST(labels_and_ops) {
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\nops = s2t, get\nlabels = price, 7\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label("price");
  expect_forwarded(&shop, OP_s2t);
  ask_label("secret");
  expect_refused(&till, STATUS_denied, "ask worker shop for 's2t'");
  pack_uint(wire_ask(&till, OP_s2t, "shop", NULL, 1), 7);
  wire_send(&w, &till);
  expect_forwarded(&shop, OP_s2t);
  pack_bool(wire_ask(&till, OP_s2t, "shop", NULL, 1), true);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_ask(&till, OP_labels, "shop", NULL, 0);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  pack_text(wire_ask(&shop, OP_s2t, "till", NULL, 1), "price"); /* the other way */
  wire_send(&w, &shop);
  wire_expect_error(&w, &shop, STATUS_denied);
  pack_text(wire_ask(&till, OP_s2t, "till", NULL, 1), "secret"); /* itself */
  wire_send(&w, &till);
  expect_forwarded(&till, OP_s2t);
  wire_expect_nothing(&w, &shop);
}
END_TEST

/* A label longer than those that are compared is none that is allowed. */
START_TEST(a_long_label) {
  static char label[4096];
  memset(label, 'x', sizeof label - 1);
  open_with(ALL_NAMES "[allow]\nwho = all\nhosts = *\nlabels = *\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  ask_label(label);
  wire_expect_error(&w, &till, STATUS_denied);
  label[1024] = '\0';
  ask_label(label);
  expect_forwarded(&shop, OP_s2t);
}
END_TEST

/* ---- What it costs is charged ---- */

/* Units that till is charged for being judged when it asks shop for a label. */
static int64_t cost_of(const char *label) {
  struct client *c = wire_client(&w, &till);
  struct message m;
  pack_text(wire_ask(&till, OP_s2t, "shop", NULL, 1), label);
  wire_end(&till);
  ck_assert_ptr_null(message_parse(till.out.bytes, till.out.size, &m));
  int64_t before = c->balance;
  uint64_t spent = w.broker.work.spent;
  permissions_allow_request(c, wire_client(&w, &shop)->host, &m);
  int64_t cost = before - c->balance;
  ck_assert_uint_ge(w.broker.work.spent - spent, (uint64_t)cost); /* the turn has it too */
  c->balance = before; /* outside of a turn nobody makes it a job */
  till.out.size = 0;
  return cost;
}

#define PATTERN "*aaaaaaaaaaaaaaaaaaaaaaab*" /* looks twice at each place */
START_TEST(labels_compared_are_charged) {
  static char text[POLICY_BYTES_MOST] = ALL_NAMES, label[LABEL_BYTES + 1];
  memset(label, 'a', LABEL_BYTES);
  for (int i = 0; i < 200; i++) strcat(text, "[deny]\nwho = all\nhosts = shop\nops = s2t\nlabels = " PATTERN "\n");
  strcat(text, "[allow]\nwho = all\nhosts = shop\n");
  open_with(text);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  cost_of("x"); /* the rules about both are worked out */
  ck_assert_int_le(cost_of("x"), 20);
  ck_assert_int_ge(cost_of(label), 200 * 2 * (LABEL_BYTES - 50) / 50);
  reload(ALL_NAMES "[allow]\nwho = all\nhosts = shop\n");
  cost_of("x");
  ck_assert_int_eq(cost_of(label), 0); /* no rule looks at labels */
}
END_TEST

/* Which rules are about somebody: of his name and groups, and about him as a host, once for each policy. */
START_TEST(finding_the_rules_is_charged) {
  static char text[POLICY_BYTES_MOST] = ALL_NAMES;
  for (int i = 0; i < 200; i++) strcat(text, "[deny]\nwho = worker *ai*ai*ai, group 7\nhosts = *ho*ho*ho\n");
  open_with(text);
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till-aiaiaiaiaiaiaiaiaix");
  ck_assert_int_eq(cost_of("x"), 0); /* both were charged in hello */
  read_again();
  struct client *c = wire_client(&w, &shop);
  int64_t before = c->balance;
  ck_assert_int_ge(cost_of("x"), 200 * 20 / 50);
  ck_assert_int_ge(before - c->balance, 200 * 4 / 50); /* the host pays for itself */
  before = wire_client(&w, &till)->balance;
  ck_assert(permissions_allow_name(wire_client(&w, &till), "x", 1));
  ck_assert_int_ge(before - wire_client(&w, &till)->balance, 1);
}
END_TEST

/* An object of a worker that its holder may not ask, wherever it has it from. */
START_TEST(objects_of_a_forbidden_host) {
  struct pt object = wire_token(&shop, 1);
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = other\n[allow]\nwho = worker other\nhosts = *\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  wire_join(&w, &other, "other");
  object.host = shop.host;
  wire_fetch(&w, &other, &shop, "shop", &object);
  wire_fetch(&w, &till, &other, "other", &object);
  pack_text(wire_ask(&till, OP_get, NULL, &object, 1), "x");
  wire_send(&w, &till);
  expect_refused(&till, STATUS_denied, "ask worker shop for 'get'");
  wire_expect(&w, &till, MESSAGE_NOTICE, OP_grant);
  wire_ask(&till, OP_call, NULL, &object, 0);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_expect(&w, &till, MESSAGE_NOTICE, OP_grant);
  pack_text(wire_ask(&other, OP_get, NULL, &object, 1), "x");
  wire_send(&w, &other);
  expect_forwarded(&shop, OP_get);
  wire_unsub(&w, &till, &object, 1); /* it holds it all the same */
  wire_expect_nothing(&w, &till);
  ck_assert_uint_eq(wire_client(&w, &till)->forgeries, 0);
}
END_TEST

/* What a refused request carries is given back, and its room in the window. */
START_TEST(what_is_refused_leaves_nothing_behind) {
  struct pt object, own;
  open_with(ALL_NAMES "[allow]\nwho = worker till\nhosts = shop\nops = s2t\n");
  wire_join(&w, &shop, "shop");
  wire_join(&w, &till, "till");
  object = wire_token(&shop, 1);
  own = wire_token(&till, 9);
  wire_fetch(&w, &till, &shop, "shop", &object);
  pack_pt(wire_ask(&till, OP_call, NULL, &object, 1), &own);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_expect(&w, &till, MESSAGE_NOTICE, OP_grant);
  wire_expect_drop(&w, &till, 9, 1);
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_call, .id = 77, .depth = 1, .target = OP_PT,
                      .pt = object, .flags = MESSAGE_ONE_WAY};
  wire_begin_to(&till, &h, 0);
  wire_send(&w, &till);
  wire_expect_error(&w, &till, STATUS_denied);
  wire_expect(&w, &till, MESSAGE_NOTICE, OP_grant);
  wire_expect_nothing(&w, &shop);
}
END_TEST

static void look(struct end *e) {
  pack_text(wire_ask(e, OP_inspect, NULL, NULL, 1), "clients");
  wire_send(&w, e);
}
static void collect(struct end *e, const char *name) {
  wire_ask(e, OP_gc, name, NULL, 0);
  wire_send(&w, e);
}

START_TEST(the_own_user_looks_in_and_acts) {
  open_with(ALL_NAMES);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "o", true);
  look(&observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_inspect);
  look(&shop);
  wire_expect(&w, &shop, MESSAGE_REPLY, OP_inspect);
  collect(&observer, "shop");
  expect_forwarded(&shop, OP_free);
  wire_ask(&observer, OP_labels, "shop", NULL, 0);
  wire_send(&w, &observer);
  expect_forwarded(&shop, OP_labels);
}
END_TEST

START_TEST(unless_a_rule_says_otherwise) {
  char policy[256];
  snprintf(policy, sizeof policy, ALL_NAMES "[deny]\nwho = user %u\nmay = act\n[deny]\nwho = worker shop\nmay = inspect\n",
           (unsigned)geteuid());
  open_with(policy);
  wire_join(&w, &shop, "shop");
  wire_join_as(&w, &observer, "shop", true); /* its name is no worker's */
  look(&observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_inspect);
  look(&shop);
  expect_refused(&shop, STATUS_denied, "look into it");
  collect(&observer, "shop");
  expect_refused(&observer, STATUS_denied, "act on its workers");
  wire_ask(&observer, OP_labels, "shop", NULL, 0); /* reads */
  wire_send(&w, &observer);
  expect_forwarded(&shop, OP_labels);
}
END_TEST

/* ---- The policy in force, as it is shown ---- */

static char shown[POLICY_BYTES_MOST + 1];

/* Asks for a page, and adds its text to `shown`; the next cursor, 0 at the end. */
static uint64_t page(uint64_t cursor) {
  struct value v, value;
  struct pack *p = wire_ask(&observer, OP_inspect, NULL, NULL, 2);
  pack_text(p, "policy");
  pack_uint(p, cursor);
  wire_send(&w, &observer);
  wire_expect(&w, &observer, MESSAGE_REPLY, OP_inspect);
  ck_assert(reader_next(&observer.r, &v));
  uint64_t next = v.type == VALUE_NIL ? 0 : v.integer;
  for (uint32_t rows = observer.m.body_count - 1; rows; rows--) {
    ck_assert(reader_next(&observer.r, &v) && v.type == VALUE_ARRAY && v.count == 2);
    ck_assert(reader_next(&observer.r, &v) && reader_next(&observer.r, &value));
    if (v.size == 4 && memcmp(v.bytes, "text", 4) == 0) strncat(shown, value.bytes, value.size);
  }
  return next;
}

START_TEST(it_is_shown_in_pieces) {
  static char text[20000] = ALL_NAMES;
  for (int i = 0; i < 1000; i++) strcat(text, "# a line\n");
  struct broker_config config = wire_config();
  config.policy = path;
  config.max_message = 4096;
  write_policy(text);
  wire_open(&w, &config);
  wire_join_as(&w, &observer, "o", true);
  int pages = 0;
  for (uint64_t cursor = page(0); cursor; pages++) cursor = page(cursor);
  ck_assert_int_gt(pages, 3);
  ck_assert_str_eq(shown, text);
  uint64_t cursor = page(0);
  reload(ALL_NAMES);
  pack_text(wire_ask(&observer, OP_inspect, NULL, NULL, 2), "policy");
  pack_uint(&observer.p, cursor);
  wire_send(&w, &observer);
  wire_expect_error(&w, &observer, STATUS_busy);
}
END_TEST

START_TEST(none_is_shown_as_none) {
  wire_open(&w, NULL);
  wire_join_as(&w, &observer, "o", true);
  ck_assert_uint_eq(page(0), 0);
  ck_assert_uint_eq(observer.m.body_count, 1);
  read_again();
  ck_assert_ptr_null(w.broker.permissions.policy);
}
END_TEST

int main(void) {
  Suite *s = suite_create("permissions");
  TCase *c = tcase_create("permissions");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_broker_with_a_wrong_policy_does_not_start);
  tcase_add_test(c, names);
  /* Only root can be in so many groups; and an emulator does not tell those of a peer. */
  if (geteuid() == 0 && !getenv("GAIJIN_TEST_UNDER")) tcase_add_test(c, names_by_the_last_of_many_groups);
  tcase_add_test(c, labels_and_ops);
  tcase_add_test(c, a_long_label);
  tcase_add_test(c, labels_compared_are_charged);
  tcase_add_test(c, finding_the_rules_is_charged);
  tcase_add_test(c, objects_of_a_forbidden_host);
  tcase_add_test(c, what_is_refused_leaves_nothing_behind);
  tcase_add_test(c, the_own_user_looks_in_and_acts);
  tcase_add_test(c, unless_a_rule_says_otherwise);
  tcase_add_test(c, it_is_shown_in_pieces);
  tcase_add_test(c, none_is_shown_as_none);
  suite_add_tcase(s, c);
  return run_suite(s);
}
