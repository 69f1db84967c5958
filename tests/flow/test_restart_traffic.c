/* SPDX-License-Identifier: MIT
 *
 * The broker is killed again and again while workers do all they can: calls, futures, posts, traversals of several pages,
 * objects that go from hand to hand; with a worker that dies before, meanwhile or after, one that is stopped and comes
 * late, and two kills in a row. Each call ends once, nothing is done twice, objects stay what they are, none is left.
 * KILLS: how often (5).
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flow/restart.h"

/* Each call and post has an id of its own, which the server must not see twice, and ends once. */
static const char traffic_server[] =
    "local seen, twice, posts = {}, 0, 0\n"
    "local things, list = {}, {}\n"
    "for i = 1, 2500 do list[i] = i % 50 == 0 and {n = i} or i end\n" /* a traversal of three pages */
    "bakaGaijin.list = list\n"
    "bakaGaijin.call = function(id, x) if seen[id] then twice = twice + 1 end seen[id] = true\n"
    "  if not things then return {id = id, n = 1} end\n"
    "  if #things < 50 then things[#things + 1] = x else things[math.random(50)] = x end\n"
    "  return {id = id, n = 1} end\n"
    "bakaGaijin.posted = function(...) posts = posts + 1 bakaGaijin.call(...) end\n"
    "bakaGaijin.check = function() things = nil bakaGaijin.list = nil collectgarbage() return twice, posts end\n";
static const char traffic_client[] =
    "local name, kept, calls, ended, wrong, done = gaijin.name, {}, 0, 0, 0, {}\n"
    "local running = true\n"
    "local function count(what) done[what] = (done[what] or 0) + 1 end\n"
    "bakaGaijin.stop = function() running = false end\n"
    "bakaGaijin.take = function(x) if running then kept.given = x end end\n"
    "local call, posted, list = gaijin.wait_for('server', 'call'), gaijin.wait_for('server', 'posted'), gaijin.wait_for('server', 'list')\n"
    "local fixed = call('fixed ' .. name, {}) local key = {[fixed] = true}\n"
    "local function next_id() calls = calls + 1 return name .. ' ' .. calls end\n"
    /* What ends well is counted; it may be lost, or what `also` says, and nothing else. */
    "local function try(what, also, f, ...)\n"
    "  local ok, r = pcall(f, ...)\n"
    "  if ok then count(what) return r end\n"
    "  if not tostring(r):find('^gaijin: lost: ') and not (also and tostring(r):find('^gaijin: ' .. also)) then\n"
    "    wrong = wrong + 1 print('wrong', what, r) end\n"
    "end\n"
    "local function whole(n, of) if n and n ~= of then wrong = wrong + 1 print('wrong', n, of) end end\n"
    "local function use(x) if x then whole(try('use', nil, function() return x.n end), 1) end end\n"
    "local works = {\n"
    "  function(i) local id = next_id() kept[i] = try('call', nil, call, id, {own = id}) or kept[i] ended = ended + 1 use(kept[i]) end,\n"
    "  function(i) local id = next_id() try('future', nil, function() kept[i] = gaijin.async(call, id, {own = id}):get() end)\n"
    "    ended = ended + 1 use(kept[i]) end,\n"
    /* It stands at each page's edge for a while, so that kills meet open cursors and calls of them. */
    "  function() whole(try('pages', nil, function() local n, tables = 0, 0\n"
    "    for _, v in pairs(list) do n = n + 1 if n % 1000 == 0 then gaijin.sleep(0.01) end\n"
    "      if type(v) == 'table' then tables = tables + 1 end end\n"
    "    return n + tables end), 2550) end,\n"
    "  function(i) local to = 'c' .. math.random(3)\n" /* an object of the server's, or of ours, goes to a third one */
    "    try('hand-off', nil, function() bakaGaijin(to).take(kept[1] or {n = 1}) end) use(kept.given) end,\n"
    "  function() gaijin.post(posted, next_id(), {}) ended = ended + 1 count('post') gaijin.sleep(0.002) end,\n"
    "  function() local t = try('mortal', 'dead: ', function() return bakaGaijin('mortal').thing end)\n"
    "    if t then try('mortal', 'dead: ', function() return t.n end) end gaijin.sleep(0.002) end,\n"
    "}\n"
    "bakaGaijin.go = function() for i = 1, 8 do\n"
    "  gaijin.spawn(function() local k = i while running do k = k % #works + 1 works[k](i) end end) end end\n"
    "gaijin.ready()\n"
    "while running do gaijin.sleep(0.01) end\n"
    "while ended < calls do gaijin.sleep(0.01) end\n"
    "if not (fixed.n == 1 and key[fixed]) then wrong = wrong + 1 end\n"
    "local sums = {} for what, n in raw_pairs(done) do sums[#sums + 1] = what .. ' ' .. n end table.sort(sums)\n"
    "print('did ' .. table.concat(sums, ', ') .. '; posts that failed ' .. gaijin.stats().posts_failed)\n"
    "kept, bakaGaijin.go = {}, nil\n"
    "print('done', wrong, calls == ended, (bakaGaijin('server').check()))\n";
