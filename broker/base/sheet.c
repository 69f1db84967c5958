/* SPDX-License-Identifier: MIT
 *
 * Both ways go through a buffer: written, because the file would grow with each number otherwise;
 * read, because a mapping would cost a fault for each of its pages.
 */
#include "broker/base/sheet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 << 10 };

void sheet_fail(struct sheet *s, const char *fault) {
  if (!s->fault) s->fault = fault;
}

void sheet_open_to_write(struct sheet *s, int fd) {
  *s = (struct sheet){.writes = true, .fd = fd, .size = BUFFER_BYTES};
  s->bytes = malloc(s->size);
  if (!s->bytes) sheet_fail(s, "memory is too short");
}

void sheet_open_to_read(struct sheet *s, int fd) {
  struct stat st;
  *s = (struct sheet){.fd = fd};
  if (lseek(fd, 0, SEEK_SET) < 0 || fstat(fd, &st) < 0 || st.st_size <= 0) {
    sheet_fail(s, "there is no state");
    return;
  }
  s->bytes = malloc(BUFFER_BYTES);
  s->left = s->bytes ? (uint64_t)st.st_size : 0;
  if (!s->bytes) sheet_fail(s, "memory is too short");
}

/* Reads on: what was not used yet comes to the front. */
static void read_in(struct sheet *s) {
  size_t unused = s->size - s->at;
  memmove(s->bytes, s->bytes + s->at, unused);
  s->size = unused;
  s->at = 0;
  while (s->size < BUFFER_BYTES && s->left > 0) {
    uint64_t room = BUFFER_BYTES - s->size;
    ssize_t n = read(s->fd, s->bytes + s->size, room < s->left ? room : s->left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      sheet_fail(s, "the state cannot be read");
      s->left = 0;
      return;
    }
    s->size += (size_t)n;
    s->left -= (uint64_t)n;
  }
}

static void write_out(struct sheet *s) {
  for (size_t done = 0; done < s->at && !s->fault;) {
    ssize_t n = write(s->fd, s->bytes + done, s->at - done);
    if (n > 0)
      done += (size_t)n;
    else if (errno != EINTR)
      sheet_fail(s, "there is no memory for the state");
  }
  s->at = 0;
}

void sheet_close(struct sheet *s) {
  if (s->writes) write_out(s);
  free(s->bytes);
  s->bytes = NULL;
  s->size = s->at = 0;
  s->left = 0;
}

void sheet_put(struct sheet *s, uint64_t v) {
  if (s->size - s->at < SHEET_NUMBER_MOST) write_out(s);
  if (s->fault) return;
  for (; v >= 0x80; v >>= 7) s->bytes[s->at++] = (uint8_t)(v | 0x80);
  s->bytes[s->at++] = (uint8_t)v;
}

uint64_t sheet_take(struct sheet *s) {
  uint64_t v = 0;
  if (s->size - s->at < SHEET_NUMBER_MOST && s->left) read_in(s);
  if (s->fault) return 0;
  for (unsigned shift = 0; shift < 64 && s->at < s->size; shift += 7) {
    uint8_t byte = s->bytes[s->at++];
    if (shift == 63 && byte > 1) break;
    v |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return v;
  }
  sheet_fail(s, sheet_left(s) ? "a number has no end" : "the state ends too early");
  return 0;
}

static void read_bytes(struct sheet *s, uint8_t *to, size_t n) {
  if (sheet_left(s) < n) sheet_fail(s, "the state ends too early");
  while (n > 0 && !s->fault) {
    if (s->at == s->size) read_in(s);
    size_t part = s->size - s->at < n ? s->size - s->at : n;
    memcpy(to, s->bytes + s->at, part);
    s->at += part;
    to += part;
    n -= part;
  }
  if (n > 0) memset(to, 0, n);
}

void sheet_any_bytes(struct sheet *s, void *bytes, size_t n) {
  if (!s->writes) {
    read_bytes(s, bytes, n);
    return;
  }
  const uint8_t *from = bytes;
  while (n > 0 && !s->fault) {
    size_t part = s->size - s->at < n ? s->size - s->at : n;
    memcpy(s->bytes + s->at, from, part);
    s->at += part;
    from += part;
    n -= part;
    if (s->at == s->size) write_out(s);
  }
}

void sheet_any_double(struct sheet *s, double *v) {
  uint64_t bits;
  memcpy(&bits, v, sizeof bits);
  sheet_uint(s, &bits);
  memcpy(v, &bits, sizeof bits);
}

void sheet_any_text(struct sheet *s, char *text, size_t room) {
  size_t size = s->writes ? strlen(text) : 0;
  SHEET(s, size);
  if (size >= room) {
    sheet_fail(s, "a text is too long");
    size = 0;
  }
  sheet_any_bytes(s, text, size);
  text[size] = 0;
}

void sheet_any_long_text(struct sheet *s, char **text, size_t *size, size_t most) {
  bool is_there = s->writes && *text;
  SHEET(s, is_there);
  if (!s->writes) *text = NULL;
  if (!is_there) return;
  SHEET(s, *size);
  if (*size > most) sheet_fail(s, "a text is too long");
  if (s->fault) return;
  if (!s->writes && !(*text = malloc(*size + 1))) {
    sheet_fail(s, "memory is too short");
    return;
  }
  sheet_any_bytes(s, *text, *size);
  if (!s->writes) (*text)[*size] = 0;
}

void sheet_any_mark(struct sheet *s, uint64_t mark) {
  uint64_t here = mark;
  sheet_uint(s, &here);
  if (here != mark) sheet_fail(s, "the state has another form");
}

bool sheet_item(struct sheet *s, struct slab *slab, uint32_t *index) {
  uint64_t step = 0; /* 0: there is no more */
  sheet_record(s);
  uint32_t before = *index, from = before == SLAB_NONE ? 0 : before + 1;
  if (s->writes) {
    *index = slab_next(slab, from);
    step = *index == SLAB_NONE ? 0 : (uint64_t)*index - from + 1;
  }
  sheet_uint(s, &step);
  if (s->fault || !step) return false;
  if (s->writes) return true;
  uint64_t at = step > SHEET_INDEX_MOST ? SHEET_INDEX_MOST : from + step - 1;
  if (at >= SHEET_INDEX_MOST) {
    sheet_fail(s, "a record has a number that is too large");
    return false;
  }
  if (!slab_add_at(slab, (uint32_t)at)) {
    sheet_fail(s, "memory is too short");
    return false;
  }
  *index = (uint32_t)at;
  return true;
}

bool sheet_any_index(struct sheet *s, const struct slab *slab, uint32_t *index, bool or_none) {
  uint64_t number = (uint64_t)*index + 1; /* SLAB_NONE would take five bytes */
  if (*index == SLAB_NONE) number = 0;
  sheet_uint(s, &number);
  *index = number && number <= SLAB_NONE ? (uint32_t)number - 1 : SLAB_NONE;
  bool is_there = *index != SLAB_NONE && slab_live(slab, *index);
  if (!is_there && (!or_none || number))
    sheet_fail(s, "a record refers to one that is not there");
  return is_there && !s->fault;
}
