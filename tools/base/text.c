/* SPDX-License-Identifier: MIT
 *
 * Growing byte strings and escaping. What may be printed as it is, proto/printable.h knows.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* vasprintf, wcwidth */
#endif
#include "tools/base/text.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "proto/base.h"
#include "proto/printable.h"

static void out_of_memory(void) {
  fputs("gaijinctl: out of memory\n", stderr);
  exit(1);
}

void *tool_alloc(size_t count, size_t size) {
  void *p = calloc(count ? count : 1, size ? size : 1);
  if (!p) out_of_memory();
  return p;
}

void *tool_resize(void *array, size_t room, size_t size) {
  if (!room) room = 1;
  void *p = room <= SIZE_MAX / size ? realloc(array, room * size) : NULL;
  if (!p) out_of_memory();
  return p;
}

enum { ROOM_LEAST = 16 };

void *tool_grow(void *array, size_t count, size_t *room, size_t size) {
  if (count < *room) return array;
  *room = *room ? *room * 2 : ROOM_LEAST;
  return tool_resize(array, *room, size);
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

uint64_t text_hash(uint64_t seed, const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) seed = mix64(seed + (unsigned char)bytes[i] + 1);
  return seed;
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

void text_add_json(struct text *t, const char *bytes, size_t size) {
  char piece[256];
  text_add(t, "\"", 1);
  while (size) {
    size_t taken = printable_json(piece, sizeof piece, bytes, size);
    text_add(t, piece, strlen(piece));
    bytes += taken;
    size -= taken;
  }
  text_add(t, "\"", 1);
}

void text_add_plain(struct text *t, const char *bytes, size_t size) {
  char piece[256];
  while (size) {
    size_t taken = printable_escape(piece, sizeof piece, bytes, size, "");
    text_add(t, piece, strlen(piece));
    bytes += taken;
    size -= taken;
  }
}

static _Thread_local struct text *errors;

static void say_errors(void) {
  if (errors && errors->size) fwrite(errors->bytes, 1, errors->size, stderr);
}

void tool_error_to(struct text *t) {
  static atomic_flag is_noted = ATOMIC_FLAG_INIT;
  if (!atomic_flag_test_and_set(&is_noted)) atexit(say_errors);
  errors = t;
}

static enum log_format form = LOG_TEXT;

void tool_error_form(enum log_format f) { form = f; }

static void say(enum log_level level, const char *format, va_list list) {
  struct text t = {0};
  char *p = NULL, mark[LOG_MORE_BYTES];
  int n = vasprintf(&p, format, list);
  if (n < 0) out_of_memory();
  logline_more(mark, form, level);
  text_add_plain(&t, p, (size_t)n);
  if (errors)
    text_print(errors, "gaijinctl: %s\n", t.bytes ? t.bytes : "");
  else
    fprintf(stderr, "%sgaijinctl: %s\n", mark, t.bytes ? t.bytes : "");
  text_deinit(&t);
  free(p);
}

void tool_error(const char *format, ...) {
  va_list list;
  va_start(list, format);
  say(LOG_ERROR, format, list);
  va_end(list);
}

void tool_say(enum log_level level, const char *format, ...) {
  va_list list;
  va_start(list, format);
  say(level, format, list);
  va_end(list);
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

/* Whatever the user's is, what is printed is UTF-8; without such a locale each character counts as
 * one column. */
void text_begin(void) {
  setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX < 4 && !setlocale(LC_CTYPE, "C.UTF-8")) setlocale(LC_CTYPE, "C");
}

/* Columns of the character at `text`, and its bytes (*size). */
static size_t columns(const char *text, size_t left, size_t *size) {
  uint32_t code;
  *size = printable_decode(text, left, &code);
  int n = *size ? wcwidth((wchar_t)code) : 1;
  if (!*size) *size = 1;
  return n < 0 ? 1 : (size_t)n;
}

size_t text_width(const char *bytes, size_t size) {
  size_t n = 0;
  for (size_t at = 0, own; at < size; at += own) n += columns(bytes + at, size - at, &own);
  return n;
}

size_t text_fit(const char *bytes, size_t size, size_t width) {
  size_t at = 0;
  for (size_t n = 0, own; at < size; at += own) {
    n += columns(bytes + at, size - at, &own);
    if (n > width) break;
  }
  return at;
}
