/* SPDX-License-Identifier: MIT
 */
#include "tools/top/pages/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "tools/top/pages/acts.h"
#include "tools/top/pages/draw.h"
#include "tools/top/pages/pages.h"

static const struct {
  const char *keys, *what;
} help[] = {
    {"1 2 3, Tab", "workers, tokens, operations; the next page"},
    {"Up Down PgUp PgDn Home End", "choose a line; Home stays at the first"},
    {"s >, <", "sort by the next column, by the one before"},
    {"r", "the other way round"},
    {"/", "only lines with this text; Esc shows all again"},
    {"Enter", "from a worker to its tokens, from these to why"},
    {"Esc", "back"},
    {"f", "free: the worker, or who holds the token, collects"},
    {"x", "stop the worker, after a question"},
    {"t", "times of the last interval, or of all so far"},
    {"d", "seconds between two pictures"},
    {"Space", "pause, and go on"},
    {"Ctrl-L", "draw all of it anew"},
    {"h ?", "this help"},
    {"q", "quit"},
};

static void show_help(struct top *t) {
  size_t count;
  t->mode = TOP_TEXT;
  t->lines_scroll = (struct scroll){0};
  t->lines.size = 0;
  snprintf(t->title, sizeof t->title, "gaijinctl top: help");
  for (size_t i = 0; i < ARRAY_SIZE(help); i++)
    text_print(&t->lines, "%-27s %s\n", help[i].keys, help[i].what);
  text_print(&t->lines, "\nColumns of this page; - and + behind one: it sorts, downwards or up.\n");
  const struct column *columns = sample_columns(t->page, &count);
  for (size_t i = 0; i < count; i++)
    text_print(&t->lines, "%-12s %s\n", columns[i].name, columns[i].what);
}

/* ---- What is typed ---- */

/* UTF-8. */
static void add_character(char *input, uint32_t code) {
  char bytes[5] = "";
  if (code < 0x80)
    bytes[0] = (char)code;
  else if (code < 0x800)
    snprintf(bytes, sizeof bytes, "%c%c", (char)(0xc0 | code >> 6), (char)(0x80 | (code & 63)));
  else if (code < 0x10000)
    snprintf(bytes, sizeof bytes, "%c%c%c", (char)(0xe0 | code >> 12),
             (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63)));
  else
    snprintf(bytes, sizeof bytes, "%c%c%c%c", (char)(0xf0 | code >> 18),
             (char)(0x80 | (code >> 12 & 63)), (char)(0x80 | (code >> 6 & 63)),
             (char)(0x80 | (code & 63)));
  if (strlen(input) + strlen(bytes) <= TOP_INPUT_MOST) strcat(input, bytes);
}

static void take_back(char *input) {
  size_t n = strlen(input);
  while (n && (input[--n] & 0xc0) == 0x80) continue;
  input[n] = 0;
}

static void set_filter(struct top *t, const char *text) {
  snprintf(t->pages[t->page].filter, sizeof t->pages[t->page].filter, "%s", text);
  pages_filtered(t);
}

static void set_interval(struct top *t) {
  char *end;
  double seconds = strtod(t->input, &end);
  bool good = *t->input && !*end && seconds >= KEYS_INTERVAL_LEAST && seconds <= KEYS_INTERVAL_MOST;
  if (!good) {
    top_say(t, true, "the interval is a number from %g to %d", KEYS_INTERVAL_LEAST,
            KEYS_INTERVAL_MOST);
    return;
  }
  t->interval = seconds;
  t->due = 0;
  top_say(t, false, "every %g s", seconds);
}

static void take_typed(struct top *t, struct screen_key k) {
  bool is_filter = t->mode == TOP_FILTER;
  switch (k.type) {
    case KEY_IS_CHARACTER: add_character(t->input, k.code); break;
    case KEY_IS_BACKSPACE: take_back(t->input); break;
    case KEY_IS_ESCAPE:
      t->mode = TOP_TABLE;
      *t->input = 0;
      break;
    case KEY_IS_ENTER:
      t->mode = TOP_TABLE;
      if (!is_filter) set_interval(t);
      return;
    default: return;
  }
  if (is_filter) set_filter(t, t->input);
}

static void take_confirm(struct top *t, struct screen_key k) {
  t->mode = TOP_TABLE;
  if (k.type == KEY_IS_CHARACTER && (k.code == 'y' || k.code == 'Y')) {
    acts_stop(t);
    return;
  }
  t->act = ACT_NONE;
  top_say(t, false, "%s was not stopped", t->act_on);
}

/* ---- Moving ---- */

