/* SPDX-License-Identifier: MIT
 *
 * A connection's rings in shared memory (proto/ring/), once the broker has offered some: how it
 * moves from the socket to them, and the bytes that pass there. The two streams move apart from
 * each other: `in` and `out` of struct gaijin's rings say which has.
 */
#ifndef GAIJIN_CLIENT_RINGS_H
#define GAIJIN_CLIENT_RINGS_H

#include "client-lib/internal.h"

/* What hello asks for, of a connection without any. */
void gj_rings_init(gaijin *g, bool wanted);
/* The socket has gone, or the connection ends: what was read stays. */
void gj_rings_drop(gaijin *g);
/* Reads the socket like recv, keeping a descriptor that comes. */
ssize_t gj_rings_recv(gaijin *g, void *to, uint32_t room);
/* A notice `ring` has come: NULL, or what is wrong with it. */
const char *gj_rings_on_notice(gaijin *g, struct reader *r);
/* The out-queue is empty, and an answer is due: yes or no to an offer, or that we leave, too. */
void gj_rings_answer(gaijin *g);
/* That was sent, up to rings.end: what follows goes the other way. */
void gj_rings_answered(gaijin *g);
/* While `in`: takes what there is, `room` bytes at most. 0: nothing; or they are broken. */
uint32_t gj_rings_take(gaijin *g, void *to, uint32_t room);
/* While `out`: puts what finds room, and knocks if that is due. Returns how many. */
uint32_t gj_rings_put(gaijin *g, const void *bytes, uint32_t n);
/* While `in`: reads the socket, where there are knocks. What comes behind them, because the ring
 * will end, is kept in rings.ahead; if it does not, that is a fault. */
enum rings_heard { RINGS_QUIET, RINGS_ENDED };
enum rings_heard gj_rings_hear(gaijin *g);
/* Takes that out; it has room in READ_LEAST_BYTES. Returns how much; 0: nothing. */
uint32_t gj_rings_ahead(gaijin *g, void *to);
/* While `in`: from now on the broker knocks. False: something has come. */
bool gj_rings_sleep(gaijin *g);

#endif
