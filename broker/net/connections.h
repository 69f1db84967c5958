/* SPDX-License-Identifier: MIT
 *
 * All connections together: how they begin, what the loop does with them, how they end.
 */
#ifndef GAIJIN_BROKER_CONNECTIONS_H
#define GAIJIN_BROKER_CONNECTIONS_H

#include "broker/net/client.h"

/* No connection yet. The log, the queue of work and the events stay the caller's. `broker` is for
 * the events. */
void connections_init(struct connections *n, uv_loop_t *loop, struct work *work,
                      struct log *log, const struct client_events *events,
                      struct broker *broker, uint32_t max_message);
/* After connections_close, and after the loop has run to its end. */
void connections_deinit(struct connections *n);
/* Closes every connection, without a word to anybody. */
void connections_close(struct connections *n);
/* Writes what was queued in this turn, once per client; then the condemned end, or begin to. */
void connections_end_turn(struct connections *n);

/* Takes a connected, non-blocking socket over. -1 when memory is short; it is closed then. */
int client_new(struct connections *n, int fd);
/* A connection of the program before this one (net/carried.h), whose account was read: neither
 * watched nor counted as new. NULL when memory is short; the descriptor stays open then. */
struct client *client_take_over(struct connections *n, int fd, struct account *account);
/* Ends those who are condemned, to the last slice: nobody is left of whom a part is ended. */
void connections_bury(struct connections *n);
/* Unlinks the client, closes its socket, and frees the struct when libuv has let go of it. */
void client_close(struct client *c);

#endif
