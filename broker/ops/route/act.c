/* SPDX-License-Identifier: MIT
 *
 * For observers that the policy lets act; never for who is sandboxed. The broker sends no signals:
 * it may have more rights than who asks.
 */
#include "broker/ops/route/act.h"

#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/permissions.h"
#include "broker/core/state.h"
#include "broker/cycles/cycles.h"
#include "proto/body.h"
#include "proto/settings/settings.h"

/* What is asked for, and of whom: a worker, or which level. */
struct act {
  const char *what, *of;
  uint32_t what_size, of_size;
};

static bool is_word(const char *word, uint32_t size, const char *wanted) {
  return strlen(wanted) == size && memcmp(word, wanted, size) == 0;
}

static bool is_allowed(struct client *from, const struct message *m) {
  if (!from->observer || from->sandboxed)
    notify_refuse(from, m, STATUS_denied, "only operators act: observers that are not sandboxed");
  else if (!permission_to(from, POLICY_ACT, "act"))
    notify_refuse(from, m, STATUS_denied, "this broker's policy does not let user %u act",
                  (unsigned)from->uid);
  else
    return true;
  return false;
}

static void tell(struct client *from, const struct act *a) {
  log_peer(&from->broker->log, LOG_INFO, CAUSE_ACT, client_about(from),
           "%s (user %u, process %ld) acts: %.*s %.*s", from->name, (unsigned)from->uid,
           (long)from->pid, (int)a->what_size, a->what, (int)a->of_size, a->of);
}

static void set_level(struct client *from, const struct message *m, const struct act *a) {
  struct log *log = &from->broker->log;
  const char *const *words = setting_info(SETTING_log_level)->words;
  unsigned level = 0, former = log->level;
  while (words[level] && !is_word(a->of, a->of_size, words[level])) level++;
  if (!words[level]) {
    notify_refuse(from, m, STATUS_unsupported, "there is no log level '%.*s'", (int)a->of_size,
                  a->of);
    return;
  }
  log->level = (enum log_level)level;
  tell(from, a);
  pack_text(notify_begin(from->broker, MESSAGE_REPLY, OP_act, m->id, 1), words[former]);
  notify_send(from->broker, from);
}

static void name_process(struct client *from, const struct message *m, const struct act *a) {
  struct broker *b = from->broker;
  uint32_t number = names_host(&b->names, a->of, a->of_size);
  const struct host *host = number == SLAB_NONE ? NULL : hosts_at(&b->hosts, number);
  if (!host || !host->client) {
    notify_refuse(from, m, STATUS_dead, NOTIFY_DEAD_TEXT, (int)a->of_size, a->of);
    return;
  }
  tell(from, a);
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_act, m->id, 2);
  pack_uint(p, host->id);
  pack_uint(p, (uint64_t)host->client->pid);
  notify_send(b, from);
}

/* Answered when that is over. */
static void look_for_cycles(struct client *from, const struct message *m, const struct act *a) {
  tell(from, a);
  cycles_ask(from, m);
}

void act_on_act(struct client *from, const struct message *m) {
  struct reader r;
  struct act a;
  uint32_t count;
  if (!reader_open(&r, m->body, m->body_size, &count) ||
      !reader_string(&r, &a.what, &a.what_size) || !reader_string(&r, &a.of, &a.of_size) ||
      a.of_size > NAME_MAX_BYTES) {
    client_fault(from, "'act' wants a word and a name");
    return;
  }
  bool is_level = is_word(a.what, a.what_size, "log-level");
  if (m->flags & MESSAGE_ONE_WAY || !is_allowed(from, m)) return;
  if (is_level)
    set_level(from, m, &a);
  else if (is_word(a.what, a.what_size, "stop") || is_word(a.what, a.what_size, "kill"))
    name_process(from, m, &a);
  else if (is_word(a.what, a.what_size, "cycles"))
    look_for_cycles(from, m, &a);
  else
    notify_refuse(from, m, STATUS_unsupported,
                  "an operator may ask for \"log-level\", \"stop\", \"kill\" and \"cycles\"");
}
