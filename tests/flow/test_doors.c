/* SPDX-License-Identifier: MIT
 *
 * What surrounds a running broker: its log, signals, descriptors, and the directory of its socket.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

enum { BAD_CONNECTIONS = 320 };

/* Starts another broker, with these flags and redirections of the shell; its socket's path goes to `socket`. */
static struct child *start_broker_in(struct bed *b, const char *dir, char *socket, size_t n, const char *redirection) {
  static int count;
  static char command[1024];
  snprintf(socket, n, "%s/other%d", dir, ++count);
  snprintf(command, sizeof command, "exec '%s' -s '%s' %s", bed_program(b, "gaijin-broker"), socket, redirection);
  return bed_spawn(b, "other broker", (const char *const[]){"/bin/sh", "-c", command, NULL});
}

static struct child *start_broker(struct bed *b, char *socket, size_t n, const char *redirection) {
  return start_broker_in(b, bed_dir(b), socket, n, redirection);
}

static bool answers(void *socket) {
  char error[512];
  gaijin *g = NULL;
  struct gaijin_options o = {.socket = socket, .observer = true};
  if (gaijin_connect(&g, &o, error, sizeof error) != 0) return false;
  gaijin_close(g);
  return true;
}

/* Connects, sends what is no message, and reads to the end: the broker has seen it then. */
static void misbehave(const char *socket_path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char bytes[512];
  memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  ck_assert_int_eq(send(fd, "no message", 10, MSG_NOSIGNAL), 10);
  while (recv(fd, bytes, sizeof bytes, 0) > 0) continue;
  close(fd);
}

/* ---- The log ---- */

START_TEST(a_log_that_nobody_reads) {
  struct bed *b = bed_open(NULL);
  char socket[108], fifo[108], redirection[128];
  snprintf(fifo, sizeof fifo, "%s/fifo", bed_dir(b));
  ck_assert_int_eq(mkfifo(fifo, 0600), 0);
  int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC), full = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ck_assert(reader >= 0 && full >= 0);
  while (write(full, "full\n", 5) > 0) continue;
  snprintf(redirection, sizeof redirection, "2>'%s'", fifo);
  struct child *c = start_broker(b, socket, sizeof socket, redirection);
  bed_until(b, answers, socket, "the broker answers");
  for (int i = 0; i < BAD_CONNECTIONS; i++) misbehave(socket);
  bed_until(b, answers, socket, "it still answers");
  child_signal(c, SIGTERM);
  bed_exit(b, c, 0);
  close(reader);
  close(full);
  unlink(fifo);
  bed_close(b);
}
END_TEST

/* A disk that is full, and no stderr at all. */
START_TEST(a_log_that_cannot_be_written) {
  static const char *const places[] = {"2>/dev/full", "2>&-", "0<&- 1>&- 2>&-"};
  struct bed *b = bed_open(NULL);
  for (int i = 0; i < 3; i++) {
    char socket[108], link[64], target[64] = "";
    struct child *c = start_broker(b, socket, sizeof socket, places[i]);
    bed_until(b, answers, socket, "the broker answers");
    misbehave(socket);
    snprintf(link, sizeof link, "/proc/%d/fd/2", (int)c->pid);
    ck_assert_int_gt(readlink(link, target, sizeof target - 1), 0);
    ck_assert_msg(strncmp(target, "/dev/", 5) == 0, "its stderr is %s", target);
    child_signal(c, SIGTERM);
    bed_exit(b, c, 0);
  }
  bed_close(b);
}
END_TEST

static int count_lines(const struct child *c, const char *part) {
  int n = 0;
  char *text = child_output(c);
  ck_assert_ptr_nonnull(text);
  for (char *at = text; (at = strstr(at, part)); at++) n++;
  free(text);
  return n;
}

