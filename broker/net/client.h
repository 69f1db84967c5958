/* SPDX-License-Identifier: MIT
 *
 * Connections: one of them (struct client), and all of them together (struct connections). Here is
 * what may be done with one; how they are read is in reading.h, where they come from and how they
 * end in connections.h.
 *
 * A connection ends where client_condemn marks it, which may be called anywhere;
 * connections_end_turn then gives it to events.ended. Nothing else ends one.
 *
 * The life of a client: GREETING (only hello is understood, and not for ever), READY, CONDEMNED
 * (nothing goes in or out any more), closed at the end of the turn or, if its end is long, of one
 * to come. A write error does not end a connection: what the peer had sent before it died is read
 * to its end first.
 *
 * Work done for a client is charged to it where it is done (client_charge). One whose balance is
 * spent is neither heard nor read until the queue of work has given it more (reading.h).
 *
 * This floor knows sockets and bytes. What a message means is known above; what is stored here
 * for those floors is marked so.
 */
#ifndef GAIJIN_BROKER_CLIENT_H
#define GAIJIN_BROKER_CLIENT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "broker/base/log.h"
#include "broker/base/process.h"
#include "broker/base/work.h"
#include "broker/net/lanes.h"
#include "broker/net/outbox.h"
#include "proto/frame.h"
#include "proto/wait/polling.h"
#include "proto/pt.h"

struct broker;
struct client;
struct walk;

/* What the floors above do with connections. */
struct client_events {
  /* A connection has come; nothing was read from it yet. */
  void (*opened)(struct client *c);
  /* A whole message, length prefix included, whose bytes may be changed. The client is GREETING
   * or READY, and may be CONDEMNED when this returns. */
  void (*message)(struct client *c, uint8_t *bytes, uint32_t size);
  /* The client broke the protocol and is condemned next: the last chance to tell it. */
  void (*fault)(struct client *c, const char *text);
  /* The client is CONDEMNED from now on: from here on others may be told that it is dead. */
  void (*condemned)(struct client *c);
  /* Nothing that came of the client is handled any more: what the floors above keep of a message
   * that was begun goes. May be called again. */
  void (*dropped)(struct client *c);
  /* The end of a CONDEMNED client, at the end of a turn: a slice of it, if it is long. True: it
   * was the last, which ends with client_close; false: it is called again. */
  bool (*ended)(struct client *c);
  /* It is busy, nothing waits to be written to it, and it may be offered rings. */
  void (*busy)(struct client *c);
  /* It has rings, is idle, nothing waits to be written to it, and it may leave them. */
  void (*idle)(struct client *c);
  /* The broker ends the connection for another reason, next: a word to it. */
  void (*farewell)(struct client *c, const char *text);
};

/* How long the broker bears it; limits.h. */
struct client_limits {
  uint64_t message_ms, read_ms; /* 0: for ever */
};

/* The search for who keeps what ended ones have left (keepers.h). */
struct keepers {
  bool is_on;
  bool holdings; /* what they hold counts, too */
  uint32_t whole; /* the index of the account for whose sake, ... */
  uint64_t serial; /* ... and its serial, for another may get the index */
  struct client *next; /* who is looked at, up to which span, and what was found there */
  uint64_t span;
  size_t left;
  struct client *keeper; /* the one with most so far; NULL: none, or it has gone */
  size_t bytes; /* with it; 0: with none */
  uint64_t span_end; /* the number of the span behind its last one then */
};

/* Who is looked at before the loop sleeps (hot.h, lookout.h). */
enum { HOT_MOST = 32 };
struct hot {
  struct polling polling; /* of the broker's waits for messages */
  struct client *all[HOT_MOST];
  unsigned count;
  uv_idle_t awake; /* active: the loop is to run once without waiting */
  /* While is looked, on clock_seconds()'s clock: when the loop runs at the latest, 0 while is not;
   * when all others are looked at next. */
  double stretch_ends, around;
};

/* Which connections get rings (carrier.h). */
enum transport { TRANSPORT_SOCKET, TRANSPORT_SHM, TRANSPORT_AUTO };
struct carrier {
  enum transport transport;
  uint32_t most, count; /* pairs of rings */
  struct lanes *all; /* those, newest first */
  uid_t uid; /* whose workers get some */
  uint32_t idle_ms; /* of how long is seen whether one is idle; 0: nobody ever is */
  uv_timer_t look; /* runs while there are some that may be given back */
};

/* The stream from a client, as it goes from its socket into a ring, or back: what is read behind
 * the message with which it does that are knocks; or there is nothing. Then it is back, and the
 * first that comes may be knocks, up to a message. */
enum moving { MOVING_NOT, MOVING_IN, MOVING_BACK, MOVING_KNOCKS };