/* Holds something of the server's, and others hold something of it. */
static const char traffic_mortal[] =
    "bakaGaijin.thing = {n = 1} held = gaijin.wait_for('server', 'call')('mortal ' .. gaijin.now(), {n = 1})";

enum { TRAFFIC = 3 };

static void kill_and_restart(struct child *dies_meanwhile) {
  struct child *killed = bed_broker(b);
  kill_broker();
  if (dies_meanwhile) bed_kill(b, dies_meanwhile);
  bed_restart(b);
  bed_forget(b, killed);
}

/* One kill, or two in a row; a worker dies before, meanwhile, or after; another is stopped and comes late, or none. Returns the kills. */
static unsigned kill_once(struct child *const *clients, unsigned i) {
  struct child *late = i % 4 == 0 ? clients[i / 4 % TRAFFIC] : NULL, *mortal = start("mortal", traffic_mortal);
  bool twice = i % 5 == 0;
  if (late) child_signal(late, SIGSTOP);
  if (i % 3 == 0) bed_kill(b, mortal);
  kill_and_restart(i % 3 == 1 ? mortal : NULL);
  if (twice) kill_and_restart(NULL);
  struct child *w = start("once", "assert(gaijin.wait_for('server', 'call')('once ' .. gaijin.now(), {}).n == 1)");
  if (late) child_signal(late, SIGCONT);
  bed_kill(b, w); /* while others come back, perhaps */
  bed_forget(b, w);
  if (i % 3 == 2) bed_kill(b, mortal);
  bed_forget(b, mortal);
  return twice ? 2 : 1;
}

START_TEST(kills_under_traffic) {
  const char *n = getenv("KILLS");
  unsigned kills = n ? (unsigned)strtoul(n, NULL, 10) : 5;
  b = bed_open(&(struct bed_options){.limit = 60});
  start("server", traffic_server);
  struct child *clients[TRAFFIC];
  for (int i = 0; i < TRAFFIC; i++) {
    static const char *const names[TRAFFIC] = {"c1", "c2", "c3"};
    clients[i] = start(names[i], traffic_client);
  }
  struct child *go = start_running("go", "for i = 1, 3 do gaijin.wait_for('c' .. i, 'go')() end");
  bed_exit(b, go, 0);
  unsigned done = 0;
  for (unsigned i = 1; done < kills; i++) done += kill_once(clients, i);
  struct child *stop = start_running("stop", "for i = 1, 3 do gaijin.wait_for('c' .. i, 'stop')() end");
  bed_exit(b, stop, 0);
  for (int i = 0; i < TRAFFIC; i++) bed_expect(b, clients[i], "done\t");
  for (int i = 0; i < TRAFFIC; i++) {
    if (!said(clients[i], "done\t0\ttrue\t0\n")) bed_fail(b, "client %d has not counted right", i + 1);
    char *output = n ? child_output(clients[i]) : NULL, *sums = output ? strstr(output, "did ") : NULL;
    if (sums) printf("%.*s\n", (int)strcspn(sums, "\n"), sums);
    free(output);
  }
  bed_close(b); /* no token is left */
}
END_TEST

int main(void) {
  Suite *s = suite_create("restart_traffic");
  TCase *c = tcase_create("traffic");
  tcase_set_timeout(c, getenv("KILLS") ? 0 : 600);
  tcase_add_test(c, kills_under_traffic);
  suite_add_tcase(s, c);
  return run_suite(s);
}
