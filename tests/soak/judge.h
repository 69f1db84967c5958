/* SPDX-License-Identifier: MIT
 *
 * Whether a soak was flat: what is taken for a leak, and what for noise. docs/soak.md has the rules
 * for people.
 *
 * The first third of a run is warming up. Of each figure that must be flat the last third is
 * compared with the middle third: the least of its rows at rest, and the median of those in
 * traffic. Numbers that must come back to what they were are compared exactly, at rest.
 */
#ifndef GAIJIN_TESTS_SOAK_JUDGE_H
#define GAIJIN_TESTS_SOAK_JUDGE_H

#include "tests/soak/rows.h"

/* Prints a line for each figure that is judged to `out`, and counts. */
void judge_rows(const struct rows *r, FILE *out, unsigned *passed, unsigned *failed);

#endif
