/* SPDX-License-Identifier: MIT
 *
 * The broker: one struct that owns the registries and the connections. It runs on
 * a libuv loop of the caller's; nothing is global, so a process may have several.
 *
 * One turn of the loop: connections read what there is and handle it, which only
 * fills outboxes and marks connections that have ended. When all have been served
 * (broker_end_turn) every outbox is written once, then the dead are buried.
 */
#ifndef GAIJIN_BROKER_BROKER_H
#define GAIJIN_BROKER_BROKER_H

#include <uv.h>

#include "broker/books/calls.h"
#include "broker/core/estate.h"
#include "broker/core/expiry.h"
#include "broker/core/releases.h"
#include "broker/books/hosts.h"
#include "broker/net/listener.h"
#include "broker/books/loads.h"
#include "broker/base/log.h"
#include "broker/books/names.h"
#include "broker/books/refs.h"
#include "broker/core/transfer.h"
#include "broker/books/waits.h"
#include "proto/frame.h"
#include "proto/pack.h"

struct client;

struct broker_config {
  const char *socket;   /* path; copied */
  uint32_t load_min;    /* objects; these three as proto/settings.def describes them */
  double load_gain;     /* times */
  uint32_t max_message; /* bytes */
  enum log_level log_level;
};

struct broker {
  uv_loop_t *loop;
  uv_check_t check;
  struct log log;
  uint32_t max_message;
  struct listener listener;
  uv_timer_t greeting; /* runs while a connection has not said hello */
  uint32_t hello_ms;   /* so long it may take to */

  struct client *clients;   /* every connection, newest first */
  struct client *dirty;     /* those with something new to write */
  struct client *condemned; /* those that end with this turn */
  uint64_t last_made_up;    /* the N of the last client-N */

  struct hosts hosts;
  struct names names;
  struct refs refs;
  struct loads loads;
  struct calls calls;
  struct expiry expiry;     /* of calls with a deadline */
  struct estates estates;   /* of the dead */
  struct waits collecting; /* who waits (op gc) for a host's answer to free; subject: the host */

  /* Scratch of the message being handled. */
  struct frame inbox;       /* what the connection being read has sent, unless it kept a part of a message */
  struct transfer transfer; /* the PTs of the message */
  struct fallout fallout;   /* drops to be sent */
  struct buffer out;        /* a message the broker writes itself */
  struct pack pack;
};

/* Starts listening. 0; or -1 and `error` (n bytes) has one clear line without newline. Call broker_stop and run the loop
 * to its end before broker_deinit either way. `b` must not move while it runs. */
int broker_start(struct broker *b, uv_loop_t *loop, const struct broker_config *config, char *error, size_t n);

/* Stops listening, unlinks the socket, closes every connection without telling the others. The loop ends by itself then. */
void broker_stop(struct broker *b);

/* Frees everything; after the loop has run to its end. */
void broker_deinit(struct broker *b);

/* Writes outboxes and buries the dead. The loop does it after each turn. */
void broker_end_turn(struct broker *b);

/* Seconds on the broker's clock; it does not run while a turn lasts. */
static inline uint32_t broker_now(const struct broker *b) { return (uint32_t)(uv_now(b->loop) / 1000); }

/* NULL, or a static text that says which invariant of which registry is broken. Valid between messages. */
const char *broker_check(const struct broker *b);

#endif
