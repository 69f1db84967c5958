/* SPDX-License-Identifier: MIT
 *
 * Reading.
 */
#include "tools/top/model/sample.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/text.h"

enum { CLIENT_COLUMNS = 16, LOAD_COLUMNS = 5 };

void sample_deinit(struct sample *s) {
  for (size_t i = 0; i < s->n_workers; i++) free(s->workers[i].name);
  free(s->workers);
  stats_deinit(&s->stats);
  *s = (struct sample){0};
}

static struct worker *add_worker(struct sample *s) {
  s->workers = tool_grow(s->workers, s->n_workers, &s->room, sizeof *s->workers);
  s->workers[s->n_workers] = (struct worker){0};
  return &s->workers[s->n_workers++];
}

static bool read_uint(struct observer *o, gaijin_body *b, uint64_t *out) {
  struct gaijin_value v;
  if (!observe_value(o, b, "top", &v)) return false;
  *out = v.type == GAIJIN_NUMBER && v.is_uint ? v.integer : 0;
  return true;
}

static bool read_bool(struct observer *o, gaijin_body *b, bool *out) {
  struct gaijin_value v;
  if (!observe_value(o, b, "top", &v)) return false;
  *out = v.type == GAIJIN_BOOL && v.boolean;
  return true;
}

static bool read_name(struct observer *o, gaijin_body *b, char **out) {
  struct gaijin_value v;
  if (!observe_value(o, b, "top", &v)) return false;
  bool is_text = v.type == GAIJIN_STRING;
  *out = tool_copy(is_text ? v.bytes : "", is_text ? v.size : 0);
  return true;
}

static bool read_client(struct observer *o, gaijin_body *b, void *user) {
  struct worker *w = add_worker(user);
  struct gaijin_value uptime;
  uint64_t bytes, waits;
  if (!read_name(o, b, &w->name) || !read_uint(o, b, &w->host) || !read_uint(o, b, &w->pid) ||
      !read_uint(o, b, &w->uid) || !observe_value(o, b, "top", &uptime))
    return false;
  w->uptime = uptime.type == GAIJIN_NUMBER ? uptime.number : 0;
  return read_uint(o, b, &w->exports) && read_uint(o, b, &w->holds) &&
         read_uint(o, b, &w->in_flight) && read_uint(o, b, &w->queued) &&
         read_uint(o, b, &w->in) && read_uint(o, b, &w->out) && read_bool(o, b, &w->ready) &&
         read_bool(o, b, &w->answering) && read_uint(o, b, &bytes) && read_uint(o, b, &waits) &&
         read_uint(o, b, &w->refused);
}

struct observe_book sample_book_clients(struct sample *s) {
  return (struct observe_book){
      .what = "clients", .columns = CLIENT_COLUMNS, .row = read_client, .user = s};
}

static double fullness(uint64_t held, uint64_t allowance) {
  return (double)held / (double)(allowance ? allowance : 1);
}

static bool read_load(struct observer *o, gaijin_body *b, void *user) {
  struct gaijin_value host, holder;
  uint64_t held, shadow, allowance;
  if (!observe_value(o, b, "top", &host) || !observe_value(o, b, "top", &holder) ||
      !read_uint(o, b, &held) || !read_uint(o, b, &shadow) || !read_uint(o, b, &allowance))
    return false;
  if (holder.type != GAIJIN_STRING) return true;
  char *name = tool_copy(holder.bytes, holder.size);
  struct worker *w = sample_find(user, name, 0);
  free(name);
  if (!w || (w->has_load && fullness(held, allowance) <= fullness(w->held, w->allowance)))
    return true;
  w->has_load = true;
  w->held = held;
  w->allowance = allowance;
  return true;
}

struct observe_book sample_book_loads(struct sample *s) {
  return (struct observe_book){
      .what = "loads", .columns = LOAD_COLUMNS, .row = read_load, .user = s};
}

/* ---- Order ---- */

static int compare_workers(const void *x, const void *y) {
  const struct worker *a = x, *b = y;
  int order = strcmp(a->name, b->name);
  return order ? order : (a->host > b->host) - (a->host < b->host);
}

/* What has no name comes first. */
static int compare_names(const char *a, const char *b) {
  if (!a || !b) return (a != NULL) - (b != NULL);
  return strcmp(a, b);
}

static int compare_ops(const void *x, const void *y) {
  const struct stats_op *a = x, *b = y;
  return compare_names(a->op, b->op);
}

static int compare_pairs(const void *x, const void *y) {
  const struct stats_pair *a = x, *b = y;
  int order = compare_names(a->asker, b->asker);
  return order ? order : compare_names(a->host, b->host);
}

void sample_sort(struct sample *s) {
  struct stats *t = &s->stats;
  if (s->n_workers) qsort(s->workers, s->n_workers, sizeof *s->workers, compare_workers);
  if (t->n_ops) qsort(t->ops, t->n_ops, sizeof *t->ops, compare_ops);
  if (t->n_pairs) qsort(t->pairs, t->n_pairs, sizeof *t->pairs, compare_pairs);
}

struct worker *sample_find(const struct sample *s, const char *name, uint64_t host) {
  size_t low = 0, high = s->n_workers;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(s->workers[middle].name, name);
    if (order < 0 || (order == 0 && s->workers[middle].host < host))
      low = middle + 1;
    else
      high = middle;
  }
  struct worker *w = low < s->n_workers ? &s->workers[low] : NULL;
  return w && strcmp(w->name, name) == 0 && (!host || w->host == host) ? w : NULL;
}

/* ---- Columns ---- */

/* The first of each page; the last page goes to the end. */
static const char *const first_columns[SAMPLE_PAGES] = {"worker", "host", "operation"};

static size_t place_of(const struct column *all, size_t n, const char *name) {
  size_t i = 0;
  while (i < n && strcmp(all[i].name, name) != 0) i++;
  assert(i < n); /* commands.def has it */
  return i;
}

const struct column *sample_columns(enum sample_page page, size_t *count) {
  size_t n;
  const struct column *all = command_columns(COMMAND_top, &n);
  size_t first = place_of(all, n, first_columns[page]);
  size_t end = page + 1 < SAMPLE_PAGES ? place_of(all, n, first_columns[page + 1]) : n;
  *count = end - first;
  return all + first;
}
