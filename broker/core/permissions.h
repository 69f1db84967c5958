/* SPDX-License-Identifier: MIT
 *
 * What the policy (docs/policy.md) lets a client do. Without a policy all of it is allowed, and
 * costs one look at a pointer, but for what reaches into workers (permission_to_reach).
 *
 * Which rules are about a client is kept with its host, and worked out again when it is next
 * needed after a reload: so everybody is judged by the policy that is in force when he asks.
 * What is refused is logged here, with the rule; the caller tells the client, without it.
 */
#ifndef GAIJIN_BROKER_PERMISSIONS_H
#define GAIJIN_BROKER_PERMISSIONS_H

#include "broker/base/sheet.h"
#include "broker/core/state.h"
#include "proto/message.h"

/* Reads the file. False, and one line in `error` (n bytes). `path` NULL: no policy. */
bool permissions_open(struct permissions *p, const char *path, uint64_t now_ms, char *error,
                      size_t n);
/* To a sheet, or from it in the place of permissions_open: the policy in force goes as the text
 * that it was parsed from, so that a file which was changed since is not taken for it. What is
 * wrong with it is in `error` (n bytes), and the sheet has a fault. `reload_due` tells the reader
 * that the file was being read: permissions_reload is. */
void permissions_carry(struct permissions *p, const char *path, struct sheet *s, char *error,
                       size_t n);
/* Waits for no reload any more; before permissions_close, and the loop must run once more. */
void permissions_stop(struct permissions *p);
void permissions_close(struct permissions *p);
/* Begins to read the file again (SIGHUP), beside the loop. The log is told what came of
 * it; one with a fault changes nothing. If it is being read already it is read once more then. */
void permissions_reload(struct broker *b);
/* A file has been read again: if it was the last, the service manager is told, which waits for the
 * end of what was begun with RELOADING=1. */
void permissions_tell_end(const struct broker *b);

/* The same without a look whether there is a policy. */
bool permissions_allow_name(struct client *from, const char *name, size_t size);
bool permissions_allow_request(struct client *from, uint32_t host, const struct message *m);
bool permissions_allow(struct client *from, enum policy_right right, const char *what);
void permissions_judge(struct client *c);

/* Room for the text of a refusal by permission_to_reach. */
enum { REACH_TEXT = 256 };
/* Whether a client may do what reaches deeper into workers than what they gave it: lend, monitor,
 * eval, paths. Never who is sandboxed, and observers only; of those whom the policy lets, or
 * without one the broker's own user and root. `what` completes "may not". False: it has been
 * logged, and `why` says what to tell the client. */
bool permission_to_reach(struct client *from, enum policy_right right, const char *what,
                         char why[REACH_TEXT]);

/* The same for seeing what others send; a policy that is replaced is asked again, and ends whom it
 * does not let. */
bool permission_to_monitor(struct client *from, char why[REACH_TEXT]);

/* A client that is READY now, whose name was allowed. */
static inline void permissions_note(struct client *c) {
  if (c->broker->permissions.policy) permissions_judge(c);
}
/* Whether a client that has no name yet may take this one. */
static inline bool permission_to_take(struct client *from, const char *name, size_t size) {
  return !from->broker->permissions.policy || permissions_allow_name(from, name, size);
}
/* Whether a client may send a request, whose body was walked, to this host, which is alive. */
static inline bool permission_to_ask(struct client *from, uint32_t host, const struct message *m) {
  return !from->broker->permissions.policy || permissions_allow_request(from, host, m);
}
/* Whether a client may look in or act; `what` says what, as the end of "may not". */
static inline bool permission_to(struct client *from, enum policy_right right, const char *what) {
  return !from->broker->permissions.policy || permissions_allow(from, right, what);
}

#endif
