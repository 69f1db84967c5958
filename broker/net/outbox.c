/* SPDX-License-Identifier: MIT
 *
 * A list of blocks; the first may have been written in part. The last block is
 * filled up before a new one is made; blocks grow with the queue up to a bound, so that most of
 * them is never empty; a larger message has one of its own.
 */
#include "broker/net/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "broker/base/accounts_carried.h"
#include "proto/message.h"

enum { SMALL_BLOCK = 4000, LARGE_BLOCK = 64000, VECTOR = 32 };
/* A ring of spans takes less than the messages that they are made of: 32 bytes at most for each, of
 * 36 at least. */
enum { LEAST_SPANS = 4, MANY_SPANS = 256 };

struct outbox_block {
  struct outbox_block *next;
  uint32_t start, end, capacity; /* bytes[start..end) are to be written */
  uint8_t bytes[];
};

void outbox_init(struct outbox *o, struct accounts *accounts, struct account *account,
                 struct outbox_spares *spares) {
  *o = (struct outbox){.accounts = accounts, .account = account, .spares = spares};
}

/* ---- Who pays ---- */

static struct outbox_span *span_at(const struct outbox *o, uint32_t i) {
  return &o->spans[(o->span_first + i) & (o->span_capacity - 1)];
}

static bool resize_spans(struct outbox *o, uint32_t capacity) {
  struct outbox_span *spans = malloc(capacity * sizeof *spans);
  if (!spans) return false;
  for (uint32_t i = 0; i < o->span_count; i++) spans[i] = *span_at(o, i);
  free(o->spans);
  o->spans = spans;
  o->span_first = 0;
  o->span_capacity = capacity;
  return true;
}

static bool grow_spans(struct outbox *o) {
  if (o->span_capacity > UINT32_MAX / 2) return false;
  return resize_spans(o, o->span_capacity ? o->span_capacity * 2 : LEAST_SPANS);
}

/* Of a large ring that is almost empty. If memory is short it stays as it is. */
static void shrink_spans(struct outbox *o) {
  if (o->span_capacity > MANY_SPANS && o->span_count < o->span_capacity / 8)
    resize_spans(o, o->span_capacity / 4);
}

/* Room for one more span; NULL: memory is short. */
static struct outbox_span *reserve_span(struct outbox *o) {
  if (o->span_count == o->span_capacity && !grow_spans(o)) return NULL;
  struct outbox_span *next = span_at(o, o->span_count);
  *next = (struct outbox_span){0};
  return next;
}

/* The last span if it is this payer's, else a new one, which is not counted yet. */
static inline struct outbox_span *find_span(struct outbox *o, const struct account *payer) {
  struct outbox_span *last = o->span_count ? span_at(o, o->span_count - 1) : NULL;
  return last && last->payer == payer ? last : reserve_span(o);
}

/* Notes who pays in the span that was reserved, and charges it unless that is put off. */
static inline void note(struct outbox *o, struct outbox_span *span, struct account *payer,
                        size_t bytes) {
  o->span_count += !span->payer;
  span->payer = payer;
  span->bytes += bytes;
  if (payer == o->account) o->own += bytes;
  if (o->is_charged) account_charge_bytes(o->accounts, payer, bytes);
}

/* Charges what was put off. */
static void charge_all(struct outbox *o) {
  assert(!o->is_charged);
  for (uint32_t i = 0; i < o->span_count; i++)
    account_charge_bytes(o->accounts, span_at(o, i)->payer, span_at(o, i)->bytes);
  o->is_charged = true;
}

/* Nothing is in the blocks any more, and nothing of it was charged. */
static void forget_spans(struct outbox *o) {
  o->spans_gone += o->span_count;
  o->span_first = o->span_count = 0;
  o->own = 0;
}

/* The first bytes take no memory any more. */
static void discharge(struct outbox *o, size_t bytes) {
  assert(o->is_charged);
  while (bytes > 0) {
    assert(o->span_count > 0);
    struct outbox_span *s = span_at(o, 0);
    struct account *payer = s->payer;
    size_t n = s->bytes < bytes ? s->bytes : bytes;
    s->bytes -= n;
    bytes -= n;
    if (s->bytes == 0) {
      o->span_first = (o->span_first + 1) & (o->span_capacity - 1);
      o->span_count--;
      o->spans_gone++;
    }
    if (payer == o->account) o->own -= n;
    account_discharge(o->accounts, payer, ACCOUNT_BYTES, n);
  }
  shrink_spans(o);
}

