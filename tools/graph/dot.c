/* SPDX-License-Identifier: MIT
 *
 * A worker is a cluster. What it has is in there, and a dark box, from which the edges to what it
 * holds begin. Shapes and lines say what colours do, so that it can be printed.
 */
#include "tools/graph/dot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/graph/arrange.h"

/* Columns of texts; holders of a node that have an edge; objects that are worth a node of cells. */
enum { NAME_COLUMNS = 40, LABEL_COLUMNS = 28, SAID_COLUMNS = 40, EDGES_MOST = 12, CELLS_LEAST = 3 };

struct drawing {
  struct text *out;
  struct graph *g;
  bool *is_drawn; /* workers that are, by number */
  bool *is_apart; /* what it holds begins outside of its cluster */
  uint32_t left_out; /* workers that are not drawn */
  uint64_t edges;   /* so far */
};

/* ---- Texts of others ---- */

/* The text as it may be shown, of so many columns. */
static void add_cut(struct text *t, const char *bytes, size_t size, size_t columns) {
  struct text plain = {0};
  text_add_plain(&plain, bytes, size);
  size_t fit = plain.bytes ? text_fit(plain.bytes, plain.size, columns) : 0;
  if (fit < plain.size) fit = text_fit(plain.bytes, plain.size, columns - 3);
  if (plain.bytes) text_add(t, plain.bytes, fit);
  if (fit < plain.size) text_add(t, "...", 3);
  text_deinit(&plain);
}

/* What has no line ends, inside quotes: Graphviz also reads \N and &amp; in there. */
static void add_quoted(struct text *out, const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (bytes[i] == '&') {
      text_add(out, "&amp;", 5);
      continue;
    }
    if (bytes[i] == '"' || bytes[i] == '\\') text_add(out, "\\", 1);
    text_add(out, bytes + i, 1);
  }
}

/* The same inside a label of cells, which is like HTML; \N is read in there, too. */
static void add_cell_text(struct text *out, const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const char *code = bytes[i] == '&'   ? "&amp;"
                       : bytes[i] == '<' ? "&lt;"
                       : bytes[i] == '>' ? "&gt;"
                       : bytes[i] == '"' ? "&quot;"
                       : bytes[i] == '\\' ? "\\\\"
                                         : NULL;
    if (code)
      text_add(out, code, strlen(code));
    else
      text_add(out, bytes + i, 1);
  }
}

static void add_text(struct text *out, const char *text, size_t columns) {
  struct text cut = {0};
  add_cut(&cut, text, strlen(text), columns);
  add_quoted(out, cut.bytes ? cut.bytes : "", cut.size);
  text_deinit(&cut);
}

/* Of so many columns, inside a label of cells. */
static void add_cell_cut(struct text *out, const char *text, size_t columns) {
  struct text cut = {0};
  add_cut(&cut, text, strlen(text), columns);
  add_cell_text(out, cut.bytes ? cut.bytes : "", cut.size);
  text_deinit(&cut);
}

/* "1,234". */
static void add_number(struct text *out, uint64_t n) {
  char digits[32];
  int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
  for (int i = 0; i < size; i++) {
    if (i && (size - i) % 3 == 0) text_add(out, ",", 1);
    text_add(out, digits + i, 1);
  }
}

/* ---- Order ---- */

static int compare_holds(const void *x, const void *y) {
  const struct fold_hold *a = x, *b = y;
  if (a->objects != b->objects) return a->objects < b->objects ? 1 : -1;
  if (a->count != b->count) return a->count < b->count ? 1 : -1;
  return a->worker < b->worker ? -1 : a->worker > b->worker;
}

/* Whether they are told apart by id and label only. */
static bool are_alike(const struct fold_node *a, const struct fold_node *b) {
  if (a->objects != 1 || b->objects != 1 || a->is_kept || b->is_kept) return false;
  if (!a->said != !b->said || (a->said && strcmp(a->said, b->said) != 0)) return false;
  if (a->host != b->host || a->kind != b->kind || a->n_holds != b->n_holds) return false;
  if (a->others || b->others) return false;
  for (uint32_t i = 0; i < a->n_holds; i++)
    if (a->holds[i].worker != b->holds[i].worker || a->holds[i].count != b->holds[i].count ||
        a->holds[i].waiting != b->holds[i].waiting)
      return false;
  return true;
}

