/* SPDX-License-Identifier: MIT
 *
 * A broker that is upgraded while it is used: real processes and exec. UPGRADES: how often in a row (8).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/status.h"
#include "tests/flow/upgrading.h"

static unsigned upgrades(void) {
  const char *n = getenv("UPGRADES");
  return n ? (unsigned)strtoul(n, NULL, 10) : 8;
}

/* Everything at once, until the worker 'stop' is there: results are right, objects stay themselves, what is posted is done. */
static const char caller[] =
    "local shop = bakaGaijin('shop')\n"
    "local thing, new, posted, n = shop.thing, shop.new, 0, 0\n"
    "local kept = {}\n"
    "local stop = gaijin.async(gaijin.wait_for, 'stop')\n"
    "print('begun')\n"
    "while not stop:done() do\n"
    "  n = n + 1\n"
    "  assert(shop.add(n, 1) == n + 1)\n"
    "  assert(rawequal(shop.thing, thing))\n"
    "  local t = new()\n"
    "  assert(shop.is_thing(t))\n"
    "  kept[n % 50] = t\n"
    "  if n % 20 == 0 then collectgarbage() end\n"
    "  gaijin.post(shop.note) posted = posted + 1\n"
    "end\n"
    "for _, t in pairs(kept) do assert(shop.is_thing(t)) end\n"
    "print('calls', n)\n";

/* The n-th, by the command and the program at `path`, or by the signal. */
static void upgrade_to(struct bed *b, unsigned n, const char *path) {
  if (!path) {
    upgrade(b, n);
    return;
  }
  char *output;
  int status = bed_ctl(b, &output, (const char *const[]){"upgrade", path, NULL});
  ck_assert_msg(status == 0, "%s", output);
  free(output);
}

/* ---- A client that sends and reads one byte at a time ---- */

struct slow {
  int fd;
  uint8_t out[4096];
  size_t size, sent, answers;
  struct frame in;
};

static void slow_open(struct slow *s, struct bed *b) {
  struct buffer out;
  struct pack p;
  struct hello_request h = {.lowest = 1, .highest = WIRE_VERSION_MOST, .observer = true};
  struct message m = {.kind = MESSAGE_REQUEST, .op = OP_hello, .id = 1, .target = OP_NONE};
  memset(s, 0, sizeof *s);
  s->fd = bed_raw(b);
  fcntl(s->fd, F_SETFL, O_NONBLOCK);
  frame_init(&s->in, 1 << 20);
  buffer_init(&out, UINT32_MAX);
  pack_begin(&p, &out, 1 << 20, &m, hello_request_values(0));
  hello_put_request(&p, &h, 0);
  pack_end(&p);
  m.op = OP_ping;
  while (out.size < sizeof s->out - 64) {
    m.id++;
    pack_begin(&p, &out, 1 << 20, &m, 0);
    pack_end(&p);
  }
  s->size = out.size;
  memcpy(s->out, out.bytes, out.size);
  buffer_deinit(&out);
}

/* A byte each way; every answer is a reply to the next request. */
static void slow_step(struct bed *b, struct slow *s) {
  uint8_t *bytes, *to;
  uint32_t size, room;
  struct message m;
  if (s->sent < s->size) {
    ssize_t n = send(s->fd, s->out + s->sent, 1, MSG_NOSIGNAL);
    if (n != 1 && errno != EAGAIN) bed_fail(b, "the slow client cannot send: %s", strerror(errno));
    s->sent += n == 1;
  }
  to = frame_room(&s->in, 64, &room);
  ssize_t n = recv(s->fd, to, 1, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) bed_fail(b, "the slow client was disconnected");
  if (n > 0) frame_filled(&s->in, 1);
  while (frame_next(&s->in, &bytes, &size) == FRAME_MESSAGE) {
    const char *fault = message_parse(bytes, size, &m);
    if (fault || m.kind != MESSAGE_REPLY || m.id != s->answers + 1)
      bed_fail(b, "the slow client got another message: %s", fault ? fault : op_name(m.op));
    s->answers++;
  }
}

/* ---- Tests ---- */

