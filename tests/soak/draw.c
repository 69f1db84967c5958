/* SPDX-License-Identifier: MIT
 *
 * A panel shows a few columns against time, in a unit of its own; what was taken at rest is dotted.
 * A column that a file does not have is left out.
 */
#include "tests/soak/draw.h"

#include <math.h>
#include <string.h>

#include "proto/base.h"

enum { WIDTH = 960, LEFT = 70, RIGHT = 190, TOP = 64, PANEL = 130, GAP = 44, FOOT = 44, LINES = 6 };

/* A process has the same colour in all panels that show several. */
enum colour { BROKER, HOST, CALLER_1, CALLER_2, ECHO, WITNESS, COLOURS };

struct line {
  const char *column, *label;
  enum colour colour;
};

struct panel {
  const char *title, *unit;
  double scale; /* of a cell, to the unit */
  bool log;     /* the axis is logarithmic */
  struct line lines[LINES];
};

static const struct panel panels[] = {
    {"Memory of the broker", "MiB", 1.0 / 1024, false,
     {{"broker.rss_kib", "resident", BROKER}, {"broker.anon_kib", "of it private", WITNESS}}},
    {"Resident memory of the workers that stay", "MiB", 1.0 / 1024, false,
     {{"host.rss_kib", "host (attacked)", HOST}, {"caller-1.rss_kib", "caller-1", CALLER_1},
      {"caller-2.rss_kib", "caller-2", CALLER_2}, {"echo.rss_kib", "echo", ECHO},
      {"witness.rss_kib", "witness", WITNESS}}},
    {"Allocated and not freed", "KiB", 1, true,
     {{"broker.in_use_kib", "broker", BROKER}, {"host.in_use_kib", "host (attacked)", HOST},
      {"caller-1.in_use_kib", "caller-1", CALLER_1}, {"caller-2.in_use_kib", "caller-2", CALLER_2},
      {"echo.in_use_kib", "echo", ECHO}, {"witness.in_use_kib", "witness", WITNESS}}},
    {"Lua heaps after a full collection", "KiB", 1, false,
     {{"host.heap_kib", "host", HOST}, {"caller-1.heap_kib", "caller-1", CALLER_1},
      {"caller-2.heap_kib", "caller-2", CALLER_2}, {"echo.heap_kib", "echo", ECHO},
      {"witness.heap_kib", "witness", WITNESS}}},
    {"Tokens that the broker knows", "", 1, false, {{"all.tokens", "tokens", BROKER}}},
    {"Open descriptors", "", 1, false,
     {{"broker.descriptors", "broker", BROKER}, {"host.descriptors", "host", HOST},
      {"caller-1.descriptors", "caller-1", CALLER_1}}},
    {"Time of a call of the witness", "ms", 1e-3, true,
     {{"witness.p99_us", "99 of 100", WITNESS}, {"witness.p50_us", "half of them", CALLER_1}}},
};

static const char *const colours[COLOURS] = {"#3b82c4", "#d97a26", "#3a9d5d",
                                             "#a866c4", "#c0504d", "#808890"};

struct drawing {
  const struct rows *rows;
  FILE *out;
  double seconds;
  const struct panel *panel;
  double y, low, high; /* of the panel: its top, and what its axis shows */
};

/* ---- Axes ---- */

static double x_of(const struct drawing *d, double time) {
  return LEFT + time / d->seconds * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct drawing *d, double value) {
  double low = d->low, high = d->high;
  if (d->panel->log) {
    value = log10(value > low ? value : low);
    low = log10(low);
    high = log10(high);
  }
  return d->y + PANEL - (value - low) / (high - low) * PANEL;
}

/* The next of 1, 2, 5, 10, 20, ... */
static double round_up(double value) {
  double power = pow(10, floor(log10(value)));
  return power * (value <= power ? 1 : value <= 2 * power ? 2 : value <= 5 * power ? 5 : 10);
}

static double most_of(const struct drawing *d) {
  double most = 0;
  for (size_t k = 0; k < LINES && d->panel->lines[k].column; k++) {
    size_t column = rows_find(d->rows, d->panel->lines[k].column);
    for (size_t i = 0; column < d->rows->columns && i < d->rows->n; i++)
      most = fmax(most, rows_get(d->rows, i, column) * d->panel->scale);
  }
  return most > 0 ? most : 1;
}

static double least_of(const struct drawing *d) {
  double least = d->high;
  for (size_t k = 0; k < LINES && d->panel->lines[k].column; k++) {
    size_t column = rows_find(d->rows, d->panel->lines[k].column);
    for (size_t i = 0; column < d->rows->columns && i < d->rows->n; i++) {
      double value = rows_get(d->rows, i, column) * d->panel->scale;
      if (value > 0) least = fmin(least, value);
    }
  }
  return least;
}

static void text(const struct drawing *d, double x, double y, const char *anchor, const char *class,
                 const char *s) {
  fprintf(d->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n", x, y,
          anchor, class, s);
}

static void grid_line(const struct drawing *d, double value) {
  char number[32];
  double y = y_of(d, value);
  fprintf(d->out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, y, WIDTH - RIGHT);
  snprintf(number, sizeof number, "%.6g", value);
  text(d, LEFT - 8, y + 4, "end", "tick", number);
}

