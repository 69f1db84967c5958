/* SPDX-License-Identifier: MIT
 *
 * Writing one message into a buffer: envelope, target and the values of the body.
 * Errors stick: after the first one every call does nothing, and pack_end tells it; the buffer is
 * then back where pack_begin found it.
 */
#ifndef GAIJIN_PROTO_PACK_H
#define GAIJIN_PROTO_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/buffer.h"
#include "proto/message.h"

struct pack {
  struct buffer *out;
  uint32_t start;       /* where the message begins in out */
  uint32_t max_message; /* bytes after the prefix */
  uint64_t wanted;      /* bytes the message would have taken so far; counts on after an error */
  enum buffer_outcome outcome;
};

/* Starts a message at the end of `out`; header's kind, op, flags, depth, id, peer, deadline and
 * target are used. The body will be an array of `count` values: write exactly so many. */
void pack_begin(struct pack *p, struct buffer *out, uint32_t max_message,
                const struct message *header, uint32_t count);

void pack_nil(struct pack *p);
void pack_bool(struct pack *p, bool v);
/* Integral numbers up to 2^53 in msgpack's short integer forms, all others (and -0) as float64. */
void pack_number(struct pack *p, double v);
void pack_numbers(struct pack *p, const double *v, size_t n);
void pack_uint(struct pack *p, uint64_t v);
/* As str when the bytes are valid UTF-8, else as bin. */
void pack_string(struct pack *p, const char *bytes, uint32_t size);
void pack_text(struct pack *p, const char *text); /* a terminated string */
void pack_pt(struct pack *p, const struct pt *pt);
/* A null pointer, from WIRE_VERSION_NULL on. */
void pack_null(struct pack *p);
/* Values that are msgpack already. */
void pack_raw(struct pack *p, const void *bytes, uint32_t size);
/* An array inside the body; its `count` values follow. */
void pack_array(struct pack *p, uint32_t count);
/* The same before their number is known: what is returned is for pack_close_array, behind them. */
uint32_t pack_open_array(struct pack *p);
void pack_close_array(struct pack *p, uint32_t mark, uint64_t count);

/* Ends the message: writes its length. BUFFER_OVER_MAX: it is over max_message, and p->wanted - 5
 * says by how much. */
enum buffer_outcome pack_end(struct pack *p);
/* Gives the message up; out is as before pack_begin. */
void pack_abort(struct pack *p);

#endif
