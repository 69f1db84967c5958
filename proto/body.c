/* SPDX-License-Identifier: MIT
 *
 * One step function, reader_next, knows the msgpack forms. Every length is compared
 * with the bytes that are left before it is believed: an array of n values needs at
 * least n bytes. The walk is in walk.c.
 */
#include "proto/body.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "proto/base.h"

static bool take(struct reader *r, size_t n, const uint8_t **p) {
  if ((size_t)(r->end - r->at) < n) return false;
  *p = r->at;
  r->at += n;
  return true;
}

static bool uint_value(struct value *v, uint64_t n) {
  v->type = VALUE_NUMBER;
  v->is_uint = true;
  v->integer = n;
  v->number = (double)n;
  return true;
}

static bool int_value(struct value *v, int64_t n) {
  if (n >= 0) return uint_value(v, (uint64_t)n);
  v->type = VALUE_NUMBER;
  v->is_uint = false;
  v->number = (double)n;
  return true;
}

static bool string_value(struct reader *r, struct value *v, uint32_t size) {
  const uint8_t *p;
  if (!take(r, size, &p)) return false;
  v->type = VALUE_STRING;
  v->bytes = (const char *)p;
  v->size = size;
  return true;
}

static bool array_value(struct reader *r, struct value *v, uint32_t count) {
  if ((size_t)(r->end - r->at) < count) return false;
  v->type = VALUE_ARRAY;
  v->count = count;
  return true;
}

static bool bool_value(struct value *v, bool b) {
  v->type = VALUE_BOOL;
  v->boolean = b;
  return true;
}

static bool float_value(struct value *v, double d) {
  v->type = VALUE_NUMBER;
  v->is_uint = false;
  v->number = d;
  return true;
}

static double float32(const uint8_t *p) {
  uint32_t bits = load_be32(p);
  float f;
  memcpy(&f, &bits, sizeof f);
  return (double)f;
}

static double float64(const uint8_t *p) {
  uint64_t bits = load_be64(p);
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

static bool pt_value(struct reader *r, struct value *v) {
  const uint8_t *start = r->at - 1;
  if (!pt_read(start, (uint32_t)(r->end - start), &v->pt)) return false;
  v->type = VALUE_PT;
  r->at = start + PT_WIRE_BYTES;
  assert(r->at <= r->end);
  return true;
}

static bool null_value(struct reader *r, struct value *v) {
  const uint8_t *start = r->at - 1, *p;
  if (!take(r, NULL_WIRE_BYTES - 1, &p) || memcmp(start, null_on_wire, NULL_WIRE_BYTES) != 0)
    return false;
  v->type = VALUE_NULL;
  return true;
}

/* The forms from 0xc0 to 0xdf. */
static bool marked_value(struct reader *r, uint8_t mark, struct value *v) {
  const uint8_t *p;
  switch (mark) {
    case 0xc0: v->type = VALUE_NIL; return true;
    case 0xc2: return bool_value(v, false);
    case 0xc3: return bool_value(v, true);
    case 0xc4: case 0xd9: return take(r, 1, &p) && string_value(r, v, p[0]);
    case 0xc5: case 0xda: return take(r, 2, &p) && string_value(r, v, load_be16(p));
    case 0xc6: case 0xdb: return take(r, 4, &p) && string_value(r, v, load_be32(p));
    case 0xc7: return pt_value(r, v);
    case 0xca: return take(r, 4, &p) && float_value(v, float32(p));
    case 0xcb: return take(r, 8, &p) && float_value(v, float64(p));
    case 0xcc: return take(r, 1, &p) && uint_value(v, p[0]);
    case 0xcd: return take(r, 2, &p) && uint_value(v, load_be16(p));
    case 0xce: return take(r, 4, &p) && uint_value(v, load_be32(p));
    case 0xcf: return take(r, 8, &p) && uint_value(v, load_be64(p));
    case 0xd0: return take(r, 1, &p) && int_value(v, (int8_t)p[0]);
    case 0xd1: return take(r, 2, &p) && int_value(v, (int16_t)load_be16(p));
    case 0xd2: return take(r, 4, &p) && int_value(v, (int32_t)load_be32(p));
    case 0xd3: return take(r, 8, &p) && int_value(v, (int64_t)load_be64(p));
    case 0xd4: return null_value(r, v);
    case 0xdc: return take(r, 2, &p) && array_value(r, v, load_be16(p));
    case 0xdd: return take(r, 4, &p) && array_value(r, v, load_be32(p));
    default: return false;
  }
}

bool reader_next(struct reader *r, struct value *v) {
  const uint8_t *p;
  if (!take(r, 1, &p)) return false;
  uint8_t mark = p[0];
  if (mark < 0x80) return uint_value(v, mark);
  if (mark >= 0xe0) return int_value(v, (int8_t)mark);
  if (mark >= 0xa0 && mark < 0xc0) return string_value(r, v, mark & 0x1f);
  if (mark >= 0x90 && mark < 0xa0) return array_value(r, v, mark & 0x0f);
  if (mark < 0x90) return false; /* fixmap */
  return marked_value(r, mark, v);
}

bool reader_open(struct reader *r, const uint8_t *body, uint32_t size, uint32_t *count) {
  r->at = body;
  r->end = body + size;
  struct value v;
  if (!reader_next(r, &v) || v.type != VALUE_ARRAY) return false;
  *count = v.count;
  return true;
}

bool reader_string(struct reader *r, const char **bytes, uint32_t *size) {
  struct value v;
  if (!reader_next(r, &v) || v.type != VALUE_STRING) return false;
  *bytes = v.bytes;
  *size = v.size;
  return true;
}

bool reader_uint(struct reader *r, uint64_t *n) {
  struct value v;
  if (!reader_next(r, &v) || v.type != VALUE_NUMBER || !v.is_uint) return false;
  *n = v.integer;
  return true;
}

bool reader_bool(struct reader *r, bool *b) {
  struct value v;
  if (!reader_next(r, &v) || v.type != VALUE_BOOL) return false;
  *b = v.boolean;
  return true;
}

bool reader_pt(struct reader *r, struct pt *pt) {
  struct value v;
  if (!reader_next(r, &v) || v.type != VALUE_PT) return false;
  *pt = v.pt;
  return true;
}
