/* SPDX-License-Identifier: MIT
 *
 * All nodes and all edges: what a picture leaves out is in here.
 */
#include <string.h>

#include "tools/graph/dot.h"

static void add_field(struct text *out, const char *name, uint64_t n) {
  text_print(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

static void add_flag(struct text *out, const char *name, bool flag) {
  text_print(out, ",\"%s\":%s", name, flag ? "true" : "false");
}

/* The text, or null. */
static void add_named(struct text *out, const char *name, const char *text) {
  text_print(out, ",\"%s\":", name);
  if (text)
    text_add_json(out, text, strlen(text));
  else
    text_print(out, "null");
}

static void add_worker(struct text *out, const struct fold_worker *w, bool first) {
  text_print(out, "%s\n{\"worker\":", first ? "" : ",");
  text_add_json(out, w->name, strlen(w->name));
  add_flag(out, "dead", w->is_dead);
  if (w->pid)
    add_field(out, "pid", w->pid);
  else
    text_print(out, ",\"pid\":null");
  add_field(out, "exports", w->exports);
  add_field(out, "holds", w->holds);
  text_print(out, "}");
}

static void add_node(struct text *out, const struct fold *f, uint32_t i) {
  const struct fold_node *n = &f->nodes[i];
  text_print(out, "%s\n{\"node\":%u", i ? "," : "", i + 1);
  add_named(out, "host", n->host == FOLD_NOBODY ? NULL : f->workers[n->host].name);
  add_flag(out, "dead", n->is_dead);
  add_named(out, "kind", n->kind);
  add_field(out, "objects", n->objects);
  if (n->objects == 1)
    add_field(out, "id", n->id);
  else
    text_print(out, ",\"id\":null");
  add_field(out, "oldest_s", n->oldest_s);
  text_print(out, ",\"labels\":[");
  for (const char *l = n->labels.bytes; l && l < n->labels.bytes + n->labels.size;
       l += strlen(l) + 1) {
    if (l != n->labels.bytes) text_add(out, ",", 1);
    text_add_json(out, l, strlen(l));
  }
  text_print(out, "]");
  add_field(out, "labelled", n->labelled);
  add_field(out, "holders_not_told", n->others);
  text_print(out, ",\"description\":%s", n->said_json ? n->said_json : "null");
  text_print(out, "}");
}

void graph_add_json(struct text *out, struct graph *g) {
  const struct fold *f = &g->fold;
  bool first = true;
  text_print(out, "{\"workers\":[");
  for (uint32_t i = 0; i < f->n_workers; i++) {
    const struct fold_worker *w = &f->workers[i];
    if (!w->is_known && !w->exports && !w->holds) continue;
    add_worker(out, w, first);
    first = false;
  }
  first = true;
  text_print(out, "],\n\"nodes\":[");
  for (uint32_t i = 0; i < f->n_nodes; i++) add_node(out, f, i);
  text_print(out, "],\n\"edges\":[");
  for (uint32_t i = 0; i < f->n_nodes; i++) {
    for (uint32_t k = 0; k < f->nodes[i].n_holds; k++, first = false) {
      const struct fold_hold *h = &f->nodes[i].holds[k];
      text_print(out, "%s\n{\"holder\":", first ? "" : ",");
      text_add_json(out, f->workers[h->worker].name, strlen(f->workers[h->worker].name));
      add_field(out, "node", i + 1);
      add_field(out, "objects", h->objects);
      add_field(out, "count", h->count);
      add_field(out, "under_way", h->waiting < h->count ? h->waiting : h->count);
      text_print(out, "}");
    }
  }
  text_print(out, "]");
  add_field(out, "under_way_not_told", g->waiting_more);
  text_print(out, "}\n");
}
