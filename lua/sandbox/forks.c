/* SPDX-License-Identifier: MIT
 *
 * /proc is read once, before Landlock closes it. What begins or ends meanwhile may be counted or
 * not; the spare is large enough for that.
 */
#include "lua/sandbox/forks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Threads of the process that /proc has under this name, if it is one of the user; or else 0. */
static rlim_t threads_of(const char *name, uid_t user) {
  char path[64], line[256];
  unsigned uid, threads;
  bool is_users = false;
  rlim_t found = 0;
  if (name[0] < '0' || name[0] > '9') return 0;
  snprintf(path, sizeof path, "/proc/%.20s/status", name);
  FILE *f = fopen(path, "re");
  if (!f) return 0; /* it has ended */
  while (!found && fgets(line, sizeof line, f)) {
    if (sscanf(line, "Uid: %u", &uid) == 1) is_users = uid == (unsigned)user;
    if (is_users && sscanf(line, "Threads: %u", &threads) == 1) found = threads;
  }
  fclose(f);
  return found;
}

/* 0: /proc does not tell. */
static rlim_t threads_of_user(uid_t user) {
  rlim_t n = 0;
  DIR *all = opendir("/proc");
  if (!all) return 0;
  for (const struct dirent *e; (e = readdir(all));) n += threads_of(e->d_name, user);
  closedir(all);
  return n;
}

bool forks_bound(void) {
  struct rlimit limit;
  uid_t user = getuid();
  rlim_t n = user == 0 ? 0 : threads_of_user(user);
  if (n == 0 || getrlimit(RLIMIT_NPROC, &limit) != 0) return false;
  rlim_t most = n + FORKS_SPARE;
  if (limit.rlim_cur > most) limit.rlim_cur = most;
  limit.rlim_max = limit.rlim_cur;
  return setrlimit(RLIMIT_NPROC, &limit) == 0;
}
