/* SPDX-License-Identifier: MIT
 *
 * Stars divide a pattern into pieces. In a text that fits the first piece stands at the begin, the
 * last one at the end, and each piece between may be taken as early as it stands behind the one
 * before it: a later place leaves less room for the next. Pieces are searched for in the way of
 * Knuth, Morris and Pratt, which never goes back in the text. So the time is in proportion to the
 * sum of the sizes, and not to their product.
 */
#include "policy/pattern.h"

#include <assert.h>
#include <string.h>

/* Steps over one character of a pattern, which is the byte *c. */
static size_t step(const char *pattern, size_t size, size_t at, char *c) {
  if (pattern[at] == '\\' && at + 1 < size) at++;
  *c = pattern[at];
  return at + 1;
}

struct piece {
  char text[PATTERN_MOST_BYTES];
  size_t size;
};

/* Reads the piece that begins at `at`, up to a star or the end, and returns where that is; of one
 * of more than `most` bytes, which does not fit anyway, only the begin. */
static size_t read_piece(const char *pattern, size_t size, size_t at, size_t most, struct piece *p,
                         uint64_t *steps) {
  for (p->size = 0; at < size && pattern[at] != '*' && p->size <= most; ++*steps)
    at = step(pattern, size, at, &p->text[p->size++]);
  return at;
}

/* borders[i]: the most bytes that the first i + 1 bytes of the piece both begin and end with, but
 * fewer than they are. */
static void find_borders(const struct piece *p, uint16_t *borders, uint64_t *steps) {
  uint16_t n = 0;
  borders[0] = 0;
  for (size_t i = 1; i < p->size; borders[i++] = n, ++*steps) {
    for (; n > 0 && p->text[i] != p->text[n]; ++*steps) n = borders[n - 1];
    if (p->text[i] == p->text[n]) n++;
  }
}

/* The end of the first place of a piece, which is not empty, in a text from `at` on; 0: none. */
static size_t find(const struct piece *p, const char *text, size_t size, size_t at,
                   uint64_t *steps) {
  uint16_t borders[PATTERN_MOST_BYTES];
  size_t found = 0; /* so many bytes of the piece end here */
  find_borders(p, borders, steps);
  for (; at < size && found < p->size; at++, ++*steps) {
    for (; found > 0 && text[at] != p->text[found]; ++*steps) found = borders[found - 1];
    if (text[at] == p->text[found]) found++;
  }
  return found == p->size ? at : 0;
}

/* Whether a pattern fits from `at` on, where a star is, to a text from `t` on. */
static bool fits_behind(const char *pattern, size_t size, size_t at, const char *text,
                        size_t text_size, size_t t, uint64_t *steps) {
  struct piece p;
  for (;; at++, ++*steps) {
    while (at < size && pattern[at] == '*') at++;
    if (at == size) return true;
    at = read_piece(pattern, size, at, text_size - t, &p, steps);
    if (p.size > text_size - t) return false;
    if (at == size) break;
    t = find(&p, text, text_size, t, steps);
    if (!t) return false;
  }
  *steps += p.size;
  return memcmp(text + text_size - p.size, p.text, p.size) == 0;
}

bool pattern_fits(const char *pattern, size_t size, const char *text, size_t text_size,
                  uint64_t *steps) {
  size_t at = 0, t = 0;
  assert(size <= PATTERN_MOST_BYTES);
  for (++*steps; at < size && pattern[at] != '*'; ++*steps, t++) {
    char c;
    at = step(pattern, size, at, &c);
    if (t == text_size || c != text[t]) return false;
  }
  return at == size ? t == text_size
                    : fits_behind(pattern, size, at, text, text_size, t, steps);
}

/* Whether a piece is between two stars. */
static bool has_inner_piece(const char *pattern, size_t size) {
  bool starred = false, in_piece = false;
  char c;
  for (size_t at = 0; at < size;) {
    if (pattern[at] != '*') {
      at = step(pattern, size, at, &c);
      in_piece = starred;
      continue;
    }
    if (in_piece) return true;
    starred = true;
    at++;
  }
  return false;
}

uint64_t pattern_most_steps(const char *pattern, size_t size, size_t text_size) {
  return 1 + 3 * size + (has_inner_piece(pattern, size) ? 2 * text_size : 0);
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
