/* SPDX-License-Identifier: MIT
 *
 * Who gets to the socket: the mode and group of its file, what its directory must be like, and
 * which users are served. The kernel says who is at the other end of a connection.
 */
#ifndef GAIJIN_BROKER_ACCESS_H
#define GAIJIN_BROKER_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { ACCESS_MOST = 64 }; /* users, and groups, that can be named */

/* Zeroed: mode 0600, the broker's own user only, and a directory that exists. */
struct access {
  mode_t mode;         /* of the socket's file; 0: 0600, with a group 0660 */
  bool has_group;      /* the file, and a directory that is made, get this group */
  gid_t group;
  bool make_directory; /* make the socket's directory if it is missing */
  uid_t uids[ACCESS_MOST]; /* served beside the broker's own user */
  gid_t gids[ACCESS_MOST]; /* members of these groups are, too */
  unsigned n_uids, n_gids;
};

/* The words of the settings; NULL: not given. */
struct access_words {
  const char *mode, *group, *uids, *gids;
};
/* Looks them up and enters them into `a`, in which each is not given yet. False, and `error` (n
 * bytes) says in one line what is wrong, beginning with the setting's key. */
bool access_read(struct access *a, const struct access_words *words, char *error, size_t n);

/* Whoever connects from now on is served if `now` has its user or group; who is connected stays.
 * False: they are the same as before. */
bool access_admit(struct access *a, const struct access *now);
/* "users 1, 2 and groups 3", of what is served beside the broker's own user; "": nobody is. Cut
 * where `out` (n bytes) ends: there is room for all in ACCESS_TOLD. */
enum { ACCESS_TOLD = 2 * ACCESS_MOST * (int)sizeof "4294967295, " };
void access_tell(const struct access *a, char *out, size_t n);

/* The mode of the socket's file. */
mode_t access_mode(const struct access *a);

/* Makes the directory of `path` if it may, and looks whether nobody else can replace what is in it.
 * -1, and one clear line in `error`. */
int access_prepare_directory(const struct access *a, const char *path, char *error, size_t n);

/* Whether who is at the other end of this connection is served; *uid: who it is. */
bool access_allows(const struct access *a, int fd, uid_t *uid);

/* The groups of who is at the other end of a connection, ascending. */
struct access_groups {
  gid_t *list; /* `count` of them */
  unsigned count;
  bool all; /* false: the kernel does not tell, or memory is short; there may be others */
};
/* Always well, as far as `all` says; access_groups_free ends it. */
void access_groups_read(int fd, struct access_groups *g);
void access_groups_free(struct access_groups *g);

#endif
