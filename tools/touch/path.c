/* SPDX-License-Identifier: MIT
 *
 * Blanks may stand before and behind a path, and in brackets; nowhere else.
 */
#include "tools/touch/path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/name.h"
#include "tools/base/object.h"
#include "tools/base/text.h"
#include "tools/touch/literal.h"

static void add_key(struct path *p, struct datum key, size_t end) {
  if (p->count == p->room) {
    p->room = p->room ? p->room * 2 : 8;
    p->keys = tool_resize(p->keys, p->room, sizeof *p->keys);
    p->ends = tool_resize(p->ends, p->room, sizeof *p->ends);
  }
  p->keys[p->count] = key;
  p->ends[p->count++] = end;
}

/* Bytes of a name without quotes. */
static size_t plain_bytes(const struct scan *s) {
  size_t n = 0;
  while (s->at + n < s->size && !strchr(".:[\"'()=, \t\r\n", s->text[s->at + n])) n++;
  return n;
}

static bool read_name(struct scan *s, struct path *p) {
  size_t start = s->at, n = plain_bytes(s);
  int c = scan_byte(s);
  struct datum name;
  if (c == '"' || c == '\'') {
    if (!literal_scan_string(s, &p->data, &name)) return false;
  } else if (n) {
    name = datum_string(&p->data, s->text + s->at, n);
    s->at += n;
  } else {
    return scan_fail(s, start, "a worker's name is missing");
  }
  const char *fault = name_fault(name.bytes, name.size);
  if (fault) return scan_fail(s, start, "a worker's name %s", fault);
  p->worker = name.bytes;
  return true;
}

static bool read_id(struct scan *s, struct path *p) {
  size_t start = ++s->at, n = object_read_id(s->text + start, s->size - start, &p->id);
  s->at += n;
  if (n && !p->id)
    return scan_fail(s, start, "no object has such an id; they count up from 1");
  if (!n)
    return scan_fail(s, start, "behind ':' stands the id of an object, a number; "
                               "`gaijinctl tokens` lists them");
  p->has_id = true;
  return true;
}

static bool read_field(struct scan *s, struct path *p) {
  size_t n;
  s->at++;
  if (!(n = scan_word(s)))
    return scan_fail(s, s->at, "behind '.' stands a key like in Lua; others are written [\"...\"]");
  struct datum key = datum_string(&p->data, s->text + s->at, n);
  s->at += n;
  add_key(p, key, s->at);
  return true;
}

static bool read_brackets(struct scan *s, struct path *p) {
  struct datum key;
  size_t start = ++s->at;
  if (!literal_scan(s, &p->data, &key)) return false;
  if (key.type == DATUM_NIL || key.type == DATUM_TABLE ||
      (key.type == DATUM_NUMBER && isnan(key.number)))
    return scan_fail(s, start, "a key is a text in quotes, a number, true or false");
  if (scan_peek(s) < 0) return scan_fail_end(s, "']' is missing behind the key");
  if (!scan_take(s, ']')) return scan_fail(s, s->at, "']' is missing behind the key");
  add_key(p, key, s->at);
  return true;
}

/* What follows the worker's name. */
static bool read_rest(struct scan *s, struct path *p) {
  int c;
  if (scan_byte(s) == ':' && !read_id(s, p)) return false;
  p->head_end = s->at;
  for (;;) {
    c = scan_byte(s);
    if (c == '.' ? !read_field(s, p) : c == '[' ? !read_brackets(s, p) : false) return false;
    if (c != '.' && c != '[') break;
  }
  const struct datum *label = p->count && !p->has_id ? &p->keys[0] : NULL;
  if (label && label->type != DATUM_STRING && label->type != DATUM_NUMBER)
    return scan_fail(s, p->ends[0], "a label is a text or a number");
  return true;
}

bool path_scan_in(struct scan *s, const char *current, struct path *p) {
  scan_peek(s);
  size_t n = scan_word(s);
  if (!current || !n || (s->at + n < s->size && s->text[s->at + n] == ':'))
    return path_scan(s, current, p);
  *p = (struct path){.worker = current};
  s->at += n;
  add_key(p, datum_string(&p->data, s->text + s->at - n, n), s->at);
  return read_rest(s, p);
}

bool path_scan(struct scan *s, const char *current, struct path *p) {
  *p = (struct path){.worker = current};
  int c = scan_peek(s);
  bool is_relative = c == '.' || c == ':' || c == '[';
  if (is_relative && !current)
    return scan_fail(s, s->at, "a path begins with the name of a worker");
  if (!is_relative && !read_name(s, p)) return false;
  return read_rest(s, p);
}

bool path_parse(struct scan *s, const char *current, struct path *p) {
  if (!path_scan(s, current, p)) return false;
  int c = scan_peek(s);
  if (c < 0) return true;
  if (c == ':')
    return scan_fail(s, s->at, "an id stands right behind the worker's name");
  return scan_fail(s, s->at, "a path goes on with .key or [key]");
}

void path_deinit(struct path *p) {
  free(p->keys);
  free(p->ends);
  data_deinit(&p->data);
  *p = (struct path){0};
}
