/* SPDX-License-Identifier: MIT
 *
 * Who uses how much of the broker. Each connection has an account; what it uses is summed up in the
 * accounts of its process and of its user, so that a thousand connections that each stay small are
 * one large account, and the memory of all is summed up in one number.
 *
 * Whatever is kept on behalf of a peer is charged to its connection's account where it is made,
 * by account_charge, and taken off where it ends, by account_discharge. Nothing is refused here:
 * who is about to make something asks accounts_full first.
 *
 * An account outlives its connection as long as anything is charged to it (what waits for others,
 * tokens that they hold), so a pointer to one is good for whoever has charged something to it.
 *
 * When its connection is condemned an account is leaving: what goes with the connection (what it
 * holds, its waits, its name) is given back in slices, and is counted as `leaving` meanwhile, so
 * that nobody else is ended for it. Of what it holds, and of pairs, that is so for all only
 * (accounts.leaving) where others pay it.
 *
 * Always true: what a process and a user use is the sum of their connections' accounts, and the
 * memory of all that of the users'.
 */
#ifndef GAIJIN_BROKER_ACCOUNTS_H
#define GAIJIN_BROKER_ACCOUNTS_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/base/chain.h"
#include "broker/base/slab.h"

enum account_kind {
  ACCOUNT_BYTES,       /* of messages: received in part, or waiting to be read by somebody */
  ACCOUNT_REQUESTS,    /* open, as asker */
  ACCOUNT_WAITS,       /* for names and for collections */
  ACCOUNT_EXPORTED,    /* tokens of its own objects that others hold */
  ACCOUNT_HELD,        /* holdings: its own, and others' that it has caused */
  ACCOUNT_NAMES,
  ACCOUNT_CONNECTIONS,
  ACCOUNT_OTHER, /* bytes of records that have no limit of their own; the kinds before are shown */
  ACCOUNT_KINDS
};

/* What cannot be refused may grow to so many times a limit. */
enum { ACCOUNT_HARD = 2 };

enum account_level { ACCOUNT_CONNECTION, ACCOUNT_PROCESS, ACCOUNT_USER };

struct account {
  uint64_t used[ACCOUNT_KINDS];
  struct account *process, *user; /* the accounts it is part of; NULL from its own level up */
  uint64_t leaving; /* bytes of what it and its parts give back, or are about to */
  uint64_t refused; /* what was refused, or ended, for a limit; of its parts too */
  /* of a user: 0; of a process that the kernel does not name (another's name space): 0 */
  pid_t pid;
  /* when the process was started, as the kernel counts; 0: of a user, or not known */
  uint64_t born;
  uid_t uid;
  uint64_t serial;      /* no other ever has the same; an index is used again */
  uint32_t index, link; /* in the slab; in the hash table, for processes and users */
  uint32_t parts; /* accounts of the next lower level in it */
  /* of a process or a user: the searches in which nothing could be done about what its ended ones
   * have left; the round in which nothing could be done about its being over, and its bytes then */
  uint32_t passed, given_up;
  uint64_t given_up_at;
  /* of a user: so much is left by its ended ones, and of that so much in requests and pairs, which
   * others keep by being connected; in which search that was found */
  uint64_t stays, kept;
  uint32_t counted;
  /* of a connection: of the holdings that it pays, those that it has itself; of those that it has,
   * the ones that others pay, and the ones of objects whose host has ended, since when any */
  uint32_t own_held, given, left;
  uint64_t left_ms;
  uint64_t records; /* of one that has ended: bytes of pairs that go with it, whoever pays them */
  void *owner; /* of a connection: whoever opened it says; NULL when that has ended */
  uint8_t level;
  bool is_leaving; /* the connection ends, or has ended */
  bool is_closed; /* the connection has ended */
  bool is_bound; /* it is some host's */
};

/* What one process may have of each kind; all processes of a user together: `users` times as much,
 * which is not 0.
 * The bytes of everything together: `memory`. */
struct account_limits {
  uint64_t most[ACCOUNT_KINDS];
  uint64_t users;
  uint64_t memory;
};

struct accounts {
  struct slab slab;
  struct chain by_key; /* processes and users */
  uint64_t memory; /* of all */
  uint64_t leaving; /* the part of it that is given back, or about to be */
  bool is_over; /* the bytes of some process or user have grown beyond what they may come to */
  uint64_t added;  /* accounts, ever */
  uint32_t search; /* the number of the one that is on */
  uint32_t round; /* the number of the one in which those are not looked at that it has given up */
  uint64_t stays; /* the most that ended ones of one user have left for good, in this search */
  uint64_t refused; /* to all */
  struct account_limits limits;
  uint32_t bytes_of[ACCOUNT_KINDS]; /* the memory of one of a kind; of bytes: 1 */
  uint32_t record_bytes; /* of the record of a connection and a host, which may outlive both */
  struct account **of_host; /* by number of host; NULL: not bound */
  uint32_t host_capacity;
};

