/* SPDX-License-Identifier: MIT
 *
 * Times at which slab items are due: a hierarchical timer wheel, 256 slots a
 * level, a millisecond a slot at the lowest. Adding and removing take constant
 * time and no memory, whatever the number of items; an item whose time comes has been
 * moved down at most WHEEL_LEVELS - 1 times. This file knows no clock.
 *
 * An item sits at the level of the highest byte in which its time differs from
 * `now`, in the slot of that byte: so every item of a level is sooner than any of the next.
 */
#ifndef GAIJIN_BROKER_WHEEL_H
#define GAIJIN_BROKER_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/lists.h"

/* 40 bits of milliseconds: 34 years. */
enum { WHEEL_LEVELS = 5, WHEEL_SLOTS = 256 };
#define WHEEL_NEVER UINT64_MAX

/* Inside an item. Zeroed: not in the wheel. */
struct wheel_link {
  struct links links;
  uint64_t due;
  bool in;
  uint8_t level, slot;
};

struct wheel {
  const struct slab *slab;
  size_t member; /* offset of the struct wheel_link in an item */
  uint64_t now;  /* every item is due after it, or sits in its slot of level 0 */
  uint32_t count;
  uint32_t heads[WHEEL_LEVELS][WHEEL_SLOTS];
  uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* a bit for each slot with items */
};

void wheel_init(struct wheel *w, const struct slab *slab, size_t member);

/* The item, which is not in the wheel, is due at time `due`; `now` never runs backwards. Cannot
 * fail. */
void wheel_add(struct wheel *w, uint32_t index, uint64_t now, uint64_t due);
/* Does nothing with an item that is not in the wheel. */
void wheel_remove(struct wheel *w, uint32_t index);

/* When to look again: no item is due before. WHEEL_NEVER when there is none. */
uint64_t wheel_next(const struct wheel *w);
/* Takes an item that is due at `now` or before out, in the order of their times; SLAB_NONE when
 * there is none (left). */
uint32_t wheel_take(struct wheel *w, uint64_t now);

/* NULL, or a static text that says which invariant is broken. */
const char *wheel_check(const struct wheel *w);

#endif
