/* SPDX-License-Identifier: MIT
 *
 * Guessing: an attacker knows host and id of a token that others have, and all else but its stamp.
 */
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "proto/status.h"
#include "tests/hostile/case.h"
#include "tests/hostile/raw.h"

/* A connection is ended by its 21st forgery within 10 s: so many at once, then another. */
enum { GUESSES = 20 };

static uint64_t random_word(void) {
  static uint64_t words[32];
  static unsigned left;
  if (left == 0) {
    if (getrandom(words, sizeof words, 0) != (ssize_t)sizeof words) _exit(EXIT_FAILURE);
    left = 32;
  }
  return words[--left];
}

/* `host` gives `holder` one token. */
static bool give(struct raw *host, struct raw *holder, const char *name, const struct pt *pt) {
  pack_text(raw_ask(holder, OP_s2t, name, NULL, 0, 1), "label");
  raw_end(holder);
  if (!raw_pump(holder)) return false;
  do {
    if (raw_next(host, 60000) != 1) return false;
  } while (host->m.kind != MESSAGE_REQUEST || host->m.op != OP_s2t);
  pack_pt(raw_begin(host, MESSAGE_REPLY, OP_s2t, host->m.id, 1), pt);
  raw_end(host);
  return raw_pump(host) && raw_answer(holder) && holder->m.kind == MESSAGE_REPLY;
}

/* The three ways to use a token: to claim it, as a target, as a value that is passed on (here, to
 * oneself). */
static void use(struct raw *r, const struct pt *pt, unsigned way) {
  struct pt own = raw_token(r, 1);
  switch (way % 3) {
    case 0: pack_pt(raw_ask(r, OP_sub, NULL, NULL, 0, 1), pt); break;
    case 1: raw_ask(r, OP_call, NULL, pt, 0, 0); break;
    default: pack_pt(raw_ask(r, OP_call, NULL, &own, 0, 1), pt); break;
  }
  raw_end(r);
}

/* Anything else is a success: also a request of its own that came back to it. */
static bool is_denied(struct raw *r) {
  uint64_t status;
  return r->m.kind == MESSAGE_ERROR && reader_uint(&r->r, &status) && status == STATUS_denied;
}

/* What gaijinctl asks all workers for. */
static bool is_of_others(const struct raw *r) {
  return r->m.kind == MESSAGE_REQUEST && r->m.op != OP_call;
}

/* Answers to so many guesses. */
static void count_answers(struct attacker *a, struct raw *r) {
  for (int left = GUESSES; left > 0;) {
    if (raw_next(r, 60000) != 1) return;
    if (r->m.kind == MESSAGE_NOTICE || is_of_others(r)) continue;
    atomic_fetch_add(is_denied(r) ? &a->sent : &a->gained, 1);
    left--;
  }
}

/* With the right stamp the same works, so a success would be seen. */
static bool can_be_claimed(struct attacker *a, const struct pt *pt) {
  struct raw r;
  bool ok = raw_join(&r, a->socket, NULL, false);
  use(&r, pt, 0);
  ok = ok && raw_answer(&r) && r.m.kind == MESSAGE_REPLY;
  raw_close(&r);
  return ok;
}

static void guess(struct attacker *a) {
  struct raw host, holder, r;
  if (!raw_join(&host, a->socket, a->name, false) || !raw_join(&holder, a->socket, NULL, false))
    _exit(EXIT_FAILURE);
  struct pt pt = {.host = host.host, .id = 1, .stamp = random_word(), .kind = PT_TABLE};
  if (!give(&host, &holder, a->name, &pt) || !can_be_claimed(a, &pt)) _exit(EXIT_FAILURE);
  for (a->ready = true;;) {
    if (raw_join(&r, a->socket, NULL, false)) {
      for (unsigned i = 0; i < GUESSES; i++) {
        struct pt guessed = pt;
        guessed.stamp = random_word();
        use(&r, &guessed, i);
      }
      count_answers(a, &r);
    }
    raw_close(&r);
  }
}

const struct hostile_case hostile_on_tokens[] = {
    {.name = "guesses",
     .text = "guesses of a token's stamp",
     .before = "438,000 guesses, none right",
     .attack = guess,
     .attackers = 2,
     .sent_least = 2000,
     .named = "forgeries so far"},
    {.name = NULL},
};
