/* SPDX-License-Identifier: MIT
 *
 * Attacks by observers, with what only they may do: to be lent objects, to have code run, to ask who
 * lives and how an object is reached, to see the messages of others, to act; and by workers that try
 * the same. All are of the broker's own user, whom it lets do so.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/limits.h"
#include "proto/sanitizer.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

enum { AT_ONCE = 200 };

static void count(struct attacker *a, unsigned n) { atomic_fetch_add(&a->sent, n); }

/* Asks again and again, so many at once, and reads what is answered; `ask` is told how many were
 * before. Until the connection ends. */
static void flood(struct attacker *a, bool observer,
                  void (*ask)(struct raw *r, const struct attacker *a, uint64_t n)) {
  struct raw r;
  bool on = raw_join(&r, a->socket, a->name, observer);
  for (uint64_t n = 0; on; a->ready = true) {
    uint64_t due = r.n_read + AT_ONCE;
    for (int i = 0; i < AT_ONCE; i++) ask(&r, a, n++);
    on = raw_drain(&r, due);
    count(a, AT_ONCE);
  }
  raw_close(&r);
}

/* ---- To be lent objects ---- */

/* The id of an object of the worker that others hold: what the victim calls. 0: there is none yet. */
static uint64_t find_object(struct raw *r) {
  struct value v;
  uint64_t id = 0;
  struct pack *p = raw_ask(r, OP_inspect, NULL, NULL, 0, 3);
  pack_text(p, "tokens");
  pack_nil(p);
  pack_text(p, "host");
  raw_end(r);
  if (!raw_answer(r) || r->m.kind != MESSAGE_REPLY || !reader_next(&r->r, &v)) return 0;
  if (!reader_next(&r->r, &v) || v.type != VALUE_ARRAY || !reader_next(&r->r, &v)) return 0;
  return reader_uint(&r->r, &id) ? id : 0;
}

static void ask_object(struct raw *r, enum op op, const char *target, uint64_t id) {
  struct pack *p = raw_ask(r, op, target, NULL, 0, 2);
  pack_text(p, "host");
  pack_uint(p, id);
  raw_end(r);
}

/* The same object, without giving it back. */
static void borrow(struct raw *r, const struct attacker *a, uint64_t n) {
  static uint64_t id;
  (void)a;
  while (n == 0 && !(id = find_object(r)) && r->fd >= 0) usleep(10000);
  ask_object(r, OP_lend, NULL, id);
}
static void borrow_all(struct attacker *a) { flood(a, true, borrow); }

/* Ids that are guessed, most of which nobody holds; and by workers, whom nothing is lent. */
static void guess(struct raw *r, const struct attacker *a, uint64_t n) {
  (void)a;
  ask_object(r, OP_lend, NULL, n + 100);
}
static void borrow_nothing(struct attacker *a) { flood(a, a->index > 0, guess); }

/* ---- To have code run ---- */

static void run(struct raw *r, const struct attacker *a, uint64_t n) {
  (void)a;
  (void)n;
  pack_text(raw_ask(r, OP_eval, "host", NULL, 0, 1), "1");
  raw_end(r);
}
static void run_code(struct attacker *a) { flood(a, a->index > 0, run); }

/* What is long to compile: one stretch each, as any other code of whom the worker lets run some. */
static void run_long(struct raw *r, const struct attacker *a, uint64_t n) {
  static char code[20 << 10];
  (void)a;
  if (n == 0)
    for (size_t i = 0; i + 5 < sizeof code; i += 4) memcpy(code + i, "a=1 ", 5);
  pack_text(raw_ask(r, OP_eval, "host", NULL, 0, 1), code);
  raw_end(r);
}
static void run_long_code(struct attacker *a) { flood(a, true, run_long); }

/* ---- To ask who lives, and how an object is reached ---- */

static void ask_whether_alive(struct raw *r, const struct attacker *a, uint64_t n) {
  (void)a;
  (void)n;
  raw_ask(r, OP_alive, "host", NULL, 0, 0);
  raw_end(r);
}
static void ask_alive(struct attacker *a) { flood(a, a->index > 0, ask_whether_alive); }

static void ask_paths(struct raw *r, const struct attacker *a, uint64_t n) {
  static uint64_t id;
  (void)a;
  while (n == 0 && !(id = find_object(r)) && r->fd >= 0) usleep(10000);
  ask_object(r, OP_paths, "host", id);
}
static void walk_heaps(struct attacker *a) { flood(a, true, ask_paths); }

/* ---- To see ---- */

