/* SPDX-License-Identifier: MIT
 *
 * Numbers of a received body, many at a time: alone, or as entries of a table sent by value. The
 * usual forms are read here as reader_next does (proto/body.c), which knows the others.
 */
#include <string.h>

#include "client-lib/internal.h"
#include "proto/base.h"

/* The bytes of the longest of the usual forms of numbers. */
enum { USUAL_MOST = 9 };

/* Reads the number at `p` if it has one of the usual forms, none of which ends too late: behind it;
 * NULL: it has another. */
static inline const uint8_t *usual_number(const uint8_t *p, double *to) {
  uint8_t mark = p[0];
  if (mark < 0x80) {
    *to = mark;
    return p + 1;
  }
  if (mark == 0xcd) {
    *to = load_be16(p + 1);
    return p + 3;
  }
  if (mark == 0xce) {
    *to = load_be32(p + 1);
    return p + 5;
  }
  if (mark == 0xcb) {
    uint64_t bits = load_be64(p + 1);
    memcpy(to, &bits, sizeof bits);
    return p + USUAL_MOST;
  }
  if (mark == 0xcc) {
    *to = p[1];
    return p + 2;
  }
  if (mark < 0xe0) return NULL;
  *to = (int8_t)mark;
  return p + 1;
}

/* Reads a number of whatever form, near the end too; NULL: there is none. */
__attribute__((noinline)) static const uint8_t *any_number(const uint8_t *p, const uint8_t *end,
                                                           double *to) {
  struct reader r = {p, end};
  struct value v;
  if (!reader_next(&r, &v) || v.type != VALUE_NUMBER) return NULL;
  *to = v.number;
  return r.at;
}

/* Reads so many numbers from *at on as there are, but no more than `most`. */
static size_t numbers(const uint8_t **at, const uint8_t *end, double *to, size_t most) {
  const uint8_t *p = *at, *next;
  size_t n = 0;
  for (; n < most; n++, p = next) {
    next = end - p >= USUAL_MOST ? usual_number(p, &to[n]) : NULL;
    if (!next && !(next = any_number(p, end, &to[n]))) break;
  }
  *at = p;
  return n;
}

/* Behind the number `place` at `p`, in its shortest form; NULL: something else is there. */
static inline const uint8_t *place_key(const uint8_t *p, uint32_t place) {
  if (place > UINT16_MAX) return p[0] == 0xce && load_be32(p + 1) == place ? p + 5 : NULL;
  if (place > UINT8_MAX) return p[0] == 0xcd && load_be16(p + 1) == place ? p + 3 : NULL;
  if (place >= 0x80) return p[0] == 0xcc && p[1] == place ? p + 2 : NULL;
  return p[0] == place ? p + 1 : NULL;
}

/* Reads entries with keys from `first` on and usual numbers as values, but none near the end. `to`
 * may be NULL. */
static inline size_t places(const uint8_t **at, const uint8_t *end, uint32_t first, double *to,
                            size_t most) {
  enum { ENTRY_MOST = 5 + USUAL_MOST };
  const uint8_t *p = *at;
  double number;
  size_t n = 0;
  for (; n < most && end - p >= ENTRY_MOST; n++) {
    const uint8_t *value = place_key(p, first + (uint32_t)n);
    const uint8_t *next = value ? usual_number(value, to ? &to[n] : &number) : NULL;
    if (!next) break;
    p = next;
  }
  *at = p;
  return n;
}

/* ---- Bodies ---- */

size_t gaijin_body_look_numbers(const gaijin_body *b, size_t *at, double *to, size_t most) {
  size_t left = (size_t)(b->reader.end - b->reader.at);
  if (*at >= left) return 0;
  const uint8_t *p = b->reader.at + *at;
  size_t n = numbers(&p, b->reader.end, to, most);
  *at = (size_t)(p - b->reader.at);
  return n;
}

size_t gaijin_body_look_places(const gaijin_body *b, size_t *at, uint32_t first, size_t most) {
  if (*at >= (size_t)(b->reader.end - b->reader.at)) return 0;
  const uint8_t *p = b->reader.at + *at;
  size_t n = places(&p, b->reader.end, first, NULL, most);
  *at = (size_t)(p - b->reader.at);
  return n;
}

size_t gaijin_body_numbers(gaijin_body *b, double *to, size_t most) {
  uint32_t *left = gj_values_step(b);
  size_t n = numbers(&b->reader.at, b->reader.end, to, most < *left ? most : *left);
  *left -= (uint32_t)n;
  return n;
}

size_t gaijin_body_places(gaijin_body *b, uint32_t first, double *to, size_t most) {
  uint32_t *left = gj_values_step(b);
  size_t n = places(&b->reader.at, b->reader.end, first, to, most < *left / 2 ? most : *left / 2);
  *left -= 2 * (uint32_t)n;
  return n;
}
