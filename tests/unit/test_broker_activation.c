/* SPDX-License-Identifier: MIT
 *
 * At which path a socket is bound that was handed over; the rest of it is tests/flow/test_activation.sh.
 */
#define _GNU_SOURCE
#include "broker/net/activation.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/run.h"

/* A socket bound at a name of so many bytes, of which the first is this one; 0 bytes: not bound. */
static int bound(size_t n, char first) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(at.sun_path, 'x', n);
  at.sun_path[0] = first;
  if (n) ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
  return fd;
}

/* The address of a path need not have room for its 0; ours has. */
START_TEST(paths) {
  static const struct {
    size_t n;
    char first;
    bool is;
  } cases[] = {{0, 'x', false}, {1, 'x', true}, {107, 'x', true}, {108, 'x', false}, {20, '\0', false}};
  char folder[] = "/tmp/gaijin-activation-XXXXXX", path[ACTIVATION_PATH_BYTES + 1];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  ck_assert_int_eq(chdir(folder), 0);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int fd = bound(cases[i].n, cases[i].first);
    memset(path, '?', sizeof path);
    bool is = activation_path(fd, path);
    ck_assert_msg(is == cases[i].is, "%zu", i);
    ck_assert_uint_eq(strlen(path), is ? cases[i].n : 0);
    ck_assert_int_eq(path[ACTIVATION_PATH_BYTES], '?');
    close(fd);
    char name[109] = "";
    memset(name, 'x', cases[i].n);
    if (cases[i].n && cases[i].first) ck_assert_int_eq(unlink(name), 0);
  }
  ck_assert_int_eq(chdir("/"), 0);
  ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(what_is_no_unix_socket) {
  char path[ACTIVATION_PATH_BYTES];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert(!activation_path(0, path) && !*path);
  ck_assert(fd < 0 || (!activation_path(fd, path) && !*path));
  if (fd >= 0) close(fd);
}
END_TEST

int main(void) {
  Suite *s = suite_create("activation");
  TCase *t = tcase_create("activation");
  suite_add_tcase(s, t);
  tcase_add_test(t, paths);
  tcase_add_test(t, what_is_no_unix_socket);
  return run_suite(s);
}
