/* SPDX-License-Identifier: MIT
 *
 * What libgaijin and its programs name alike: version, limits, opcodes, statuses, kinds of
 * objects, and the passive token. The numbers are those of the wire (docs/protocol.md). This
 * file is made from the lists in proto/ by `make public-header`.
 */
#ifndef GAIJIN_PROTOCOL_H
#define GAIJIN_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

/* The version of this header; gaijin_version() tells the library's. */
#define GAIJIN_VERSION "0.1.0"
#define GAIJIN_VERSION_MAJOR 0
#define GAIJIN_VERSION_MINOR 1
#define GAIJIN_VERSION_PATCH 0

/* The most bytes of a worker's name. */
#define GAIJIN_NAME_MAX 64

/* The opcodes of requests and notices; docs/protocol.md tells what each does. */
enum gaijin_op {
  GAIJIN_OP_HELLO = 1,
  GAIJIN_OP_S2T = 2,
  GAIJIN_OP_GET = 3,
  GAIJIN_OP_SET = 4,
  GAIJIN_OP_CALL = 5,
  GAIJIN_OP_PAIRS = 6,
  GAIJIN_OP_IPAIRS = 7,
  GAIJIN_OP_NEXT = 8,
  GAIJIN_OP_LEN = 9,
  GAIJIN_OP_STR = 10,
  GAIJIN_OP_OPERATOR = 11,
  GAIJIN_OP_LABELS = 12,
  GAIJIN_OP_SUB = 13,
  GAIJIN_OP_UNSUB = 14,
  GAIJIN_OP_FREE = 15,
  GAIJIN_OP_GC = 16,
  GAIJIN_OP_DROP = 17,
  GAIJIN_OP_DEAD = 18,
  GAIJIN_OP_PEER = 19,
  GAIJIN_OP_CANCEL = 20,
  GAIJIN_OP_INSPECT = 21,
  GAIJIN_OP_WATCH = 22,
  GAIJIN_OP_READY = 23,
  GAIJIN_OP_PING = 24,
  GAIJIN_OP_APPLY = 25,
  GAIJIN_OP_WEIGH = 26,
  GAIJIN_OP_RETIRE = 27,
  GAIJIN_OP_LEAVE = 28,
  GAIJIN_OP_TAKEN = 29,
  GAIJIN_OP_GRANT = 30,
  GAIJIN_OP_ANNOUNCE = 31,
  GAIJIN_OP_CLAIM = 32,
  GAIJIN_OP_BACK = 33,
  GAIJIN_OP_BYE = 34,
  GAIJIN_OP_UPGRADE = 35,
  GAIJIN_OP_LEND = 36,
  GAIJIN_OP_EVAL = 37,
  GAIJIN_OP_ALIVE = 38,
  GAIJIN_OP_MONITOR = 39,
  GAIJIN_OP_SEEN = 40,
  GAIJIN_OP_PATHS = 41,
  GAIJIN_OP_ACT = 42,
  GAIJIN_OP_DESCRIBE = 43,
  GAIJIN_OP_RING = 45,
  GAIJIN_OP_CYCLE = 46,
  GAIJIN_OP_CONDEMN = 47,
  GAIJIN_OP_RESUME = 48,
  GAIJIN_OP_WITHDRAW = 49,
  GAIJIN_OP_SUCCEEDED = 50,
  GAIJIN_OP_COUNT
};

/* Errors of the system. RAISED is none: a script raised a value. */
enum gaijin_status {
  /* the host's code raised the value that follows */
  GAIJIN_STATUS_RAISED = 0,
  /* the worker asked for is not there, no longer, or stops: nothing was done */
  GAIJIN_STATUS_DEAD = 1,
  /* the token names an object its host no longer keeps */
  GAIJIN_STATUS_STALE = 2,
  /* not allowed: no holder of this token, or refused by a policy or the host's access function */
  GAIJIN_STATUS_DENIED = 3,
  /* no answer in time; whether it was done is not known */
  GAIJIN_STATUS_TIMEOUT = 4,
  /* given up by the caller */
  GAIJIN_STATUS_CANCELLED = 5,
  /* the receiver has no room for more work; try again later */
  GAIJIN_STATUS_BUSY = 6,
  /* the message is over the limit agreed in hello, or alone over another limit */
  GAIJIN_STATUS_TOO_LARGE = 7,
  /* the chain of calls is over --max-depth */
  GAIJIN_STATUS_TOO_DEEP = 8,
  /* worker or connection ended, or the answer had no room; whether it was done is not known */
  GAIJIN_STATUS_LOST = 9,
  /* a message broke the rules of the wire */
  GAIJIN_STATUS_PROTOCOL = 10,
  /* another living worker has this name */
  GAIJIN_STATUS_NAME_TAKEN = 11,
  /* not possible, or not yet */
  GAIJIN_STATUS_UNSUPPORTED = 12,
  /* the worker asked for has not come back yet after a restart of the broker: nothing was done */
  GAIJIN_STATUS_AWAY = 13,
  GAIJIN_STATUS_COUNT
};

/* What kind of object a token stands for. */
enum gaijin_kind {
  GAIJIN_KIND_TABLE = 1,
  GAIJIN_KIND_FUNCTION = 2,
  GAIJIN_KIND_THREAD = 3,
  GAIJIN_KIND_USERDATA = 4,
  GAIJIN_KIND_COUNT
};

/* A passive token: names an object while it travels. */
struct gaijin_pt {
  uint64_t host;  /* the incarnation of the object's worker; never 0, never used twice */
  uint64_t id;    /* the token id within that host; never 0, never used twice */
  uint64_t stamp; /* random; whoever knows it was given the token */
  uint8_t kind;   /* enum gaijin_kind */
};

static inline bool gaijin_pt_equal(const struct gaijin_pt *a, const struct gaijin_pt *b) {
  return a->host == b->host && a->id == b->id && a->stamp == b->stamp && a->kind == b->kind;
}

#endif
