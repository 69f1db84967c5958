/* SPDX-License-Identifier: MIT
 *
 * The members of a part stand still until the last of them has answered. The clock of that is the
 * broker's: it waits for as long as the slowest has taken in check, with some more, but no longer
 * than any of the members lets others take (--cycle-pause, told in hello). So none of them has to
 * withdraw before the broker gives up, and it is known who is to blame.
 *
 * Who spoils a halt is barred: what it has and holds is no suspect in this round, and the others
 * are asked once more. So nobody keeps more than what it holds.
 *
 * Who is no member has nothing that could be barred: by a claim or a loan it becomes a holder of
 * one suspect, which is live by that. A client that has kept the names of many could spoil halt
 * after halt so; only one halt of a round is spoilt like that, and further claims are refused while
 * others stand still. That is for a moment, and who claims may ask again.
 *
 * One that spoils several rounds is left out for a while (unable.c), but only for what it has done
 * by itself: else another could have it do so, with a request that comes at the right moment. It
 * was by itself if it has been clear, for then it stands still; or if nothing was sent to it
 * between the check, in which it was asked for the same, was clear and had no request to answer,
 * and the halt. (For less it is asked if what one uses in a last check leaves another without
 * suspects: what that one holds is a root then, and who hosts it has to look once more.) One that
 * has others send it something all the time is not left out then: what that costs those who stand
 * still is bounded by their rest after the round (when.c).
 */
#include <stdio.h>

#include "broker/cycles/cycles.h"
#include "broker/cycles/internal.h"

/* In halt, beside twice what the slowest took in check; at most; and who cannot answer in so long,
 * cut short or not, is too slow. */
enum { HALT_MS = 200, HALT_MOST_MS = 1500, FAIR_MS = 500 };
/* The clock of a turn may be behind by so much. */
enum { CLOCK_MS = 10 };

/* NULL: the host is none. Its number may be another's by now (messages_client). */
static struct cycles_member *member_of(const struct cycles *k, uint32_t host) {
  if (host >= k->host_count || k->hosts[host].member == SLAB_NONE) return NULL;
  return &k->members[k->hosts[host].member];
}

static uint64_t pause_of(const struct client *c) {
  uint32_t ms = c->cycle_pause_ms;
  return ms < CYCLES_PAUSE_LEAST_MS ? CYCLES_PAUSE_LEAST_MS : ms;
}

void halt_be_patient(struct cycles *k) {
  uint64_t longest = 0, least = HALT_MOST_MS;
  for (uint32_t i = 0; i < k->member_count; i++) {
    const struct client *c = messages_client(k, &k->members[i]);
    uint32_t ms = k->hosts[k->members[i].host].checked_ms;
    if (ms > longest) longest = ms;
    if (c && pause_of(c) < least) least = pause_of(c);
  }
  k->wanted_ms = HALT_MS + 2 * longest;
  if (k->wanted_ms > HALT_MOST_MS) k->wanted_ms = HALT_MOST_MS;
  k->halt_ms = k->wanted_ms < least ? k->wanted_ms : least;
  k->patience_ms = uv_now(k->b->loop) + least;
}

uint64_t halt_left(const struct cycles *k, bool are_asked) {
  uint64_t now = uv_now(k->b->loop), left = k->patience_ms > now ? k->patience_ms - now : 0;
  return are_asked && k->halt_ms < left ? k->halt_ms : left;
}

void halt_note_asked(struct cycles *k, struct cycles_member *m, const struct client *c) {
  struct cycles_host *h = &k->hosts[m->host];
  uint32_t places = m->hosted.count + m->held.count; /* they only become fewer */
  if (k->phase == CYCLES_CHECK) {
    h->was_idle = calls_served_count(&k->b->calls, m->host) == 0;
    h->sent = c->messages_out;
    h->asked_for = places;
  }
  m->is_by_itself = k->phase == CYCLES_HALT && h->was_idle && h->asked_for == places &&
                    c->messages_out == h->sent + 1;
}

void halt_note_clear(struct cycles_member *m) { m->is_by_itself = true; }

void halt_bar(struct cycles *k, const struct cycles_member *m, enum unable_why strike) {
  struct client *c = messages_client(k, m);
  k->hosts[m->host].is_barred = k->has_barred = true;
  if (c && strike && m->is_by_itself) unable_strike(k, c, strike);
}

/* Those that let others take less than it takes: one round goes without them, and the next without
 * those that are late. How many. */
static uint32_t bar_impatient(struct cycles *k) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < k->member_count; i++) {
    const struct cycles_member *m = &k->members[i];
    const struct client *c = messages_client(k, m);
    if (!c || (m->request && !m->answered) || pause_of(c) >= k->wanted_ms) continue;
    if (!n++)
      round_lose_for(k, "worker %s lets others take no more than %u ms", c->name,
                     (unsigned)pause_of(c));
    halt_bar(k, m, UNABLE_NOT);
  }
  return n;
}

/* A busy broker asks many members over many turns: the last of them may not have had their time. */
static void bar_late(struct cycles *k) {
  bool is_fair = k->halt_ms == k->wanted_ms || k->halt_ms >= FAIR_MS;
  uint64_t now = uv_now(k->b->loop);
  const struct client *late = NULL;
  uint32_t n = 0;
  for (uint32_t i = 0; i < k->member_count; i++) {
    const struct cycles_member *m = &k->members[i];
    if (!m->request || m->answered) continue;
    if (!n++) late = messages_client(k, m);
    bool had_time = now - m->asked_ms + CLOCK_MS >= k->halt_ms;
    halt_bar(k, m, is_fair && had_time ? UNABLE_LATE : UNABLE_NOT);
  }
  if (late)
    round_lose_for(k, "worker %s did not answer in time%s", late->name,
                   n > 1 ? ", and others" : "");
  else
    round_lose_for(k, "a worker did not answer in time");
}

void halt_late(struct cycles *k) {
  bool is_cut = k->halt_ms < k->wanted_ms;
  if (is_cut && k->number % 2 == 0 && bar_impatient(k)) return;
  bar_late(k);
}

void halt_touched(struct cycles *k) {
  const struct cycles_member *by = member_of(k, k->b->refs.toucher);
  const char *name = by ? messages_name(k, by) : NULL;
  if (name)
    round_lose_for(k, "worker %s used a suspected object meanwhile", name);
  else
    round_lose_for(k, "a suspected object was used meanwhile");
  if (by)
    halt_bar(k, by, UNABLE_USES);
  else
    k->is_claimed = true;
}

bool cycles_refuses(const struct client *from, uint32_t token) {
  const struct cycles *k = from->broker->cycles;
  uint8_t mark = refs_token(&k->b->refs, token)->mark;
  return k->is_claimed && mark & TOKEN_CALLED && !k->is_lost && !member_of(k, from->host);
}

void halt_withdrawn(struct cycles *k, const struct cycles_member *m, struct client *from) {
  uint64_t waited = uv_now(k->b->loop) - m->asked_ms;
  if (m->answered && waited + CLOCK_MS >= pause_of(from)) {
    halt_late(k);
    return;
  }
  round_lose_for(k, "worker %s could not stand still for so long", from->name);
  halt_bar(k, m, UNABLE_IMPATIENT);
}
