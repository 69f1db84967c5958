/* SPDX-License-Identifier: MIT
 *
 * Messages from the steps of an input: values for a body, and damage to a message that is whole.
 */
#ifndef GAIJIN_TESTS_FUZZ_STEPS_H
#define GAIJIN_TESTS_FUZZ_STEPS_H

#include "proto/pack.h"
#include "tests/fuzz/fuzz.h"

/* A PT to put into a body; `pick` says which. */
typedef struct pt (*steps_pt_fn)(void *user, uint8_t pick);

/* Writes `count` values, arrays with all that is in them. */
void steps_values(struct script *s, struct pack *p, uint32_t count, steps_pt_fn choose, void *user);

/* Changes the message of `size` bytes at the end of `b` in one way: a byte, a field, its length.
 * Most ways leave the length prefix right. */
void steps_damage(struct script *s, struct buffer *b, uint32_t size);

#endif
