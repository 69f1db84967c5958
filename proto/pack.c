/* SPDX-License-Identifier: MIT
 *
 * msgpack-c writes the values through a call-back into our bounded buffer. Going
 * on counting after an overflow lets the error name the size that was wanted.
 */
#include "proto/pack.h"

#include <assert.h>
#include <math.h>
#include <msgpack.h>
#include <string.h>

#include "proto/base.h"

static int put(void *user, const char *bytes, size_t n) {
  struct pack *p = user;
  p->wanted += n;
  if (p->outcome != BUFFER_OK) return 0;
  if (p->wanted - MESSAGE_PREFIX_BYTES > p->max_message)
    p->outcome = BUFFER_OVER_MAX;
  else
    p->outcome = buffer_append(p->out, bytes, (uint32_t)n);
  return 0;
}

static msgpack_packer packer(struct pack *p) {
  return (msgpack_packer){.data = p, .callback = put};
}

void pack_begin(struct pack *p, struct buffer *out, uint32_t max_message,
                const struct message *header, uint32_t count) {
  uint8_t head[MESSAGE_HEADER_MOST];
  *p = (struct pack){
      .out = out, .start = out->size, .max_message = max_message, .outcome = BUFFER_OK};
  uint32_t n = message_write_header(head, header);
  /* The prefix is not part of the limit; put() takes it off again. */
  put(p, (const char *)head, n);
  pack_array(p, count);
}

void pack_nil(struct pack *p) {
  msgpack_packer k = packer(p);
  msgpack_pack_nil(&k);
}

void pack_bool(struct pack *p, bool v) {
  msgpack_packer k = packer(p);
  if (v)
    msgpack_pack_true(&k);
  else
    msgpack_pack_false(&k);
}

void pack_number(struct pack *p, double v) {
  const double exact = 9007199254740992.0; /* 2^53 */
  msgpack_packer k = packer(p);
  if (v >= -exact && v <= exact && v == (double)(int64_t)v && !(v == 0 && signbit(v)))
    msgpack_pack_int64(&k, (int64_t)v);
  else
    msgpack_pack_double(&k, v);
}

void pack_uint(struct pack *p, uint64_t v) {
  msgpack_packer k = packer(p);
  msgpack_pack_uint64(&k, v);
}

/* UTF-8 as in RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const uint8_t *s, uint32_t n) {
  for (uint32_t i = 0; i < n;) {
    uint8_t c = s[i];
    if (c < 0x80) {
      i++;
      continue;
    }
    uint32_t more = c >= 0xc2 && c <= 0xdf   ? 1
                    : (c & 0xf0) == 0xe0     ? 2
                    : c >= 0xf0 && c <= 0xf4 ? 3
                                             : 0;
    if (!more || n - i <= more) return false;
    uint8_t d = s[i + 1];
    if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
        (c == 0xf4 && d > 0x8f))
      return false;
    for (uint32_t k = 1; k <= more; k++)
      if ((s[i + k] & 0xc0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

void pack_string(struct pack *p, const char *bytes, uint32_t size) {
  msgpack_packer k = packer(p);
  if (is_utf8((const uint8_t *)bytes, size)) {
    msgpack_pack_str(&k, size);
    msgpack_pack_str_body(&k, bytes, size);
  } else {
    msgpack_pack_bin(&k, size);
    msgpack_pack_bin_body(&k, bytes, size);
  }
}

void pack_text(struct pack *p, const char *text) { pack_string(p, text, (uint32_t)strlen(text)); }

void pack_pt(struct pack *p, const struct pt *pt) {
  uint8_t bytes[PT_WIRE_BYTES];
  pt_write(bytes, pt);
  put(p, (const char *)bytes, sizeof bytes);
}

void pack_null(struct pack *p) { put(p, (const char *)null_on_wire, NULL_WIRE_BYTES); }

void pack_raw(struct pack *p, const void *bytes, uint32_t size) { put(p, bytes, size); }

void pack_array(struct pack *p, uint32_t count) {
  msgpack_packer k = packer(p);
  msgpack_pack_array(&k, count);
}

enum buffer_outcome pack_end(struct pack *p) {
  if (p->outcome != BUFFER_OK) {
    pack_abort(p);
    return p->outcome;
  }
  assert(p->out->size - p->start >= MESSAGE_LEAST_BYTES - 1);
  message_set_size(p->out->bytes + p->start, p->out->size - p->start);
  return BUFFER_OK;
}

void pack_abort(struct pack *p) {
  assert(p->start <= p->out->size);
  p->out->size = p->start;
}
