/* SPDX-License-Identifier: MIT
 *
 * Nodes are found by a hash of what makes them one. To fold a worker further its nodes get new
 * hashes, and those that are equal then are merged.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strverscmp */
#endif
#include "tools/graph/fold.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"

void fold_init(struct fold *f, uint32_t most) {
  assert(most > 0);
  *f = (struct fold){.most = most, .heads_room = 64};
  f->nodes = tool_alloc((size_t)most + FOLD_BEYOND, sizeof *f->nodes);
  while (f->heads_room < most) f->heads_room *= 2;
  f->heads = tool_alloc(f->heads_room, sizeof *f->heads);
}

static void end_node(struct fold_node *n) {
  text_deinit(&n->labels);
  free(n->holds);
  free(n->said);
  free(n->said_json);
}

void fold_deinit(struct fold *f) {
  for (uint32_t i = 0; i < f->n_workers; i++) free(f->workers[i].name);
  for (uint32_t i = 0; i < f->n_nodes; i++) end_node(&f->nodes[i]);
  free(f->workers);
  free(f->by_name);
  free(f->nodes);
  free(f->heads);
  *f = (struct fold){0};
}

/* ---- Workers ---- */

/* The place of a worker in the table, or that where it belongs. */
static uint32_t *place(const struct fold *f, const char *name, size_t size, bool is_dead) {
  uint32_t mask = f->by_name_room - 1, i = (uint32_t)text_hash(is_dead, name, size) & mask;
  for (; f->by_name[i]; i = (i + 1) & mask) {
    const struct fold_worker *w = &f->workers[f->by_name[i] - 1];
    if (w->is_dead == is_dead && strlen(w->name) == size && memcmp(w->name, name, size) == 0) break;
  }
  return &f->by_name[i];
}

static void make_room(struct fold *f) {
  if (f->n_workers < f->workers_room) return;
  f->workers_room = f->workers_room ? f->workers_room * 2 : 16;
  f->workers = tool_resize(f->workers, f->workers_room, sizeof *f->workers);
  free(f->by_name);
  f->by_name_room = f->workers_room * 2;
  f->by_name = tool_alloc(f->by_name_room, sizeof *f->by_name);
  for (uint32_t i = 0; i < f->n_workers; i++) {
    const struct fold_worker *w = &f->workers[i];
    *place(f, w->name, strlen(w->name), w->is_dead) = i + 1;
  }
}

uint32_t fold_worker(struct fold *f, const char *name, size_t size, bool is_dead) {
  const char *end = memchr(name, 0, size); /* no name has a 0 */
  if (end) size = (size_t)(end - name);
  make_room(f);
  uint32_t *at = place(f, name, size, is_dead);
  if (*at) return *at - 1;
  f->workers[f->n_workers] =
      (struct fold_worker){.name = tool_copy(name, size), .is_dead = is_dead};
  *at = ++f->n_workers;
  return *at - 1;
}

/* ---- Which objects are one node ---- */

/* By what a node of its host is told from the others; `key` NULL is the node of those beyond. */
static uint64_t hash_of(const struct fold *f, const struct fold_node *n) {
  if (n->host == FOLD_NOBODY) return mix64(n->is_dead + 1);
  enum fold_step step = f->workers[n->host].step;
  uint64_t h = mix64(n->host + 3);
  if (n->is_kept || step == FOLD_NOT || (step == FOLD_LABELLED && n->labelled))
    return mix64(h + n->id);
  if (step == FOLD_ALL) return h;
  h = mix64(h + (n->kind ? (unsigned char)n->kind[1] : 0)); /* the second letters differ */
  if (step == FOLD_KINDS) return h;
  for (uint32_t i = 0; i < n->n_holds; i++) h = mix64(h + n->holds[i].worker + 1);
  return mix64(h + (n->others > 0));
}

static bool have_same_holders(const struct fold_node *a, const struct fold_node *b) {
  if (a->n_holds != b->n_holds || !a->others != !b->others) return false;
  for (uint32_t i = 0; i < a->n_holds; i++)
    if (a->holds[i].worker != b->holds[i].worker) return false;
  return true;
}

