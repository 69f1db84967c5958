/* SPDX-License-Identifier: MIT
 *
 * The broker is killed, and another one is started on its socket: what scripts see of it (docs/restart.md). Real brokers
 * and workers; test_return.c has the same for clients of the bare wire,
 * test_restart_traffic.c under traffic.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/flow/restart.h"

static const char shop[] =
    "obj = {n = 1}\n"
    "bakaGaijin.obj = obj\n"
    "bakaGaijin.slow = function() print('slow begun') gaijin.sleep(0.5) obj.n = obj.n + 1 print('slow ended') end\n"
    "bakaGaijin.same = function(x) return rawequal(x, obj) end\n"
    "bakaGaijin.set = function(label, v) bakaGaijin[label] = v end\n"
    "bakaGaijin.noted = function(x) print('noted', x) end\n";

START_TEST(references_live_on_and_calls_under_way_are_lost) {
  b = bed_open(NULL);
  struct child *s = start("shop", shop);
  struct child *c = start_running("till",
      "local obj, slow = gaijin.wait_for('shop', 'obj'), gaijin.wait_for('shop', 'slow')\n"
      "local key = {[obj] = 'found'}\n"
      "local f = gaijin.async(slow)\n"
      "print('call', pcall(slow))\n"
      "print('future', pcall(f.get, f))\n"
      "print('n', obj.n)\n" /* waits at the door */
      "local again = bakaGaijin('shop').obj\n"
      "print('same', rawequal(again, obj), key[again], bakaGaijin('shop').same(obj))\n");
  bed_expect(b, s, "slow begun\nslow begun");
  kill_broker();
  bed_expect(b, c, "call\tfalse\tgaijin: lost: ");
  bed_expect(b, c, "future\tfalse\tgaijin: lost: ");
  bed_expect(b, s, "slow ended\nslow ended");
  bed_restart(b);
  bed_expect(b, c, "n\t3\n"); /* each was done once */
  bed_expect(b, c, "same\ttrue\tfound\ttrue\n");
  bed_exit(b, c, 0);
  bed_close(b);
}
END_TEST

START_TEST(what_is_begun_while_it_is_away) {
  b = bed_open(NULL);
  struct child *s = start("shop", shop);
  struct child *c = start_running("till",
      "local obj, slow = gaijin.wait_for('shop', 'obj'), gaijin.wait_for('shop', 'slow')\n"
      "local noted, ticks = gaijin.wait_for('shop', 'noted'), 0\n"
      "gaijin.every(0.01, function() ticks = ticks + 1 end)\n"
      "pcall(slow)\n"
      "local before = ticks\n"
      "print('limit', pcall(gaijin.timeout, 0.2, function() return obj.n end))\n"
      "print('ticks', ticks > before)\n"
      "gaijin.post(noted, 'never')\n"
      "print('failed', gaijin.stats().posts_failed)\n"
      "local f = gaijin.async(noted, 'by a future')\n" /* waits itself: nothing is asked out of order */
      "noted('by a call')\n"
      "f:get() gaijin.post(noted, 'by a post') print('n', obj.n)\n");
  bed_expect(b, s, "slow begun");
  kill_broker();
  bed_expect(b, c, "limit\tfalse\tgaijin: timeout: ");
  bed_expect(b, c, "ticks\ttrue\n");
  bed_expect(b, c, "a post (call) was not done: gaijin: lost: ");
  bed_expect(b, c, "failed\t1\n");
  bed_expect(b, s, "slow ended\n"); /* and not between what is noted */
  bed_restart(b);
  bed_expect(b, c, "n\t");
  bed_expect(b, s, "noted\tby a future\nnoted\tby a call\nnoted\tby a post\n");
  bed_exit(b, c, 0);
  ck_assert(!said(s, "never"));
  bed_close(b);
}
END_TEST

START_TEST(waits_go_on) {
  b = bed_open(NULL);
  start("shop", shop);
  struct child *c = start_running("till",
      "local told\n"
      "gaijin.spawn(function() print('label', gaijin.wait_for('shop', 'later')) told = true end)\n"
      "print('waits')\n"
      "print('came', gaijin.wait_for('bank'))\n"
      "gaijin.wait_for('shop', 'later') while not told do gaijin.sleep(0.01) end\n");
  bed_expect(b, c, "waits");
  kill_broker();
  bed_expect(b, c, "trying to come back");
  bed_restart(b);
  bed_expect(b, c, "back at the broker");
  start("bank", "gaijin.wait_for('shop', 'set')('later', 5)");
  bed_expect(b, c, "came\ttrue\n");
  bed_expect(b, c, "label\t5\n");
  bed_exit(b, c, 0);
  bed_close(b);
}
END_TEST

