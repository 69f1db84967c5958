/* SPDX-License-Identifier: MIT
 *
 * A hash table with open addressing, half empty at least.
 */
#include "tools/known.h"

#include <stdlib.h>

#include "proto/base.h"
#include "tools/text.h"

void known_deinit(struct known *k) {
  for (size_t i = 0; i < k->room; i++) free(k->places[i].text);
  free(k->places);
  *k = (struct known){0};
}

/* Its place, or the free one where it belongs. */
static struct known_text *find(const struct known *k, uint64_t a, uint64_t b) {
  size_t i = (size_t)mix64(a ^ mix64(b));
  for (;; i++) {
    struct known_text *p = &k->places[i & (k->room - 1)];
    if (!p->text || (p->a == a && p->b == b)) return p;
  }
}

static void grow(struct known *k) {
  struct known old = *k;
  k->room = old.room ? old.room * 2 : 64;
  k->places = tool_alloc(k->room, sizeof *k->places);
  for (size_t i = 0; i < old.room; i++)
    if (old.places[i].text) *find(k, old.places[i].a, old.places[i].b) = old.places[i];
  free(old.places);
}

void known_put(struct known *k, uint64_t a, uint64_t b, const char *text, size_t size) {
  if (k->count >= KNOWN_MOST) known_deinit(k);
  if (k->count * 2 >= k->room) grow(k);
  struct known_text *p = find(k, a, b);
  if (!p->text) k->count++;
  free(p->text);
  *p = (struct known_text){a, b, tool_copy(text, size)};
}

const char *known_get(const struct known *k, uint64_t a, uint64_t b) {
  return k->room ? find(k, a, b)->text : NULL;
}
