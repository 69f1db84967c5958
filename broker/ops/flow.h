/* SPDX-License-Identifier: MIT
 *
 * The windows of one-way requests: what receivers report as taken goes to the senders as room for
 * more. The books are books/flows.h.
 */
#ifndef GAIJIN_BROKER_FLOW_H
#define GAIJIN_BROKER_FLOW_H

#include "broker/net/client.h"
#include "proto/message.h"

void flow_on_taken(struct client *from, const struct message *m);
/* A one-way request has been queued for `to`. A receiver of a version without `taken` has taken
 * what is forwarded. */
void flow_forwarded(struct client *from, struct client *to);

#endif
