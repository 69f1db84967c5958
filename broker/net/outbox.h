/* SPDX-License-Identifier: MIT
 *
 * The bytes that wait to be written to one socket, in order. Messages are copied
 * into blocks; a write sends as many blocks as one system call takes. An outbox
 * that is empty has no block: small ones go from one to the next by way of the spare ones that all
 * have together, so that who is silent costs none, and what is written next is still in the cache.
 *
 * Each message is paid by somebody: its bytes are charged to the payer's account (base/accounts.h)
 * until the whole block that it is in has been written, because so long they take memory. As long
 * as all that waits has come since the last write and fits into a small block, for which every
 * connection is charged whether it has one or not, that is put off: mostly the next write takes it
 * all, and no account ever knows of it.
 *
 * Always true: what a write has left is charged, and what one pays who is leaving; so no account
 * goes before what it pays is charged, if outboxes are written before connections are closed.
 */
#ifndef GAIJIN_BROKER_OUTBOX_H
#define GAIJIN_BROKER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/accounts.h"
#include "broker/base/sheet.h"
#include "proto/ring/ring.h"

struct outbox_block;

/* Small blocks that nobody uses, so many at most; nobody pays them. Zeroed, there are none. */
enum { OUTBOX_SPARES_MOST = 64 };
struct outbox_spares {
  struct outbox_block *first;
  uint32_t count;
};

/* Bytes that follow one another and have one payer. */
struct outbox_span {
  struct account *payer;
  size_t bytes;
};

struct outbox {
  struct accounts *accounts;
  struct account *account; /* the receiver's own */
  struct outbox_spares *spares;
  struct outbox_block *first, *last; /* NULL: nothing waits */
  size_t bytes; /* not yet written */
  size_t own; /* of those in the blocks, the ones that the receiver's own account pays */
  bool is_charged; /* what is in the blocks */
  uint64_t written; /* ever; kept by outbox_deinit */
  uint64_t strange; /* up to there the bytes are an earlier program's: messages may be cut */
  struct outbox_span *spans; /* of all bytes in the blocks, a ring */
  uint32_t span_first, span_count, span_capacity; /* the last a power of 2, or 0 */
  uint64_t spans_gone; /* those that were in it before */
};

enum outbox_outcome { OUTBOX_EMPTY, OUTBOX_LEFT, OUTBOX_MORE, OUTBOX_FAILED };

/* An empty outbox of who has this account; the spare blocks are for all, and outlive it. */
void outbox_init(struct outbox *o, struct accounts *accounts, struct account *account,
                 struct outbox_spares *spares);
/* Frees those that are spare. */
void outbox_free_spares(struct outbox_spares *spares);
/* Frees the blocks and what they hold. */
void outbox_deinit(struct outbox *o);

/* Appends a message that `payer` pays: the receiver's own account, for instance for an answer to
 * what it asked, or that of whoever has caused the message. False when memory is short; then
 * nothing has changed. */
bool outbox_push(struct outbox *o, struct account *payer, const void *bytes, uint32_t size);

/* Writes once, without blocking. OUTBOX_LEFT: write again when the socket is writable.
 * OUTBOX_FAILED: *error is an errno; the connection is not to be used any more. */
enum outbox_outcome outbox_write(struct outbox *o, int fd, int *error);
/* The same, of its first `most` bytes at most. */
enum outbox_outcome outbox_write_some(struct outbox *o, size_t most, int fd, int *error);
/* Puts into a ring what finds room there. OUTBOX_LEFT: there is none, and a knock will come when
 * there is. OUTBOX_MORE: there is some again, and no knock will come: it has done enough for one
 * turn. OUTBOX_FAILED: the ring is broken. *knock becomes true if the other end is to be
 * knocked at. */
enum outbox_outcome outbox_put(struct outbox *o, struct rings *r, bool *knock);

/* What is to be written, and who pays it, to a sheet; or from it, into an empty outbox. A message
 * that was written in part goes on at its next byte. */
void outbox_carry(struct outbox *o, struct sheet *s);

/* Where one looks at the whole messages that wait, or of which a part does. It is good until the
 * outbox changes; `position`, in bytes ever pushed, of the message seen next is good for ever. */
struct outbox_eye {
  const struct outbox_block *block;
  uint32_t offset; /* in its bytes */
  uint64_t position;
};
/* Looks from the first message on that begins at `from` or behind it. What an earlier program has
 * queued is not seen. */
void outbox_look(const struct outbox *o, struct outbox_eye *e, uint64_t from);
/* The next message, and its bytes, prefix included; NULL: there is none. */
const uint8_t *outbox_see(struct outbox_eye *e, uint32_t *size);

/* The bytes in it that are charged to an account. Takes time in proportion to the changes of
 * payer. */
size_t outbox_paid_by(const struct outbox *o, const struct account *payer);
/* The bytes that those of a process or a user pay whose connections have ended, in the spans from
 * number *from on, as many as *room says; these are taken off *room, and *from gets the number of
 * the next span. The first span ever has number 0; those that have been written are skipped. */
size_t outbox_left_by(const struct outbox *o, const struct account *whole, uint64_t *from,
                      uint32_t *room);
/* The number of the span behind the last. */
static inline uint64_t outbox_spans_end(const struct outbox *o) {
  return o->spans_gone + o->span_count;
}
/* NULL, or a static text that says which invariant is broken. */
const char *outbox_check(const struct outbox *o);

#endif