START_TEST(who_dies_meanwhile_is_dead_for_good) {
  b = bed_open(NULL);
  struct child *s = start("shop", shop);
  struct child *c = start("till",
      "obj = gaijin.wait_for('shop', 'obj')\n"
      "gaijin.on_death(obj, function(name) print('died', name) print('use', pcall(function() return obj.n end)) end)\n"
      "bakaGaijin.obj = obj\n"
      "bakaGaijin.pass = function(f) print('pass', pcall(f, obj)) end\n"
      "print 'holds'");
  bed_expect(b, c, "holds");
  kill_broker();
  bed_expect(b, c, "trying to come back");
  bed_kill(b, s);
  bed_restart(b);
  bed_expect(b, c, "died\tshop\n");
  bed_expect(b, c, "use\tfalse\tgaijin: dead: Gaijin tried accessing dead resource. (shop)\n");
  struct child *other = start("shop", "print('up', gaijin.name)"); /* the name is free */
  bed_expect(b, other, "up\tshop");
  struct child *p = start_running("passer", "gaijin.wait_for('till', 'pass')(function() end)\n"
                                            "print('get', pcall(function() return bakaGaijin('till').obj end))");
  bed_expect(b, c, "pass\tfalse\tgaijin: dead: ");
  bed_expect(b, p, "get\tfalse\tgaijin: lost: "); /* done, and cannot be sent */
  bed_exit(b, p, 0);
  bed_close(b);
}
END_TEST

/* Watches by name, and by an object that it does not hold for long, which no claim tells of. */
static const char watcher[] =
    "gaijin.on_death('shop', function(name) print('by name', name) end)\n"
    "gaijin.on_death(gaijin.wait_for('shop', 'obj'), function(name) print('by object', name) end)\n"
    "gaijin.on_death('bank', function(name) print('by name', name) end)\n"
    "gaijin.on_death(gaijin.name, function(name) print('by name', name) end)\n"
    "bakaGaijin.late = function() gaijin.on_death('shop', function(name) print('late', name) end)\n"
    "  n = (n or 0) + 1 print('asked', n) end\n"
    "bakaGC() print('watches', gaijin.stats().holdings)\n";

START_TEST(deaths_after_a_return_are_told_of_who_is_not_held) {
  b = bed_open(NULL);
  struct child *s = start("shop", shop), *bank = start("bank", ""), *c = start("till", watcher);
  bed_expect(b, c, "watches\t0");
  for (int i = 0; i < 2; i++) {
    struct child *killed = bed_broker(b);
    kill_broker();
    bed_restart(b);
    bed_forget(b, killed);
    struct child *asks = start_running("asks", "assert(gaijin.wait_for('till', 'late'))() assert(gaijin.wait_for('bank'))");
    bed_exit(b, asks, 0); /* till is back */
    bed_forget(b, asks);
  }
  bed_expect(b, c, "asked\t2\n");
  ck_assert(!said(c, "by "));
  bed_kill(b, s);
  bed_expect(b, c, "by name\tshop\n");
  bed_expect(b, c, "by object\tshop\n");
  bed_expect(b, c, "late\tshop\nlate\tshop\n");
  ck_assert(!said(c, "bank") && !said(c, "till\n"));
  bed_kill(b, bank);
  bed_expect(b, c, "by name\tbank\n");
  bed_close(b);
}
END_TEST

/* _i: 0: its name stays free; 1: another one is there at once. */
START_TEST(deaths_meanwhile_are_told_of_who_is_not_held) {
  b = bed_open(NULL);
  start("bank", "");
  struct child *s = start("shop", shop), *c = start("till", watcher);
  bed_expect(b, c, "watches\t0");
  kill_broker();
  bed_expect(b, c, "trying to come back");
  bed_kill(b, s);
  if (_i) child_signal(c, SIGSTOP);
  bed_restart(b);
  if (_i) start("shop", shop);
  if (_i) child_signal(c, SIGCONT);
  bed_expect(b, c, "by name\tshop\n");
  bed_expect(b, c, "by object\tshop\n");
  ck_assert(!said(c, "bank"));
  bed_close(b);
}
END_TEST

