/* SPDX-License-Identifier: MIT
 *
 * What is clear falls into parts that share no worker: each is halted by itself, so fewer stand
 * still at once and for less long, and who spoils one leaves the others. All that one worker is
 * asked for is in one part, so the question in halt is the same as in the check before.
 *
 * Workers that belong together are found by uniting those of each suspect; one of them, the boss,
 * stands for all (union-find, with paths halved as they are walked).
 */
#include "broker/cycles/internal.h"

/* Suspects and holders of a slice, and the units of work for so many. */
enum { SLICE = 4096, PER_UNIT = 4 };

void parts_begin(struct cycles *k) {
  for (uint32_t i = 0; i < k->host_count; i++) {
    k->hosts[i].boss = i;
    k->hosts[i].first = k->hosts[i].next_part = SLAB_NONE;
  }
  k->parts = k->part = SLAB_NONE;
  work_charge(&k->b->work, 1 + k->host_count / PER_UNIT);
}

static uint32_t boss_of(const struct cycles *k, uint32_t host) {
  struct cycles_host *all = k->hosts;
  while (all[host].boss != host) host = all[host].boss = all[all[host].boss].boss;
  return host;
}

bool parts_unite(struct cycles *k) {
  const struct refs *r = &k->b->refs;
  uint32_t n = 0;
  for (; k->cursor < k->suspect_count && n < SLICE; k->cursor++, n++) {
    if (!round_is_on(k, k->cursor)) continue;
    const struct token *t = refs_token(r, k->suspects[k->cursor].token);
    uint32_t boss = boss_of(k, t->host), most = n + CYCLES_HOLDERS_MOST; /* more: it was touched */
    for (uint32_t i = t->holds; i != SLAB_NONE && n < most; i = refs_next_holder(r, i), n++) {
      uint32_t holder = refs_hold_at(r, i)->client;
      if (holder >= k->host_count) continue; /* since a moment ago: it was touched */
      k->hosts[boss_of(k, holder)].boss = boss;
    }
  }
  work_charge(&k->b->work, 1 + n / PER_UNIT);
  return k->cursor == k->suspect_count;
}

/* From the last suspect to the first, each in front of those of its part. */
bool parts_sort(struct cycles *k) {
  uint32_t n = 0;
  for (; k->cursor < k->suspect_count && n < SLICE; k->cursor++, n++) {
    uint32_t place = k->suspect_count - 1 - k->cursor;
    if (!round_is_on(k, place)) continue;
    uint32_t boss = boss_of(k, refs_token(&k->b->refs, k->suspects[place].token)->host);
    struct cycles_host *h = &k->hosts[boss];
    if (h->first == SLAB_NONE) {
      h->next_part = k->parts;
      k->parts = boss;
      k->part_count++;
    }
    k->suspects[place].in_part = h->first;
    h->first = place;
  }
  work_charge(&k->b->work, 1 + n / PER_UNIT);
  return k->cursor == k->suspect_count;
}

bool parts_next(struct cycles *k) {
  k->part = k->parts;
  if (k->part == SLAB_NONE) return false;
  k->parts = k->hosts[k->part].next_part;
  return true;
}

uint32_t parts_first_place(const struct cycles *k) {
  if (k->phase == CYCLES_HALT) return k->hosts[k->part].first;
  return k->suspect_count ? 0 : SLAB_NONE;
}

uint32_t parts_next_place(const struct cycles *k, uint32_t place) {
  if (k->phase == CYCLES_HALT) return k->suspects[place].in_part;
  return place + 1 < k->suspect_count ? place + 1 : SLAB_NONE;
}

bool parts_release(struct cycles *k) {
  uint32_t n = 0;
  for (; k->cursor != SLAB_NONE && n < SLICE; k->cursor = parts_next_place(k, k->cursor), n++)
    if (round_is_on(k, k->cursor)) refs_uncall(&k->b->refs, k->suspects[k->cursor].token);
  work_charge(&k->b->work, 1 + n / PER_UNIT);
  return k->cursor == SLAB_NONE;
}