/* False when memory is short. A zeroed struct is valid to deinit. The limits, and before the first
 * account what a record of each kind takes, are the caller's to set. */
bool accounts_init(struct accounts *a, uint64_t seed);
/* Frees all accounts, whatever is charged to them. */
void accounts_deinit(struct accounts *a);

static inline struct account *accounts_at(const struct accounts *a, uint32_t index) {
  return slab_at(&a->slab, index);
}

/* Whether it is looked up: of a process that the kernel does not name each connection has one. */
static inline bool account_is_named(const struct account *k) {
  return k->level == ACCOUNT_USER || (k->level == ACCOUNT_PROCESS && k->pid != 0);
}

/* The account of a new connection, which is charged to it; NULL when memory is short. A process is
 * known by its id and when it was started; where one of the two starts is not known (`born` is 0),
 * by its id; one of id 0 is nobody else's. */
struct account *accounts_open(struct accounts *a, pid_t pid, uid_t uid, uint64_t born);
/* The connection is about to end: what goes with it is leaving. May be called again. */
void accounts_leave(struct accounts *a, struct account *k);
/* The connection has ended. */
void accounts_close(struct accounts *a, struct account *k);

/* From now on a host (its number) is this connection's; false when memory is short. The host's
 * record is about to go. */
bool accounts_bind(struct accounts *a, uint32_t host, struct account *k);
void accounts_unbind(struct accounts *a, uint32_t host);
/* The account of a host that is bound. */
static inline struct account *accounts_of(const struct accounts *a, uint32_t host) {
  assert(host < a->host_capacity && a->of_host[host]);
  return a->of_host[host];
}

/* One more, or `n`, of a kind for a connection's account. */
void accounts_note_more(struct accounts *a, struct account *k, enum account_kind kind, uint64_t n);
static inline void account_charge(struct accounts *a, struct account *k, enum account_kind kind,
                                  uint64_t n) {
  k->used[kind] += n;
  k->process->used[kind] += n;
  k->user->used[kind] += n;
  a->memory += n * a->bytes_of[kind];
  if (k->is_leaving) accounts_note_more(a, k, kind, n);
}
/* One that is leaving has a holding more, or less. */
void accounts_note_held(struct accounts *a, const struct account *payer, struct account *holder,
                        bool more);
/* One that is leaving is of pairs of so many bytes, which others may pay and which go with it; one
 * of them is gone, if it had noted any. */
void accounts_note_records(struct accounts *a, struct account *k, uint64_t bytes);
void accounts_note_record_gone(struct accounts *a, struct account *k, uint64_t bytes);
/* So much less. The account may be gone afterwards if its connection has ended. */
void accounts_note_less(struct accounts *a, struct account *k, enum account_kind kind, uint64_t n);
static inline void account_discharge(struct accounts *a, struct account *k, enum account_kind kind,
                                     uint64_t n) {
  assert(k->used[kind] >= n);
  k->used[kind] -= n;
  k->process->used[kind] -= n;
  k->user->used[kind] -= n;
  a->memory -= n * a->bytes_of[kind];
  if (k->is_leaving) accounts_note_less(a, k, kind, n);
}

/* A holding of one, which another pays who has caused it, or it itself; it is no more. */
static inline void accounts_hold(struct accounts *a, struct account *payer,
                                 struct account *holder) {
  account_charge(a, payer, ACCOUNT_HELD, 1);
  if (payer == holder)
    holder->own_held++;
  else
    holder->given++;
  if (holder->is_leaving) accounts_note_held(a, payer, holder, true);
}
static inline void accounts_unhold(struct accounts *a, struct account *payer,
                                   struct account *holder) {
  assert(payer == holder ? holder->own_held > 0 : holder->given > 0);
  if (payer == holder)
    holder->own_held--;
  else
    holder->given--;
  if (holder->is_leaving) accounts_note_held(a, payer, holder, false);
  account_discharge(a, payer, ACCOUNT_HELD, 1);
}

/* What a process or a user may have of a kind. */
static inline uint64_t accounts_most(const struct accounts *a, const struct account *k,
                                     enum account_kind kind) {
  uint64_t most = a->limits.most[kind], product;
  if (k->level != ACCOUNT_USER) return most;
  return __builtin_mul_overflow(most, a->limits.users, &product) ? UINT64_MAX : product;
}

/* Whether a process or a user that has `n` more of a kind has more than it may. */
static inline bool account_is_full(const struct accounts *a, const struct account *k,
                                   enum account_kind kind, uint64_t n) {
  uint64_t would;
  return __builtin_add_overflow(k->used[kind], n, &would) || would > accounts_most(a, k, kind);
}

