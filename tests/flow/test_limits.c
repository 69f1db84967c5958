/* SPDX-License-Identifier: MIT
 *
 * One who takes too much, at the real broker: others work on beside it, the broker stays within its
 * limit, and the culprit is named. Real processes, because accounts are those of processes.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/sanitizer.h"
#include "tests/bed/bed.h"
#include "tests/unit/run.h"

/* The envelope of a request without target: length, op and id; the body follows. */
#define REQUEST(length, op, id) \
  "\xce\0\0\0" length "\x99\xcc\x01\xcc" op "\xcd\0\0\xcd\0\0\xcf\0\0\0\0\0\0\0" id \
  "\xcf\0\0\0\0\0\0\0\0\xce\0\0\0\0\xc0"

/* [1, nil, true]: an observer. */
static const char hello[] = REQUEST("\x27", "\x01", "\x01") "\x93\x01\xc0\xc3";
static const char ping[] = REQUEST("\x24", "\x18", "\x02") "\x90";
static const char long_message[] = "\xce\0\x10\0\0"; /* of 1 MiB */

/* Waits until the broker has answered something. */
static void await_answer(struct bed *b, int fd) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  char bytes[4096];
  ck_assert_msg(poll(&p, 1, (int)(bed_limit(b) * 1000)) == 1, "the broker does not answer");
  ck_assert_int_gt(recv(fd, bytes, sizeof bytes, 0), 0);
}

static int say_hello(struct bed *b) {
  int fd = bed_raw(b);
  ck_assert_int_eq(send(fd, hello, sizeof hello - 1, MSG_NOSIGNAL), sizeof hello - 1);
  await_answer(b, fd);
  return fd;
}

struct text {
  const struct child *c;
  const char *part;
};
static bool says(void *user) {
  const struct text *t = user;
  char *output = child_output(t->c);
  bool found = output && strstr(output, t->part);
  free(output);
  return found;
}
static void await_line(struct bed *b, const char *part) {
  bed_until(b, says, &(struct text){bed_broker(b), part}, part);
}

/* VmRSS of a process in KiB. */
static long resident(pid_t pid) {
  char path[64], line[256];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
  FILE *f = fopen(path, "r");
  ck_assert_ptr_nonnull(f);
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
  fclose(f);
  return kib;
}

static const char partner[] = "bakaGaijin.f = function(x) return x end";
static const char victim[] =
    "local f = gaijin.wait_for('host', 'f')\n"
    "print('begun')\n"
    "local n = 0\n"
    "bakaGaijin.count = function() return n end\n"
    "gaijin.async(function() while true do assert(f(1) == 1); n = n + 1; gaijin.sleep(0.001) end end)\n";

/* ---- A thousand small ones are one large one ---- */

enum { CONNECTIONS = 1000, PART = 100 << 10, LIMIT_KIB = 32 << 10, OTHERS_KIB = 48 << 10 };
enum { MEMORY_FACTOR = WITH_ASAN ? 8 : 1 }; /* which keeps what has been freed, and a map of all */

/* Each connection has a tenth of a megabyte of a message waiting, far below what one may have. The broker may end a
 * connection at any time. */
static void open_many(struct bed *b, int done) {
  static char part[PART];
  memcpy(part, long_message, sizeof long_message - 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int i = 0; i < CONNECTIONS; i++) {
    int fd = say_hello(b);
    (void)!send(fd, part, sizeof part, MSG_NOSIGNAL);
  }
  if (write(done, "x", 1) != 1) _exit(1);
  for (;;) pause();
}

static long count_of(struct bed *b) {
  char *row;
  long n;
  ck_assert_int_eq(bed_ctl(b, &row, (const char *const[]){"clients", "--json", NULL}), 0);
  const char *at = strstr(row, "\"worker\":\"victim\"");
  ck_assert_ptr_nonnull(at);
  ck_assert_int_eq(sscanf(strstr(at, "\"messages_in\":"), "\"messages_in\":%ld", &n), 1);
  free(row);
  return n;
}

struct progress {
  struct bed *bed;
  long before;
};
static bool goes_on(void *user) {
  const struct progress *p = user;
  return count_of(p->bed) > p->before + 10;
}