static void vertical_axis(struct drawing *d) {
  double most = most_of(d);
  d->low = 0;
  if (d->panel->log) {
    d->high = pow(10, ceil(log10(most) - 1e-9));
    d->low = pow(10, floor(log10(least_of(d)) + 1e-9));
    if (d->low >= d->high) d->low = d->high / 10;
    for (double v = d->low; v <= d->high * 1.001; v *= 10) grid_line(d, v);
  } else {
    double step = round_up(most / 4);
    d->high = step * ceil(most / step);
    for (double v = 0; v <= d->high * 1.001; v += step) grid_line(d, v);
  }
}

static void time_axis(const struct drawing *d, double bottom) {
  bool minutes = d->seconds > 120;
  double unit = minutes ? 60 : 1, step = round_up(d->seconds / unit / 8) * unit;
  for (double t = 0; t <= d->seconds * 1.001; t += step) {
    char number[32];
    snprintf(number, sizeof number, "%g", t / unit);
    text(d, x_of(d, t), bottom + 18, "middle", "tick", number);
  }
  text(d, WIDTH - RIGHT + 14, bottom + 18, "start", "tick", minutes ? "minutes" : "seconds");
}

/* ---- Lines ---- */

static void draw_line(const struct drawing *d, size_t column, const char *colour) {
  fprintf(d->out, "<path class=\"line\" stroke=\"%s\" d=\"", colour);
  for (size_t i = 0; i < d->rows->n; i++)
    fprintf(d->out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(d, rows_get(d->rows, i, COLUMN_TIME)),
            y_of(d, rows_get(d->rows, i, column) * d->panel->scale));
  fputs("\"/>\n", d->out);
  for (size_t i = 0; i < d->rows->n; i++) {
    if (rows_get(d->rows, i, COLUMN_REST) == 0) continue;
    fprintf(d->out, "<circle r=\"2.2\" cx=\"%.1f\" cy=\"%.1f\" fill=\"%s\"/>\n",
            x_of(d, rows_get(d->rows, i, COLUMN_TIME)),
            y_of(d, rows_get(d->rows, i, column) * d->panel->scale), colour);
  }
}

static void draw_panel(struct drawing *d, const struct panel *p) {
  char title[128];
  d->panel = p;
  vertical_axis(d);
  snprintf(title, sizeof title, "%s%s%s%s", p->title, *p->unit ? ", " : "", p->unit,
           p->log ? " (logarithmic)" : "");
  text(d, LEFT, d->y - 10, "start", "title", title);
  for (size_t k = 0; k < LINES && p->lines[k].column; k++) {
    size_t column = rows_find(d->rows, p->lines[k].column);
    if (column == d->rows->columns) continue;
    draw_line(d, column, colours[p->lines[k].colour]);
    double y = d->y + 12 + 20 * (double)k;
    fprintf(d->out, "<path class=\"line\" stroke=\"%s\" d=\"M%d %.1fh18\"/>\n",
            colours[p->lines[k].colour], WIDTH - RIGHT + 14, y - 4);
    text(d, WIDTH - RIGHT + 38, y, "start", "tick", p->lines[k].label);
  }
}

static double last_of(const struct rows *r, const char *name) {
  size_t column = rows_find(r, name);
  return column < r->columns && r->n ? rows_get(r, r->n - 1, column) : 0;
}

static void draw_head(const struct drawing *d) {
  char line[256];
  const struct rows *r = d->rows;
  fputs("<style>text{font:12px sans-serif;fill:#808890}.title{font-weight:bold}"
        ".tick{font-size:11px}.grid{stroke:#808890;stroke-opacity:.3;fill:none}"
        ".line{fill:none;stroke-width:1.4}</style>\n",
        d->out);
  snprintf(line, sizeof line,
           "%.0f workers killed, %.0f left in order; %.0f attacks; %.0f reloads of the policy; "
           "%.0f runs of gaijinctl",
           last_of(r, "upsets.killed"),
           last_of(r, "upsets.left"), last_of(r, "upsets.attacks"), last_of(r, "upsets.reloads"),
           last_of(r, "upsets.looks"));
  text(d, LEFT, 20, "start", "title", line);
  text(d, LEFT, 37, "start", "tick", "Dots: at rest, when nothing is under way");
}

bool draw_rows(const struct rows *r, const char *path) {
  double height = TOP + (double)ARRAY_SIZE(panels) * (PANEL + GAP) - GAP + FOOT;
  struct drawing d = {.rows = r, .out = fopen(path, "we"), .y = TOP};
  if (!d.out) return false;
  d.seconds = r->n ? rows_get(r, r->n - 1, COLUMN_TIME) : 0;
  if (d.seconds <= 0) d.seconds = 1;
  fputs("<svg xmlns=\"http://www.w3.org/2000/svg\" ", d.out);
  fprintf(d.out, "viewBox=\"0 0 %d %.0f\" width=\"%d\">\n", WIDTH, height, WIDTH);
  draw_head(&d);
  for (size_t i = 0; i < ARRAY_SIZE(panels); i++, d.y += PANEL + GAP) {
    draw_panel(&d, &panels[i]);
    time_axis(&d, d.y + PANEL);
  }
  fputs("</svg>\n", d.out);
  bool ok = !ferror(d.out);
  return fclose(d.out) == 0 && ok;
}
