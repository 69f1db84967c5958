/* SPDX-License-Identifier: MIT
 *
 * The state of a broker on its way to the program that goes on in its place: numbers and bytes one
 * after the other, in a file in memory. One function says which fields a record has, for both
 * directions: with a sheet that writes it writes them, with one that reads it sets them. So the two
 * never differ. Nothing in a sheet says what a number means: the order is the form, and the form
 * has a number (upgrade/state.h), which is raised when a field comes or goes.
 *
 * Why not msgpack: the messages' writer and reader are two functions for each record, and three
 * times slower for a million tokens, while everybody waits.
 *
 * A number takes 1 to 10 bytes, 7 bits in each, the low ones first. The first fault stays, and from
 * then on everything that is read is 0: so a reader may go on to the end of a record, and says
 * what is wrong once.
 */
#ifndef GAIJIN_BROKER_SHEET_H
#define GAIJIN_BROKER_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/base/slab.h"

enum { SHEET_NUMBER_MOST = 10 }; /* bytes */

struct sheet {
  bool writes;
  int fd;            /* where it writes to, or whose bytes it reads; the caller's */
  uint8_t *bytes;    /* a buffer: what was not written yet, or was read from the file */
  size_t size, at;   /* there is room for so many, or there are; up to where they were used */
  uint64_t left;     /* bytes of the file that are not in the buffer yet, for a reader */
  const char *fault; /* static; NULL: none so far */
  /* For a test: is told of each field that is written, and where a record begins (NULL instead of
   * a field's name); NULL: nobody is. */
  void (*told)(void *user, const char *field);
  void *user;
};

/* A sheet that writes to an empty file; one that reads a file from its begin. A fault is in the
 * sheet. End with sheet_close, which writes what was not written yet: look for a fault after it. */
void sheet_open_to_write(struct sheet *s, int fd);
void sheet_open_to_read(struct sheet *s, int fd);
void sheet_close(struct sheet *s);

/* Something is wrong with it; the first text (static) stays. */
void sheet_fail(struct sheet *s, const char *fault);

/* For sheet_uint: the buffer is full, or the number is longer than one byte. */
void sheet_put(struct sheet *s, uint64_t v);
uint64_t sheet_take(struct sheet *s);

/* The bytes that can still be read: no more than so many records are to come. */
static inline uint64_t sheet_left(const struct sheet *s) { return s->left + (s->size - s->at); }

/* A number: written, or read and set. */
static inline void sheet_uint(struct sheet *s, uint64_t *v) {
  if (s->writes)
    sheet_put(s, *v);
  else
    *v = sheet_take(s);
}

/* What comes next is this field. */
static inline void sheet_tell(const struct sheet *s, const char *field) {
  if (s->told) s->told(s->user, field);
}
/* What comes next is a record, of which there may be others: where neither a mark nor an item of a
 * slab begins one. */
static inline void sheet_record(const struct sheet *s) { sheet_tell(s, NULL); }

/* The same for a variable or field of any type of integers, booleans included. One that does not
 * have the number read is a fault. */
#define SHEET(s, field)                                                               \
  do {                                                                                \
    uint64_t sheet_number = (uint64_t)(field);                                        \
    sheet_tell((s), #field);                                                          \
    sheet_uint((s), &sheet_number);                                                   \
    if (!(s)->writes) {                                                               \
      (field) = (__typeof__(field))sheet_number;                                      \
      if ((uint64_t)(field) != sheet_number) sheet_fail((s), "a number is too large"); \
    }                                                                                 \
  } while (0)

/* What follows comes by a macro of the same name without `any`, which tells the field's own. */

void sheet_any_double(struct sheet *s, double *v);
/* So many bytes. */
void sheet_any_bytes(struct sheet *s, void *bytes, size_t n);
/* A terminated text of less than `room` bytes. */
void sheet_any_text(struct sheet *s, char *text, size_t room);
/* A text of any length with its size; when it is read it is allocated, and the caller's. NULL, or
 * memory that is short: NULL. `most`: bytes, beyond which it is a fault. */
void sheet_any_long_text(struct sheet *s, char **text, size_t *size, size_t most);
/* What must be here: a reader that is at another place has a fault. */
void sheet_any_mark(struct sheet *s, uint64_t mark);

/* Walks the items of a slab, which is empty when they are read, in the order of their indices,
 * which they keep:
 *
 *   for (uint32_t i = SLAB_NONE; sheet_item(s, slab, &i);) ... the fields of slab_at(slab, i)
 *
 * An item that is read is zeroed. An index of SHEET_INDEX_MOST or more is a fault: memory would
 * follow what a state says, and not what is in it. */
#define SHEET_INDEX_MOST (UINT32_C(1) << 28)
bool sheet_item(struct sheet *s, struct slab *slab, uint32_t *index);
/* The index of an item of `slab`, which must be there; `or_none`: or SLAB_NONE. When it is not, the
 * sheet has a fault. True: it is an item's. */
bool sheet_any_index(struct sheet *s, const struct slab *slab, uint32_t *index, bool or_none);

#define sheet_double(s, v) (sheet_tell((s), #v), sheet_any_double((s), (v)))
#define sheet_bytes(s, bytes, n) (sheet_tell((s), #bytes), sheet_any_bytes((s), (bytes), (n)))
#define sheet_text(s, text, room) (sheet_tell((s), #text), sheet_any_text((s), (text), (room)))
#define sheet_long_text(s, text, size, most) \
  (sheet_tell((s), #text), sheet_any_long_text((s), (text), (size), (most)))
#define sheet_mark(s, mark) \
  (sheet_record(s), sheet_tell((s), #mark), sheet_any_mark((s), (mark)))
#define sheet_index(s, slab, index, or_none) \
  (sheet_tell((s), #index), sheet_any_index((s), (slab), (index), (or_none)))

#endif
