/* SPDX-License-Identifier: MIT
 *
 * Two workers that hold an object of each other, and whose broker was killed and started again.
 */
#ifndef GAIJIN_TESTS_BROKER_COMEBACK_TWO_H
#define GAIJIN_TESTS_BROKER_COMEBACK_TWO_H

#include "tests/unit/broker_comeback.h"

static struct wire w;
static struct worker shop, till, other;
static struct pt ware, coin;

/* till holds a ware of shop's, shop a coin of till's; then the broker is killed and started again. */
static inline void setup(void) {
  wire_open(&w, NULL);
  shop = till = other = (struct worker){.end = {.fd = -1}};
  worker_join(&w, &shop, "shop");
  worker_join(&w, &till, "till");
  ware = wire_token(&shop.end, 1);
  coin = wire_token(&till.end, 1);
  wire_fetch(&w, &till.end, &shop.end, "shop", &ware);
  wire_fetch(&w, &shop.end, &till.end, "till", &coin);
  wire_kill(&w);
  wire_again(&w, NULL);
}
static inline void teardown(void) {
  wire_leave(&shop.end);
  wire_leave(&till.end);
  wire_leave(&other.end);
  wire_close(&w);
}

/* Says all that it has: an object of its own, and one of the other's. */
static inline void come_back(struct worker *k, const struct pt *own, const struct pt *foreign) {
  worker_return(&w, k);
  worker_announce(&w, k, own, 1);
  worker_claim(&w, k, foreign, 1);
  worker_back(&w, k);
}

#endif
