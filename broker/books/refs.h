/* SPDX-License-Identifier: MIT
 *
 * Who holds what. A token stands for an object of a host; a hold says that a
 * client may use the token and how many times the token was delivered to it.
 * Hosts and clients are small numbers (hosts.h) here. This file sends nothing:
 * it tells what became of a token, and the caller tells those concerned.
 *
 * Each token knows when it was last mentioned: by whom or in which message does not matter, nor
 * whether that was forwarded. Some may be on TRIAL: a round (cycles/cycles.h) asks whether they are
 * garbage. For it is counted what happens to these meanwhile.
 *
 * Always true between two messages: every token has at least one hold, unless refs are `kept`; a
 * host never holds a token of its own; a hold's count is not 0.
 */
#ifndef GAIJIN_BROKER_REFS_H
#define GAIJIN_BROKER_REFS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/base/counts.h"
#include "broker/base/lists.h"
#include "broker/base/slab.h"
#include "proto/pt.h"

/* What else is known of a token: bits. */
enum {
  TOKEN_TRIAL = 1,     /* a round suspects it, */
  TOKEN_TOUCHED = 2,   /* and it was mentioned since then */
  TOKEN_CONDEMNED = 4, /* a round found it to be garbage: its holders are about to let go */
  TOKEN_COUNTED = 8,   /* only within transfer_count_new */
  TOKEN_CALLED = 16    /* on TRIAL, and those concerned are halted to decide about it */
};

struct token {
  uint64_t id, stamp;
  uint64_t seen; /* PTs of it read from its host since the record was made */
  uint32_t host, link, holds;
  uint32_t made; /* seconds on the broker's clock */
  uint32_t weight; /* KiB that its host would get back for it; 0: not told */
  uint8_t kind;
  uint8_t mark;
  uint16_t last; /* when it was last mentioned: `made`'s clock, without its high bits */
};

struct hold {
  uint64_t count; /* never 0 */
  uint32_t token, client, link;
  uint32_t payer; /* the client, or who has sent it the token: a host's number, as the others */
  uint32_t since; /* seconds on the broker's clock: when it became a holder */
  struct links of_token, of_client;
};

/* What becomes of tokens that nobody holds. */
enum refs_kept {
  REFS_SETTLED, /* there are none but within a message */
  REFS_KEPT,    /* they stay, since who holds them may not have said so yet (core/grace.h) */
  REFS_SWEPT    /* that is over; some may be there until all have been settled */
};

/* Whose the regions of the pool are. */
enum { REFS_TOKENS, REFS_HOLDS, REFS_TOKEN_HEADS, REFS_HOLD_HEADS };

struct refs {
  struct slab tokens, holds;
  struct chain token_by_id; /* key: host, id */
  struct chain hold_by_pair; /* key: token, client */
  struct owners held;        /* holds by client */
  struct counts exports;     /* tokens by host */
  enum refs_kept kept;
  uint32_t trials, touched; /* tokens on TRIAL; those of them that are TOUCHED */
  uint64_t ended;           /* tokens that ended while they were on TRIAL, ever */
  uint32_t called_touched;  /* tokens that are CALLED and TOUCHED */
  uint64_t called_ended;    /* as ended, of those that were CALLED */
  uint32_t toucher;         /* who mentioned one of these first, or was the last to give it back:
                             * a host's number; SLAB_NONE: nobody has since that was set, or it is
                             * not known */
  bool is_decided;          /* those CALLED are as good as CONDEMNED */
  struct accounts *accounts; /* tokens are charged to their hosts, holds to their payers; or NULL */
};

enum refs_outcome {
  REFS_OK,
  REFS_FIRST,     /* OK, and the client was no holder before */
  REFS_LAST,      /* OK, and the client is no holder any more */
  REFS_UNKNOWN,   /* no such token */
  REFS_MISMATCH,  /* the token has another stamp or kind */
  REFS_NO_HOLDER, /* the client does not hold it, or not so often */
  REFS_NO_MEMORY
};

/* A token that nobody holds any more and whose record is gone: what its host is told. */
struct refs_drop {
  uint32_t host;
  uint64_t id, seen;
};

/* False when memory is short. A zeroed struct is valid to deinit. Tokens, holds and the heads of
 * their tables are in the pool, which has to outlive it; NULL, or one without a file: in ordinary
 * memory. */
bool refs_init(struct refs *r, const struct pool *pool, uint64_t seed);
/* All but memory and charges, for one that takes over what is in a pool (refs_kept.h). */
void refs_prepare(struct refs *r, const struct pool *pool, uint64_t seed);
void refs_deinit(struct refs *r);

/* Before the first token: has all charged to accounts. */
void refs_charge(struct refs *r, struct accounts *accounts);

/* The token of `host` (its number) that pt names: OK, UNKNOWN or MISMATCH (then *token is
 * set too). */
