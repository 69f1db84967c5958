/* SPDX-License-Identifier: MIT
 *
 * What a test's own process writes to one of its descriptors, in a memory file.
 */
#ifndef GAIJIN_TESTS_CAPTURED_H
#define GAIJIN_TESTS_CAPTURED_H

#ifndef _GNU_SOURCE
#error "captured.h needs _GNU_SOURCE (memfd_create)"
#endif
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/run.h"

struct captured {
  int fd, saved, file;
  char text[16384]; /* what was written, after captured_end */
};

static inline void captured_begin(struct captured *c, int fd) {
  fflush(NULL);
  c->fd = fd;
  c->saved = dup(fd);
  c->file = memfd_create("captured", MFD_CLOEXEC);
  ck_assert_int_ge(c->saved, 0);
  ck_assert_int_ge(c->file, 0);
  ck_assert_int_ge(dup2(c->file, fd), 0);
}

static inline const char *captured_end(struct captured *c) {
  fflush(NULL);
  dup2(c->saved, c->fd);
  close(c->saved);
  ssize_t n = pread(c->file, c->text, sizeof c->text - 1, 0);
  close(c->file);
  ck_assert_int_ge(n, 0);
  c->text[n] = '\0';
  return c->text;
}

/* One whole line that contains `part`. */
static inline void captured_one_line(const char *text, const char *part) {
  const char *end = strchr(text, '\n');
  ck_assert_msg(end && end[1] == '\0', "not one line: \"%s\"", text);
  ck_assert_msg(strstr(text, part), "expected \"%s\" in \"%s\"", part, text);
}

#endif
