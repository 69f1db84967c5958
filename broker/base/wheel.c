/* SPDX-License-Identifier: MIT
 *
 * Time only moves in wheel_take, from one occupied slot to the next; the bits say
 * which that is, so a long quiet time costs nothing.
 */
#include "broker/base/wheel.h"

#include <assert.h>

static struct wheel_link *link_of(const struct wheel *w, uint32_t index) {
  return (struct wheel_link *)(void *)((char *)slab_at(w->slab, index) + w->member);
}

void wheel_init(struct wheel *w, const struct slab *slab, size_t member) {
  *w = (struct wheel){.slab = slab, .member = member};
  for (int level = 0; level < WHEEL_LEVELS; level++)
    for (int slot = 0; slot < WHEEL_SLOTS; slot++) w->heads[level][slot] = SLAB_NONE;
}

static unsigned byte_of(uint64_t time, unsigned level) {
  return (unsigned)(time >> (8 * level)) & 255;
}

/* Puts an item whose time is not before w->now into its slot. */
static void place(struct wheel *w, uint32_t index) {
  struct wheel_link *l = link_of(w, index);
  uint64_t differs = l->due ^ w->now;
  unsigned level = 0;
  assert(l->due >= w->now);
  while (level + 1 < WHEEL_LEVELS && differs >> (8 * (level + 1))) level++;
  l->level = (uint8_t)level;
  l->slot = (uint8_t)byte_of(l->due, level);
  list_add(w->slab, w->member + offsetof(struct wheel_link, links), &w->heads[level][l->slot],
           index);
  w->used[level][l->slot / 64] |= 1ull << (l->slot % 64);
}

static void unplace(struct wheel *w, uint32_t index) {
  const struct wheel_link *l = link_of(w, index);
  uint32_t *head = &w->heads[l->level][l->slot];
  list_remove(w->slab, w->member + offsetof(struct wheel_link, links), head, index);
  if (*head == SLAB_NONE) w->used[l->level][l->slot / 64] &= ~(1ull << (l->slot % 64));
}

void wheel_add(struct wheel *w, uint32_t index, uint64_t now, uint64_t due) {
  const uint64_t most = (1ull << (8 * WHEEL_LEVELS)) - 1;
  struct wheel_link *l = link_of(w, index);
  assert(!l->in);
  if (w->count == 0 && now > w->now) w->now = now;
  l->due = due < w->now ? w->now : due > most ? most : due;
  l->in = true;
  place(w, index);
  w->count++;
}

void wheel_remove(struct wheel *w, uint32_t index) {
  struct wheel_link *l = link_of(w, index);
  if (!l->in) return;
  assert(w->count > 0);
  unplace(w, index);
  l->in = false;
  w->count--;
}

/* The first used slot of a level, from `from` on; WHEEL_SLOTS when there is none. */
static unsigned first_used(const struct wheel *w, unsigned level, unsigned from) {
  for (unsigned i = from / 64; i < WHEEL_SLOTS / 64; i++) {
    uint64_t bits = w->used[level][i];
    if (i == from / 64) bits &= ~0ull << (from % 64);
    if (bits) return i * 64 + (unsigned)__builtin_ctzll(bits);
  }
  return WHEEL_SLOTS;
}

/* The begin of the first occupied slot; its level. */
static uint64_t next_slot(const struct wheel *w, unsigned *level) {
  for (*level = 0; *level < WHEEL_LEVELS; ++*level) {
    unsigned slot = first_used(w, *level, byte_of(w->now, *level));
    if (slot == WHEEL_SLOTS) continue;
    unsigned shift = 8 * (*level + 1);
    uint64_t begin = (w->now >> shift << shift) | (uint64_t)slot << (8 * *level);
    return begin < w->now ? w->now : begin;
  }
  return WHEEL_NEVER;
}

uint64_t wheel_next(const struct wheel *w) {
  unsigned level;
  return w->count ? next_slot(w, &level) : WHEEL_NEVER;
}

/* Moves the items of a slot that begins now to where they belong. */
static void cascade(struct wheel *w, unsigned level) {
  unsigned slot = byte_of(w->now, level);
  for (uint32_t i; (i = w->heads[level][slot]) != SLAB_NONE;) {
    unplace(w, i);
    place(w, i);
  }
}

uint32_t wheel_take(struct wheel *w, uint64_t now) {
  unsigned level;
  while (w->count) {
    uint64_t begin = next_slot(w, &level);
    if (begin > now) break;
    assert(begin >= w->now);
    w->now = begin;
    if (level == 0) {
      uint32_t index = w->heads[0][byte_of(begin, 0)];
      wheel_remove(w, index);
      return index;
    }
    cascade(w, level);
  }
  if (now > w->now) w->now = now;
  return SLAB_NONE;
}

/* The list of the slot. Adds the number of its items to *found. */
static const char *check_slot(const struct wheel *w, unsigned level, unsigned slot,
                              uint32_t *found) {
  for (uint32_t i = w->heads[level][slot]; i != SLAB_NONE;
       i = list_next(w->slab, w->member + offsetof(struct wheel_link, links), i)) {
    const struct wheel_link *l = link_of(w, i);
    ++*found;
    if (!l->in || l->level != level || l->slot != slot)
      return "wheel: an item is not where it says";
    if (l->due < w->now) return "wheel: an item was passed over";
  }
  return NULL;
}

/* Few slots of many have items: it is quick about the others. */
const char *wheel_check(const struct wheel *w) {
  uint32_t found = 0;
  for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
    for (unsigned first = 0; first < WHEEL_SLOTS; first += 64) {
      uint64_t heads = 0, used = w->used[level][first / 64];
      for (unsigned i = 0; i < 64; i++)
        heads |= (uint64_t)(w->heads[level][first + i] != SLAB_NONE) << i;
      if (heads != used) return "wheel: a slot's bit is wrong";
      for (; used; used &= used - 1) {
        const char *fault = check_slot(w, level, first + (unsigned)__builtin_ctzll(used), &found);
        if (fault) return fault;
      }
    }
  }
  return found == w->count ? NULL : "wheel: the number of items is wrong";
}
