/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/stat, where it can be read. A system may hide other users' processes there; that one is
 * hidden is no sign of its end, so whether there is one is asked with kill.
 */
#include "broker/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* False: it cannot be read. */
static bool read_stat(pid_t pid, char *state, uint64_t *threads, uint64_t *start) {
  /* Fields of proc(5), stat; the one before may have any text. */
  enum { STATE = 3, THREADS = 20, START = 22 };
  char path[40], text[512];
  snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return false;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return false;
  text[n] = 0;
  const char *at = strrchr(text, ')');
  if (!at || at[1] != ' ') return false;
  *state = at[2];
  for (int field = STATE - 1; at && field < START; field++) {
    if (field == THREADS) *threads = strtoull(at, NULL, 10);
    at = strchr(at + 1, ' ');
  }
  if (!at) return false;
  *start = strtoull(at, NULL, 10);
  return true;
}

uint64_t process_start(pid_t pid) {
  char state;
  uint64_t start, threads;
  return read_stat(pid, &state, &threads, &start) ? start : 0;
}

bool process_has_ended(pid_t pid, uint64_t start) {
  char state;
  uint64_t now, threads = 0;
  if (pid <= 0) return false;
  if (kill(pid, 0) < 0 && errno == ESRCH) return true;
  if (!read_stat(pid, &state, &threads, &now)) return false;
  /* Of a process whose first thread has ended before the others that one is a zombie, too. */
  return (strchr("ZXx", state) && threads <= 1) || (start && now != start);
}
