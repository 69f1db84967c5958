/* SPDX-License-Identifier: MIT
 *
 * Somebody a policy is asked about, as typed: WORKER, USER:WORKER or USER: (who is no worker, as
 * gaijinctl is). A user is a name or a number.
 */
#ifndef GAIJIN_TOOLS_CMD_POLICY_WHO_H
#define GAIJIN_TOOLS_CMD_POLICY_WHO_H

#include "policy/policy.h"
#include "tools/ask/observe.h"

struct policy_who {
  struct policy_subject subject; /* points to the groups here, and into the word */
  gid_t *gids;
};

/* Without a user: the one of that worker if it is connected to the broker (NULL: there is none),
 * else whoever asks. False after an error line. policy_who_deinit ends it in either case. */
bool policy_who_read(struct policy_who *who, const char *word, struct observer *o);
void policy_who_deinit(struct policy_who *who);

#endif
