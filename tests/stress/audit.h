/* SPDX-License-Identifier: MIT
 *
 * Comparing the system with the model when all is quiet: what the broker's books
 * say, what every slot, label and cell really refers to, and what is alive.
 */
#ifndef GAIJIN_TESTS_STRESS_AUDIT_H
#define GAIJIN_TESTS_STRESS_AUDIT_H

#include "tests/stress/system.h"

/* Settles the model, has all workers collect until nothing changes, and compares. A difference ends the run.
 * When cycles across workers keep many objects, they are broken, and it compares again. */
void audit(struct system *s, struct model *m);
/* What audit does to the model, without a system. Returns whether cycles were broken. */
bool audit_model(struct model *m);

/* Empties all slots, labels and cells, in the model and the system. */
void audit_clear(struct system *s, struct model *m);

/* What a run ends with that found nothing wrong, and cannot go on. */
extern const char audit_left_out[];

#endif
