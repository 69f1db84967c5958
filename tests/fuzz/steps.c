/* SPDX-License-Identifier: MIT
 *
 * Words that the ops know come up as strings, so that no fuzzer must guess them.
 */
#include "tests/fuzz/steps.h"

#include "proto/base.h"
#include "proto/message.h"

enum { NESTING_MOST = 4, LONG_MOST = 20000 };

static const char *const words[] = {"clients", "tokens", "loads", "present", "ready",
                                    "w0",      "w1",     "w2",    "w3",      "witness",
                                    "",        "label",  "key",   "+",       "\xff"};

static void put_long(struct script *s, struct pack *p) {
  static char text[LONG_MOST];
  memset(text, 'x', sizeof text);
  pack_string(p, text, script_word(s) % LONG_MOST);
}

static void put(struct script *s, struct pack *p, steps_pt_fn choose, void *user, unsigned depth) {
  uint32_t size;
  const uint8_t *bytes;
  uint8_t b = script_byte(s);
  switch (b & 15) {
    case 0: pack_nil(p); return;
    case 1: pack_bool(p, b & 16); return;
    case 2: case 3: pack_uint(p, script_number(s)); return;
    case 4: pack_number(p, -(double)script_number(s) / (b & 16 ? 1 : 3)); return;
    case 5: case 6: pack_text(p, words[(b >> 4) % ARRAY_SIZE(words)]); return;
    case 7:
      bytes = script_bytes(s, b >> 4, &size);
      pack_string(p, (const char *)bytes, size);
      return;
    case 8: pack_null(p); return;
    case 9: put_long(s, p); return;
    case 10: {
      uint32_t n = depth < NESTING_MOST ? b >> 5 : 0;
      pack_array(p, n);
      while (n-- > 0) put(s, p, choose, user, depth + 1);
      return;
    }
    default: {
      struct pt pt = choose(user, script_byte(s));
      pack_pt(p, &pt);
      return;
    }
  }
}

void steps_values(struct script *s, struct pack *p, uint32_t count, steps_pt_fn choose,
                  void *user) {
  while (count-- > 0) put(s, p, choose, user, 0);
}

static void change_field(struct script *s, uint8_t *m) {
  switch (script_below(s, 6)) {
    case 0: m[7] = script_byte(s); break;
    case 1: m[9] = script_byte(s); break;
    case 2: store_be16(m + 11, (uint16_t)script_number(s)); break;
    case 3: store_be16(m + 14, (uint16_t)script_number(s)); break;
    case 4: message_set_id(m, script_number(s)); break;
    default: message_set_peer(m, script_number(s)); break;
  }
}

void steps_damage(struct script *s, struct buffer *b, uint32_t size) {
  uint8_t *m = b->bytes + b->size - size;
  uint32_t cut;
  switch (script_below(s, 6)) {
    case 0: m[script_word(s) % size] = script_byte(s); return;
    case 1: m[script_word(s) % size] ^= (uint8_t)(1u << script_below(s, 8)); return;
    case 2: change_field(s, m); return;
    case 3: /* cut short, its length right or not */
      cut = script_word(s) % (size - MESSAGE_PREFIX_BYTES + 1);
      b->size -= cut;
      if (script_byte(s) & 1) message_set_size(m, size - cut);
      return;
    case 4: /* bytes behind the body */
      for (cut = 1 + script_below(s, 4); cut > 0; cut--) {
        uint8_t more = script_byte(s);
        if (buffer_append(b, &more, 1) == BUFFER_OK) size++;
      }
      message_set_size(b->bytes + b->size - size, size);
      return;
    default: store_be32(m + 1, (uint32_t)script_number(s)); return;
  }
}
