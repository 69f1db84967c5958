/* SPDX-License-Identifier: MIT
 *
 * A file that changes while it is read is read as it is; what is torn is most likely refused, and
 * the next reload reads the rest. Whoever replaces the file by rename avoids it.
 */
#include "policy/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"

static bool is_ours(const struct stat *st) { return st->st_uid == 0 || st->st_uid == geteuid(); }

/* Whether nobody else can put another file into the place of `path`; else `fault` (n bytes) says
 * who can. What is above the directory is trusted. */
static bool is_place_safe(const char *path, char *fault, size_t n) {
  const char *slash = strrchr(path, '/');
  size_t size = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
  char *dir = slash ? strndup(path, size) : strdup(".");
  struct stat st;
  *fault = '\0';
  if (!dir || stat(dir, &st) < 0)
    snprintf(fault, n, "cannot look at its directory: %s", strerror(errno));
  else if (!is_ours(&st))
    snprintf(fault, n, "user %u, who owns its directory, can replace it; use chown",
             (unsigned)st.st_uid);
  else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
    snprintf(fault, n, "others can replace it: its directory has mode %04o; use chmod go-w",
             (unsigned)st.st_mode & 07777);
  free(dir);
  return !*fault;
}

/* Whether nobody else can change what the file says. */
static bool is_guarded(const char *path, const struct stat *st, char *fault, size_t n) {
  *fault = '\0';
  if (!is_ours(st))
    snprintf(fault, n, "user %u, who owns it, can change it; use chown", (unsigned)st->st_uid);
  else if (st->st_mode & (S_IWGRP | S_IWOTH))
    snprintf(fault, n, "others can change it (mode %04o); use chmod go-w",
             (unsigned)st->st_mode & 07777);
  if (*fault || !is_place_safe(path, fault, n)) return false;
  char *real = realpath(path, NULL); /* a link may lead elsewhere */
  if (!real) snprintf(fault, n, "cannot look at its directory: %s", strerror(errno));
  bool safe = real && is_place_safe(real, fault, n);
  free(real);
  return safe;
}

/* False: it may not be read from; the error is told. */
static bool is_fit(int fd, const char *path, char *warning, struct policy_errors *e) {
  struct stat st;
  char fault[POLICY_ERROR_BYTES] = "";
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
    policy_error_add(e, 0, "it is no file");
    return false;
  }
  bool guarded = is_guarded(path, &st, fault, sizeof fault);
  if (warning)
    memcpy(warning, fault, sizeof fault);
  else if (!guarded)
    policy_error_add(e, 0, "%s", fault);
  return guarded || warning;
}

/* Reads to the end, or one byte more than a policy may have. */
static char *read_all(int fd, size_t *size, struct policy_errors *e) {
  enum { ROOM = POLICY_BYTES_MOST + 1 };
  char *text = malloc(ROOM);
  ssize_t n = 1;
  if (!text) policy_error_add(e, 0, "memory is too short");
  for (*size = 0; text && n > 0 && *size < ROOM; *size += n > 0 ? (size_t)n : 0)
    do
      n = read(fd, text + *size, ROOM - *size);
    while (n < 0 && errno == EINTR);
  if (text && n < 0) policy_error_add(e, 0, "cannot read it: %s", strerror(errno));
  if (text && *size == ROOM) policy_error_add(e, 0, "more than %d KiB", POLICY_BYTES_MOST >> 10);
  if (!e->count) return text;
  free(text);
  return NULL;
}

char *policy_source_read(const char *path, char *warning, size_t *size,
                         struct policy_errors *errors) {
  char *text = NULL;
  *errors = (struct policy_errors){0};
  if (warning) *warning = '\0';
  /* A pipe nobody writes to would be waited for. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    policy_error_add(errors, 0, "cannot open it: %s", strerror(errno));
  else if (is_fit(fd, path, warning, errors))
    text = read_all(fd, size, errors);
  if (fd >= 0) close(fd);
  return text;
}
