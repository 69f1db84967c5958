/* SPDX-License-Identifier: MIT
 */
#include "tools/top/pages/pages.h"

#include <stdio.h>
#include <string.h>

#include "tools/top/screen/screen.h"

/* The columns that sort at first. */
static const char *const first_order[SAMPLE_PAGES] = {"req_s", "age", "p99"};

static struct page *current(struct top *t) { return &t->pages[t->page]; }

void pages_init(struct top *t) {
  for (enum sample_page p = 0; p < SAMPLE_PAGES; p++) {
    size_t n;
    const struct column *columns = sample_columns(p, &n);
    t->pages[p] = (struct page){.downwards = true};
    for (size_t i = 0; i < n; i++)
      if (strcmp(columns[i].name, first_order[p]) == 0) t->pages[p].by = i;
  }
}

/* Objects that have been read as a whole, or what there is of them so far. */
static struct tokens *tokens_of(struct top *t) {
  if (t->feed.has_tokens) return &t->feed.tokens;
  tokens_end(&t->feed.reading);
  return &t->feed.reading;
}

void pages_arrange(struct top *t) {
  struct page *p = current(t);
  /* What tokens are kept, the filter has decided already. */
  grid_arrange(&t->grid, p->by, p->downwards, t->page == SAMPLE_TOKENS ? NULL : p->filter);
  scroll_follow(&p->scroll, &t->grid);
}

void pages_build(struct top *t) {
  static const struct sample nothing;
  const struct sample *now = t->feed.now ? t->feed.now : &nothing;
  switch (t->page) {
    case SAMPLE_WORKERS: sample_workers(&t->grid, now, t->feed.before); break;
    case SAMPLE_TOKENS: tokens_rows(&t->grid, tokens_of(t)); break;
    case SAMPLE_OPERATIONS:
    case SAMPLE_PAGES: sample_operations(&t->grid, now, t->feed.before, t->all_times); break;
  }
  pages_arrange(t);
}

/* ---- Tokens ---- */

void pages_read_tokens(struct top *t) {
  struct page *p = &t->pages[SAMPLE_TOKENS];
  struct tokens *r = &t->feed.reading;
  r->by = (enum tokens_column)p->by;
  r->downwards = p->downwards;
  r->filter = p->filter;
  r->host = *t->host ? t->host : NULL;
  feed_tokens(&t->feed);
}

const struct token *pages_token(const struct top *t) {
  const struct page *p = &t->pages[SAMPLE_TOKENS];
  const struct tokens *all = t->feed.has_tokens ? &t->feed.tokens : &t->feed.reading;
  const struct grid_row *row = scroll_row(&p->scroll, &t->grid);
  if (t->page != SAMPLE_TOKENS || !row) return NULL;
  for (size_t i = 0; i < all->count; i++)
    if (all->kept[i].id == row->key.b && grid_hash(all->kept[i].host) == row->key.a)
      return &all->kept[i];
  return NULL;
}

void pages_ask_labels(struct top *t, size_t height) {
  const struct page *p = &t->pages[SAMPLE_TOKENS];
  const char *last = "";
  if (t->page != SAMPLE_TOKENS || !t->feed.has_tokens || t->labelled >= t->feed.tokens_began)
    return;
  t->labelled = t->feed.tokens_began;
  for (size_t i = 0; i < height && p->scroll.top + i < t->grid.shown; i++) {
    size_t row = t->grid.order[p->scroll.top + i];
    if (row >= t->feed.tokens.count) return; /* the table is an older one */
    const struct token *one = &t->feed.tokens.kept[row];
    bool is_asked = one->is_dead || strcmp(last, one->host) == 0;
    for (size_t k = 0; !is_asked && k < i; k++) {
      size_t other = t->grid.order[p->scroll.top + k];
      is_asked = strcmp(t->feed.tokens.kept[other].host, one->host) == 0 &&
                 !t->feed.tokens.kept[other].is_dead;
    }
    if (!is_asked) feed_labels(&t->feed, one->host);
    last = one->host;
  }
}

/* ---- Moving about ---- */

void pages_go(struct top *t, enum sample_page page) {
  t->page = page;
  if (page == SAMPLE_TOKENS && !t->feed.reads_tokens) pages_read_tokens(t);
  pages_build(t);
}

static void resorted(struct top *t) {
  if (t->page == SAMPLE_TOKENS) pages_read_tokens(t);
  pages_build(t);
}

void pages_sort(struct top *t, int steps) {
  struct page *p = current(t);
  const struct layout *l = &t->layout;
  size_t at = 0;
  /* The last picture may be of another page: several keys are taken before the next one. */
  grid_fit(&t->grid, p->by, screen_width(), &t->layout);
  while (at < l->count && l->columns[at] != &t->grid.columns[p->by]) at++;
  if (at == l->count)
    at = 0; /* it is not shown now */
  else
    at = (at + l->count + (size_t)(steps + (int)l->count)) % l->count;
  p->by = (size_t)(l->columns[at] - t->grid.columns);
  bool is_text = t->grid.columns[p->by].flows;
  if (t->grid.n_rows) is_text = grid_cell(&t->grid, 0, p->by)->type == GRID_TEXT;
  p->downwards = !is_text;
  resorted(t);
}

void pages_reverse(struct top *t) {
  current(t)->downwards = !current(t)->downwards;
  resorted(t);
}

void pages_filtered(struct top *t) {
  if (t->page == SAMPLE_TOKENS) {
    feed_forget_tokens(&t->feed);
    pages_read_tokens(t);
  }
  pages_build(t);
}

const struct worker *pages_worker(const struct top *t) {
  const struct page *p = &t->pages[SAMPLE_WORKERS];
  const struct grid_row *row = scroll_row(&p->scroll, &t->grid);
  if (t->page != SAMPLE_WORKERS || !row || !t->feed.now) return NULL;
  for (size_t i = 0; i < t->feed.now->n_workers; i++)
    if (t->feed.now->workers[i].host == row->key.a) return &t->feed.now->workers[i];
  return NULL;
}