static bool are_one(const struct fold *f, const struct fold_node *a, const struct fold_node *b) {
  if (a->hash != b->hash || a->host != b->host || a->is_kept || b->is_kept) return false;
  if (a->host == FOLD_NOBODY) return a->is_dead == b->is_dead;
  enum fold_step step = f->workers[a->host].step;
  if (step == FOLD_ALL) return true;
  if (step == FOLD_NOT || a->kind != b->kind) return false;
  if (step == FOLD_KINDS) return true;
  return (step == FOLD_HOLDERS || (!a->labelled && !b->labelled)) && have_same_holders(a, b);
}

static struct fold_node *find_one(const struct fold *f, const struct fold_node *n) {
  for (uint32_t i = f->heads[n->hash & (f->heads_room - 1)]; i; i = f->nodes[i - 1].link)
    if (are_one(f, &f->nodes[i - 1], n)) return &f->nodes[i - 1];
  return NULL;
}

/* ---- Merging ---- */

static void add_labels(struct fold_node *to, const struct fold_node *from) {
  size_t have = 0;
  for (size_t i = 0; i < to->labels.size; i++) have += to->labels.bytes[i] == 0;
  const char *label = from->labels.bytes;
  for (; have < FOLD_LABELS && label && label < from->labels.bytes + from->labels.size;
       label += strlen(label) + 1, have++)
    text_add(&to->labels, label, strlen(label) + 1);
}

static void add_hold(struct fold_node *n, const struct fold_hold *h) {
  uint32_t low = 0, high = n->n_holds;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (n->holds[middle].worker < h->worker)
      low = middle + 1;
    else
      high = middle;
  }
  if (low < n->n_holds && n->holds[low].worker == h->worker) {
    n->holds[low].objects += h->objects;
    n->holds[low].count += h->count;
    n->holds[low].waiting += h->waiting;
    return;
  }
  if (n->n_holds == n->holds_room) {
    n->holds_room = n->holds_room ? n->holds_room * 2 : 2;
    n->holds = tool_resize(n->holds, n->holds_room, sizeof *n->holds);
  }
  memmove(n->holds + low + 1, n->holds + low, (n->n_holds - low) * sizeof *n->holds);
  n->holds[low] = *h;
  n->n_holds++;
}

/* `from` is empty then. */
static void merge(struct fold_node *to, struct fold_node *from) {
  if (to->kind != from->kind) to->kind = NULL;
  to->objects += from->objects;
  to->labelled += from->labelled;
  if (from->oldest_s > to->oldest_s) to->oldest_s = from->oldest_s;
  to->others += from->others;
  add_labels(to, from);
  for (uint32_t i = 0; i < from->n_holds; i++) add_hold(to, &from->holds[i]);
  end_node(from);
}

static void list(struct fold *f, uint32_t i) {
  struct fold_node *n = &f->nodes[i];
  uint32_t *head = &f->heads[n->hash & (f->heads_room - 1)];
  n->link = *head;
  *head = i + 1;
}

/* All nodes get the hashes they have now, and those that are one are merged. */
static void merge_all(struct fold *f) {
  uint32_t all = f->n_nodes;
  memset(f->heads, 0, f->heads_room * sizeof *f->heads);
  for (uint32_t i = 0; i < f->n_workers; i++) f->workers[i].nodes = 0;
  f->n_nodes = 0;
  for (uint32_t i = 0; i < all; i++) {
    struct fold_node n = f->nodes[i];
    if (n.host != FOLD_NOBODY && f->workers[n.host].is_rest && !n.is_kept) {
      n.host = FOLD_NOBODY;
      n.kind = NULL;
    }
    n.hash = hash_of(f, &n);
    struct fold_node *one = find_one(f, &n);
    if (one) {
      merge(one, &n);
      continue;
    }
    f->nodes[f->n_nodes] = n;
    list(f, f->n_nodes++);
    if (n.host != FOLD_NOBODY) f->workers[n.host].nodes++;
  }
}

