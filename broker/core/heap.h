/* SPDX-License-Identifier: MIT
 *
 * What is freed stays in the heap of the C library (proto/settings/memory.h): it is used again.
 * When the memory of all accounts has fallen by much, and stays low for a second, whatever comes
 * and goes, the library is told to give back what is free, also between what is in use: one small
 * record above a burst of messages would keep all of their memory in the process.
 */
#ifndef GAIJIN_BROKER_HEAP_H
#define GAIJIN_BROKER_HEAP_H

#include "broker/core/state.h"

void heap_open(struct broker *b);
/* To let the loop end. */
void heap_close(struct broker *b);

/* For heap_end_turn. */
void heap_has_changed(struct broker *b);

/* Once in each turn, at its end. */
static inline void heap_end_turn(struct broker *b) {
  if (memory_note(&b->heap.watch, b->connections.accounts.memory)) heap_has_changed(b);
}

#endif
