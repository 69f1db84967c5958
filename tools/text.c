/* SPDX-License-Identifier: MIT
 *
 * Growing byte strings and escaping. A character is printed as it is only when
 * it is a whole, shortest-form UTF-8 sequence of a code point that is neither a
 * surrogate nor a control character: names come from other programs, and a
 * terminal obeys what it is sent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vasprintf */
#endif
#include "tools/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tool_error(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("gaijinctl: ", stderr);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  va_end(list);
}

static void out_of_memory(void) {
  fputs("gaijinctl: out of memory\n", stderr);
  exit(1);
}

void *tool_alloc(size_t count, size_t size) {
  void *p = calloc(count ? count : 1, size ? size : 1);
  if (!p) out_of_memory();
  return p;
}

char *tool_copy(const char *bytes, size_t size) {
  char *p = tool_alloc(size + 1, 1);
  if (size) memcpy(p, bytes, size);
  return p;
}

void text_deinit(struct text *t) {
  free(t->bytes);
  *t = (struct text){0};
}

void text_add(struct text *t, const char *bytes, size_t size) {
  if (t->room - t->size <= size) {
    size_t room = t->room ? t->room : 32;
    while (room - t->size <= size) {
      if (room > SIZE_MAX / 2) out_of_memory();
      room *= 2;
    }
    char *p = realloc(t->bytes, room);
    if (!p) out_of_memory();
    t->bytes = p;
    t->room = room;
  }
  if (size) memcpy(t->bytes + t->size, bytes, size);
  t->size += size;
  t->bytes[t->size] = 0;
}

void text_print(struct text *t, const char *format, ...) {
  va_list list;
  va_start(list, format);
  char *p = NULL;
  int n = vasprintf(&p, format, list);
  va_end(list);
  if (n < 0) out_of_memory();
  text_add(t, p, (size_t)n);
  free(p);
}

/* Length of the printable UTF-8 character at p, 0 if there is none. */
static size_t character(const unsigned char *p, size_t left) {
  if (p[0] >= 0x20 && p[0] < 0x7f) return 1;
  size_t n = p[0] >= 0xf0 && p[0] < 0xf5   ? 4
             : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
             : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                                           : 0;
  if (n == 0 || n > left) return 0;
  uint32_t code = p[0] & (0xffu >> (n + 1));
  for (size_t i = 1; i < n; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    code = (code << 6) | (p[i] & 0x3fu);
  }
  static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
  if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  return n;
}

void text_add_json(struct text *t, const char *bytes, size_t size) {
  const unsigned char *p = (const unsigned char *)bytes;
  text_add(t, "\"", 1);
  for (size_t i = 0, n; i < size; i += n) {
    n = character(p + i, size - i);
    if (n == 0) {
      text_print(t, "\\u%04x", p[i]);
      n = 1;
      continue;
    }
    if (p[i] == '"' || p[i] == '\\') text_add(t, "\\", 1);
    text_add(t, bytes + i, n);
  }
  text_add(t, "\"", 1);
}

void text_add_plain(struct text *t, const char *bytes, size_t size) {
  const unsigned char *p = (const unsigned char *)bytes;
  for (size_t i = 0, n; i < size; i += n) {
    n = character(p + i, size - i);
    if (n == 0) {
      text_print(t, "\\x%02x", p[i]);
      n = 1;
    } else {
      text_add(t, bytes + i, n);
    }
  }
}

void text_add_number(struct text *t, double v) {
  if (isnan(v)) {
    text_add(t, "nan", 3);
  } else if (isinf(v)) {
    text_print(t, "%sinf", v < 0 ? "-" : "");
  } else {
    char s[40];
    snprintf(s, sizeof s, "%.15g", v);
    if (strtod(s, NULL) != v) snprintf(s, sizeof s, "%.17g", v);
    text_add(t, s, strlen(s));
  }
}

size_t text_width(const char *bytes, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < size; i++) n += (bytes[i] & 0xc0) != 0x80;
  return n;
}
