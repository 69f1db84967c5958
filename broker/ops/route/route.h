/* SPDX-License-Identifier: MIT
 *
 * The way of a request from its asker to the worker it is for, and of the answer
 * back. The bytes are forwarded as they came, but for id and peer.
 */
#ifndef GAIJIN_BROKER_ROUTE_H
#define GAIJIN_BROKER_ROUTE_H

#include "proto/message.h"

struct client;

/* `bytes` are the message's own, to be patched. */
void route_request(struct client *from, const struct message *m, uint8_t *bytes);
/* A reply or an error; also the answer to free. */
void route_answer(struct client *from, const struct message *m, uint8_t *bytes);

#endif