/* Whatever one user does again and again: the first lines, and then one a second with the number of the others. */
START_TEST(a_log_that_one_user_floods) {
  struct bed *b = bed_open(NULL);
  char socket[108];
  struct child *c = start_broker(b, socket, sizeof socket, "");
  bed_until(b, answers, socket, "the broker answers");
  for (int i = 0; i < 3000; i++) misbehave(socket);
  ck_assert_int_ge(count_lines(c, "\n"), 10);
  ck_assert_int_lt(count_lines(c, "\n"), 300);
  child_signal(c, SIGTERM);
  bed_exit(b, c, 0);
  ck_assert_int_gt(count_lines(c, "more lines about disconnected clients (user "), 0);
  bed_close(b);
}
END_TEST

/* ---- Who is served ---- */

enum { STRANGER = 65534, CLUB = 54321 };

/* What a process of user STRANGER, who is in group CLUB, is told when it connects: the status. */
static int connect_as_stranger(const char *socket_path) {
  pid_t pid = fork();
  int status;
  if (pid == 0) {
    char error[512] = "";
    gaijin *g = NULL;
    struct gaijin_options o = {.socket = socket_path, .observer = true};
    gid_t club = CLUB;
    if (setgroups(1, &club) != 0 || setresgid(STRANGER, STRANGER, STRANGER) != 0 || setresuid(STRANGER, STRANGER, STRANGER) != 0) _exit(100);
    int r = gaijin_connect(&g, &o, error, sizeof error);
    if (r == GAIJIN_STATUS_DENIED && !strstr(error, "this broker does not serve user 65534; it would if")) _exit(101);
    _exit(r);
  }
  ck_assert_int_gt(pid, 0);
  ck_assert_int_eq(waitpid(pid, &status, 0), pid);
  ck_assert(WIFEXITED(status));
  return WEXITSTATUS(status);
}

START_TEST(only_those_are_served_who_may) {
  static const struct {
    const char *flags;
    int status;
  } cases[] = {{"", GAIJIN_STATUS_LOST}, /* the file's mode */
               {"--mode 0666", GAIJIN_STATUS_DENIED},
               {"--mode 666 --allow-uid 1,65533", GAIJIN_STATUS_DENIED},
               {"--mode 666 --allow-uid 1,65534", 0},
               {"--mode 666 --allow-gid 54320", GAIJIN_STATUS_DENIED},
               {"--mode 666 --allow-gid 54321", 0},
               {"--mode 666 --allow-gid 65534", 0},
               {"--group 54321", GAIJIN_STATUS_DENIED},
               {"--group 54321 --allow-gid 54321", 0},
               {"--group 54320 --allow-gid 54321", GAIJIN_STATUS_LOST}};
  if (geteuid() != 0) {
    puts("only_those_are_served_who_may: skipped, it takes root to become another user");
    return;
  }
  struct bed *b = bed_open(NULL);
  char dir[] = "/tmp/gaijin-doors-XXXXXX"; /* where everybody gets to */
  ck_assert(mkdtemp(dir) && chmod(dir, 0755) == 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char socket[108];
    struct child *c = start_broker_in(b, dir, socket, sizeof socket, cases[i].flags);
    bed_until(b, answers, socket, "the broker answers");
    int status = connect_as_stranger(socket);
    ck_assert_msg(status == cases[i].status, "%s: %d", cases[i].flags, status);
    child_signal(c, SIGTERM);
    bed_exit(b, c, 0);
    ck_assert_int_eq(count_lines(c, "refused a client of user 65534"), status == GAIJIN_STATUS_DENIED);
  }
  ck_assert_int_eq(rmdir(dir), 0);
  bed_close(b);
}
END_TEST

/* ---- Signals ---- */

