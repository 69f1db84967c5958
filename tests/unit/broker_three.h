/* SPDX-License-Identifier: MIT
 *
 * A broker (broker_wire.h) with workers a and b, and an observer, o.
 */
#ifndef GAIJIN_TESTS_BROKER_THREE_H
#define GAIJIN_TESTS_BROKER_THREE_H

#include "tests/unit/broker_wire.h"

static struct wire w;
static struct end a, b, o;

static inline void three_open(const struct broker_config *config) {
  wire_open(&w, config);
  wire_join(&w, &a, "a");
  wire_join(&w, &b, "b");
  wire_join_as(&w, &o, "o", true);
}
static inline void teardown(void) {
  wire_leave(&a);
  wire_leave(&b);
  wire_leave(&o);
  wire_close(&w);
}

#endif