struct connections {
  uv_loop_t *loop;
  struct work *work;
  uv_poll_cb on_event; /* what is called when a socket is ready */
  struct log *log;
  const struct client_events *events;
  struct broker *broker; /* given to every client */
  uint32_t max_message; /* bytes after the length prefix */
  size_t queue_most; /* bytes: a client for which more waits gets no more requests */
  struct client *all; /* every one that is not closed, newest first */
  struct client *dirty; /* those with something new to write */
  struct hot hot;
  struct carrier carrier;
  struct client *condemned; /* those that end with this turn, or go on ending in the next */
  const struct client *heard; /* whose messages are being handled; NULL: nobody's */
  struct accounts accounts;
  struct job enforcing; /* there is more to do about who has too much (limits.h), ... */
  bool is_searching; /* ... and the search for those goes on */
  struct keepers keepers; /* a part of that search, ... */
  uint32_t excess; /* ... because of this account's bytes; SLAB_NONE: of the memory of all */
  /* When nobody was found last for the memory of all, and the least that stayed since; 0, to which
   * more than little is added whenever there is too much: never, or there was memory since. */
  uint64_t futile, futile_ms;
  uint64_t given_up_ms; /* while a process or user is given up: since when */
  bool has_given_up;
  struct client_limits limits;
  uv_timer_t sweep; /* runs while there are clients whose time runs (limits.h) */
  uint64_t sweep_due_ms; /* when it fires next */
  struct frame inbox; /* what is being read, of whoever has not kept a part of a message */
  struct outbox_spares spares;
};

/* Units of work (base/work.h) for a message and for a read; bytes to a unit for what is read, and
 * for what is queued for somebody, which is copied once more and written. */
enum { COST_MESSAGE = 5, COST_READ = 5, READ_PER_UNIT = 512, QUEUED_PER_UNIT = 256 };
/* Bytes on its own account (answers, notices) that a client may leave untaken: while there are
 * more, it is not read. It costs the broker nothing then. */
enum { UNTAKEN_MOST = 1 << 20 };

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

/* Where its last request to an object went (core/way.h); zeroed: nowhere. */
struct way {
  struct pt pt;
  uint32_t host, pair; /* the host's number; the record of the two (books/loads.h) */
  uint32_t token;
  bool is_known;
};

struct client {
  struct connections *connections;
  struct client *prev, *next; /* in connections.all */
  struct client *next_dirty, *next_condemned; /* valid while is_dirty, while CONDEMNED */
  struct job job; /* what it sent, or its end, goes on in the turns to come */
  int64_t balance; /* units of work it has left in this turn; a debt is paid by the next ones */
  uv_poll_t poll;
  int fd;
  int events; /* what poll waits for */
  struct lanes *lanes; /* NULL: all goes over the socket */
  uint8_t read_shift; /* so often was halved what is read of it at once (reading.c) */
  uint8_t hot; /* its place in connections.hot, counted from 1; 0: it is not there */
  uint8_t vain_looks; /* while it is hot: in a row */
  uint8_t moving; /* enum moving */
  enum client_state state;
  bool is_dirty; /* in connections.dirty */
  bool is_postponed; /* the next message in `rest` has been begun and is to come again */
  bool is_put_off; /* its socket was ready, and is read when the queue of work comes to it */
  bool is_held_back; /* it has left too much untaken: goes on when it has read */
  bool has_overstepped; /* since it was heard last: it rests next */
  bool has_hung_up; /* the peer has ended; what the kernel still holds of it is being read */
  bool write_failed; /* nothing is sent any more */
  bool is_full; /* when it was written to last something was left */
  bool wants_lanes; /* it may be offered some (carrier.h) */
  bool got_no_lanes; /* when it was to be offered some at no_lanes_ms there was no room for them */
  uint32_t busy_ms, busy_from; /* when, on the loop's clock, and after how many messages in the
                                  present second of that began */
  uint32_t no_lanes_ms;
  struct frame rest; /* what was read and not handled; when all was, the begin of a message */
  struct outbox outbox;
  struct account *account;
  size_t kept; /* bytes charged for the buffer of what is not handled, a walk, and its rings */
  pid_t pid;
  uid_t uid;
  uint64_t born; /* when its process was started (base/process.h) */
  uint64_t since_ms; /* on the loop's clock, as is: */
  uint64_t active_ms; /* when it last read or sent something, or when an answer became due */
  uint64_t heard_ms; /* when it was last read, while a part of a message is here */
  uint64_t taken_ms; /* while something waits: when it last took some, or when that began */
  uint32_t answers_due; /* requests it was sent and is to answer in finite time */
  uint64_t messages_in, messages_out;
  uint64_t forgeries, forged_ms[FORGERIES_MOST]; /* all of them; times of the last ones, a ring */
  char reason[192]; /* why it was condemned; "" when it just left */
  struct process_end end; /* how its process stood when it just left */
  uint64_t id; /* its incarnation, for the log; 0 before it is READY */
  const char *name; /* for the log; the text is its host's record's, or static */

