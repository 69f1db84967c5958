/* SPDX-License-Identifier: MIT
 *
 * Greedy: a table has a few columns.
 */
#include "tools/table/layout.h"

#include <assert.h>
#include <string.h>

static size_t least_width(const struct column *c, size_t natural) {
  size_t head = strlen(c->name), least = head > LAYOUT_FLOW_LEAST ? head : LAYOUT_FLOW_LEAST;
  return c->flows && natural > least ? least : natural;
}

static size_t whole_width(const struct layout *l) {
  size_t sum = l->count ? (l->count - 1) * LAYOUT_GAP : 0;
  for (size_t i = 0; i < l->count; i++) sum += l->widths[i];
  return sum;
}

/* The place of the least important column, of several the last; l->count: all are needed. */
static size_t least_important(const struct layout *l) {
  size_t which = l->count;
  for (size_t i = 0; i < l->count; i++) {
    if (l->columns[i]->importance == 1) continue;
    if (which == l->count || l->columns[i]->importance >= l->columns[which]->importance) which = i;
  }
  return which;
}

static void leave_out(struct layout *l, size_t which) {
  memmove(l->left_out + 1, l->left_out, l->n_left_out++ * sizeof *l->left_out);
  l->left_out[0] = l->columns[which];
  size_t behind = --l->count - which;
  memmove(&l->columns[which], &l->columns[which + 1], behind * sizeof *l->columns);
  memmove(&l->widths[which], &l->widths[which + 1], behind * sizeof *l->widths);
}

/* Gives the columns what room there is, one character each in turn. */
static void give_back(struct layout *l, const struct view *v, const size_t *natural, size_t room) {
  for (bool given = true; room && given;) {
    given = false;
    for (size_t i = 0; room && i < l->count; i++) {
      if (l->widths[i] >= natural[l->columns[i] - v->columns]) continue;
      l->widths[i]++;
      room--;
      given = true;
    }
  }
}

void layout_fit(struct layout *l, const struct view *v, const size_t *natural) {
  bool whole = !v->terminal.is_one || v->wide;
  *l = (struct layout){.count = v->n_picked};
  for (size_t i = 0; i < l->count; i++) {
    size_t own = natural[v->picked[i] - v->columns];
    l->columns[i] = v->picked[i];
    l->widths[i] = whole ? own : least_width(v->picked[i], own);
  }
  if (whole) return;
  for (size_t which; !v->chosen && whole_width(l) > v->terminal.width;) {
    which = least_important(l);
    if (which == l->count) break;
    leave_out(l, which);
  }
  size_t used = whole_width(l);
  if (used < v->terminal.width) give_back(l, v, natural, v->terminal.width - used);
  for (size_t i = 0; i < l->count; i++)
    l->cut = l->cut || l->widths[i] < natural[l->columns[i] - v->columns];
  assert(l->count + l->n_left_out == v->n_picked);
}
