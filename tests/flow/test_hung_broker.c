/* SPDX-License-Identifier: MIT
 *
 * A broker that hangs (is stopped, here) cannot enforce deadlines: workers do it themselves then. When it goes on, so do
 * they, and what was answered too late is given back.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "tests/bed/bed.h"
#include "tests/unit/run.h"

static const char asker[] =
    "local make = gaijin.wait_for('host', 'make')\n"
    "print('asking')\n"
    "local function hangs() local ok, e = pcall(gaijin.timeout, 0.01, make) return not ok and e:find('nor does the broker say', 1, true) end\n"
    "while not hangs() do gaijin.sleep(0.001) end\n"
    "local future = gaijin.async(gaijin.timeout, 0.2, make)\n" /* some of it is over when the call begins */
    "local ok, e = pcall(future.get, future)\n"
    "assert(not ok and e:find('^gaijin: timeout: call to worker host got no answer in 0%.%d+ s, nor does the broker'), e)\n"
    "print('told')\n"
    "gaijin.timeout(60, function() assert(type(make()) == 'table') end)\n"
    "bakaGC()\n"
    "local exported, used = getBaka()\n"
    "assert(used == 1, used)\n"
    "print('over')\n";

START_TEST(a_hung_broker_times_out) {
  struct bed *b = bed_open(NULL);
  bed_start(b, &(struct bed_worker){.name = "host", .code = "bakaGaijin.make = function() return {} end"});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "asker", .code = asker, .once = true, .no_wait = true});
  bed_expect(b, c, "asking");
  child_signal(bed_broker(b), SIGSTOP);
  bed_expect(b, c, "told");
  child_signal(bed_broker(b), SIGCONT);
  bed_expect(b, c, "over");
  bed_exit(b, c, 0);
  bed_close(b);
}
END_TEST

/* Its socket is full, and what it does when it is told to stop takes the whole grace and more. */
static const char stubborn[] =
    "local make = gaijin.wait_for('host', 'make')\n"
    "print('asking')\n"
    "local function hangs() local ok, e = pcall(gaijin.timeout, 0.01, make) return not ok and e:find('nor does the broker say', 1, true) end\n"
    "while not hangs() do gaijin.sleep(0.001) end\n"
    "for _ = 1, 4 do gaijin.async(make, ('x'):rep(1e6)) end\n"
    "print('full')\n"
    "gaijin.run()\n"
    "while true do pcall(gaijin.sleep, 60) end\n";

START_TEST(a_worker_of_a_hung_broker_stops_in_order) {
  static const char *const flags[] = {"--grace", "0.9", NULL};
  static const char *const wide[] = {"--window-bytes", "64M", NULL}; /* nobody waits for room */
  struct bed *b = bed_open(&(struct bed_options){.broker_flags = wide});
  bed_start(b, &(struct bed_worker){.name = "host", .code = "bakaGaijin.make = function() return {} end"});
  struct child *c = bed_start(b, &(struct bed_worker){.name = "asker", .code = stubborn, .flags = flags, .no_wait = true});
  bed_expect(b, c, "asking");
  child_signal(bed_broker(b), SIGSTOP);
  bed_expect(b, c, "full");
  child_signal(c, SIGTERM);
  bed_exit(b, c, 0);
  child_signal(bed_broker(b), SIGCONT);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("hung broker");
  TCase *t = tcase_create("hung broker");
  tcase_set_timeout(t, 600);
  tcase_add_test(t, a_hung_broker_times_out);
  tcase_add_test(t, a_worker_of_a_hung_broker_stops_in_order);
  suite_add_tcase(s, t);
  return run_suite(s);
}
