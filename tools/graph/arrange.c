/* SPDX-License-Identifier: MIT
 *
 * Who stands apart is found by taking away, again and again, who holds nothing of those that are
 * left, or has nothing that these hold.
 */
#include "tools/graph/arrange.h"

#include <stdlib.h>
#include <string.h>

static uint64_t share(const struct fold_worker *w) { return w->exports + w->holds; }

struct ranked {
  const struct fold_worker *worker;
  uint32_t number;
};

static int compare_workers(const void *x, const void *y) {
  const struct ranked *a = x, *b = y;
  if (share(a->worker) != share(b->worker)) return share(a->worker) < share(b->worker) ? 1 : -1;
  return a->number < b->number ? -1 : 1;
}

bool *arrange_drawn(const struct graph *g, uint32_t *left_out) {
  const struct fold *f = &g->fold;
  const struct graph_scope *s = &g->scope;
  bool all = !s->focus && !s->host && !s->holder && !s->kind && !(s->least_age > 0);
  struct ranked *ranked = tool_alloc(f->n_workers, sizeof *ranked);
  bool *is_drawn = tool_alloc(f->n_workers, sizeof *is_drawn);
  uint32_t n = 0;
  for (uint32_t i = 0; i < f->n_workers; i++)
    if (share(&f->workers[i]) || (all && f->workers[i].is_known))
      ranked[n++] = (struct ranked){&f->workers[i], i};
  if (n) qsort(ranked, n, sizeof *ranked, compare_workers);
  for (uint32_t i = 0; i < n && i < f->most; i++) is_drawn[ranked[i].number] = true;
  *left_out = n > f->most ? n - f->most : 0;
  free(ranked);
  return is_drawn;
}

bool *arrange_apart(const struct fold *f) {
  uint32_t *holds = tool_alloc(f->n_workers, sizeof *holds);
  uint32_t *held = tool_alloc(f->n_workers, sizeof *held);
  bool *is_apart = tool_alloc(f->n_workers, sizeof *is_apart);
  memset(is_apart, true, f->n_workers);
  for (bool changed = true; changed;) {
    changed = false;
    memset(holds, 0, f->n_workers * sizeof *holds);
    memset(held, 0, f->n_workers * sizeof *held);
    for (uint32_t i = 0; i < f->n_nodes; i++) {
      const struct fold_node *n = &f->nodes[i];
      if (n->host == FOLD_NOBODY || !is_apart[n->host]) continue;
      for (uint32_t k = 0; k < n->n_holds; k++) {
        if (!is_apart[n->holds[k].worker]) continue;
        held[n->host]++;
        holds[n->holds[k].worker]++;
      }
    }
    for (uint32_t i = 0; i < f->n_workers; i++) {
      bool is_left = holds[i] && held[i];
      changed = changed || (is_apart[i] && !is_left);
      is_apart[i] = is_apart[i] && is_left;
    }
  }
  free(holds);
  free(held);
  return is_apart;
}
