/* SPDX-License-Identifier: MIT
 *
 * What a policy file may say: every fault is told with its line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/rules.h"
#include "tests/unit/run.h"

static int looked_up;

static enum people_outcome find_user(const char *name, uid_t *uid) {
  looked_up++;
  *uid = 1001;
  errno = EIO;
  if (strcmp(name, "unreachable") == 0) return PEOPLE_FAILED;
  return strcmp(name, "nobody-knows") != 0 ? PEOPLE_FOUND : PEOPLE_NONE;
}
static enum people_outcome find_group(const char *name, gid_t *gid) {
  looked_up++;
  *gid = 2001;
  return strcmp(name, "staff") == 0 ? PEOPLE_FOUND : PEOPLE_NONE;
}
static const struct people people = {.user = find_user, .group = find_group};

static struct policy_errors errors;

static struct policy *parse(const char *text) { return policy_parse(text, strlen(text), &people, &errors); }

static void good(const char *text, unsigned rules) {
  struct policy *p = parse(text);
  ck_assert_msg(p, "%u: %s\n%s", errors.list[0].line, errors.list[0].text, text);
  ck_assert_uint_eq(policy_rules(p), rules);
  ck_assert_uint_eq(errors.count, 0);
  policy_free(p);
}

/* The only fault, or the first of several, is in this line and says this. */
static void bad(const char *text, unsigned line, const char *part) {
  struct policy *p = parse(text);
  ck_assert_msg(!p, "accepted:\n%s", text);
  ck_assert_uint_gt(errors.kept, 0);
  ck_assert_msg(errors.list[0].line == line && strstr(errors.list[0].text, part), "%u: %s\n%s", errors.list[0].line,
                errors.list[0].text, text);
}

static void bad_alone(const char *text, unsigned line, const char *part) {
  bad(text, line, part);
  ck_assert_msg(errors.count == 1, "%u faults, the second in %u: %s\n%s", errors.count, errors.list[1].line, errors.list[1].text, text);
}

#define RULE "[allow]\nwho = all\n"

START_TEST(what_may_stand) {
  good("", 0);
  good("# nothing\n; at all\n\n   # yet", 0);
  good(RULE "hosts = *\n", 1);
  good(RULE "hosts = *", 1);
  good("\xef\xbb\xbf" RULE "hosts = *\n", 1);
  good("[allow]\r\nwho = all\r\nhosts = *\r\n", 1);
  good("[allow tills use the shop] ; why\nwho = worker till-*, user alice, user 7, group staff, group 50\nhosts = shop, stock-*\n"
       "ops = read, call\nlabels = price, 7, a b, \\*\nmay = inspect, act\n[deny]\nwho=all\nnames=*\n", 2);
  good(RULE "hosts = a,\n  b,\n\n# between\n\tc\nhosts = d\n", 1);
  good("[allow]\n  who = all\nhosts: shop\n", 1);
  good(RULE "hosts = a\\=b, a\\,b, 7 ; and a comment\n", 1);
  good(RULE "labels = s2t\nhosts = x\nops = s2t, labels\n", 1);
  good("[allow]\nwho = user alice, worker x\nmay = inspect\n", 1);
}
END_TEST

