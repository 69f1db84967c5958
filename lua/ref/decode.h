/* SPDX-License-Identifier: MIT
 *
 * What decoding a message may cost. A short body is decoded at once. A longer one is decoded in
 * slices (fiber/slices.h), so that deadlines and cancels are seen and others served meanwhile; it
 * may become --max-decoded bytes of Lua's memory and take --call-timeout. What has been decoded so
 * far is on the stack of the fiber, and the body is the fiber's: no script reaches either.
 */
#ifndef GAIJIN_LUA_DECODE_H
#define GAIJIN_LUA_DECODE_H

#include "lua/vm/worker.h"

/* A body of so many bytes is short: a value has one at least, and becomes at most some 100. */
enum { DECODE_AT_ONCE = 4096 };
/* So many values, at most, are decoded in a slice. */
enum { DECODE_SLICE = 2000 };
/* So many numbers, at most, are read in one go, or so many entries of numbers that are in their
 * places. Such entries are quick, and nobody can choose them to be slow: DECODE_PLACES_AS_ONE of
 * them count as one value. */
enum { DECODE_NUMBERS = 32, DECODE_PLACES = 128, DECODE_PLACES_AS_ONE = 8 };

/* A message being decoded; on the stack of who decodes it. */
struct decoding {
  bool is_long;
  uint64_t host;    /* whose request it is; 0: an answer */
  uint64_t memory;  /* bytes that it has become, by the estimates below */
  unsigned steps;   /* values in this slice */
  double slice_end; /* when this slice is over */
  double until;     /* it must be done by then; 0: whenever */
};

/* What 5.1 takes on 64 bits for a table and its slot in a list, an entry of a table, a string (and
 * its bytes), an AT. */
enum { DECODE_TABLE = 80, DECODE_ENTRY = 40, DECODE_STRING = 32, DECODE_REFERENCE = 200 };

static inline bool decode_is_long(const gaijin_body *body) {
  return body && gaijin_body_size(body) > DECODE_AT_ONCE;
}
void decode_init(struct decoding *d, struct worker *w, const gaijin_body *body, uint64_t host);
/* Of a long body: so many values, which take so many bytes of memory, are about to be made. Raises
 * `too_large`; lets others run when the slice is over, and then raises as slices_pause does. */
void decode_spend_long(lua_State *L, struct worker *w, struct decoding *d, unsigned values,
                       size_t bytes);
/* The same of any body: at most DECODE_NUMBERS values, or one. */
static inline void decode_spend_many(lua_State *L, struct worker *w, struct decoding *d,
                                     unsigned values, size_t bytes) {
  if (d->is_long) decode_spend_long(L, w, d, values, bytes);
}
static inline void decode_spend(lua_State *L, struct worker *w, struct decoding *d, size_t bytes) {
  decode_spend_many(L, w, d, 1, bytes);
}
/* The same of entries in their places, DECODE_PLACES at most. */
static inline void decode_spend_places(lua_State *L, struct worker *w, struct decoding *d,
                                       size_t n, size_t bytes) {
  decode_spend_many(L, w, d, (unsigned)(n + DECODE_PLACES_AS_ONE - 1) / DECODE_PLACES_AS_ONE,
                    bytes);
}
/* The same for a value that is no array. */
void decode_spend_value(lua_State *L, struct worker *w, struct decoding *d,
                        const struct gaijin_value *v);

#endif
