/* SPDX-License-Identifier: MIT
 *
 * The bytes of the rows of `seen` (docs/protocol.md).
 */
#ifndef GAIJIN_BROKER_SEEN_ROW_H
#define GAIJIN_BROKER_SEEN_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"

/* The most bytes of values that a row has, that it takes in all, and that the introduction of a
 * host does. */
enum {
  SEEN_BYTES_MOST = 200,
  SEEN_ROW_MOST = 80 + SEEN_BYTES_MOST,
  SEEN_HOST_MOST = 12 + TOLD_NAME_MAX_BYTES
};

struct seen_row {
  uint64_t time_us; /* since 1970 */
  uint8_t kind, op;
  uint64_t id;       /* of the request, its asker's */
  uint64_t from, to; /* hosts; 0: the broker */
  uint32_t size;     /* of the whole message; 0: it is not known */
  uint64_t took_ns;  /* 0: not known, or no answer */
  uint8_t target_kind; /* of the object that the request is for; 0: none */
  uint64_t target;     /* its token's id */
  const uint8_t *body; /* of the message, walked */
  uint32_t body_size;
  bool has_no_pts;     /* for sure */
};

/* Write at `out` and return the bytes written. Of the values of the body come so many as fit into
 * `most` bytes, at most SEEN_BYTES_MOST; the last string may be cut. */
uint32_t seen_row_write(uint8_t *out, const struct seen_row *row, uint32_t most);
uint32_t seen_row_host(uint8_t *out, uint64_t host, const char *name);

/* The body of an error of the broker's own, its text cut if it is long, in SEEN_BYTES_MOST
 * bytes. */
uint32_t seen_error_body(uint8_t *out, uint64_t status, const char *text);

#endif
