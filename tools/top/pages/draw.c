/* SPDX-License-Identifier: MIT
 */
#include "tools/top/pages/draw.h"

#include <stdio.h>
#include <string.h>

#include "tools/top/model/number.h"
#include "tools/top/model/width.h"
#include "tools/top/screen/screen.h"

/* Lines that are none of the table's: broker, pages, heads, and the last. */
enum { TABLE_LINES = 4, TEXT_LINES = 2 };
/* So late an answer of the broker is told. */
#define LATE_SECONDS 2.0

size_t draw_height(const struct top *t) {
  size_t others = t->mode == TOP_TEXT ? TEXT_LINES : TABLE_LINES, all = screen_height();
  return all > others ? all - others : 0;
}

static void put_line(size_t line, const struct text *t, enum screen_look look) {
  screen_text(line, 0, screen_width(), t->bytes ? t->bytes : "", t->size, look);
}

/* ---- The broker ---- */

static void add_part(struct text *line, const char *name, double v,
                     void (*write)(struct text *t, double v)) {
  text_print(line, "  %s ", name);
  write(line, v);
}

static void draw_broker(const struct top *t) {
  struct text line = {0};
  double late = feed_late(&t->feed);
  bool is_bad = !t->observer.g || late > LATE_SECONDS;
  if (!t->observer.g) {
    text_print(&line, "the broker is gone, trying again");
    if (*t->away) text_print(&line, ": ");
    text_add_plain(&line, t->away, strlen(t->away));
  } else if (late > LATE_SECONDS) {
    text_print(&line, "the broker does not answer for %.0f s", late);
  } else {
    text_print(&line, "gaijin %s", gaijin_broker_version(t->observer.g));
    if (t->is_paused) text_print(&line, "  PAUSED");
    if (t->feed.now) {
      const struct stats_sums *u = &t->feed.now->stats.sums;
      add_part(&line, "up", u->seconds, number_age);
      add_part(&line, "workers", (double)u->workers, number_count);
      add_part(&line, "tokens", (double)u->objects, number_count);
      add_part(&line, "requests", (double)u->requests, number_count);
      add_part(&line, "memory", (double)u->memory, number_bytes);
      text_print(&line, "/");
      number_bytes(&line, (double)u->memory_most);
      if (u->refused) add_part(&line, "refused", (double)u->refused, number_count);
      if (u->log_lost) add_part(&line, "log lost", (double)u->log_lost, number_count);
    }
  }
  put_line(0, &line, is_bad ? SCREEN_BAD : SCREEN_BOLD);
  text_deinit(&line);
}

/* ---- The page ---- */

/* Which of how many. */
static void add_place(const struct top *t, struct text *line) {
  const struct tokens *k = t->feed.has_tokens ? &t->feed.tokens : &t->feed.reading;
  const struct page *p = &t->pages[t->page];
  if (t->grid.shown) text_print(line, "%zu/%zu", p->scroll.at + 1, t->grid.shown);
  if (t->page == SAMPLE_TOKENS && (k->fit > t->grid.shown || !t->feed.has_tokens)) {
    text_print(line, " of ");
    number_whole(line, (double)k->fit);
    if (!t->feed.has_tokens) text_print(line, ", reading");
  }
}

static void draw_pages(const struct top *t) {
  static const char *const names[SAMPLE_PAGES] = {"workers", "tokens", "operations"};
  const struct page *p = &t->pages[t->page];
  struct text line = {0}, place = {0};
  size_t at = 0;
  add_place(t, &place);
  for (enum sample_page i = 0; i < SAMPLE_PAGES; i++) {
    line.size = 0;
    text_print(&line, "%d %s", (int)i + 1, names[i]);
    if (i == t->page && i == SAMPLE_TOKENS && *t->host) {
      text_print(&line, " of ");
      text_add_plain(&line, t->host, strlen(t->host));
    }
    at += screen_text(1, at, width_of(line.bytes, line.size), line.bytes, line.size,
                      i == t->page ? SCREEN_BAR : SCREEN_PLAIN);
    at += 2;
  }
  line.size = 0;
  text_add(&line, place.bytes ? place.bytes : "", place.size);
  if (t->page == SAMPLE_OPERATIONS)
    text_print(&line, "  times: %s", t->all_times ? "all" : "now");
  if (*p->filter) {
    text_print(&line, "  filter: ");
    text_add_plain(&line, p->filter, strlen(p->filter));
  }
  if (at < screen_width())
    screen_text(1, at, screen_width() - at, line.bytes ? line.bytes : "", line.size, SCREEN_PLAIN);
  text_deinit(&line);
  text_deinit(&place);
}

/* ---- The table ---- */

/* A column of texts begins at its left, one of numbers ends at its right. */
static bool is_left(const struct top *t, const struct column *c) {
  if (c->flows || t->grid.n_rows == 0) return true;
  return grid_cell(&t->grid, 0, (size_t)(c - t->grid.columns))->type == GRID_TEXT;
}

static void put_cell(size_t line, size_t at, size_t width, const char *bytes, size_t size,
                     bool left, enum screen_look look) {
  size_t own = width_of(bytes, size);
  if (!left && own < width) {
    at += width - own;
    width = own;
  }
  screen_text(line, at, width, bytes, size, look);
}

static void draw_heads(const struct top *t, size_t line) {
  const struct page *p = &t->pages[t->page];
  char head[64];
  screen_text(line, 0, screen_width(), "", 0, SCREEN_BAR);
  for (size_t i = 0, at = 0; i < t->layout.count; at += t->layout.widths[i++] + LAYOUT_GAP) {
    const struct column *c = t->layout.columns[i];
    bool sorts = c == &t->grid.columns[p->by];
    int n = snprintf(head, sizeof head, "%s%s", c->name, !sorts ? "" : p->downwards ? "-" : "+");
    put_cell(line, at, t->layout.widths[i], head, (size_t)n, is_left(t, c), SCREEN_BAR);
  }
}

