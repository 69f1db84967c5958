/* SPDX-License-Identifier: MIT
 *
 * One connection. Its life: GREETING (only hello is understood, and not for ever), READY, CONDEMNED
 * (marked; nothing goes in or out any more), buried by reap.c at the end of the
 * turn. client_condemn may be called anywhere and only marks.
 *
 * A write error does not end a connection: what the peer had sent before it died
 * is read to its end first, then the end is processed, once.
 */
#ifndef GAIJIN_BROKER_CLIENT_H
#define GAIJIN_BROKER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "broker/net/outbox.h"
#include "proto/frame.h"

struct broker;

enum client_state { CLIENT_GREETING, CLIENT_READY, CLIENT_CONDEMNED };

/* More forgeries than this within the window end a connection. */
enum { FORGERIES_MOST = 20, FORGERY_WINDOW_MS = 10000 };
/* Who lets others wait for longer than this without reading or sending anything is shown as not answering. */
enum { ANSWERING_MS = 1000 };

/* What a client said with its last answer to free. */
struct budget {
  bool known;
  uint64_t ms;      /* left for collections */
  uint64_t put_off; /* collections it put off, ever */
};

struct client {
  struct broker *broker;
  struct client *prev, *next;                 /* broker.clients */
  struct client *next_dirty, *next_condemned; /* valid while is_dirty, while CONDEMNED */
  uv_poll_t poll;
  int fd;
  int events; /* what poll waits for */
  enum client_state state;
  uint32_t version; /* of the wire, agreed in hello; the least before */
  bool is_dirty, observer, serves; /* serves: has said ready */
  bool deaf;      /* a write failed: nothing is sent any more */
  uint32_t host;  /* its number, SLAB_NONE before it is READY */
  uint32_t name;  /* its record in names, SLAB_NONE for observers */
  uint64_t free_id; /* the free request it has not answered yet, or 0 */
  uint64_t free_ms; /* when that was sent, on the loop's clock */
  struct budget budget;
  struct frame rest; /* the begin of a message whose end has not come yet */
  struct outbox outbox;
  pid_t pid;
  uid_t uid;
  uint64_t since_ms; /* on the loop's clock, as are: */
  uint64_t alive_ms; /* when it last read or sent something, or when something began to wait for it */
  uint64_t messages_in, messages_out;
  uint64_t posts_refused; /* its one-way requests that could not be delivered */
  uint64_t forgeries, forged_ms[FORGERIES_MOST]; /* all of them; times of the last ones, a ring */
  char why[192]; /* why it was condemned; "" when it just left */
};

/* Takes a connected, non-blocking socket over. -1 when memory is short; the socket is closed then. */
int client_new(struct broker *b, int fd);
/* Closes the socket and frees the struct when libuv has let go of it. Unlinks it from broker.clients. */
void client_close(struct client *c);

/* Queues a message. A client that is not there any more is silently skipped: its end is under way. */
void client_push(struct client *c, const void *bytes, uint32_t size);
/* Writes what is queued, once. */
void client_flush(struct client *c);
/* Whether the client is fit for another request: connected and reading. */
bool client_has_room(const struct client *c);
/* An answer of the client is about to be waited for. */
void client_awaited(struct client *c);
/* False: for more than ANSWERING_MS an answer, or room in its socket, has been due while it read and sent nothing. */
bool client_answers(const struct client *c);

/* Ends the connection at the end of the turn. */
void client_condemn(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The client broke the rules: tells it (as an error to no request), and condemns it. */
void client_fault(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The client used what it was never given: counted and logged; too often, and it is condemned. */
void client_forged(struct client *c, const char *what);

/* What to call it in the log. */
const char *client_name(const struct client *c);

#endif
