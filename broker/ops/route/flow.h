/* SPDX-License-Identifier: MIT
 *
 * The windows of requests: what receivers report as taken goes to the senders as room for
 * more. What senders do not count is counted for them. The books are books/flows.h.
 */
#ifndef GAIJIN_BROKER_FLOW_H
#define GAIJIN_BROKER_FLOW_H

#include "broker/books/calls.h"
#include "broker/net/client.h"
#include "proto/limits.h"
#include "proto/message.h"

void flow_on_taken(struct client *from, const struct message *m);
/* Whether a request takes room in its sender's window. A one-way request always does. A request
 * that is answered does if it goes to an object, and its sender's version counts such requests: who
 * sends by name does not know whose window that would be. */
static inline bool flow_counts(const struct client *from, const struct message *m) {
  return m->flags & MESSAGE_ONE_WAY ||
         (m->target == OP_PT && from->version >= WIRE_VERSION_COUNTED);
}
/* Whether a request, whose body has been checked, asks for an answer that may take for ever: s2t
 * with `wait` = true is answered when the label has a value. */
bool flow_waits_for_label(const struct message *m);
static inline bool flow_waits(const struct message *m) {
  return m->op == OP_s2t && flow_waits_for_label(m);
}
/* Counts a request with its pair, before it is forwarded: in the window, or, if it takes no room
 * there, as open. It is open until it is answered, even if its sender gives it up. False: there is
 * no room, and nothing has changed. */
bool flow_enter(const struct client *from, uint32_t load, const struct message *m);
/* A request that was counted is not forwarded after all. */
void flow_undo(const struct client *from, uint32_t load, const struct message *m);
/* A call has been made for a request that was counted. If it counts as open, the call notes how
 * many bytes it has; pairs_answered (core/pairs.h) takes them off when the call ends. */
static inline void flow_call_begins(const struct client *from, struct call *call,
                                    const struct message *m) {
  if (!flow_counts(from, m)) call->open_bytes = m->size;
}
/* For flow_forwarded: reports the request as taken, in the place of `to`. */
void flow_take_for(struct client *from, struct client *to, uint32_t load,
                   const struct message *m);
/* A request that takes room in the window has been queued for `to`, the client of the load. If the
 * version of `to` does not report such requests as taken, this does so in its place. */
static inline void flow_forwarded(struct client *from, struct client *to, uint32_t load,
                                  const struct message *m) {
  if (to->version < WIRE_VERSION_COUNTED) flow_take_for(from, to, load, m);
}

#endif