/* The first attacker calls itself, with as many values as a row may have, and answers; the others
 * monitor with two connections each, without reading; so all that may monitor do. */
enum { MONITORS = 2, SMALL_CALLS = 200 };

static void call_itself(struct attacker *a) {
  static const char argument[200];
  struct raw r;
  bool on = raw_join(&r, a->socket, a->name, false);
  struct pt own = raw_token(&r, 1);
  for (a->ready = true; on; count(a, SMALL_CALLS)) {
    for (int i = 0; i < SMALL_CALLS; i++) {
      pack_string(raw_ask(&r, OP_call, NULL, &own, 0, 1), argument, sizeof argument);
      raw_end(&r);
    }
    for (int left = SMALL_CALLS; on && left > 0;) {
      on = raw_next(&r, 60000) == 1;
      if (r.m.kind == MESSAGE_REQUEST) {
        raw_begin(&r, MESSAGE_REPLY, r.m.op, r.m.id, 0);
        raw_end(&r);
      }
      left -= r.m.kind == MESSAGE_REPLY || r.m.kind == MESSAGE_ERROR;
    }
  }
  raw_close(&r);
}

static void monitor(struct attacker *a, bool reads) {
  struct raw all[MONITORS];
  bool on = true;
  if (a->index == 0) {
    call_itself(a);
    return;
  }
  for (int i = 0; i < MONITORS; i++) {
    on = raw_join(&all[i], a->socket, a->name, true) && on;
    pack_text(raw_ask(&all[i], OP_monitor, NULL, NULL, 0, 2), "bytes");
    pack_uint(&all[i].p, 200);
    raw_end(&all[i]);
    on = raw_pump(&all[i]) && on;
  }
  a->ready = true;
  if (on && !reads)
    for (;;) pause();
  while (on) on = raw_next(&all[0], 60000) == 1 && raw_next(&all[1], 60000) == 1;
  for (int i = 0; i < MONITORS; i++) raw_close(&all[i]);
}
static void monitor_unread(struct attacker *a) { monitor(a, false); }
static void monitor_all(struct attacker *a) { monitor(a, true); }

/* Begun and given up again; with all that a request may choose. */
static void begin_monitor(struct raw *r, const struct attacker *a, uint64_t n) {
  (void)a;
  (void)n;
  char name[32];
  struct pack *p = raw_ask(r, OP_monitor, NULL, NULL, 0, 16);
  for (int i = 0; i < 8; i++) {
    snprintf(name, sizeof name, "worker%d", i);
    pack_text(p, "worker");
    pack_text(p, name);
  }
  raw_end(r);
  pack_uint(raw_begin(r, MESSAGE_NOTICE, OP_cancel, 0, 1), r->last_id);
  raw_end(r);
}
static void begin_monitors(struct attacker *a) { flood(a, true, begin_monitor); }

/* What only the broker says, said to it: each connection can once. */
static void forge_seen(struct attacker *a) {
  for (a->ready = true;; count(a, 1)) {
    struct raw r;
    if (raw_join(&r, a->socket, a->name, true)) {
      pack_uint(raw_begin(&r, MESSAGE_NOTICE, OP_seen, 0, 1), 1);
      raw_end(&r);
      raw_ask(&r, OP_ping, NULL, NULL, 0, 0);
      raw_end(&r);
      if (raw_answer(&r) && r.m.kind == MESSAGE_REPLY) atomic_fetch_add(&a->gained, 1);
    }
    raw_close(&r);
  }
}

/* ---- To act ---- */

static void act(struct raw *r, const struct attacker *a, uint64_t n) {
  struct pack *p = raw_ask(r, OP_act, NULL, NULL, 0, 2);
  (void)a;
  pack_text(p, n % 2 ? "log-level" : "stop"); /* which the broker leaves to who asks */
  pack_text(p, n % 2 ? "info" : "host");
  raw_end(r);
}
static void act_often(struct attacker *a) { flood(a, a->index > 0, act); }

/* A worker of a sanitised build takes long to free so many when it ends. */
#if WITH_ASAN
#define TABLES "20000"
#else
#define TABLES "400000"
#endif

/* ---- A million tokens ---- */

enum { MILLION = 1000000, TOKENS_AT_ONCE = 2000 };

