/* SPDX-License-Identifier: MIT
 *
 * The envelope: one message as the wire has it. Every field the broker reads or
 * patches sits at a fixed offset (counted from the length prefix), because its
 * numbers are written in one form only:
 *
 *    0 ce LENGTH32   bytes that follow the prefix
 *    5 99            array of 9
 *    6 cc KIND       enum message_kind
 *    8 cc OP         enum op
 *   10 cd FLAGS16    enum message_flags
 *   13 cd DEPTH16    how many calls deep this chain is
 *   16 cf ID64       pairs a request with its answer, per connection
 *   25 cf PEER64     host that asked (requests) or answered; written by the broker, 0 from clients
 *   34 ce DEADLINE32 milliseconds left, 0 for none
 *   39 TARGET        c0 | d9 LEN8 name | PT
 *      BODY          an array, forwarded untouched
 *
 * A `struct message` is a view: it points into the bytes it was parsed from.
 */
#ifndef GAIJIN_PROTO_MESSAGE_H
#define GAIJIN_PROTO_MESSAGE_H

#include <stdint.h>

#include "proto/ops.h"
#include "proto/pt.h"

enum message_kind { MESSAGE_REQUEST = 1, MESSAGE_REPLY = 2, MESSAGE_ERROR = 3, MESSAGE_NOTICE = 4 };
/* ONE_WAY: a request without reply; only its refusal on the way is told, as an error. COUNTED: one
 * that is answered, and counts in its sender's window (window.h); written by the broker, 0 from
 * clients. The other bits are 0. */
enum message_flags { MESSAGE_ONE_WAY = 1, MESSAGE_COUNTED = 2 };

enum { MESSAGE_PREFIX_BYTES = 5, MESSAGE_TARGET_OFFSET = 39, MESSAGE_LEAST_BYTES = 41 };

struct message {
  enum message_kind kind;
  enum op op;
  const struct op_info *info; /* the op's row; set by message_parse only */
  uint16_t flags;
  uint16_t depth;
  uint64_t id;
  uint64_t peer;
  uint32_t deadline_ms;
  enum op_target target; /* which of the two next is set */
  struct pt pt;
  const char *name; /* not terminated */
  uint8_t name_size;
  const uint8_t *body; /* starts at the array's header */
  uint32_t body_size;
  uint32_t body_count; /* values the body's array header announces (checked by body_walk) */
  const uint8_t *bytes; /* the whole message, prefix included */
  uint32_t size;
};

/* Reads the envelope of the message of `size` bytes (prefix included) at `bytes`.
 * Returns NULL, or a static text that says what is wrong; then `m` is not to be read. Checks
 * everything but the inside of the body (body_walk) and who may send it: forms of the numbers,
 * known kind, op and flags, the op's kind, target and number of values. A reply or error has no
 * target. */
const char *message_parse(const uint8_t *bytes, uint32_t size, struct message *m);

/* Writes envelope and target of `m` (all but its body, prefix length still 0) at `out`, which has
 * room for MESSAGE_HEADER_MOST bytes. Returns the bytes written. */
enum { MESSAGE_HEADER_MOST = MESSAGE_TARGET_OFFSET + 2 + 255 };
uint32_t message_write_header(uint8_t *out, const struct message *m);

/* Sets the length prefix of a message of `size` bytes, prefix included. */
void message_set_size(uint8_t *bytes, uint32_t size);

/* The kind, the op, the flags and the size, prefix included, of a whole message. */
enum message_kind message_kind_of(const uint8_t *bytes);
enum op message_op(const uint8_t *bytes);
uint16_t message_flags(const uint8_t *bytes);
uint32_t message_size(const uint8_t *bytes);

/* Patches of a message in place. */
void message_set_op(uint8_t *bytes, enum op op);
void message_set_flags(uint8_t *bytes, uint16_t flags);
void message_set_id(uint8_t *bytes, uint64_t id);
void message_set_peer(uint8_t *bytes, uint64_t peer);
void message_set_deadline(uint8_t *bytes, uint32_t deadline_ms);

#endif
