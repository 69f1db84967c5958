/* SPDX-License-Identifier: MIT
 *
 * Memory is estimated, not measured: the collector runs meanwhile. Time is looked at every few
 * values, because keys can be chosen so that Lua takes long for each.
 */
#include "lua/ref/decode.h"

#include <assert.h>

#include "lua/fiber/answer.h"
#include "lua/fiber/slices.h"

enum { STEPS_PER_LOOK = 16 };

void decode_init(struct decoding *d, struct worker *w, const gaijin_body *body, uint64_t host) {
  *d = (struct decoding){.is_long = decode_is_long(body), .host = host};
  if (!d->is_long || !w->sched.current) return;
  d->slice_end = clock_seconds() + SLICE_SECONDS;
  d->until = answer_limit(w, clock_seconds(), false);
}

static void refuse(lua_State *L, struct worker *w, const struct decoding *d) {
  worker_raise(L, GAIJIN_STATUS_TOO_LARGE,
               "%s would become more than %u bytes of Lua values; the limit of %s is "
               "--max-decoded",
               d->host ? "the request" : "the answer", w->max_decoded, w->name);
}

static void pause_slice(lua_State *L, struct worker *w, struct decoding *d) {
  slices_pause(L, w, d->host, d->until, "decoding");
  d->steps = 0;
  d->slice_end = clock_seconds() + SLICE_SECONDS;
}

void decode_spend_long(lua_State *L, struct worker *w, struct decoding *d, unsigned values,
                       size_t bytes) {
  unsigned looks = d->steps / STEPS_PER_LOOK;
  assert(d->is_long && values <= DECODE_NUMBERS);
  d->memory += bytes;
  if (d->memory > w->max_decoded) refuse(L, w, d);
  d->steps += values;
  if (d->steps / STEPS_PER_LOOK == looks || !w->sched.current) return;
  if (d->steps >= DECODE_SLICE || clock_seconds() >= d->slice_end) pause_slice(L, w, d);
}

void decode_spend_value(lua_State *L, struct worker *w, struct decoding *d,
                        const struct gaijin_value *v) {
  if (!d->is_long) return;
  size_t bytes = 0;
  if (v->type == GAIJIN_STRING) bytes = DECODE_STRING + v->size;
  if (v->type == GAIJIN_FOREIGN) bytes = DECODE_REFERENCE;
  decode_spend(L, w, d, bytes);
}
