/* SPDX-License-Identifier: MIT
 *
 * A run's own directory (tools/run/os/run_directory.h): made, removed with what is in it, and those that killed runs left; and
 * what is said when there can be none.
 */
#include "tools/run/os/run_directory.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/unit/run.h"
#include "tools/base/text.h"

/* How many directories of runs are there. */
static unsigned there(void) {
  unsigned n = 0;
  DIR *d = opendir(getenv("TMPDIR"));
  for (struct dirent *e; (e = readdir(d));) n += strncmp(e->d_name, "gaijin-run-", 11) == 0;
  closedir(d);
  return n;
}

START_TEST(it_is_ours_while_we_live) {
  struct run_directory one, other;
  struct stat st;
  ck_assert(run_directory_make(&one));
  ck_assert_int_eq(stat(one.path, &st), 0);
  ck_assert_int_eq(st.st_mode & 0777, 0700);
  ck_assert(run_directory_make(&other)); /* which does not take ours for a left one */
  ck_assert_uint_eq(there(), 2);
  run_directory_remove(&other);
  run_directory_remove(&one);
  ck_assert_uint_eq(there(), 0);
}
END_TEST

START_TEST(what_a_killed_run_left_is_removed) {
  struct run_directory left, next;
  ck_assert(run_directory_make(&left));
  close(left.lock);
  ck_assert(run_directory_make(&next));
  ck_assert_uint_eq(there(), 1);
  run_directory_remove(&next);
  free(left.path);
}
END_TEST

START_TEST(one_that_cannot_be_locked_is_told) {
  struct run_directory d;
  struct text said = {0};
  struct rlimit before;
  int most = dup(0);
  ck_assert_int_ge(most, 0);
  close(most);
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
  ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)most, before.rlim_max}), 0);
  tool_error_to(&said);
  ck_assert(!run_directory_make(&d));
  tool_error_to(NULL);
  setrlimit(RLIMIT_NOFILE, &before); /* the search for leaks opens files */
  ck_assert_ptr_nonnull(strstr(said.bytes, "cannot lock the directory"));
  text_deinit(&said);
}
END_TEST

int main(void) {
  Suite *s = suite_create("tools run directory");
  TCase *t = tcase_create("directory");
  tcase_add_test(t, it_is_ours_while_we_live);
  tcase_add_test(t, what_a_killed_run_left_is_removed);
  tcase_add_test(t, one_that_cannot_be_locked_is_told);
  suite_add_tcase(s, t);
  return run_suite(s);
}
