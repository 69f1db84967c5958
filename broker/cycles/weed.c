/* SPDX-License-Identifier: MIT
 *
 * What the members' answers say is live is no suspect any more, and what they say it reaches
 * neither. Acquitted suspects wait on a stack until their edges have been followed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/cycles/internal.h"
#include "proto/base.h"

/* Bits, edges or suspects of a slice, and the units of work for so many. */
enum { SLICE = 4096, PER_UNIT = 8 };
/* Of an edge on the wire. */
enum { EDGE_BYTES = 8 };

static void charge(struct cycles *k, uint32_t n) { work_charge(&k->b->work, 1 + n / PER_UNIT); }

void weed_live(struct cycles *k, uint32_t place) {
  if (!round_is_on(k, place)) return;
  k->hosts[refs_token(&k->b->refs, k->suspects[place].token)->host].grown_in = k->turns;
  suspects_let_go(k, k->suspects[place].token);
  k->suspects[place].next = k->stack;
  k->stack = place;
}

/* One of the places of a member's lists, hosted ones first. */
static uint32_t place_of(const struct cycles *k, const struct cycles_member *m, uint32_t n) {
  return n < m->hosted.count ? k->places[m->hosted.at + n]
                             : k->places[m->held.at + (n - m->hosted.count)];
}

/* A byte of bits. */
static void weed_byte(struct cycles *k, struct cycles_member *m, uint32_t byte) {
  uint32_t count = m->hosted.count + m->held.count;
  for (uint32_t n = byte * 8; n < byte * 8 + 8 && n < count; n++) {
    if (!m->is_unable && !(m->live[byte] >> (n % 8) & 1)) continue;
    m->found_live += n >= m->hosted.count;
    weed_live(k, place_of(k, m, n));
  }
}

/* Which worker keeps most. */
static void note_keeper(struct cycles *k, const struct cycles_member *m) {
  if (m->found_live <= k->live_most) return;
  const struct client *c = messages_client(k, m);
  k->live_most = m->found_live;
  if (c) snprintf(k->keeper, sizeof k->keeper, "%s", c->name);
}

bool weed_live_ones(struct cycles *k) {
  uint32_t n = 0;
  for (; k->cursor < k->member_count && n < SLICE; n += 8) {
    struct cycles_member *m = &k->members[k->cursor];
    uint32_t bytes = (m->hosted.count + m->held.count + 7) / 8;
    if (k->at < bytes && (m->live || m->is_unable)) {
      weed_byte(k, m, k->at++);
      continue;
    }
    if (k->phase == CYCLES_SCAN) note_keeper(k, m);
    k->cursor++;
    k->at = 0;
  }
  charge(k, n);
  return k->cursor == k->member_count;
}

/* ---- Edges ---- */

/* A pair of places in the member's lists; false: there are no such. */
static bool add_edge(struct cycles *k, const struct cycles_member *m, const uint8_t *pair) {
  uint32_t from = load_be32(pair), to = load_be32(pair + 4);
  if (from >= m->hosted.count || to >= m->held.count) return false;
  if (k->edge_count == k->edge_room) {
    uint32_t room = k->edge_room ? k->edge_room * 2 : 256;
    struct cycles_edge *all = realloc(k->edges, room * sizeof *all);
    if (!all) return true; /* one that is not known */
    k->edges = all;
    k->edge_room = room;
  }
  struct cycles_suspect *s = &k->suspects[k->places[m->hosted.at + from]];
  k->edges[k->edge_count] =
      (struct cycles_edge){.to = k->places[m->held.at + to], .next = s->edges};
  s->edges = k->edge_count++;
  return true;
}

bool weed_edges(struct cycles *k) {
  uint32_t n = 0;
  for (; k->cursor < k->member_count && n < SLICE; n++) {
    struct cycles_member *m = &k->members[k->cursor];
    if (k->at < m->edge_count) {
      if (add_edge(k, m, m->edges + (size_t)EDGE_BYTES * k->at++)) continue;
      struct client *c = messages_client(k, m);
      if (c) client_fault(c, "'cycle': its edges name objects that it was not asked for");
    } /* it is believed no more of them */
    k->cursor++;
    k->at = 0;
  }
  charge(k, n);
  return k->cursor == k->member_count;
}

/* ---- The rest ---- */

/* It was touched, or is of a host that spoilt a halt; adds to `n` what that took to see. */
static bool is_out(const struct cycles *k, uint32_t place, uint32_t *n) {
  uint32_t token = k->suspects[place].token;
  return round_is_on(k, place) && (refs_token(&k->b->refs, token)->mark & TOKEN_TOUCHED ||
                                   (k->has_barred && suspects_is_of_barred(k, token, n)));
}

bool weed_touched(struct cycles *k) {
  uint32_t n = 0;
  if (!k->b->refs.touched && !k->has_barred) return true;
  for (; k->cursor < k->suspect_count && n < SLICE; k->cursor++, n++)
    if (is_out(k, k->cursor, &n)) weed_live(k, k->cursor);
  charge(k, n);
  if (k->cursor < k->suspect_count) return false;
  k->has_barred = false;
  return true;
}

/* `at` is the edge to follow next of the suspect that the cursor is. */
bool weed_spread(struct cycles *k) {
  uint32_t n = 0;
  for (; n < SLICE; n++) {
    if (k->at == SLAB_NONE) {
      if (k->stack == SLAB_NONE) break;
      uint32_t place = k->stack;
      k->stack = k->suspects[place].next;
      k->at = k->suspects[place].edges;
      continue;
    }
    weed_live(k, k->edges[k->at].to);
    k->at = k->edges[k->at].next;
  }
  charge(k, n);
  return n < SLICE;
}
