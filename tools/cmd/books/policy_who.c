/* SPDX-License-Identifier: MIT
 *
 * The broker takes the groups of a process from the kernel; here they are what the system's lists
 * say about the user. They differ for one that was started in other groups.
 */
#define _DEFAULT_SOURCE /* getgrouplist */
#include "tools/cmd/books/policy_who.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/text.h"

struct sought {
  const char *name;
  bool found;
  uid_t uid;
};

static bool read_client(struct observer *o, gaijin_body *b, void *user) {
  struct sought *s = user;
  struct gaijin_value name, v;
  if (!observe_value(o, b, "clients", &name)) return false;
  for (int i = 0; i < 3; i++) /* id, process, user */
    if (!observe_value(o, b, "clients", &v)) return false;
  if (name.type != GAIJIN_STRING || v.type != GAIJIN_NUMBER) return true;
  if (strlen(s->name) != name.size || memcmp(s->name, name.bytes, name.size) != 0) return true;
  s->found = true;
  s->uid = (uid_t)v.number;
  return true;
}

/* The user of a worker that was named without. */
static bool find_user_of(const char *worker, struct observer *o, uid_t *uid) {
  struct sought s = {.name = worker};
  if (o && !observe_read(o, &(struct observe_book){
                                .what = "clients", .columns = 4, .row = read_client, .user = &s}))
    return false;
  *uid = s.found ? s.uid : getuid();
  return true;
}

static bool read_user(const char *word, size_t size, uid_t *uid) {
  char *name = tool_copy(word, size);
  char fault[256];
  enum people_outcome o = people_user(name, uid);
  if (o != PEOPLE_FOUND) {
    people_explain(o, "user", name, fault, sizeof fault);
    tool_error("%s", fault);
  }
  free(name);
  return o == PEOPLE_FOUND;
}

/* The groups of a user, who is in none if no list has him. */
static void find_groups(struct policy_who *who) {
  const struct passwd *p = getpwuid(who->subject.uid);
  int room = 64, count = room;
  if (!p) return;
  who->gids = tool_alloc((size_t)room, sizeof *who->gids);
  /* -1: there are more, and count says how many. */
  while (getgrouplist(p->pw_name, p->pw_gid, who->gids, &count) < 0 && count > room) {
    free(who->gids);
    room = count;
    who->gids = tool_alloc((size_t)room, sizeof *who->gids);
  }
  if (count > room) count = room;
  people_sort(who->gids, (size_t)count);
  who->subject.gids = who->gids;
  who->subject.gid_count = (size_t)count;
}

void policy_who_deinit(struct policy_who *who) { free(who->gids); }

bool policy_who_read(struct policy_who *who, const char *word, struct observer *o) {
  const char *colon = strchr(word, ':'), *worker = colon ? colon + 1 : word;
  struct policy_subject *s = &who->subject;
  *who = (struct policy_who){0};
  if (*worker || !colon) s->worker = worker;
  s->worker_size = strlen(worker);
  if (colon && colon > word ? !read_user(word, (size_t)(colon - word), &s->uid)
                            : !find_user_of(worker, o, &s->uid))
    return false;
  find_groups(who);
  return true;
}
