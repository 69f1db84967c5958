/* SPDX-License-Identifier: MIT
 *
 * The C library's own struct is used at once, by the only thread there is.
 */
#include "policy/people.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>

static bool find_user(const char *name, uid_t *uid) {
  const struct passwd *p = getpwnam(name);
  if (p) *uid = p->pw_uid;
  return p != NULL;
}

static bool find_group(const char *name, gid_t *gid) {
  const struct group *g = getgrnam(name);
  if (g) *gid = g->gr_gid;
  return g != NULL;
}

const struct people people_system = {.user = find_user, .group = find_group};

bool people_number(const char *word, unsigned *id) {
  char *end;
  errno = 0;
  unsigned long v = strtoul(word, &end, 10);
  if (*word < '0' || *word > '9' || *end || errno || v >= UINT32_MAX) return false;
  *id = (unsigned)v;
  return true;
}

bool people_user(const char *word, uid_t *uid) {
  unsigned id;
  if (!people_number(word, &id)) return find_user(word, uid);
  *uid = id;
  return true;
}

bool people_group(const char *word, gid_t *gid) {
  unsigned id;
  if (!people_number(word, &id)) return find_group(word, gid);
  *gid = id;
  return true;
}

static int compare_gids(const void *a, const void *b) {
  gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;
  return x < y ? -1 : x > y;
}

/* The kernel keeps a process's in order; seen from a user namespace they may not be. */
void people_sort(gid_t *gids, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (gids[i - 1] > gids[i]) {
      qsort(gids, count, sizeof *gids, compare_gids);
      return;
    }
}
