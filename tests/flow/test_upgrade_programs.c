/* SPDX-License-Identifier: MIT
 *
 * A broker that is upgraded to a program that has lied, or that wants records; and what its log says of it.
 */
#define _GNU_SOURCE
#include <sys/resource.h>

#include "tests/flow/upgrading.h"

/* It says that it can, and cannot: that is as if the broker had been killed, and workers come back to the next one. _i: KEPT, RECORDS. */
START_TEST(workers_come_back_after_a_program_that_has_lied) {
  struct bed *b = bed_open(NULL);
  char program[128];
  bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "caller", .once = true, .no_wait = true, .code =
      "local shop = bakaGaijin('shop')\n"
      "local thing, is_thing = shop.new(), shop.is_thing\n"
      "print('begun')\n"
      "gaijin.wait_for('again')\n"
      "assert(is_thing(thing))\n"
      "print('done')\n"});
  bed_expect(b, c, "begun");
  write_answering(b, program, _i == KEPT ? "same" : "records",
                  "exec 9</dev/null\nGAIJIN_BROKER_STATE=9 exec \"$BROKER\" \"$@\"");
  char *output;
  ck_assert_int_ne(bed_ctl(b, &output, (const char *const[]){"upgrade", program, NULL}), 0);
  free(output);
  bed_expect(b, bed_broker(b), "cannot go on in the place of the broker that ran before");
  bed_exit(b, bed_broker(b), 1);
  bed_restart(b);
  bed_start(b, &(struct bed_worker){.name = "again", .code = ""});
  bed_expect(b, c, "done");
  bed_exit(b, c, 0);
  unlink(program);
  bed_close(b);
}
END_TEST

/* By signal and by command. */
START_TEST(the_log_says_who_has_asked) {
  struct bed *b = bed_open(NULL);
  char who[128];
  snprintf(who, sizeof who, "SIGUSR2 of process %ld, user %lu has the broker go on as /", (long)getpid(), (unsigned long)getuid());
  upgrade(b, 1);
  expect_said(b, who, true);
  ck_assert_int_eq(bed_ctl(b, NULL, (const char *const[]){"upgrade", NULL}), 0);
  snprintf(who, sizeof who, "(user %lu, process ", (unsigned long)getuid());
  expect_said(b, who, true);
  bed_close(b);
}
END_TEST

/* A broker that may make no file of that size: all goes on with records, and it says so when it starts. */
START_TEST(without_a_file_for_the_books_there_are_records) {
  struct rlimit old, limit;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
  limit = (struct rlimit){64 << 20, old.rlim_max};
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  struct bed *b = bed_open(NULL);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
  bed_expect(b, bed_broker(b), "no file in memory for the books (File too large)");
  bed_start(b, &(struct bed_worker){.name = "shop", .code = server});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "caller", .once = true, .no_wait = true, .code =
      "local shop = bakaGaijin('shop') local thing = shop.new() print('begun') gaijin.wait_for('again') assert(shop.is_thing(thing))"});
  bed_expect(b, c, "begun");
  upgrade(b, 1);
  expect_said(b, "every token was entered anew", true);
  bed_start(b, &(struct bed_worker){.name = "again", .code = ""});
  bed_exit(b, c, 0);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("upgrade programs");
  TCase *t = tcase_create("programs");
  suite_add_tcase(s, t);
  tcase_set_timeout(t, 240);
  tcase_add_loop_test(t, workers_come_back_after_a_program_that_has_lied, KEPT, RECORDS + 1);
  tcase_add_test(t, the_log_says_who_has_asked);
  tcase_add_test(t, without_a_file_for_the_books_there_are_records);
  return run_suite(s);
}
