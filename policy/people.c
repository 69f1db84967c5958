/* SPDX-License-Identifier: MIT
 *
 * The C library's own struct is used at once, by the only thread that asks.
 */
#include "policy/people.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a look-up that found nothing left in errno, which was 0 before it (getpwnam(3)). */
static enum people_outcome outcome(void) {
  switch (errno) {
    case 0: case ENOENT: case ESRCH: case EBADF: case EPERM: return PEOPLE_NONE;
    default: return PEOPLE_FAILED;
  }
}

static enum people_outcome find_user(const char *name, uid_t *uid) {
  errno = 0;
  const struct passwd *p = getpwnam(name);
  if (!p) return outcome();
  *uid = p->pw_uid;
  return PEOPLE_FOUND;
}

static enum people_outcome find_group(const char *name, gid_t *gid) {
  errno = 0;
  const struct group *g = getgrnam(name);
  if (!g) return outcome();
  *gid = g->gr_gid;
  return PEOPLE_FOUND;
}

void people_explain(enum people_outcome o, const char *kind, const char *name, char *out,
                    size_t n) {
  if (o == PEOPLE_FAILED)
    snprintf(out, n, "the look-up of %s '%.80s' failed: %s", kind, name, strerror(errno));
  else
    snprintf(out, n, "there is no %s '%.80s'", kind, name);
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

enum people_outcome people_user(const char *word, uid_t *uid) {
  unsigned id;
  if (!people_number(word, &id)) return find_user(word, uid);
  *uid = id;
  return PEOPLE_FOUND;
}

enum people_outcome people_group(const char *word, gid_t *gid) {
  unsigned id;
  if (!people_number(word, &id)) return find_group(word, gid);
  *gid = id;
  return PEOPLE_FOUND;
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
