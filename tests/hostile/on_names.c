/* SPDX-License-Identifier: MIT
 *
 * Workers that take names over (core/succession.h): in a loop, by thousands, and never. One waits
 * for a name at most; what more is accepted is gained. The victim's worker is of the same user, so
 * that anybody may wait for its name, who must not get it without being ready.
 */
#include <stdio.h>

#include "proto/status.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

enum { HOLDERS = 50, ASKED = 20 };

static void say_ready(struct raw *r) {
  raw_begin(r, MESSAGE_NOTICE, OP_ready, 0, 0);
  raw_end(r);
}

/* An object for another worker, which need not read: it holds it from then on. */
static void give(struct raw *from, const char *to) {
  struct pt pt = raw_token(from, 1);
  pack_pt(raw_ask(from, OP_s2t, to, NULL, MESSAGE_ONE_WAY, 1), &pt);
  raw_end(from);
}

/* A name passes on and on, each time with an object that many hold, so that all are asked to
 * collect; they neither read nor answer. */
static void pass_on(struct attacker *a) {
  static struct raw holders[HOLDERS];
  char names[HOLDERS][64];
  struct raw r[2];
  unsigned now = 0;
  bool on = true;
  for (int i = 0; i < HOLDERS; i++) {
    snprintf(names[i], sizeof names[i], "%s-holder%d", a->name, i);
    on = raw_join(&holders[i], a->socket, names[i], false) && on;
  }
  on = raw_join(&r[now], a->socket, a->name, false) && on;
  for (; on; now = !now) {
    for (int i = 0; i < HOLDERS; i++) give(&r[now], names[i]);
    on = raw_pump(&r[now]) && raw_succeed(&r[!now], a->socket, a->name);
    if (on) say_ready(&r[!now]);
    on = on && raw_pump(&r[!now]);
    raw_close(&r[now]);
    atomic_fetch_add(&a->sent, 1);
    a->ready = true;
  }
  for (int i = 0; i < HOLDERS; i++) raw_close(&holders[i]);
  raw_close(&r[now]);
}

/* One waits; all others are refused. */
static void crowd(struct attacker *a) {
  struct raw first, waits, more;
  bool on = raw_join(&first, a->socket, a->name, false) &&
            raw_succeed(&waits, a->socket, a->name);
  while (on) {
    uint64_t status = 0;
    bool taken = raw_succeed(&more, a->socket, a->name);
    if (taken || more.m.kind != MESSAGE_ERROR || !reader_uint(&more.r, &status) ||
        status != STATUS_name_taken)
      atomic_fetch_add(&a->gained, 1);
    raw_close(&more);
    atomic_fetch_add(&a->sent, 1);
    a->ready = true;
  }
}

/* Waits for the name of the victim's worker, is never ready, asks by the name, and gives up. */
static void never_ready(struct attacker *a) {
  struct raw r;
  while (raw_succeed(&r, a->socket, "host")) {
    for (int i = 0; i < ASKED; i++) {
      pack_text(raw_ask(&r, OP_s2t, "host", NULL, 0, 1), "nobody sets this");
      raw_end(&r);
      if (!raw_answer(&r) || r.m.kind != MESSAGE_REPLY) break;
    }
    raw_close(&r);
    atomic_fetch_add(&a->sent, 1);
    a->ready = true;
  }
  raw_close(&r); /* another one waits */
}

const struct hostile_case hostile_on_names[] = {
    {.name = "succession",
     .text = "a name that passes on and on, with an object that 50 hold",
     .before = "-",
     .attack = pass_on,
     .attackers = 2,
     .sent_least = 200},
    {.name = "successors",
     .text = "thousands who want to succeed one worker",
     .before = "-",
     .attack = crowd,
     .attackers = 1,
     .sent_least = 2000},
    {.name = "never-ready",
     .text = "successors of the worker that never are ready",
     .before = "-",
     .attack = never_ready,
     .attackers = 2,
     .sent_least = 200},
    {.name = NULL},
};
