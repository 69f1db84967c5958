/* SPDX-License-Identifier: MIT
 *
 * What the process at the other end was when it connected counts: uid, gid and supplementary
 * groups, as the kernel has noted them.
 */
#define _GNU_SOURCE /* struct ucred */
#include "broker/net/access.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/people.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

enum { NAME_BYTES = 256, PATH_BYTES = 128 };

/* ---- Settings ---- */

static void explain(const char *key, enum people_outcome o, const char *kind, const char *word,
                    char *error, size_t n) {
  char fault[256];
  people_explain(o, kind, word, fault, sizeof fault);
  snprintf(error, n, "%s: %s", key, fault);
}

static bool read_list(const char *key, const char *kind, const char *list,
                      enum people_outcome (*read)(const char *word, unsigned *id), unsigned *ids,
                      unsigned *count, char *error, size_t n) {
  for (size_t size; list; list = list[size] ? list + size + 1 : NULL) {
    char word[NAME_BYTES];
    size = strcspn(list, ",");
    snprintf(word, sizeof word, "%.*s", (int)(size < NAME_BYTES ? size : NAME_BYTES), list);
    if (*count == ACCESS_MOST) {
      snprintf(error, n, "%s takes at most %d of them", key, ACCESS_MOST);
      return false;
    }
    enum people_outcome o = *word ? read(word, &ids[*count]) : PEOPLE_NONE;
    if (o != PEOPLE_FOUND) {
      explain(key, o, kind, word, error, n);
      return false;
    }
    ++*count;
  }
  return true;
}

static bool read_mode(const char *word, mode_t *mode) {
  char *end;
  unsigned long v = strtoul(word, &end, 8);
  if (*word < '0' || *word > '7' || *end || (v & ~0666ul) || (v & 0600) != 0600) return false;
  *mode = (mode_t)v;
  return true;
}

bool access_read(struct access *a, const struct access_words *w, char *error, size_t n) {
  unsigned group = 0;
  if (w->mode && !read_mode(w->mode, &a->mode)) {
    snprintf(error, n, "mode takes 0600, 0660, 0666 or the like (octal), not '%.80s'", w->mode);
    return false;
  }
  enum people_outcome o = w->group ? people_group(w->group, &group) : PEOPLE_FOUND;
  if (o != PEOPLE_FOUND) {
    explain("group", o, "group", w->group, error, n);
    return false;
  }
  a->has_group = w->group != NULL;
  a->group = group;
  return read_list("allow-uid", "user", w->uids, people_user, a->uids, &a->n_uids, error, n) &&
         read_list("allow-gid", "group", w->gids, people_group, a->gids, &a->n_gids, error, n);
}

static bool same_ids(const unsigned *a, unsigned n_a, const unsigned *b, unsigned n_b) {
  return n_a == n_b && memcmp(a, b, n_a * sizeof *a) == 0;
}

bool access_admit(struct access *a, const struct access *now) {
  if (same_ids(a->uids, a->n_uids, now->uids, now->n_uids) &&
      same_ids(a->gids, a->n_gids, now->gids, now->n_gids))
    return false;
  memcpy(a->uids, now->uids, sizeof a->uids);
  memcpy(a->gids, now->gids, sizeof a->gids);
  a->n_uids = now->n_uids;
  a->n_gids = now->n_gids;
  return true;
}

static size_t list_ids(const char *before, const unsigned *ids, unsigned count, char *out,
                       size_t n) {
  size_t used = 0;
  for (unsigned i = 0; i < count && used < n; i++)
    used += (size_t)snprintf(out + used, n - used, "%s%u", i ? ", " : before, ids[i]);
  return used < n ? used : n - 1;
}

void access_tell(const struct access *a, char *out, size_t n) {
  *out = '\0';
  size_t used = list_ids("users ", a->uids, a->n_uids, out, n);
  list_ids(used ? " and groups " : "groups ", a->gids, a->n_gids, out + used, n - used);
}

mode_t access_mode(const struct access *a) {
  return a->mode ? a->mode : a->has_group ? 0660 : 0600;
}

