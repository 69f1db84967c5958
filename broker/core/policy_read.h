/* SPDX-License-Identifier: MIT
 *
 * Reading a policy's file. It looks up users and groups, which may take long, and calls nothing of
 * the loop's: a thread may do it.
 */
#ifndef GAIJIN_BROKER_POLICY_READ_H
#define GAIJIN_BROKER_POLICY_READ_H

#include <stddef.h>

#include "policy/policy.h"

/* A file, and what came of reading it: a policy and the text it was parsed from, owned by whoever
 * has the struct; or NULL for both, and one line in `error`. */
struct policy_read {
  const char *path;            /* this and `people` are the caller's, and must stay */
  const struct people *people; /* who knows the numbers of users and groups */
  struct policy *policy;
  char *text;
  size_t size;
  char error[512];
};
/* Of a struct with path and people, nothing else. */
void policy_read_run(struct policy_read *r);
void policy_read_deinit(struct policy_read *r);

#endif
