/* SPDX-License-Identifier: MIT
 *
 * How a connection outlives its broker. Which state it is in (`phase`), and who does what:
 *
 *   UP     messages go. When the stream has ended and what it had brought is handled, return.c cuts
 *   OFF    reset.c has put the books to what they are without a broker, in one step; no socket.
 *          return.c waits its time, dials and says hello
 *   HELLO  a socket, whose first message will be the answer to hello
 *   UP     owed.c writes what is owed to the new broker (announce, claim, back), as room comes
 *
 * Owed are a word of each token that was ever sent and not dropped (`owed` in it; it counts as one
 * sending from the reset on, not from when it is written), and a claim of each holding in use. A
 * holding has count 0 then, and its claim keeps it pending until it is decided. A token or holding
 * whose word has been written may be owed again, after the next cut.
 * While not UP the descriptor that the program polls is a set of our own: a timer and the socket.
 */
#ifndef GAIJIN_CLIENT_RETURNING_H
#define GAIJIN_CLIENT_RETURNING_H

#include <sys/socket.h>
#include <sys/un.h>

#include <gaijin/gaijin.h>
#include "client-lib/table.h"
#include "proto/message.h"
#include "proto/returning.h"

/* Of a holding. CLAIM_NONE: count speaks. The others: after a reset, count is 0 but for PTs that
 * have come since. */
enum claim {
  CLAIM_NONE,
  CLAIM_OWED,  /* to be written; pending counts it */
  CLAIM_ASKED, /* written, not decided; pending counts it */
  CLAIM_GONE   /* none was made, or it was refused: the host is dead and nothing is given back */
};

enum phase { PHASE_UP, PHASE_OFF, PHASE_HELLO };
/* OWING_READY: what this worker is, which is all that a new host owes; OWING_LEAVE: that it leaves.
 * What it says before its stage waits for it; later it is written at once. OWING_WEIGHTS: what
 * tokens weigh; nobody waits for that. */
enum owing {
  OWING_NOTHING,
  OWING_TOKENS,
  OWING_CLAIMS,
  OWING_BACK,
  OWING_READY,
  OWING_LEAVE,
  OWING_WEIGHTS
};

struct returning {
  uint32_t limit_ms; /* as the program asked for; 0: it does not come back */
  struct sockaddr_un address;
  bool known; /* the broker told a secret: it takes us back */
  struct secret secret;
  uint64_t generation;
  bool bye;              /* the broker has said that it ends */
  bool ready, retired;   /* what this worker said, to be said again */
  bool succeeded;        /* it has retired because another has its name */
  bool leaves;           /* it has said `leave`, which waits for OWING_LEAVE; to this broker only */

  enum phase phase;
  int poll_fd, timer_fd; /* -1 while UP */
  double end;   /* when it is given up, on clock_seconds()'s clock, */
  double next;  /* the next try is due, or hello should have been answered, */
  double stood; /* and the connection stood again last */
  uint32_t tries; /* for the back-off */
  bool late;      /* we were declared dead: hello asks for a new host */
  char reason[256], failure[256]; /* why it went, and why the last try failed */

  enum owing owing;
  uint32_t owed_end; /* where in the out-queue the last of it that is there ends */
  struct walk walk;
  uint32_t owed_tokens, owed_holdings, asked_holdings;
  struct table claims; /* written and not answered, by id of request */

  uint32_t posts_unsent; /* one-way requests that were in the out-queue when it went */
  uint32_t epoch;        /* connections that this one has had before */
  /* Ids of requests as the program sees them are the broker's plus id_shift, so that none is met
   * twice: those below first_id came over earlier connections. */
  uint64_t first_id, last_id, id_shift;
};

/* return.c */
void gj_return_init(gaijin *g);
void gj_return_deinit(gaijin *g);
/* The stream has ended and all it brought is handled. True: the connection is away now, the program
 * has been told; false: it cannot come back. */
bool gj_return_cut(gaijin *g, const char *reason);
/* Away: does what is due. The connection may be UP, or lost, afterwards. */
void gj_return_turn(gaijin *g);
/* It is over for good: no secret is kept. */
void gj_return_end(gaijin *g);
/* Takes the broker's id of a request that came; false if it is of an earlier connection's. */
bool gj_return_take_id(gaijin *g, uint64_t *id);

/* reset.c */
/* The books without a broker: out-queue, releases and windows empty, tokens and claims owed. */
void gj_reset(gaijin *g);
/* We were declared dead: all that was sent is forgotten, all that was held and known is dead.
 * Call-backs run. */
void gj_disown(gaijin *g, uint64_t former_host);
/* Tells the program of each host where requests were under way before the reset. */
void gj_reset_tell_room(gaijin *g);

/* owed.c */
/* Writes what is owed while the out-queue is short, or has none of it. False: nothing. */
bool gj_owed_write(gaijin *g);
/* Up, and the stage is still to come, or under way. */
bool gj_owes_up_to(const gaijin *g, enum owing stage);
/* Claims that were written will not be answered: they are owed again. */
void gj_owed_again(gaijin *g);
/* Whether this is the answer to one of our claims; *fault gets what is wrong with it, or NULL. */
bool gj_owed_answer(gaijin *g, const struct message *m, uint32_t pts, const char **fault);
const char *gj_owed_check(const gaijin *g);

#endif