size_t outbox_paid_by(const struct outbox *o, const struct account *payer) {
  size_t bytes = 0;
  for (uint32_t i = 0; o->is_charged && i < o->span_count; i++)
    if (span_at(o, i)->payer == payer) bytes += span_at(o, i)->bytes;
  return bytes;
}

size_t outbox_left_by(const struct outbox *o, const struct account *whole, uint64_t *from,
                      uint32_t *room) {
  size_t bytes = 0;
  if (*from < o->spans_gone) *from = o->spans_gone;
  for (; *from < outbox_spans_end(o) && *room > 0; ++*from, --*room) {
    const struct outbox_span *s = span_at(o, (uint32_t)(*from - o->spans_gone));
    if (s->payer->is_closed && (s->payer->process == whole || s->payer->user == whole))
      bytes += s->bytes;
  }
  return bytes;
}

/* ---- Blocks ---- */

void outbox_free_spares(struct outbox_spares *spares) {
  while (spares->first) {
    struct outbox_block *b = spares->first;
    spares->first = b->next;
    free(b);
  }
  spares->count = 0;
}

static struct outbox_block *new_block(struct outbox_spares *spares, uint32_t capacity) {
  struct outbox_block *b = spares->first;
  if (capacity == SMALL_BLOCK && b) {
    spares->first = b->next;
    spares->count--;
  } else {
    b = malloc(sizeof *b + capacity);
  }
  if (b) *b = (struct outbox_block){.capacity = capacity};
  return b;
}

static void free_block(struct outbox_spares *spares, struct outbox_block *b) {
  if (b->capacity != SMALL_BLOCK || spares->count == OUTBOX_SPARES_MOST) {
    free(b);
    return;
  }
  b->next = spares->first;
  spares->first = b;
  spares->count++;
}

void outbox_deinit(struct outbox *o) {
  while (o->first) {
    struct outbox_block *b = o->first;
    o->first = b->next;
    if (o->is_charged) discharge(o, b->end);
    free_block(o->spares, b);
  }
  if (!o->is_charged) forget_spans(o);
  assert(o->span_count == 0 && o->own == 0);
  free(o->spans);
  *o = (struct outbox){.accounts = o->accounts, .account = o->account, .spares = o->spares,
                       .written = o->written};
}

static struct outbox_block *add_block(struct outbox *o, uint32_t size) {
  uint32_t capacity = o->bytes < SMALL_BLOCK ? SMALL_BLOCK
                      : o->bytes < LARGE_BLOCK ? (uint32_t)o->bytes
                                               : LARGE_BLOCK;
  if (capacity < size) capacity = size;
  struct outbox_block *b = new_block(o->spares, capacity);
  if (!b) return NULL;
  if (o->last)
    o->last->next = b;
  else
    o->first = b;
  o->last = b;
  return b;
}

bool outbox_push(struct outbox *o, struct account *payer, const void *bytes, uint32_t size) {
  struct outbox_block *b = o->last;
  struct outbox_span *span = find_span(o, payer);
  assert(size > 0 && (b || !o->first));
  if (!span) return false;
  if (!b || b->capacity - b->end < size) b = add_block(o, size);
  if (!b) return false;
  assert(b->capacity - b->end >= size && !b->next);
  memcpy(b->bytes + b->end, bytes, size);
  b->end += size;
  o->bytes += size;
  /* Of one that is leaving the account may be gone before the next write. */
  if (!o->is_charged && (b->end > SMALL_BLOCK || o->first != b || payer->is_leaving)) charge_all(o);
  note(o, span, payer, size);
  return true;
}

