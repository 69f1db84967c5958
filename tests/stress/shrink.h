/* SPDX-License-Identifier: MIT
 *
 * Finding the shortest tail of a list of steps that still fails.
 */
#ifndef GAIJIN_TESTS_STRESS_SHRINK_H
#define GAIJIN_TESTS_STRESS_SHRINK_H

#include "tests/stress/run.h"

/* Index of the step from which on the list still fails when run by itself; `seconds` bounds the search. Each try is a process of its own. *reproduced
 * tells whether anything but the whole list was seen to fail again. */
size_t shrink(const struct settings *settings, const struct steps *steps, double seconds, bool *reproduced);

#endif
