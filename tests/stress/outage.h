/* SPDX-License-Identifier: MIT
 *
 * A batch in which the broker is killed. What its lanes ask may be lost, done or not, and nothing may be done twice:
 * each request of a worker has an id, which who serves it must not see again.
 */
#ifndef GAIJIN_TESTS_STRESS_OUTAGE_H
#define GAIJIN_TESTS_STRESS_OUTAGE_H

#include "tests/stress/system.h"

/* Starts the lanes, kills the broker and starts it again, waits until all is quiet: everybody is back or dead, every lane
 * has ended, and so has whatever they asked for. Of the places that the batch writes it notes which may be as before:
 * those of steps that nobody was told were done. */
void outage_run(struct system *s, struct batch *b);

/* After batch_end and outage_run: finds what each place that the batch writes really has, which must be
 * what the model says, or what it had if it may be as before, and has the model say so. Then everybody must find dead what is dead, and lets go of it: the
 * broker that is there now has never heard of it, so it is in no books. */
void outage_settle(struct system *s, struct model *m, const struct batch *b);

#endif
