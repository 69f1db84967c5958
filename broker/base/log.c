/* SPDX-License-Identifier: MIT
 *
 * Regular files and our own non-blocking descriptors are written plainly. A pipe or terminal is
 * opened again by way of /proc, non-blocking: the mode of the descriptor that we were given is
 * shared with every program that has it. Where that is not possible (no /proc, somebody else's
 * terminal), a pipe takes a flag with each write; a terminal has none, and its mode is changed for
 * the time of the write: that another program's write fails with EAGAIN just then is possible, and
 * better than a broker that hangs in a terminal that was stopped.
 *
 * Each write is of one line, or of one line's rest, of at most PIPE_BUF bytes: in a pipe, lines of
 * several programs do not mix. Whatever the reason why a write fails (no room, disk full, nobody
 * reads any more), the line waits: it may pass.
 */
#define _GNU_SOURCE /* pwritev2 */
#include "broker/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proto/clock.h"

static_assert(LOG_LINE_MOST <= PIPE_BUF, "a line is written at once");

/* ---- The descriptor ---- */

static int reopen(int fd) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void choose_way(struct log *log, int fd) {
  struct stat st;
  log->fd = fd;
  log->way = LOG_PLAINLY;
  if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode)) return;
  if (S_ISSOCK(st.st_mode)) {
    log->way = LOG_SOCKET;
    return;
  }
  int own = reopen(fd);
  log->own_fd = own >= 0;
  if (own >= 0)
    log->fd = own;
  else
    log->way = LOG_BORROWED;
}

bool log_open(struct log *log, enum log_level level, enum log_format format, int fd) {
  *log = (struct log){.level = level, .format = format, .fd = -1,
                      .waiting = malloc(LOG_BUFFER_BYTES)};
  if (!log->waiting) return false;
  choose_way(log, fd);
  return true;
}

/* ---- Writing ---- */

static ssize_t write_with_mode_changed(int fd, const char *bytes, size_t size) {
  int mode = fcntl(fd, F_GETFL);
  if (mode < 0 || fcntl(fd, F_SETFL, mode | O_NONBLOCK) < 0) return -1;
  ssize_t n = write(fd, bytes, size);
  fcntl(fd, F_SETFL, mode);
  return n;
}

static ssize_t write_borrowed(int fd, const char *bytes, size_t size) {
  const struct iovec all = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
  ssize_t n = pwritev2(fd, &all, 1, -1, RWF_NOWAIT);
  bool has_flag = n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL);
  return has_flag ? n : write_with_mode_changed(fd, bytes, size);
}

