/* SPDX-License-Identifier: MIT
 *
 * The grace period: the time after a start in which the workers of an earlier broker come back.
 * Until it is over nobody knows yet who holds what, so nothing is dropped and nobody is asked to
 * collect; tokens without holders stay in the books (REFS_KEPT).
 *
 * It is over when each slot that the roster had at the start is freed, or its worker has said
 * `back`, and all that waited for these is decided; at the latest after --return-grace. Then, in
 * this order: the slots of all that are not back are freed, those of them that are connected are
 * cut off, what waits for them is refused, and tokens that nobody has claimed are dropped, in
 * slices.
 */
#ifndef GAIJIN_BROKER_GRACE_H
#define GAIJIN_BROKER_GRACE_H

#include "broker/core/state.h"

/* Puts the timer on the loop. */
void grace_open(struct broker *b);
/* Makes the books; false when memory is short. */
bool grace_init(struct broker *b, uint64_t seed);
/* After roster_open, and before anybody is heard: waits for all who have a slot, for so many
 * milliseconds at most. False when memory is short. */
bool grace_begin(struct broker *b, uint64_t ms);
/* Has the loop let go of the timer; frees the books. */
void grace_close(struct broker *b);
void grace_deinit(struct broker *b);

/* The client, a host already, is an absent one who came back, and takes its slot over. */
void grace_came(struct client *c, uint32_t absent);
/* It has said `back`. */
void grace_back(struct client *c);
/* It is dead, or says that it is about to be, and nobody was told yet: whatever becomes of this
 * broker, it does not come back. Clients without a slot are fine. */
void grace_give_up_slot(struct client *c);
/* It has ended. Clients that did not come back are fine. */
void grace_ended(struct client *c);

/* Whether the process of an absent one that has not connected has ended: then it is dead from now
 * on, and its name is free. */
bool grace_has_ended(struct broker *b, uint32_t absent);

/* Whether no drop and no free may be sent. */
static inline bool grace_is_on(const struct broker *b) { return b->grace.is_on; }
/* The worker of a host, if it has not come back, or not said that this is all; else NULL. `number`
 * is that of the id, or SLAB_NONE. */
const struct absent *grace_absent(const struct broker *b, uint32_t number, uint64_t id);
/* Seconds until it is over at the latest, rounded up. */
uint32_t grace_left(const struct broker *b);

/* NULL, or a static text that says which invariant is broken. */
const char *grace_check(const struct broker *b);

#endif
