/* SPDX-License-Identifier: MIT
 *
 * A line is made once, for all who get it.
 */
#include "tools/run/core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/text.h"

void run_log_line(struct worker *w, enum log_level level, const char *bytes, size_t size) {
  static const char *const levels[] = {"error", "warn", "info", "debug"};
  char stamp[LOG_TIME_BYTES];
  struct text t = {0};
  char escaped[1024];
  logline_time(stamp);
  text_print(&t, "%s %s %s: ", stamp, levels[level], w->plan->name);
  for (size_t at = 0; at < size;) {
    at += logline_escape(escaped, sizeof escaped, LOG_TEXT, bytes + at, size - at, "\t");
    text_add(&t, escaped, strlen(escaped));
  }
  line_ring_add(w->lines, w->run->lines++, t.bytes, t.size);
  log_file_write(&w->log, t.bytes, t.size);
  w->run->line(w, t.bytes, t.size);
  text_deinit(&t);
}

void run_log_event(struct worker *w, const char *format, ...) {
  char text[512];
  va_list values;
  va_start(values, format);
  int n = vsnprintf(text, sizeof text, format, values);
  va_end(values);
  tool_say(LOG_WARN, "run: worker %s %s", w->plan->name, text);
  if (n > 0) run_log_line(w, LOG_WARN, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}
