/* SPDX-License-Identifier: MIT
 *
 * By the number of letters that differ. A word of one or two letters is like every other one, so
 * nothing is like it; one of up to four may differ in one letter, a longer one in two.
 */
#include "proto/settings/nearest.h"

#include <string.h>

enum { NEAR_BYTES = 65 }; /* the longest name of a worker, and its end */

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

/* Letters to be added, taken away, changed or exchanged with their neighbours to make one of the
 * other (Damerau, Levenshtein). Both below NEAR_BYTES. */
static size_t distance(const char *a, size_t a_size, const char *b, size_t b_size) {
  size_t d[NEAR_BYTES][NEAR_BYTES]; /* of the first i letters to the first k */
  for (size_t i = 0; i <= a_size; i++) {
    for (size_t k = 0; k <= b_size; k++) {
      if (i == 0 || k == 0) {
        d[i][k] = i + k;
        continue;
      }
      d[i][k] = least_of(d[i - 1][k - 1] + (a[i - 1] != b[k - 1]),
                         least_of(d[i - 1][k], d[i][k - 1]) + 1);
      if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
        d[i][k] = least_of(d[i][k], d[i - 2][k - 2] + 1);
    }
  }
  return d[a_size][b_size];
}

void nearest_begin(struct nearest *n, const char *typed, size_t size) {
  *n = (struct nearest){.typed = typed, .size = size, .best = size < 5 ? 2 : 3};
}

void nearest_try(struct nearest *n, const char *name, size_t which) {
  size_t size = strlen(name);
  if (n->size < 3 || n->size >= NEAR_BYTES || size >= NEAR_BYTES) return;
  bool begins = size > n->size && memcmp(name, n->typed, n->size) == 0;
  size_t d = begins ? 1 : distance(n->typed, n->size, name, size);
  if (d >= n->best) return;
  n->best = d;
  n->found = true;
  n->which = which;
}
