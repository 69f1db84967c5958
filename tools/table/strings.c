/* SPDX-License-Identifier: MIT
 *
 * A string that is too large for what is left of a block begins another one.
 */
#include "tools/table/strings.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

enum { BLOCK = 64 << 10 };

struct strings_block {
  struct strings_block *next;
  size_t used, room;
  char bytes[];
};

/* A block for one large string stands behind the first, whose room is not lost. */
static struct strings_block *add_block(struct strings *s, size_t room) {
  struct strings_block *b = malloc(sizeof *b + room);
  if (!b) {
    tool_error("out of memory");
    exit(1);
  }
  *b = (struct strings_block){.room = room};
  struct strings_block **at = s->blocks && room > BLOCK ? &s->blocks->next : &s->blocks;
  b->next = *at;
  *at = b;
  return b;
}

const char *strings_add(struct strings *s, const char *bytes, size_t size) {
  struct strings_block *b = s->blocks;
  if (!b || b->room - b->used <= size) b = add_block(s, size < BLOCK ? BLOCK : size + 1);
  char *copy = b->bytes + b->used;
  if (size) memcpy(copy, bytes, size);
  copy[size] = 0;
  b->used += size + 1;
  return copy;
}

void strings_deinit(struct strings *s) {
  for (struct strings_block *b = s->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  s->blocks = NULL;
}