START_TEST(signals_of_the_broker) {
  struct bed *b = bed_open(NULL);
  char socket[108];
  struct child *c = start_broker(b, socket, sizeof socket, "--log-level error");
  bed_until(b, answers, socket, "the broker answers");
  child_signal(c, SIGPIPE);
  child_signal(c, SIGHUP);
  bed_expect(b, c, "SIGHUP: there is nothing to reload\n");
  child_signal(c, SIGUSR1);
  bed_expect(b, c, "status: log: 0 lines lost since the start\n");
  for (int i = 0; i < 6; i++) {
    static const char *const subjects[] = {"clients: 0 workers, ", "tokens: 0, held 0 times", "calls: 0 open", "accounts: ", "memory: ", "socket: /"};
    ck_assert_int_eq(count_lines(c, subjects[i]), 1);
  }
  ck_assert(answers(socket));
  child_signal(c, SIGTERM);
  bed_exit(b, c, 0);
  ck_assert_int_ne(access(socket, F_OK), 0);
  bed_close(b);
}
END_TEST

/* As SIGTERM: what it closes, a terminal or a supervisor, has gone. Unless it was started to outlive that. */
START_TEST(a_hang_up_stops_a_worker_in_order) {
  static char command[1024];
  struct bed *b = bed_open(NULL);
  struct child *c = bed_start(b, &(struct bed_worker){.name = "shop", .code = "gaijin.sleep(0)"});
  child_signal(c, SIGHUP);
  bed_exit(b, c, 0);
  snprintf(command, sizeof command, "trap '' HUP; exec '%s' -s '%s' -n stays -e 'print(1) gaijin.run()'", bed_program(b, "gaijin-worker"), bed_socket(b));
  c = bed_spawn(b, "stays", (const char *const[]){"/bin/sh", "-c", command, NULL});
  bed_expect(b, c, "1");
  child_signal(c, SIGHUP);
  ck_assert_int_eq(bed_ctl(b, NULL, (const char *const[]){"gc", "stays", NULL}), 0);
  child_signal(c, SIGKILL);
  bed_exit_signal(b, c, SIGKILL);
  bed_close(b);
}
END_TEST

struct last_write {
  struct bed *bed;
  const struct child *child;
};

/* Its connection has ended, and it waits in a call with standard output for its first argument. */
static bool writes_its_last(void *user) {
  struct last_write *l = user;
  char *names = NULL, path[64], argument[16] = "";
  ck_assert_int_eq(bed_ctl(l->bed, &names, (const char *const[]){"clients", NULL}), 0);
  bool there = strstr(names, "last") != NULL;
  free(names);
  snprintf(path, sizeof path, "/proc/%d/syscall", (int)l->child->pid);
  FILE *call = fopen(path, "re");
  ck_assert_ptr_nonnull(call);
  bool waits = fscanf(call, "%*s %15s", argument) == 1 && strcmp(argument, "0x1") == 0;
  fclose(call);
  return !there && waits;
}

/* Who ends by itself is told to end, just before its process is gone: here it waits for the reader of its output. */
START_TEST(a_signal_at_the_very_end_takes_nothing_from_the_status) {
  static char command[1024];
  struct bed *b = bed_open(NULL);
  char fifo[108];
  snprintf(fifo, sizeof fifo, "%s/fifo", bed_dir(b));
  ck_assert_int_eq(mkfifo(fifo, 0600), 0);
  int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC), full = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  ck_assert(reader >= 0 && full >= 0);
  while (write(full, "x", 1) > 0) continue;
  snprintf(command, sizeof command, "exec '%s' -s '%s' -n last --once -e 'io.write(1)' >'%s'",
           bed_program(b, "gaijin-worker"), bed_socket(b), fifo);
  struct child *c = bed_spawn(b, "last", (const char *const[]){"/bin/sh", "-c", command, NULL});
  bed_until(b, writes_its_last, &(struct last_write){b, c}, "the worker has but to write its last line");
  child_signal(c, SIGTERM);
  close(full);
  for (char bytes[4096]; read(reader, bytes, sizeof bytes) != 0 || !child_ended(c);) continue;
  bed_exit(b, c, 0);
  close(reader);
  unlink(fifo);
  bed_close(b);
}
END_TEST

/* ---- What may happen around it ---- */