/* ---- Nodes ---- */

/* By the second letter of its name. */
static const struct look {
  const char *kind, *shape, *fill;
} looks[] = {{"table", "box", "#e3edfb"},
             {"function", "hexagon", "#fff1cf"},
             {"thread", "parallelogram", "#e2f3e4"},
             {"userdata", "octagon", "#f2e4f7"},
             {NULL, "box3d", "#eeeeee"}};

static const struct look *look_of(const char *kind) {
  const struct look *l = looks;
  while (l->kind && (!kind || strcmp(l->kind, kind) != 0)) l++;
  return l;
}

static void add_plural(struct text *out, const char *kind, uint64_t n) {
  add_number(out, n);
  text_print(out, " %s%s", kind ? kind : "object",
             n == 1 || (kind && strcmp(kind, "userdata") == 0) ? "" : "s");
}

static uint32_t drawn_holds(const struct drawing *d, const struct fold_node *n) {
  uint32_t drawn = 0;
  for (uint32_t i = 0; i < n->n_holds && drawn < EDGES_MOST; i++)
    drawn += d->is_drawn[n->holds[i].worker];
  return drawn;
}

/* Holders without an edge. */
static void add_others(struct text *out, const struct drawing *d, const struct fold_node *n) {
  uint64_t others = n->n_holds - drawn_holds(d, n) + n->others;
  if (!others) return;
  text_print(out, "\\nheld by ");
  add_number(out, others);
  text_print(out, " more");
}

static void add_labels(struct text *out, const struct fold_node *n) {
  uint64_t shown = 0;
  for (const char *l = n->labels.bytes; l && l < n->labels.bytes + n->labels.size;
       l += strlen(l) + 1, shown++) {
    add_text(out, l, LABEL_COLUMNS);
    text_add(out, "\\n", 2);
  }
  if (n->labelled > shown && n->objects > 1) {
    text_print(out, "and ");
    add_number(out, n->labelled - shown);
    text_print(out, " with labels\\n");
  }
}

static void draw_node(struct drawing *d, const struct fold_node *n, uint32_t i) {
  const struct look *l = look_of(n->kind);
  text_print(d->out, "    n%u [shape=%s, fillcolor=\"%s\"", i, l->shape,
             n->is_dead ? "#e8e8e8" : l->fill);
  if (n->is_dead)
    text_print(d->out,
               ", style=\"filled,dashed\", color=\"#999999\", fontcolor=\"#777777\"");
  if (n->objects > 1) text_print(d->out, ", peripheries=2");
  if (n->is_kept) text_print(d->out, ", penwidth=3");
  text_print(d->out, ", label=\"");
  add_labels(d->out, n);
  if (n->objects == 1)
    text_print(d->out, "%s %llu", n->kind ? n->kind : "object", (unsigned long long)n->id);
  else
    add_plural(d->out, n->kind, n->objects);
  if (n->said) {
    text_add(d->out, "\\n", 2);
    add_text(d->out, n->said, SAID_COLUMNS);
  }
  add_others(d->out, d, n);
  text_print(d->out, "\", tooltip=\"%s, held for %llu s%s\"];\n",
             n->objects == 1 ? "object" : "objects", (unsigned long long)n->oldest_s,
             n->objects == 1 ? "" : " at most");
}

