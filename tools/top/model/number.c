/* SPDX-License-Identifier: MIT
 *
 * Units of a thousand, of bytes 1,024; one decimal where there is one digit before it.
 */
#include "tools/top/model/number.h"

/* Adds v of so many of a unit, the first that leaves less than `step` of it. */
static void add(struct text *t, double v, double step, const char *const *units) {
  size_t i = 0;
  while (v >= step - 0.5 && units[i + 1]) {
    v /= step;
    i++;
  }
  text_print(t, v < 9.95 && i ? "%.1f%s" : "%.0f%s", v, units[i]);
}

void number_count(struct text *t, double v) {
  static const char *const units[] = {"", "k", "M", "G", "T", NULL};
  if (v < 99999.5)
    text_print(t, "%.0f", v);
  else
    add(t, v, 1000, units);
}

void number_rate(struct text *t, double v) {
  if (v > 0 && v < 9.95)
    text_print(t, "%.1f", v);
  else
    number_count(t, v);
}

void number_bytes(struct text *t, double v) {
  static const char *const units[] = {"", "K", "M", "G", "T", NULL};
  add(t, v, 1024, units);
}

void number_part(struct text *t, double v) { text_print(t, "%.0f%%", v * 100); }

void number_us(struct text *t, double us) {
  static const char *const units[] = {"us", "ms", "s", NULL};
  add(t, us, 1000, units);
}

void number_age(struct text *t, double s) {
  if (s < 120)
    text_print(t, "%.0fs", s);
  else if (s < 7200)
    text_print(t, "%.0fm", s / 60);
  else if (s < 172800)
    text_print(t, "%.0fh", s / 3600);
  else
    text_print(t, "%.0fd", s / 86400);
}

void number_whole(struct text *t, double v) { text_print(t, "%.0f", v); }
