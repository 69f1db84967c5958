/* SPDX-License-Identifier: MIT
 *
 * Clients are looked at in the order of their list, where new ones come first and so are not seen.
 * Where in an outbox the search is, is the number of a span, counted from the first ever: what is
 * written meanwhile is not looked at any more.
 */
#include "broker/net/keepers.h"

#include <assert.h>

/* Clients, accounts or spans looked at in one unit of work; how many in one slice. */
enum { LOOKED_PER_UNIT = 8, SLICE = WORK_QUANTUM * LOOKED_PER_UNIT };
/* Past the limit, who has taken nothing for so long is one who keeps what others have left, however
 * little. */
enum { LATE_MS = 10000 };

/* Whether it has left something untaken for long. */
static bool is_late(const struct client *c) {
  return c->is_full && uv_now(c->connections->loop) - c->taken_ms >= LATE_MS;
}

/* What it takes that one has not given back, for long, what it holds of those who have ended. */
static size_t look_held(const struct client *c) {
  const struct accounts *a = &c->connections->accounts;
  const struct account *k = c->account;
  if (!c->connections->keepers.holdings || !k->left ||
      uv_now(c->connections->loop) - k->left_ms < LATE_MS)
    return 0;
  return (size_t)k->left * (a->bytes_of[ACCOUNT_HELD] + a->bytes_of[ACCOUNT_EXPORTED]);
}

/* No more than this may be left with it. */
static size_t least_of(const struct client *c) { return is_late(c) ? 0 : KEEPERS_LEAST; }

static bool is_worth_a_look(const struct client *c, size_t least) {
  return c->state != CLIENT_CONDEMNED && c->outbox.bytes + look_held(c) > least;
}

static void begin(struct connections *n, const struct account *whole) {
  const struct accounts *a = &n->accounts;
  bool holdings = false;
  if (whole->level == ACCOUNT_USER) {
    holdings = accounts_handed_out(a, whole) > KEEPERS_LEAST;
    work_charge(n->work, a->slab.count / LOOKED_PER_UNIT);
  }
  n->keepers = (struct keepers){
      .is_on = true, .whole = whole->index, .serial = whole->serial, .holdings = holdings,
      .next = n->all};
}

/* Goes on to the next client. */
static void pass(struct keepers *k) {
  k->next = k->next->next;
  k->left = 0;
  k->span = 0;
}

/* Looks at the next client; *room is how many spans may still be looked at. False: it has more. */
static bool look_at_next(struct keepers *k, const struct account *whole, uint32_t *room) {
  struct client *c = k->next;
  size_t least = least_of(c);
  if (k->bytes > least) least = k->bytes;
  if (!is_worth_a_look(c, least)) {
    pass(k);
    return true;
  }
  k->left += outbox_left_by(&c->outbox, whole, &k->span, room);
  if (k->span < outbox_spans_end(&c->outbox)) return false;
  size_t left = k->left + look_held(c);
  if (left > least) {
    k->bytes = left;
    k->keeper = c;
    k->span_end = k->span;
  }
  pass(k);
  return true;
}

enum keepers_outcome keepers_find(struct connections *n, const struct account *whole,
                                  struct client **keeper, size_t *bytes) {
  struct keepers *k = &n->keepers;
  assert(whole->level != ACCOUNT_CONNECTION);
  if (keepers_searched_for(n) != whole) begin(n, whole);
  uint32_t room = SLICE;
  while (k->next && room > 0) {
    room--;
    if (!look_at_next(k, whole, &room)) break;
  }
  work_charge(n->work, (SLICE - room) / LOOKED_PER_UNIT);
  if (k->next) return KEEPERS_LATER;
  struct client *found = k->keeper;
  *keeper = found;
  *bytes = k->bytes;
  keepers_stop(n);
  if (!k->bytes) return KEEPERS_NONE;
  /* It may have gone, or have taken all that was there when it was looked at. */
  return found && is_worth_a_look(found, least_of(found)) &&
                 (found->outbox.spans_gone < k->span_end || look_held(found) > 0)
             ? KEEPERS_FOUND
             : KEEPERS_LATER;
}

struct account *keepers_searched_for(const struct connections *n) {
  const struct keepers *k = &n->keepers;
  if (!k->is_on || !slab_live(&n->accounts.slab, k->whole)) return NULL;
  struct account *whole = accounts_at(&n->accounts, k->whole);
  return whole->serial == k->serial ? whole : NULL;
}

void keepers_stop(struct connections *n) { n->keepers.is_on = false; }

void keepers_note_closed(struct client *c) {
  struct keepers *k = &c->connections->keepers;
  if (!k->is_on) return;
  if (k->next == c) pass(k);
  if (k->keeper == c) k->keeper = NULL;
}
