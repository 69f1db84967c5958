/* SPDX-License-Identifier: MIT
 *
 * A file that changes while it is read is read as it is; what is torn is most likely refused, and
 * the next reload reads the rest. Whoever replaces the file by rename avoids it.
 */
#include "policy/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"

/* False: it may not be read from; the error is told. */
static bool is_fit(int fd, bool guarded, struct policy_errors *e) {
  struct stat st;
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
    policy_error_add(e, 0, "it is no file");
  else if (guarded && st.st_uid != 0 && st.st_uid != geteuid())
    policy_error_add(e, 0, "user %u, who owns it, can change it; use chown", (unsigned)st.st_uid);
  else if (guarded && (st.st_mode & (S_IWGRP | S_IWOTH)))
    policy_error_add(e, 0, "others can change it (mode %04o); use chmod go-w",
                     (unsigned)st.st_mode & 07777);
  return e->count == 0;
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

char *policy_source_read(const char *path, bool guarded, size_t *size,
                         struct policy_errors *errors) {
  char *text = NULL;
  *errors = (struct policy_errors){0};
  /* A pipe nobody writes to would be waited for. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    policy_error_add(errors, 0, "cannot open it: %s", strerror(errno));
  else if (is_fit(fd, guarded, errors))
    text = read_all(fd, size, errors);
  if (fd >= 0) close(fd);
  return text;
}
