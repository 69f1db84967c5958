/* SPDX-License-Identifier: MIT
 *
 * What a service manager is told, by a socket that plays it: which addresses there are, what is left of the environment, and
 * messages that do not fit, into a datagram or into the socket.
 */
#define _GNU_SOURCE
#include "proto/settings/manager.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/run.h"

static struct manager m;
static char error[300];
static int ear;

/* Listens at an address as $NOTIFY_SOCKET has it. */
static void listen_at(const char *text) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  size_t n = strlen(text);
  memcpy(at.sun_path, text, n);
  if (*text == '@') at.sun_path[0] = '\0';
  ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ck_assert_int_eq(bind(ear, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*text == '/'))),
                   0);
  setenv("NOTIFY_SOCKET", text, 1);
}

static void expect_heard(const char *text) {
  char got[4096];
  ssize_t n = recv(ear, got, sizeof got - 1, 0);
  ck_assert_int_ge(n, 0);
  got[n] = '\0';
  ck_assert_str_eq(got, text);
}

static bool open_it(void) {
  error[0] = '\0';
  return manager_open(&m, error, sizeof error);
}

static void setup(void) {
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
  ear = -1;
}
static void teardown(void) {
  manager_close(&m);
  if (ear >= 0) close(ear);
}

START_TEST(none) {
  ck_assert(open_it());
  ck_assert_int_eq(m.fd, -1);
  ck_assert_ptr_null(m.variables[0]);
  manager_tell(&m, "READY=%d", 1);
  manager_ready(&m, "serves");
  manager_tell(NULL, "READY=%d", 1);
  manager_ready(NULL, "serves");
  m = (struct manager){0};
  manager_tell(&m, "not into descriptor 0");
  manager_close(&m);
  ck_assert_int_ne(fcntl(0, F_GETFD), -1);
}
END_TEST

/* 107 bytes at most, as the path with its 0 has room for. */
START_TEST(addresses) {
  struct sockaddr_un at;
  char text[sizeof at.sun_path + 1];
  size_t longest = sizeof at.sun_path - 1;
  memset(text, 'x', sizeof text);
  int size = snprintf(text, sizeof text, "@gaijin-%ld", (long)getpid());
  text[size] = 'x';
  text[longest] = '\0';
  listen_at(text);
  ck_assert_msg(open_it(), "%s", error);
  manager_tell(&m, "A=%s", "b");
  expect_heard("A=b");
  static const char *const bad[] = {"", "/", "@", "relative", "vsock:2:1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    manager_close(&m);
    setenv("NOTIFY_SOCKET", bad[i], 1);
    ck_assert_msg(!open_it() && m.fd < 0, "'%s'", bad[i]);
    ck_assert_ptr_nonnull(strstr(error, "($NOTIFY_SOCKET): Invalid argument"));
    ck_assert_ptr_nonnull(strstr(error, bad[i]));
  }
  text[longest] = 'x';
  text[longest + 1] = '\0';
  setenv("NOTIFY_SOCKET", text, 1);
  ck_assert(!open_it());
  ck_assert_ptr_nonnull(strstr(error, "Invalid argument"));
  setenv("NOTIFY_SOCKET", "/nobody/is/here", 1);
  ck_assert(!open_it());
  ck_assert_ptr_nonnull(strstr(error, "No such file"));
}
END_TEST

/* They are taken out, and kept in their order for a program that goes on in this one's place. */
START_TEST(environment) {
  char name[40], variable[80];
  snprintf(name, sizeof name, "@gaijin-%ld", (long)getpid());
  snprintf(variable, sizeof variable, "NOTIFY_SOCKET=%s", name);
  listen_at(name);
  setenv("WATCHDOG_USEC", "5000", 1);
  ck_assert(open_it());
  ck_assert_uint_eq(m.watchdog_us, 5000);
  ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
  ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
  ck_assert_str_eq(m.variables[0], variable);
  ck_assert_str_eq(m.variables[1], "WATCHDOG_USEC=5000");
  ck_assert_ptr_null(m.variables[2]);
  manager_close(&m);
  ck_assert_int_eq(m.fd, -1);
}
END_TEST

/* A variable that there is no room for has no sense, and is not kept. */
START_TEST(a_long_variable) {
  char name[40], digits[MANAGER_VARIABLE_BYTES];
  snprintf(name, sizeof name, "@gaijin-%ld", (long)getpid());
  listen_at(name);
  memset(digits, '0', sizeof digits);
  for (size_t over = 0; over < 2; over++) {
    digits[MANAGER_VARIABLE_BYTES - 1 - strlen("WATCHDOG_USEC=") + over] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", digits, 1);
    ck_assert(open_it());
    ck_assert(over ? !m.variables[1] : strlen(m.variables[1]) == MANAGER_VARIABLE_BYTES - 1);
    manager_close(&m);
    memset(digits, '0', sizeof digits);
  }
}
END_TEST

