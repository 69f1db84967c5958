/* SPDX-License-Identifier: MIT
 *
 * What becomes of a claim of a worker that came back: each of its places is granted, refused, or
 * waits for an absent worker (books/absents.h). Granted is a token that its host, which is back,
 * has announced, with the same stamp: the claimant is a holder from then on, with a count one
 * higher. Refused is everything else whose fate is known: its host is dead, or never was there.
 */
#ifndef GAIJIN_BROKER_CLAIMING_H
#define GAIJIN_BROKER_CLAIMING_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/pt.h"

struct broker;
struct client;

/* Units of work (base/work.h) for a place. */
enum { CLAIM_COST = 8 };

/* Decides a place, or has it wait, of a claim whose record has been made. False: the client was
 * condemned. */
bool claiming_place(struct client *from, uint32_t claim, uint32_t place, const struct pt *pt);
/* All its places have been told. False: the client was condemned. */
bool claiming_seal(struct client *from, uint32_t claim);
/* Answers a claim, unless a place of it waits. */
void claiming_answer(struct broker *b, uint32_t claim);

/* Decides what waits for the first of the absent ones that are settled, so much as `left` allows,
 * which is lowered; true when nothing waits for it any more. */
bool claiming_decide(struct broker *b, uint32_t *left);
/* The claimant has ended: one place that waits, or one claim, goes. False: there is none. */
bool claiming_end_one(struct client *c);

#endif
