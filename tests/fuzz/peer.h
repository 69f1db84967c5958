/* SPDX-License-Identifier: MIT
 *
 * A broker (struct world) and those who are connected to it (struct peer), in one thread: what a
 * peer has flushed is handled in the next turn. A peer that reads counts in the PTs it is given and
 * notes what it is asked; that every message is well-formed is required here.
 */
#ifndef GAIJIN_TESTS_FUZZ_PEER_H
#define GAIJIN_TESTS_FUZZ_PEER_H

#include <uv.h>

#include "broker/broker.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/limits.h"
#include "proto/pack.h"
#include "proto/returning.h"
#include "tests/fuzz/fuzz.h"

enum { KNOWN_MOST = 64, ASKED_MOST = 32 };

struct world {
  uv_loop_t loop;
  struct broker broker;
};

struct peer {
  int fd;       /* -1: not connected */
  bool deaf;    /* it reads nothing */
  bool pong;    /* a ping was answered */
  uint64_t host, last_id, last_token;
  bool returns;    /* it has said that it comes back; */
  bool lies;       /* with another secret than its own */
  bool succeeds;   /* it has said that it may wait to succeed another */
  bool may_return; /* it was told a secret, and no `bye` */
  struct secret secret;
  struct frame in;
  struct buffer out; /* not flushed yet */
  struct pack pack;  /* the message being written to it */
  struct {
    struct pt pt;
    uint64_t count;
  } known[KNOWN_MOST]; /* PTs it was given */
  struct {
    uint64_t id;
    enum op op;
  } asked[ASKED_MOST]; /* requests it has not answered */
  unsigned n_known, n_asked;
};

/* A broker of small bounds: for a peer that does not read, `unread_most` bytes may wait. */
void world_open(struct world *w, size_t unread_most);
void world_close(struct world *w);
/* Handles what has been flushed; all invariants of the broker hold then. */
void world_turn(struct world *w);
/* Nobody is connected any more: nothing is left in the books. */
void world_require_empty(const struct world *w);

/* The broker is gone without a word, and another is there; all connections have
 * ended. */
void world_kill(struct world *w, size_t unread_most);

void peer_connect(struct peer *p, struct world *w);
/* The same, keeping who it was and what it was given. */
void peer_connect_again(struct peer *p, struct world *w);
/* `host` 0: it is a new one. Else it says who it was, and has this secret. `succeeds`: it wants the
 * name of a living one. */
void peer_hello(struct peer *p, const struct hello_request *h, uint64_t host,
                const struct secret *secret, bool succeeds);
void peer_flush(struct peer *p);
/* Reads what there is, unless it is deaf. */
void peer_read(struct peer *p);
/* Closes its end; `sent`: what it has not flushed goes out before. */
void peer_leave(struct peer *p, bool sent);

/* A token of its own. */
struct pt peer_token(const struct peer *p, uint64_t id);
/* Takes a PT out of those it was given: how often it was, 1 if never. */
uint64_t peer_forget(struct peer *p, const struct pt *pt);

#endif
