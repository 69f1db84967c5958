/* SPDX-License-Identifier: MIT
 *
 * A hash table with open addressing, half empty at least.
 */
#include "tools/watch/known.h"

#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "tools/base/text.h"

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

/* Into so many places, those that have no text left out. */
static void move(struct known *k, size_t room) {
  struct known old = *k;
  k->room = room;
  k->places = tool_alloc(room, sizeof *k->places);
  for (size_t i = 0; i < old.room; i++)
    if (old.places[i].text) *find(k, old.places[i].a, old.places[i].b) = old.places[i];
  free(old.places);
}

/* Forgets what has not been used since half of all were put; of observers, whose names begin with
 * '@', or of all. */
static void forget_old(struct known *k, bool of_all) {
  for (size_t i = 0; i < k->room; i++) {
    struct known_text *p = &k->places[i];
    if (!p->text || (p->text[0] != '@' && !of_all) || k->put - p->used < KNOWN_MOST / 2) continue;
    free(p->text);
    p->text = NULL;
    k->count--;
  }
  move(k, k->room);
}

/* Each makes much room or none, so that it costs little for each that is put. */
static void make_room(struct known *k) {
  forget_old(k, false);
  if (k->count > KNOWN_MOST / 4 * 3) forget_old(k, true);
  if (k->count > KNOWN_MOST / 4 * 3) known_deinit(k);
}

bool known_put(struct known *k, uint64_t a, uint64_t b, const char *text, size_t size) {
  if (k->count >= KNOWN_MOST) make_room(k);
  if (k->count * 2 >= k->room) move(k, k->room ? k->room * 2 : 64);
  struct known_text *p = find(k, a, b);
  bool is_new = !p->text || strlen(p->text) != size || memcmp(p->text, text, size) != 0;
  if (!p->text) k->count++;
  if (is_new) {
    free(p->text);
    *p = (struct known_text){a, b, tool_copy(text, size), 0};
  }
  p->used = ++k->put;
  return is_new;
}

const char *known_get(const struct known *k, uint64_t a, uint64_t b) {
  struct known_text *p = k->room ? find(k, a, b) : NULL;
  if (!p || !p->text) return NULL;
  p->used = k->put;
  return p->text;
}
