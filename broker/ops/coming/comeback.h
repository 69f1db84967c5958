/* SPDX-License-Identifier: MIT
 *
 * What a worker says that has come back (ops/readmit.h): which objects of its are living, what it
 * holds, and that this was all. From anybody else it is a fault.
 */
#ifndef GAIJIN_BROKER_COMEBACK_H
#define GAIJIN_BROKER_COMEBACK_H

#include "broker/net/client.h"
#include "proto/message.h"

void comeback_on_announce(struct client *from, const struct message *m);
void comeback_on_claim(struct client *from, const struct message *m);
void comeback_on_back(struct client *from, const struct message *m);

#endif
