/* SPDX-License-Identifier: MIT
 *
 * With a path: the broker's own user and root, who may also end the broker and start another in
 * its place. With its own file: they, and whom a policy lets act from outside; without a policy
 * nobody else, for whoever is served could have everybody wait again and again. Who is sandboxed:
 * never, whoever it is and whatever a policy says. The kernel keeps programs from it, and the
 * broker, which is not bound like that, must not execute one for it.
 */
#include "broker/upgrade/ask.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/upgrade/upgrade.h"
#include "proto/body.h"

/* A worker program does not ask; what has broken out of its script may. */
static void tell_sandboxed(struct client *from) {
  log_peer(&from->broker->log, LOG_WARN, CAUSE_POLICY, client_about(from),
           "denied: %s (user %u, process %ld) is sandboxed and may not upgrade the broker; its "
           "worker program does not ask, so other code may run in it",
           from->name, (unsigned)from->uid, (long)from->pid);
}

static bool may_ask(struct client *from, bool has_path) {
  bool is_own = from->uid == geteuid() || from->uid == 0;
  if (!is_own && (has_path || !from->broker->permissions.policy)) return false;
  return permission_to(from, POLICY_ACT, "upgrade the broker");
}

/* The path, terminated; "": there is none. False: it is no path. */
static bool read_path(const struct message *m, char *path, size_t n) {
  struct reader r;
  const char *text;
  uint32_t count, size;
  *path = '\0';
  if (!reader_open(&r, m->body, m->body_size, &count) || count == 0) return true;
  if (!reader_string(&r, &text, &size) || size >= n || memchr(text, 0, size)) return false;
  snprintf(path, n, "%.*s", (int)size, text);
  return true;
}

void ask_on_upgrade(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  char path[1024], error[UPGRADE_TEXT];
  if (from->sandboxed) {
    tell_sandboxed(from);
    notify_refuse(from, m, STATUS_denied,
                  "you are sandboxed: to upgrade the broker is closed to you");
  } else if (!read_path(m, path, sizeof path)) {
    notify_refuse(from, m, STATUS_unsupported, "'upgrade' wants the path of a program, or nothing");
  } else if (!may_ask(from, *path)) {
    notify_refuse(from, m, STATUS_denied,
                  "user %u may not have the broker go on as %s", (unsigned)from->uid,
                  *path ? "another program; its own user and root may" : "a new one");
  } else {
    char text[256];
    snprintf(text, sizeof text, "%s (user %u, process %ld)", from->name, (unsigned)from->uid,
             (long)from->pid);
    const struct upgrade_asker asker = {
        text, m->flags & MESSAGE_ONE_WAY ? 0 : hosts_at(&b->hosts, from->host)->id, m->id};
    if (!upgrade_begin(b, *path ? path : NULL, &asker, error))
      notify_refuse(from, m, STATUS_unsupported, "%s", error);
  }
}
