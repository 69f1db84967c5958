/* SPDX-License-Identifier: MIT
 *
 * A worker that is started while the one before it under the same name ends: by SIGTERM with calls under way, and by
 * SIGKILL. Both without a pause, while others keep the broker busy. GAIJIN_TEST_SUCCESSORS: how often each (20).
 */
#define _GNU_SOURCE
#include <signal.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

static const char server[] =
    "bakaGaijin.slow = function() gaijin.sleep(0.3) return 'answer' end\n"
    "bakaGaijin.quick = function() return 'answer' end\n"
    "print('up')\n";

/* Calls whoever has the name, again and again; what it may be told then is that the worker has not begun, or has ended. */
static const char caller[] =
    "local which = ...\n"
    "gaijin.ready()\n"
    "while true do\n"
    "  local ok, e = pcall(function() return gaijin.wait_for('srv', which)() end)\n"
    "  if ok then assert(e == 'answer')\n"
    "  elseif not e:find('^gaijin: dead: ') and not e:find('^gaijin: lost: worker srv ended') then error(e, 0) end\n"
    "end\n";

static struct child *start_server(struct bed *b) {
  static const char *const flags[] = {"--wait", "60", NULL};
  return bed_start(b, &(struct bed_worker){.name = "srv", .code = server, .flags = flags, .no_wait = true});
}

enum { CALLERS = 4 };

static void start_callers(struct bed *b, struct child *callers[CALLERS]) {
  for (int i = 0; i < CALLERS; i++) {
    static const char *const names[] = {"c1", "c2", "c3", "c4"}, *const which[][2] = {{"quick", NULL}, {"slow", NULL}};
    callers[i] = bed_start(b, &(struct bed_worker){.name = names[i], .code = caller, .args = which[i % 2]});
  }
}

static unsigned successors(void) {
  const char *n = getenv("GAIJIN_TEST_SUCCESSORS");
  return n ? (unsigned)strtoul(n, NULL, 10) : 20;
}

/* _i: the signal. The successor runs its script: it was not refused. */
START_TEST(a_successor_is_never_refused) {
  struct bed *b = bed_open(NULL);
  struct child *callers[CALLERS], *old = start_server(b);
  bed_expect(b, old, "up");
  start_callers(b, callers);
  for (unsigned i = 0; i < successors(); i++) {
    child_signal(old, _i);
    struct child *next = start_server(b);
    bed_expect(b, next, "up");
    if (_i == SIGTERM)
      bed_exit(b, old, 0);
    else
      bed_exit_signal(b, old, SIGKILL);
    bed_forget(b, old);
    old = next;
  }
  for (int i = 0; i < CALLERS; i++) bed_kill(b, callers[i]); /* none has ended by itself */
  bed_close(b);
}
END_TEST

/* The name is free while a call is still under way; and its caller gets its answer. */
START_TEST(the_name_is_free_before_the_last_call_is_done) {
  struct bed *b = bed_open(NULL);
  struct child *old = bed_start(b, &(struct bed_worker){.name = "srv", .code =
      "bakaGaijin.slow = function() gaijin.wait_for('go') return 'old answer' end"});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "client", .once = true, .no_wait = true, .code =
      "local f = gaijin.async(bakaGaijin('srv').slow) assert(not bakaGaijin('srv').x) print('begun') print(f:get())"});
  bed_expect(b, c, "begun"); /* what was asked later has been answered */
  child_signal(old, SIGTERM);
  struct child *next = bed_start(b, &(struct bed_worker){.name = "srv", .no_wait = true, .code = "print('up')"});
  bed_expect(b, next, "up"); /* the name alone would be the old one's, too */
  bed_start(b, &(struct bed_worker){.name = "go", .code = ""});
  bed_expect(b, c, "old answer");
  bed_exit(b, c, 0);
  bed_exit(b, old, 0);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("successor");
  TCase *t = tcase_create("successor");
  tcase_set_timeout(t, 3600);
  tcase_add_loop_test(t, a_successor_is_never_refused, SIGTERM, SIGTERM + 1);
  tcase_add_loop_test(t, a_successor_is_never_refused, SIGKILL, SIGKILL + 1);
  tcase_add_test(t, the_name_is_free_before_the_last_call_is_done);
  suite_add_tcase(s, t);
  return run_suite(s);
}