START_TEST(sections_that_are_none) {
  bad_alone("who = all\n", 1, "'who' stands before the first section");
  bad_alone("\n[alow]\nwho = all\nhosts = *\n", 2, "[alow]");
  bad_alone("[allowed]\nwho = all\nhosts = *\n", 1, "[allowed]");
  bad_alone("[allow\nwho = all\nhosts = *\n", 1, "']' is missing");
  bad_alone("[allow] who = all\nhosts = *\n", 1, "behind the ']'");
  bad_alone("[allow]\n\n[deny]\nwho = all\nhosts = *\n", 1, "the section is empty");
  bad_alone(RULE "hosts = *\n[deny]\n", 4, "the section is empty");
  bad_alone(RULE "hosts = *\n  [deny]\nwho = all\nhosts = x\n", 4, "at the begin of its line");
  bad_alone("[allow 12345678901234567890123456789012345678901234]\nwho = all\nhosts = *\n", 1, "title is too long");
  good("[allow 1234567890123456789012345678901234567890123]\nwho = all\nhosts = *\n", 1);
  bad_alone("[deny]\nhosts = *\n" RULE "hosts = *\n", 1, "[deny]: it does not say 'who'");
  bad_alone(RULE, 1, "[allow]: it says neither");
  bad_alone("[allow]\nwho = all\nops = get\nmay = act\n", 1, "about 'hosts'");
  bad_alone("[allow]\nwho = all\nlabels = get\nnames = act\n", 1, "about 'hosts'");
  bad_alone("[allow]\nwho = user alice, worker x\nnames = act\n", 1, "before there is a worker");
  bad_alone("[allow]\nwho = all\nhosts = act\nlabels = x\nops = get\n", 1, "among 'ops'");
  /* Workers never act. */
  bad_alone(RULE "hosts = x\n\n[deny tills]\nwho = worker x, worker y\nhosts = z\nmay = inspect, act\n", 5,
            "[deny tills]: 'act', 'lend', 'eval' and 'monitor' are for who is no worker");
  bad_alone("[allow]\nwho = worker *\nmay = act\n", 1, "[allow]: 'act', 'lend', 'eval' and 'monitor' are for who is no worker");
  bad_alone("[allow]\nwho = worker *\nmay = lend\n", 1, "[allow]: 'act', 'lend', 'eval' and 'monitor' are for who is no worker");
  good("[allow]\nwho = worker x\nmay = inspect\n[allow]\nwho = worker x, user 7\nmay = act\n", 2);
}
END_TEST

START_TEST(keys_and_words_that_are_none) {
  bad_alone(RULE "host = *\nhosts = x\n", 3, "unknown key 'host'");
  bad_alone(RULE "hosts = x\nnonsense\n", 4, "no key = value");
  bad_alone(RULE "hosts = x\nops = fetch\n", 4, "asked for 'fetch'");
  bad_alone(RULE "hosts = x\nops = hello\n", 4, "asked for 'hello'");
  bad_alone(RULE "hosts = x\nmay = look\n", 4, "not 'look'");
  bad_alone("[allow]\nwho = alice\nhosts = x\n", 2, "not 'alice'");
  bad_alone("[allow]\nwho = user\nhosts = x\n", 2, "not 'user'");
  bad_alone("[allow]\nwho = users alice\nhosts = x\n", 2, "not 'users alice'");
  bad_alone("[allow]\nwho = user nobody-knows\nhosts = x\n", 2, "no user 'nobody-knows'");
  bad_alone("[allow]\nwho = user unreachable\nhosts = x\n", 2, "the look-up of user 'unreachable' failed: Input/output error");
  bad_alone("[allow]\nwho = all, group club\nhosts = x\n", 2, "no group 'club'");
  bad_alone("[allow]\nwho = group 50x\nhosts = x\n", 2, "no group '50x'");
  bad_alone("[allow]\nwho = group 4294967295\nhosts = x\n", 2, "no group '4294967295'");
  bad_alone(RULE "hosts = a@b\n", 3, "called 'a@b'");
  bad_alone(RULE "names = a/*\n", 3, "called 'a/*'");
  bad_alone("[allow]\nwho = worker a/b\nhosts = x\n", 2, "called 'a/b'");
  bad_alone(RULE "names = 1234567890123456789012345678901234567890123456789012345678901234567890*\n", 3, "has 1 to 64 bytes");
}
END_TEST

