/* SPDX-License-Identifier: MIT
 *
 * The word is what stands behind the last byte that no path has. Up to its last '.' it is a path,
 * which is looked up; what follows is the begin of a key.
 */
#include "tools/cmd/touch/repl_complete.h"

#include <stdlib.h>
#include <string.h>

#include "tools/touch/scan.h"
#include "tools/touch/wire.h"

#define COMPLETE_SECONDS 1.0
enum { WORDS_MOST = 200 };

struct completion {
  struct ask *ask; /* quiet */
  const char *begin; /* of the key or name */
  size_t size;
  struct text *out;
  unsigned count;
};

/* Adds a text that could be typed as it is, and begins right. */
static void offer(struct completion *c, const struct datum *v) {
  if (v->type != DATUM_STRING || v->size < c->size || c->count == WORDS_MOST) return;
  struct scan s = {.text = v->bytes, .size = v->size};
  if (scan_word(&s) != v->size || memcmp(v->bytes, c->begin, c->size) != 0) return;
  if (c->count++) text_add(c->out, "\n", 1);
  text_add(c->out, v->bytes, v->size);
}

/* Every `step`-th value of an answer from `first` on. */
static void offer_answer(struct completion *c, uint32_t first, uint32_t step) {
  struct data d = {0};
  struct datum *values;
  uint32_t n;
  if (ask_values(c->ask, "", 0, ask_end(c->ask, "", 0), &d, &values, &n))
    for (uint32_t i = first; i < n; i += step) offer(c, &values[i]);
  free(values);
  data_deinit(&d);
}

static void offer_labels(struct completion *c, const char *worker) {
  ask_begin(c->ask, &(struct gaijin_send){.op = GAIJIN_OP_LABELS, .name = worker}, 0);
  offer_answer(c, 0, 3);
}

/* The first page: more nobody wants to read. */
static void offer_workers(struct completion *c) {
  struct gaijin_value v;
  ask_begin(c->ask, &(struct gaijin_send){.op = GAIJIN_OP_INSPECT}, 1);
  gaijin_put_text(c->ask->g, "clients");
  gaijin_body *b = ask_end(c->ask, "", 0);
  struct data d = {0};
  while (b && gaijin_body_next(b, &v)) {
    if (v.type != GAIJIN_ARRAY || v.count == 0) continue;
    uint32_t left = v.count - 1;
    if (!gaijin_body_next(b, &v)) break;
    if (v.type == GAIJIN_STRING) {
      struct datum name = datum_string(&d, v.bytes, v.size);
      offer(c, &name);
    }
    for (; left && gaijin_body_next(b, &v); left--) continue;
  }
  gaijin_body_free(b);
  data_deinit(&d);
}

static void offer_keys(struct completion *c, const struct path *p, const char *text) {
  struct data d = {0};
  struct datum v;
  if (ask_resolve(c->ask, p, text, p->count, &d, &v)) {
    if (v.type == DATUM_TABLE) {
      const struct datum_table *t = datum_table_at(&d, &v);
      for (uint32_t i = 0; i < t->count; i++) offer(c, &t->entries[i].key);
    } else if (v.type == DATUM_REFERENCE) {
      struct gaijin_send send = {.op = GAIJIN_OP_PAIRS,
                                 .holding = datum_reference_at(&d, &v)->holding};
      ask_begin(c->ask, &send, 0);
      offer_answer(c, 1, 2);
    }
  }
  data_deinit(&d);
}

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Workers tell their labels and keys in no order; people look for one. */
static void sort_words(const struct text *words, struct text *out) {
  char *copy = tool_copy(words->bytes, words->size), *rest = copy, *sorted[WORDS_MOST] = {0};
  size_t count = 0;
  for (char *word; count < WORDS_MOST && (word = strsep(&rest, "\n"));) sorted[count++] = word;
  qsort(sorted, count, sizeof *sorted, by_bytes);
  for (size_t i = 0; i < count; i++) {
    if (i) text_add(out, "\n", 1);
    text_add(out, sorted[i], strlen(sorted[i]));
  }
  free(copy);
}

static void find_words(struct ask *a, const char *current, const char *text, size_t size,
                       size_t *from, struct text *out) {
  struct ask quiet = *a;
  struct completion c = {.ask = &quiet, .out = out};
  size_t start = size, dot;
  quiet.quiet = true;
  quiet.seconds = COMPLETE_SECONDS;
  while (start > 0 && !strchr(" \t=(,#!{}", text[start - 1])) start--;
  for (dot = size; dot > start && text[dot - 1] != '.'; dot--) continue;
  *from = dot > start ? dot : start;
  c.begin = text + *from;
  c.size = size - *from;
  if (dot == start) {
    if (current) offer_labels(&c, current);
    if (!current || c.count == 0) offer_workers(&c);
    return;
  }
  char *path_text = tool_copy(text + start, dot - 1 - start);
  struct path p;
  struct scan s = scan_of(path_text);
  if (!*path_text && current)
    offer_labels(&c, current);
  else if (path_scan_in(&s, current, &p) && scan_peek(&s) < 0 && !p.count && !p.has_id)
    offer_labels(&c, p.worker);
  else if (!s.failed && scan_peek(&s) < 0)
    offer_keys(&c, &p, path_text);
  if (*path_text) path_deinit(&p);
  free(path_text);
}

void repl_complete(struct ask *a, const char *current, const char *text, size_t size,
                   size_t *from, struct text *out) {
  struct text words = {0};
  find_words(a, current, text, size, from, &words);
  if (words.size) sort_words(&words, out);
  text_deinit(&words);
}