/* Asked while others come back: who is expected is not dead. */
START_TEST(on_death_waits_for_those_who_come_back) {
  b = bed_open(NULL);
  struct child *s = start("shop", shop);
  kill_broker();
  bed_expect(b, s, "trying to come back");
  child_signal(s, SIGSTOP);
  bed_restart(b);
  struct child *asks = start_running("asks", "local died print 'asks'\n"
      "gaijin.on_death('shop', function(name) died = true print('died', name) end)\n"
      "gaijin.yield() print('watches', died) while not died do gaijin.sleep(0.01) end");
  bed_expect(b, asks, "asks\n");
  child_signal(s, SIGCONT);
  bed_expect(b, asks, "watches\tnil\n");
  bed_kill(b, s);
  bed_expect(b, asks, "died\tshop\n");
  bed_exit(b, asks, 0);
  bed_close(b);
}
END_TEST

/* Its holding was given back, and is claimed anew. */
START_TEST(an_object_that_a_finaliser_brought_back_waits_for_its_worker) {
  b = bed_open(NULL);
  struct child *s = start("shop", shop);
  struct child *other = start("other", "obj = gaijin.wait_for('shop', 'obj') print 'holds'");
  struct child *c = start_running("till",
      "local back do local obj, ghost = gaijin.wait_for('shop', 'obj'), newproxy(true)\n"
      "  getmetatable(ghost).__gc = function() back = obj end end\n"
      "while not back do gaijin.sleep(0.01) collectgarbage() end\n"
      "while gaijin.stats().holdings > 0 do gaijin.sleep(0.01) end\n" /* given back */
      "print 'buried'\n"
      "pcall(gaijin.wait_for, 'back', nil, 20)\n"
      "gaijin.after(0.05, function() print 'asks' end)\n"
      "print('n', pcall(function() return back.n end))\n");
  bed_expect(b, other, "holds");
  bed_expect(b, c, "buried");
  kill_broker();
  bed_expect(b, s, "trying to come back");
  child_signal(s, SIGSTOP);
  bed_restart(b);
  start("back", "");
  bed_expect(b, c, "asks");
  child_signal(s, SIGCONT);
  bed_expect(b, c, "n\ttrue\t1\n");
  bed_exit(b, c, 0);
  bed_kill(b, other);
  bed_close(b);
}
END_TEST

