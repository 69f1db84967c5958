/* SPDX-License-Identifier: MIT
 *
 * Recursion is bounded by LITERAL_DEPTH, and every byte is looked at once or twice: a '[' where an
 * entry of {} may begin is always a key, so nothing is tried and taken back.
 */
#include "tools/touch/literal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

static bool value(struct scan *s, struct data *d, struct datum *out, int depth);

/* ---- Numbers and words ---- */

static bool is_digit(int c) { return c >= '0' && c <= '9'; }
static bool is_alnum(int c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes of what looks like a number from `at` on: as far as its characters go. */
static size_t number_bytes(const struct scan *s, size_t at) {
  size_t n = 0;
  bool hex = at + 1 < s->size && s->text[at] == '0' && (s->text[at + 1] | 32) == 'x';
  for (; at + n < s->size; n++) {
    char c = s->text[at + n];
    char before = n ? (char)(s->text[at + n - 1] | 32) : 0;
    bool is_sign = (c == '+' || c == '-') && before == (hex ? 'p' : 'e');
    if (!is_alnum(c) && c != '.' && c != '_' && !is_sign) break;
  }
  return n;
}

static bool number(struct scan *s, struct datum *out, size_t start) {
  char copy[400], *end;
  size_t n = number_bytes(s, s->at);
  if (n >= sizeof copy) return scan_fail(s, start, "a number of more than 399 characters");
  memcpy(copy, s->text + s->at, n);
  copy[n] = '\0';
  double v = strtod(copy, &end);
  if (*end || n == 0) return scan_fail(s, start, "'%.60s' is no number", copy);
  if (isinf(v)) return scan_fail(s, start, "'%.60s' is too large; infinity is written inf", copy);
  s->at += n;
  *out = datum_number(s->text[start] == '-' ? -v : v);
  return true;
}

static bool is_word(const struct scan *s, size_t n, const char *word) {
  return strlen(word) == n && memcmp(s->text + s->at, word, n) == 0;
}

/* inf or nan, behind a sign perhaps. */
static bool special(struct scan *s, size_t n, struct datum *out, bool negative) {
  double v;
  if (is_word(s, n, "inf"))
    v = INFINITY;
  else if (is_word(s, n, "nan"))
    v = NAN;
  else
    return false;
  s->at += n;
  *out = datum_number(negative ? -v : v);
  return true;
}

static bool negative(struct scan *s, struct datum *out) {
  size_t start = s->at++;
  if (special(s, scan_word(s), out, true)) return true;
  int c = scan_byte(s);
  if (!is_digit(c) && c != '.') return scan_fail(s, start, "a number is missing behind '-'");
  return number(s, out, start);
}

static bool word(struct scan *s, struct datum *out) {
  size_t n = scan_word(s);
  *out = (struct datum){.type = DATUM_NIL};
  if (special(s, n, out, false)) return true;
  if (is_word(s, n, "true") || is_word(s, n, "false"))
    *out = (struct datum){.type = DATUM_BOOL, .boolean = s->text[s->at] == 't'};
  else if (!is_word(s, n, "nil") && !is_word(s, n, "null"))
    return scan_fail(s, s->at, "'%.*s' is no value; a text needs quotes", n > 60 ? 60 : (int)n,
                     s->text + s->at);
  s->at += n;
  return true;
}

/* ---- Strings ---- */

static int hex_value(int c) {
  if (is_digit(c)) return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* So many hex digits; -1: they are not there. */
static long hex(struct scan *s, int digits) {
  long v = 0;
  for (; digits > 0; digits--) {
    int h = hex_value(scan_byte(s));
    if (h < 0) return -1;
    v = v * 16 + h;
    s->at++;
  }
  return v;
}

static void add_utf8(struct text *t, uint32_t code) {
  char b[4];
  size_t n = 0;
  if (code < 0x80) {
    b[n++] = (char)code;
  } else {
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    b[n++] = (char)((more == 1 ? 0xc0 : more == 2 ? 0xe0 : 0xf0) | code >> 6 * more);
    while (more-- > 0) b[n++] = (char)(0x80 | (code >> 6 * more & 0x3f));
  }
  text_add(t, b, n);
}

/* \u{...} of Lua, \uNNNN of JSON, there with a second one for what is beyond U+FFFF. */
static bool unicode(struct scan *s, struct text *t, size_t start) {
  long code = 0;
  if (scan_byte(s) == '{') {
    s->at++;
    int h, n = 0;
    for (; (h = hex_value(scan_byte(s))) >= 0 && n < 8; n++, s->at++) code = code * 16 + h;
    if (n == 0 || scan_byte(s) != '}') return scan_fail(s, start, "\\u{...} takes hex digits");
    s->at++;
  } else {
    code = hex(s, 4);
    if (code >= 0xd800 && code < 0xdc00 && s->at + 1 < s->size && s->text[s->at] == '\\' &&
        s->text[s->at + 1] == 'u') {
      s->at += 2;
      long low = hex(s, 4);
      code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                                           : -1;
    }
  }
  if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
    return scan_fail(s, start, "there is no such character");
  add_utf8(t, (uint32_t)code);
  return true;
}

/* \ddd, 1 to 3 digits. */
static bool decimal(struct scan *s, struct text *t, size_t start) {
  int v = 0;
  for (int n = 0; n < 3 && is_digit(scan_byte(s)); n++) v = v * 10 + s->text[s->at++] - '0';
  if (v > 255) return scan_fail(s, start, "a byte is 255 at most");
  text_add(t, (const char[]){(char)v}, 1);
  return true;
}

/* What follows a backslash, which stands at `start`. */
static bool escape(struct scan *s, struct text *t, size_t start) {
  static const char letters[] = "abfnrtv\\\"'/\n", meant[] = "\a\b\f\n\r\t\v\\\"'/\n";
  int c = scan_byte(s);
  if (is_digit(c)) return decimal(s, t, start);
  s->at++;
  if (c == 'x') {
    long v = hex(s, 2);
    if (v < 0) return scan_fail(s, start, "\\x takes two hex digits");
    text_add(t, (const char[]){(char)v}, 1);
    return true;
  }
  if (c == 'u') return unicode(s, t, start);
  const char *found = c > 0 ? strchr(letters, c) : NULL;
  if (!found) return scan_fail(s, start, "there is no escape \\%c", c >= ' ' && c < 127 ? c : '?');
  text_add(t, &meant[found - letters], 1);
  return true;
}

bool literal_scan_string(struct scan *s, struct data *d, struct datum *out) {
  struct text t = {0};
  char quote = s->text[s->at++];
  bool good = true;
  text_add(&t, "", 0);
  while (good) {
    size_t start = s->at;
    int c = scan_byte(s);
    if (c < 0 || (c == '\\' && s->at + 1 == s->size)) {
      good = scan_fail_end(s, "the text ends before its closing %c", quote);
      break;
    }
    s->at++;
    if (c == (unsigned char)quote) break;
    if (c == '\\')
      good = escape(s, &t, start);
    else
      text_add(&t, s->text + start, 1);
  }
  if (good) *out = datum_string(d, t.bytes, t.size);
  text_deinit(&t);
  return good;
}

/* ---- Tables ---- */

/* What stands behind an entry: true if another one may come. */
static bool separator(struct scan *s, char end) {
  int c = scan_peek(s);
  if (c == end) return false;
  if (c == ',' || (c == ';' && end == '}')) {
    s->at++;
    return true;
  }
  if (c < 0) return scan_fail_end(s, "'%c' is missing", end);
  return scan_fail(s, s->at, "',' or '%c' is missing", end);
}

/* A word with '=' behind it: the key of an entry. */
static bool is_named(const struct scan *s, size_t n) {
  struct scan after = *s;
  after.at += n;
  if (n == 0 || scan_peek(&after) != '=') return false;
  return after.at + 1 == after.size || after.text[after.at + 1] != '=';
}

static bool expect(struct scan *s, char c, const char *where) {
  if (scan_take(s, c)) return true;
  if (scan_peek(s) < 0) return scan_fail_end(s, "'%c' is missing %s", c, where);
  return scan_fail(s, s->at, "'%c' is missing %s", c, where);
}

static bool is_key(struct scan *s, const struct datum *key, size_t at) {
  if (key->type == DATUM_NIL) return scan_fail(s, at, "nil is no key");
  if (key->type == DATUM_NUMBER && isnan(key->number)) return scan_fail(s, at, "nan is no key");
  return true;
}

/* The key of an entry of {}, up to what stands before its value; nil: it has none of its own. */
static bool entry_key(struct scan *s, struct data *d, struct datum *key, int depth) {
  *key = (struct datum){.type = DATUM_NIL};
  int c = scan_peek(s);
  size_t start = s->at, n = scan_word(s);
  if (c == '[') {
    s->at++;
    return value(s, d, key, depth + 1) && is_key(s, key, start + 1) &&
           expect(s, ']', "behind the key") && expect(s, '=', "behind the key");
  }
  if (is_named(s, n)) {
    *key = datum_string(d, s->text + s->at, n);
    s->at += n;
    return expect(s, '=', "behind the key");
  }
  if (c != '"') return true;
  if (!literal_scan_string(s, d, key)) return false;
  if (scan_take(s, ':')) return true;
  *key = (struct datum){.type = DATUM_NIL};
  s->at = start;
  return true;
}

static bool braces(struct scan *s, struct data *d, struct datum *out, int depth) {
  double next = 1;
  s->at++;
  *out = datum_table_new(d);
  for (bool more = scan_peek(s) != '}'; more; more = separator(s, '}') && scan_peek(s) != '}') {
    struct datum key, v;
    if (!entry_key(s, d, &key, depth) || !value(s, d, &v, depth + 1)) return false;
    if (key.type == DATUM_NIL) key = datum_number(next++);
    datum_put(d, out->number_of, &key, &v);
  }
  return !s->failed && expect(s, '}', "at the end");
}

static bool brackets(struct scan *s, struct data *d, struct datum *out, int depth) {
  double next = 1;
  s->at++;
  *out = datum_table_new(d);
  for (bool more = scan_peek(s) != ']'; more; more = separator(s, ']')) {
    struct datum key = datum_number(next++), v;
    if (!value(s, d, &v, depth + 1)) return false;
    datum_put(d, out->number_of, &key, &v);
  }
  return !s->failed && expect(s, ']', "at the end");
}

static bool value(struct scan *s, struct data *d, struct datum *out, int depth) {
  int c = scan_peek(s);
  if (c < 0) return scan_fail_end(s, "a value is missing");
  if ((c == '{' || c == '[') && depth >= LITERAL_DEPTH)
    return scan_fail(s, s->at, "tables in tables are %d deep at most", LITERAL_DEPTH);
  if (c == '{') return braces(s, d, out, depth);
  if (c == '[') return brackets(s, d, out, depth);
  if (c == '"' || c == '\'') return literal_scan_string(s, d, out);
  if (c == '-') return negative(s, out);
  if (is_digit(c) || c == '.') return number(s, out, s->at);
  if (scan_word(s)) return word(s, out);
  return scan_fail(s, s->at, "no value begins with '%.*s'", c < 0x80 ? 1 : 0, s->text + s->at);
}

bool literal_scan(struct scan *s, struct data *d, struct datum *out) {
  return value(s, d, out, 0);
}

bool literal_parse(struct scan *s, struct data *d, struct datum *out) {
  if (!literal_scan(s, d, out)) return false;
  if (scan_peek(s) < 0) return true;
  return scan_fail(s, s->at, "something stands behind the value");
}
