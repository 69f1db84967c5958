/* SPDX-License-Identifier: MIT
 *
 * The requests under way. A call has two ids: the asker's, and the broker's own,
 * which the host sees; the broker's are never used twice. A call whose asker gave
 * up (or died) stays until the host answers or dies, so that the late answer is
 * recognised; so long it is charged to who asked. This file sends nothing.
 */
#ifndef GAIJIN_BROKER_CALLS_H
#define GAIJIN_BROKER_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/base/chain.h"
#include "broker/base/counts.h"
#include "broker/base/front.h"
#include "broker/base/lists.h"
#include "broker/base/wheel.h"
#include "proto/ops.h"

struct call {
  uint64_t id;       /* the broker's */
  uint64_t asked_id; /* the asker's */
  uint32_t asker;    /* SLAB_NONE: nobody waits any more */
  uint32_t from;     /* the asker, even then: a number that may be another's now */
  uint32_t pair;     /* of the record that counts it (core/pairs.h) */
  uint32_t traffic;  /* link to what is counted of its pair (traffic.h) */
  uint32_t host;
  uint32_t id_link, asked_link;
  struct links of_asker, of_host;
  struct wheel_link deadline; /* while somebody waits and the time is limited */
  uint32_t deadline_ms;       /* the time it was given */
  uint32_t seen_at;           /* serials of monitors when `seen` was set */
  struct account *payer;      /* the asker's, though it gave up; NULL: nothing is charged */
  uint64_t sent_at;           /* when so many bytes were written to the host, all of it was */
  uint64_t begun_ns;          /* when it was forwarded (traffic.h); 0: by an earlier program */
  uint64_t token;             /* of the host's that it is for, if a monitor has seen it; 0: none */
  uint8_t kind;               /* of that object */
  uint8_t seen;               /* which monitors have (core/seen.h), by bits */
  uint8_t op;
  bool unbounded; /* the asker itself says that the answer may take for ever */
  /* bytes of one that is counted with its pair until it is answered (flows.h); 0: it is not */
  uint32_t open_bytes;
};

/* Those that look into a worker for an observer (calls_op_looks): one asker may have so many open
 * at a time, wherever, for each is work of its host's. */
enum { CALLS_LOOKS_MOST = 16 };
/* Whether requests of this op do: describe and paths. */
static inline bool calls_op_looks(uint32_t op) { return op == OP_describe || op == OP_paths; }

/* Open requests to one worker (given-up ones included): far above what workers allow themselves. */
enum { CALLS_SERVED_MOST = 1 << 20 };

struct calls {
  uint64_t last_id;
  uint32_t served_most; /* CALLS_SERVED_MOST, but in tests */
  struct accounts *accounts; /* a call is charged to its asker; or NULL */
  struct slab all;
  struct front id_front, asked_front; /* most calls are found here, */
  struct chain by_id, by_asked;       /* the others there */
  struct owners asked, served;
  struct wheel deadlines;
  struct counts looks; /* of each asker: its calls that look into workers, not given up */
};

enum calls_outcome { CALLS_OK, CALLS_DUPLICATE, CALLS_NO_MEMORY };

/* False when memory is short. A zeroed struct is valid to deinit. */
bool calls_init(struct calls *c, uint64_t seed);
void calls_deinit(struct calls *c);

/* Before the first call: has all charged to accounts. */
void calls_charge(struct calls *c, struct accounts *accounts);

/* Before the first call: all ids are above this one, and so none is one of an earlier broker. */
void calls_start_at(struct calls *c, uint64_t id);
/* An id that no other request of this broker has or had. */
uint64_t calls_next_id(struct calls *c);

/* DUPLICATE: the asker has an open call of that id. *call gets the new one's index, its id is in
 * the record. */
enum calls_outcome calls_add(struct calls *c, uint32_t asker, uint64_t asked_id, uint32_t host,
                             uint32_t pair, uint8_t op, bool unbounded, uint32_t *call);
/* By the broker's id; by the asker and its id. SLAB_NONE when there is none. */
uint32_t calls_find(const struct calls *c, uint64_t id);
uint32_t calls_find_asked(const struct calls *c, uint32_t asker, uint64_t asked_id);
/* Has a record found by its ids; by the asker's. For calls.c, and for what brings calls from an
 * earlier program. */
void calls_list_id(struct calls *c, uint32_t call);
void calls_list_asked(struct calls *c, uint32_t call);
/* Nobody waits for the answer any more: the asker's id is free again. */
void calls_abandon(struct calls *c, uint32_t call);
void calls_remove(struct calls *c, uint32_t call);

/* A call asked by, served by; SLAB_NONE when there is none left. */
uint32_t calls_first_asked(const struct calls *c, uint32_t asker);
uint32_t calls_first_served(const struct calls *c, uint32_t host);
uint32_t calls_asked_count(const struct calls *c, uint32_t asker);
uint32_t calls_served_count(const struct calls *c, uint32_t host);
/* Of the calls asked those that look into workers. */
uint32_t calls_looks(const struct calls *c, uint32_t asker);
/* Makes room for that count of an asker (false: memory is short); counts a call of it that looks.
 * For calls.c, and for what brings calls from an earlier program. */
bool calls_reserve_looks(struct calls *c, uint32_t asker);
void calls_count_look(struct calls *c, const struct call *k);
/* Whether the host may get another from who has `open` so far, wherever: no more than there are
 * places left. So whoever has few open finds a place, however many others have. */
static inline bool calls_has_place(const struct calls *c, uint32_t host, uint64_t open) {
  uint32_t served = owners_count(&c->served, host);
  return served < c->served_most && open < c->served_most - served;
}

static inline struct call *calls_at(const struct calls *c, uint32_t call) {
  return slab_at(&c->all, call);
}

/* NULL, or a static text that says which invariant is broken. */
const char *calls_check(const struct calls *c);

#endif
