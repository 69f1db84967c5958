/* SPDX-License-Identifier: MIT
 *
 * Faults are texts for people, so what they quote of the text is escaped.
 */
#include "tools/touch/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/printable.h"

struct scan scan_of(const char *text) { return (struct scan){.text = text, .size = strlen(text)}; }

static void note(struct scan *s, size_t at, const char *format, va_list args) {
  char raw[SCAN_TEXT];
  if (s->failed) return;
  s->failed = true;
  s->fault_at = at;
  vsnprintf(raw, sizeof raw, format, args);
  printable_escape(s->fault, sizeof s->fault, raw, strlen(raw), "");
}

bool scan_fail(struct scan *s, size_t at, const char *format, ...) {
  va_list args;
  va_start(args, format);
  note(s, at, format, args);
  va_end(args);
  return false;
}

bool scan_fail_end(struct scan *s, const char *format, ...) {
  va_list args;
  s->unfinished = s->unfinished || !s->failed;
  va_start(args, format);
  note(s, s->size, format, args);
  va_end(args);
  return false;
}

int scan_byte(const struct scan *s) {
  return s->at < s->size ? (unsigned char)s->text[s->at] : -1;
}

int scan_peek(struct scan *s) {
  while (s->at < s->size && strchr(" \t\r\n", s->text[s->at]) && s->text[s->at]) s->at++;
  return scan_byte(s);
}

bool scan_take(struct scan *s, char c) {
  if (scan_peek(s) != (unsigned char)c) return false;
  s->at++;
  return true;
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

size_t scan_word(const struct scan *s) {
  size_t n = 0;
  while (s->at + n < s->size) {
    char c = s->text[s->at + n];
    if (!is_letter(c) && !(n && c >= '0' && c <= '9')) break;
    n++;
  }
  return n;
}

size_t scan_column(const struct scan *s) {
  size_t column = 1;
  for (size_t i = 0; i < s->fault_at; i++) column += (s->text[i] & 0xc0) != 0x80;
  return column;
}