START_TEST(watchdog) {
  static const struct {
    const char *usec, *pid; /* pid "": this process's */
    uint64_t each;
  } cases[] = {{"7", NULL, 7}, {"7", "", 7}, {"7", "1", 0}, {"-7", NULL, 0}, {"x", NULL, 0}, {NULL, "", 0}, {"9", NULL, 9}, {"09", NULL, 9}};
  char name[40], own[24];
  snprintf(name, sizeof name, "@gaijin-%ld", (long)getpid());
  snprintf(own, sizeof own, "%ld", (long)getpid());
  listen_at(name);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    setenv("NOTIFY_SOCKET", name, 1);
    if (cases[i].usec) setenv("WATCHDOG_USEC", cases[i].usec, 1);
    if (cases[i].pid) setenv("WATCHDOG_PID", *cases[i].pid ? cases[i].pid : own, 1);
    ck_assert(open_it());
    ck_assert_msg(m.watchdog_us == cases[i].each, "%zu", i);
    ck_assert_ptr_null(getenv("WATCHDOG_PID"));
    manager_close(&m);
  }
}
END_TEST

START_TEST(what_does_not_fit_is_cut) {
  char name[40], text[3000], wanted[1100] = "READY=1\nSTATUS=";
  snprintf(name, sizeof name, "@gaijin-%ld", (long)getpid());
  memset(text, 'y', sizeof text);
  text[sizeof text - 1] = '\0';
  listen_at(name);
  ck_assert(open_it());
  manager_ready(&m, "%s", text);
  size_t head = strlen(wanted);
  memset(wanted + head, 'y', 1023 - head);
  wanted[1023] = '\0';
  expect_heard(wanted);
  manager_ready(&m, "serves on %s", "/s");
  expect_heard("READY=1\nSTATUS=serves on /s");
}
END_TEST

/* One that does not read: telling does not wait, and loses; readiness waits for room, for a second at most. */
START_TEST(who_does_not_read) {
  char name[40], got[64];
  snprintf(name, sizeof name, "@gaijin-%ld", (long)getpid());
  listen_at(name);
  ck_assert(open_it());
  int sent = 0;
  for (; sent < 100000; sent++) manager_tell(&m, "N=%d", sent);
  int heard = 0;
  while (recv(ear, got, sizeof got, 0) > 0) heard++;
  ck_assert_int_gt(heard, 0);
  ck_assert_int_lt(heard, sent);
  for (int i = 0; i < heard; i++) manager_tell(&m, "N=%d", i);
  manager_ready(&m, "waits in vain");
  while (recv(ear, got, sizeof got, 0) > 0) ck_assert_int_ne(got[0], 'R');
  manager_ready(&m, "there is room");
  expect_heard("READY=1\nSTATUS=there is room");
}
END_TEST

/* Whether the process sleeps. */
static bool sleeps(pid_t pid) {
  char path[40], state = '?';
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  FILE *f = fopen(path, "re");
  bool read = f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1;
  if (f) fclose(f);
  return read && state == 'S';
}

/* In another process: when the parent waits for room, there is some. The status is 0 if it tells then that it is ready. */
static void read_when_waited_for(pid_t parent) {
  char got[64];
  while (!sleeps(parent)) continue;
  struct timeval limit = {.tv_sec = 5};
  setsockopt(ear, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  fcntl(ear, F_SETFL, 0);
  while (recv(ear, got, sizeof got, 0) > 0)
    if (got[0] == 'R') _exit(0);
  _exit(1);
}

START_TEST(readiness_waits_for_room) {
  char name[40];
  int status;
  snprintf(name, sizeof name, "@gaijin-%ld", (long)getpid());
  listen_at(name);
  ck_assert(open_it());
  for (int i = 0; i < 10000; i++) manager_tell(&m, "N=%d", i);
  pid_t parent = getpid(), reader = fork();
  if (reader == 0) read_when_waited_for(parent);
  manager_ready(&m, "there is room");
  ck_assert_int_eq(waitpid(reader, &status, 0), reader);
  ck_assert_int_eq(status, 0);
}
END_TEST

int main(void) {
  Suite *s = suite_create("manager");
  TCase *t = tcase_create("manager");
  suite_add_tcase(s, t);
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, none);
  tcase_add_test(t, addresses);
  tcase_add_test(t, environment);
  tcase_add_test(t, a_long_variable);
  tcase_add_test(t, watchdog);
  tcase_add_test(t, what_does_not_fit_is_cut);
  tcase_add_test(t, who_does_not_read);
  tcase_add_test(t, readiness_waits_for_room);
  return run_suite(s);
}
