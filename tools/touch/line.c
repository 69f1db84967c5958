/* SPDX-License-Identifier: MIT
 *
 * The words help, pairs, quit, exit and use are no labels here; ["use"] is one.
 */
#include "tools/touch/line.h"

#include <string.h>

#include "tools/touch/literal.h"

static bool is_word(const struct scan *s, size_t n, const char *word) {
  return strlen(word) == n && memcmp(s->text + s->at, word, n) == 0;
}

/* Takes the word if it is the next, with nothing behind it that would make it part of a path. */
static bool take_word(struct scan *s, const char *word) {
  scan_peek(s);
  size_t n = scan_word(s);
  char after = s->at + n < s->size ? s->text[s->at + n] : ' ';
  if (!is_word(s, n, word) || !strchr(" \t\r\n", after)) return false;
  s->at += n;
  return true;
}

static bool at_end(struct scan *s) {
  return scan_peek(s) < 0 || scan_fail(s, s->at, "something stands behind the end");
}

static bool read_path(struct scan *s, const char *current, struct line *l) {
  scan_peek(s);
  size_t start = s->at;
  if (!path_scan_in(s, current, &l->path)) return false;
  /* What is told of it later speaks of its own text. */
  l->text = datum_string(&l->data, s->text + start, s->at - start).bytes;
  l->path.head_end -= start < l->path.head_end ? start : l->path.head_end;
  for (size_t i = 0; i < l->path.count; i++) l->path.ends[i] -= start;
  return true;
}

static bool read_value(struct scan *s, struct line *l) {
  if (l->count == LINE_VALUES) return scan_fail(s, s->at, "more than %d values", LINE_VALUES);
  return literal_scan(s, &l->data, &l->values[l->count++]);
}

static bool read_arguments(struct scan *s, struct line *l) {
  l->kind = LINE_CALL;
  s->at++;
  if (scan_take(s, ')')) return at_end(s);
  do
    if (!read_value(s, l)) return false;
  while (scan_take(s, ','));
  if (scan_peek(s) < 0) return scan_fail_end(s, "')' is missing");
  return scan_take(s, ')') ? at_end(s) : scan_fail(s, s->at, "',' or ')' is missing");
}

static bool read_use(struct scan *s, struct line *l) {
  l->kind = LINE_USE;
  if (scan_peek(s) < 0) return true;
  size_t start = s->at;
  if (!path_scan(s, NULL, &l->path) || !at_end(s)) return false;
  if (l->path.count || l->path.has_id) return scan_fail(s, start, "use takes a worker's name");
  return true;
}

static bool read_code(struct scan *s, struct line *l) {
  l->kind = LINE_EVAL;
  s->at++;
  l->text = datum_string(&l->data, s->text + s->at, s->size - s->at).bytes;
  s->at = s->size;
  return true;
}

/* A path, and what is to be done with it. */
static bool read_statement(struct scan *s, const char *current, struct line *l) {
  if (!read_path(s, current, l)) return false;
  switch (scan_peek(s)) {
    case '(': return read_arguments(s, l);
    case '=':
      l->kind = LINE_SET;
      s->at++;
      return read_value(s, l) && at_end(s);
    case -1:
      l->kind = l->path.count || l->path.has_id ? LINE_GET : LINE_PAIRS;
      return true;
    default: return scan_fail(s, s->at, "a path goes on with .key, [key], (values) or = value");
  }
}

bool line_parse(struct scan *s, const char *current, struct line *l) {
  *l = (struct line){.kind = LINE_EMPTY, .text = ""};
  int c = scan_peek(s);
  if (c < 0) return true;
  if (c == '!') return read_code(s, l);
  if (take_word(s, "help")) {
    l->kind = LINE_HELP;
    return at_end(s);
  }
  if (take_word(s, "quit") || take_word(s, "exit")) {
    l->kind = LINE_QUIT;
    return at_end(s);
  }
  if (take_word(s, "use")) return read_use(s, l);
  if (c == '#' || take_word(s, "pairs")) {
    l->kind = c == '#' ? LINE_LEN : LINE_PAIRS;
    if (c == '#') s->at++;
    return read_path(s, current, l) && at_end(s);
  }
  return read_statement(s, current, l);
}

void line_deinit(struct line *l) {
  path_deinit(&l->path);
  data_deinit(&l->data);
  *l = (struct line){0};
}