START_TEST(lists_that_are_none) {
  bad_alone(RULE "hosts =\n", 3, "the list is empty");
  bad_alone(RULE "hosts = ,\n", 3, "nothing between");
  bad_alone(RULE "hosts = a,,b\n", 3, "nothing between two commas");
  bad_alone(RULE "hosts = a\n  ops = get\n", 4, "a '=' in a list");
  bad_alone(RULE "hosts = a, b=c\n", 3, "a '=' in a list");
  bad_alone(RULE "hosts = a\\\n", 3, "a backslash");
  bad_alone(RULE "hosts = a,\n  b, c@d,\n  e\n", 4, "called 'c@d'");
  /* What would make a rule narrower or wider than it looks. */
  bad_alone(RULE "hosts = vault # not for tills\n", 3, "a comment has a line of its own");
  bad_alone(RULE "hosts = a, # b\n", 3, "a comment has a line of its own");
  bad_alone(RULE "hosts: shop\n  ops: read\n", 4, "'ops:' in a list");
  bad_alone(RULE "hosts: shop\n  labels : price\n", 4, "'labels:' in a list");
  good(RULE "hosts = a\\#b, a#b, \\#c\nlabels = ops\\: read, opsx: read, ops, my ops: read\n", 1);
}
END_TEST

/* A comment behind what goes on with a list: the library may leave it there. */
START_TEST(a_comment_behind_a_line_that_goes_on) {
  struct policy *p = parse(RULE "hosts = a,\n  b ; c\n");
  ck_assert_msg(p || (errors.list[0].line == 4 && strstr(errors.list[0].text, "comment")), "%s", errors.list[0].text);
  policy_free(p);
  p = parse(RULE "hosts = a,\n  b, ; not yet: c, d\n");
  ck_assert_msg(p || (errors.list[0].line == 4 && strstr(errors.list[0].text, "comment")), "%s", errors.list[0].text);
  if (p) ck_assert_uint_eq(p->item_count, 3); /* all, a, b: the library took the comment away */
  policy_free(p);
}
END_TEST

START_TEST(lines_that_are_too_long) {
  char text[1024];
  snprintf(text, sizeof text, RULE "hosts = %0191d\n", 0);
  bad(text, 3, "198 bytes");
  ck_assert_uint_eq(errors.count, 1);
  snprintf(text, sizeof text, "# %0300d\n" RULE "hosts = x\n", 0);
  good(text, 1);
  snprintf(text, sizeof text, "[allow %0300d]\nwho = all\nhosts = x\n", 0);
  bad_alone(text, 1, "198 bytes");
  snprintf(text, sizeof text, RULE "hosts = x\nlabels = %0189d\n", 0);
  good(text, 1);
}
END_TEST

START_TEST(a_zero_byte) {
  ck_assert_ptr_null(policy_parse(RULE "hosts = a\0b\n", sizeof RULE + 11, &people, &errors));
  ck_assert_uint_eq(errors.list[0].line, 3);
  ck_assert_ptr_nonnull(strstr(errors.list[0].text, "zero byte"));
}
END_TEST

/* All faults of a file are told, in the order of the lines. */
START_TEST(all_faults_in_order) {
  bad("[allow]\nwho = all\nhosts = a@b\nnonsense\n[deny]\nwho = nobody\nwhat = x\n[x]\nwho = all\n", 3, "a@b");
  ck_assert_uint_eq(errors.count, 5);
  for (unsigned i = 0; i < 5; i++) ck_assert_uint_eq(errors.list[i].line, ((unsigned[]){3, 4, 6, 7, 8})[i]);
}
END_TEST

START_TEST(of_many_faults_the_first_are_kept) {
  char text[4096] = RULE "hosts = x\nnonsense\n";
  for (int i = 0; i < 50; i++) strcat(text, "ops = x\n");
  bad(text, 4, "no key");
  ck_assert_uint_eq(errors.count, 51);
  ck_assert_uint_eq(errors.kept, POLICY_ERRORS_MOST);
  for (unsigned i = 0; i < errors.kept; i++) ck_assert_uint_eq(errors.list[i].line, 4 + i);
}
END_TEST

START_TEST(bounds) {
  static char text[POLICY_BYTES_MOST + 2];
  char *end = text;
  for (int i = 0; i < POLICY_RULES_MOST; i++) end += sprintf(end, RULE "hosts = x\n");
  good(text, POLICY_RULES_MOST);
  strcpy(end, RULE "hosts = x\n");
  bad_alone(text, 3 * POLICY_RULES_MOST + 1, "more than 256 rules");
  memset(text, '\n', POLICY_BYTES_MOST);
  text[POLICY_BYTES_MOST] = '\0';
  good(text, 0);
  text[POLICY_BYTES_MOST] = '\n';
  bad_alone(text, 0, "more than 64 KiB");
}
END_TEST

