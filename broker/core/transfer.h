/* SPDX-License-Identifier: MIT
 *
 * The PTs of one message on its way. A message that may carry PTs passes through these steps,
 * whatever becomes of it:
 *
 *   transfer_read    checks the body and lists its PTs; a large one in slices (base/work.h)
 *   transfer_take    counts those that came from their own host as seen; then checks that the
 *                    sender may use the others
 *   transfer_give    makes the receiver their holder (only if the message is forwarded)
 *   (the message is queued)
 *   transfer_settle  ends the tokens that nobody holds, after the message
 */
#ifndef GAIJIN_BROKER_TRANSFER_H
#define GAIJIN_BROKER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/message.h"
#include "proto/pt.h"

struct account;
struct broker;
struct client;

/* Units of work (base/work.h) for one PT on its way: seen or looked up, held, settled. */
enum { TRANSFER_PT_COST = 5 };
/* Values walked for a unit; bytes of a body that is walked at once, for a unit and at most. */
enum { VALUES_PER_UNIT = 16, WALKED_PER_UNIT = 32, WALKED_AT_ONCE = 32 << 10 };

/* By asking, one connection gets so many times as many objects of a host as that may export yet: so
 * alone seven eighths of all, and whoever comes next finds some left. */
enum { TRANSFER_HOLDER = 7 };

struct transfer_pt {
  struct pt pt;
  uint32_t host; /* number of its host; SLAB_NONE if unknown */
  uint32_t token; /* SLAB_NONE: not resolved */
  bool tell_dead; /* its host is dead and was introduced just now */
};

/* Lives as long as the message is handled: on the stack of the handler, or, while a large body is
 * walked in slices, with its sender (struct walk). */
enum { TRANSFER_FEW = 16 };
struct transfer {
  struct transfer_pt *pts; /* `few`, or memory of its own */
  uint32_t count, capacity;
  uint32_t exported; /* of its sender's own, that nobody has held before; by transfer_take */
  bool no_memory;
  bool too_many; /* more PTs than REFS_MOST: it must be refused, and nothing is counted */
  bool has_null; /* so it is only for clients of WIRE_VERSION_NULL */
  struct transfer_pt few[TRANSFER_FEW];
};

enum transfer_outcome {
  TRANSFER_OK,
  TRANSFER_FORGED,
  TRANSFER_FULL,
  TRANSFER_NEVER,
  TRANSFER_FAULT
};

/* READ: the transfer must end with transfer_settle. BAD: *fault is what is wrong with the body, and
 * it may. LATER: the body is large and is walked in slices; the message was postponed. Without `t`
 * only the form of the body is checked. */
enum transfer_reading { TRANSFER_READ, TRANSFER_BAD, TRANSFER_LATER };
enum transfer_reading transfer_read(struct transfer *t, struct client *from,
                                    const struct message *m, const char **fault);
/* The client has ended: nothing of a walk stays. */
void transfer_forget(struct client *from);
/* Whether a client that speaks this version may be sent it. */
static inline bool transfer_in_version(const struct transfer *t, uint32_t version) {
  return !t->has_null || version >= WIRE_VERSION_NULL;
}
/* Begins a transfer of one known token to a client that wants it, as if it had been read from a
 * message of that client and taken: it is who mentions it. */
void transfer_set(struct client *to, struct transfer *t, const struct pt *pt, uint32_t host,
                  uint32_t token);
/* FORGED: the message must not be forwarded. FULL: neither, because the sender exports more than it
 * may, as `full` (LIMITS_TEXT bytes) says. NEVER: the same, and the message alone has more. FAULT:
 * neither, and the sender has been condemned. */
enum transfer_outcome transfer_take_all(struct broker *b, struct transfer *t, struct client *from,
                                        char *full);
static inline enum transfer_outcome transfer_take(struct broker *b, struct transfer *t,
                                                  struct client *from, char *full) {
  return t->count ? transfer_take_all(b, t, from, full) : TRANSFER_OK;
}
/* Whether `to`, which has asked for it and would hold it, leaves something of what the sender may
 * export (TRANSFER_HOLDER). If not, that is counted and logged as the asker's, and `full` says
 * so. */
bool transfer_leaves_room(struct broker *b, const struct transfer *t, struct client *from,
                          struct client *to, char *full);
/* How many objects that `to` does not hold yet are in it. */
uint32_t transfer_count_new(struct broker *b, const struct transfer *t, const struct client *to);
/* Queues what `to` must know before the message: introductions, which `payer` pays, and, when a
 * load goes over its allowance, free. What it did not hold yet, `asker` pays: the sender of a
 * request, the receiver of an answer. */
void transfer_give_all(struct broker *b, struct transfer *t, struct client *to,
                       struct account *payer, const struct client *asker);
static inline void transfer_give(struct broker *b, struct transfer *t, struct client *to,
                                 struct account *payer, const struct client *asker) {
  if (t->count) transfer_give_all(b, t, to, payer, asker);
}
/* Queues drops, and ends the transfer. `to` is the receiver, or NULL when the message was not
 * forwarded. */
void transfer_settle_all(struct broker *b, struct transfer *t, struct client *to);
static inline void transfer_settle(struct broker *b, struct transfer *t, struct client *to) {
  if (t->count) transfer_settle_all(b, t, to);
}

/* Queues the introduction of a host (its number) unless `to` knows it; it is paid by whoever causes
 * it, `payer`, and so is the record of the pair, which *load gets. False when memory is short; `to`
 * is condemned then. *is_new (may be NULL) tells whether it was introduced now. */
bool transfer_introduce(struct broker *b, uint32_t host, struct client *to, struct account *payer,
                        uint32_t *load, bool *is_new);

#endif
