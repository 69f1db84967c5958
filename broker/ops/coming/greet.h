/* SPDX-License-Identifier: MIT
 *
 * The first message of a connection, and the limit of time for it.
 */
#ifndef GAIJIN_BROKER_GREET_H
#define GAIJIN_BROKER_GREET_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/message.h"

struct broker;
struct client;

/* Makes the client READY and answers, or answers with an error and condemns it. If its name is that
 * of a worker whose end is under way, or its place that of a successor's, the message is postponed
 * until that is done. */
void greet_on_hello(struct client *from, const struct message *m);

/* A connection has come (client_events.opened): if it says no hello within broker.hello_ms (a tenth
 * more at most), it is closed. There is one timer for all of them. */
void greet_expect(struct client *c);

/* Some may have come before this program took over: looks whose time is over, and has the timer run
 * for the others. */
void greet_go_on(struct broker *b);

/* Makes broker.parting, the error that a client is sent for which there is no descriptor: to no
 * request, because nothing has been read from it. False when memory is short. */
bool greet_prepare_parting(struct broker *b);

/* Sends such an error to a connection of a user who is not served, and closes it: nothing is read
 * from it. */
void greet_refuse_stranger(struct broker *b, int fd, uid_t uid);

#endif
