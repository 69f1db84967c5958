/* SPDX-License-Identifier: MIT
 *
 * The bytes that wait to be written to one socket, in order. Messages are copied
 * into blocks; a write sends as many blocks as one system call takes. An outbox
 * that is empty keeps at most one small block.
 */
#ifndef GAIJIN_BROKER_OUTBOX_H
#define GAIJIN_BROKER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outbox_block;

struct outbox {
  struct outbox_block *first, *last;
  size_t bytes; /* not yet written */
  size_t own; /* of these, those pushed as `own`; counted until their whole block is written */
  size_t allocated; /* bytes of its blocks */
  uint64_t written; /* ever; kept by outbox_deinit */
};

enum outbox_outcome { OUTBOX_EMPTY, OUTBOX_LEFT, OUTBOX_FAILED };

/* Frees the blocks and what they hold. A zeroed struct is an empty outbox. */
void outbox_deinit(struct outbox *o);

/* Appends a message. `own`: it is on the receiver's own account, for instance an answer to what it
 * asked. False when memory is short; then nothing has changed. */
bool outbox_push(struct outbox *o, const void *bytes, uint32_t size, bool own);

/* Writes once, without blocking. OUTBOX_LEFT: write again when the socket is writable.
 * OUTBOX_FAILED: *error is an errno, and the socket will never take another byte. */
enum outbox_outcome outbox_write(struct outbox *o, int fd, int *error);

/* What its blocks take, counted anew. For checks. */
size_t outbox_allocated(const struct outbox *o);

#endif
