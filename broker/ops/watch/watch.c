/* SPDX-License-Identifier: MIT
 *
 * The answer names the worker, so the worker is introduced before it: the watcher
 * will then be told of its death, too. Of one that has ended, and whose name is taken until all
 * have been told, nobody is answered any more: the watcher may be among those who know already.
 */
#include "broker/ops/watch/watch.h"

#include <assert.h>
#include <string.h>

#include "broker/core/notify.h"
#include "broker/core/state.h"
#include "broker/core/succession.h"
#include "broker/core/transfer.h"
#include "broker/net/limits.h"
#include "proto/base.h"
#include "proto/body.h"
#include "proto/name.h"

/* Units of work for an answer, and how many of them a slice has. */
enum { ANSWER_COST = 5, ANSWERS_SLICE = WORK_QUANTUM / ANSWER_COST };

static void reply(struct client *to, uint64_t request, uint32_t host) {
  struct broker *b = to->broker;
  uint32_t load;
  if (!transfer_introduce(b, host, to, to->account, &load, NULL)) return;
  struct pack *p = notify_begin(b, MESSAGE_REPLY, OP_watch, request, 1);
  pack_uint(p, hosts_at(&b->hosts, host)->id);
  notify_send(b, to);
}

/* The name and event of a request; NULL, or what is wrong with it. */
static const char *read_watch(const struct message *m, const char **name, uint32_t *size,
                              enum names_event *event) {
  struct reader r;
  uint32_t count, event_size;
  const char *text;
  reader_open(&r, m->body, m->body_size, &count);
  if (!reader_string(&r, name, size) || !reader_string(&r, &text, &event_size))
    return "'watch' wants a name and an event";
  if (event_size == 5 && memcmp(text, "ready", 5) == 0)
    *event = NAMES_READY;
  else if (event_size == 7 && memcmp(text, "present", 7) == 0)
    *event = NAMES_PRESENT;
  else
    return "'watch' knows the events \"present\" and \"ready\" only";
  return NULL;
}

void watch_on_watch(struct client *from, const struct message *m) {
  struct broker *b = from->broker;
  const char *name, *fault;
  uint32_t size, host;
  enum names_event event;
  char full[LIMITS_TEXT];
  if ((fault = read_watch(m, &name, &size, &event))) {
    client_fault(from, "%s", fault);
  } else if ((fault = name_fault(name, size))) {
    notify_refuse(from, m, STATUS_unsupported,
                  "no worker can have this name: a worker's name %s", fault);
  } else if (m->flags & MESSAGE_ONE_WAY) {
    return; /* nobody to be answered */
  } else if (names_has_happened(&b->names, name, size, event, &host) &&
             hosts_at(&b->hosts, host)->client->state != CLIENT_CONDEMNED) {
    reply(from, m->id, host);
  } else if (!limits_allow(from, ACCOUNT_WAITS, 1, full)) {
    notify_refuse(from, m, STATUS_busy, "%s", full);
  } else if (!names_watch(&b->names, name, size, event, from->host, m->id)) {
    notify_refuse(from, m, STATUS_busy, "the broker's memory is too short; try again later");
  }
}

/* As many as a slice allows; true when more are left. */
static bool answer_slice(struct client *named) {
  struct broker *b = named->broker;
  struct wait watch;
  uint32_t left = ANSWERS_SLICE;
  while (left && names_take_due(&b->names, named->name_record, &watch)) {
    struct client *to = hosts_at(&b->hosts, watch.client)->client;
    if (to) reply(to, watch.request, named->host);
    left--;
  }
  work_charge(&b->work, (uint64_t)(ANSWERS_SLICE - left) * ANSWER_COST);
  return left == 0;
}

static bool go_on(struct work *w, struct job *j) {
  (void)w;
  return answer_slice(container_of(j, struct client, telling));
}

void watch_go_on(struct client *named) {
  work_add(&named->broker->work, &named->telling, go_on);
}

void watch_answer(struct client *named) {
  assert(succession_has_name(named));
  if (!job_is_queued(&named->telling) && answer_slice(named)) watch_go_on(named);
}

void watch_forget(struct client *named) { work_remove(&named->broker->work, &named->telling); }

void watch_on_ready(struct client *from, const struct message *m) {
  (void)m;
  from->serves = !from->retired;
  if (from->name_record == SLAB_NONE) return;
  if (succession_waits(from)) succession_pass(from->broker, from->name_record);
  names_at(&from->broker->names, from->name_record)->ready = true;
  watch_answer(from);
}
