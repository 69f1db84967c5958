/* SPDX-License-Identifier: MIT
 *
 * A pair of rings in memory that two processes share, as one of the two has it: it takes bytes from
 * one ring and puts bytes into the other. A stream of bytes each way, like that of a socket, and
 * the knocks that a side needs which sleeps. No I/O is done here: that a knock is due is told to
 * the caller, who sends it, and waits for one, wherever he likes.
 *
 * The other side is not trusted. Each of its counters is read once for each use, compared with the
 * own ones, and only then used; bytes are copied out before anybody looks at them. A counter that
 * goes back, or further than there are bytes or room, breaks the pair: is_broken then, for good,
 * and nothing is put or taken any more. So one that turns its counters to and fro ends no loop of
 * ours later than one that does not.
 *
 * A ring that is empty rewinds: the next byte lies at its begin, so that a stream of small messages
 * stays in the first pages of its ring.
 *
 * Sleeping. Whoever is about to sleep says so, then looks once more; whoever has put or taken
 * something publishes that, then looks whether the other sleeps, and takes the flag away as it
 * knocks. All four are sequentially consistent: of two that do so at once one sees the other's, so
 * no wake-up is lost. (Fences would do as well; the thread sanitiser does not know them.)
 * Who is woken empties what knocks come by *before* ring_wake and the next look: else it would
 * throw the knock away that is for its next sleep.
 *
 * Between ring_wake and ring_sleep a side is not knocked at, so it must not wait for anything then.
 */
#ifndef GAIJIN_PROTO_RING_H
#define GAIJIN_PROTO_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ring/layout.h"

enum ring_side { RING_WORKER, RING_BROKER };

struct rings {
  struct ring_page *page; /* NULL: there are none */
  struct ring_counters *in, *out;
  const uint8_t *in_bytes;
  uint8_t *out_bytes;
  uint32_t tail, seen_head; /* of `in`: taken; put, when it was looked at last */
  uint32_t head, base; /* of `out`: put; as in the layout */
  uint32_t published, seen_tail; /* put and told; taken, when it was looked at last */
  bool is_asleep; /* ring_sleep was the last of the two */
  bool is_broken; /* the other side has written what cannot be */
};

/* The counters of one side, to go on with in another program. */
struct ring_place {
  uint32_t tail, head, base;
};

/* The pair lies in RING_MAP_BYTES at `map`, which is the caller's, and of which this side has used
 * nothing yet, or up to `from`. It is awake: there may be something already. */
void rings_attach(struct rings *r, void *map, enum ring_side side, const struct ring_place *from);
/* Where it stands. All that was put must be published. */
struct ring_place rings_place(const struct rings *r);

/* Copies at most `n` bytes into the ring, where the other side does not see them yet. Returns how
 * many found room. */
uint32_t ring_put(struct rings *r, const void *bytes, size_t n);
/* The other side sees what was put. True: it is to be knocked at. */
bool ring_publish(struct rings *r);
/* Bytes that find room now; 0 if it is broken. */
uint32_t ring_room(struct rings *r);
/* Whether the other side has taken all that was put, and waits for more. */
bool ring_is_quiet(struct rings *r);

/* Copies at most `n` bytes out. Returns how many. *knock becomes true if the other side waits for
 * the room that this has made, and is to be knocked at; else it stays. */
uint32_t ring_take(struct rings *r, void *bytes, size_t n, bool *knock);
/* Whether something is there to take, or the pair is_broken or found so by ring_take. */
static inline bool ring_has(const struct rings *r) {
  return r->is_broken || atomic_load_explicit(&r->in->head, memory_order_acquire) != r->tail;
}

/* The number of the byte behind those that were put by now. It may be anything. */
static inline uint32_t ring_end(const struct rings *r) {
  return atomic_load_explicit(&r->in->head, memory_order_acquire);
}

/* It is about to sleep until it is knocked at. False: it must not, for something has come; it is
 * awake. */
bool ring_sleep(struct rings *r);
/* It is awake. */
void ring_wake(struct rings *r);
/* Not all that was to be put found room. True: there is none, and a knock will come when there is;
 * false: put the rest. */
bool ring_await_room(struct rings *r);

/* NULL, or a static text that says which invariant is broken of this side's own. */
const char *rings_check(const struct rings *r);

#endif
