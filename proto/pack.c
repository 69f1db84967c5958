/* SPDX-License-Identifier: MIT
 *
 * msgpack's forms, each the shortest that has the value, written straight into our bounded buffer:
 * the bytes are those of msgpack-c, which takes a call-back for each piece of a value (the test
 * compares them). Going on counting after an overflow lets the error name the size that was wanted.
 */
#include "proto/pack.h"

#include <assert.h>
#include <string.h>

#include "proto/base.h"

/* Where the next `n` bytes of the message go; NULL: there is no room for them, and the message's
 * end will say so. */
static inline uint8_t *place(struct pack *p, uint32_t n) {
  struct buffer *b = p->out;
  p->wanted += n;
  if (p->outcome != BUFFER_OK) return NULL;
  if (p->wanted - MESSAGE_PREFIX_BYTES > p->max_message) {
    p->outcome = BUFFER_OVER_MAX;
    return NULL;
  }
  if (b->capacity - b->size < n && (p->outcome = buffer_reserve(b, n)) != BUFFER_OK) return NULL;
  uint8_t *to = b->bytes + b->size;
  b->size += n;
  return to;
}

static void put(struct pack *p, const void *bytes, uint32_t n) {
  uint8_t *to = place(p, n);
  if (to && n) memcpy(to, bytes, n);
}

static inline void put_byte(struct pack *p, uint8_t byte) {
  uint8_t *to = place(p, 1);
  if (to) *to = byte;
}

/* A mark with 1, 2, 4 or 8 bytes behind it. */

static inline void put_marked8(struct pack *p, uint8_t mark, uint8_t v) {
  uint8_t *to = place(p, 2);
  if (!to) return;
  to[0] = mark;
  to[1] = v;
}

static inline void put_marked16(struct pack *p, uint8_t mark, uint16_t v) {
  uint8_t *to = place(p, 3);
  if (!to) return;
  to[0] = mark;
  store_be16(to + 1, v);
}

static inline void put_marked32(struct pack *p, uint8_t mark, uint32_t v) {
  uint8_t *to = place(p, 5);
  if (!to) return;
  to[0] = mark;
  store_be32(to + 1, v);
}

static inline void put_marked64(struct pack *p, uint8_t mark, uint64_t v) {
  uint8_t *to = place(p, 9);
  if (!to) return;
  to[0] = mark;
  store_be64(to + 1, v);
}

void pack_begin(struct pack *p, struct buffer *out, uint32_t max_message,
                const struct message *header, uint32_t count) {
  uint8_t head[MESSAGE_HEADER_MOST];
  *p = (struct pack){
      .out = out, .start = out->size, .max_message = max_message, .outcome = BUFFER_OK};
  uint32_t n = message_write_header(head, header);
  /* The prefix is not part of the limit; place() takes it off again. */
  put(p, head, n);
  pack_array(p, count);
}

void pack_nil(struct pack *p) { put_byte(p, 0xc0); }

void pack_bool(struct pack *p, bool v) { put_byte(p, v ? 0xc3 : 0xc2); }

static inline void put_uint(struct pack *p, uint64_t n) {
  if (n < 0x80)
    put_byte(p, (uint8_t)n);
  else if (n <= UINT8_MAX)
    put_marked8(p, 0xcc, (uint8_t)n);
  else if (n <= UINT16_MAX)
    put_marked16(p, 0xcd, (uint16_t)n);
  else if (n <= UINT32_MAX)
    put_marked32(p, 0xce, (uint32_t)n);
  else
    put_marked64(p, 0xcf, n);
}

static void put_negative(struct pack *p, int64_t n) {
  assert(n < 0);
  if (n >= -32)
    put_byte(p, (uint8_t)n);
  else if (n >= INT8_MIN)
    put_marked8(p, 0xd0, (uint8_t)n);
  else if (n >= INT16_MIN)
    put_marked16(p, 0xd1, (uint16_t)n);
  else if (n >= INT32_MIN)
    put_marked32(p, 0xd2, (uint32_t)n);
  else
    put_marked64(p, 0xd3, (uint64_t)n);
}