/* Several that are alike. */
static void draw_cells(struct drawing *d, const struct fold_node *n, uint32_t count, uint32_t i) {
  const struct look *l = look_of(n->kind);
  uint32_t across = (uint32_t)ceil(sqrt((double)count));
  bool dead = n->is_dead;
  text_print(d->out, "    n%u [shape=plain, fillcolor=\"#ffffff00\", label=<<TABLE BORDER=\"0\" "
                     "CELLBORDER=\"1\" CELLSPACING=\"2\" COLOR=\"%s\"><TR><TD COLSPAN=\"%u\" "
                     "BORDER=\"0\">", i, dead ? "#999999" : "#444444", across);
  if (dead) text_print(d->out, "<FONT COLOR=\"#777777\">");
  add_plural(d->out, n->kind, count);
  if (n->said) {
    text_print(d->out, "<BR/>");
    add_cell_cut(d->out, n->said, SAID_COLUMNS);
  }
  text_print(d->out, dead ? "</FONT></TD></TR>" : "</TD></TR>");
  for (uint32_t k = 0; k < count; k++) {
    if (k % across == 0) text_print(d->out, k ? "</TR><TR>" : "<TR>");
    text_print(d->out, "<TD BGCOLOR=\"%s\">", dead ? "#e8e8e8" : l->fill);
    if (n[k].labels.size) {
      add_cell_cut(d->out, n[k].labels.bytes, LABEL_COLUMNS);
      text_add(d->out, " ", 1);
    }
    text_print(d->out, "%llu</TD>", (unsigned long long)n[k].id);
  }
  text_print(d->out, "</TR></TABLE>>];\n");
}

/* ---- Edges ---- */

/* Dark, so that they are black in black and white. */
static const char *colour_of(uint32_t worker) {
  static const char *const colours[] = {"#333333", "#1f4e79", "#7a1f1f",
                                        "#2f6b2f", "#5b3a8c", "#7a5200"};
  return colours[worker % (sizeof colours / sizeof *colours)];
}

/* From a holder to a node that stands for `each` objects more than it says. */
static void draw_edge(struct drawing *d, const struct fold_node *n, const struct fold_hold *h,
                      uint32_t i, uint32_t times) {
  uint64_t waiting = h->waiting < h->count ? h->waiting : h->count;
  uint64_t there = (h->count - waiting) * times;
  uint64_t objects = h->objects * times;
  bool is_part = n->objects > 1 && objects < n->objects;
  if (there) {
    text_print(d->out, "  w%u -> n%u [label=\"", h->worker, i);
    if (is_part) add_number(d->out, objects);
    if (there > objects) {
      text_print(d->out, "%s\u00d7", is_part ? " " : "");
      add_number(d->out, there);
    }
    text_print(d->out, "\", color=\"%s\"];\n", n->is_dead ? "#999999" : colour_of(h->worker));
    d->edges++;
  }
  if (waiting) {
    text_print(d->out, "  w%u -> n%u [style=dashed, color=\"%s\", label=\"", h->worker, i,
               colour_of(h->worker));
    add_number(d->out, waiting * times);
    text_print(d->out, " under way\"];\n");
    d->edges++;
  }
}

static void draw_edges(struct drawing *d, struct fold_node *n, uint32_t times, uint32_t i) {
  if (n->n_holds) qsort(n->holds, n->n_holds, sizeof *n->holds, compare_holds);
  uint32_t drawn = 0;
  for (uint32_t k = 0; k < n->n_holds && drawn < EDGES_MOST; k++) {
    if (!d->is_drawn[n->holds[k].worker]) continue;
    draw_edge(d, n, &n->holds[k], i, times);
    drawn++;
  }
}

/* ---- The whole ---- */

static uint32_t alike(const struct fold *f, uint32_t first) {
  uint32_t n = 1;
  while (first + n < f->n_nodes && are_alike(&f->nodes[first], &f->nodes[first + n])) n++;
  return n >= CELLS_LEAST ? n : 1;
}

/* The box from which the edges to what it holds begin. */
static void draw_holder(struct drawing *d, uint32_t i) {
  const struct fold_worker *w = &d->g->fold.workers[i];
  text_print(d->out,
             "    w%u [shape=%s, style=filled, fillcolor=\"%s\", fontcolor=white, label=\"", i,
             w->name[0] == '@' ? "ellipse" : "box", w->holds ? colour_of(i) : "#999999");
  if (d->is_apart[i]) {
    add_text(d->out, w->name, NAME_COLUMNS);
    text_print(d->out, "\\n");
  }
  if (w->holds) {
    text_print(d->out, "holds ");
    add_number(d->out, w->holds);
  } else {
    text_print(d->out, "idle");
  }
  text_print(d->out, "\"];\n");
}

