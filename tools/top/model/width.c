/* SPDX-License-Identifier: MIT
 *
 * The C library's tables.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* wcwidth */
#endif
#include "tools/top/model/width.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "proto/printable.h"

void width_begin(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

size_t width_next(const char *bytes, size_t size, wchar_t *c, size_t *columns) {
  uint32_t code;
  size_t n = printable_decode(bytes, size, &code);
  int width = n ? wcwidth((wchar_t)code) : -1;
  *c = width < 0 ? L'?' : (wchar_t)code;
  *columns = width < 0 ? 1 : (size_t)width;
  return n ? n : 1;
}

size_t width_fit(const char *bytes, size_t size, size_t columns) {
  size_t at = 0, used = 0;
  while (at < size) {
    wchar_t c;
    size_t width, n = width_next(bytes + at, size - at, &c, &width);
    if (used + width > columns) break;
    used += width;
    at += n;
  }
  return at;
}

size_t width_of(const char *bytes, size_t size) {
  size_t used = 0;
  for (size_t at = 0; at < size;) {
    wchar_t c;
    size_t width;
    at += width_next(bytes + at, size - at, &c, &width);
    used += width;
  }
  return used;
}
