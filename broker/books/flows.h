/* SPDX-License-Identifier: MIT
 *
 * The one-way requests that have been forwarded and that their receiver has not reported as taken:
 * one record per pair of sender and target (numbers of hosts), which exists only while something
 * is outstanding. A pair never has more than its window allows (proto/window.h). This file sends
 * nothing.
 */
#ifndef GAIJIN_BROKER_FLOWS_H
#define GAIJIN_BROKER_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/base/lists.h"
#include "proto/window.h"

struct flow {
  uint32_t sender, target, link;
  struct window outstanding;
  struct links of_sender, of_target;
};

struct flows {
  struct window window; /* of every pair */
  struct slab all;
  struct chain by_pair;
  struct owners by_sender, by_target;
};

enum flows_outcome { FLOWS_OK, FLOWS_FULL, FLOWS_NO_MEMORY };

/* False when memory is short. A zeroed struct is valid to deinit. */
bool flows_init(struct flows *f, const struct window *window, uint64_t seed);
void flows_deinit(struct flows *f);

/* One more of `size` bytes is forwarded. FULL: there is no room in the window. Unless OK nothing
 * has changed. */
enum flows_outcome flows_sent(struct flows *f, uint32_t sender, uint32_t target, uint32_t size);
/* So much has been taken. False, and nothing has changed: that cannot be, less is outstanding. */
bool flows_taken(struct flows *f, uint32_t sender, uint32_t target, const struct window *taken);
/* What is outstanding. */
struct window flows_outstanding(const struct flows *f, uint32_t sender, uint32_t target);
/* Removes the records of a host that has ended, as sender and as target. */
void flows_forget(struct flows *f, uint32_t host);

static inline struct flow *flows_at(const struct flows *f, uint32_t flow) {
  return slab_at(&f->all, flow);
}

/* NULL, or a static text that says which invariant is broken. */
const char *flows_check(const struct flows *f);

#endif
