/* SPDX-License-Identifier: MIT
 *
 * A timer runs while the memory is low: it fires if that lasts.
 */
#include "broker/core/heap.h"

static void on_low(uv_timer_t *timer) {
  struct broker *b = timer->data;
  memory_given_back(&b->heap.watch, b->connections.accounts.memory);
  b->heap.trims++;
  memory_give_back();
}

void heap_open(struct broker *b) {
  uv_timer_init(b->loop, &b->heap.low);
  b->heap.low.data = b;
}

void heap_close(struct broker *b) { uv_close((uv_handle_t *)&b->heap.low, NULL); }

void heap_has_changed(struct broker *b) {
  if (b->heap.watch.is_low)
    uv_timer_start(&b->heap.low, on_low, MEMORY_LOW_MS, 0);
  else
    uv_timer_stop(&b->heap.low);
}
