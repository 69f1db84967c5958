/* SPDX-License-Identifier: MIT
 *
 * Garbage that only keeps itself, in cycles over several workers, is found and let go
 * (docs/references.md, "Cycles", has the rule and why it is safe). This is the broker's part: it
 * suspects tokens that nobody has mentioned for a while, asks the workers that host or hold them
 * (op cycle) which they reach without the suspects, removes what is live until nothing more falls
 * away, has them halt, asks once more, and tells them what to let go (condemn).
 *
 * One round at a time, in slices of the queue of work. Always true between two messages: tokens are
 * on TRIAL (books/refs.h) only while a round is on; nobody is halted who was not sent, or is about
 * to be sent in this turn, condemn or resume, unless the round waits for answers.
 *
 * What a round needs is bounded by constants (internal.h), whoever takes part: it is the broker's
 * own memory, and ends with the round.
 */
#ifndef GAIJIN_BROKER_CYCLES_H
#define GAIJIN_BROKER_CYCLES_H

#include "broker/core/state.h"
#include "proto/message.h"

struct pack;

/* `time_ms` between two rounds; 0: only on demand. `quiet_s`: for so long nobody has mentioned what
 * is suspected. False when memory is short. */
bool cycles_open(struct broker *b, uint64_t time_ms, uint32_t quiet_s);
/* Lets the loop end; the second after the loop has ended. */
void cycles_close(struct broker *b);
void cycles_deinit(struct broker *b);

/* A reply or error to `cycle`, whose body has been walked. False: nobody waits for it. */
bool cycles_answered(struct client *from, const struct message *m);
void cycles_on_withdraw(struct client *from, const struct message *m);
/* An observer wants a round now, with whatever nobody mentions meanwhile. It is answered when that
 * is over, or refused at once. */
void cycles_ask(struct client *from, const struct message *m);
/* It does not wait for its round any more; false: it has not asked for one. */
bool cycles_cancel(struct client *from, uint64_t request);
/* Whether this client may not claim or be lent the token now: members of a halt stand still for it,
 * and one halt of the round has been spoilt like that. It may in a moment. */
bool cycles_refuses(const struct client *from, uint32_t token);
#define CYCLES_REFUSED "it is about to be decided whether object %llu is garbage; try again later"
/* Whether it was asked, and is to answer. */
bool cycles_awaits(const struct client *c);
/* The client is condemned from now on. */
void cycles_ended(struct client *c);

/* Another program is about to go on in this one's place: a round in progress ends, and who is
 * halted is told. */
void cycles_stop(struct broker *b);
/* The end of a turn. */
void cycles_end_turn(struct broker *b);

/* How many rounds are remembered, and the n-th of them, the last one first, as a row of inspect. */
uint32_t cycles_remembered(const struct broker *b);
void cycles_write_row(const struct broker *b, uint32_t n, struct pack *p);

/* NULL, or a static text that says which invariant is broken. */
const char *cycles_check(const struct broker *b);

#endif