/* Names are looked up in a directory that may be far away. */
START_TEST(so_many_names_are_looked_up) {
  static char text[1 << 14];
  char *end = text + sprintf(text, RULE "hosts = x\n");
  for (int i = 0; i < POLICY_LOOKUPS_MOST; i++) end += sprintf(end, "who = user u%d, user %d\n", i, i);
  good(text, 1);
  looked_up = 0;
  for (int i = 0; i < 20; i++) end += sprintf(end, "who = user v%d, group v%d\n", i, i);
  bad_alone(text, POLICY_LOOKUPS_MOST + 4, "more than 256 names");
  ck_assert_int_eq(looked_up, POLICY_LOOKUPS_MOST);
}
END_TEST

/* As many words as fit into a file: what they point into is large enough. */
START_TEST(a_file_full_of_words) {
  static char text[POLICY_BYTES_MOST + 1];
  char *end = text + sprintf(text, "[allow]\nwho=all\n");
  while (end - text < POLICY_BYTES_MOST - 8) end += sprintf(end, "hosts=x\n");
  while (end - text < POLICY_BYTES_MOST) *end++ = '\n';
  good(text, 1);
}
END_TEST

/* A rule, and in lines of their own, from the fourth on, `n` times a key with this pattern. */
static char *with_patterns(const char *key, const char *pattern, int n) {
  static char text[POLICY_BYTES_MOST];
  char *end = text + sprintf(text, "[allow]\nwho = all\nhosts = h\n");
  for (int i = 0; i < n; i++) end += sprintf(end, "%s = %s\n", key, pattern);
  return text;
}

/* To compare with all patterns takes no longer than a step may; the others of a file do not count. */
START_TEST(patterns_that_take_long) {
  enum { LABEL = 1 + 3 * 3 + 2 * POLICY_LABEL_MOST, LABELS = POLICY_STEPS_MOST / LABEL };
  enum { NAME = 1 + 3 * 3 + 2 * 65, NAMES = POLICY_STEPS_MOST / NAME };
  static char text[POLICY_BYTES_MOST];
  good(with_patterns("labels", "*a*", LABELS), 1);
  bad_alone(with_patterns("labels", "*a*", LABELS + 1), 3 + LABELS + 1, "all patterns of 'labels'");
  bad_alone(with_patterns("labels", "*a*", LABELS + 100), 3 + LABELS + 1, "2048 or more each");
  good(with_patterns("labels", "ab*", 4000), 1);
  good(with_patterns("labels", "*ab", 4000), 1);
  char *end = text + sprintf(text, "[allow]\nwho = all\nhosts = h,\n");
  for (int i = 1; i <= NAMES; i++) end += sprintf(end, i % 30 ? " *a*," : " *a*\n");
  sprintf(end, "\n");
  good(text, 1);
  sprintf(end, " *a*\nlabels = *a*,*a*\n");
  bad_alone(text, 4 + NAMES / 30, "all patterns of 'hosts'");
}
END_TEST

int main(void) {
  Suite *s = suite_create("policy");
  TCase *c = tcase_create("parse");
  tcase_add_test(c, what_may_stand);
  tcase_add_test(c, sections_that_are_none);
  tcase_add_test(c, keys_and_words_that_are_none);
  tcase_add_test(c, lists_that_are_none);
  tcase_add_test(c, a_comment_behind_a_line_that_goes_on);
  tcase_add_test(c, lines_that_are_too_long);
  tcase_add_test(c, a_zero_byte);
  tcase_add_test(c, all_faults_in_order);
  tcase_add_test(c, of_many_faults_the_first_are_kept);
  tcase_add_test(c, bounds);
  tcase_add_test(c, so_many_names_are_looked_up);
  tcase_add_test(c, a_file_full_of_words);
  tcase_add_test(c, patterns_that_take_long);
  suite_add_tcase(s, c);
  return run_suite(s);
}
