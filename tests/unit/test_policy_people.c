/* SPDX-License-Identifier: MIT
 *
 * Users and groups in the system's lists, asked by several threads at once.
 */
#include <pthread.h>

#include "policy/people.h"
#include "tests/unit/run.h"

enum { TIMES = 10000 };

/* What one thread asks for, again and again. */
struct asker {
  const char *name;
  unsigned id;    /* that the name has */
  unsigned wrong; /* answers that were another's */
};

static void *ask(void *asker) {
  struct asker *a = asker;
  for (int i = 0; i < TIMES; i++) {
    unsigned uid = 0, gid = 0;
    a->wrong += people_user(a->name, &uid) != PEOPLE_FOUND || uid != a->id;
    a->wrong += people_group(a->name, &gid) != PEOPLE_FOUND || gid != a->id;
  }
  return NULL;
}

/* The settings and the policy are read again at the same time: each has its own answers. */
START_TEST(nobody_gets_the_answer_of_another) {
  struct asker root = {.name = "root", .id = 0}, daemon = {.name = "daemon", .id = 1};
  pthread_t beside;
  ck_assert_int_eq(pthread_create(&beside, NULL, ask, &daemon), 0);
  ask(&root);
  pthread_join(beside, NULL);
  ck_assert_uint_eq(root.wrong + daemon.wrong, 0);
}
END_TEST

START_TEST(who_is_not_there) {
  unsigned id = 7;
  char text[200];
  ck_assert_int_eq(people_user("nobody-has-this-name", &id), PEOPLE_NONE);
  ck_assert_int_eq(people_group("nobody-has-this-name", &id), PEOPLE_NONE);
  ck_assert_uint_eq(id, 7);
  people_explain(PEOPLE_NONE, "user", "x", text, sizeof text);
  ck_assert_str_eq(text, "there is no user 'x'");
  ck_assert_int_eq(people_user("4294967294", &id), PEOPLE_FOUND);
  ck_assert_uint_eq(id, 4294967294u);
}
END_TEST

int main(void) {
  Suite *s = suite_create("people");
  TCase *c = tcase_create("people");
  tcase_add_test(c, nobody_gets_the_answer_of_another);
  tcase_add_test(c, who_is_not_there);
  suite_add_tcase(s, c);
  return run_suite(s);
}
