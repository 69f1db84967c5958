/* SPDX-License-Identifier: MIT
 *
 * Where a text does not fit behind a star, the star takes one byte more. Only the last star needs
 * to: what stood before it fits as early as it can. So the time is at most the product of the
 * sizes.
 */
#include "policy/pattern.h"

/* Steps over one character of a pattern, which is the byte *c. */
static size_t step(const char *pattern, size_t size, size_t at, char *c) {
  if (pattern[at] == '\\' && at + 1 < size) at++;
  *c = pattern[at];
  return at + 1;
}

bool pattern_fits(const char *pattern, size_t size, const char *text, size_t text_size,
                  uint64_t *steps) {
  size_t at = 0, t = 0, behind_star = 0, star_text = 0;
  bool starred = false;
  for (++*steps; t < text_size; ++*steps) {
    char c;
    size_t next;
    if (at < size && pattern[at] == '*') {
      starred = true;
      behind_star = ++at;
      star_text = t;
    } else if (at < size && (next = step(pattern, size, at, &c), c == text[t])) {
      at = next;
      t++;
    } else if (starred) {
      at = behind_star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (at < size && pattern[at] == '*') at++;
  return at == size;
}

size_t pattern_plain(const char *pattern, size_t size, char *out) {
  size_t n = 0;
  for (size_t at = 0; at < size;) {
    if (pattern[at] == '*')
      at++;
    else
      at = step(pattern, size, at, &out[n++]);
  }
  return n;
}