/* The same for what cannot be refused below ACCOUNT_HARD times the limit. */
static inline bool account_would_be_over(const struct accounts *a, const struct account *k,
                                         enum account_kind kind, uint64_t n) {
  return (k->used[kind] + n) / ACCOUNT_HARD > accounts_most(a, k, kind);
}

/* Whether a user with `n` more of a kind has no more than one process may: then nobody of it has
 * too much, which is all that mostly needs to be asked. */
static inline bool accounts_have_little(const struct accounts *a, const struct account *k,
                                        enum account_kind kind, uint64_t n) {
  uint64_t would;
  return !__builtin_add_overflow(k->user->used[kind], n, &would) && would <= a->limits.most[kind];
}
/* The account that has no room for `n` more of a kind: the process's or the user's of a
 * connection's account. NULL: there is room. */
static inline struct account *accounts_full(const struct accounts *a, const struct account *k,
                                            enum account_kind kind, uint64_t n) {
  if (accounts_have_little(a, k, kind, n)) return NULL;
  if (account_is_full(a, k->process, kind, n)) return k->process;
  return account_is_full(a, k->user, kind, n) ? k->user : NULL;
}
/* Whether a process or a user has more than even what cannot be refused may come to. */
static inline bool account_is_over(const struct accounts *a, const struct account *k,
                                   enum account_kind kind) {
  return account_would_be_over(a, k, kind, 0);
}
/* So much more is little: what was looked for in vain need not be again. */
enum { ACCOUNTS_SLACK = 64 };
static inline uint64_t accounts_slack(const struct accounts *a) {
  return a->limits.memory / ACCOUNTS_SLACK;
}
/* Whether bytes of a process or a user are too many, and something may be done about it. */
static inline bool account_is_to_end(const struct accounts *a, const struct account *k) {
  return account_is_over(a, k, ACCOUNT_BYTES) &&
         (k->given_up != a->round ||
          k->used[ACCOUNT_BYTES] > k->given_up_at + accounts_slack(a));
}
/* Charges bytes that cannot be refused, or were not: notes if they are too many (is_over). */
static inline void account_charge_bytes(struct accounts *a, struct account *k, uint64_t n) {
  account_charge(a, k, ACCOUNT_BYTES, n);
  if (accounts_have_little(a, k, ACCOUNT_BYTES, 0)) return;
  if (account_is_to_end(a, k->process) || account_is_to_end(a, k->user)) a->is_over = true;
}
/* The memory of all that stays if nobody does anything. */
static inline uint64_t accounts_staying(const struct accounts *a) {
  assert(a->leaving <= a->memory);
  return a->memory - a->leaving;
}
/* The memory that is left for all. */
static inline uint64_t accounts_left(const struct accounts *a) {
  uint64_t staying = accounts_staying(a);
  return staying < a->limits.memory ? a->limits.memory - staying : 0;
}
/* The memory that an account uses: its bytes, and its records. */
uint64_t accounts_memory(const struct accounts *a, const struct account *k);

/* The largest accounts of connections in `whole` (a process, a user; NULL: all) about which
 * something may be done: the connection lives, or it has ended and has left more than its record:
 * what it has sent still waits for others, what it has handed out is still held, what it asked is
 * not answered, or those whom it introduced to each other are connected. They are of the user with
 * the most memory that has any, and of the process with the most of that user's; the largest comes
 * first. What is leaving does not count. Of all, none is among them whose user has less than what
 * stays of some user's ended ones (accounts_pass): those would end for others. But where a user's
 * own ended ones have left the most, and that in requests and pairs, together with its connections
 * is a large part of the memory for all, these are among them: they keep it. Returns how many were
 * found, `most` at most; largest[] gets their indices. Takes time in proportion to the number of
 * accounts. */
unsigned accounts_largest(const struct accounts *a, const struct account *whole,
                          uint32_t *largest, unsigned most);
/* A search begins: all are looked at again. */
void accounts_search(struct accounts *a);
/* In this search nothing can be done about what the ended ones of a process or a user have left. */
void accounts_pass(struct accounts *a, struct account *whole);
/* One has been ended, and leaves something that others keep. */
void accounts_note_left(struct accounts *a, const struct account *k);
/* A process or user whose bytes are too many; NULL: none has, but those that were given up. */
struct account *accounts_over(const struct accounts *a);
/* Nothing can be done about a process's or user's bytes: it is not looked at in this round, as long
 * as it has little more. */
void accounts_give_up(struct accounts *a, struct account *whole);
/* The next round: those are looked at again. */
void accounts_retry(struct accounts *a);
/* What the ended ones of a user have handed out, and others hold: bytes of records. Takes time in
 * proportion to the number of accounts. */
uint64_t accounts_handed_out(const struct accounts *a, const struct account *user);

/* NULL, or a static text that says which invariant is broken. */
const char *accounts_check(const struct accounts *a);

#endif