START_TEST(a_thousand_connections_are_one_account) {
  static const char *const flags[] = {"--max-memory", "32M", "--max-message", "1M", NULL};
  struct rlimit files;
  int done[2];
  char byte, *accounts, text[64];
  ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < CONNECTIONS + 100) return; /* this machine does not allow it */
  struct bed *b = bed_open(&(struct bed_options){.broker_flags = flags, .tokens_may_stay = true});
  bed_start(b, &(struct bed_worker){.name = "host", .code = partner});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "victim", .code = victim});
  bed_expect(b, c, "begun");
  ck_assert_int_eq(pipe(done), 0);
  pid_t culprit = fork();
  if (culprit == 0) open_many(b, done[1]);
  close(done[1]);
  ck_assert_int_eq(read(done[0], &byte, 1), 1);
  close(done[0]);
  bed_until(b, goes_on, &(struct progress){b, count_of(b)}, "the victim works on");
  ck_assert_int_lt(resident(bed_broker(b)->pid), (LIMIT_KIB + OTHERS_KIB) * MEMORY_FACTOR);
  snprintf(text, sizeof text, "(process %ld): the broker keeps", (long)culprit);
  await_line(b, text);
  ck_assert_int_eq(bed_ctl(b, &accounts, (const char *const[]){"accounts", "--json", NULL}), 0);
  snprintf(text, sizeof text, "\"pid\":%ld,", (long)culprit);
  const char *row = strstr(accounts, text);
  ck_assert_ptr_nonnull(row);
  long refused = 0;
  sscanf(strstr(row, "\"refused\":"), "\"refused\":%ld", &refused);
  ck_assert_int_gt(refused, 500);
  free(accounts);
  kill(culprit, SIGKILL);
  ck_assert_int_eq(waitpid(culprit, NULL, 0), culprit);
  bed_close(b);
}
END_TEST

/* ---- One that lets others pay ---- */

/* A stopped worker is not disconnected for what another sends it: that one is told. */
static const char flooder[] =
    "local f = gaijin.wait_for('stopped', 'f')\n"
    "print('found')\n"
    "local refused\n"
    "repeat\n"
    "  gaijin.async(function()\n"
    "    local ok, e = pcall(f, ('x'):rep(500000))\n"
    "    if not ok and not refused then refused = e; print(e) end\n"
    "  end)\n"
    "  gaijin.sleep(0.001)\n"
    "until refused\n";

START_TEST(who_floods_a_stopped_worker_is_refused) {
  static const char *const flags[] = {"--max-memory", "32M", "--max-queued", "4M", "--max-message", "1M",
                                      "--window-bytes", "64M", NULL}; /* the limit is met before the window */
  struct bed *b = bed_open(&(struct bed_options){.broker_flags = flags, .tokens_may_stay = true});
  struct child *stopped = bed_start(b, &(struct bed_worker){.name = "stopped", .code = partner});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "flooder", .code = flooder, .no_wait = true});
  bed_expect(b, c, "found");
  child_signal(stopped, SIGSTOP);
  bed_expect(b, c, "--max-queued");
  await_line(b, "refused flooder (process");
  child_signal(stopped, SIGCONT);
  bed_close(b);
}
END_TEST

/* ---- Time ---- */

/* Three who keep the broker waiting: one says nothing, one begins a message, one takes nothing. All are told of in the
 * log, in the order of their times, and whoever does nothing of that stays. */
START_TEST(who_keeps_the_broker_waiting_is_disconnected) {
  static const char *const flags[] = {"--message-time", "1", "--read-time", "2", NULL};
  static char pings[1000 * (sizeof ping - 1)];
  struct bed *b = bed_open(&(struct bed_options){.broker_flags = flags, .tokens_may_stay = true});
  for (size_t i = 0; i < sizeof pings; i++) pings[i] = ping[i % (sizeof ping - 1)];
  int idle = say_hello(b), silent = bed_raw(b), half = say_hello(b), deaf = say_hello(b);
  ck_assert_int_eq(send(half, long_message, sizeof long_message, MSG_NOSIGNAL), sizeof long_message);
  /* Until it is read no more, because of what it leaves untaken. */
  for (size_t at = 0;;) {
    ssize_t n = send(deaf, pings + at, sizeof pings - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    struct pollfd p = {.fd = deaf, .events = POLLOUT};
    if (n > 0) at = (at + (size_t)n) % sizeof pings;
    if (n < 0 && poll(&p, 1, (int)(bed_limit(b) * 25)) == 0) break; /* half a second, on a quiet machine */
    if (n < 0 && (p.revents & (POLLERR | POLLHUP))) break;
  }
  await_line(b, "it has begun a message and sent nothing more of it for 1");
  await_line(b, "it has read nothing for 2");
  await_line(b, "it did not say 'hello' within 10 s");
  ck_assert_int_eq(send(idle, ping, sizeof ping - 1, MSG_NOSIGNAL), sizeof ping - 1);
  await_answer(b, idle);
  close(idle);
  close(silent);
  close(half);
  close(deaf);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("flow limits");
  TCase *t = tcase_create("limits");
  tcase_set_timeout(t, 120);
  suite_add_tcase(s, t);
  tcase_add_test(t, a_thousand_connections_are_one_account);
  tcase_add_test(t, who_floods_a_stopped_worker_is_refused);
  tcase_add_test(t, who_keeps_the_broker_waiting_is_disconnected);
  return run_suite(s);
}
