/* SPDX-License-Identifier: MIT
 *
 * The windows of requests: what receivers report as taken goes to the senders as room for
 * more. What senders do not count is counted for them. The books are books/flows.h.
 */
#ifndef GAIJIN_BROKER_FLOW_H
#define GAIJIN_BROKER_FLOW_H

#include "broker/books/calls.h"
#include "broker/net/client.h"
#include "proto/message.h"

void flow_on_taken(struct client *from, const struct message *m);
/* Whether the request counts in the window of its sender: one of a version that does not count
 * requests which are answered is bounded in what it sends one way only. So is all that is sent by
 * name, for the sender does not know whose window that is. */
bool flow_counts(const struct client *from, const struct message *m);
/* Whether a request, whose body has been checked, asks for an answer that may take for ever: s2t
 * with `wait` = true is answered when the label has a value. */
bool flow_waits(const struct message *m);
/* Enters a request that is to be forwarded into the books of its pair: what does not count in the
 * window is open until it is answered, whether its sender gives it up or not. False: there is no
 * room. */
bool flow_enter(const struct client *from, uint32_t load, const struct message *m);
/* Takes it out again: it is not forwarded. */
void flow_undo(const struct client *from, uint32_t load, const struct message *m);
/* Its call has been made: pairs_answered takes it out of the books of its pair. */
void flow_call_begins(const struct client *from, struct call *call, const struct message *m);
/* A request that counts has been queued for `to`, the client of the load. A receiver of a version
 * that does not report such has taken what is forwarded. */
void flow_forwarded(struct client *from, struct client *to, uint32_t load,
                    const struct message *m);

#endif