  /* Of the floors above. */
  struct broker *broker;
  uint32_t version; /* of the wire, agreed in hello; the least before */
  uint32_t host; /* its number in the books; SLAB_NONE before it is READY */
  uint32_t slot; /* of it in the roster; SLAB_NONE: it will not come back */
  uint32_t absent; /* it has come back and not said yet that this is all; else SLAB_NONE */
  uint32_t name_record; /* of the name that it has or waits to succeed in (core/succession.h);
                           SLAB_NONE for observers and retired ones */
  struct job telling; /* those who waited for its name are being told (ops/watch.h) */
  struct job reclaiming; /* those who hold objects of its are being asked to collect, as far as */
  uint32_t reclaimed; /* the host of this number (core/succession.h) */
  bool observer, serves; /* serves: has said ready */
  bool sandboxed; /* runs untrusted code, and so may not ask for all (proto/closed.h) */
  bool retired, leaves; /* it serves nobody new; it begins nothing more (ops/retire.h) */
  uint64_t free_id; /* the free request it has not answered yet, or 0 */
  uint64_t free_ms; /* when that was sent, on the loop's clock */
  struct budget budget;
  uint32_t unable_s;   /* until then it takes no part in rounds (cycles/unable.c); broker_now's
                        * clock */
  uint8_t unable_why;  /* enum unable_why */
  uint8_t hung;        /* so often it has not answered since a round went well with it; */
  uint32_t strikes;    /* so many it has spoilt since then */
  uint32_t cycle_pause_ms;  /* so long it lets others take in halt, as it told in hello */
  uint32_t claimed; /* places of its claims that wait (core/claiming.h) */
  uint32_t weighed; /* values of the `weigh` that was postponed that are done (ops/holdings.h) */
  struct way way;
  struct walk *walk; /* the message that was postponed is being walked (core/transfer.c) */
  uint32_t walk_bytes; /* and takes so much memory; whoever changes it calls client_settle */
};

/* What the log says of it. The texts are its own. */
struct log_about client_about(const struct client *c);
struct log_about client_about_why(const struct client *c, const char *why);

/* What the log calls one that has not said hello. */
#define CLIENT_WITHOUT_NAME "a client without a name"

/* hello was accepted: the client, which is GREETING, is READY from now on. */
void client_ready(struct client *c);

/* The broker has worked so much for it. */
static inline void client_charge(struct client *c, uint64_t units) {
  c->balance -= (int64_t)units;
  work_charge(c->connections->work, units);
}

/* It asked for more than it may have under way: it is not heard for a moment, whether it could know
 * that or not; unless it has hung up, for then there is an end to what it sends. Only inside of
 * events.message. */
static inline void client_oversteps(struct client *c) { c->has_overstepped = !c->has_hung_up; }

/* Only inside of events.message: the message cannot be handled, or not to its end, in this turn. It
 * comes again in the next slice of the client's job, and what it sent after it follows then. */
void client_postpone(struct client *c);
/* Whether it has ended or begun to; its name is not free yet. */
static inline bool client_is_ending(const struct client *c) {
  return c->has_hung_up || c->state == CLIENT_CONDEMNED;
}

/* Of a client that ends what waits for it goes; what came of it and was not handled, which must not
 * be while its messages are handled. The charges go with them. May be called again. */
void client_drop_waiting(struct client *c);
void client_drop_received(struct client *c);

/* Charges the client for the bytes it has more than when this was called last, or discharges it. */
void client_settle(struct client *c);
/* What `kept` should be. */
static inline size_t client_look_kept(const struct client *c) {
  return c->rest.in.capacity + c->walk_bytes + (c->lanes ? RING_MAP_BYTES : 0);
}

/* Queues a message that `payer` pays: the client's own account for what it has asked for itself,
 * or that of whoever has caused it, and then it does not count as left untaken. A client that is
 * not there any more is silently skipped: its end is under way. One for which more than four times
 * queue_most waits on its own account is condemned: it does not read. */
void client_push(struct client *c, struct account *payer, const void *bytes, uint32_t size);
/* Whether it has left more untaken than it may (UNTAKEN_MOST). */
static inline bool client_leaves_untaken(const struct client *c) {
  return c->outbox.own > UNTAKEN_MOST && !c->has_hung_up;
}
/* Writes what is queued, once. */
void client_flush(struct client *c);
/* It has read or sent something now. */
void client_note_activity(struct client *c);
/* It has rings from now on; they are charged to it. It goes over the socket from now on, or ends;
 * may be called again. */
void client_take_lanes(struct client *c, struct lanes *l);
void client_drop_lanes(struct client *c);
/* Has its socket watched for what matters now; `to_write`: for room, too, which of a ring a knock
 * tells. */
void client_watch(struct client *c, bool to_write);

/* How many bytes will have been written to it when all that waits now is; whether so many have
 * been. What was written to the end the client may have read, whatever became of it then; what was
 * not, it cannot have. */
uint64_t client_queued_to(const struct client *c);
bool client_was_sent(const struct client *c, uint64_t to);
/* Whether the client is fit for another request: no more than queue_most waits for it. */
bool client_has_room(const struct client *c);

/* The client was sent a request that it is to answer in finite time; it has answered one. */
void client_answer_due(struct client *c);
static inline void client_answer_came(struct client *c) {
  assert(c->answers_due > 0);
  c->answers_due--;
}
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
