/* SPDX-License-Identifier: MIT
 *
 * A line is made in a buffer and written at once, so that lines of several
 * processes on one stderr do not mix.
 */
#include "broker/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "proto/settings/settings.h"

void log_line(const struct log *log, enum log_level level, const char *format, ...) {
  if (level > log->level) return;
  char line[1024];
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
  const char *word = setting_info(SETTING_log_level)->words[level];
  n += (size_t)snprintf(line + n, sizeof line - n, ".%03ldZ gaijin-broker %s: ",
                        now.tv_nsec / 1000000, word);
  va_list args;
  va_start(args, format);
  int more = vsnprintf(line + n, sizeof line - n - 1, format, args);
  va_end(args);
  if (more > 0) n += (size_t)more < sizeof line - n - 1 ? (size_t)more : sizeof line - n - 2;
  line[n++] = '\n';
  /* A log that cannot be written has nobody else to be reported to. */
  if (write(STDERR_FILENO, line, n) < 0) return;
}
