/* SPDX-License-Identifier: MIT
 *
 * A circular intrusive list: the head is a link of its own, an unlinked link
 * points to itself. Nothing allocates, everything is O(1).
 */
#ifndef GAIJIN_CLIENT_LIST_H
#define GAIJIN_CLIENT_LIST_H

#include <assert.h>
#include <stdbool.h>

struct link {
  struct link *prev, *next;
};

/* Makes a head, or an unlinked link. */
static inline void list_init(struct link *l) { l->prev = l->next = l; }

/* True for a head without links and for a link that is in no list. */
static inline bool list_empty(const struct link *l) { return l->next == l; }

/* Puts an unlinked link at the end. */
static inline void list_append(struct link *head, struct link *l) {
  assert(l->next == l && l != head);
  l->prev = head->prev;
  l->next = head;
  head->prev->next = l;
  head->prev = l;
}

/* Takes a link out; harmless for one that is in no list. */
static inline void list_remove(struct link *l) {
  l->prev->next = l->next;
  l->next->prev = l->prev;
  list_init(l);
}

#endif