static void draw_row(const struct top *t, size_t line, size_t row, bool is_chosen) {
  static const enum screen_look looks[] = {
      [GRID_PLAIN] = SCREEN_PLAIN, [GRID_DIM] = SCREEN_DIM, [GRID_BAD] = SCREEN_BAD};
  enum grid_look own = t->grid.rows[row].look;
  enum screen_look look = !is_chosen        ? looks[own]
                          : own == GRID_BAD ? SCREEN_CHOSEN_BAD
                                            : SCREEN_CHOSEN;
  screen_text(line, 0, screen_width(), "", 0, look);
  for (size_t i = 0, at = 0; i < t->layout.count; at += t->layout.widths[i++] + LAYOUT_GAP) {
    const struct column *c = t->layout.columns[i];
    const struct grid_cell *cell = grid_cell(&t->grid, row, (size_t)(c - t->grid.columns));
    put_cell(line, at, t->layout.widths[i], t->grid.bytes.bytes + cell->at, cell->size,
             is_left(t, c), look);
  }
}

static void draw_table(struct top *t) {
  struct page *p = &t->pages[t->page];
  size_t height = draw_height(t), first = TABLE_LINES - 1;
  grid_fit(&t->grid, p->by, screen_width(), &t->layout);
  scroll_show(&p->scroll, t->grid.shown, height);
  draw_heads(t, first - 1);
  for (size_t i = 0; i < height && p->scroll.top + i < t->grid.shown; i++)
    draw_row(t, first + i, t->grid.order[p->scroll.top + i], p->scroll.top + i == p->scroll.at);
  if (t->grid.shown == 0 && height) {
    const char *none = *p->filter ? "nothing fits the filter" : "none";
    screen_text(first, 0, screen_width(), none, strlen(none), SCREEN_DIM);
  }
}

/* ---- Lines ---- */

/* How much of a text has room in a line: up to a blank, if there is one. */
static size_t break_at(const char *text, size_t size, size_t width) {
  size_t fits = width_fit(text, size, width), at = fits;
  if (fits == size) return size;
  if (fits == 0) return size; /* a character wider than the screen */
  while (at > fits / 2 && text[at - 1] != ' ') at--;
  return at > fits / 2 ? at : fits;
}

/* Long ones go on in the next; `first` of those that are on the screen, how many there are. */
static size_t draw_wrapped(const struct top *t, size_t first, size_t height, bool draws) {
  size_t n = 0, width = screen_width();
  for (size_t at = 0; at < t->lines.size;) {
    const char *line = t->lines.bytes + at;
    size_t size = strcspn(line, "\n"), part = 0;
    do {
      size_t fits = break_at(line + part, size - part, width);
      if (draws && n >= first && n < first + height)
        screen_text(1 + n - first, 0, width, line + part, fits, SCREEN_PLAIN);
      part += fits;
      n++;
    } while (part < size);
    at += size + 1;
  }
  return n;
}

static void draw_lines(struct top *t) {
  size_t height = draw_height(t);
  struct scroll *s = &t->lines_scroll;
  struct text title = {0};
  text_add_plain(&title, t->title, strlen(t->title));
  put_line(0, &title, SCREEN_BAR);
  text_deinit(&title);
  t->n_lines = draw_wrapped(t, 0, 0, false);
  size_t furthest = t->n_lines > height ? t->n_lines - height : 0;
  if (s->at > furthest) s->at = furthest;
  draw_wrapped(t, s->at, height, true);
}

/* ---- The last line ---- */

static void draw_last(const struct top *t) {
  static const char hints[] = "h help  q quit  / filter  s sort  Enter more  f free  x stop";
  struct text line = {0};
  enum screen_look look = SCREEN_DIM;
  if (t->mode == TOP_FILTER || t->mode == TOP_INTERVAL) {
    text_print(&line, t->mode == TOP_FILTER ? "filter: " : "seconds between pictures: ");
    text_add_plain(&line, t->input, strlen(t->input));
    text_print(&line, "_");
    look = SCREEN_BOLD;
  } else if (t->mode == TOP_CONFIRM) {
    text_print(&line, "stop worker ");
    text_add_plain(&line, t->act_on, strlen(t->act_on));
    text_print(&line, "? y/n");
    look = SCREEN_BAD;
  } else if (*t->message) {
    text_add_plain(&line, t->message, strlen(t->message));
    look = t->message_is_bad ? SCREEN_BAD : SCREEN_BOLD;
  } else if (t->mode == TOP_TEXT) {
    text_print(&line, "Esc back");
    if (t->n_lines > draw_height(t))
      text_print(&line, "  lines %zu to %zu of %zu", t->lines_scroll.at + 1,
                 t->lines_scroll.at + draw_height(t), t->n_lines);
  } else if (*t->feed.fault) {
    text_add_plain(&line, t->feed.fault, strlen(t->feed.fault));
    look = SCREEN_BAD;
  } else {
    text_add(&line, hints, sizeof hints - 1);
  }
  put_line(screen_height() - 1, &line, look);
  text_deinit(&line);
}

void draw(struct top *t) {
  screen_clear();
  if (t->mode == TOP_TEXT) {
    draw_lines(t);
  } else {
    draw_broker(t);
    draw_pages(t);
    draw_table(t);
  }
  draw_last(t);
  screen_show();
}
