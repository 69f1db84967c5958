/* SPDX-License-Identifier: MIT
 *
 * PT, the passive token: what stands for an original object while it travels.
 * On the wire it is a msgpack ext of 24 bytes whose ext type tells the kind of
 * the object, so no value of a script can ever be mistaken for one.
 */
#ifndef GAIJIN_PROTO_PT_H
#define GAIJIN_PROTO_PT_H

#include <stdbool.h>
#include <stdint.h>

enum pt_kind { PT_TABLE = 1, PT_FUNCTION = 2, PT_THREAD = 3, PT_USERDATA = 4 };

struct pt {
  uint64_t host;  /* the incarnation of the worker that has the object; never 0, never used twice */
  uint64_t id;    /* the token id within that host; never 0, never used twice */
  uint64_t stamp; /* random; whoever knows it was given the token */
  uint8_t kind;   /* enum pt_kind */
};

/* Bytes of a PT on the wire: ext8, size, type, 3 words. */
#define PT_WIRE_BYTES 27
enum { PT_MARK = 0xc7 }; /* the first of them; no other value begins so */

/* The null pointer on the wire, the other value that is a msgpack ext: fixext 1, type 0, a zero. */
#define NULL_WIRE_BYTES 3
extern const uint8_t null_on_wire[NULL_WIRE_BYTES];

/* Writes PT_WIRE_BYTES at out. */
void pt_write(uint8_t *out, const struct pt *pt);

/* Whether it can be one: host and id are not 0, the kind is in enum pt_kind. */
bool pt_is_token(const struct pt *pt);

/* Reads a PT at `in`, where `size` bytes are readable. False if no well-formed PT is there:
 * wrong type or length, or !pt_is_token. */
bool pt_read(const uint8_t *in, uint32_t size, struct pt *pt);

static inline bool pt_equal(const struct pt *a, const struct pt *b) {
  return a->host == b->host && a->id == b->id && a->stamp == b->stamp && a->kind == b->kind;
}

/* "table", "function", "thread", "userdata"; "unknown" for anything else. Static text. */
const char *pt_kind_name(uint64_t kind);

#endif
