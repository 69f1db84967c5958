/* SPDX-License-Identifier: MIT
 *
 * Attacks on the time of the broker's turns: requests that are cheap to ask and dear to answer.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/limits.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

static void count(struct attacker *a, unsigned n) { atomic_fetch_add(&a->sent, n); }

static bool join(struct attacker *a, struct raw *r) {
  return raw_join(r, a->socket, a->name, false);
}

/* ---- Many waits, and cancels of what is not ---- */

enum { WATCHES = 10000, CANCELS = 500 };

static void watch_and_cancel(struct attacker *a) {
  struct raw r;
  bool on = join(a, &r);
  for (int i = 0; on && i < WATCHES; i++) {
    struct pack *p = raw_ask(&r, OP_watch, NULL, NULL, 0, 2);
    pack_text(p, "nobody");
    pack_text(p, "ready");
    raw_end(&r);
    if (i % 500 == 499) on = raw_pump(&r);
  }
  a->ready = true;
  for (uint64_t id = 1u << 30; on;) {
    for (int i = 0; i < CANCELS; i++) {
      pack_uint(raw_begin(&r, MESSAGE_NOTICE, OP_cancel, 0, 1), id++);
      raw_end(&r);
    }
    on = raw_pump(&r);
    count(a, CANCELS);
  }
  raw_close(&r);
}

/* ---- Tokens by the thousand ---- */

enum { TOKENS = 20000, TOKENS_AT_ONCE = 2000 };

/* `host` gives `holder` so many tokens, in answers to its requests. */
static bool give_tokens(struct raw *host, struct raw *holder, const char *name) {
  for (uint64_t id = 1; id <= TOKENS;) {
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

/* The first attacker has the tokens; the others ask about them. Joins as `holder` and `host`. */
static bool own_tokens(struct attacker *a, struct raw *host, struct raw *holder) {
  char name[32];
  memset(host, 0, sizeof *host);
  if (!join(a, holder)) return false;
  if (a->index > 0) return true;
  strcat(strcpy(name, a->name), "-host");
  return raw_join(host, a->socket, name, false) && give_tokens(host, holder, name);
}

static void ask_for_a_page(struct raw *r, bool of_nobody) {
  struct pack *p = raw_ask(r, OP_inspect, NULL, NULL, 0, of_nobody ? 4 : 1);
  pack_text(p, "tokens");
  if (of_nobody) {
    pack_nil(p);
    pack_nil(p);
    pack_text(p, "victim");
  }
  raw_end(r);
}

enum { PAGES_AT_ONCE = 32 };

static void inspect_nothing(struct attacker *a) {
  struct raw host, r;
  bool on = own_tokens(a, &host, &r);
  a->ready = true;
  for (uint64_t due = r.n_read; on;) {
    for (int i = 0; i < PAGES_AT_ONCE; i++) ask_for_a_page(&r, true);
    due += PAGES_AT_ONCE;
    on = raw_drain(&r, due);
    count(a, PAGES_AT_ONCE);
  }
  raw_close(&r);
  if (a->index == 0) raw_close(&host);
}

/* Never reads. Once the socket is full it sends on whenever there is room. */
static void inspect_unread(struct attacker *a) {
  struct raw host, r;
  bool on = own_tokens(a, &host, &r);
  a->ready = true;
  while (on) {
    for (int i = 0; i < PAGES_AT_ONCE && r.out.size == 0; i++) {
      ask_for_a_page(&r, false);
      count(a, 1);
    }
    on = raw_push(&r, 100);
  }
  raw_close(&r);
  if (a->index == 0) raw_close(&host);
}

/* ---- Long bodies ---- */

enum { NILS = 16 << 20, MANY_TOKENS = 600000 };

/* A call of a function of its own, whose arguments `fill` writes; again and again. It answers none
 * of them. */
static void call_itself(struct attacker *a, uint32_t n,
                        void (*fill)(struct raw *r, struct pack *p, uint32_t n)) {
  struct raw r;
  struct buffer kept;
  if (join(a, &r)) {
    struct pt own = raw_token(&r, 1);
    fill(&r, raw_ask(&r, OP_call, NULL, &own, 0, n), n);
    raw_end(&r);
    raw_keep(&r, &kept);
    do {
      raw_repeat(&r, &kept);
      count(a, 1);
      a->ready = true;
    } while (raw_pump(&r));
    buffer_deinit(&kept);
  }
  raw_close(&r);
}

static void fill_with_nils(struct raw *r, struct pack *p, uint32_t n) {
  (void)r;
  for (uint32_t i = 0; i < n; i++) pack_nil(p);
}

static void fill_with_tokens(struct raw *r, struct pack *p, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    struct pt pt = raw_token(r, 2 + i);
    pack_pt(p, &pt);
  }
}

static void call_with_nils(struct attacker *a) { call_itself(a, NILS - 200, fill_with_nils); }
static void call_with_too_many_tokens(struct attacker *a) {
  call_itself(a, MANY_TOKENS, fill_with_tokens);
}
static void call_with_tokens(struct attacker *a) { call_itself(a, REFS_MOST, fill_with_tokens); }

/* ---- Signals ---- */

/* Whoever may do so is the broker's own user: not a flood, but again and again. */
static void hang_up(struct attacker *a) {
  for (a->ready = true; kill(a->broker, SIGHUP) == 0; usleep(100000)) count(a, 1);
}

const struct hostile_case hostile_on_turns[] = {
    {.name = "cancels",
     .text = "10,000 watches, cancels of unknown ids",
     .before = "p50 462 ms",
     .attack = watch_and_cancel,
     .attackers = 1,
     .sent_least = 1000},
    {.name = "inspect-nothing",
     .text = "`inspect tokens` filtered to nothing, of 20,000",
     .before = "p50 533 ms",
     .attack = inspect_nothing,
     .attackers = 2,
     .sent_least = PAGES_AT_ONCE},
    {.name = "inspect-unread",
     .text = "four clients ask for pages and never read",
     .before = "p50 2.1 s, broker 770 MB",
     .attack = inspect_unread,
     .attackers = 4,
     .sent_least = PAGES_AT_ONCE},
    {.name = "nils",
     .text = "messages of 16 million nils",
     .before = "all stall 93 ms",
     .attack = call_with_nils,
     .attackers = 1,
     .sent_least = 2},
    {.name = "many-tokens",
     .text = "600,000 references to itself",
     .before = "all stall 300 ms",
     .attack = call_with_too_many_tokens,
     .attackers = 1,
     .sent_least = 2},
    {.name = "tokens",
     .text = "as many references to itself as a message may have",
     .before = "-",
     .attack = call_with_tokens,
     .attackers = 2,
     .sent_least = 2},
    {.name = "hang-ups",
     .text = "SIGHUP again and again",
     .before = "broker gone, socket and lock left",
     .attack = hang_up,
     .attackers = 1,
     .sent_least = 2,
     .named = "SIGHUP"},
    {.name = NULL},
};
