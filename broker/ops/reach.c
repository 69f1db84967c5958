/* SPDX-License-Identifier: MIT
 *
 * A walk of a heap takes a fork and seconds of a processor, so who has many requests open waits:
 * those that it gave up count as long as their hosts have not answered.
 */
#include "broker/ops/reach.h"

#include <stdio.h>

#include "broker/core/permissions.h"
#include "broker/net/limits.h"

/* Of who asks for paths: requests that may be open. */
enum { PATHS_OPEN_MOST = 16 };

bool reach_may(struct client *from, const struct host *host, const struct message *m,
               enum status *status, char *why, size_t n) {
  char what[64 + TOLD_NAME_MAX_BYTES], text[REACH_TEXT];
  snprintf(what, sizeof what,
           m->op == OP_eval ? "have worker %.*s run code"
                            : "be told how worker %.*s reaches objects",
           TOLD_NAME_MAX_BYTES, host->name);
  *status = STATUS_denied;
  if (!permission_to_reach(from, policy_right_for(m->op), what, text)) {
    snprintf(why, n, "%s", text);
    return false;
  }
  if (m->op != OP_paths || from->account->used[ACCOUNT_REQUESTS] < PATHS_OPEN_MOST) return true;
  *status = STATUS_busy;
  snprintf(why, n, "you have %u requests open or more, and ask for paths; wait for answers",
           (unsigned)PATHS_OPEN_MOST);
  limits_note_refusal(from, why);
  return false;
}
