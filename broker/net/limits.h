/* SPDX-License-Identifier: MIT
 *
 * What the broker keeps for each connection, in bytes, and for how long it does.
 *
 * Counted is what grows with what a peer sends or leaves untaken: the blocks of its outbox, the
 * buffer of a message that is not here whole or not handled yet, and a walk in progress. Records
 * of the books are not.
 *
 * Always true outside of the functions of this floor: connections.kept is the sum of client.kept,
 * and each client's is what its parts really have, because whatever changes one of the parts calls
 * client_settle.
 */
#ifndef GAIJIN_BROKER_LIMITS_H
#define GAIJIN_BROKER_LIMITS_H

#include "broker/net/client.h"

/* For so many of the largest messages there is room in any case. */
enum { ACCOUNTS_MESSAGES = 8 };
/* While no more than this waits for it, a client may take as long as it likes: it is stopped, in a
 * debugger, or asleep. */
enum { ACCOUNTS_WAITING_MOST = 1 << 20 };

/* After connections_init: takes the limits over, and puts the timer on the loop. The limit of bytes
 * is raised where it has no room for ACCOUNTS_MESSAGES. */
void accounts_init(struct connections *n, const struct client_limits *limits);
/* Has the loop let go of the timer. */
void accounts_close(struct connections *n);

/* At the end of a turn: while too much is kept for all together, the one with the most is told,
 * disconnected, and what was kept for it is freed. */
void accounts_enforce(struct connections *n);

/* There is one who leaves something untaken or may be in the midst of a message: has the timer run,
 * if there are limits of time. */
void accounts_watch(struct connections *n);
/* Whether one of the times runs for it. */
bool accounts_is_watched(const struct client *c);
/* Disconnects those whose time is over. The timer does it while there are any to watch. */
void accounts_sweep(struct connections *n);

#endif
