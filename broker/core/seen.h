/* SPDX-License-Identifier: MIT
 *
 * What monitors see: each request and answer as it is routed, and each error that the broker makes,
 * as a row (docs/protocol.md, op `seen`). Rows are gathered in a buffer of the monitor's own,
 * charged to it, and sent when that is full or SEEN_LATER_MS have passed. A monitor that does not
 * read loses rows, which are counted and told, and nobody waits for it: more than SEEN_UNREAD_MOST
 * bytes never wait for it.
 *
 * Of values a row has what fits into SEEN_BYTES_MOST bytes, PTs with a stamp of 0: the stamp is
 * what makes a token a password. Messages to and from the broker itself are not seen, and so no
 * secret of hello.
 *
 * While nobody monitors, a message costs one look at monitors.count.
 */
#ifndef GAIJIN_BROKER_SEEN_H
#define GAIJIN_BROKER_SEEN_H

#include "broker/core/seen_row.h"
#include "broker/core/state.h"
#include "proto/message.h"

/* Milliseconds that a row waits at most; the buffer of a monitor, less where messages may not be
 * so large; what may wait unread; bytes of values in a row, if nothing is said. */
enum {
  SEEN_LATER_MS = 20,
  SEEN_BUFFER = 32 << 10,
  SEEN_UNREAD_MOST = 768 << 10,
  SEEN_BYTES = 64
};
/* What may be chosen at a time. */
enum { SEEN_TOKEN_BITS = 1024 };
enum { SEEN_WORKERS_MOST = 8, SEEN_TOKENS_MOST = 32, SEEN_LABELS_MOST = 8, SEEN_LABEL_BYTES = 64 };

/* Of the places for monitors a process may have as many as it leaves, and all processes of a user
 * leave so many to others. */
enum { SEEN_SPARED = 2 };

/* Kinds of rows: those of messages, and a one-way request. */
enum { SEEN_POST = 5 };

/* Which messages are seen; zeroed: all. Of each list any one fits. */
struct seen_filter {
  uint64_t ops;       /* bits; 0: all */
  uint64_t slower_ns; /* answers only that took so long; 0: all messages */
  uint32_t workers, tokens, labels; /* how many; 0: any will do */
  char worker[SEEN_WORKERS_MOST][TOLD_NAME_MAX_BYTES + 1]; /* asker or host */
  /* A message for one of these objects or with one of them, or an s2t for one of these labels. */
  struct seen_token {
    uint64_t host, id;
  } token[SEEN_TOKENS_MOST];
  uint64_t bits[SEEN_TOKEN_BITS / 64]; /* of each of these one is set: that tells most others */
  char label[SEEN_LABELS_MOST][SEEN_LABEL_BYTES];
  uint32_t label_size[SEEN_LABELS_MOST];
  uint32_t bytes; /* of values in a row */
};

/* One more object that is to be seen; there is room for it. */
void seen_choose(struct seen_filter *f, uint64_t host, uint64_t id);

struct transfer;

void seen_open(struct broker *b);
void seen_close(struct broker *b);  /* lets the loop end */
void seen_deinit(struct broker *b);

/* A client monitors from now on, and is told at once that it does; false: too many do, of all, of
 * its process or of its user (SEEN_SPARED), or memory is short, and *why says so. `request` is
 * answered when it is over. */
bool seen_begin(struct client *c, uint64_t request, const struct seen_filter *filter,
                const char **why);
/* Whether this request of the client's has begun one that goes on. */
bool seen_has(const struct client *c, uint64_t request);
/* The client gives it up; false: it has no such request. It has ended: nothing of it stays. */
bool seen_cancel(struct client *c, uint64_t request);
void seen_forget(struct client *c);
/* Ends all, because another program goes on in this one's place: they are told to ask again. */
void seen_end_all(struct broker *b);
/* Ends those that may not monitor any more, because the policy is another: `may` says so, and what
 * they are told. */
enum { SEEN_WHY_BYTES = 256 };
typedef bool (*seen_may_fn)(struct client *c, char why[SEEN_WHY_BYTES]);
void seen_judge(struct broker *b, seen_may_fn may);

/* What is seen. Of a request that is forwarded, before its bytes are changed; `call`: SLAB_NONE for
 * a one-way one. */
void seen_request(struct broker *b, const struct client *from, const struct client *to,
                  uint32_t call, const struct transfer *t, const struct message *m);
/* Of an answer to a call that took so long (0: not known). Not `is_told`: its asker does not get
 * it, as it is gone, waits no more, or was told an error of the broker's instead. */
void seen_answer(struct broker *b, uint32_t call, const struct transfer *t,
                 const struct message *m, uint64_t took_ns, bool is_told);

static inline bool seen_by_any(const struct broker *b) {
  return __builtin_expect(b->monitors.count != 0, 0);
}

/* The bytes that are charged to monitors. */
uint64_t seen_charged(const struct broker *b);
/* NULL, or a static text that says which invariant is broken. */
const char *seen_check(const struct broker *b);

#endif