/* ---- The directory ---- */

/* Not by the mode given to mkdir, which the umask narrows. */
static bool make_directory(const struct access *a, const char *dir) {
  if (mkdir(dir, 0700) < 0) return errno == EEXIST;
  if (a->has_group && lchown(dir, (uid_t)-1, a->group) < 0) return false;
  return chmod(dir, a->has_group ? 0750 : 0700) == 0;
}

int access_prepare_directory(const struct access *a, const char *path, char *error, size_t n) {
  char dir[PATH_BYTES] = ".";
  struct stat st;
  const char *slash = strrchr(path, '/');
  if (slash) snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
  if (a->make_directory && !make_directory(a, dir)) {
    snprintf(error, n, "cannot make the directory %s: %s; choose another place with --socket", dir,
             strerror(errno));
    return -1;
  }
  if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)) {
    snprintf(error, n, "%s, where the socket is to be, is no directory; make it, or choose another "
                       "place with --socket", dir);
    return -1;
  }
  /* Its owner may rename and remove what is there, sticky or not. */
  if (st.st_uid != 0 && st.st_uid != geteuid()) {
    snprintf(error, n, "user %u, who owns %s, can put another socket there; choose another place "
                       "with --socket", (unsigned)st.st_uid, dir);
    return -1;
  }
  bool by_group = (st.st_mode & S_IWGRP) && !(a->has_group && st.st_gid == a->group);
  if ((st.st_mode & S_ISVTX) || !((st.st_mode & S_IWOTH) || by_group)) return 0;
  snprintf(error, n, "%s can put another socket into %s (mode %04o); use chmod %s, or choose "
                     "another place with --socket",
           st.st_mode & S_IWOTH ? "everybody" : "its group", dir, (unsigned)st.st_mode & 07777,
           st.st_mode & S_IWOTH ? "go-w" : "g-w");
  return -1;
}

/* ---- Connections ---- */

/* Enters the one that is no supplementary group, for which there is room. */
static void insert(struct access_groups *g, gid_t gid) {
  unsigned i = g->count++;
  for (; i > 0 && g->list[i - 1] > gid; i--) g->list[i] = g->list[i - 1];
  g->list[i] = gid;
}

/* The supplementary groups, with room for another one. False: they are not known. */
static bool read_groups(int fd, struct access_groups *g) {
  enum { FIRST_ROOM = 64 };
  /* Who has more than there is room for is told how many bytes they take, and cannot get more. */
  for (socklen_t room = FIRST_ROOM * sizeof *g->list, size = room;; room = size) {
    gid_t *list = realloc(g->list, room + sizeof *list);
    if (!list) return false;
    g->list = list;
    size = room;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &size) == 0) {
      g->count = (unsigned)(size / sizeof *list);
      return true;
    }
    if (errno != ERANGE || size <= room) return false;
  }
}

void access_groups_read(int fd, struct access_groups *g) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  *g = (struct access_groups){0};
  bool listed = read_groups(fd, g);
  bool told = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  g->all = listed && told;
  people_sort(g->list, g->count);
  if (g->list && told) insert(g, peer.gid);
}

void access_groups_free(struct access_groups *g) {
  free(g->list);
  *g = (struct access_groups){0};
}

static bool has_gid(const struct access *a, gid_t gid) {
  for (unsigned i = 0; i < a->n_gids; i++)
    if (a->gids[i] == gid) return true;
  return false;
}

static bool has_group(const struct access *a, int fd) {
  struct access_groups groups;
  bool found = false;
  access_groups_read(fd, &groups);
  for (unsigned i = 0; i < groups.count && !found; i++) found = has_gid(a, groups.list[i]);
  access_groups_free(&groups);
  return found;
}

bool access_allows(const struct access *a, int fd, uid_t *uid) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  *uid = (uid_t)-1;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return false;
  *uid = peer.uid;
  if (peer.uid == geteuid()) return true;
  for (unsigned i = 0; i < a->n_uids; i++)
    if (a->uids[i] == peer.uid) return true;
  return a->n_gids > 0 && has_group(a, fd);
}