enum { SHORT_MOST = 5 };

/* Whether the number is a natural one of at most 32 bits, which has no more than SHORT_MOST. */
static inline bool is_short(double v, uint32_t *n) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  if (!(v >= 0 && v <= UINT32_MAX)) return false;
  *n = (uint32_t)v;
  return *n == v && bits >> 63 == 0; /* -0 is none */
}

/* Writes one where there is room for its longest form; behind it. */
static inline uint8_t *put_short(uint8_t *to, uint32_t n) {
  if (n < 0x80) {
    to[0] = (uint8_t)n;
    return to + 1;
  }
  if (n <= UINT8_MAX) {
    to[0] = 0xcc;
    to[1] = (uint8_t)n;
    return to + 2;
  }
  if (n <= UINT16_MAX) {
    to[0] = 0xcd;
    store_be16(to + 1, (uint16_t)n);
    return to + 3;
  }
  to[0] = 0xce;
  store_be32(to + 1, n);
  return to + SHORT_MOST;
}

static inline bool has_room(const struct pack *p, uint32_t n) {
  return p->outcome == BUFFER_OK && p->out->capacity - p->out->size >= n &&
         p->wanted - MESSAGE_PREFIX_BYTES + n <= p->max_message;
}

/* Out of the way of the others. */
__attribute__((noinline)) static void put_other_number(struct pack *p, double v) {
  const double exact = 9007199254740992.0; /* 2^53 */
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  if (!(v >= -exact && v <= exact && v == (double)(int64_t)v) || (v == 0 && bits))
    put_marked64(p, 0xcb, bits);
  else if (v >= 0)
    put_uint(p, (uint64_t)(int64_t)v);
  else
    put_negative(p, (int64_t)v);
}

/* Puts numbers as long as they are short, where there is room for so many; how many it were. */
static inline size_t put_short_ones(struct pack *p, const double *v, size_t n) {
  uint8_t *start = p->out->bytes + p->out->size, *to = start;
  uint32_t number;
  size_t i = 0;
  for (; i < n && is_short(v[i], &number); i++) to = put_short(to, number);
  p->out->size += (uint32_t)(to - start);
  p->wanted += (uint64_t)(to - start);
  return i;
}

void pack_number(struct pack *p, double v) {
  if (!has_room(p, SHORT_MOST) || put_short_ones(p, &v, 1) == 0) put_other_number(p, v);
}

void pack_numbers(struct pack *p, const double *v, size_t n) {
  enum { MANY = 64 };
  for (size_t i = 0; i < n;) {
    size_t many = n - i < MANY ? n - i : MANY;
    if (has_room(p, (uint32_t)many * SHORT_MOST)) i += put_short_ones(p, v + i, many);
    if (i < n) pack_number(p, v[i++]);
  }
}

void pack_uint(struct pack *p, uint64_t v) { put_uint(p, v); }

enum { WORD = 8 };

/* The highest bits of eight bytes, the first byte's lowest. */
static inline uint64_t high_bits(const uint8_t *s) {
  uint64_t v;
  memcpy(&v, s, sizeof v);
  if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) v = __builtin_bswap64(v);
  return v & 0x8080808080808080u;
}

/* The bytes of the character at s, whose first one is no ASCII; 0: there is none. */
static uint32_t sequence(const uint8_t *s, uint32_t left) {
  uint8_t c = s[0];
  uint32_t more = c >= 0xc2 && c <= 0xdf   ? 1
                  : (c & 0xf0) == 0xe0     ? 2
                  : c >= 0xf0 && c <= 0xf4 ? 3
                                           : 0;
  if (!more || left <= more) return 0;
  uint8_t d = s[1];
  if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) ||
      (c == 0xf4 && d > 0x8f))
    return 0;
  for (uint32_t k = 1; k <= more; k++)
    if ((s[k] & 0xc0) != 0x80) return 0;
  return more + 1;
}

