/* SPDX-License-Identifier: MIT
 *
 * What is clear falls into parts that share no worker: each is halted by itself, so fewer stand
 * still at once and for less long, and who spoils one leaves the others. All that one worker is
 * asked for is in one part, so the question in halt is the same as in the check before.
 *
 * Workers that belong together are found by uniting those of each suspect; the one with the lowest
 * number, the boss, stands for all (union-find, with paths halved as they are walked). Parts come
 * in the order of their bosses, around in a circle. A round that has no time for all of them has
 * the next one begin with those that had no turn: so each has its turn, however many there are, and
 * however long others have everybody wait.
 */
#include "broker/cycles/internal.h"

/* Suspects and holders of a slice, and the units of work for so many. */
enum { SLICE = 4096, PER_UNIT = 4 };

void parts_begin(struct cycles *k) {
  for (uint32_t i = 0; i < k->host_count; i++) {
    k->hosts[i].boss = i;
    k->hosts[i].first = SLAB_NONE;
    k->hosts[i].has_grown = false;
  }
  k->part = SLAB_NONE;
  k->parts_seen = k->parts_waiting = 0;
  work_charge(&k->b->work, 1 + k->host_count / PER_UNIT);
}

static uint32_t boss_of(const struct cycles *k, uint32_t host) {
  struct cycles_host *all = k->hosts;
  while (all[host].boss != host) host = all[host].boss = all[all[host].boss].boss;
  return host;
}

static uint32_t unite(struct cycles *k, uint32_t boss, uint32_t other) {
  uint32_t lower = boss < other ? boss : other;
  k->hosts[boss].boss = k->hosts[other].boss = lower;
  return lower;
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
      boss = unite(k, boss, boss_of(k, holder));
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
    uint32_t host = refs_token(&k->b->refs, k->suspects[place].token)->host;
    struct cycles_host *boss = &k->hosts[boss_of(k, host)];
    if (boss->first == SLAB_NONE) {
      k->part_count++;
      k->parts_waiting++;
    }
    boss->has_grown |= k->hosts[host].grown_in == k->turns;
    k->suspects[place].in_part = boss->first;
    boss->first = place;
  }
  work_charge(&k->b->work, 1 + n / PER_UNIT);
  return k->cursor == k->suspect_count;
}

bool parts_next(struct cycles *k) {
  uint32_t seen = k->parts_seen;
  k->part = SLAB_NONE;
  while (k->part == SLAB_NONE && k->parts_waiting > 0 && k->parts_seen < k->host_count) {
    uint32_t host = (k->parts_first + k->parts_seen++) % k->host_count;
    const struct cycles_host *h = &k->hosts[host];
    if (h->first == SLAB_NONE) continue;
    k->parts_waiting--;
    if (!h->has_grown) k->part = host;
  }
  work_charge(&k->b->work, 1 + (k->parts_seen - seen) / PER_UNIT);
  return k->part != SLAB_NONE;
}

void parts_put_off(struct cycles *k) {
  k->parts_first = (k->parts_first + k->parts_seen) % k->host_count;
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

bool parts_convict(struct cycles *k) {
  uint32_t n = 0;
  for (; k->cursor != SLAB_NONE && n < SLICE; n++) {
    uint32_t place = k->cursor;
    k->cursor = parts_next_place(k, place);
    if (!round_is_on(k, place)) continue;
    refs_condemn(&k->b->refs, k->suspects[place].token);
    k->condemned++;
  }
  work_charge(&k->b->work, 1 + n / PER_UNIT);
  return k->cursor == SLAB_NONE;
}
