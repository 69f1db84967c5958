/* SPDX-License-Identifier: MIT
 *
 * Attacks by way of the log: so much that nobody can read it, nobody who reads it, and lines that
 * are not the broker's.
 */
#include "proto/limits.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

#define FORGED "\nforged"

/* Connects, sends what is no message, reads to the end. */
static void misbehave(struct attacker *a) {
  struct raw r;
  if (raw_connect(&r, a->socket)) {
    raw_bytes(&r, "no message", 10);
    while (raw_next(&r, 1000) == 1) continue;
    atomic_fetch_add(&a->sent, 1);
  }
  a->ready = true;
  raw_close(&r);
}

/* The same after a hello, so that there is a name to tell. */
static void misbehave_by_name(struct attacker *a) {
  struct raw r;
  if (raw_join(&r, a->socket, a->name, false)) {
    raw_bytes(&r, "no message", 10);
    while (raw_next(&r, 1000) == 1) continue;
    atomic_fetch_add(&a->sent, 1);
  }
  a->ready = true;
  raw_close(&r);
}

/* Wherever a name can stand: one's own, a target, one waited for; and a text that is told when it
 * is wrong. */
static void forge_lines(struct attacker *a) {
  struct raw r;
  if (raw_join(&r, a->socket, "x" FORGED "\033[2J", false)) return;
  raw_close(&r);
  bool on = raw_join(&r, a->socket, a->name, false);
  for (a->ready = true; on; atomic_fetch_add(&a->sent, 3)) {
    pack_text(raw_ask(&r, OP_s2t, FORGED, NULL, MESSAGE_ONE_WAY, 1), FORGED);
    raw_end(&r);
    raw_ask(&r, OP_gc, FORGED "\xe2\x80\xae", NULL, 0, 0);
    raw_end(&r);
    struct pack *p = raw_ask(&r, OP_watch, NULL, NULL, 0, 2);
    pack_text(p, FORGED);
    pack_text(p, "ready");
    raw_end(&r);
    on = raw_answer(&r);
  }
  raw_close(&r);
}

const struct hostile_case hostile_on_log[] = {
    {.name = "deaf-log",
     .text = "stderr is a pipe that nobody reads, bad connections",
     .before = "broker hangs, also on SIGTERM",
     .attack = misbehave,
     .attackers = 1,
     .deaf_log = true,
     .sent_least = 320},
    {.name = "reconnect",
     .text = "connect and misbehave in a loop",
     .before = "44,000 log lines a second",
     .attack = misbehave_by_name,
     .attackers = 1,
     .sent_least = 100,
     .named = "attacker0"},
    {.name = "forged-lines",
     .text = "newlines and escapes in names",
     .before = "forged log lines",
     .attack = forge_lines,
     .attackers = 1,
     .sent_least = 300,
     .named = "attacker0",
     .never_named = FORGED},
    {.name = NULL},
};
