/* SPDX-License-Identifier: MIT
 *
 * Each look-up has its answer in a buffer of its own, so several threads may ask at once.
 */
#include "policy/people.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_BYTES = 1024 }; /* of most users and groups; it is doubled for larger ones */

/* Where the C library puts the texts of an entry. */
struct entry_room {
  char *bytes;
  size_t size;
};

static bool grow(struct entry_room *r) {
  size_t size = r->size ? 2 * r->size : ENTRY_BYTES;
  char *bytes = realloc(r->bytes, size);
  if (!bytes) return false;
  r->bytes = bytes;
  r->size = size;
  return true;
}

/* `error` is what a look-up that found nobody returned (getpwnam(3)), or ERANGE: there is no
 * memory for what it found. */
static enum people_outcome outcome(int error) {
  switch (error) {
    case 0: case ENOENT: case ESRCH: case EBADF: case EPERM: return PEOPLE_NONE;
    default: errno = error == ERANGE ? ENOMEM : error; return PEOPLE_FAILED;
  }
}

static enum people_outcome find_user(const char *name, uid_t *uid) {
  struct entry_room room = {0};
  struct passwd entry, *found = NULL;
  int error = ERANGE;
  while (error == ERANGE && grow(&room))
    error = getpwnam_r(name, &entry, room.bytes, room.size, &found);
  if (found) *uid = entry.pw_uid;
  free(room.bytes);
  return found ? PEOPLE_FOUND : outcome(error);
}

static enum people_outcome find_group(const char *name, gid_t *gid) {
  struct entry_room room = {0};
  struct group entry, *found = NULL;
  int error = ERANGE;
  while (error == ERANGE && grow(&room))
    error = getgrnam_r(name, &entry, room.bytes, room.size, &found);
  if (found) *gid = entry.gr_gid;
  free(room.bytes);
  return found ? PEOPLE_FOUND : outcome(error);
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
