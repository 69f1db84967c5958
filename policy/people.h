/* SPDX-License-Identifier: MIT
 *
 * Users and groups, as administrators write them: by name or by number.
 */
#ifndef GAIJIN_POLICY_PEOPLE_H
#define GAIJIN_POLICY_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How names become numbers; false: there is none. */
struct people {
  bool (*user)(const char *name, uid_t *uid);
  bool (*group)(const char *name, gid_t *gid);
};
/* The system's own lists, which may be far away. */
extern const struct people people_system;

/* A number that is an id; (unsigned)-1 is none. */
bool people_number(const char *word, unsigned *id);
/* Either form, in the system's lists. */
bool people_user(const char *word, uid_t *uid);
bool people_group(const char *word, gid_t *gid);

/* Puts groups in ascending order. */
void people_sort(gid_t *gids, size_t count);

#endif
