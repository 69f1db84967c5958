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

/* Adds how many characters it has compared, and one, to *steps. */
bool pattern_fits(const char *pattern, size_t size, const char *text, size_t text_size,
                  uint64_t *steps);

/* What stands for itself in a pattern, without backslashes; `out` has `size` bytes. Its size. */
size_t pattern_plain(const char *pattern, size_t size, char *out);

#endif
