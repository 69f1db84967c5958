/* SPDX-License-Identifier: MIT
 *
 * A look into a worker is work of its host's, and a walk of its heap takes a fork and seconds of a
 * processor: who has many open waits.
 */
#include "broker/ops/route/reach.h"

#include <stdio.h>

#include "broker/core/permissions.h"
#include "broker/net/limits.h"

bool reach_may(struct client *from, const struct host *host, const struct message *m,
               enum status *status, char *why, size_t n) {
  char what[64 + TOLD_NAME_MAX_BYTES], text[REACH_TEXT];
  snprintf(what, sizeof what,
           m->op == OP_eval    ? "have worker %.*s run code"
           : m->op == OP_paths ? "be told how worker %.*s reaches objects"
                               : "be told what objects of worker %.*s are",
           TOLD_NAME_MAX_BYTES, host->name);
  *status = STATUS_denied;
  if (!permission_to_reach(from, policy_right_for(m->op), what, text)) {
    snprintf(why, n, "%s", text);
    return false;
  }
  if (!calls_op_looks(m->op) ||
      calls_looks(&from->broker->calls, from->host) < CALLS_LOOKS_MOST)
    return true;
  client_oversteps(from);
  *status = STATUS_busy;
  snprintf(why, n, "%d requests of yours that look into workers are open; wait for answers",
           CALLS_LOOKS_MOST);
  limits_note_refusal(from, why);
  return false;
}