static ssize_t write_once(const struct log *log, const char *bytes, size_t size) {
  switch (log->way) {
    case LOG_SOCKET: return send(log->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case LOG_BORROWED: return write_borrowed(log->fd, bytes, size);
    default: return write(log->fd, bytes, size);
  }
}

/* Writes whole lines of the buffer, and moves what is left to its begin. */
static void drain(struct log *log) {
  size_t done = 0;
  while (done < log->size) {
    const char *from = log->waiting + done;
    const char *end = memchr(from, '\n', log->size - done);
    assert(end);
    ssize_t n = write_once(log, from, (size_t)(end + 1 - from));
    if (n <= 0) break; /* interrupted, too: the next try is not far */
    done += (size_t)n;
  }
  if (done == 0) return;
  log->size -= done;
  memmove(log->waiting, log->waiting + done, log->size);
}

static void append(struct log *log, const char *line, size_t n) {
  assert(n > 0 && line[n - 1] == '\n' && n <= LOG_BUFFER_BYTES - log->size);
  memcpy(log->waiting + log->size, line, n);
  log->size += n;
}

/* ---- Lines ---- */

/* Most lines are about nobody in particular. */
static const struct log_about nobody = {.uid = LOG_NO_UID};

/* A whole line in `line` (LOG_LINE_MOST bytes); its bytes. What is too long ends in "...". */
__attribute__((format(printf, 5, 0)))
static size_t make_line(char *line, enum log_format form, enum log_level level,
                        const struct log_about *about, const char *format, va_list args) {
  static const char cut[] = "...";
  char text[LOG_LINE_MOST], tail[LOG_TAIL_MOST];
  int wanted = vsnprintf(text, sizeof text, format, args);
  size_t size = wanted < 0 ? 0 : strlen(text);
  size_t n = logline_head(line, form, level, "gaijin-broker", about);
  size_t behind = logline_tail(tail, form, about);
  size_t taken = logline_escape(line + n, LOG_LINE_MOST - n - behind - sizeof cut, form, text, size,
                                "");
  n += strlen(line + n);
  if (taken < (size_t)wanted) {
    memcpy(line + n, cut, sizeof cut - 1);
    n += sizeof cut - 1;
  }
  memcpy(line + n, tail, behind);
  return n + behind;
}

__attribute__((format(printf, 2, 3)))
static void say_lost(struct log *log, const char *format, ...) {
  char line[LOG_LINE_MOST];
  va_list args;
  va_start(args, format);
  size_t n = make_line(line, log->format, LOG_WARN, &nobody, format, args);
  append(log, line, n);
  va_end(args);
}

/* Says how many lines were lost, once half of the buffer is free: not again for each line. */
static void tell_lost(struct log *log) {
  if (!log->lost || log->size > LOG_BUFFER_BYTES / 2) return;
  say_lost(log, "%llu lines lost: they could not be written",
           (unsigned long long)log->lost);
  log->lost = 0;
}

static void flush(struct log *log) {
  drain(log);
  if (!log->lost) return;
  tell_lost(log);
  drain(log);
}

bool log_waits(const struct log *log) {
  return log->size > 0 || log->lost > 0 || log->thin.left_out > 0;
}

__attribute__((format(printf, 4, 0)))
static void write_line(struct log *log, enum log_level level, const struct log_about *about,
                       const char *format, va_list args) {
  char line[LOG_LINE_MOST];
  if (!log->waiting) return;
  size_t n = make_line(line, log->format, level, about, format, args);
  if (log->size || log->lost) flush(log);
  if (log->lost || n > LOG_BUFFER_BYTES - log->size) {
    log->lost++;
    log->lost_ever++;
    return;
  }
  append(log, line, n);
  drain(log);
}

void log_line(struct log *log, enum log_level level, const char *format, ...) {
  if (level > log->level) return;
  va_list args;
  va_start(args, format);
  write_line(log, level, &nobody, format, args);
  va_end(args);
}

void log_told(struct log *log, const char *format, ...) {
  va_list args;
  va_start(args, format);
  write_line(log, LOG_INFO, &nobody, format, args);
  va_end(args);
}

/* Writes it at every level. */
__attribute__((format(printf, 4, 5)))
static void write_always(struct log *log, enum log_level level, const struct log_about *about,
                         const char *format, ...) {
  va_list args;
  va_start(args, format);
  write_line(log, level, about, format, args);
  va_end(args);
}

__attribute__((format(printf, 5, 0)))
static void write_thinned(struct log *log, enum log_level level, enum log_cause cause,
                          const struct log_about *about, const char *format, va_list args) {
  char text[LOG_LINE_MOST], more[64] = "";
  uint64_t left_out;
  if (!thin_allows(&log->thin, cause, about->uid, clock_seconds(), &left_out)) return;
  vsnprintf(text, sizeof text, format, args);
  if (left_out)
    snprintf(more, sizeof more, " (%llu more like this)", (unsigned long long)left_out);
  write_always(log, level, about, "%s%s", text, more);
}

void log_peer(struct log *log, enum log_level level, enum log_cause cause, struct log_about about,
              const char *format, ...) {
  if (level > log->level) return;
  va_list args;
  va_start(args, format);
  write_thinned(log, level, cause, &about, format, args);
  va_end(args);
}

void log_asked(struct log *log, enum log_cause cause, const char *format, ...) {
  va_list args;
  va_start(args, format);
  write_thinned(log, LOG_INFO, cause, &nobody, format, args);
  va_end(args);
}

/* ---- Later ---- */

static void tell_left_out(struct log *log, bool all) {
  struct thin_rest rest;
  while (thin_take(&log->thin, clock_seconds(), all, &rest)) {
    char whose[32] = "";
    if (rest.uid != LOG_NO_UID) snprintf(whose, sizeof whose, " (user %u)", (unsigned)rest.uid);
    log_line(log, LOG_WARN, "%llu more lines about %s%s were left out",
             (unsigned long long)rest.left_out, thin_subject(rest.cause), whose);
  }
}

void log_flush(struct log *log) {
  if (!log->waiting) return;
  tell_left_out(log, false);
  flush(log);
}

void log_carry(struct log *log, struct sheet *s) {
  sheet_mark(s, 'O');
  SHEET(s, log->lost);
  SHEET(s, log->lost_ever);
  SHEET(s, log->size);
  if (log->size > LOG_BUFFER_BYTES) sheet_fail(s, "more lines wait than there is room for");
  if (!s->fault) sheet_bytes(s, log->waiting, log->size);
  if (s->fault) log->size = 0;
  thin_carry(&log->thin, s);
}

void log_close(struct log *log) {
  if (!log->waiting) return;
  tell_left_out(log, true);
  log_flush(log);
  if (log->own_fd) close(log->fd);
  free(log->waiting);
  *log = (struct log){.fd = -1};
}
