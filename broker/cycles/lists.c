/* SPDX-License-Identifier: MIT
 *
 * Who is asked for what. Members are all who host or hold a suspect: that is looked up here, from
 * the books as they are. What changes after a suspect was looked at, a new holder say, is a mention
 * of it, and so the turn does not end well (TOUCHED).
 *
 * First the lists are counted, then filled: all of them lie in one array.
 */
#include <stdlib.h>
#include <string.h>

#include "broker/cycles/internal.h"
#include "proto/pt.h"

/* Places of a slice, and the units of work for so many. */
enum { PLACES_SLICE = 2048, PLACES_PER_UNIT = 2 };
/* A member is asked for no more in one message: the broker writes it in one step. */
enum { MEMBER_PLACES_MOST = 200000 };
/* Bytes on the wire: an id and a PT at most; a message without its lists. */
enum { ID_BYTES = 9, MESSAGE_BYTES = 128 };

void lists_free(struct cycles *k) {
  for (uint32_t i = 0; i < k->member_count; i++) {
    free(k->members[i].live);
    free(k->members[i].edges);
    if (k->hosts) k->hosts[k->members[i].host].member = SLAB_NONE;
  }
  free(k->places);
  k->places = NULL;
  k->member_count = k->place_count = 0;
}

void lists_begin(struct cycles *k) {
  lists_free(k);
  k->ended_before = k->b->refs.ended;
  k->called_ended_before = k->b->refs.called_ended;
  k->b->refs.toucher = SLAB_NONE;
}

/* The member that a host is, which it becomes; NULL: memory is short. */
static struct cycles_member *member_of(struct cycles *k, uint32_t host) {
  struct cycles_host *h = &k->hosts[host];
  if (h->member != SLAB_NONE) return &k->members[h->member];
  if (k->member_count == k->member_room) {
    uint32_t room = k->member_room ? k->member_room * 2 : 16;
    struct cycles_member *all = realloc(k->members, room * sizeof *all);
    if (!all) return NULL;
    k->members = all;
    k->member_room = room;
  }
  h->member = k->member_count;
  k->members[k->member_count] =
      (struct cycles_member){.host = host, .id = hosts_at(&k->b->hosts, host)->id};
  return &k->members[k->member_count++];
}

static bool can_ask(const struct cycles *k, uint32_t host) {
  return host < k->host_count && !k->hosts[host].is_barred && suspects_can_ask(k, host);
}

/* Whether a host that can be asked has room for one more, which takes so many bytes. */
static bool has_room(struct cycles *k, uint32_t host, uint32_t bytes) {
  const struct connections *n = &k->b->connections;
  uint64_t most = n->max_message < n->queue_most / 2 ? n->max_message : n->queue_most / 2;
  const struct cycles_member *m = member_of(k, host);
  if (!m) return false;
  return m->bytes + bytes + MESSAGE_BYTES <= most &&
         m->hosted.most + m->held.most < MEMBER_PLACES_MOST;
}

/* False: somebody cannot be asked for it. Adds to `n` how many holders were looked at. They are no
 * more than a suspect may have: who came since would have touched it. */
static bool can_ask_all(const struct cycles *k, const struct token *t, uint32_t *n) {
  const struct refs *r = &k->b->refs;
  if (!can_ask(k, t->host)) return false;
  for (uint32_t i = t->holds; i != SLAB_NONE; i = refs_next_holder(r, i), ++*n)
    if (!can_ask(k, refs_hold_at(r, i)->client)) return false;
  return true;
}

/* The same. */
static bool fits_all(struct cycles *k, const struct token *t, uint32_t *n) {
  const struct refs *r = &k->b->refs;
  if (!has_room(k, t->host, ID_BYTES)) return false;
  for (uint32_t i = t->holds; i != SLAB_NONE; i = refs_next_holder(r, i), ++*n)
    if (!has_room(k, refs_hold_at(r, i)->client, PT_WIRE_BYTES)) return false;
  return true;
}

/* How many holders were looked at. */
static uint32_t count(struct cycles *k, uint32_t place) {
  struct refs *r = &k->b->refs;
  if (!round_is_on(k, place)) return 0;
  uint32_t token = k->suspects[place].token, n = 0;
  const struct token *t = refs_token(r, token);
  bool can = !(t->mark & TOKEN_TOUCHED) && can_ask_all(k, t, &n);
  if (!can || !fits_all(k, t, &n)) {
    if (can) suspects_cut(k, token);
    k->has_grown = true; /* what it reaches is to be asked for once more */
    weed_live(k, place);
    return n;
  }
  if (k->phase == CYCLES_HALT) refs_call(r, token);
  struct cycles_member *m = member_of(k, t->host);
  m->hosted.most++;
  m->bytes += ID_BYTES;
  for (uint32_t i = t->holds; i != SLAB_NONE; i = refs_next_holder(r, i)) {
    m = member_of(k, refs_hold_at(r, i)->client);
    m->held.most++;
    m->bytes += PT_WIRE_BYTES;
  }
  return n;
}

/* Calls `each` for so many suspects of the turn, which returns how many holders it has looked at:
 * they count as well. */
static bool walk(struct cycles *k, uint32_t (*each)(struct cycles *, uint32_t)) {
  uint32_t n = 0;
  for (; k->cursor != SLAB_NONE && n < PLACES_SLICE; k->cursor = parts_next_place(k, k->cursor))
    n += 1 + each(k, k->cursor);
  work_charge(&k->b->work, 1 + n / PLACES_PER_UNIT);
  return k->cursor == SLAB_NONE;
}

bool lists_count(struct cycles *k) { return walk(k, count); }

bool lists_make(struct cycles *k) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < k->member_count; i++) {
    struct cycles_member *m = &k->members[i];
    m->hosted.at = (uint32_t)n;
    m->held.at = m->hosted.at + m->hosted.most;
    n += m->hosted.most + m->held.most;
  }
  k->place_count = (uint32_t)n;
  k->places = malloc((n + 1) * sizeof *k->places);
  return k->places != NULL;
}

static void put(struct cycles *k, uint32_t host, bool is_hosted, uint32_t place) {
  if (host >= k->host_count || k->hosts[host].member == SLAB_NONE) return; /* it holds it newly */
  struct cycles_member *m = &k->members[k->hosts[host].member];
  struct cycles_list *l = is_hosted ? &m->hosted : &m->held;
  if (l->count < l->most) k->places[l->at + l->count++] = place;
}

/* More holders than that it has got since it was counted: it was touched. */
static uint32_t fill(struct cycles *k, uint32_t place) {
  const struct refs *r = &k->b->refs;
  uint32_t n = 0;
  if (!round_is_on(k, place)) return 0;
  const struct token *t = refs_token(r, k->suspects[place].token);
  put(k, t->host, true, place);
  for (uint32_t i = t->holds; i != SLAB_NONE && n < CYCLES_HOLDERS_MOST;
       i = refs_next_holder(r, i), n++)
    put(k, refs_hold_at(r, i)->client, false, place);
  return n;
}

bool lists_fill(struct cycles *k) { return walk(k, fill); }
