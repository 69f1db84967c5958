/* SPDX-License-Identifier: MIT
 *
 * Attacks on the worker that the victim calls: its queue, its fibers, and what it decodes.
 */
#include <stdio.h>

#include "proto/limits.h"
#include "proto/sanitizer.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

static void count(struct attacker *a, unsigned n) { atomic_fetch_add(&a->sent, n); }

/* Joins, and gets what the worker exposes by this label. */
static bool join_for(struct attacker *a, struct raw *r, const char *label, struct pt *pt) {
  if (!raw_join(r, a->socket, a->name, false)) return false;
  pack_text(raw_ask(r, OP_s2t, "host", NULL, 0, 1), label);
  raw_end(r);
  return raw_answer(r) && r->m.kind == MESSAGE_REPLY && reader_pt(&r->r, pt);
}

static bool join(struct attacker *a, struct raw *r, struct pt *sink) {
  return join_for(a, r, "sink", sink);
}

/* ---- More than it can do ---- */

enum { AT_ONCE = 500, ARGUMENT = 200 };

static void flood(struct attacker *a, unsigned flags) {
  static const char argument[ARGUMENT];
  struct raw r;
  struct pt sink;
  bool on = join(a, &r, &sink);
  for (a->ready = true; on; count(a, AT_ONCE)) {
    for (int i = 0; i < AT_ONCE; i++) {
      pack_string(raw_ask(&r, OP_call, NULL, &sink, flags, 1), argument, ARGUMENT);
      raw_end(&r);
    }
    on = raw_pump(&r);
  }
  raw_close(&r);
}

static void flood_with_posts(struct attacker *a) { flood(a, MESSAGE_ONE_WAY); }
static void flood_with_calls(struct attacker *a) { flood(a, 0); }

/* By name: in no window. */
static void flood_with_lookups(struct attacker *a) {
  struct raw r;
  struct pt sink;
  bool on = join(a, &r, &sink);
  for (a->ready = true; on; count(a, AT_ONCE)) {
    for (int i = 0; i < AT_ONCE; i++) {
      pack_text(raw_ask(&r, OP_s2t, "host", NULL, 0, 1), "sink");
      raw_end(&r);
    }
    on = raw_pump(&r);
  }
  raw_close(&r);
}

enum { WAITS = 10000 };

static void wait_for_labels(struct attacker *a) {
  struct raw r;
  struct pt sink;
  bool on = join(a, &r, &sink);
  for (int i = 0; on && i < WAITS; i++) {
    char label[32];
    snprintf(label, sizeof label, "label%d", i);
    struct pack *p = raw_ask(&r, OP_s2t, "host", NULL, 0, 2);
    pack_text(p, label);
    pack_bool(p, true);
    raw_end(&r);
    if (i % 500 == 499) on = raw_pump(&r);
    count(a, 1);
  }
  a->ready = true;
  while (on) on = raw_next(&r, 1000) >= 0;
  raw_close(&r);
}

/* Traversals that are begun and never ended: the worker lists the keys for each. */
static void traverse(struct attacker *a, bool drops) {
  struct raw r;
  struct pt table, cursor;
  bool on = join_for(a, &r, "big", &table);
  for (a->ready = true; on; count(a, 1)) {
    raw_ask(&r, OP_pairs, NULL, &table, 0, 0);
    raw_end(&r);
    on = raw_answer(&r);
    if (!on || !drops || r.m.kind != MESSAGE_REPLY || !reader_pt(&r.r, &cursor)) continue;
    struct pack *p = raw_begin(&r, MESSAGE_NOTICE, OP_unsub, 0, 2);
    pack_pt(p, &cursor);
    pack_uint(p, 1);
    raw_end(&r);
  }
  raw_close(&r);
}
static void open_traversals(struct attacker *a) { traverse(a, false); }
static void drop_traversals(struct attacker *a) { traverse(a, true); }

/* ---- More than it can decode ---- */

enum { KEYS = 60000, KEY_BYTES = 32, EMPTY_TABLES = MAX_MESSAGE_DEFAULT - 200 };

/* Lua 5.1 hashes every second byte of a string of 32 to 63, from the last: what stands between
 * counts for nothing. */
static void put_keys(struct pack *p) {
  char key[KEY_BYTES + 1] = "abcdefghijklmnopqrstuvwxyzabcdef";
  pack_array(p, 1);
  pack_array(p, 2 * KEYS);
  for (unsigned i = 0; i < KEYS; i++) {
    for (unsigned digit = 0; digit < 4; digit++)
      key[2 * digit] = (char)('a' + (i >> (4 * digit)) % 16);
    pack_string(p, key, KEY_BYTES);
    pack_bool(p, true);
  }
}