START_TEST(one_that_comes_too_late_goes_on_as_a_new_worker) {
  struct bed_text grace; /* in which till is to be back */
  const char *const flags[] = {"--return-grace", bed_seconds(&grace, 1), NULL};
  b = bed_open(&(struct bed_options){.broker_flags = flags});
  struct child *s = start("shop", shop);
  struct child *c = start("till",
      "obj = gaijin.wait_for('shop', 'obj')\n"
      "gaijin.on_death(obj, function(name) print('died', name) end)\n"
      "bakaGaijin.again = function() local o = gaijin.wait_for('shop', 'obj')\n"
      "  print('old', pcall(function() return obj.n end)) print('new', o.n, rawequal(o, obj)) end");
  kill_broker();
  bed_expect(b, s, "trying to come back");
  child_signal(s, SIGSTOP);
  bed_restart(b);
  bed_expect(b, c, "died\tshop\n");
  child_signal(s, SIGCONT);
  bed_expect(b, s, "was declared dead while it was away");
  struct child *asks = start_running("asks", "gaijin.wait_for('till', 'again')()");
  bed_expect(b, c, "old\tfalse\tgaijin: dead: ");
  bed_expect(b, c, "new\t1\tfalse\n");
  bed_exit(b, asks, 0);
  bed_close(b);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
static const char stock[] =
    "local so, socket = ... package.cpath = so\n"
    "gaijin = require 'gaijin'\n"
    "local baka = gaijin.connect { socket = socket, name = 'tool' }\n"
    "local obj, slow = gaijin.wait_for('shop', 'obj'), gaijin.wait_for('shop', 'slow')\n"
    "local fd = gaijin.fd()\n"
    "local own = {} baka.own = own\n"
    "print('call', pcall(slow))\n"
    "print('again', type(obj.n), rawequal(baka('shop').obj, obj), gaijin.fd() == fd)\n"
    "io.stdout:flush()\n"
    "baka('shop').set('go', true) gaijin.run()\n"; /* serves */

/* _i: which interpreter. */
START_TEST(a_stock_interpreter_comes_back_too) {
  static const char *const interpreters[] = {"/usr/bin/lua5.1", "/usr/bin/luajit"};
  char script[200];
  if (access(interpreters[_i], X_OK) != 0) return; /* as tests/flow/test_module_scripts.sh says */
  b = bed_open(NULL);
  struct child *s = start("shop", shop);
  snprintf(script, sizeof script, "%s/stock.lua", bed_dir(b));
  FILE *f = fopen(script, "we");
  ck_assert(f && fputs(stock, f) >= 0 && fclose(f) == 0);
  char *so = strdup(bed_program(b, "gaijin.so"));
  const char *const argv[] = {interpreters[_i], script, so, bed_socket(b), NULL};
  struct child *c = bed_spawn(b, "tool", argv);
  bed_expect(b, s, "slow begun");
  kill_broker();
  bed_restart(b);
  struct child *asks = start_running("asks", "assert(gaijin.wait_for('shop', 'go'))\n"
      "print('its', type(bakaGaijin('tool').own))");
  bed_expect(b, asks, "its\ttable\n");
  bed_expect(b, c, "call\tfalse\tgaijin: lost: ");
  bed_expect(b, c, "again\tnumber\ttrue\ttrue\n");
  bed_exit(b, asks, 0);
  bed_kill(b, c);
  unlink(script);
  free(so);
  bed_close(b);
}
END_TEST

#endif

START_TEST(how_long_it_is_tried) {
  static const char *const not_at_all[] = {"--reconnect", "0", NULL}, *const shortly[] = {"--reconnect", "0.3", NULL};
  b = bed_open(NULL);
  struct child *n = bed_start(b, &(struct bed_worker){.name = "n", .code = "", .flags = not_at_all});
  struct child *s = bed_start(b, &(struct bed_worker){.name = "s", .code = "", .flags = shortly});
  struct child *stops = start("stops", "");
  kill_broker();
  bed_exit(b, n, 1);
  ck_assert(!said(n, "trying to come back"));
  bed_expect(b, s, "trying to come back for 0.3 s");
  bed_exit(b, s, 1);
  bed_expect(b, stops, "trying to come back for 30 s");
  child_signal(stops, SIGTERM); /* it can be stopped meanwhile */
  bed_exit(b, stops, 0);
  bed_restart(b);
  bed_close(b);
}
END_TEST

START_TEST(an_end_in_good_order_is_the_end_of_all) {
  b = bed_open(NULL);
  struct child *c = start("till", "");
  child_signal(bed_broker(b), SIGTERM);
  bed_exit(b, bed_broker(b), 0);
  bed_exit(b, c, 1);
  ck_assert(!said(c, "trying to come back"));
  bed_restart(b);
  bed_close(b);
}
END_TEST

int main(void) {
  Suite *s = suite_create("restart");
  TCase *c = tcase_create("restart");
  tcase_set_timeout(c, 600);
  tcase_add_test(c, references_live_on_and_calls_under_way_are_lost);
  tcase_add_test(c, what_is_begun_while_it_is_away);
  tcase_add_test(c, waits_go_on);
  tcase_add_test(c, who_dies_meanwhile_is_dead_for_good);
  tcase_add_test(c, deaths_after_a_return_are_told_of_who_is_not_held);
  tcase_add_loop_test(c, deaths_meanwhile_are_told_of_who_is_not_held, 0, 2);
  tcase_add_test(c, on_death_waits_for_those_who_come_back);
  tcase_add_test(c, an_object_that_a_finaliser_brought_back_waits_for_its_worker);
  tcase_add_test(c, one_that_comes_too_late_goes_on_as_a_new_worker);
#ifndef __SANITIZE_ADDRESS__ /* a stock interpreter does not load such a module */
  tcase_add_loop_test(c, a_stock_interpreter_comes_back_too, 0, 2);
#endif
  tcase_add_test(c, how_long_it_is_tried);
  tcase_add_test(c, an_end_in_good_order_is_the_end_of_all);
  suite_add_tcase(s, c);
  return run_suite(s);
}
