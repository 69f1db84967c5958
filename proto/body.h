/* SPDX-License-Identifier: MIT
 *
 * Reading bodies. Two ways over the same bytes, neither allocates:
 *   body_walk   checks a whole untrusted body and shows the PTs in it;
 *   reader      steps through the values of a body that has been walked.
 * Allowed in a body: nil, booleans, integers, floats, str, bin, arrays (nested at
 * most BODY_DEPTH_MAX), PTs and null pointers. Maps, other exts and anything after the body are
 * refused.
 */
#ifndef GAIJIN_PROTO_BODY_H
#define GAIJIN_PROTO_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/pt.h"

enum value_type {
  VALUE_NIL,
  VALUE_BOOL,
  VALUE_NUMBER,
  VALUE_STRING,
  VALUE_PT,
  VALUE_ARRAY,
  VALUE_NULL
};

struct value {
  enum value_type type;
  bool boolean;
  bool is_uint;    /* a number that was a non-negative integer on the wire: `integer` is exact */
  uint64_t integer;
  double number;
  const char *bytes; /* string; not terminated, points into the body */
  uint32_t size;     /* of string */
  uint32_t count;    /* of array: so many values follow */
  struct pt pt;
};

/* Called for each PT and each null pointer, in the order of the bytes. */
typedef void (*body_visit_fn)(void *user, const struct value *v);

/* Checks the body of `size` bytes at `body`. visit may be NULL. Returns NULL, or a static text that
 * says what is wrong; then visit may have been called for values before the fault. */
const char *body_walk(const uint8_t *body, uint32_t size, body_visit_fn visit, void *user);

/* The same in pieces: where a walk stands. It knows the body by offsets only, so the bytes may be
 * elsewhere when it goes on. */
struct body_walker {
  uint32_t at; /* bytes behind it */
  uint32_t values; /* behind it */
  uint32_t left[BODY_DEPTH_MAX + 1]; /* values still to come in each open array */
  unsigned depth;
};
enum body_walked { BODY_WALKED, BODY_MORE, BODY_FAULTY };

void body_walker_start(struct body_walker *w);
/* Goes on over `most` values at most, and not at all after another outcome than MORE. `fault` gets
 * what body_walk returns. */
enum body_walked body_walker_go_on(struct body_walker *w, const uint8_t *body, uint32_t size,
                                   uint32_t most, body_visit_fn visit, void *user,
                                   const char **fault);

struct reader {
  const uint8_t *at, *end;
};

/* Starts at a body; count gets the number of its values. False if it is no array. */
bool reader_open(struct reader *r, const uint8_t *body, uint32_t size, uint32_t *count);

/* Reads one value. An array is a value of its own: its elements come next. False at the end or on
 * malformed bytes. */
bool reader_next(struct reader *r, struct value *v);

/* Reads a string, a non-negative integer, a boolean or a PT; false if the next value is something
 * else. */
bool reader_string(struct reader *r, const char **bytes, uint32_t *size);
bool reader_uint(struct reader *r, uint64_t *v);
bool reader_bool(struct reader *r, bool *v);
bool reader_pt(struct reader *r, struct pt *pt);

#endif
