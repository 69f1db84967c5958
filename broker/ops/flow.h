/* SPDX-License-Identifier: MIT
 *
 * The windows of requests: what receivers report as taken goes to the senders as room for
 * more. The books are books/flows.h.
 */
#ifndef GAIJIN_BROKER_FLOW_H
#define GAIJIN_BROKER_FLOW_H

#include "broker/net/client.h"
#include "proto/message.h"

void flow_on_taken(struct client *from, const struct message *m);
/* Whether the request counts in the window of its sender: one of a version that does not count
 * requests which are answered is bounded in what it sends one way only. So is all that is sent by
 * name, for the sender does not know whose window that is. */
bool flow_counts(const struct client *from, const struct message *m);
/* A request that counts has been queued for `to`, the client of the load. A receiver of a version
 * that does not report such has taken what is forwarded. */
void flow_forwarded(struct client *from, struct client *to, uint32_t load,
                    const struct message *m);

#endif
