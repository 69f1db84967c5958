/* SPDX-License-Identifier: MIT
 *
 * A short list, in no order.
 */
#include "broker/net/hot.h"

#include <assert.h>

void hot_init(struct connections *n) {
  n->hot = (struct hot){0};
  uv_idle_init(n->loop, &n->hot.awake);
}

void hot_set(struct connections *n, uint32_t poll_us) {
  assert(n->hot.count == 0);
  polling_init(&n->hot.polling, poll_us);
}

void hot_close(struct connections *n) { uv_close((uv_handle_t *)&n->hot.awake, NULL); }

void hot_enter(struct client *c) {
  struct hot *h = &c->connections->hot;
  c->vain_looks = 0;
  if (c->hot || h->count == HOT_MOST) return;
  h->all[h->count++] = c;
  c->hot = (uint8_t)h->count;
  if (c->lanes) ring_wake(&c->lanes->pair); /* it is looked at, and need not knock */
}

void hot_leave(struct client *c) {
  struct hot *h = &c->connections->hot;
  if (!c->hot) return;
  assert(c->hot <= h->count && h->all[c->hot - 1] == c);
  struct client *last = h->all[--h->count];
  h->all[c->hot - 1] = last;
  last->hot = c->hot;
  c->hot = 0;
}

void hot_leave_all(struct connections *n) {
  while (n->hot.count) hot_leave(n->hot.all[n->hot.count - 1]);
}

const char *hot_check(const struct connections *n) {
  const struct hot *h = &n->hot;
  unsigned hot = 0;
  if (h->count > HOT_MOST) return "hot: more than there is room for";
  if (h->count && !h->polling.is_on) return "hot: somebody is, and nobody is looked at";
  for (unsigned i = 0; i < h->count; i++)
    if (h->all[i]->hot != i + 1) return "hot: one has another place than it says";
  for (const struct client *c = n->all; c; c = c->next) hot += c->hot > 0;
  return hot == h->count ? NULL : "hot: one says so and is not in the list";
}
