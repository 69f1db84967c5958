/* SPDX-License-Identifier: MIT
 *
 * Which rule decides.
 */
#include <stdio.h>
#include <string.h>

#include "policy/policy.h"
#include "tests/unit/run.h"

static enum people_outcome find(const char *name, uid_t *id) {
  *id = strcmp(name, "alice") == 0 ? 1001 : 2001;
  return PEOPLE_FOUND;
}
static const struct people people = {.user = find, .group = find};
static struct policy *p;

static void use(const char *text) {
  struct policy_errors e;
  policy_free(p);
  p = policy_parse(text, strlen(text), &people, &e);
  ck_assert_msg(p, "%u: %s", e.list[0].line, e.list[0].text);
}
static void teardown(void) {
  policy_free(p);
  p = NULL;
}

static struct policy_set about(uid_t uid, const char *worker) {
  struct policy_set s;
  gid_t gid = 2001;
  struct policy_subject subject = {.uid = uid, .gids = uid == 1002 ? &gid : NULL, .gid_count = uid == 1002, .worker = worker,
                                   .worker_size = worker ? strlen(worker) : 0};
  policy_about(p, &subject, &s);
  return s;
}

/* `line`: of the rule that decides. Negative: it refuses. */
static void check_line(struct policy_verdict v, int line) {
  int got = v.allowed ? (int)v.line : -(int)v.line;
  ck_assert_msg(got == line && (line || !v.allowed), "line %d, not %d", got, line);
}

static void asks_label(uid_t uid, const char *worker, const char *host, enum op op, const char *label, int line) {
  struct policy_set who = about(uid, worker), whom;
  struct policy_label l = {label, label ? strlen(label) : 0};
  policy_of_host(p, host, strlen(host), &whom);
  check_line(policy_ask(p, &who, &whom, op, &l), line);
}
static void asks(const char *worker, const char *host, enum op op, int line) { asks_label(1, worker, host, op, "x", line); }

START_TEST(nothing_is_allowed_by_an_empty_policy) {
  use("");
  asks("a", "b", OP_get, 0);
  struct policy_set who = about(1, NULL);
  check_line(policy_take(p, &who, "a", 1), 0);
  ck_assert(!policy_may(p, &who, POLICY_ACT, false).allowed);
  ck_assert(policy_may(p, &who, POLICY_ACT, true).allowed);
  ck_assert_str_eq(policy_take(p, &who, "a", 1).title, "");
}
END_TEST

START_TEST(the_first_that_fits_decides) {
  use("[deny one]\nwho = worker bad\nhosts = *\n"
      "[allow]\nwho = worker till-*\nhosts = shop, stock-*\n"
      "[deny]\nwho = all\nhosts = stock-*\n"
      "[allow]\nwho = all\nhosts = *\n");
  asks("bad", "shop", OP_get, -1);
  asks("till-1", "shop", OP_get, 4);
  asks("till-1", "stock-2", OP_get, 4);
  asks("other", "stock-2", OP_get, -7);
  asks("other", "shop", OP_get, 10);
  struct policy_set who = about(1, "bad"), whom;
  policy_of_host(p, "x", 1, &whom);
  ck_assert_str_eq(policy_ask(p, &who, &whom, OP_get, NULL).title, "deny one");
}
END_TEST

START_TEST(users_groups_and_workers) {
  use("[allow]\nwho = user alice\nhosts = a\n[allow]\nwho = group staff\nhosts = b\n[allow]\nwho = user 7\nhosts = c\n"
      "[allow]\nwho = worker w\nhosts = d\n[allow]\nwho = all\nhosts = e\n");
  for (int i = 0; i < 5; i++) {
    const char *host = &"a\0b\0c\0d\0e"[2 * i];
    asks_label(1001, "x", host, OP_get, "x", i == 0 ? 1 : i == 4 ? 13 : 0);
    asks_label(1002, "x", host, OP_get, "x", i == 1 ? 4 : i == 4 ? 13 : 0);
    asks_label(7, "x", host, OP_get, "x", i == 2 ? 7 : i == 4 ? 13 : 0);
    asks_label(8, "w", host, OP_get, "x", i == 3 ? 10 : i == 4 ? 13 : 0);
    asks_label(8, NULL, host, OP_get, "x", i == 4 ? 13 : 0);
  }
}
END_TEST

