/* SPDX-License-Identifier: MIT
 *
 * A client of the broker that keeps no promise: messages as it likes, read or not. Written on
 * proto/ alone, so that nothing of the library's good manners is in the way.
 *
 * What is written is queued in `out`. Whoever wants to stay connected sends it with raw_pump, which
 * reads meanwhile. A function that gives false has found the connection ended, by whomever;
 * raw_close is all that is left then.
 */
#ifndef GAIJIN_TESTS_HOSTILE_RAW_H
#define GAIJIN_TESTS_HOSTILE_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/body.h"
#include "proto/frame.h"
#include "proto/message.h"
#include "proto/pack.h"

struct raw {
  int fd; /* -1: closed. Non-blocking */
  uint64_t host, last_id;
  uint64_t n_read; /* messages, with those that raw_pump passed over */
  struct frame in;
  struct message m; /* the one that raw_next read last, valid until the next is read */
  struct reader r;  /* on its body */
  struct buffer out;
  uint32_t sent; /* bytes at the begin of `out` that have gone */
  struct pack p;
};

/* Connects without a word, waiting for room. `r` may be anything. */
bool raw_connect(struct raw *r, const char *socket);
/* Connects and says hello; name NULL: the broker chooses. */
bool raw_join(struct raw *r, const char *socket, const char *name, bool observer);
/* The same with the wish to succeed a worker of that name, whose successor it waits to be if there
 * is one. */
bool raw_succeed(struct raw *r, const char *socket, const char *name);
void raw_close(struct raw *r);

/* Begins a message of `count` values, to be written with the result; messages are queued. The
 * request's id is r->last_id then. A target is a name, a PT or (both NULL) the broker. */
struct pack *raw_ask(struct raw *r, enum op op, const char *name, const struct pt *pt,
                     unsigned flags, uint32_t count);
struct pack *raw_begin(struct raw *r, enum message_kind kind, enum op op, uint64_t id,
                       uint32_t count);
/* Ends it. Memory that is short ends the process. */
void raw_end(struct raw *r);
/* Queues bytes as they are. */
void raw_bytes(struct raw *r, const void *bytes, size_t size);
/* The request that was just ended and is all that is queued goes to `kept` instead (zeroed before;
 * buffer_deinit), and is queued from there with a new id, as often as one likes. */
void raw_keep(struct raw *r, struct buffer *kept);
void raw_repeat(struct raw *r, const struct buffer *kept);

/* Sends what is queued and reads nothing, waiting for room at most so many milliseconds (-1: for
 * ever). What was not sent stays queued. */
bool raw_push(struct raw *r, int ms);
/* The same, but whatever comes is read and passed over. Returns when all has been sent. */
bool raw_pump(struct raw *r);
/* Reads until so many messages have come since the connection was made. */
bool raw_drain(struct raw *r, uint64_t n_read);
/* Sends what is queued, and reads the next message into r->m: 1; 0 after so many milliseconds; -1
 * at the end of the connection. */
int raw_next(struct raw *r, int ms);
/* Sends what is queued and reads up to the answer to the latest request. False also if none comes
 * in 60 s. */
bool raw_answer(struct raw *r);

/* A token of its own. */
struct pt raw_token(const struct raw *r, uint64_t id);

#endif
