/* SPDX-License-Identifier: MIT
 *
 * What is in a stamp was written by another release: only its begin is sure to be a number.
 */
#include "broker/upgrade/stamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/books/refs_kept.h"
#include "broker/upgrade/state.h"
#include "policy/policy.h"
#include "proto/hello.h"
#include "proto/limits.h"

bool stamp_covers(const char *stamp, const struct broker *b) {
  unsigned lowest, highest;
  if (sscanf(stamp, "%*u:%u-%u", &lowest, &highest) != 2) return false;
  for (const struct client *c = b->connections.all; c; c = c->next)
    if (c->state == CLIENT_READY && (c->version < lowest || c->version > highest)) return false;
  return true;
}

void stamp_write(const struct broker *b, char out[STAMP_BYTES]) {
  uint32_t lowest = WIRE_VERSION_MOST, highest = WIRE_VERSION_LEAST;
  bool any = false;
  for (const struct client *c = b->connections.all; c; c = c->next) {
    if (c->state != CLIENT_READY) continue;
    any = true;
    if (c->version < lowest) lowest = c->version;
    if (c->version > highest) highest = c->version;
  }
  if (!any) lowest = highest = WIRE_VERSION_MOST;
  int size = snprintf(out, STAMP_BYTES, "%d:%u-%u", STATE_FORMAT, (unsigned)lowest,
                      (unsigned)highest);
  char layout[20] = "";
  if (b->pool.fd >= 0) snprintf(layout, sizeof layout, "%016" PRIx64, refs_layout());
  snprintf(out + size, STAMP_BYTES - (size_t)size, ":%s:%u", layout,
           (unsigned)b->connections.max_message);
}

/* The policy in force must be one for this program, too. */
static bool judge_policy(int fd, bool has_policy, char *text, size_t n) {
  static char policy[POLICY_BYTES_MOST + 1];
  size_t size = 0;
  for (ssize_t r = 1; r != 0 && size < sizeof policy;) {
    r = read(fd, policy + size, sizeof policy - size);
    if (r > 0) size += (size_t)r;
    if (r < 0 && errno != EINTR) break;
  }
  if (!size == has_policy)
    snprintf(text, n, "its settings name %s policy, and the broker that runs has %s; restart it",
             has_policy ? "a" : "no", size ? "one" : "none");
  if (!size || !has_policy) return !size && !has_policy;
  struct policy_errors errors;
  struct policy *p = policy_parse(policy, size, &people_system, &errors);
  policy_free(p);
  if (!p)
    snprintf(text, n, "it does not understand the policy in force, line %u: %s",
             errors.list[0].line, errors.list[0].text);
  return p != NULL;
}

/* What clients may send must not become less on the way: they were told when they came. Earlier
 * releases do not say what that was. */
static bool judge_limit(const char *stamp, uint32_t ours, char *text, size_t n) {
  const char *theirs = strrchr(stamp, ':');
  unsigned most = 0, colons = 0;
  for (const char *c = stamp; *c; c++) colons += *c == ':';
  if (colons < 3 || sscanf(theirs, ":%u", &most) != 1 || most <= ours) return true;
  snprintf(text, n, "its settings have %u bytes as max-message, and clients were told %u; to make "
                    "it less takes a restart", (unsigned)ours, most);
  return false;
}

const char *stamp_judge(const char *stamp, int policy_fd, const struct stamp_settings *settings,
                        char *text, size_t n) {
  unsigned format = 0, lowest = 0, highest = 0;
  uint64_t layout = 0;
  int fields = sscanf(stamp, "%u:%u-%u:%" SCNx64, &format, &lowest, &highest, &layout);
  if (fields < 1 || format != STATE_FORMAT) {
    snprintf(text, n, "it reads form %d of a broker's state, and is given form %.20s", STATE_FORMAT,
             stamp);
    return NULL;
  }
  if (fields < 3 || lowest < WIRE_VERSION_LEAST || highest > WIRE_VERSION_MOST) {
    char ours[HELLO_RANGE_BYTES], theirs[HELLO_RANGE_BYTES];
    snprintf(text, n, "it speaks %s of the wire, and connected clients speak %s",
             hello_range(ours, WIRE_VERSION_LEAST, WIRE_VERSION_MOST),
             hello_range(theirs, lowest, highest));
    return NULL;
  }
  if (!judge_policy(policy_fd, settings->has_policy, text, n) ||
      !judge_limit(stamp, settings->max_message, text, n))
    return NULL;
  return fields == 4 && layout == refs_layout() ? STAMP_SAME : STAMP_RECORDS;
}
