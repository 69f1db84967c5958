/* SPDX-License-Identifier: MIT
 */
#include "tools/top/model/scroll.h"

void scroll_move(struct scroll *s, size_t count, long lines) {
  size_t last = count ? count - 1 : 0, far = lines < 0 ? (size_t)-lines : (size_t)lines;
  if (lines < 0)
    s->at = s->at > far ? s->at - far : 0;
  else
    s->at = last - s->at > far && s->at <= last ? s->at + far : last;
}

void scroll_note(struct scroll *s, const struct grid *g) {
  s->has_key = s->at < g->shown;
  if (s->has_key) s->key = g->rows[g->order[s->at]].key;
}

void scroll_home(struct scroll *s) { *s = (struct scroll){0}; }

const struct grid_row *scroll_row(const struct scroll *s, const struct grid *g) {
  return s->at < g->shown ? &g->rows[g->order[s->at]] : NULL;
}

void scroll_follow(struct scroll *s, const struct grid *g) {
  for (size_t i = 0; s->has_key && i < g->shown; i++) {
    const struct grid_key *k = &g->rows[g->order[i]].key;
    if (k->a != s->key.a || k->b != s->key.b) continue;
    s->at = i;
    return;
  }
  scroll_move(s, g->shown, 0);
  if (s->has_key) scroll_note(s, g);
}

void scroll_show(struct scroll *s, size_t count, size_t height) {
  scroll_move(s, count, 0);
  if (height == 0) height = 1;
  if (s->top > s->at) s->top = s->at;
  if (s->at - s->top >= height) s->top = s->at - height + 1;
  if (count <= height)
    s->top = 0;
  else if (s->top > count - height)
    s->top = count - height;
}
