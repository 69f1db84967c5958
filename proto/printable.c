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
  static const struct {
    uint32_t first, last;
  } ranges[] = {
      {0, 0x1f}, {0x7f, 0x9f}, {0x2028, 0x202e}, /* control characters, lines, directions */
      /* Unicode's Default_Ignorable_Code_Point without U+200C and U+200D */
      {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
      {0x180b, 0x180f}, {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2060, 0x206f}, {0x3164, 0x3164},
      {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8},
      {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (c >= ranges[i].first && c <= ranges[i].last) return true;
  return false;
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

/* The same in a string of JSON: what lies beyond the first plane is a pair of surrogates there. */
static size_t show_json(char out[PRINTABLE_JSON_MOST + 1], size_t *size, const char *text,
                        size_t left) {
  uint32_t code;
  size_t n = printable_decode(text, left, &code);
  bool quoted = n == 1 && (*text == '"' || *text == '\\');
  if (n > 0 && !printable_steers(code)) {
    if (quoted) out[0] = '\\';
    memcpy(out + quoted, text, n);
    *size = n + quoted;
    return n;
  }
  if (n == 0) code = (uint8_t)*text;
  if (code < 0x10000)
    *size = (size_t)snprintf(out, PRINTABLE_JSON_MOST + 1, "\\u%04x", (unsigned)code);
  else
    *size = (size_t)snprintf(out, PRINTABLE_JSON_MOST + 1, "\\u%04x\\u%04x",
                             0xd800 + (unsigned)((code - 0x10000) >> 10),
                             0xdc00 + (unsigned)(code & 0x3ff));
  assert(*size <= PRINTABLE_JSON_MOST);
  return n ? n : 1;
}

size_t printable_json(char *out, size_t n, const char *text, size_t size) {
  size_t taken = 0, used = 0, own, shown;
  char one[PRINTABLE_JSON_MOST + 1];
  assert(n > PRINTABLE_JSON_MOST);
  for (; taken < size; taken += own, used += shown) {
    own = show_json(one, &shown, text + taken, size - taken);
    if (used + shown >= n) break;
    memcpy(out + used, one, shown);
  }
  out[used] = '\0';
  return taken;
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
