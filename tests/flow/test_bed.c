/* SPDX-License-Identifier: MIT
 *
 * The bed and the script runner themselves: that they notice what tests rely on them to notice. Each test
 * but the first of each kind must fail, and for the right reason.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bed/bed.h"
#include "tests/bed/script.h"
#include "tests/unit/run.h"

/* Short: the tests of time limits wait for it. */
#define LIMIT 1

struct failure {
  jmp_buf here;
  char text[4096];
};

static void on_failure(void *user, const char *text) {
  struct failure *f = user;
  snprintf(f->text, sizeof f->text, "%s", text);
  longjmp(f->here, 1);
}

static void check_reason(const struct failure *f, const char *reason) {
  ck_assert_msg(strstr(f->text, reason) != NULL, "failed for another reason: %s", f->text);
}

/* Runs the story on a bed and closes it, which must fail with a text that contains `reason`. */
static void must_fail(void (*story)(struct bed *b), const char *reason) {
  struct failure f = {.text = ""};
  char dir[128] = "";
  struct bed_options options = {.limit = LIMIT, .on_failure = on_failure, .user = &f};
  if (setjmp(f.here) == 0) {
    struct bed *b = bed_open(&options);
    snprintf(dir, sizeof dir, "%s", bed_dir(b));
    story(b);
    bed_close(b);
    ck_abort_msg("it went unnoticed");
  }
  check_reason(&f, reason);
  ck_assert_msg(access(dir, F_OK) != 0, "the directory is still there");
}

static bool has_ended(void *child) {
  return child_ended(child);
}

/* ---- The bed ---- */

START_TEST(nothing_left) {
  struct bed *b = bed_open(NULL);
  struct child *c = bed_start(b, &(struct bed_worker){.name = "shop", .code = "bakaGaijin.x = {} print('here')"});
  bed_expect(b, c, "here");
  struct child *customer = bed_start(b, &(struct bed_worker){.name = "customer",
                                                         .once = true,
                                                         .code = "local x = bakaGaijin('shop').x; x.y = 1; os.exit(x.y + 6)"});
  bed_exit(b, customer, 7);
  struct child *victim = bed_start(b, &(struct bed_worker){.name = "victim", .code = "held = bakaGaijin('shop').x"});
  ck_assert_uint_eq(bed_tokens(b), 1);
  bed_kill(b, victim);
  bed_close(b);
}
END_TEST

START_TEST(broker_again) {
  struct bed *b = bed_open(NULL);
  bed_kill(b, bed_broker(b));
  bed_restart(b);
  close(bed_raw(b));
  bed_close(b);
}
END_TEST

static void leak_token(struct bed *b) {
  bed_start(b, &(struct bed_worker){.name = "shop", .code = "bakaGaijin.x = {}"});
  bed_start(b, &(struct bed_worker){.name = "bank", .code = "held = bakaGaijin('shop').x"});
}

START_TEST(leaked_token) {
  must_fail(leak_token, "still has 1 tokens: [shop 1 table: bank 1]");
}
END_TEST

static void worker_fails(struct bed *b) {
  struct child *c = bed_start(b, &(struct bed_worker){.name = "shop", .code = "error('boom')", .no_wait = true});
  bed_until(b, has_ended, c, "the worker does not end");
}

START_TEST(failing_worker) {
  must_fail(worker_fails, "shop ended with status 1, which the test did not expect");
}
END_TEST

static void worker_hangs(struct bed *b) {
  struct child *c = bed_start(b, &(struct bed_worker){.name = "shop", .code = "return"});
  child_signal(c, SIGSTOP);
}

START_TEST(hanging_worker) {
  must_fail(worker_hangs, "timeout: shop does not end");
}
END_TEST

static void worker_never_ready(struct bed *b) {
  bed_start(b, &(struct bed_worker){.name = "shop", .code = "gaijin.sleep(1000)"});
}

START_TEST(never_ready) {
  must_fail(worker_never_ready, "timeout: shop does not become ready");
}
END_TEST

