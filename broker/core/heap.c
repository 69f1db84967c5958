/* SPDX-License-Identifier: MIT
 *
 * Giving back takes milliseconds for each 10 MB, and what is needed again is mapped again page by
 * page.
 */
#include "broker/core/heap.h"

#include <malloc.h>

enum { HEAP_MS = 1000 };

/* The end of the turn that this timer causes does the rest. */
static void on_later(uv_timer_t *timer) { (void)timer; }

void heap_open(struct broker *b) {
  uv_timer_init(b->loop, &b->heap.later);
}

void heap_close(struct broker *b) { uv_close((uv_handle_t *)&b->heap.later, NULL); }

void heap_has_fallen(struct broker *b) {
  struct heap *h = &b->heap;
  uint64_t since = uv_now(b->loop) - h->trimmed_ms;
  if (h->trims > 0 && since < HEAP_MS) {
    if (!uv_is_active((uv_handle_t *)&h->later))
      uv_timer_start(&h->later, on_later, HEAP_MS - since, 0);
    return;
  }
  h->most = b->connections.accounts.memory;
  h->trimmed_ms = uv_now(b->loop);
  h->trims++;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}
