/* SPDX-License-Identifier: MIT
 *
 * A list for each eighth of a power of two. Which have somebody in them is in a bitmap.
 */
#include "lua/fiber/kept.h"

#include <assert.h>

/* What is smaller, or larger, is in the first list, or the last. */
enum { EXPONENT_LEAST = 8, EIGHTHS = 8, WORD = 64 };

static unsigned list_of(size_t bytes) {
  if (bytes < (size_t)1 << EXPONENT_LEAST) return 0;
  unsigned exponent = (unsigned)(sizeof(unsigned long) * 8 - 1) - (unsigned)__builtin_clzl(bytes);
  unsigned eighth = (unsigned)(bytes >> (exponent - 3)) % EIGHTHS;
  unsigned list = (exponent - EXPONENT_LEAST) * EIGHTHS + eighth;
  return list < KEPT_LISTS ? list : KEPT_LISTS - 1;
}

static void enter(struct backlog *b, struct asker *a) {
  unsigned list = list_of(a->bytes);
  struct asker **first = &b->by_size[list];
  a->size_list = (uint16_t)list;
  a->prev_sized = NULL;
  a->next_sized = *first;
  if (*first) (*first)->prev_sized = a;
  *first = a;
  b->sizes_used[list / WORD] |= (uint64_t)1 << list % WORD;
}

static void leave(struct backlog *b, struct asker *a) {
  struct asker **first = &b->by_size[a->size_list];
  assert(a->prev_sized ? a->prev_sized->next_sized == a : *first == a);
  if (a->prev_sized)
    a->prev_sized->next_sized = a->next_sized;
  else
    *first = a->next_sized;
  if (a->next_sized) a->next_sized->prev_sized = a->prev_sized;
  if (!*first) b->sizes_used[a->size_list / WORD] &= ~((uint64_t)1 << a->size_list % WORD);
}

static void move(struct backlog *b, struct asker *a) {
  if (!a->is_sized || a->size_list == list_of(a->bytes)) return;
  leave(b, a);
  enter(b, a);
}

void kept_add(struct worker *w, struct asker *a, size_t bytes) {
  a->bytes += bytes;
  w->backlog.bytes += bytes;
  move(&w->backlog, a);
}

void kept_remove(struct worker *w, struct asker *a, size_t bytes) {
  assert(a->bytes >= bytes && w->backlog.bytes >= bytes);
  a->bytes -= bytes;
  w->backlog.bytes -= bytes;
  move(&w->backlog, a);
}

void kept_list(struct worker *w, struct asker *a) {
  assert(!a->is_sized);
  a->is_sized = true;
  enter(&w->backlog, a);
}

void kept_unlist(struct worker *w, struct asker *a) {
  assert(a->is_sized);
  leave(&w->backlog, a);
  a->is_sized = false;
}

struct asker *kept_most(const struct worker *w) {
  const struct backlog *b = &w->backlog;
  for (unsigned i = KEPT_LISTS / WORD; i-- > 0;) {
    uint64_t used = b->sizes_used[i];
    if (used) return b->by_size[i * WORD + WORD - 1 - (unsigned)__builtin_clzll(used)];
  }
  return NULL;
}

const char *kept_check(const struct worker *w) {
  const struct backlog *b = &w->backlog;
  unsigned sized = 0, waiting = 0;
  for (unsigned list = 0; list < KEPT_LISTS; list++) {
    if (!b->by_size[list] != !(b->sizes_used[list / WORD] >> list % WORD & 1))
      return "kept: the bitmap is wrong about a list";
    for (const struct asker *a = b->by_size[list]; a; a = a->next_sized, sized++) {
      if (!a->is_sized || a->size_list != list || list_of(a->bytes) != list)
        return "kept: an asker in the list of another size";
      if (a->next_sized && a->next_sized->prev_sized != a)
        return "kept: a list is not linked both ways";
    }
  }
  for (const struct asker *a = b->first; a; a = a->next_waiting) waiting++;
  return sized == waiting ? NULL : "kept: another number of askers has records";
}
