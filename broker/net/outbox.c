/* SPDX-License-Identifier: MIT
 *
 * A list of blocks; the first may have been written in part. The last block is
 * filled up before a new one is made; blocks grow with the queue up to a bound,
 * a larger message has one of its own.
 */
#include "broker/net/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { SMALL_BLOCK = 4000, LARGE_BLOCK = 64000, VECTOR = 32 };

struct outbox_block {
  struct outbox_block *next;
  uint32_t start, end, capacity; /* bytes[start..end) are to be written */
  uint32_t own; /* bytes pushed into it as own, written ones included */
  uint8_t bytes[];
};

void outbox_deinit(struct outbox *o) {
  while (o->first) {
    struct outbox_block *b = o->first;
    o->first = b->next;
    free(b);
  }
  *o = (struct outbox){.written = o->written};
}

static struct outbox_block *add_block(struct outbox *o, uint32_t size) {
  uint32_t capacity = o->bytes ? LARGE_BLOCK : SMALL_BLOCK;
  if (capacity < size) capacity = size;
  struct outbox_block *b = malloc(sizeof *b + capacity);
  if (!b) return NULL;
  o->allocated += sizeof *b + capacity;
  *b = (struct outbox_block){.capacity = capacity};
  if (o->last)
    o->last->next = b;
  else
    o->first = b;
  o->last = b;
  return b;
}

bool outbox_push(struct outbox *o, const void *bytes, uint32_t size, bool own) {
  assert(size > 0 && !o->first == !o->last);
  struct outbox_block *b = o->last;
  if (!b || b->capacity - b->end < size) b = add_block(o, size);
  if (!b) return false;
  assert(b->capacity - b->end >= size && !b->next);
  memcpy(b->bytes + b->end, bytes, size);
  b->end += size;
  o->bytes += size;
  if (!own) return true;
  b->own += size;
  o->own += size;
  return true;
}

/* `n` bytes were written: frees the blocks that are through, but keeps the last if it is small. */
static void written(struct outbox *o, size_t n) {
  assert(n <= o->bytes);
  o->bytes -= n;
  o->written += n;
  while (o->first) {
    struct outbox_block *b = o->first;
    uint32_t here = b->end - b->start;
    if (n < here) {
      b->start += (uint32_t)n;
      return;
    }
    n -= here;
    o->own -= b->own;
    b->own = 0;
    if (!b->next && b->capacity == SMALL_BLOCK) {
      b->start = b->end = 0;
      return;
    }
    o->first = b->next;
    if (!o->first) o->last = NULL;
    o->allocated -= sizeof *b + b->capacity;
    free(b);
  }
}

enum outbox_outcome outbox_write(struct outbox *o, int fd, int *error) {
  struct iovec v[VECTOR];
  size_t n = 0;
  for (struct outbox_block *b = o->first; b && n < VECTOR; b = b->next)
    if (b->end > b->start)
      v[n++] = (struct iovec){.iov_base = b->bytes + b->start, .iov_len = b->end - b->start};
  if (n == 0) return OUTBOX_EMPTY;
  ssize_t sent;
  if (n == 1)
    sent = send(fd, v[0].iov_base, v[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  else
    sent = sendmsg(fd, &(struct msghdr){.msg_iov = v, .msg_iovlen = n},
                   MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    *error = errno;
    return errno == EAGAIN || errno == EINTR ? OUTBOX_LEFT : OUTBOX_FAILED;
  }
  written(o, (size_t)sent);
  return o->bytes ? OUTBOX_LEFT : OUTBOX_EMPTY;
}

size_t outbox_allocated(const struct outbox *o) {
  size_t bytes = 0;
  for (const struct outbox_block *b = o->first; b; b = b->next) bytes += sizeof *b + b->capacity;
  return bytes;
}
