/* SPDX-License-Identifier: MIT
 *
 * By which name the broker's own file is executed anew (broker/upgrade/own_file.c).
 */
#include "broker/upgrade/own_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/run.h"

static char dir[RUN_PATH], one[RUN_PATH + 16], other[RUN_PATH + 16], bin[RUN_PATH + 16],
    exe[RUN_PATH + 16], found[4096];

static void make_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
  ck_assert_int_ge(fd, 0);
  close(fd);
}

/* DIR/one runs, which DIR/exe tells; DIR/bin/broker is a link to it. */
static void setup(void) {
  char link[RUN_PATH + 32];
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(one, sizeof one, "%s/one", dir);
  snprintf(other, sizeof other, "%s/other", dir);
  snprintf(bin, sizeof bin, "%s/bin", dir);
  snprintf(exe, sizeof exe, "%s/exe", dir);
  make_file(one);
  make_file(other);
  ck_assert_int_eq(mkdir(bin, 0700), 0);
  snprintf(link, sizeof link, "%s/broker", bin);
  ck_assert_int_eq(symlink(one, link), 0);
  ck_assert_int_eq(symlink(one, exe), 0);
}
static void teardown(void) {
  char link[RUN_PATH + 32];
  snprintf(link, sizeof link, "%s/broker", bin);
  unlink(link);
  unlink(exe);
  unlink(one);
  unlink(other);
  ck_assert_int_eq(rmdir(bin), 0);
  ck_assert_int_eq(rmdir(dir), 0);
}

static const char *find(const char *name, const char *search) {
  ck_assert(own_file(name, search, exe, found, sizeof found));
  return found;
}
static const char *in_dir(const char *name) {
  static char path[RUN_PATH + 64];
  snprintf(path, sizeof path, "%s/%s", dir, name);
  return path;
}

START_TEST(a_link_stays_one) { ck_assert_str_eq(find(in_dir("bin/broker"), NULL), in_dir("bin/broker")); }
END_TEST

START_TEST(a_relative_name_is_made_absolute) {
  ck_assert_int_eq(chdir(bin), 0);
  ck_assert_str_eq(find("./broker", NULL), in_dir("bin/./broker"));
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_str_eq(find("./broker", NULL), one);
}
END_TEST

START_TEST(a_name_is_looked_for_on_the_path) {
  char search[3 * RUN_PATH];
  snprintf(search, sizeof search, "/nowhere:%s:%s", dir, bin);
  ck_assert_str_eq(find("broker", search), in_dir("bin/broker"));
  ck_assert_int_eq(chdir(bin), 0);
  ck_assert_str_eq(find("broker", ":/nowhere"), in_dir("bin/./broker")); /* an empty part is here */
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_str_eq(find("broker", "/nowhere"), one);
  ck_assert_str_eq(find("broker", ""), one);
  ck_assert_str_eq(find("broker", NULL), one);
}
END_TEST

START_TEST(another_file_of_the_name_is_not_taken) {
  ck_assert_str_eq(find(other, NULL), one);
  ck_assert_str_eq(find("other", dir), one);
  ck_assert_str_eq(find("/no/such/file", NULL), one);
  ck_assert_str_eq(find("", dir), one);
  ck_assert_str_eq(find(NULL, dir), one);
}
END_TEST

START_TEST(what_is_not_known_is_not_told) {
  unlink(exe);
  ck_assert(!own_file(one, NULL, exe, found, sizeof found));
}
END_TEST

int main(void) {
  Suite *s = suite_create("broker own file");
  TCase *c = tcase_create("own file");
  tcase_add_checked_fixture(c, setup, teardown);
  tcase_add_test(c, a_link_stays_one);
  tcase_add_test(c, a_relative_name_is_made_absolute);
  tcase_add_test(c, a_name_is_looked_for_on_the_path);
  tcase_add_test(c, another_file_of_the_name_is_not_taken);
  tcase_add_test(c, what_is_not_known_is_not_told);
  suite_add_tcase(s, c);
  return run_suite(s);
}
