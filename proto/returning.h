/* SPDX-License-Identifier: MIT
 *
 * How a worker comes back to a broker that was started again. The reply to hello tells a worker a
 * secret and the broker's generation; when its connection has ended without `bye` it connects
 * again and says hello with its old host id and that secret. Then it says which of its tokens it
 * has (announce), claims what it holds (claim), and says that this was all (back).
 * docs/protocol.md, section 4.
 */
#ifndef GAIJIN_PROTO_RETURNING_H
#define GAIJIN_PROTO_RETURNING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/body.h"

/* Keys of options. Of hello: who comes back, an integer, and its secret, a string. Both or none. */
#define RETURN_HOST_KEY "host"
/* Of hello, and of its reply from WIRE_VERSION_RETURN on: the worker's secret, SECRET_BYTES. */
#define RETURN_SECRET_KEY "secret"
/* Of the reply: how often a broker was started on this socket, an integer from 1 to
 * GENERATION_MOST. */
#define RETURN_GENERATION_KEY "generation"

/* The broker's ids of calls begin at generation << CALL_ID_BITS, so that an answer to a call of an
 * earlier broker never meets a later one. */
#define CALL_ID_BITS 40
#define GENERATION_MOST ((UINT64_C(1) << (64 - CALL_ID_BITS)) - 1)

/* PTs in one announce or claim. */
#define RETURNED_MOST 1000u

/* 128 bits from the kernel that only the broker and one worker know. Never logged or shown. */
enum { SECRET_BYTES = 16 };
struct secret {
  uint8_t bytes[SECRET_BYTES];
};

/* Takes the same time whatever the two are. */
bool secret_equal(const struct secret *left, const struct secret *right);
/* The next value of a body; false: it is no string of SECRET_BYTES. */
bool secret_read(struct reader *r, struct secret *secret);
/* Overwrites it, also where the compiler sees that nobody reads it any more. */
void secret_wipe(struct secret *secret);

#endif
