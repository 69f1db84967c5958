/* SPDX-License-Identifier: MIT
 *
 * Large messages, one after the other: broker and worker use the memory of the one before again, and
 * do not have it mapped anew, which would cost ten times what is done with it; and they give it
 * back when no more come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sanitizer.h"
#include "tests/bed/bed.h"
#include "tests/bed/child.h"
#include "tests/hostile/raw.h"
#include "tests/unit/run.h"

/* Of each message a page of 4 KiB would be mapped for what is received of it, and one for what
 * waits to be sent, or for its values: 1,000 and more. */
enum { BYTES = 2 << 20, FIRST = 4, MESSAGES = 24, FAULTS_MOST = 100, KEPT_KB = 4 << 10 };

static struct bed *b;
static struct child *host;
static struct raw r;
static struct pt sink;

static void setup(void) {
  b = bed_open(NULL);
  host = bed_start(b, &(struct bed_worker){
                          .name = "host", .code = "bakaGaijin.sink = function(s) collectgarbage() return #s end\n"
                                  "bakaGaijin.burst = function() local t = {} for i = 1, 300000 do t[i] = {} end t = nil\n"
                                  "  collectgarbage() end"});
  ck_assert(raw_join(&r, bed_socket(b), "asker", false));
  pack_text(raw_ask(&r, OP_s2t, "host", NULL, 0, 1), "sink");
  raw_end(&r);
  ck_assert(raw_answer(&r) && r.m.kind == MESSAGE_REPLY && reader_pt(&r.r, &sink));
}

static void teardown(void) {
  raw_close(&r);
  bed_close(b);
}

/* The minor page faults of a process so far. */
static unsigned long faults_of(const struct child *c) {
  char path[64];
  unsigned long faults = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", (int)c->pid);
  FILE *f = fopen(path, "re");
  ck_assert_ptr_nonnull(f);
  ck_assert_int_eq(fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %lu", &faults), 1);
  fclose(f);
  return faults;
}

static unsigned long resident_kb(const struct child *c) {
  char path[64], line[256];
  unsigned long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)c->pid);
  FILE *f = fopen(path, "re");
  ck_assert_ptr_nonnull(f);
  while (fgets(line, sizeof line, f) && sscanf(line, "VmRSS: %lu", &kb) != 1) continue;
  fclose(f);
  return kb;
}

static void call_with(const char *text, uint32_t size) {
  uint64_t got;
  pack_string(raw_ask(&r, OP_call, NULL, &sink, 0, 1), text, size);
  raw_end(&r);
  ck_assert(raw_answer(&r) && r.m.kind == MESSAGE_REPLY);
  ck_assert(reader_uint(&r.r, &got) && got == size);
}

START_TEST(memory_is_used_again) {
  if (WITH_ASAN) return; /* its allocator maps as it likes */
  static char text[BYTES];
  const struct child *both[] = {bed_broker(b), host};
  unsigned long before[2];
  for (int i = 0; i < FIRST; i++) call_with(text, BYTES);
  for (int i = 0; i < 2; i++) before[i] = faults_of(both[i]);
  for (int i = 0; i < MESSAGES; i++) call_with(text, BYTES);
  for (int i = 0; i < 2; i++) {
    unsigned long each = (faults_of(both[i]) - before[i]) / MESSAGES;
    ck_assert_msg(each <= FAULTS_MOST, "%s: %lu page faults for each message", both[i]->name, each);
  }
}
END_TEST

struct fall {
  const struct child *child;
  unsigned long most_kb;
};

static bool has_fallen(void *user) {
  const struct fall *f = user;
  return resident_kb(f->child) <= f->most_kb;
}

START_TEST(memory_is_given_back) {
  if (WITH_ASAN) return;
  struct fall broker = {bed_broker(b), resident_kb(bed_broker(b)) + KEPT_KB};
  struct fall worker = {host, resident_kb(host) + 2 * KEPT_KB};
  static char text[15 << 20];
  call_with(text, sizeof text);
  bed_until(b, has_fallen, &broker, "the broker gives back what it had for a large message");
  call_with("", 0); /* it collects what Lua had */
  bed_until(b, has_fallen, &worker, "the worker gives back what it had for a large message");
}
END_TEST

/* No look between two turns sees it. */
START_TEST(what_came_and_went_in_one_call_is_given_back) {
  if (WITH_ASAN) return;
  struct fall worker = {host, resident_kb(host) + 2 * KEPT_KB};
  struct pt burst;
  pack_text(raw_ask(&r, OP_s2t, "host", NULL, 0, 1), "burst");
  raw_end(&r);
  ck_assert(raw_answer(&r) && r.m.kind == MESSAGE_REPLY && reader_pt(&r.r, &burst));
  raw_ask(&r, OP_call, NULL, &burst, 0, 0);
  raw_end(&r);
  ck_assert(raw_answer(&r) && r.m.kind == MESSAGE_REPLY);
  do
    call_with("", 0); /* a look is taken in a turn, once a second */
  while (!has_fallen(&worker)); /* Check ends the test if it never does */
}
END_TEST

int main(void) {
  Suite *s = suite_create("large_messages");
  TCase *t = tcase_create("large messages");
  tcase_add_checked_fixture(t, setup, teardown);
  tcase_add_test(t, memory_is_used_again);
  tcase_add_test(t, memory_is_given_back);
  tcase_add_test(t, what_came_and_went_in_one_call_is_given_back);
  suite_add_tcase(s, t);
  return run_suite(s);
}
