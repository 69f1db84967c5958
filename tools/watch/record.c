/* SPDX-License-Identifier: MIT
 *
 * Every line is read strictly: so what is damaged is told with its line, and never shown as if it
 * had been so.
 */
#include "tools/watch/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/text.h"

#define FIRST_LINE "gaijin-record 1\n"
/* The longest line has 12 numbers and SIGHT_BYTES_MOST bytes; a label is longer. */
enum { LINE_MOST = 4096, NUMBERS_MOST = 11 };

/* ---- Writing ---- */

FILE *record_create(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
  if (f) {
    fputs(FIRST_LINE, f);
    return f;
  }
  tool_error("monitor: cannot create %s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
  return NULL;
}

static void put_text(FILE *f, const void *bytes, size_t size) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t *p = bytes;
  putc(' ', f);
  if (!size) putc('-', f);
  for (size_t i = 0; i < size; i++) {
    putc(digits[p[i] >> 4], f);
    putc(digits[p[i] & 15], f);
  }
  putc('\n', f);
}

void record_name(FILE *f, uint64_t host, const char *name) {
  fprintf(f, "H %" PRIx64, host);
  put_text(f, name, strlen(name));
}

/* What does not fit into a line is left out: it is for people. */
void record_label(FILE *f, uint64_t host, uint64_t id, const char *label) {
  if (strlen(label) > LINE_MOST / 4) return;
  fprintf(f, "N %" PRIx64 " %" PRIx64, host, id);
  put_text(f, label, strlen(label));
}

void record_message(FILE *f, const struct sight *m) {
  const uint64_t numbers[NUMBERS_MOST] = {m->time_us, m->kind, m->op,          m->request,
                                          m->from,    m->to,   m->size,        m->took_ns,
                                          m->target_kind, m->target, m->count};
  putc('M', f);
  for (int i = 0; i < NUMBERS_MOST; i++) fprintf(f, " %" PRIx64, numbers[i]);
  put_text(f, m->bytes, m->n_bytes);
}

void record_lost(FILE *f, uint64_t lost) { fprintf(f, "L %" PRIx64 "\n", lost); }

bool record_close(FILE *f, const char *path) {
  bool bad = ferror(f);
  if (fclose(f) == 0 && !bad) return true;
  tool_error("monitor: cannot write to %s: %s", path, strerror(errno));
  return false;
}

/* ---- Reading ---- */

/* A line's rest, taken apart: numbers, then perhaps a text. */
struct line {
  uint64_t numbers[NUMBERS_MOST];
  uint8_t text[LINE_MOST];
  size_t size;
};

static int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_text(const char *p, struct line *l) {
  l->size = 0;
  if (strcmp(p, " -\n") == 0) return true;
  if (*p++ != ' ') return false;
  for (; p[0] != '\n'; p += 2) {
    int high = digit(p[0]), low = high < 0 ? -1 : digit(p[1]);
    if (low < 0 || l->size == sizeof l->text - 1) return false;
    l->text[l->size++] = (uint8_t)(high << 4 | low);
  }
  l->text[l->size] = 0;
  return l->size > 0;
}

static bool read_line(const char *p, int numbers, bool has_text, struct line *l) {
  for (int i = 0; i < numbers; i++) {
    unsigned digits = 0;
    l->numbers[i] = 0;
    if (*p++ != ' ') return false;
    for (int d; (d = digit(*p)) >= 0; p++, digits++)
      l->numbers[i] = l->numbers[i] << 4 | (unsigned)d;
    if (!digits || digits > 16) return false;
  }
  return has_text ? read_text(p, l) : strcmp(p, "\n") == 0;
}

static bool take_message(const struct line *l, struct sight *m) {
  uint64_t *const fields[NUMBERS_MOST] = {&m->time_us, &m->kind, &m->op,          &m->request,
                                          &m->from,    &m->to,   &m->size,        &m->took_ns,
                                          &m->target_kind, &m->target, &m->count};
  for (int i = 0; i < NUMBERS_MOST; i++) *fields[i] = l->numbers[i];
  if (l->size > SIGHT_BYTES_MOST || m->kind > SIGHT_POST || m->kind == 0) return false;
  memcpy(m->bytes, l->text, l->size);
  m->n_bytes = (uint32_t)l->size;
  return true;
}

/* One line; 1: a message, 0: something else, -1: it is damaged. */
static int take_line(const char *text, struct sights *s, struct sight *m) {
  struct line l;
  if (text[0] == 'M' && read_line(text + 1, NUMBERS_MOST, true, &l))
    return take_message(&l, m) ? 1 : -1;
  if (text[0] == 'H' && read_line(text + 1, 1, true, &l)) {
    known_put(&s->names, l.numbers[0], 0, (const char *)l.text, l.size);
    return 0;
  }
  if (text[0] == 'N' && read_line(text + 1, 2, true, &l)) {
    known_put(&s->labels, l.numbers[0], l.numbers[1], (const char *)l.text, l.size);
    return 0;
  }
  if (text[0] == 'L' && read_line(text + 1, 1, false, &l)) {
    s->lost += l.numbers[0];
    return 0;
  }
  return -1;
}

static bool read_lines(FILE *f, const char *path, struct sights *s,
                       bool (*message)(void *user, const struct sight *m), void *user) {
  char text[LINE_MOST];
  struct sight m;
  if (!fgets(text, sizeof text, f) || strcmp(text, FIRST_LINE) != 0) {
    tool_error("monitor: %s is no record: it does not begin with '%.15s'", path, FIRST_LINE);
    return false;
  }
  for (unsigned long line = 2; fgets(text, sizeof text, f); line++) {
    int what = strlen(text) && text[strlen(text) - 1] == '\n' ? take_line(text, s, &m) : -1;
    if (what < 0) {
      tool_error("monitor: %s is damaged at line %lu: what stands before has been shown", path,
                 line);
      return false;
    }
    if (what > 0 && !message(user, &m)) return true;
  }
  if (!ferror(f)) return true;
  tool_error("monitor: cannot read %s: %s", path, strerror(errno));
  return false;
}

bool record_read(const char *path, struct sights *s,
                 bool (*message)(void *user, const struct sight *m), void *user) {
  FILE *f = fopen(path, "re");
  if (!f) {
    tool_error("monitor: cannot read %s: %s", path, strerror(errno));
    return false;
  }
  bool good = read_lines(f, path, s, message, user);
  fclose(f);
  return good;
}