enum refs_outcome refs_find(const struct refs *r, uint32_t host, const struct pt *pt,
                            uint32_t *token);
/* The token with this id; SLAB_NONE when there is none. Who asks so shows no stamp. */
uint32_t refs_find_id(const struct refs *r, uint32_t host, uint64_t id);
/* The same as refs_find for a client that wants to use it: NO_HOLDER unless it holds it. */
enum refs_outcome refs_find_held(const struct refs *r, uint32_t host, const struct pt *pt,
                                 uint32_t client, uint32_t *token);

/* A PT was read from its own host: makes the record if there is none, adds one to seen. It is a
 * mention. OK,
 * MISMATCH or NO_MEMORY. A new record has no holds: end with refs_settle. `now` in seconds. */
enum refs_outcome refs_see(struct refs *r, uint32_t host, const struct pt *pt, uint32_t now,
                           uint32_t *token);

/* The token is delivered to `client`, not its host, `now` in seconds: OK, FIRST or NO_MEMORY. If it
 * is the first, `payer` pays the hold, and has to stay bound to its account as long. */
enum refs_outcome refs_hold(struct refs *r, uint32_t token, uint32_t client, uint32_t payer,
                            uint32_t now);
/* `client` gives `count` deliveries back: OK, LAST when none is left (*payer is who has paid), or
 * NO_HOLDER when it has not so many. */
enum refs_outcome refs_release(struct refs *r, uint32_t token, uint32_t client, uint64_t count,
                               uint32_t *payer);

/* Ends the token if nobody holds it, and refs are not KEPT: true and *drop is filled. May be called
 * for an index that has ended already. */
bool refs_settle(struct refs *r, uint32_t token, struct refs_drop *drop);

/* How often `client` was delivered the token; 0 when it does not hold it. */
uint64_t refs_count(const struct refs *r, uint32_t token, uint32_t client);

/* The holds of a client, to walk and to release: SLAB_NONE at the end. */
uint32_t refs_first_held(const struct refs *r, uint32_t client);
uint32_t refs_next_held(const struct refs *r, uint32_t hold);
/* The holds of a token. */
uint32_t refs_next_holder(const struct refs *r, uint32_t hold);
uint32_t refs_held_count(const struct refs *r, uint32_t client);
uint32_t refs_export_count(const struct refs *r, uint32_t host);

/* A mention of one that is on trial, by this host. */
void refs_touch(struct refs *r, struct token *t, uint32_t by);
static inline struct token *refs_token(const struct refs *r, uint32_t token) {
  return slab_at(&r->tokens, token);
}
/* The token was mentioned by a host (refs_touch), `now` in seconds. */
static inline void refs_mention(struct refs *r, uint32_t token, uint32_t by, uint32_t now) {
  struct token *t = refs_token(r, token);
  t->last = (uint16_t)now;
  if (t->mark & TOKEN_TRIAL) refs_touch(r, t, by);
}
/* Seconds since then, but no more than REFS_QUIET_MOST; who asks sooner than that again is told
 * the truth, else it may be told less. */
enum { REFS_QUIET_MOST = INT16_MAX };
static inline uint32_t refs_quiet(struct token *t, uint32_t now) {
  uint16_t quiet = (uint16_t)((uint16_t)now - t->last);
  if (quiet <= REFS_QUIET_MOST) return quiet;
  t->last = (uint16_t)(now - REFS_QUIET_MOST);
  return REFS_QUIET_MOST;
}
/* Puts a token on trial that is not, and is not condemned; ends its trial if it is. */
void refs_try(struct refs *r, uint32_t token);
void refs_acquit(struct refs *r, uint32_t token);
/* One on trial becomes CALLED; and is it no more, whether it was or not. */
void refs_call(struct refs *r, uint32_t token);
void refs_uncall(struct refs *r, uint32_t token);
/* The trial ends, and the token is garbage. */
void refs_condemn(struct refs *r, uint32_t token);
/* Whether nobody may claim it any more. */
static inline bool refs_is_condemned(const struct refs *r, uint32_t token) {
  return refs_token(r, token)->mark & (r->is_decided ? TOKEN_CONDEMNED | TOKEN_CALLED
                                                     : TOKEN_CONDEMNED);
}
static inline struct hold *refs_hold_at(const struct refs *r, uint32_t hold) {
  return slab_at(&r->holds, hold);
}


/* In a pool: the mapping of one part of tokens, holds and tables is emptied, without a change of
 * what is there; what is touched comes back page by page. False: there are not so many parts. */
bool refs_let_rest(struct refs *r, uint32_t part);
/* How many parts there are; 0: they are in no pool, or there is nothing. */
uint32_t refs_parts(const struct refs *r);

/* Walks everything; NULL, or a static text that says which invariant is broken. */
const char *refs_check(const struct refs *r);

#endif