/* Whether the last bytes, as many as a word has or all of fewer, are ASCII; false: perhaps not. */
static inline bool ends_in_ascii(const uint8_t *s, uint32_t n) {
  enum { HALF = WORD / 2 };
  if (n >= WORD) return !high_bits(s + n - WORD);
  return n >= HALF && !((load_be32(s) | load_be32(s + n - HALF)) & 0x80808080u);
}

/* UTF-8 as in RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. Looks at eight
 * bytes at a time whether they are ASCII. */
static bool is_utf8(const uint8_t *s, uint32_t n) {
  uint32_t i = 0;
  while (n - i >= WORD) {
    uint64_t high = high_bits(s + i);
    i += high ? (uint32_t)__builtin_ctzll(high) / 8 : WORD;
    if (!high) continue;
    uint32_t bytes = sequence(s + i, n - i);
    if (!bytes) return false;
    i += bytes;
  }
  if (ends_in_ascii(s, n)) return true;
  while (i < n) {
    uint32_t bytes = s[i] < 0x80 ? 1 : sequence(s + i, n - i);
    if (!bytes) return false;
    i += bytes;
  }
  return true;
}

/* Writes the mark and the size of a string; how many bytes they are. */
static inline uint32_t string_head(uint8_t head[5], bool str, uint32_t size) {
  if (str && size < 32) {
    head[0] = (uint8_t)(0xa0 | size);
    return 1;
  }
  if (size <= UINT8_MAX) {
    head[0] = str ? 0xd9 : 0xc4;
    head[1] = (uint8_t)size;
    return 2;
  }
  if (size <= UINT16_MAX) {
    head[0] = str ? 0xda : 0xc5;
    store_be16(head + 1, (uint16_t)size);
    return 3;
  }
  head[0] = str ? 0xdb : 0xc6;
  store_be32(head + 1, size);
  return 5;
}

void pack_string(struct pack *p, const char *bytes, uint32_t size) {
  uint8_t head[5];
  uint32_t before = string_head(head, is_utf8((const uint8_t *)bytes, size), size);
  assert(size <= UINT32_MAX - before);
  uint8_t *to = place(p, before + size);
  if (!to) return;
  for (uint32_t i = 0; i < before; i++) to[i] = head[i];
  if (size) memcpy(to + before, bytes, size);
}

void pack_text(struct pack *p, const char *text) { pack_string(p, text, (uint32_t)strlen(text)); }

void pack_pt(struct pack *p, const struct pt *pt) {
  uint8_t bytes[PT_WIRE_BYTES];
  pt_write(bytes, pt);
  put(p, bytes, sizeof bytes);
}

void pack_null(struct pack *p) { put(p, null_on_wire, NULL_WIRE_BYTES); }

void pack_raw(struct pack *p, const void *bytes, uint32_t size) { put(p, bytes, size); }

void pack_array(struct pack *p, uint32_t count) {
  if (count < 16)
    put_byte(p, (uint8_t)(0x90 | count));
  else if (count <= UINT16_MAX)
    put_marked16(p, 0xdc, (uint16_t)count);
  else
    put_marked32(p, 0xdd, count);
}

/* In the longest form, whose size does not depend on the number. */
uint32_t pack_open_array(struct pack *p) {
  uint32_t mark = p->out->size - p->start;
  put_marked32(p, 0xdd, 0);
  return mark;
}

void pack_close_array(struct pack *p, uint32_t mark, uint64_t count) {
  if (p->outcome != BUFFER_OK) return;
  assert(count <= UINT32_MAX && p->out->bytes[p->start + mark] == 0xdd);
  store_be32(p->out->bytes + p->start + mark + 1, (uint32_t)count);
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
