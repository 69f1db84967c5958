/* SPDX-License-Identifier: MIT
 *
 * Which of the lines that peers cause are written: of one cause and one user ten at once, then one
 * a second; of one cause, whoever it is, forty at once, then four a second. Of clients that come
 * and go, which is no fault, it is four times as many at once. What is left out is counted, and
 * told with the next line of its kind, or when there has been quiet for a while.
 *
 * The table of users is bounded: for a new one, the one that was quiet longest is forgotten, and
 * what was left out of it is counted for its cause.
 */
#ifndef GAIJIN_BROKER_THIN_H
#define GAIJIN_BROKER_THIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/sheet.h"
#include "proto/logline.h"

/* Why a line is written. Everything that a peer can repeat has one. */
enum log_cause {
  CAUSE_DESCRIPTORS,  /* no descriptor left for a client */
  CAUSE_MEMORY,       /* no memory for one */
  CAUSE_STRANGER,     /* a user who is not served */
  CAUSE_HELLO,        /* hello was refused */
  CAUSE_COMING,       /* came or left in order */
  CAUSE_ENDED,        /* its connection or process ended without a word */
  CAUSE_DISCONNECTED, /* was disconnected by the broker */
  CAUSE_LIMIT,        /* wanted more than it may have */
  CAUSE_FORGERY,      /* used what it was never given */
  CAUSE_POST,         /* a one-way request was not delivered */
  CAUSE_ANSWER,       /* answered what nobody asked */
  CAUSE_POLICY,       /* was refused by the policy */
  CAUSE_ASKED,        /* somebody asks for the broker's status again and again */
  CAUSE_UPGRADE,      /* an upgrade was refused */
  CAUSE_RELOAD,       /* has the policy read again */
  CAUSE_ROSTER,       /* comes back, or could not */
  CAUSE_LENT,         /* an observer is lent an object */
  CAUSE_MONITOR,      /* sees what others send */
  CAUSE_ACT,          /* an operator stops, kills, or sets the log's level */
  CAUSE_CYCLES,       /* takes no part when garbage in cycles is looked for */
  LOG_CAUSES,
};

enum { THIN_PEERS = 64 };

struct thin_bucket {
  double spent, updated; /* lines of late, and when (seconds) that was right */
  uint64_t left_out;     /* and not told yet */
};

/* Zeroed: nothing was written yet. */
struct thin {
  struct thin_bucket causes[LOG_CAUSES];
  struct {
    bool used;
    enum log_cause cause;
    uid_t uid;
    struct thin_bucket bucket;
  } peers[THIN_PEERS];
  uint64_t left_out; /* of all buckets */
};

/* Whether a line may be written at `now` (monotonic seconds). *left_out: how many of its kind were
 * left out before; they count as told. */
bool thin_allows(struct thin *t, enum log_cause cause, uid_t uid, double now, uint64_t *left_out);

struct thin_rest {
  enum log_cause cause;
  uid_t uid; /* LOG_NO_UID: several, or not known */
  uint64_t left_out;
};
/* Takes something out that was left out and not told, from a bucket that has been quiet long enough
 * to be full again, or with `all` from any. False: there is none. */
bool thin_take(struct thin *t, double now, bool all, struct thin_rest *rest);

/* To a sheet, or from it. */
void thin_carry(struct thin *t, struct sheet *s);

/* "refused hellos": what lines of this cause are about. Static. */
const char *thin_subject(enum log_cause cause);

#endif