/* Who is connected goes on; nobody new can come; the end is in order. */
START_TEST(the_directory_of_the_socket_is_removed) {
  struct bed *b = bed_open(NULL);
  char dir[96], socket[108], lock[120], roster[120], command[1024];
  snprintf(dir, sizeof dir, "%s/d", bed_dir(b));
  snprintf(socket, sizeof socket, "%s/s", dir);
  snprintf(lock, sizeof lock, "%s.lock", socket);
  snprintf(roster, sizeof roster, "%s.roster", socket);
  ck_assert_int_eq(mkdir(dir, 0700), 0);
  snprintf(command, sizeof command, "exec '%s' -s '%s'", bed_program(b, "gaijin-broker"), socket);
  struct child *c = bed_spawn(b, "other broker", (const char *const[]){"/bin/sh", "-c", command, NULL});
  bed_until(b, answers, socket, "the broker answers");
  char error[512];
  gaijin *g = NULL;
  struct gaijin_options o = {.socket = socket, .observer = true};
  ck_assert_int_eq(gaijin_connect(&g, &o, error, sizeof error), 0);
  ck_assert(unlink(socket) == 0 && unlink(lock) == 0 && unlink(roster) == 0 && rmdir(dir) == 0);
  for (int i = 0; i < 3; i++) {
    struct gaijin_answer a = {0};
    uint64_t id;
    gaijin_begin_request(g, &(struct gaijin_send){.op = GAIJIN_OP_PING}, 0);
    ck_assert_int_eq(gaijin_end_request(g, NULL, NULL, &id), 0);
    ck_assert_int_eq(gaijin_await(g, id, bed_limit(b), &a), 0);
    gaijin_body_free(a.body);
  }
  child_signal(c, SIGUSR1);
  bed_expect(b, c, "is not there any more: nobody new can connect; restart the broker\n");
  gaijin_close(g);
  child_signal(c, SIGTERM);
  bed_exit(b, c, 0);
  bed_close(b);
}
END_TEST

/* System calls are interrupted all the time: by handlers in the broker, in the workers by being stopped and continued. */
START_TEST(a_storm_of_signals_under_traffic) {
  static const char caller[] =
      "local add = gaijin.wait_for('host', 'add')\n"
      "print('begins')\n"
      "for i = 1, 3000 do assert(add(i, ('x'):rep(i)) == i * 2) end\n"
      "print('all right')\n";
  struct bed *b = bed_open(NULL);
  struct child *host = bed_start(b, &(struct bed_worker){.name = "host", .code = "bakaGaijin.add = function(a, s) assert(#s == a) return a * 2 end"});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "caller", .code = caller, .once = true, .no_wait = true});
  bed_expect(b, c, "begins");
  while (!child_ended(c)) {
    for (int i = 0; i < 50; i++) child_signal(bed_broker(b), i % 5 ? SIGUSR1 : SIGHUP);
    for (int i = 0; i < 3; i++) {
      struct child *stopped = i == 0 ? host : i == 1 ? c : bed_broker(b);
      child_signal(stopped, SIGSTOP);
      child_signal(stopped, SIGCONT);
      child_signal(stopped, SIGWINCH);
    }
    usleep(200);
  }
  bed_exit(b, c, 0);
  bed_expect(b, c, "all right");
  ck_assert_int_lt(count_lines(bed_broker(b), "status: memory"), 200);
  ck_assert_int_lt(count_lines(bed_broker(b), "SIGHUP: "), 200);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("doors");
  TCase *t = tcase_create("doors");
  tcase_set_timeout(t, 600);
  tcase_add_test(t, a_log_that_nobody_reads);
  tcase_add_test(t, a_log_that_cannot_be_written);
  tcase_add_test(t, a_log_that_one_user_floods);
  tcase_add_test(t, only_those_are_served_who_may);
  tcase_add_test(t, signals_of_the_broker);
  tcase_add_test(t, a_hang_up_stops_a_worker_in_order);
  tcase_add_test(t, a_signal_at_the_very_end_takes_nothing_from_the_status);
  tcase_add_test(t, the_directory_of_the_socket_is_removed);
  tcase_add_test(t, a_storm_of_signals_under_traffic);
  suite_add_tcase(s, t);
  return run_suite(s);
}
