/* SPDX-License-Identifier: MIT
 *
 * What two processes see of a pair of rings: a sealed memory file of one page of counters and two
 * areas of bytes. `up` goes from the worker to the broker, `down` the other way.
 *
 * Counters are of bytes ever put or taken, modulo 2^32. Byte n of a ring lies at
 * (n - base) modulo RING_BYTES. Each line of 64 bytes is written by one side only, but for the two
 * flags, which one sets and the other takes.
 *
 * A side keeps what it writes here for itself as well, and never reads it back: here may be
 * anything, for the other end may be anybody.
 */
#ifndef GAIJIN_PROTO_RING_LAYOUT_H
#define GAIJIN_PROTO_RING_LAYOUT_H

#include <stdatomic.h>
#include <stdint.h>

/* The number of this layout, and of the steps below, which both ends must know. */
#define RING_LAYOUT 2u

/* Bytes: of one ring, a power of 2; of the counters; of all. */
#define RING_BYTES (256u << 10)
#define RING_PAGE_BYTES 4096u
#define RING_MAP_BYTES (RING_PAGE_BYTES + 2 * RING_BYTES)

/* The option of hello with which a worker asks for rings; its value is the layout it knows. */
#define RING_KEY "shm"
/* What a message `ring` says: the client stays on the socket; here are rings (the descriptor comes
 * with the message's first byte); what follows from its sender is in the ring; or, there, comes on
 * the socket again. */
enum ring_step { RING_REFUSED, RING_OFFERED, RING_MOVED, RING_LEFT };

struct ring_counters {
  _Alignas(64) _Atomic uint32_t head; /* the producer's: bytes put; */
  _Atomic uint32_t base; /* which byte lies first; changes while all that was put is taken */
  _Alignas(64) _Atomic uint32_t tail; /* the consumer's: bytes taken */
  _Alignas(64) _Atomic uint32_t sleeping; /* the consumer wants a knock when there are bytes, */
  _Alignas(64) _Atomic uint32_t full; /* and the producer when there is room */
};

struct ring_page {
  struct ring_counters up, down;
  _Alignas(64) _Atomic uint32_t layout; /* RING_LAYOUT; written once, by who made the file */
};

_Static_assert(sizeof(struct ring_page) <= RING_PAGE_BYTES, "the counters fit into their page");
_Static_assert((RING_BYTES & (RING_BYTES - 1)) == 0, "counters may wrap");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a lock would be another process's");

#endif
