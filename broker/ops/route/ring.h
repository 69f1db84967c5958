/* SPDX-License-Identifier: MIT
 *
 * A worker that is busy is offered rings (net/carrier.h), says yes or no, and is told that from now
 * on the broker's messages come there, too. One that has become idle is told that they come on the
 * socket again, and says that its own do.
 */
#ifndef GAIJIN_BROKER_RING_H
#define GAIJIN_BROKER_RING_H

#include "broker/net/client.h"
#include "proto/hello.h"
#include "proto/message.h"

/* Whether the client asks for rings of a layout that this program knows. */
bool ring_read(const struct hello_options *o);
/* client_events.busy, .idle */
void ring_offer(struct client *c);
void ring_leave(struct client *c);
void ring_on_ring(struct client *from, const struct message *m);

#endif
