/* SPDX-License-Identifier: MIT
 *
 * One array.
 */
#include "broker/base/counts.h"

#include <stdlib.h>
#include <string.h>

void counts_deinit(struct counts *c) {
  free(c->all);
  *c = (struct counts){0};
}

bool counts_reserve(struct counts *c, uint32_t number) {
  if (number < c->capacity) return true;
  if (number > UINT32_MAX / 4) return false;
  uint32_t capacity = c->capacity ? c->capacity : 8;
  while (capacity <= number) capacity *= 2;
  uint64_t *all = realloc(c->all, capacity * sizeof *all);
  if (!all) return false;
  memset(all + c->capacity, 0, (capacity - c->capacity) * sizeof *all);
  c->all = all;
  c->capacity = capacity;
  return true;
}

uint64_t counts_sum(const struct counts *c) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < c->capacity; i++) sum += c->all[i];
  return sum;
}