START_TEST(ops) {
  use("[deny]\nwho = all\nhosts = a\nops = set, apply\n[allow]\nwho = all\nhosts = a, b\nops = read, call\n");
  asks("w", "a", OP_set, -1);
  asks("w", "a", OP_apply, -1);
  asks("w", "b", OP_set, 0);
  asks("w", "a", OP_operator, 0);
  for (unsigned op = 0; op < OP_COUNT; op++) {
    const struct op_info *info = op_info(op);
    if (!info || info->way != OP_ROUTED) continue;
    bool reads = strstr("s2t get pairs ipairs next len str labels alive", info->name) != NULL;
    asks("w", "b", op, reads || op == OP_call ? 5 : 0);
    ck_assert_int_eq(policy_right_for(op), reads             ? POLICY_INSPECT
                                               : op == OP_eval  ? POLICY_EVAL
                                               : op == OP_paths || op == OP_describe ? POLICY_LEND
                                                                : POLICY_ACT);
  }
}
END_TEST

START_TEST(labels) {
  use("[deny]\nwho = all\nhosts = a\nlabels = secret-*\n[allow]\nwho = worker w\nhosts = a\nlabels = price, 7\n"
      "[allow]\nwho = worker v\nhosts = a\n");
  asks_label(1, "w", "a", OP_s2t, "secret-1", -1);
  asks_label(1, "v", "a", OP_s2t, "secret-1", -1);
  asks_label(1, "w", "a", OP_s2t, "price", 5);
  asks_label(1, "w", "a", OP_s2t, "7", 5);
  asks_label(1, "w", "a", OP_s2t, "stock", 0);
  asks_label(1, "v", "a", OP_s2t, "stock", 9);
  /* One that is neither text nor number. */
  asks_label(1, "w", "a", OP_s2t, NULL, -1);
  asks_label(1, "v", "a", OP_s2t, NULL, -1);
  /* What is no question for a label. */
  asks_label(1, "w", "a", OP_get, "secret-1", -1);
  /* It tells all. */
  asks_label(1, "v", "a", OP_labels, NULL, -1);
  use("[allow]\nwho = all\nhosts = a\nlabels = price\n[allow]\nwho = worker v\nhosts = a\n");
  asks_label(1, "w", "a", OP_labels, NULL, 0);
  asks_label(1, "v", "a", OP_labels, NULL, 5);
  asks_label(1, "w", "a", OP_s2t, NULL, 0);
  asks_label(1, "w", "a", OP_get, NULL, 1);
}
END_TEST

START_TEST(numbers_as_labels) {
  char text[POLICY_NUMBER_BYTES];
  struct policy_label l;
  policy_number_label(7, text, &l);
  ck_assert_str_eq(l.text, "7");
  ck_assert_uint_eq(l.size, 1);
  policy_number_label(-0.5, text, &l);
  ck_assert_str_eq(l.text, "-0.5");
}
END_TEST

static void takes(uid_t uid, const char *name, int line) {
  struct policy_set who = about(uid, NULL);
  check_line(policy_take(p, &who, name, strlen(name)), line);
}

START_TEST(names) {
  use("[deny]\nwho = all\nnames = broker*\n[allow]\nwho = user alice\nnames = shop, till-*, broker-1\n[allow]\nwho = all\nnames = "
      "client-*\n");
  takes(1001, "shop", 4);
  takes(1001, "till-1", 4);
  takes(1001, "broker-1", -1);
  takes(1001, "client-1", 7);
  takes(7, "client-1", 7);
  takes(7, "shop", 0);
  asks("w", "shop", OP_get, 0);
}
END_TEST

START_TEST(rights) {
  use("[allow]\nwho = user alice\nmay = inspect\n[deny]\nwho = worker w\nmay = inspect\n");
  struct policy_set alice = about(1001, NULL), other = about(7, NULL), w = about(7, "w");
  check_line(policy_may(p, &alice, POLICY_INSPECT, false), 1);
  ck_assert(!policy_may(p, &alice, POLICY_ACT, false).allowed);
  ck_assert(policy_may(p, &alice, POLICY_ACT, true).allowed);
  ck_assert(!policy_may(p, &other, POLICY_INSPECT, false).allowed);
  ck_assert(policy_may(p, &other, POLICY_INSPECT, true).allowed);
  check_line(policy_may(p, &w, POLICY_INSPECT, true), -4);
  ck_assert(policy_may(p, &w, POLICY_ACT, true).allowed);
}
END_TEST

/* Groups that nobody knows: one is refused what it might be refused, and gets what is certain. */
START_TEST(groups_that_are_not_known) {
  gid_t first = 3000;
  struct policy_subject known = {.uid = 7, .gids = &first, .gid_count = 1}, not_known = known;
  struct policy_set who;
  not_known.gids_not_known = true;
  use("[deny]\nwho = group 2001\nnames = a\n[allow]\nwho = group 2001\nnames = b\n"
      "[allow]\nwho = group 3000\nnames = a, b, c\n");
  policy_about(p, &known, &who);
  check_line(policy_take(p, &who, "a", 1), 7);
  check_line(policy_take(p, &who, "b", 1), 7);
  policy_about(p, &not_known, &who);
  check_line(policy_take(p, &who, "a", 1), -1);
  check_line(policy_take(p, &who, "b", 1), 7);
  check_line(policy_take(p, &who, "c", 1), 7);
  use("[allow]\nwho = group 2001\nnames = b\n");
  policy_about(p, &not_known, &who);
  check_line(policy_take(p, &who, "b", 1), 0);
}
END_TEST

