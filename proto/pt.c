/* SPDX-License-Identifier: MIT
 *
 * PTs to bytes and back.
 */
#include "proto/pt.h"

#include "proto/base.h"

enum { FIXEXT1 = 0xd4, PAYLOAD = 24 };

const uint8_t null_on_wire[NULL_WIRE_BYTES] = {FIXEXT1, 0, 0};

void pt_write(uint8_t *out, const struct pt *pt) {
  out[0] = PT_MARK;
  out[1] = PAYLOAD;
  out[2] = pt->kind;
  store_be64(out + 3, pt->host);
  store_be64(out + 11, pt->id);
  store_be64(out + 19, pt->stamp);
}

bool pt_read(const uint8_t *in, uint32_t size, struct pt *pt) {
  if (size < PT_WIRE_BYTES || in[0] != PT_MARK || in[1] != PAYLOAD) return false;
  pt->kind = in[2];
  pt->host = load_be64(in + 3);
  pt->id = load_be64(in + 11);
  pt->stamp = load_be64(in + 19);
  return pt_is_token(pt);
}

bool pt_is_token(const struct pt *pt) {
  return pt->host != 0 && pt->id != 0 && pt->kind >= PT_TABLE && pt->kind <= PT_USERDATA;
}

const char *pt_kind_name(uint64_t kind) {
  static const char *const names[] = {[PT_TABLE] = "table",
                                      [PT_FUNCTION] = "function",
                                      [PT_THREAD] = "thread",
                                      [PT_USERDATA] = "userdata"};
  return kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "unknown";
}
