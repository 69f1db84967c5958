/* SPDX-License-Identifier: MIT
 *
 * The library asks for lines as if from a file.
 */
#include "policy/ini.h"

#include <ini.h>
#include <string.h>

/* What the library keeps of a line. */
enum { LINE_MOST = 198 };

struct reading {
  const struct ini *ini;
  const char *text;
  size_t size, at;
  unsigned line;
};

bool ini_is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Always content: a fault is an error of our own, and the library goes on in any case. */
static int on_key(void *user, const char *section, const char *name, const char *value) {
  const struct reading *r = user;
  /* Some builds of the library tell of sections. */
  if (name && value) r->ini->key(r->ini->user, section, name, value);
  return 1;
}

/* What a line is, which the library is to get in `room` bytes. */
static struct ini_line describe(const struct reading *r, const char *bytes, size_t size,
                                size_t room) {
  struct ini_line l = {.number = r->line, .bytes = bytes, .size = size};
  while (l.blanks < size && ini_is_blank(bytes[l.blanks])) l.blanks++;
  l.is_empty = l.blanks == size;
  l.is_section = !l.is_empty && bytes[l.blanks] == '[';
  l.is_comment = !l.is_empty && (bytes[l.blanks] == ';' || bytes[l.blanks] == '#');
  if (memchr(bytes, '\0', size))
    l.fault = "a zero byte";
  else if (!l.is_comment && (size > LINE_MOST || size + 2 > room))
    l.fault = r->ini->too_long;
  return l;
}

/* Gives the library a line, as fgets does. */
static char *read_line(char *out, int room, void *stream) {
  struct reading *r = stream;
  const char *line = r->text + r->at;
  if (r->at == r->size || room < 2) return NULL;
  r->line++;
  const char *end = memchr(line, '\n', r->size - r->at);
  size_t size = end ? (size_t)(end - line) : r->size - r->at;
  r->at += size + (end ? 1 : 0);
  const struct ini_line l = describe(r, line, size, (size_t)room);
  const char *fault = r->ini->look(r->ini->user, &l);
  if (fault) r->ini->refused(r->ini->user, r->line, fault);
  if (fault || size > LINE_MOST || size + 2 > (size_t)room) size = 0; /* or a long comment */
  memcpy(out, line, size);
  memcpy(out + size, "\n", 2);
  return out;
}

bool ini_read(const struct ini *ini, const char *text, size_t size) {
  struct reading reading = {.ini = ini, .text = text, .size = size};
  if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) reading.at = 3; /* as Windows does */
  int r = ini_parse_stream(read_line, &reading, on_key, &reading);
  if (r > 0)
    ini->refused(ini->user, (unsigned)r, "this is no section, no key = value and no comment");
  return r >= 0;
}