/* _i: KEPT, RECORDS. */
START_TEST(no_call_fails_over_upgrades) {
  struct bed *b = bed_open(NULL);
  char program[128];
  write_answering(b, program, "records", "exec \"$BROKER\" \"$@\"");
  struct slow slow;
  struct child *callers[3];
  static const char *const names[] = {"a", "b", "c"};
  bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  for (int i = 0; i < 3; i++) {
    callers[i] = bed_start(b, &(struct bed_worker){.name = names[i], .code = caller, .once = true, .no_wait = true});
    bed_expect(b, callers[i], "begun");
  }
  slow_open(&slow, b);
  for (unsigned i = 1; i <= upgrades(); i++) {
    for (int step = 0; step < 41 && slow.sent < slow.size; step++) slow_step(b, &slow);
    upgrade_to(b, i, _i == RECORDS ? program : NULL);
  }
  expect_said(b, "every token was entered anew", _i == RECORDS);
  while (slow.sent < slow.size || slow.answers < 10) slow_step(b, &slow);
  close(slow.fd);
  frame_deinit(&slow.in);
  bed_start(b, &(struct bed_worker){.name = "stop", .code = ""});
  for (int i = 0; i < 3; i++) {
    bed_exit(b, callers[i], 0);
    bed_expect(b, callers[i], "calls");
  }
  unlink(program);
  bed_close(b);
}
END_TEST

/* Begun before the upgrade, ended after it: a call, a deadline, a wait for a name and one for a label. */
START_TEST(what_is_under_way_is_answered) {
  struct bed *b = bed_open(NULL);
  bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "caller", .once = true, .no_wait = true, .code =
      "local shop = bakaGaijin('shop')\n"
      "local slow, name = gaijin.async(shop.slow, 2), gaijin.async(gaijin.wait_for, 'later')\n"
      "local label = gaijin.async(gaijin.wait_for, 'later', 'label')\n"
      "local late = gaijin.async(function() return pcall(function() return gaijin.timeout(2, shop.never) end) end)\n"
      "assert(shop.add(1, 2) == 3)\n"
      "print('begun')\n"
      "print(slow:get())\n"
      "name:get()\n"
      "print(label:get())\n"
      "print('done')\n"});
  bed_expect(b, c, "begun");
  upgrade(b, 1);
  bed_start(b, &(struct bed_worker){.name = "later", .code = "bakaGaijin.label = 'the label'"});
  bed_expect(b, c, "slow answer");
  bed_expect(b, c, "the label");
  bed_exit(b, c, 0);
  bed_close(b);
}
END_TEST

/* The broker itself expires a call whose time was running: nobody else does for a client of the bare wire. */
static void pack_end_into(int fd, struct buffer *out, struct pack *p) {
  ck_assert_int_eq(pack_end(p), BUFFER_OK);
  ck_assert_int_eq(send(fd, out->bytes, out->size, MSG_NOSIGNAL), (int)out->size);
  out->size = 0;
}
static void read_message(struct bed *b, int fd, struct frame *in, struct message *m) {
  uint8_t *bytes;
  uint32_t size, room;
  while (frame_next(in, &bytes, &size) != FRAME_MESSAGE) {
    uint8_t *to = frame_room(in, 4096, &room);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, (int)(bed_limit(b) * 1000)) <= 0) bed_fail(b, "nothing came");
    ssize_t n = recv(fd, to, room, 0);
    if (n <= 0) bed_fail(b, "the connection has ended");
    frame_filled(in, (uint32_t)n);
  }
  ck_assert_ptr_null(message_parse(bytes, size, m));
}
START_TEST(deadlines_run_on) {
  struct bed *b = bed_open(NULL);
  struct buffer out;
  struct frame in;
  struct pack p;
  struct message h = {.kind = MESSAGE_REQUEST, .op = OP_hello, .id = 1, .target = OP_NONE}, m;
  struct hello_request hello = {.lowest = 1, .highest = WIRE_VERSION_MOST, .name = "raw", .name_size = 3};
  bed_start(b, &(struct bed_worker){.name = "shop", .code = "bakaGaijin.x = 1"});
  int fd = bed_raw(b);
  buffer_init(&out, UINT32_MAX);
  frame_init(&in, 1 << 20);
  pack_begin(&p, &out, 1 << 20, &h, hello_request_values(0));
  hello_put_request(&p, &hello, 0);
  pack_end_into(fd, &out, &p);
  read_message(b, fd, &in, &m);
  h = (struct message){.kind = MESSAGE_REQUEST, .op = OP_s2t, .id = 2, .depth = 1, .deadline_ms = 3000, .target = OP_NAME,
                       .name = "shop", .name_size = 4};
  pack_begin(&p, &out, 1 << 20, &h, 2);
  pack_text(&p, "no label");
  pack_bool(&p, true);
  pack_end_into(fd, &out, &p);
  upgrade(b, 1);
  do
    read_message(b, fd, &in, &m);
  while (m.kind != MESSAGE_ERROR);
  struct reader r;
  uint32_t count;
  uint64_t status;
  reader_open(&r, m.body, m.body_size, &count);
  ck_assert(reader_uint(&r, &status));
  ck_assert_uint_eq(m.id, 2);
  ck_assert_uint_eq(status, STATUS_timeout);
  close(fd);
  frame_deinit(&in);
  buffer_deinit(&out);
  bed_close(b);
}
END_TEST

