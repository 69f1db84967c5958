/* SPDX-License-Identifier: MIT
 *
 * A line leaves in one go, head and end included, as soon as its end was read;
 * an unfinished one waits. Bytes are passed on as they are (but is_plain), and none is dropped
 * where that would not be better than to stand still (lost).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2 */
#endif
#include "tools/run/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/logline.h"

char *output_head(const char *name, size_t width, size_t index, bool colour) {
  static const char *const colours[] = {"36", "33", "32", "35", "34", "31"};
  struct text t = {0};
  size_t own = text_width(name, strlen(name));
  if (colour) text_print(&t, "\033[%sm", colours[index % (sizeof colours / sizeof colours[0])]);
  text_print(&t, "%s%*s |", name, (int)(width > own ? width - own : 0), "");
  text_print(&t, colour ? "\033[0m " : " ");
  return t.bytes;
}

int output_open(struct output *o, int *write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
    int e = errno;
    close(ends[0]);
    close(ends[1]);
    return e;
  }
  o->fd = ends[0];
  *write_end = ends[1];
  return 0;
}

/* What was printed has left, and all of it. */
static bool has_left(FILE *to) { return fflush(to) == 0 && !ferror(to); }

static bool is_printed(const struct output *o) { return !o->to || has_left(o->to); }

/* Of a line that did not leave as a whole its begin may have: the next one begins anew. */
static void note_lost(struct output *o) {
  clearerr(o->to);
  ++*o->lost;
}

void output_tell_lost(FILE *to, const char *mark, unsigned long *lost) {
  clearerr(to); /* others write there, and what they lost is theirs */
  if (!*lost) return;
  fprintf(to, "\n%sgaijinctl: run: %lu lines were lost: nobody read them\n", mark, *lost);
  if (has_left(to))
    *lost = 0;
  else
    clearerr(to);
}

static void print_plain(const struct output *o) {
  char escaped[1024];
  for (size_t at = 0; at < o->line.size;) {
    at += logline_escape(escaped, sizeof escaped, LOG_TEXT, o->line.bytes + at, o->line.size - at,
                         "\t");
    fputs(escaped, o->to);
  }
}

static void print_to(const struct output *o) {
  char stamp[LOG_TIME_BYTES];
  fputs(o->level, o->to);
  if (o->stamped) {
    logline_time(stamp);
    fprintf(o->to, "%s ", stamp);
  }
  fputs(o->head, o->to);
  if (o->is_plain)
    print_plain(o);
  else
    fwrite(o->line.bytes, 1, o->line.size, o->to);
  fputc('\n', o->to);
}

static void print_line(struct output *o) {
  if (o->to && o->lost) output_tell_lost(o->to, o->mark, o->lost);
  if (o->to) print_to(o);
  if (o->to && o->lost && !is_printed(o)) note_lost(o);
  o->seen(o->user, o->line.bytes ? o->line.bytes : "", o->line.size);
  o->line.size = 0;
}

static void take(struct output *o, const char *p, size_t n) {
  while (n) {
    const char *end = memchr(p, '\n', n);
    size_t piece = end ? (size_t)(end - p) : n, room = OUTPUT_LINE_MOST - o->line.size;
    bool cut = piece > room;
    if (cut) piece = room;
    text_add(&o->line, p, piece);
    if (end || cut) print_line(o);
    if (end && !cut) piece++;
    p += piece;
    n -= piece;
  }
}

enum output_end output_read(struct output *o, size_t most) {
  char buffer[1 << 16];
  enum output_end end = OUTPUT_MORE;
  for (size_t got = 0; got < most;) {
    ssize_t n = read(o->fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) {
      end = OUTPUT_CLOSED;
      break;
    }
    take(o, buffer, (size_t)n);
    got += (size_t)n;
  }
  return o->lost || is_printed(o) ? end : OUTPUT_BROKEN;
}

bool output_close(struct output *o) {
  if (o->fd < 0) return true;
  close(o->fd);
  o->fd = -1;
  if (o->line.size) print_line(o);
  text_deinit(&o->line);
  return o->lost || is_printed(o);
}
