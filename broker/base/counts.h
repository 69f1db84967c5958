/* SPDX-License-Identifier: MIT
 *
 * A count for each of small numbers (a host's index), 0 at first: an array that grows by doubling
 * as larger numbers are met and never shrinks. So it is as long as twice the most hosts that there
 * were at one time; each record of a host is charged with its share of all such arrays
 * (broker.c, charge_accounts).
 */
#ifndef GAIJIN_BROKER_COUNTS_H
#define GAIJIN_BROKER_COUNTS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

/* A zeroed struct has no counts, and is valid to deinit. */
struct counts {
  uint64_t *all;
  uint32_t capacity;
};

void counts_deinit(struct counts *c);
/* Makes room for the count of a number; counts_place is for such only. False when memory is
 * short. */
bool counts_reserve(struct counts *c, uint32_t number);
static inline uint64_t *counts_place(const struct counts *c, uint32_t number) {
  assert(number < c->capacity); /* reserved */
  return &c->all[number];
}
/* 0 for numbers never heard of. */
static inline uint64_t counts_at(const struct counts *c, uint32_t number) {
  return number < c->capacity ? c->all[number] : 0;
}
/* Of all counts. */
uint64_t counts_sum(const struct counts *c);

#endif