static void expect_refusal(struct bed *b, const char *program, const char *part) {
  char *output;
  int status = bed_ctl(b, &output, (const char *const[]){"upgrade", program, NULL});
  ck_assert_msg(status == 1 && strstr(output, part), "upgrade %s: status %d, %s", program, status, output);
  free(output);
  ck_assert_int_eq(bed_ctl(b, NULL, (const char *const[]){"ping", NULL}), 0);
}

/* Programs that are none, that know nothing of it, that say no, that hang up and that lie: up to exec, the broker serves on. */
START_TEST(a_bad_program_changes_nothing) {
  struct bed *b = bed_open(NULL);
  char path[128];
  snprintf(path, sizeof path, "%s/program", bed_dir(b));
  struct child *shop = bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  expect_refusal(b, "/nowhere/gaijin-broker", "no such file");
  expect_refusal(b, "/bin/true", "cannot take over");
  expect_refusal(b, "/bin/false", "cannot take over: it does not say why");
  write_program(path, "#!/bin/sh\necho 'gaijin-broker: unknown flag --check-upgrade' >&2\nexit 2\n");
  expect_refusal(b, path, "cannot take over: unknown flag --check-upgrade");
  write_program(path, "#!/bin/sh\nkill -9 $$\n");
  expect_refusal(b, path, "killed by signal 9");
  write_program(path, "#!/bin/sh\nexec sleep 1000\n");
  expect_refusal(b, path, "has not said within 10 s");
  /* It says yes, and then it cannot be executed any more. */
  write_program(path, "#!/bin/sh\nrm -f \"$0\"\necho records\n");
  expect_refusal(b, path, "cannot execute");
  ck_assert(!child_ended(shop));
  bed_close(b);
}
END_TEST

struct seven {
  struct bed *bed;
  int fds[7];
};

/* Seven connections of this process are open, and the last is not refused. One that it had before may
 * not have been seen to end yet. */
static bool seven_are_let_in(void *user) {
  struct seven *s = user;
  for (int i = 0; i < 7; i++) s->fds[i] = bed_raw(s->bed);
  struct pollfd p = {.fd = s->fds[6], .events = POLLIN};
  if (poll(&p, 1, 0) == 0) return true;
  for (int i = 0; i < 7; i++) close(s->fds[i]);
  return false;
}

/* Its own file by the command, and another: policy, limits and flags are as before, and who asks is answered by the next one. */
START_TEST(the_command_answers_from_the_next_program) {
  static const char *const flags[] = {"--max-connections", "7", "--load-min", "3", NULL};
  struct bed *b = bed_open(&(struct bed_options){.broker_flags = flags});
  char *output;
  char program[512];
  snprintf(program, sizeof program, "%s", bed_program(b, "gaijin-broker"));
  bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  for (int i = 0; i < 3; i++) {
    const char *const words[] = {"upgrade", i % 2 ? program : NULL, NULL};
    ck_assert_int_eq(bed_ctl(b, &output, words), 0);
    ck_assert_msg(strstr(output, "goes on in the place of gaijin"), "%s", output);
    free(output);
  }
  struct seven s = {.bed = b};
  char byte;
  bed_until(b, seven_are_let_in, &s, "seven connections are let in");
  int over = bed_raw(b);
  struct pollfd p = {.fd = over, .events = POLLIN};
  ck_assert_int_eq(poll(&p, 1, (int)(bed_limit(b) * 1000)), 1);
  while (read(over, &byte, 1) > 0) continue;
  close(over);
  for (int i = 0; i < 7; i++) close(s.fds[i]);
  bed_close(b);
}
END_TEST

/* The file that was in force counts, not the one that has been written since. */
START_TEST(a_policy_stays_the_one_in_force) {
  char dir[RUN_PATH], path[RUN_PATH + 16];
  ck_assert_ptr_nonnull(run_directory(dir));
  snprintf(path, sizeof path, "%s/policy", dir);
  write_program(path, "[allow]\nwho = all\nnames = shop, c*\nhosts = *\nops = read, call\nlabels = add\n[allow]\nwho = all\nmay = inspect, act\n");
  ck_assert_int_eq(chmod(path, 0600), 0);
  const char *const flags[] = {"--policy", path, NULL};
  struct bed *b = bed_open(&(struct bed_options){.broker_flags = flags});
  bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  write_program(path, "[deny]\nwho = all\n");
  upgrade(b, 1);
  struct child *c = bed_start(b, &(struct bed_worker){.name = "client", .once = true, .code =
      "local shop = bakaGaijin('shop') assert(shop.add(1, 2) == 3) print(pcall(function() return shop.thing end))"});
  bed_exit(b, c, 0);
  bed_expect(b, c, "denied");
  bed_close(b);
  unlink(path);
  rmdir(dir);
}
END_TEST

