/* SPDX-License-Identifier: MIT
 *
 * The answers are kept, because the labels' bytes are theirs; the labels that
 * belong to tokens are in one array, sorted by worker, token and label.
 */
#include "tools/ask/exposed.h"

#include <stdlib.h>
#include <string.h>

struct asked {
  char *name;
  size_t size;
  gaijin_body *body; /* its answer; NULL: none came */
  bool late;
};

struct label {
  size_t worker;
  uint64_t token;
  struct gaijin_value label; /* NIL: before all labels of the token */
};

struct exposed {
  struct asked *workers;
  size_t n_workers, workers_room, last; /* last: the worker that was noted last */
  struct label *labels;
  size_t n_labels, labels_room;
};

struct exposed *exposed_new(void) { return tool_alloc(1, sizeof(struct exposed)); }

void exposed_free(struct exposed *e) {
  for (size_t i = 0; i < e->n_workers; i++) {
    free(e->workers[i].name);
    gaijin_body_free(e->workers[i].body);
  }
  free(e->workers);
  free(e->labels);
  free(e);
}

static bool is_named(const struct asked *w, const char *name, size_t size) {
  return w->size == size && memcmp(w->name, name, size) == 0;
}

size_t exposed_worker(struct exposed *e, const char *name, size_t size) {
  /* Tokens of one worker often follow each other. */
  if (e->n_workers && is_named(&e->workers[e->last], name, size)) return e->last;
  for (e->last = 0; e->last < e->n_workers; e->last++)
    if (is_named(&e->workers[e->last], name, size)) return e->last;
  e->workers = tool_grow(e->workers, e->n_workers, &e->workers_room, sizeof *e->workers);
  e->workers[e->n_workers++] = (struct asked){.name = tool_copy(name, size), .size = size};
  return e->last;
}

/* ---- Asking ---- */

/* Label, kind, token, and again. */
static void read_labels(struct exposed *e, size_t worker, gaijin_body *b) {
  struct gaijin_value label, kind, token;
  while (gaijin_body_next(b, &label) && gaijin_body_next(b, &kind) && gaijin_body_next(b, &token)) {
    if (token.type != GAIJIN_NUMBER || !token.is_uint) continue;
    e->labels = tool_grow(e->labels, e->n_labels, &e->labels_room, sizeof *e->labels);
    e->labels[e->n_labels++] = (struct label){
        .worker = worker, .token = token.integer, .label = label};
  }
}

/* nil, numbers, strings. */
static int compare_labels(const struct gaijin_value *a, const struct gaijin_value *b) {
  if (a->type != b->type) return a->type < b->type ? -1 : 1;
  if (a->type != GAIJIN_STRING) return a->number < b->number ? -1 : a->number > b->number;
  int order = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);
  return order ? order : a->size < b->size ? -1 : a->size > b->size;
}

static int compare(const void *x, const void *y) {
  const struct label *a = x, *b = y;
  if (a->worker != b->worker) return a->worker < b->worker ? -1 : 1;
  if (a->token != b->token) return a->token < b->token ? -1 : 1;
  return compare_labels(&a->label, &b->label);
}

void exposed_ask(struct exposed *e, struct observer *o) {
  char **names = tool_alloc(e->n_workers, sizeof *names);
  struct observe_heard *heard = tool_alloc(e->n_workers, sizeof *heard);
  for (size_t i = 0; i < e->n_workers; i++) names[i] = e->workers[i].name;
  struct observe_each each = {.op = GAIJIN_OP_LABELS,
                              .about = "labels of ",
                              .names = names,
                              .count = e->n_workers,
                              .seconds = EXPOSED_SECONDS};
  observe_ask_each(o, &each, heard);
  for (size_t i = 0; i < e->n_workers; i++) {
    e->workers[i].body = heard[i].body;
    e->workers[i].late = heard[i].late;
    if (heard[i].body) read_labels(e, i, heard[i].body);
  }
  free(heard);
  free(names);
  if (e->n_labels) qsort(e->labels, e->n_labels, sizeof *e->labels, compare);
}

/* ---- Showing ---- */

/* The first label of the token or of a later one. */
static size_t first_label(const struct exposed *e, size_t worker, uint64_t token) {
  struct label wanted = {.worker = worker, .token = token, .label.type = GAIJIN_NIL};
  size_t low = 0, high = e->n_labels;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare(&e->labels[middle], &wanted) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

const char *exposed_name(const struct exposed *e, size_t worker) { return e->workers[worker].name; }

bool exposed_is_late(const struct exposed *e, size_t worker) { return e->workers[worker].late; }

/* Whether there is a label i, which is of this token. */
static bool is_label_of(const struct exposed *e, size_t i, size_t worker, uint64_t token) {
  return i < e->n_labels && e->labels[i].worker == worker && e->labels[i].token == token;
}

void exposed_show(const struct exposed *e, size_t worker, uint64_t token, struct show *s) {
  if (!e->workers[worker].body) {
    show_nil(s);
    return;
  }
  show_list_begin(s);
  for (size_t i = first_label(e, worker, token); is_label_of(e, i, worker, token); i++)
    show_list_value(s, &e->labels[i].label);
  show_list_end(s);
}

size_t exposed_texts(const struct exposed *e, size_t worker, uint64_t token, size_t most,
                     struct text *out) {
  size_t first = first_label(e, worker, token), i = first;
  for (; is_label_of(e, i, worker, token); i++) {
    const struct gaijin_value *v = &e->labels[i].label;
    if (i - first >= most) continue;
    if (v->type != GAIJIN_STRING)
      text_add_number(out, v->number);
    else if (memchr(v->bytes, 0, v->size))
      text_add_plain(out, v->bytes, v->size);
    else
      text_add(out, v->bytes, v->size);
    text_add(out, "", 1);
  }
  return i - first;
}