START_TEST(each_of_many_groups) {
  static gid_t gids[65537];
  struct policy_subject subject = {.uid = 7, .gids = gids, .gid_count = sizeof gids / sizeof *gids};
  struct policy_set who;
  for (gid_t i = 0; i < sizeof gids / sizeof *gids; i++) gids[i] = 2 * i + 2;
  use("[deny]\nwho = group 3, group 1, group 131075\nnames = *\n[allow]\nwho = group 2\nnames = a\n"
      "[allow]\nwho = group 131074\nnames = b\n[allow]\nwho = group 65538\nnames = c\n");
  policy_about(p, &subject, &who);
  check_line(policy_take(p, &who, "a", 1), 4);
  check_line(policy_take(p, &who, "b", 1), 7);
  check_line(policy_take(p, &who, "c", 1), 10);
}
END_TEST

/* Rules in each word of the sets, and at their borders. */
START_TEST(many_rules) {
  static char text[POLICY_BYTES_MOST];
  char *end = text;
  for (int i = 0; i < POLICY_RULES_MOST; i++)
    end += sprintf(end, "[%s]\nwho = worker w%d\nhosts = h, h%d\n", i % 3 ? "allow" : "deny", i, i);
  use(text);
  for (int i = 0; i < POLICY_RULES_MOST; i++) {
    char worker[16], host[16];
    int line = i % 3 ? 1 + 3 * i : -(1 + 3 * i);
    sprintf(worker, "w%d", i);
    sprintf(host, "h%d", i);
    asks(worker, "h", OP_get, line);
    asks(worker, host, OP_call, line);
    sprintf(host, "h%d", i + 1);
    asks(worker, host, OP_call, 0);
  }
}
END_TEST

/* The last rule there may be is not about the label. */
START_TEST(behind_the_last_rule) {
  static char text[POLICY_BYTES_MOST];
  char *end = text;
  for (int i = 0; i < POLICY_RULES_MOST; i++) end += sprintf(end, "[allow]\nwho=all\nhosts=h\nlabels=l%d\nnames=n%d\n", i, i);
  use(text);
  asks_label(1, "w", "h", OP_s2t, "l255", 1 + 5 * 255);
  asks_label(1, "w", "h", OP_s2t, "x", 0);
  takes(1, "n64", 1 + 5 * 64);
  takes(1, "x", 0);
}
END_TEST

/* A file of patterns that are accepted, each as bad as can be, and a label that fits none. */
START_TEST(the_worst_that_comparing_takes) {
  enum { LABELS = 400, TRIED = 30 };
  static char text[POLICY_BYTES_MOST], label[POLICY_LABEL_MOST + 1];
  char *end = text + sprintf(text, "[allow]\nwho = all\nhosts = *h*\n");
  for (int i = 0; i < LABELS; i++) {
    end += sprintf(end, "labels = ");
    for (int k = 0; k < TRIED + i % 60; k++) *end++ = k % (TRIED / 2) == 0 ? '*' : 'a';
    end += sprintf(end, "b*\n");
  }
  use(text);
  memset(label, 'a', POLICY_LABEL_MOST);
  struct policy_set who = about(1, "w"), whom;
  policy_of_host(p, "h", 1, &whom);
  struct policy_label l = {label, POLICY_LABEL_MOST};
  struct policy_verdict v = policy_ask(p, &who, &whom, OP_s2t, &l);
  ck_assert(!v.allowed);
  ck_assert_uint_ge(v.work, LABELS * POLICY_LABEL_MOST);
  ck_assert_uint_le(v.work, POLICY_STEPS_MOST);
}
END_TEST

int main(void) {
  Suite *s = suite_create("policy");
  TCase *c = tcase_create("decide");
  tcase_add_checked_fixture(c, NULL, teardown);
  tcase_add_test(c, nothing_is_allowed_by_an_empty_policy);
  tcase_add_test(c, the_first_that_fits_decides);
  tcase_add_test(c, users_groups_and_workers);
  tcase_add_test(c, ops);
  tcase_add_test(c, labels);
  tcase_add_test(c, numbers_as_labels);
  tcase_add_test(c, names);
  tcase_add_test(c, rights);
  tcase_add_test(c, groups_that_are_not_known);
  tcase_add_test(c, each_of_many_groups);
  tcase_add_test(c, many_rules);
  tcase_add_test(c, behind_the_last_rule);
  tcase_add_test(c, the_worst_that_comparing_takes);
  suite_add_tcase(s, c);
  return run_suite(s);
}