/* One step less of detail where most of it is; false: there is no less. */
static bool fold_further(struct fold *f) {
  struct fold_worker *most = NULL, *least = NULL;
  for (uint32_t i = 0; i < f->n_workers; i++) {
    struct fold_worker *w = &f->workers[i];
    if (!w->nodes || w->is_rest) continue;
    if (w->step < FOLD_ALL && (!most || w->nodes > most->nodes)) most = w;
    if (!least || w->exports < least->exports) least = w;
  }
  if (!least) return false;
  /* Where each has one node there are too many workers. */
  if (most && most->nodes > 1)
    most->step++;
  else
    least->is_rest = true;
  merge_all(f);
  return true;
}

void fold_put(struct fold *f, const struct fold_object *o) {
  struct fold_worker *host = &f->workers[o->host];
  struct fold_node n = {.host = o->host,
                        .is_dead = host->is_dead,
                        .is_kept = o->is_kept,
                        .kind = o->kind,
                        .objects = 1,
                        .id = o->id,
                        .oldest_s = o->age_s,
                        .labelled = o->labels && o->labels->size,
                        .others = o->others};
  f->objects++;
  host->exports++;
  for (uint32_t i = 0; i < o->n_holds; i++) {
    add_hold(&n, &o->holds[i]);
    f->workers[o->holds[i].worker].holds++;
  }
  if (host->is_rest && !n.is_kept) {
    n.host = FOLD_NOBODY;
    n.kind = NULL;
  }
  if (n.labelled) text_add(&n.labels, o->labels->bytes, o->labels->size);
  n.hash = hash_of(f, &n);
  struct fold_node *one = find_one(f, &n);
  if (one) {
    merge(one, &n);
    return;
  }
  f->nodes[f->n_nodes] = n;
  list(f, f->n_nodes++);
  if (n.host != FOLD_NOBODY) host->nodes++;
  while (f->n_nodes > f->most && fold_further(f)) {
  }
}

/* ---- Order ---- */

struct named {
  struct fold_worker worker;
  uint32_t number;
};

static int compare_workers(const void *x, const void *y) {
  const struct named *a = x, *b = y;
  int order = strverscmp(a->worker.name, b->worker.name);
  return order ? order : a->worker.is_dead - b->worker.is_dead;
}

static int compare_holds(const void *x, const void *y) {
  const struct fold_hold *a = x, *b = y;
  return a->worker < b->worker ? -1 : a->worker > b->worker;
}

/* Gives workers the numbers that their names have in order. */
static void sort_workers(struct fold *f) {
  struct named *all = tool_alloc(f->n_workers, sizeof *all);
  uint32_t *places = tool_alloc(f->n_workers, sizeof *places);
  for (uint32_t i = 0; i < f->n_workers; i++) all[i] = (struct named){f->workers[i], i};
  if (f->n_workers) qsort(all, f->n_workers, sizeof *all, compare_workers);
  for (uint32_t i = 0; i < f->n_workers; i++) {
    f->workers[i] = all[i].worker;
    places[all[i].number] = i;
  }
  for (uint32_t i = 0; i < f->n_nodes; i++) {
    struct fold_node *n = &f->nodes[i];
    if (n->host != FOLD_NOBODY) n->host = places[n->host];
    for (uint32_t k = 0; k < n->n_holds; k++) n->holds[k].worker = places[n->holds[k].worker];
    if (n->n_holds) qsort(n->holds, n->n_holds, sizeof *n->holds, compare_holds);
  }
  free(places);
  free(all);
}

static int compare_numbers(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int compare_nodes(const void *x, const void *y) {
  const struct fold_node *a = x, *b = y;
  int order = compare_numbers(a->host, b->host);
  if (!order) order = (a->kind ? a->kind[1] : 0) - (b->kind ? b->kind[1] : 0);
  if (!order) order = compare_numbers(a->n_holds, b->n_holds);
  for (uint32_t i = 0; i < a->n_holds && !order; i++) {
    order = compare_numbers(a->holds[i].worker, b->holds[i].worker);
    if (!order) order = compare_numbers(a->holds[i].count, b->holds[i].count);
    if (!order) order = compare_numbers(a->holds[i].waiting, b->holds[i].waiting);
  }
  return order ? order : compare_numbers(a->id, b->id);
}

void fold_sort(struct fold *f) {
  sort_workers(f);
  if (f->n_nodes) qsort(f->nodes, f->n_nodes, sizeof *f->nodes, compare_nodes);
}