static bool give_million(struct raw *host, struct raw *holder, const char *name) {
  for (uint64_t id = 1; id <= MILLION;) {
    pack_text(raw_ask(holder, OP_s2t, name, NULL, 0, 1), "label");
    raw_end(holder);
    if (!raw_pump(holder)) return false;
    do {
      if (raw_next(host, 60000) != 1) return false;
    } while (host->m.kind != MESSAGE_REQUEST);
    struct pack *p = raw_begin(host, MESSAGE_REPLY, OP_s2t, host->m.id, TOKENS_AT_ONCE);
    for (int i = 0; i < TOKENS_AT_ONCE; i++, id++) {
      struct pt pt = raw_token(host, id);
      pack_pt(p, &pt);
    }
    raw_end(host);
    if (!raw_pump(host) || !raw_answer(holder)) return false;
  }
  return true;
}

/* As `gaijinctl tokens` does, over and over: each page when the one before has come. */
static void stream_tokens(struct attacker *a) {
  struct raw host, holder, r;
  char name[32];
  snprintf(name, sizeof name, "%s-host", a->name);
  bool on = raw_join(&host, a->socket, name, false) && raw_join(&holder, a->socket, NULL, false) &&
            raw_join(&r, a->socket, NULL, true) && give_million(&host, &holder, name);
  for (struct value cursor = {.type = VALUE_NIL}; on; count(a, 1)) {
    struct pack *p = raw_ask(&r, OP_inspect, NULL, NULL, 0, 2);
    pack_text(p, "tokens");
    if (cursor.type == VALUE_NUMBER)
      pack_uint(p, cursor.integer);
    else
      pack_nil(p);
    raw_end(&r);
    on = raw_answer(&r) && r.m.kind == MESSAGE_REPLY && reader_next(&r.r, &cursor);
    a->ready = true;
  }
  raw_close(&host);
  raw_close(&holder);
  raw_close(&r);
}

#define FLAGS(...) \
  (const char *const[]) { __VA_ARGS__, NULL }

const struct hostile_case hostile_on_observers[] = {
    {.name = "loans",
     .text = "loans of one object, never given back",
     .before = "-",
     .attack = borrow_all,
     .attackers = 2,
     .sent_least = 2000,
     .named = "is lent object"},
    {.name = "no-loans",
     .text = "loans of objects that nobody holds, and to a worker",
     .before = "-",
     .attack = borrow_nothing,
     .attackers = 2,
     .sent_least = 2000,
     .named = "only observers may"},
    {.name = "evals",
     .text = "code to be run by a worker that allows it, by an observer and a worker",
     .before = "-",
     .attack = run_code,
     .attackers = 2,
     .allows_eval = true,
     .sent_least = 1000},
    {.name = "long-evals",
     .text = "code of 20 KB each, by an observer",
     .before = "-",
     .attack = run_long_code,
     .attackers = 1,
     .allows_eval = true,
     .sent_least = 400},
    {.name = "alives",
     .text = "questions whether a worker lives",
     .before = "-",
     .attack = ask_alive,
     .attackers = 2,
     .sent_least = 2000},
    {.name = "paths",
     .text = "questions how a worker with 400,000 tables reaches an object",
     .before = "-",
     .attack = walk_heaps,
     .attackers = 2,
     .host_code = "kept = {} for i = 1, " TABLES " do kept[i] = {i} end\n",
     .sent_least = 400},
    {.name = "monitors-unread",
     .text = "all monitors that may be, which do not read, of one who calls itself",
     .before = "-",
     .attack = monitor_unread,
     .attackers = 5,
     .sent_least = 2000},
    {.name = "monitors",
     .text = "the same, but they read",
     .before = "-",
     .attack = monitor_all,
     .attackers = 5,
     .sent_least = 2000},
    {.name = "monitor-begins",
     .text = "monitors that are begun and given up",
     .before = "-",
     .attack = begin_monitors,
     .attackers = 2,
     .sent_least = 2000},
    {.name = "forged-seen",
     .text = "`seen`, which only the broker says, in a loop of connections",
     .before = "-",
     .attack = forge_seen,
     .attackers = 1,
     .sent_least = 100,
     .named = "seen"},
    {.name = "acts",
     .text = "log levels and processes of workers, by an observer and a worker",
     .before = "-",
     .attack = act_often,
     .attackers = 2,
     .sent_least = 2000,
     .named = "acts: log-level"},
    {.name = "tokens-million",
     .text = "an observer streams `tokens` of 1,000,000",
     .before = "-",
     .attack = stream_tokens,
     .attackers = 1,
     .broker_flags = FLAGS("--max-exported", "2000000"),
     .prepares = true,
     .bench_only = true,
     .sent_least = 1000},
    {.name = NULL},
};
