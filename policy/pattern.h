/* SPDX-License-Identifier: MIT
 *
 * Patterns: `*` stands for any text, also for none; a backslash takes its meaning from the
 * character that follows it. All else stands for itself.
 */
#ifndef GAIJIN_POLICY_PATTERN_H
#define GAIJIN_POLICY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer one is in no line of a policy. */
enum { PATTERN_MOST_BYTES = 256 };

/* Adds how many characters it has looked at, and one, to *steps: about 2 ns each. The time is at
 * most in proportion to the sum of the two sizes. */
bool pattern_fits(const char *pattern, size_t size, const char *text, size_t text_size,
                  uint64_t *steps);

/* So many steps at most are taken for a text of so many bytes, whatever it is. */
uint64_t pattern_most_steps(const char *pattern, size_t size, size_t text_size);

/* What stands for itself in a pattern, without backslashes; `out` has `size` bytes. Its size. */
size_t pattern_plain(const char *pattern, size_t size, char *out);

#endif
