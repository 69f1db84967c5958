/* SPDX-License-Identifier: MIT
 *
 * One line per event on stderr: time, level, text.
 */
#ifndef GAIJIN_BROKER_LOG_H
#define GAIJIN_BROKER_LOG_H

/* In the order of the words of SETTING_log_level. */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log {
  enum log_level level; /* lines above it are not written */
};

/* Writes a line if the level allows; no newline in the format. */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
