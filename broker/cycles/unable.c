/* SPDX-License-Identifier: MIT
 *
 * Who takes no part in rounds: for good, because it cannot; or for a while, because it has cost the
 * others too much for nothing, or because it rests. What it has and holds is no suspect meanwhile.
 *
 *   it could not look, or has by itself spoilt three rounds (halt.c)       ten minutes
 *   it has not answered in scan or check, for which all wait in vain       a minute; each time that
 *       this happens again, before a round has gone well with it, twice as long, up to ten minutes
 *   what it did for a round would have others rest for longer than they should (when.c)
 *                                                                          until it has rested
 *
 * All that is remembered with the client, and so goes over to the next program (upgrade/state.h).
 */
#include <stdio.h>
#include <string.h>

#include "broker/cycles/internal.h"

/* Who has spoilt so many rounds is left out. */
enum { STRIKES_MOST = 3 };
/* Seconds: for how long, and for how long at first for who does not answer. */
enum { UNABLE_S = 600, HUNG_S = 60 };

static const char *const texts[] = {
    [UNABLE_NOT] = "",
    [UNABLE_UNSUPPORTED] = "takes no part",
    [UNABLE_BUSY] = "could not look",
    [UNABLE_HUNG] = "does not answer",
    [UNABLE_USES] = "used objects when others stood still",
    [UNABLE_LATE] = "was late when others stood still",
    [UNABLE_IMPATIENT] = "could not stand still for others",
    [UNABLE_RESTS] = "rests",
    [UNABLE_FULL] = "does not read",
};

const char *unable_text(unsigned why) {
  return why < sizeof texts / sizeof texts[0] ? texts[why] : "";
}

bool unable_is(const struct cycles *k, const struct client *c) {
  return c->unable_s > broker_now(k->b) && !(k->is_by_request && c->unable_why == UNABLE_RESTS);
}

void unable_note(struct cycles *k, const struct client *c, unsigned why) {
  size_t used = strlen(k->left_out), room = sizeof k->left_out - used;
  int n = k->more_left_out ? (int)room
                           : snprintf(k->left_out + used, room, "%s%s (%s)", used ? ", " : "",
                                      c->name, unable_text(why));
  if (n >= 0 && (size_t)n < room) return;
  k->left_out[used] = '\0';
  k->more_left_out++;
}

static void tell_how_long(char *text, size_t room, uint32_t seconds) {
  if (seconds == UINT32_MAX)
    *text = '\0';
  else if (seconds == UNABLE_S)
    snprintf(text, room, ", for ten minutes");
  else if (seconds == HUNG_S)
    snprintf(text, room, ", for a minute");
  else
    snprintf(text, room, ", for %u minutes", seconds / 60);
}

static void leave_out(struct cycles *k, struct client *c, enum unable_why why, uint32_t seconds,
                      const char *words) {
  char how_long[40];
  tell_how_long(how_long, sizeof how_long, seconds);
  c->unable_s = seconds == UINT32_MAX ? seconds : broker_now(k->b) + seconds;
  c->unable_why = (uint8_t)why;
  c->strikes = 0;
  unable_note(k, c, why);
  log_peer(&k->b->log, why == UNABLE_UNSUPPORTED ? LOG_INFO : LOG_WARN, CAUSE_CYCLES,
           client_about_why(c, words),
           "worker %s is left out when garbage in cycles is looked for%s: what it has and holds "
           "stays",
           c->name, how_long);
}

void unable_says(struct cycles *k, struct client *c, bool for_good, const char *words) {
  if (for_good)
    leave_out(k, c, UNABLE_UNSUPPORTED, UINT32_MAX, words);
  else
    leave_out(k, c, UNABLE_BUSY, UNABLE_S, words);
}

void unable_strike(struct cycles *k, struct client *c, enum unable_why why) {
  if (k->is_strict && ++c->strikes >= STRIKES_MOST) leave_out(k, c, why, UNABLE_S, texts[why]);
}

void unable_hung(struct cycles *k, struct client *c) {
  uint32_t seconds = HUNG_S;
  for (uint32_t n = 0; n < c->hung && seconds < UNABLE_S; n++) seconds *= 2;
  if (seconds > UNABLE_S) seconds = UNABLE_S;
  if (c->hung < UINT8_MAX) c->hung++;
  leave_out(k, c, UNABLE_HUNG, seconds, texts[UNABLE_HUNG]);
}

void unable_rest(struct cycles *k, struct client *c, uint64_t ms) {
  uint64_t until = broker_now(k->b) + (ms + 999) / 1000;
  if (until <= c->unable_s || until >= UINT32_MAX) return;
  c->unable_s = (uint32_t)until;
  c->unable_why = UNABLE_RESTS;
}

void unable_forgive(struct cycles *k) {
  for (uint32_t i = 0; i < k->host_count; i++) {
    struct client *c = messages_client_of(k, i, k->hosts[i].asked);
    if (c && !unable_is(k, c)) c->hung = 0;
  }
}
