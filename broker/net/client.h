/* SPDX-License-Identifier: MIT
 *
 * Connections: one of them (struct client), and all of them together (struct connections).
 *
 * A message comes in where the loop says that a socket is readable (on_event in client.c): the
 * socket is read once and each whole message goes to events.message. A connection ends where
 * client_condemn marks it, which may be called anywhere; connections_end_turn then gives it to
 * events.ended. Nothing else ends one.
 *
 * The life of a client: GREETING (only hello is understood, and not for ever), READY, CONDEMNED
 * (nothing goes in or out any more), closed at the end of the turn. A write error does not end a
 * connection: what the peer had sent before it died is read to its end first.
 *
 * This floor knows sockets and bytes. What a message means is known above; what is stored here
 * for those floors is marked so.
 */
#ifndef GAIJIN_BROKER_CLIENT_H
#define GAIJIN_BROKER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "broker/base/log.h"
#include "broker/net/outbox.h"
#include "proto/frame.h"

struct broker;
struct client;

/* What the floors above do with connections. */
struct client_events {
  /* A connection has come; nothing was read from it yet. */
  void (*opened)(struct client *c);
  /* A whole message, length prefix included, whose bytes may be changed. The client is GREETING
   * or READY, and may be CONDEMNED when this returns. */
  void (*message)(struct client *c, uint8_t *bytes, uint32_t size);
  /* The client broke the protocol and is condemned next: the last chance to tell it. */
  void (*fault)(struct client *c, const char *text);
  /* The end of a CONDEMNED client, at the end of a turn. Ends with client_close. */
  void (*ended)(struct client *c);
};

struct connections {
  uv_loop_t *loop;
  struct log *log;
  const struct client_events *events;
  struct broker *broker; /* given to every client */
  uint32_t max_message; /* bytes after the length prefix */
  size_t queue_most; /* bytes: a client for which more waits gets no more requests */
  struct client *all; /* every one that is not closed, newest first */
  struct client *dirty; /* those with something new to write */
  struct client *condemned; /* those that end with this turn */
  struct client *postponed, *postponed_last; /* see client_postpone; the oldest first */
  struct frame inbox; /* what is being read, of whoever has not kept a part of a message */
};

enum client_state { CLIENT_GREETING, CLIENT_READY, CLIENT_CONDEMNED };

/* More forgeries than this within the window end a connection. */
enum { FORGERIES_MOST = 20, FORGERY_WINDOW_MS = 10000 };
/* Who owes others an answer, or room in its socket, and for longer than this neither read nor
 * sent anything, is shown as not responding. */
enum { RESPONSIVE_MS = 1000 };

/* What a client said with its last answer to free. */
struct budget {
  bool known;
  uint64_t ms; /* left for collections */
  uint64_t put_off; /* collections it put off, ever */
};

struct client {
  struct connections *connections;
  struct client *prev, *next; /* in connections.all */
  struct client *next_dirty, *next_condemned; /* valid while is_dirty, while CONDEMNED */
  struct client *next_postponed; /* valid while is_postponed */
  uv_poll_t poll;
  int fd;
  int events; /* what poll waits for */
  enum client_state state;
  bool is_dirty, is_postponed; /* in connections.dirty, in connections.postponed */
  bool write_failed; /* nothing is sent any more */
  struct frame rest; /* the begin of a message whose end has not come yet; or what was postponed */
  struct outbox outbox;
  pid_t pid;
  uid_t uid;
  uint64_t since_ms; /* on the loop's clock, as is: */
  uint64_t active_ms; /* when it last read or sent something, or when an answer became due */
  uint32_t answers_due; /* requests it was sent and is to answer in finite time */
  uint64_t messages_in, messages_out;
  uint64_t forgeries, forged_ms[FORGERIES_MOST]; /* all of them; times of the last ones, a ring */
  char reason[192]; /* why it was condemned; "" when it just left */
  const char *name; /* for the log; the text is its host's record's, or static */

  /* Of the floors above. */
  struct broker *broker;
  uint32_t version; /* of the wire, agreed in hello; the least before */
  uint32_t host; /* its number in the books; SLAB_NONE before it is READY */
  uint32_t name_record; /* of its name in the books; SLAB_NONE for observers and retired ones */
  bool observer, serves; /* serves: has said ready */
  bool retired, leaves; /* it serves nobody new; it begins nothing more (ops/retire.h) */
  uint64_t free_id; /* the free request it has not answered yet, or 0 */
  uint64_t free_ms; /* when that was sent, on the loop's clock */
  struct budget budget;
};

/* No connection yet. The log and the events stay the caller's. `broker` is for the events. */
void connections_init(struct connections *n, uv_loop_t *loop, struct log *log,
                      const struct client_events *events, struct broker *broker,
                      uint32_t max_message);
/* After connections_close, and after the loop has run to its end. */
void connections_deinit(struct connections *n);
/* Closes every connection, without a word to anybody. */
void connections_close(struct connections *n);
/* Writes what was queued in this turn, once per client; then the condemned end; then postponed
 * messages are handled, with nobody condemned. */
void connections_end_turn(struct connections *n);

/* Takes a connected, non-blocking socket over. -1 when memory is short; it is closed then. */
int client_new(struct connections *n, int fd);
/* Unlinks the client, closes its socket, and frees the struct when libuv has let go of it. */
void client_close(struct client *c);

/* hello was accepted: the client, which is GREETING, is READY from now on. */
void client_ready(struct client *c);

/* Only inside of events.message, and once for a message: it cannot be handled before those who
 * are condemned now have ended. It comes again at the end of the turn, and what the client sent
 * after it follows then; until then nothing more is read. */
void client_postpone(struct client *c);

/* Queues a message. A client that is not there any more is silently skipped: its end is under
 * way. One for which more than four times queue_most waits is condemned: it does not read. */
void client_push(struct client *c, const void *bytes, uint32_t size);
/* How many bytes will have been written to it when all that waits now is; whether so many have
 * been. What was written to the end the client may have read, whatever became of it then; what was
 * not, it cannot have. */
uint64_t client_queued_to(const struct client *c);
bool client_was_sent(const struct client *c, uint64_t to);
/* Whether the client is fit for another request: no more than queue_most waits for it. */
bool client_has_room(const struct client *c);

/* The client was sent a request that it is to answer in finite time; it has answered one. */
void client_answer_due(struct client *c);
void client_answer_came(struct client *c);
/* False: for more than RESPONSIVE_MS an answer, or room in its socket, has been due while it
 * read and sent nothing. */
bool client_is_responsive(const struct client *c);

/* Ends the connection at the end of the turn. The first reason counts; "" is for who just left. */
void client_condemn(struct client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The client broke the protocol: tells it (events.fault), and condemns it. */
void client_fault(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The client used what it was never given: counted and logged; too often, and it is a fault. */
void client_forged(struct client *c, const char *what);

#endif
