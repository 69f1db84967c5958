/* SPDX-License-Identifier: MIT
 *
 * The messages that the broker writes itself. Each goes into the receiver's outbox;
 * a receiver that is not there any more is skipped. When memory is too short for
 * one of them, the receiver is condemned: it must never miss a message unknowingly.
 *
 * An answer is paid by the receiver's account (base/accounts.h), a notice by the account of whoever
 * has caused it, `payer`; NULL: the receiver itself.
 */
#ifndef GAIJIN_BROKER_NOTIFY_H
#define GAIJIN_BROKER_NOTIFY_H

#include "broker/core/state.h"
#include "proto/name.h"
#include "proto/status.h"

/* Starts a message in b->out; write exactly `count` values with the pack returned, then
 * notify_send. An op that the receiver's version of the wire does not have is not sent; between
 * the forms of one op the caller chooses. */
struct pack *notify_begin(struct broker *b, enum message_kind kind, enum op op, uint64_t id,
                          uint32_t count);
void notify_send(struct broker *b, struct client *to);
void notify_send_paid(struct broker *b, struct client *to, struct account *payer);

/* Answers a request: done (a one-way request gets no reply), or refused. */
void notify_done(struct client *to, const struct message *request);
void notify_refuse(struct client *to, const struct message *request, enum status status,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
void notify_refuse_text(struct client *to, const struct message *request, enum status status,
                        const char *text);
/* The same for a request that is known by op and id only. */
void notify_reply(struct client *to, enum op op, uint64_t id);
void notify_error(struct client *to, enum op op, uint64_t id, enum status status,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* A worker has not come back yet. Who speaks an older version of the wire knows no such status. */
static inline enum status notify_away_status(const struct client *to) {
  return to->version >= WIRE_VERSION_RETURN ? STATUS_away : STATUS_dead;
}
#define NOTIFY_AWAY_TEXT \
  "worker %.*s has not come back yet after a restart of the broker; nothing was done, try again"

/* The text for whatever is asked of a worker that is not there. `name` has `size` bytes. */
#define NOTIFY_DEAD_TEXT "Gaijin tried accessing dead resource. (%.*s)"
/* The same for one whose record is known: its name, and notify_fate of it. */
#define NOTIFY_DEAD_HOST_TEXT "Gaijin tried accessing dead resource. (%s%s)"
static inline const char *notify_fate(const struct host *host) {
  return host->succeeded ? SUCCEEDED_TEXT : "";
}
/* For what a worker was sent and has not answered before it ended. */
#define NOTIFY_LOST_TEXT \
  "worker %s ended while it worked on the call; whether it was done is not known"

/* The client broke the protocol: an error to no request. (client_events.fault) */
void notify_fault(struct client *to, const char *text);
/* The broker ends the connection for another reason. (client_events.farewell) */
void notify_farewell(struct client *to, const char *text);

void notify_peer(struct client *to, const struct host *host, struct account *payer);
void notify_dead(struct client *to, uint64_t host, struct account *payer);
/* Another worker has its name now. */
void notify_succeeded(struct client *to);
void notify_cancel(struct client *to, uint64_t request, struct account *payer);
/* `target`, the id of a host, has taken so many one-way requests of the client; `undone` of them it
 * will not do. */
void notify_grant(struct client *to, uint64_t target, const struct window *taken, uint64_t undone);
/* The broker ends in good order: nobody is to come back to it. */
void notify_bye(struct client *to);
/* Asks for a complete collection unless the client is at one already, or it is not known yet who
 * holds what (core/grace.h). */
void notify_free(struct client *to);

#endif
