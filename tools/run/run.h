/* SPDX-License-Identifier: MIT
 *
 * The supervisor behind `gaijinctl run`: a broker (perhaps), workers, their output, and an end in
 * good order. A plan says what is to be (plan/), core/state.h has it all as data, and run.c carries
 * it out with what stands in the other folders: worker/ has a worker's processes, broker/ the
 * broker's and what is asked of both over the wire, control/ who asks the supervisor itself.
 */
#ifndef GAIJIN_TOOLS_RUN_H
#define GAIJIN_TOOLS_RUN_H

#include "tools/run/plan/plan.h"

/* Runs the plan to its end; takes its workers over. The exit status: 0, or 1 if a worker or the
 * broker failed; errors have been printed. */
int run(struct run_plan *plan);

#endif
