/* SPDX-License-Identifier: MIT
 *
 * One reading of the clock for each line, and nothing that takes a lock. Names have at most 65
 * bytes, each 12 at most in JSON.
 */
#include "proto/logline.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/printable.h"

static const char *const levels[] = {"error", "warn", "info", "debug"};
static const int journal_levels[] = {3, 4, 6, 7}; /* as syslog(3) counts them */

uint64_t log_wall_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Not gmtime_r, which takes a lock: a signal handler may be
 * what writes a program's last line. The year is counted from March on, so that the day that some
 * have more is their last. */
size_t logline_time(char out[LOG_TIME_BYTES]) {
  enum { DAYS_TO_1970 = 719468, DAYS_OF_400 = 146097, DAYS_OF_100 = 36524, DAYS_OF_4 = 1461 };
  uint64_t us = log_wall_us(), seconds = us / 1000000;
  unsigned long days = (unsigned long)(seconds / 86400) + DAYS_TO_1970, age = days / DAYS_OF_400;
  unsigned day = (unsigned)(days % DAYS_OF_400), of_day = (unsigned)(seconds % 86400);
  unsigned year = (day - day / (DAYS_OF_4 - 1) + day / DAYS_OF_100 - day / (DAYS_OF_400 - 1)) / 365;
  unsigned in_year = day - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
  return (size_t)snprintf(out, LOG_TIME_BYTES, "%04lu-%02u-%02uT%02u:%02u:%02u.%03uZ",
                          age * 400 + year + (month >= 10), month < 10 ? month + 3 : month - 9,
                          in_year - (153 * month + 2) / 5 + 1, of_day / 3600, of_day / 60 % 60,
                          of_day % 60, (unsigned)(us / 1000 % 1000));
}

/* The whole text, or what there is room for and "..."; its bytes. */
static size_t put_text(char *out, size_t n, enum log_format format, const char *text) {
  static const char cut[] = "...";
  size_t size = strlen(text);
  bool whole = logline_escape(out, n - sizeof cut, format, text, size, "") == size;
  if (!whole) memcpy(out + strlen(out), cut, sizeof cut);
  return strlen(out);
}

/* `,"key":"text"`; its bytes. */
static size_t put_member(char *out, size_t n, const char *key, const char *text) {
  size_t size = (size_t)snprintf(out, n, ",\"%s\":\"", key);
  size += put_text(out + size, n - size - 1, LOG_JSON, text);
  out[size++] = '"';
  return size;
}

static size_t put_about(char *out, size_t n, const struct log_about *a) {
  size_t size = 0;
  if (a->worker && *a->worker)
    size += put_member(out, n, *a->worker == '@' ? "observer" : "worker",
                       a->worker + (*a->worker == '@'));
  /* As a text: a reader that has doubles only would change it. */
  if (a->id)
    size += (size_t)snprintf(out + size, n - size, ",\"id\":\"%016llx\"",
                             (unsigned long long)a->id);
  if (a->pid > 0) size += (size_t)snprintf(out + size, n - size, ",\"pid\":%ld", (long)a->pid);
  if (a->uid != LOG_NO_UID)
    size += (size_t)snprintf(out + size, n - size, ",\"uid\":%lu", (unsigned long)a->uid);
  return size;
}

size_t logline_head(char out[LOG_HEAD_MOST], enum log_format format, enum log_level level,
                    const char *program, const struct log_about *about) {
  static const char begin[] = "{\"time\":\"", event[] = ",\"event\":\"";
  const char *word = levels[level];
  size_t n = 0;
  if (format == LOG_JOURNAL)
    return (size_t)snprintf(out, LOG_HEAD_MOST, "<%d>%s: ", journal_levels[level], word);
  if (format == LOG_TEXT) {
    n = logline_time(out);
    return n + (size_t)snprintf(out + n, LOG_HEAD_MOST - n, " %s %s: ", program, word);
  }
  memcpy(out, begin, sizeof begin);
  n = sizeof begin - 1;
  n += logline_time(out + n);
  n += (size_t)snprintf(out + n, LOG_HEAD_MOST - n, "\",\"level\":\"%s\",\"program\":\"%s\"",
                        word, program);
  n += put_about(out + n, LOG_HEAD_MOST - sizeof event - n, about);
  memcpy(out + n, event, sizeof event);
  n += sizeof event - 1;
  assert(n < LOG_HEAD_MOST);
  return n;
}

size_t logline_more(char out[LOG_MORE_BYTES], enum log_format format, enum log_level level) {
  *out = '\0';
  return format == LOG_JOURNAL
             ? (size_t)snprintf(out, LOG_MORE_BYTES, "<%d>", journal_levels[level]) : 0;
}

size_t logline_escape(char *out, size_t n, enum log_format format, const char *text, size_t size,
                      const char *kept) {
  return format == LOG_JSON ? printable_json(out, n, text, size)
                            : printable_escape(out, n, text, size, kept);
}

size_t logline_tail(char out[LOG_TAIL_MOST], enum log_format format,
                    const struct log_about *about) {
  const char *why = about->why && *about->why ? about->why : NULL;
  size_t n = 0, room = LOG_TAIL_MOST - sizeof "\"}\n";
  if (format == LOG_JSON) {
    out[n++] = '"';
    if (why) n += put_member(out + n, room - n, "cause", why);
    out[n++] = '}';
  } else if (why) {
    memcpy(out, ": ", 2);
    n = 2 + put_text(out + 2, room - 2, format, why);
  }
  out[n++] = '\n';
  out[n] = '\0';
  return n;
}
