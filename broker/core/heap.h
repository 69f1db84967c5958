/* SPDX-License-Identifier: MIT
 *
 * What is freed stays in the heap of the C library, which gives back by itself only what lies at
 * its end: one small record above a burst of messages keeps all of their memory in the process. So
 * it is told to give back what is free when the memory of all accounts has fallen by much and to
 * little, and not again within a second, whatever comes and goes.
 */
#ifndef GAIJIN_BROKER_HEAP_H
#define GAIJIN_BROKER_HEAP_H

#include "broker/core/state.h"

enum { HEAP_FALL = 4 << 20, HEAP_LEFT = 4 };

void heap_open(struct broker *b);
/* To let the loop end. */
void heap_close(struct broker *b);

/* For heap_end_turn. */
void heap_has_fallen(struct broker *b);

/* Once in each turn, at its end. */
static inline void heap_end_turn(struct broker *b) {
  uint64_t memory = b->connections.accounts.memory, most = b->heap.most;
  if (memory >= most)
    b->heap.most = memory;
  else if (most - memory >= HEAP_FALL && memory <= most / HEAP_LEFT)
    heap_has_fallen(b);
}

#endif
