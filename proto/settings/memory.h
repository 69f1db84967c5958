/* SPDX-License-Identifier: MIT
 *
 * What our own programs settle with the C library about memory. It is theirs to say, not a
 * library's: nothing of this is for a process that is somebody else's.
 *
 * A page that the kernel maps anew costs 1 to 16 us, the more the more virtual the machine, and
 * 2 MB have 500 of them; to copy so much takes 0.1 ms. By itself the C library gives large blocks
 * back as soon as they are free, so each large message would be paid for in pages several times.
 * So what is freed is kept for what comes next, and given back when much of it has not been needed
 * for a second.
 */
#ifndef GAIJIN_PROTO_MEMORY_H
#define GAIJIN_PROTO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As realloc; but without memory it says so on stderr, if there is room for that, and ends the
 * program with status 1. For uv_replace_allocator. */
void *memory_grow_or_end(void *p, size_t n);

/* Once, when the program begins: what is freed is kept, but for blocks of more than
 * MEMORY_BLOCK_MOST, and for what is over MEMORY_KEPT_MOST at the heap's end. Whoever calls this
 * watches what is in use, as below. */
enum { MEMORY_BLOCK_MOST = 32 << 20, MEMORY_KEPT_MOST = 64 << 20 };
void memory_keep(void);

/* Gives back what is free. Takes milliseconds for each 10 MB. */
void memory_give_back(void);

/* Memory in use, watched for a fall: it is low while it has fallen by MEMORY_FALL bytes or more,
 * and to a part of MEMORY_LEFT of its most. When it has been low for MEMORY_LOW_MS, what is free is
 * given back. All zero: nothing was noted. */
enum { MEMORY_FALL = 4 << 20, MEMORY_LEFT = 4, MEMORY_LOW_MS = 1000 };
struct memory_watch {
  uint64_t most; /* since it was given back last */
  bool is_low;
};

/* So many bytes are in use now. Whether it has become low, or is not any more. */
static inline bool memory_note(struct memory_watch *m, uint64_t used) {
  if (used > m->most) m->most = used;
  bool low = m->most - used >= MEMORY_FALL && used <= m->most / MEMORY_LEFT;
  bool changed = low != m->is_low;
  m->is_low = low;
  return changed;
}
/* So many were in use when it was given back. */
static inline void memory_given_back(struct memory_watch *m, uint64_t used) {
  *m = (struct memory_watch){.most = used};
}

#endif