/* How far a key moves, on a page of so many lines; 0: it is none of these. */
static long distance_of(enum screen_key_type type, size_t height) {
  long page = height > 1 ? (long)height - 1 : 1;
  switch (type) {
    case KEY_IS_UP: return -1;
    case KEY_IS_DOWN: return 1;
    case KEY_IS_PAGE_UP: return -page;
    case KEY_IS_PAGE_DOWN: return page;
    case KEY_IS_HOME: return INT32_MIN;
    case KEY_IS_END: return INT32_MAX;
    default: return 0;
  }
}

static void take_lines(struct top *t, struct screen_key k) {
  size_t height = draw_height(t);
  long distance = distance_of(k.type, height);
  size_t places = t->n_lines > height ? t->n_lines - height + 1 : 1;
  bool is_end = k.type == KEY_IS_ESCAPE || (k.type == KEY_IS_CHARACTER && k.code == 'q');
  if (is_end)
    acts_leave_lines(t);
  else if (distance)
    scroll_move(&t->lines_scroll, places, distance);
}

static void descend(struct top *t) {
  const struct worker *w = pages_worker(t);
  if (w) {
    snprintf(t->host, sizeof t->host, "%s", w->name);
    feed_forget_tokens(&t->feed);
    t->pages[SAMPLE_TOKENS].scroll = (struct scroll){0};
    pages_go(t, SAMPLE_TOKENS);
  } else if (t->page == SAMPLE_TOKENS) {
    acts_why(t);
  }
}

static void ascend(struct top *t) {
  if (*t->pages[t->page].filter) {
    set_filter(t, "");
  } else if (t->page == SAMPLE_TOKENS && *t->host) {
    *t->host = 0;
    feed_forget_tokens(&t->feed);
    pages_go(t, SAMPLE_WORKERS);
  }
}

/* ---- Characters ---- */

/* Typed by itself, a page is one of all. */
static void go(struct top *t, enum sample_page page) {
  if (page == SAMPLE_TOKENS && *t->host) {
    *t->host = 0;
    feed_forget_tokens(&t->feed);
  }
  pages_go(t, page);
}

static void begin_typing(struct top *t, enum top_mode mode, const char *text) {
  t->mode = mode;
  snprintf(t->input, sizeof t->input, "%s", text);
}

static void take_character(struct top *t, uint32_t code) {
  switch (code) {
    case '1': go(t, SAMPLE_WORKERS); break;
    case '2': go(t, SAMPLE_TOKENS); break;
    case '3': go(t, SAMPLE_OPERATIONS); break;
    case 's':
    case '>': pages_sort(t, 1); break;
    case '<': pages_sort(t, -1); break;
    case 'r': pages_reverse(t); break;
    case '/': begin_typing(t, TOP_FILTER, t->pages[t->page].filter); break;
    case 'd': begin_typing(t, TOP_INTERVAL, ""); break;
    case 'f': acts_free(t); break;
    case 'x': acts_ask_stop(t); break;
    case 't':
      t->all_times = !t->all_times;
      pages_build(t);
      break;
    case ' ':
      t->is_paused = !t->is_paused;
      t->due = 0;
      break;
    case 'h':
    case '?': show_help(t); break;
    case 'q': t->is_over = true; break;
    default: break;
  }
}

static void take_table(struct top *t, struct screen_key k) {
  struct page *p = &t->pages[t->page];
  long distance = distance_of(k.type, draw_height(t));
  if (k.type == KEY_IS_HOME) {
    scroll_home(&p->scroll);
    return;
  }
  if (distance) {
    scroll_move(&p->scroll, t->grid.shown, distance);
    scroll_note(&p->scroll, &t->grid);
    return;
  }
  switch (k.type) {
    case KEY_IS_TAB: go(t, (t->page + 1) % SAMPLE_PAGES); break;
    case KEY_IS_BACK_TAB: go(t, (t->page + SAMPLE_PAGES - 1) % SAMPLE_PAGES); break;
    case KEY_IS_ENTER: descend(t); break;
    case KEY_IS_ESCAPE: ascend(t); break;
    case KEY_IS_CHARACTER: take_character(t, k.code); break;
    default: break;
  }
}

void keys_take(struct top *t, struct screen_key k) {
  *t->message = 0;
  switch (t->mode) {
    case TOP_TABLE: take_table(t, k); break;
    case TOP_FILTER:
    case TOP_INTERVAL: take_typed(t, k); break;
    case TOP_CONFIRM: take_confirm(t, k); break;
    case TOP_TEXT: take_lines(t, k); break;
  }
}
