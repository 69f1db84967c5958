/* SPDX-License-Identifier: MIT
 *
 * A received body read in other ways than value by value: many numbers in one call, and from its
 * beginning again. And many values written without their number being known before. Included by
 * gaijin.h.
 */
#ifndef GAIJIN_NUMBERS_H
#define GAIJIN_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gaijin/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads numbers as long as the next value is one, up to `most` of them and no further than the
 * array that is read; returns how many. `to` has room for `most`. What was read before is given
 * back, as by gaijin_body_next. */
GAIJIN_API size_t gaijin_body_numbers(gaijin_body *b, double *to, size_t most);
/* The same without reading, from *at on and with *at moved on as by gaijin_body_look: so arrays
 * have no end here. */
GAIJIN_API size_t gaijin_body_look_numbers(const gaijin_body *b, size_t *at, double *to,
                                           size_t most);
/* Reads entries of an array of keys and values, as a table that is sent by value is, as long as the
 * next key is the number `first`, `first` + 1, ... and its value a number: up to `most` of them and
 * no further than the array that is read. Returns how many; `to`, which has room for `most`, gets
 * their values. It may stop before the last such entry, at a number in a rare form or near the end
 * of the body: the other functions read on from there. What was read before is given back, as by
 * gaijin_body_next. */
GAIJIN_API size_t gaijin_body_places(gaijin_body *b, uint32_t first, double *to, size_t most);
/* How many entries gaijin_body_places would read, without reading them, from *at on and with *at
 * moved on as by gaijin_body_look: so arrays have no end here. */
GAIJIN_API size_t gaijin_body_look_places(const gaijin_body *b, size_t *at, uint32_t first,
                                          size_t most);
/* The next value is the first again. False, and nothing has changed: the body has references, each
 * of which is given back when it has been read. */
GAIJIN_API bool gaijin_body_rewind(gaijin_body *b);

/* Puts so many numbers into the message being written, as gaijin_put_number does each. */
GAIJIN_API void gaijin_put_numbers(gaijin *g, const double *numbers, size_t n);
/* As gaijin_put_array, but its values are those that are put until gaijin_put_array_end, however
 * many: any but arrays. With one that is not ended the message is refused at its end. */
GAIJIN_API void gaijin_put_array_begin(gaijin *g);
GAIJIN_API void gaijin_put_array_end(gaijin *g);

#ifdef __cplusplus
}
#endif

#endif
