/* SPDX-License-Identifier: MIT
 *
 * Single bytes become \xNN, characters \u{NNNN}: so one sees whether a text was malformed.
 */
#include "proto/printable.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

size_t printable_decode(const char *text, size_t left, uint32_t *code) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint8_t *p = (const uint8_t *)text;
  size_t n = p[0] < 0x80                   ? 1
             : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
             : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
             : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                           : 0;
  if (n == 0 || n > left) return 0;
  uint32_t c = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    c = (c << 6) | (p[i] & 0x3fu);
  }
  if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return 0;
  *code = c;
  return n;
}

bool printable_steers(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200b || c == 0x200e ||
         c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* How the character at `text` is shown (*size bytes in `out`); returns what it has in the text. */
static size_t show(char out[PRINTABLE_MOST + 1], size_t *size, const char *text, size_t left,
                   const char *kept) {
  uint32_t code;
  size_t n = printable_decode(text, left, &code);
  bool plain = n > 0 && (!printable_steers(code) || (code && code < 0x80 && strchr(kept, *text)));
  if (plain) {
    memcpy(out, text, n);
    *size = n;
    return n;
  }
  if (n > 1)
    *size = (size_t)snprintf(out, PRINTABLE_MOST + 1, "\\u{%x}", (unsigned)code);
  else
    *size = (size_t)snprintf(out, PRINTABLE_MOST + 1, "\\x%02x", (unsigned)(uint8_t)*text);
  assert(*size <= PRINTABLE_MOST);
  return n ? n : 1;
}

size_t printable_escape(char *out, size_t n, const char *text, size_t size, const char *kept) {
  size_t taken = 0, used = 0, own, shown;
  char one[PRINTABLE_MOST + 1];
  assert(n > PRINTABLE_MOST);
  for (; taken < size; taken += own, used += shown) {
    own = show(one, &shown, text + taken, size - taken, kept);
    if (used + shown >= n) break;
    memcpy(out + used, one, shown);
  }
  out[used] = '\0';
  return taken;
}
