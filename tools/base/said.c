/* SPDX-License-Identifier: MIT
 *
 * stderr is another descriptor meanwhile, so that it does not matter who writes, or how.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create */
#endif
#include "tools/base/said.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void said_begin(struct said *s) {
  *s = (struct said){.kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3),
                     .file = memfd_create("said", MFD_CLOEXEC)};
  if (s->kept >= 0 && s->file >= 0 && dup2(s->file, STDERR_FILENO) >= 0) return;
  if (s->kept >= 0) close(s->kept);
  if (s->file >= 0) close(s->file);
  s->file = -1;
}

void said_end(const struct said *s, struct text *out) {
  char piece[4096];
  ssize_t n;
  if (s->file < 0) return;
  dup2(s->kept, STDERR_FILENO);
  close(s->kept);
  lseek(s->file, 0, SEEK_SET);
  while ((n = read(s->file, piece, sizeof piece)) > 0) text_add(out, piece, (size_t)n);
  close(s->file);
}

bool said_next(const char **at, const char **line, size_t *size) {
  static const char prefix[] = "gaijinctl: ";
  if (!*at || !**at) return false;
  const char *begin = *at;
  size_t n = strcspn(begin, "\n");
  *at = begin + n + (begin[n] == '\n');
  if (strncmp(begin, prefix, sizeof prefix - 1) == 0) {
    begin += sizeof prefix - 1;
    n -= sizeof prefix - 1;
  }
  *line = begin;
  *size = n;
  return true;
}
