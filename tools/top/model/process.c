/* SPDX-License-Identifier: MIT
 *
 * /proc/PID/stat has all of it, in one reading.
 */
#include "tools/top/model/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The values of `stat`, counted from 1 as in proc(5); the first two stand before the last ')'. */
enum { VALUE_STATE = 3, VALUE_USER = 14, VALUE_SYSTEM = 15, VALUE_BEGUN = 22, VALUE_PAGES = 24 };

bool process_parse(const char *stat, struct process *p) {
  double ticks = (double)sysconf(_SC_CLK_TCK);
  const char *at = strrchr(stat, ')'); /* the name may have anything in it */
  *p = (struct process){0};
  if (!at) return false;
  at++;
  for (int value = VALUE_STATE; value <= VALUE_PAGES; value++) {
    at += strspn(at, " ");
    if (!*at) return false;
    uint64_t v = value == VALUE_STATE ? 0 : strtoull(at, NULL, 10);
    if (value == VALUE_USER || value == VALUE_SYSTEM) p->cpu += (double)v / ticks;
    if (value == VALUE_BEGUN) p->begun = v;
    if (value == VALUE_PAGES) p->memory = v * (uint64_t)sysconf(_SC_PAGESIZE);
    at += strcspn(at, " ");
  }
  p->is_known = true;
  return true;
}

static double age_of(const struct process *p) {
  struct timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9 -
         (double)p->begun / (double)sysconf(_SC_CLK_TCK);
}

struct process process_read(uint64_t pid, uint64_t uid, double connected) {
  char path[64], text[1024];
  struct process p = {0};
  struct stat owner;
  if (pid == 0) return p;
  snprintf(path, sizeof path, "/proc/%llu/stat", (unsigned long long)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return p;
  ssize_t n = read(fd, text, sizeof text - 1);
  bool good = n > 0 && fstat(fd, &owner) == 0;
  close(fd);
  if (!good) return p;
  text[n] = 0;
  /* Of a process that may not be looked into the files are root's. */
  bool is_its = process_parse(text, &p) && (owner.st_uid == uid || owner.st_uid == 0) &&
                age_of(&p) + 1.5 >= connected;
  return is_its ? p : (struct process){0};
}

double process_load(const struct process *now, const struct process *before, double seconds) {
  if (!now->is_known || !before->is_known || now->begun != before->begun || seconds <= 0) return -1;
  return now->cpu > before->cpu ? (now->cpu - before->cpu) / seconds : 0;
}