/* Who is not dead is known over an upgrade and a kill; while workers of the killed one may come back, there is no upgrade. */
START_TEST(the_roster_goes_over) {
  struct bed *b = bed_open(NULL);
  struct child *shop = bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  upgrade(b, 1);
  child_signal(shop, SIGSTOP);
  bed_kill(b, bed_broker(b));
  bed_restart(b);
  bed_expect(b, bed_broker(b), "the broker before this one was killed: 1 workers may come back");
  expect_refusal(b, "/bin/true", "may still come back");
  bed_kill(b, shop);
  bed_close(b);
}
END_TEST

/* Many at once are one, and a signal to end that comes meanwhile is not lost. */
START_TEST(signals_are_not_lost) {
  for (int i = 0; i < 6; i++) {
    struct bed *b = bed_open(NULL);
    bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
    for (int n = 0; n < 20; n++) child_signal(bed_broker(b), SIGUSR2);
    if (i % 2) upgrade(b, 1);
    for (int n = 0; n < 5; n++) child_signal(bed_broker(b), SIGUSR2);
    if (i > 3) child_signal(bed_broker(b), SIGHUP), child_signal(bed_broker(b), SIGUSR1);
    bed_close(b); /* ends the worker, then the broker, in order */
  }
}
END_TEST

/* What is at the path once links are followed, as one is named. */
static void expect_runs(struct child *c, const char *file) {
  char exe[64], runs[512], wanted[512];
  snprintf(exe, sizeof exe, "/proc/%ld/exe", (long)c->pid);
  ck_assert_ptr_nonnull(realpath(exe, runs));
  ck_assert_ptr_nonnull(realpath(file, wanted));
  ck_assert_str_eq(runs, wanted);
}

static unsigned count(const struct child *c, const char *part) {
  unsigned n = 0;
  char *text = child_output(c);
  for (char *at = text; at && (at = strstr(at, part)); at++) n++;
  free(text);
  return n;
}

/* Each release has a file of its own, and a link leads to the newest. Then to one that takes long: meanwhile signals are
 * refused, and the log is not flooded. */
START_TEST(a_link_leads_to_the_next_program) {
  struct bed *b = bed_open(NULL);
  char own[512], next[128], link[128], socket[128], command[800];
  snprintf(own, sizeof own, "%s", bed_program(b, "gaijin-broker"));
  snprintf(next, sizeof next, "%s/next", bed_dir(b));
  snprintf(link, sizeof link, "%s/link", bed_dir(b));
  snprintf(socket, sizeof socket, "%s/linked", bed_dir(b));
  snprintf(command, sizeof command, "cp '%s' '%s'", own, next);
  ck_assert_int_eq(system(command), 0);
  ck_assert_int_eq(symlink(own, link), 0);
  struct child *c = bed_spawn(b, "linked", (const char *const[]){link, "-s", socket, NULL});
  bed_expect(b, c, "listens on");
  expect_runs(c, own);
  unlink(link);
  ck_assert_int_eq(symlink(next, link), 0);
  child_signal(c, SIGUSR2);
  bed_expect(b, c, " goes on in the place of ");
  expect_runs(c, next);
  unlink(link);
  write_program(link, "#!/bin/sh\nexec sleep 1000\n");
  for (int i = 0; i < 1000; i++) {
    child_signal(c, SIGUSR2);
    usleep(100);
  }
  bed_expect(b, c, "no upgrade: an upgrade is under way");
  ck_assert_uint_lt(count(c, "no upgrade: "), 100);
  child_signal(c, SIGTERM);
  bed_exit(b, c, 0);
  unlink(link);
  unlink(next);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("upgrade");
  TCase *t = tcase_create("upgrade");
  suite_add_tcase(s, t);
  const char *slower = getenv("GAIJIN_TEST_SLOWER");
  tcase_set_timeout(t, (60 + 3 * upgrades()) * (slower ? atof(slower) : 1));
  tcase_add_loop_test(t, no_call_fails_over_upgrades, KEPT, RECORDS + 1);
  tcase_add_test(t, what_is_under_way_is_answered);
  tcase_add_test(t, deadlines_run_on);
  tcase_add_test(t, a_bad_program_changes_nothing);
  tcase_add_test(t, the_command_answers_from_the_next_program);
  tcase_add_test(t, a_policy_stays_the_one_in_force);
  tcase_add_test(t, a_link_leads_to_the_next_program);
  tcase_add_test(t, the_roster_goes_over);
  tcase_add_test(t, signals_are_not_lost);
  return run_suite(s);
}