static void leak_descriptor(struct bed *b) {
  (void)b;
  ck_assert_int_ge(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
}

START_TEST(leaked_descriptor) {
  must_fail(leak_descriptor, "left open by the test");
}
END_TEST

static void leak_file(struct bed *b) {
  char path[256];
  snprintf(path, sizeof path, "%s/forgotten", bed_dir(b));
  FILE *f = fopen(path, "w");
  ck_assert_ptr_nonnull(f);
  fclose(f);
}

START_TEST(leaked_file) {
  must_fail(leak_file, "left in the bed's directory: forgotten");
}
END_TEST

static void wait_for_text(struct bed *b) {
  struct child *c = bed_start(b, &(struct bed_worker){.name = "shop", .once = true, .code = "print('apples')"});
  bed_expect(b, c, "pears");
}

START_TEST(missing_text) {
  must_fail(wait_for_text, "shop ended without writing \"pears\"");
}
END_TEST

static void broker_dies(struct bed *b) {
  child_signal(bed_broker(b), SIGKILL);
  bed_until(b, has_ended, bed_broker(b), "the broker does not die");
}

START_TEST(dead_broker) {
  must_fail(broker_dies, "broker was killed by signal 9 (Killed), which the test did not expect");
}
END_TEST

/* ---- The script runner ---- */

struct bad_script {
  const char *text, *reason;
};

static const struct bad_script bad_scripts[] = {
    {"", "empty file"},
    {"--@ worker a\n", "would have no end"},
    {"--@ wrker a once\n", ":1: unknown line"},
    {"--@ worker a twice\n", ":1: unknown word"},
    {"--@ worker a once\nerror('boom')\n", "a ended with status 1"},
    {"--@ worker a once exit=3\nos.exit(4)\n", "a ended with status 4"},
    {"--@ worker a\ngaijin.stop()\n--@ worker b once\ngaijin.sleep(1000)\n", "a ended with status 0, and should not have"},
    {"--@ limit 1\n--@ worker a once nowait\ngaijin.sleep(1000)\n", "timeout: a has not ended"},
    {"--@ expect a: pears\n--@ worker a once\nprint('apples')\n", "a ended without writing \"pears\""},
    {"--@ limit 1\n--@ worker a\nbakaGaijin.x = {}\n--@ worker b\nheld = bakaGaijin('a').x\n--@ worker c once\n",
     "still has 1 tokens: [a 1 table: b 1]"},
};

static void write_script(char path[64], const char *text) {
  const char *tmp = getenv("TMPDIR");
  snprintf(path, 64, "%s/script-XXXXXX.lua", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
  int fd = mkstemps(path, 4);
  ck_assert_int_ge(fd, 0);
  ck_assert_int_eq((int)write(fd, text, strlen(text)), (int)strlen(text));
  close(fd);
}

START_TEST(good_script) {
  char path[64];
  write_script(path, "--@ expect a: two is 2\n--@ expect b: .lua:6: at\n"
                     "--@ worker a\nbakaGaijin.two = function() print('two is 2') return {2} end\n"
                     "--@ worker b once exit=5 args=one two\nlocal ok, e = pcall(error, 'at', 2) print(e, pcall(function() error('at') end))\n"
                     "assert((...) == 'one') assert(bakaGaijin('a').two()[1] == 2) os.exit(5)\n"
                     "--@ worker b once after=b\nassert((...) == nil)\n");
  script_run(path, NULL, NULL);
  unlink(path);
}
END_TEST

START_TEST(bad_script) {
  struct failure f = {.text = ""};
  char path[64];
  write_script(path, bad_scripts[_i].text);
  if (setjmp(f.here) == 0) {
    script_run(path, on_failure, &f);
    ck_abort_msg("it went unnoticed");
  }
  unlink(path);
  check_reason(&f, bad_scripts[_i].reason);
}
END_TEST

int main(void) {
  Suite *s = suite_create("bed");
  TCase *bed = tcase_create("bed");
  tcase_add_test(bed, nothing_left);
  tcase_add_test(bed, broker_again);
  tcase_add_test(bed, leaked_token);
  tcase_add_test(bed, failing_worker);
  tcase_add_test(bed, hanging_worker);
  tcase_add_test(bed, never_ready);
  tcase_add_test(bed, leaked_descriptor);
  tcase_add_test(bed, leaked_file);
  tcase_add_test(bed, missing_text);
  tcase_add_test(bed, dead_broker);
  suite_add_tcase(s, bed);
  TCase *runner = tcase_create("scripts");
  tcase_add_test(runner, good_script);
  tcase_add_loop_test(runner, bad_script, 0, (int)(sizeof bad_scripts / sizeof bad_scripts[0]));
  suite_add_tcase(s, runner);
  return run_suite(s);
}
