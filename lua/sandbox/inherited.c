/* SPDX-License-Identifier: MIT
 *
 * The texts of the environment are overwritten where they are: it is not enough that nothing
 * points at them any more.
 */
#define _GNU_SOURCE
#include "lua/sandbox/inherited.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* For kernels before 5.9. */
static int close_one_by_one(void) {
  DIR *all = opendir("/proc/self/fd");
  if (!all) return -errno;
  for (const struct dirent *e; (e = readdir(all));) {
    int fd = atoi(e->d_name);
    if (fd > STDERR_FILENO && fd != dirfd(all)) close(fd);
  }
  closedir(all);
  return 0;
}

int inherited_close(void) {
  if (syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0) == 0) return 0;
  return close_one_by_one();
}

static bool is_needed(const char *variable) { return strncmp(variable, "TZ=", 3) == 0; }

int inherited_forget(void) {
  char **kept = environ;
  for (char **p = environ; p && *p; p++) {
    if (is_needed(*p))
      *kept++ = *p;
    else
      explicit_bzero(*p, strlen(*p));
  }
  if (kept) *kept = NULL;
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  int status = dup2(fd, STDIN_FILENO) == STDIN_FILENO ? 0 : -errno;
  close(fd);
  return status;
}
