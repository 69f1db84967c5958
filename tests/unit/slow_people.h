/* SPDX-License-Identifier: MIT
 *
 * A directory of people that answers when the test wants it, and a reload that waits for it.
 */
#ifndef GAIJIN_TESTS_SLOW_PEOPLE_H
#define GAIJIN_TESTS_SLOW_PEOPLE_H

#include <errno.h>
#include <semaphore.h>

#include "tests/unit/broker_policy.h"

/* Each look-up of a user raises `asked`, and takes until `answered` is raised. */
static sem_t asked, answered;

static enum people_outcome find_slowly(const char *name, uid_t *uid) {
  (void)name;
  sem_post(&asked);
  sem_wait(&answered);
  *uid = geteuid();
  return PEOPLE_FOUND;
}
static enum people_outcome find_nobody(const char *name, gid_t *gid) {
  (void)name, (void)gid;
  errno = ETIMEDOUT;
  return PEOPLE_FAILED;
}
static const struct people slow = {.user = find_slowly, .group = find_nobody};

/* Returns when the look-up has begun. */
static void begin_slow_reload(void) {
  write_policy("[allow]\nwho = user far-away\nhosts = shop\n");
  permissions_reload(&w.broker);
  sem_wait(&asked);
}

#endif
