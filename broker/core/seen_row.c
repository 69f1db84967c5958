/* SPDX-License-Identifier: MIT
 *
 * msgpack by hand. Values are copied as they are; the bytes of a string that is cut are fewer than
 * its header says, so a reader has to look where they end.
 */
#include "broker/core/seen_row.h"

#include <string.h>

#include "proto/base.h"
#include "proto/body.h"

enum { NIL = 0xc0, BIN8 = 0xc4, U32 = 0xce, U64 = 0xcf, STR8 = 0xd9, FIXARRAY = 0x90 };
enum { ROW_VALUES = 12, HOST_VALUES = 2 };
/* The stamp is the end of a PT. */
enum { STAMP_BYTES = 8 };

static uint8_t *put_u64(uint8_t *p, uint64_t v) {
  *p = U64;
  store_be64(p + 1, v);
  return p + 9;
}

static uint8_t *put_u64_or_nil(uint8_t *p, uint64_t v) {
  if (v) return put_u64(p, v);
  *p = NIL;
  return p + 1;
}

static uint8_t *put_u32(uint8_t *p, uint32_t v) {
  *p = U32;
  store_be32(p + 1, v);
  return p + 5;
}

/* Most bodies: nothing is to be looked for, and nothing to be cut. */
static bool copy_all(uint8_t *out, uint32_t most, const struct reader *r, uint32_t *size) {
  *size = (uint32_t)(r->end - r->at);
  if (*size > most) return false;
  memcpy(out, r->at, *size);
  return true;
}

/* Copies values, whole ones and the begin of a string, as far as `most` bytes go. */
static uint32_t copy_values(uint8_t *out, uint32_t most, struct reader *r) {
  uint32_t size = 0;
  struct value v;
  for (const uint8_t *from = r->at; reader_next(r, &v); from = r->at) {
    uint32_t bytes = (uint32_t)(r->at - from), left = most - size;
    uint32_t head = v.type == VALUE_STRING ? bytes - v.size : bytes;
    if (head > left) break;
    if (bytes > left) bytes = left; /* only of a string can that be */
    memcpy(out + size, from, bytes);
    size += bytes;
    if (v.type == VALUE_PT) memset(out + size - STAMP_BYTES, 0, STAMP_BYTES);
    if (size == most) break;
  }
  return size;
}

uint32_t seen_row_write(uint8_t *out, const struct seen_row *row, uint32_t most) {
  uint8_t *p = out;
  struct reader r;
  uint32_t count = 0;
  *p++ = FIXARRAY | ROW_VALUES;
  p = put_u64(p, row->time_us);
  *p++ = row->kind; /* these are below 128 */
  *p++ = row->op;
  p = put_u64(p, row->id);
  p = put_u64_or_nil(p, row->from);
  p = put_u64_or_nil(p, row->to);
  p = put_u32(p, row->size);
  p = put_u64_or_nil(p, row->took_ns);
  *p++ = row->target_kind;
  p = put_u64_or_nil(p, row->target);
  reader_open(&r, row->body, row->body_size, &count);
  p = put_u32(p, count);
  *p = BIN8;
  uint32_t size;
  if (most > SEEN_BYTES_MOST) most = SEEN_BYTES_MOST;
  if (!row->has_no_pts || !copy_all(p + 2, most, &r, &size)) size = copy_values(p + 2, most, &r);
  p[1] = (uint8_t)size;
  return (uint32_t)(p + 2 - out) + size;
}

uint32_t seen_row_host(uint8_t *out, uint64_t host, const char *name) {
  uint32_t size = (uint32_t)strlen(name);
  uint8_t *p = out;
  *p++ = FIXARRAY | HOST_VALUES;
  p = put_u64(p, host);
  *p++ = BIN8;
  *p++ = (uint8_t)size;
  memcpy(p, name, size);
  return (uint32_t)(p + size - out);
}

uint32_t seen_error_body(uint8_t *out, uint64_t status, const char *text) {
  enum { TEXT_MOST = SEEN_BYTES_MOST - 4 };
  size_t size = strlen(text);
  out[0] = FIXARRAY | 2;
  out[1] = (uint8_t)status; /* below 128 */
  out[2] = BIN8;
  out[3] = (uint8_t)(size < TEXT_MOST ? size : TEXT_MOST);
  memcpy(out + 4, text, out[3]);
  return 4 + (uint32_t)out[3];
}