static void open_cluster(struct drawing *d, uint32_t i) {
  const struct fold_worker *w = &d->g->fold.workers[i];
  text_print(d->out, "  subgraph cluster_w%u {\n    label=\"", i);
  add_text(d->out, w->name, NAME_COLUMNS);
  if (w->is_dead)
    text_print(d->out, "\\nended");
  else if (w->pid)
    text_print(d->out, "\\npid %llu", (unsigned long long)w->pid);
  if (w->exports) {
    text_print(d->out, w->is_dead || w->pid ? ", " : "\\n");
    add_plural(d->out, NULL, w->exports);
  }
  text_print(d->out, "\";%s\n", w->is_dead ? " style=\"rounded,dashed\"; color=\"#999999\"; "
                                              "fontcolor=\"#777777\"; bgcolor=\"#f5f5f5\";" : "");
  if ((w->holds || !w->exports) && !d->is_apart[i]) draw_holder(d, i);
}

/* The nodes of one worker, or of those beyond, from `first` on; where they end. */
static uint32_t draw_nodes(struct drawing *d, uint32_t first, uint32_t host) {
  const struct fold *f = &d->g->fold;
  uint32_t i = first;
  while (i < f->n_nodes && f->nodes[i].host == host) {
    uint32_t n = alike(f, i);
    if (n > 1)
      draw_cells(d, &f->nodes[i], n, i);
    else
      draw_node(d, &f->nodes[i], i);
    i += n;
  }
  return i;
}

static void draw_title(struct drawing *d) {
  const struct fold *f = &d->g->fold;
  text_print(d->out, "  label=\"");
  add_plural(d->out, NULL, f->objects);
  text_print(d->out, "\\n\u2192 holds   \u00d7n: was sent it n times   dashed: under way to it   "
                     "grey: its worker has ended");
  if (d->left_out) {
    text_print(d->out, "\\n");
    add_number(d->out, d->left_out);
    text_print(d->out, " more workers");
  }
  if (d->g->waiting_more) {
    text_print(d->out, "\\n");
    add_number(d->out, d->g->waiting_more);
    text_print(d->out, " more objects in messages under way");
  }
  text_print(d->out, "\";\n");
}

void graph_add_dot(struct text *out, struct graph *g) {
  struct fold *f = &g->fold;
  struct drawing d = {.out = out, .g = g};
  d.is_drawn = arrange_drawn(g, &d.left_out);
  d.is_apart = arrange_apart(&g->fold);
  text_print(out, "digraph gaijin {\n"
                  "  graph [rankdir=LR, fontname=\"Helvetica,Arial,sans-serif\", fontsize=11, "
                  "ranksep=1, nodesep=0.15, style=\"rounded\", color=\"#555555\", "
                  "bgcolor=\"#ffffff\", labelloc=t];\n"
                  "  node [fontname=\"Helvetica,Arial,sans-serif\", fontsize=10, style=filled, "
                  "color=\"#444444\", fillcolor=\"#ffffff\", margin=\"0.08,0.04\", height=0.3];\n"
                  "  edge [fontname=\"Helvetica,Arial,sans-serif\", fontsize=9, "
                  "color=\"#444444\", arrowsize=0.6];\n");
  uint32_t i = 0;
  for (uint32_t w = 0; w < f->n_workers; w++) {
    bool has_nodes = i < f->n_nodes && f->nodes[i].host == w;
    if (!has_nodes && !d.is_drawn[w]) continue;
    d.is_drawn[w] = true;
    open_cluster(&d, w);
    i = draw_nodes(&d, i, w);
    text_print(out, "  }\n");
    if (d.is_apart[w]) draw_holder(&d, w);
  }
  draw_nodes(&d, i, FOLD_NOBODY);
  for (uint32_t k = 0, n; k < f->n_nodes; k += n) {
    n = alike(f, k);
    draw_edges(&d, &f->nodes[k], n, k);
  }
  draw_title(&d);
  text_print(out, "}\n");
  free(d.is_drawn);
  free(d.is_apart);
}
