/* SPDX-License-Identifier: MIT
 *
 * Users and groups, as administrators write them: by name or by number.
 */
#ifndef GAIJIN_POLICY_PEOPLE_H
#define GAIJIN_POLICY_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum people_outcome {
  PEOPLE_FOUND,
  PEOPLE_NONE,   /* there is nobody of that name */
  PEOPLE_FAILED, /* it is not known, and errno says why: a list could not be asked */
};
/* How names become numbers. */
struct people {
  enum people_outcome (*user)(const char *name, uid_t *uid);
  enum people_outcome (*group)(const char *name, gid_t *gid);
};
/* The system's own lists, which may be far away. Several threads may ask them at once. */
extern const struct people people_system;

/* Writes what is wrong with a name: "there is no user 'x'" (`kind` is "user" or "group"), or why
 * that is not known. Uses errno. */
void people_explain(enum people_outcome o, const char *kind, const char *name, char *out, size_t n);

/* A number that is an id; (unsigned)-1 is none. */
bool people_number(const char *word, unsigned *id);
/* Either form, in the system's lists. */
enum people_outcome people_user(const char *word, uid_t *uid);
enum people_outcome people_group(const char *word, gid_t *gid);

/* Puts groups in ascending order. */
void people_sort(gid_t *gids, size_t count);

#endif