static void put_tables(struct pack *p) {
  pack_array(p, EMPTY_TABLES);
  for (unsigned i = 0; i < EMPTY_TABLES; i++) pack_array(p, 0);
}

/* Calls "sink" with a table by value, again when that is answered. */
static void call_with(struct attacker *a, void (*put)(struct pack *p)) {
  struct raw r;
  struct pt sink;
  struct buffer kept;
  if (join(a, &r, &sink)) {
    put(raw_ask(&r, OP_call, NULL, &sink, 0, 1));
    raw_end(&r);
    raw_keep(&r, &kept);
    do {
      raw_repeat(&r, &kept);
      if (!raw_push(&r, -1)) break;
      count(a, 1);
      a->ready = true;
    } while (raw_answer(&r));
    buffer_deinit(&kept);
  }
  raw_close(&r);
}

static void call_with_keys(struct attacker *a) { call_with(a, put_keys); }
static void call_with_tables(struct attacker *a) { call_with(a, put_tables); }

#define SINK "bakaGaijin.sink = function() end\n"
#define REFUSING \
  SINK "function gaijin.access(client, op) return op == 's2t' or not client:find('^attacker') end"

const struct hostile_case hostile_on_worker[] = {
    {.name = "posts",
     .text = "one-way calls, faster than they are done",
     .before = "p99 1.5 s, some refused",
     .attack = flood_with_posts,
     .attackers = 2,
     .host_code = SINK,
     .sent_least = AT_ONCE},
    {.name = "calls",
     .text = "calls that nobody waits for before the next",
     .before = "calls of others time out",
     .attack = flood_with_calls,
     .attackers = 2,
     .host_code = SINK,
     .sent_least = AT_ONCE},
    {.name = "look-ups",
     .text = "look-ups of a label, likewise",
     .before = "",
     .attack = flood_with_lookups,
     /* `make asan` checks all books after each message: 472 ms were seen, and 3 ms without. */
     .broker_ms = WITH_ASAN ? 640 : 0,
     .attackers = 2,
     .host_code = SINK,
     .sent_least = AT_ONCE},
    {.name = "label-waits",
     .text = "10,000 waits for labels",
     .before = "answers nobody",
     .attack = wait_for_labels,
     .attackers = 1,
     .host_code = SINK,
     .sent_least = WAITS},
    {.name = "traversals",
     .text = "traversals of a table of 100,000 entries, begun and kept",
     .before = "the keys again for each",
     .attack = open_traversals,
     .attackers = 2,
     .host_code = "local t = {} for i = 1, 100000 do t[i] = i end bakaGaijin.big = t\n",
     .worker_mb = 320, /* the lists of half of --max-decoded, the table, garbage of refused ones */
     .sent_least = 200},
    {.name = "dropped-traversals",
     .text = "traversals of a table of 100,000 names, begun and given back",
     .before = "more and more memory",
     .attack = drop_traversals,
     .attackers = 2,
     .host_code = "local t = {} for i = 1, 100000 do t['k' .. i] = i end bakaGaijin.big = t\n",
     .worker_mb = 320, /* likewise; the collector comes later */
     .worker_ms = 240, /* it comes all at once, for what is a good part of the heap */
     .sent_least = 20},
    {.name = "refused-keys",
     .text = "60,000 chosen keys by one whom `gaijin.access` refuses",
     .before = "8.5 s",
     .attack = call_with_keys,
     .attackers = 1,
     .host_code = REFUSING,
     .sent_least = 1},
    {.name = "refused-tables",
     .text = "16.7 million empty tables, likewise",
     .before = "11 s, worker 1,564 MB",
     .attack = call_with_tables,
     .attackers = 1,
     .host_code = REFUSING,
     .worker_mb = 128,
     .sent_least = 1},
    {.name = "allowed-keys",
     .text = "60,000 chosen keys by one who may call",
     .before = "8.5 s",
     .attack = call_with_keys,
     .attackers = 1,
     .host_code = SINK,
     .sent_least = 1},
    {.name = "allowed-tables",
     .text = "16.7 million empty tables, likewise",
     .before = "11 s, worker 1,564 MB",
     .attack = call_with_tables,
     .attackers = 1,
     .host_code = SINK,
     .sent_least = 1},
    {.name = NULL},
};