/* `n` bytes were written: gives up the blocks that are through. */
static void written(struct outbox *o, size_t n) {
  assert(n <= o->bytes);
  o->bytes -= n;
  o->written += n;
  if (!o->is_charged) {
    if (o->bytes == 0) {
      assert(o->first == o->last && o->first->capacity == SMALL_BLOCK);
      free_block(o->spares, o->first);
      o->first = o->last = NULL;
      forget_spans(o);
      return;
    }
    charge_all(o);
  }
  while (o->first) {
    struct outbox_block *b = o->first;
    uint32_t here = b->end - b->start;
    if (n < here) {
      b->start += (uint32_t)n;
      return;
    }
    n -= here;
    discharge(o, b->end);
    o->first = b->next;
    if (!o->first) o->last = NULL;
    free_block(o->spares, b);
  }
  o->is_charged = o->span_count > 0;
}

enum outbox_outcome outbox_write(struct outbox *o, int fd, int *error) {
  return outbox_write_some(o, SIZE_MAX, fd, error);
}

enum outbox_outcome outbox_write_some(struct outbox *o, size_t most, int fd, int *error) {
  struct iovec v[VECTOR];
  size_t n = 0;
  for (struct outbox_block *b = o->first; b && n < VECTOR && most > 0; b = b->next) {
    size_t here = b->end - b->start;
    if (here > most) here = most;
    most -= here;
    if (here > 0) v[n++] = (struct iovec){.iov_base = b->bytes + b->start, .iov_len = here};
  }
  if (n == 0) return OUTBOX_EMPTY;
  ssize_t sent;
  if (n == 1)
    sent = send(fd, v[0].iov_base, v[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  else
    sent = sendmsg(fd, &(struct msghdr){.msg_iov = v, .msg_iovlen = n},
                   MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    *error = errno;
    if (!o->is_charged) charge_all(o);
    return errno == EAGAIN || errno == EINTR ? OUTBOX_LEFT : OUTBOX_FAILED;
  }
  written(o, (size_t)sent);
  return o->bytes ? OUTBOX_LEFT : OUTBOX_EMPTY;
}

/* As much as finds room. */
static size_t put_blocks(const struct outbox *o, struct rings *r) {
  size_t put = 0;
  for (const struct outbox_block *b = o->first; b; b = b->next) {
    uint32_t here = b->end - b->start, n = ring_put(r, b->bytes + b->start, here);
    put += n;
    if (n < here) break;
  }
  return put;
}

/* Who takes a little whenever it is looked would have it go on for as long as something is left. */
enum { ROUNDS = 2 };

enum outbox_outcome outbox_put(struct outbox *o, struct rings *r, bool *knock) {
  bool waits = false;
  for (int i = 0; i < ROUNDS && o->bytes > 0 && !waits && !r->is_broken; i++) {
    size_t put = put_blocks(o, r);
    if (ring_publish(r)) *knock = true;
    if (put > 0) written(o, put);
    waits = o->bytes > 0 && ring_await_room(r);
  }
  if (o->bytes > 0 && !o->is_charged) charge_all(o);
  if (r->is_broken) return OUTBOX_FAILED;
  return o->bytes == 0 ? OUTBOX_EMPTY : waits ? OUTBOX_LEFT : OUTBOX_MORE;
}

/* ---- To another program ---- */

/* Up to where the blocks are read: what of a span lies in them follows. */
struct place {
  const struct outbox_block *block;
  uint32_t at;
};

static void write_span(struct sheet *s, struct place *p, size_t bytes) {
  while (bytes > 0) {
    while (p->at == p->block->end) {
      p->block = p->block->next;
      p->at = p->block->start;
    }
    size_t here = p->block->end - p->at, n = here < bytes ? here : bytes;
    sheet_any_bytes(s, (void *)(uintptr_t)(p->block->bytes + p->at), n);
    p->at += (uint32_t)n;
    bytes -= n;
  }
}

/* In pieces that fill blocks: a large block would be charged until all of it is written. */
static void read_span(struct outbox *o, struct sheet *s, struct account *payer, size_t bytes) {
  uint8_t piece[SMALL_BLOCK];
  while (bytes > 0 && !s->fault) {
    uint32_t n = bytes < sizeof piece ? (uint32_t)bytes : sizeof piece;
    sheet_any_bytes(s, piece, n);
    if (!s->fault && !outbox_push(o, payer, piece, n)) sheet_fail(s, "memory is too short");
    bytes -= n;
  }
}

void outbox_carry(struct outbox *o, struct sheet *s) {
  const struct outbox_block *first = o->first;
  struct place p = {first, first ? first->start : 0};
  size_t left = o->bytes, gone = first ? first->start : 0; /* of the first spans */
  uint64_t written = o->written;
  uint32_t i = 0;
  SHEET(s, written);
  SHEET(s, left);
  while (left > 0 && !s->fault) {
    const struct outbox_span *k = s->writes ? span_at(o, i++) : NULL;
    struct account *payer = k ? k->payer : NULL;
    size_t skipped = k && k->bytes < gone ? k->bytes : gone, bytes = k ? k->bytes - skipped : 0;
    gone -= k ? skipped : 0;
    if (k && bytes == 0) continue;
    sheet_record(s);
    sheet_account(s, o->accounts, &payer, false);
    SHEET(s, bytes);
    if (bytes == 0 || bytes > left) sheet_fail(s, "an outbox has other bytes than it says");
    if (s->fault) return;
    if (s->writes)
      write_span(s, &p, bytes);
    else
      read_span(o, s, payer, bytes);
    left -= bytes;
  }
  if (s->writes || s->fault) return;
  o->written = written;
  o->strange = written + o->bytes;
  if (o->bytes && !o->is_charged) charge_all(o);
}

/* ---- Looking ---- */

/* Moves to where a message begins, if there is one. */
static bool find_message(struct outbox_eye *e) {
  while (e->block && e->offset == e->block->end) {
    e->block = e->block->next;
    e->offset = 0;
  }
  return e->block;
}

void outbox_look(const struct outbox *o, struct outbox_eye *e, uint64_t from) {
  uint64_t begin = o->written - (o->first ? o->first->start : 0);
  *e = (struct outbox_eye){.block = o->first, .position = begin};
  if (from < o->strange) from = o->strange;
  /* Nothing of ours begins before; in what is strange nothing is looked for. */
  while (e->block && (e->position + e->block->end <= from || e->block->start == e->block->end)) {
    e->position += e->block->end;
    e->block = e->block->next;
  }
  if (e->block && e->position < o->strange) {
    e->offset = (uint32_t)(o->strange - e->position);
    e->position = o->strange;
  }
  while (find_message(e)) {
    uint32_t size = message_size(e->block->bytes + e->offset);
    bool waits = e->offset + size > e->block->start;
    if (waits && e->position >= from) return;
    e->offset += size;
    e->position += size;
  }
}

const uint8_t *outbox_see(struct outbox_eye *e, uint32_t *size) {
  if (!find_message(e)) return NULL;
  const uint8_t *bytes = e->block->bytes + e->offset;
  *size = message_size(bytes);
  assert(*size <= e->block->end - e->offset);
  e->offset += *size;
  e->position += *size;
  return bytes;
}

const char *outbox_check(const struct outbox *o) {
  size_t in_blocks = 0, paid = 0, own = 0, waiting = 0;
  for (const struct outbox_block *b = o->first; b; b = b->next) {
    in_blocks += b->end;
    waiting += b->end - b->start;
  }
  for (uint32_t i = 0; i < o->span_count; i++) {
    if (span_at(o, i)->bytes == 0) return "outbox: somebody pays for nothing";
    paid += span_at(o, i)->bytes;
    if (span_at(o, i)->payer == o->account) own += span_at(o, i)->bytes;
    if (!o->is_charged && span_at(o, i)->payer->is_closed)
      return "outbox: one who has ended is to pay later";
  }
  if (!o->bytes != !o->first) return "outbox: it is empty and has a block, or the other way round";
  if (waiting != o->bytes) return "outbox: another number of bytes waits";
  if (paid != in_blocks) return "outbox: bytes that nobody pays";
  if (!o->is_charged && (in_blocks > SMALL_BLOCK || o->first != o->last))
    return "outbox: too many bytes that are not charged";
  return own == o->own ? NULL : "outbox: another number of bytes is its own";
}
