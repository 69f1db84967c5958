/* SPDX-License-Identifier: MIT
 *
 * Gives way between two looks (proto/wait/polling.h). Never a pause of the processor instead: where
 * there are more processes than processors, whom we wait for may be waiting for ours.
 */
#ifndef GAIJIN_PROTO_LOOK_H
#define GAIJIN_PROTO_LOOK_H

#include <sched.h>

#include "proto/clock.h"
#include "proto/wait/polling.h"

/* A look has found nothing. True: look again; false: sleep. *now becomes the present time. */
static inline bool look_again(struct polling *p, double *now) {
  sched_yield();
  *now = clock_seconds();
  return polling_go_on(p, *now);
}

#endif
