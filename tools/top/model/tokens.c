/* SPDX-License-Identifier: MIT
 *
 * Twice as many as are kept are gathered, then sorted and cut: each token costs a comparison or so.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* qsort_r, strverscmp */
#endif
#include "tools/top/model/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "tools/top/model/number.h"
#include "tools/top/model/sample.h"

/* Of a row; bytes that are kept of holders' names, and of labels. */
enum { VALUES = 6, NAMES_MOST = 200 };

static void token_free(struct token *one) {
  free(one->host);
  free(one->holders);
  free(one->labels);
}

void tokens_deinit(struct tokens *t) {
  for (size_t i = 0; i < t->count; i++) token_free(&t->kept[i]);
  free(t->kept);
  t->kept = NULL;
  t->count = 0;
  t->seen = t->fit = 0;
}

/* ---- Order ---- */

static int compare_numbers(double a, double b) { return (a > b) - (a < b); }

static int compare_keys(const struct token *a, const struct token *b) {
  int order = strverscmp(a->host, b->host);
  return order ? order : (a->id > b->id) - (a->id < b->id);
}

static int compare(const void *x, const void *y, void *user) {
  const struct token *a = x, *b = y;
  const struct tokens *t = user;
  int order = 0;
  switch (t->by) {
    case TOKENS_ID: order = compare_numbers((double)a->id, (double)b->id); break;
    case TOKENS_KIND: order = strcmp(a->kind, b->kind); break;
    case TOKENS_AGE: order = compare_numbers(a->age, b->age); break;
    case TOKENS_HOLDERS: order = compare_numbers((double)a->n_holders, (double)b->n_holders); break;
    case TOKENS_COPIES: order = compare_numbers((double)a->copies, (double)b->copies); break;
    case TOKENS_DEAD: order = a->is_dead - b->is_dead; break;
    case TOKENS_HOST:
    case TOKENS_LABELS: order = compare_keys(a, b); break;
  }
  if (t->downwards) order = -order;
  return order ? order : compare_keys(a, b);
}

void tokens_end(struct tokens *t) {
  if (t->count) qsort_r(t->kept, t->count, sizeof *t->kept, compare, t);
  while (t->count > TOKENS_KEPT) token_free(&t->kept[--t->count]);
}

static bool fits(const struct tokens *t, const struct token *one) {
  char key[128];
  if (!t->filter || !*t->filter) return true;
  int n = snprintf(key, sizeof key, "%s:%llu", one->host, (unsigned long long)one->id);
  return grid_has(key, n < (int)sizeof key ? (size_t)n : sizeof key - 1, t->filter) ||
         grid_has(one->kind, strlen(one->kind), t->filter) ||
         grid_has(one->holders, strlen(one->holders), t->filter);
}

void tokens_put(struct tokens *t, struct token *one) {
  t->seen++;
  if (!fits(t, one)) {
    token_free(one);
    return;
  }
  t->fit++;
  if (!t->kept) t->kept = tool_alloc(2 * TOKENS_KEPT, sizeof *t->kept);
  /* Sorted so far up to TOKENS_KEPT: what comes behind the last of these is not wanted. */
  bool is_behind = t->count >= TOKENS_KEPT && t->fit > 2 * TOKENS_KEPT &&
                   compare(one, &t->kept[TOKENS_KEPT - 1], t) > 0;
  if (is_behind) {
    token_free(one);
    return;
  }
  t->kept[t->count++] = *one;
  if (t->count == 2 * TOKENS_KEPT) tokens_end(t);
}

/* ---- Reading ---- */

static bool read_holders(struct observer *o, gaijin_body *b, struct token *one) {
  struct gaijin_value list, name, count;
  struct text names = {0};
  bool good = observe_value(o, b, "tokens", &list);
  for (uint32_t i = 0; good && i + 1 < list.count; i += 2) {
    good = observe_value(o, b, "tokens", &name) && observe_value(o, b, "tokens", &count);
    if (!good) break;
    bool is_text = name.type == GAIJIN_STRING;
    bool is_rest = is_text && name.size == 3 && memcmp(name.bytes, "...", 3) == 0;
    one->n_holders += is_rest ? count.integer : 1;
    if (!is_rest) one->copies += count.integer;
    if (names.size > NAMES_MOST || !is_text) continue;
    if (names.size) text_add(&names, "\n", 1); /* no name has one */
    text_add(&names, name.bytes, name.size);
  }
  one->holders = tool_copy(names.bytes, names.size);
  text_deinit(&names);
  return good;
}

