/* SPDX-License-Identifier: MIT
 *
 * The first message of a connection.
 */
#ifndef GAIJIN_BROKER_GREET_H
#define GAIJIN_BROKER_GREET_H

#include "proto/message.h"

struct client;

/* Makes the client READY and answers, or answers with an error and condemns it. */
void greet_on_hello(struct client *from, const struct message *m);

#endif
