/* SPDX-License-Identifier: MIT
 *
 * Looking for what comes next before the loop sleeps: where messages follow each other closely, to
 * sleep and be woken takes longer than all the rest (proto/wait/polling.h has when it is worth it).
 *
 * It is done in one place: in the loop's prepare phase, when the turn is over and nothing is left
 * but to wait. There the loop can be asked what else it has to do, and its wait is the next thing.
 * A look is a recv of each hot connection (net/hot.h), as the loop would have it read: with the
 * same budget, put off and held back by the same rules. One that may not be read is not. As there
 * is no epoll_wait before it, a message that is found so costs the broker one system call less.
 *
 * Everybody else is heard, too. Whether something else is ready the loop's descriptor tells, and is
 * asked so every LOOKOUT_AROUND seconds; timers that are due, work that is queued, sockets that are
 * to be watched otherwise and connections that are to be closed end it at once; and after
 * POLLING_STRETCH of it the loop runs once without waiting.
 */
#ifndef GAIJIN_BROKER_LOOKOUT_H
#define GAIJIN_BROKER_LOOKOUT_H

#include "broker/net/client.h"

#define LOOKOUT_AROUND 20e-6

/* For lookout_wait, while polling is on. */
bool lookout_look(struct connections *n);
/* The turn is over, and the loop about to wait. True: something was read; end the turn, and call
 * again. False: let the loop go on, which waits or does what else there is. */
static inline bool lookout_wait(struct connections *n) {
  return n->hot.polling.is_on && lookout_look(n);
}

#endif
