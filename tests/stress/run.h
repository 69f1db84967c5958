/* SPDX-License-Identifier: MIT
 *
 * Runs of the stress test: made up from the seed, or again from a list of steps.
 */
#ifndef GAIJIN_TESTS_STRESS_RUN_H
#define GAIJIN_TESTS_STRESS_RUN_H

#include <stdio.h>

#include "tests/stress/system.h"

/* The steps of a run in their order. */
struct steps {
  struct step *list;
  size_t count, capacity;
};

struct outcome {
  bool failed;
  bool is_cut_short; /* it did not fail; `text` says why it ended (audit.h) */
  char text[4096];
  uint32_t done;   /* steps that were done */
  uint32_t audits;
  unsigned kills, broker_kills;
  double seconds;
  bool can_post;
};

/* Runs settings->steps steps made up from the seed and lists them in `made` (empty before; to be freed with
 * free(made->list)); the list ends with the batch that failed. Shows progress on `progress` unless it is NULL. */
void run_seed(const struct settings *settings, struct steps *made, struct outcome *outcome, FILE *progress);

/* Runs a list again, from the step `from` on: with workers of its own, so that the steps before never happened. */
void run_again(const struct settings *settings, const struct steps *steps, size_t from, struct outcome *outcome);

/* Prints steps as they are sent: those from `shown` on, in a model that begins with `from`. */
void run_print(const struct settings *settings, const struct steps *steps, size_t from, size_t shown, bool can_post, FILE *out);

#endif