static bool read_token(struct observer *o, gaijin_body *b, void *user) {
  struct gaijin_value host, id, kind, age, dead;
  struct token one = {0};
  if (!observe_value(o, b, "tokens", &host) || !observe_value(o, b, "tokens", &id) ||
      !observe_value(o, b, "tokens", &kind) || !observe_value(o, b, "tokens", &age) ||
      !observe_value(o, b, "tokens", &dead))
    return false;
  bool is_named = host.type == GAIJIN_STRING, is_kind = kind.type == GAIJIN_STRING;
  one.host = tool_copy(is_named ? host.bytes : "?", is_named ? host.size : 1);
  one.id = id.integer;
  snprintf(one.kind, sizeof one.kind, "%.*s", is_kind ? (int)kind.size : 1,
           is_kind ? kind.bytes : "?");
  one.age = age.type == GAIJIN_NUMBER ? age.number : 0;
  one.is_dead = dead.type == GAIJIN_BOOL && dead.boolean;
  bool good = read_holders(o, b, &one);
  if (good)
    tokens_put(user, &one);
  else
    token_free(&one);
  return good;
}

struct observe_book tokens_book(struct tokens *t) {
  return (struct observe_book){
      .what = "tokens", .columns = VALUES, .host = t->host, .row = read_token, .user = t};
}

/* ---- Labels ---- */

/* A label that is a number is shown as one. */
static void add_label(struct token *one, const struct gaijin_value *label) {
  struct text t = {0};
  if (one->labels) text_add(&t, one->labels, strlen(one->labels));
  if (t.size <= NAMES_MOST) {
    if (t.size) text_add(&t, ", ", 2);
    if (label->type == GAIJIN_STRING)
      text_add_plain(&t, label->bytes, label->size > NAMES_MOST ? NAMES_MOST : label->size);
    else if (label->type == GAIJIN_NUMBER)
      text_add_number(&t, label->number);
  }
  free(one->labels);
  one->labels = tool_copy(t.bytes, t.size);
  text_deinit(&t);
}

static int compare_places(const void *x, const void *y) {
  const struct token *const *a = x, *const *b = y;
  return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

void tokens_label(struct tokens *t, const char *host, gaijin_body *answer) {
  struct token **places = tool_alloc(t->count, sizeof *places);
  size_t n = 0;
  for (size_t i = 0; i < t->count; i++) {
    struct token *one = &t->kept[i];
    if (one->is_dead || strcmp(one->host, host) != 0) continue;
    free(one->labels);
    one->labels = tool_copy("", 0);
    places[n++] = one;
  }
  qsort(places, n, sizeof *places, compare_places);
  struct gaijin_value label, kind, id;
  while (n && gaijin_body_next(answer, &label) && gaijin_body_next(answer, &kind) &&
         gaijin_body_next(answer, &id)) {
    struct token wanted = {.id = id.integer}, *key = &wanted;
    if (id.type != GAIJIN_NUMBER) continue;
    struct token **found = bsearch(&key, places, n, sizeof *places, compare_places);
    if (found) add_label(*found, &label);
  }
  free(places);
}

/* ---- Rows ---- */

/* Names with commas between. */
static void put_holders(struct grid *g, const struct token *one) {
  struct text t = {0};
  for (const char *at = one->holders; *at;) {
    size_t size = strcspn(at, "\n");
    if (t.size) text_add(&t, ", ", 2);
    text_add(&t, at, size);
    at += size + (at[size] == '\n');
  }
  grid_text_number(g, t.bytes ? t.bytes : "", t.size, (double)one->n_holders);
  text_deinit(&t);
}

void tokens_rows(struct grid *g, const struct tokens *t) {
  size_t columns;
  const struct column *first = sample_columns(SAMPLE_TOKENS, &columns);
  grid_begin(g, first, columns);
  for (size_t i = 0; i < t->count; i++) {
    const struct token *one = &t->kept[i];
    grid_row(g, (struct grid_key){grid_hash(one->host), one->id},
             one->is_dead ? GRID_DIM : GRID_PLAIN);
    grid_text(g, one->host, strlen(one->host));
    grid_number(g, (double)one->id, number_whole);
    grid_text(g, one->kind, strlen(one->kind));
    grid_number(g, one->age, number_age);
    put_holders(g, one);
    grid_number(g, (double)one->copies, number_count);
    if (one->labels && *one->labels)
      grid_text(g, one->labels, strlen(one->labels));
    else
      grid_nil(g);
    grid_text(g, one->is_dead ? "yes" : "no", one->is_dead ? 3 : 2);
  }
}
