/* SPDX-License-Identifier: MIT
 *
 * A job of the broker that sees in each turn what has been spent before it.
 */
#ifndef GAIJIN_TESTS_BROKER_PROBE_H
#define GAIJIN_TESTS_BROKER_PROBE_H

#include "broker/base/work.h"
#include "proto/base.h"

struct probe {
  struct job job;
  uint64_t most;
};

/* The probe's run, for work_add. */
static inline bool look(struct work *work, struct job *j) {
  struct probe *p = container_of(j, struct probe, job);
  if (work->spent > p->most) p->most = work->spent;
  return true;
}

#endif
