/* SPDX-License-Identifier: MIT
 *
 * A policy is replaced as a whole, between two messages. What was allowed before and is under way
 * stays allowed: answers are not judged.
 */
#include "broker/core/permissions.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/core/policy_read.h"
#include "broker/core/seen.h"
#include "proto/body.h"

/* What one unit of work compares with patterns; groups of a process that it reads. */
enum { COMPARED_PER_UNIT = 50, GROUPS_PER_UNIT = 64 };

/* ---- The file ---- */

/* Takes the policy out of what was read; false: there is none, and nothing has changed. */
static bool replace(struct permissions *p, struct policy_read *r, uint64_t now_ms) {
  if (!r->policy) return false;
  policy_free(p->policy);
  free(p->text);
  p->policy = r->policy;
  p->text = r->text;
  p->text_size = r->size;
  r->policy = NULL;
  r->text = NULL;
  p->since_ms = now_ms;
  p->refused[0] = '\0';
  if (++p->generation == 0) p->generation = 1;
  return true;
}

bool permissions_open(struct permissions *p, const char *path, uint64_t now_ms, char *error,
                      size_t n) {
  *p = (struct permissions){.path = path, .people = &people_system};
  struct policy_read r = {.path = path, .people = p->people};
  if (!path) return true;
  policy_read_run(&r);
  bool good = replace(p, &r, now_ms);
  if (!good) snprintf(error, n, "%s", r.error);
  policy_read_deinit(&r);
  return good;
}

/* Parses the text that was read. */
static void parse(struct permissions *p, struct sheet *s, char *error, size_t n) {
  struct policy_errors errors;
  p->policy = policy_parse(p->text, p->text_size, p->people, &errors);
  if (p->policy) return;
  snprintf(error, n, "the policy in force, line %u: %s", errors.list[0].line, errors.list[0].text);
  sheet_fail(s, "the policy in force cannot be parsed");
}

void permissions_carry(struct permissions *p, const char *path, struct sheet *s, char *error,
                       size_t n) {
  bool is_read = p->reread.beside != NULL;
  sheet_mark(s, 'Y');
  if (!s->writes) *p = (struct permissions){.path = path, .people = &people_system};
  sheet_long_text(s, &p->text, &p->text_size, POLICY_BYTES_MOST);
  SHEET(s, p->generation);
  SHEET(s, p->since_ms);
  sheet_text(s, p->refused, sizeof p->refused);
  SHEET(s, p->refused_ms);
  SHEET(s, is_read);
  if (s->writes) return;
  p->reload_due = is_read;
  if (!path != !p->text) sheet_fail(s, "one of the two programs has a policy, and not the other");
  if (!s->fault && p->text) parse(p, s, error, n);
}

void permissions_stop(struct permissions *p) { reread_stop(&p->reread); }

void permissions_close(struct permissions *p) {
  assert(!p->reread.beside);
  policy_free(p->policy);
  free(p->text);
  *p = (struct permissions){0};
}

static void refuse_file(struct broker *b, const char *why) {
  struct permissions *p = &b->permissions;
  snprintf(p->refused, sizeof p->refused, "%s", why);
  p->refused_ms = uv_now(b->loop);
  log_asked(&b->log, CAUSE_RELOAD, "SIGHUP: %s; the policy in force stays", why);
}

void permissions_tell_end(const struct broker *b) {
  if (!b->permissions.reread.beside &&
      !(b->settings_reread && b->settings_reread->beside))
    manager_ready(b->manager, "serves on %s", b->listener.path);
}

static void *new_reading(void *broker) {
  const struct permissions *p = &((struct broker *)broker)->permissions;
  struct policy_read *r = calloc(1, sizeof *r);
  if (r) *r = (struct policy_read){.path = p->path, .people = p->people};
  return r;
}

static void read_file(void *reading) { policy_read_run(reading); }

static void free_reading(void *reading) {
  policy_read_deinit(reading);
  free(reading);
}

static void on_read(void *broker, void *reading) {
  struct broker *b = broker;
  struct permissions *p = &b->permissions;
  struct policy_read *r = reading;
  if (replace(p, r, uv_now(b->loop))) {
    log_asked(&b->log, CAUSE_RELOAD, "SIGHUP: %s is in force with %u rules", p->path,
              policy_rules(p->policy));
    seen_judge(b, permission_to_monitor);
  } else {
    refuse_file(b, r->error);
  }
}

static void on_slow(void *broker) {
  const struct permissions *p = &((struct broker *)broker)->permissions;
  log_asked(&((struct broker *)broker)->log, CAUSE_RELOAD,
            "SIGHUP: %s is still being read after %d s: a look-up of a user or group may hang (try "
            "getent passwd NAME); the policy in force stays meanwhile", p->path,
            BESIDE_SLOW_MS / 1000);
}

static void on_not_read(void *broker, int why) {
  char error[160];
  snprintf(error, sizeof error, "cannot read it now: %s", strerror(why));
  refuse_file(broker, error);
}

static void on_reload_ended(void *broker) { permissions_tell_end(broker); }

void permissions_reload(struct broker *b) {
  static const struct reread_way way = {.begin = new_reading, .run = read_file, .done = on_read,
                                        .slow = on_slow, .free = free_reading,
                                        .failed = on_not_read, .ended = on_reload_ended};
  struct permissions *p = &b->permissions;
  p->reload_due = false;
  if (p->path) {
    if (!reread_ask(&p->reread, b->loop, &way, b))
      log_asked(&b->log, CAUSE_RELOAD,
                "SIGHUP: %s is being read already; it is read once more after that", p->path);
    return;
  }
  log_asked(&b->log, CAUSE_RELOAD, "SIGHUP: there is nothing to reload");
  permissions_tell_end(b);
}

/* ---- Whom rules are about ---- */

static void find_rules(struct client *c, const char *worker, struct policy_set *out) {
  const struct permissions *p = &c->broker->permissions;
  struct access_groups groups;
  access_groups_read(c->fd, &groups);
  struct policy_subject s = {.uid = c->uid, .gids = groups.list, .gid_count = groups.count,
                             .gids_not_known = !groups.all, .worker = worker,
                             .worker_size = worker ? strlen(worker) : 0};
  uint64_t work = policy_about(p->policy, &s, out);
  client_charge(c, 1 + work / COMPARED_PER_UNIT + groups.count / GROUPS_PER_UNIT);
  access_groups_free(&groups);
}

/* Where a rule stands, for the log. */
static void tell_rule(const struct permissions *p, const struct policy_verdict *v, char *out,
                      size_t n) {
  if (v->line)
    snprintf(out, n, "%s:%u [%s]", p->path, v->line, v->title);
  else
    snprintf(out, n, "no rule of %s allows it", p->path);
}

/* After a reload: a name is asked for once, so its worker keeps it. */
static void check_name(struct client *c) {
  struct permissions *p = &c->broker->permissions;
  const struct host *h = hosts_at(&c->broker->hosts, c->host);
  struct policy_verdict v = policy_take(p->policy, &h->standing.asking, h->name, strlen(h->name));
  client_charge(c, v.work / COMPARED_PER_UNIT);
  char rule[1200];
  if (v.allowed) return;
  tell_rule(p, &v, rule, sizeof rule);
  log_peer(&c->broker->log, LOG_WARN, CAUSE_POLICY, client_about_why(c, rule),
           "worker %s (user %u, process %ld) keeps its name, which it could not take now", h->name,
           (unsigned)c->uid, (long)c->pid);
}

void permissions_judge(struct client *c) {
  struct permissions *p = &c->broker->permissions;
  struct host *h = hosts_at(&c->broker->hosts, c->host);
  bool is_new_for_name = h->standing.named && h->standing.named != p->generation;
  find_rules(c, h->observer ? NULL : h->name, &h->standing.asking);
  uint64_t work = policy_of_host(p->policy, h->name, strlen(h->name), &h->standing.asked);
  client_charge(c, work / COMPARED_PER_UNIT);
  h->standing.generation = h->standing.named = p->generation;
  if (is_new_for_name && !h->observer) check_name(c);
}

static const struct standing *standing_of(struct broker *b, uint32_t host) {
  struct host *h = hosts_at(&b->hosts, host);
  assert(h->client);
  if (h->standing.generation != b->permissions.generation) permissions_judge(h->client);
  return &h->standing;
}

/* ---- Decisions ---- */

/* Logs what is refused: `what` is the end of "may not". */
static bool decide(struct client *from, const struct policy_verdict *v, const char *what) {
  char rule[1200];
  if (v->allowed) return true;
  tell_rule(&from->broker->permissions, v, rule, sizeof rule);
  log_peer(&from->broker->log, LOG_WARN, CAUSE_POLICY, client_about_why(from, rule),
           "denied: %s%s (user %u, process %ld) may not %s", from->observer ? "observer " : "",
           from->name, (unsigned)from->uid, (long)from->pid, what);
  return false;
}

bool permissions_allow_name(struct client *from, const char *name, size_t size) {
  struct policy_set rules;
  char what[NAME_MAX_BYTES + 32];
  find_rules(from, NULL, &rules);
  struct policy_verdict v = policy_take(from->broker->permissions.policy, &rules, name, size);
  client_charge(from, v.work / COMPARED_PER_UNIT);
  if (v.allowed) return true;
  snprintf(what, sizeof what, "be worker %.*s", (int)size, name);
  return decide(from, &v, what);
}

/* The label that a request is about, in `text` if it is a number. */
static void read_label(const struct message *m, char text[POLICY_NUMBER_BYTES],
                       struct policy_label *label) {
  struct reader r;
  struct value v;
  uint32_t count;
  *label = (struct policy_label){0};
  if (!reader_open(&r, m->body, m->body_size, &count) || !reader_next(&r, &v)) return;
  if (v.type == VALUE_STRING && v.size <= POLICY_LABEL_MOST)
    *label = (struct policy_label){v.bytes, v.size};
  else if (v.type == VALUE_NUMBER)
    policy_number_label(v.number, text, label);
}

bool permissions_allow_request(struct client *from, uint32_t host, const struct message *m) {
  struct broker *b = from->broker;
  char number[POLICY_NUMBER_BYTES], what[POLICY_LABEL_MOST];
  struct policy_label label = {0};
  struct policy_verdict v;
  if (host == from->host) return true;
  const struct policy_set *asking = &standing_of(b, from->host)->asking;
  if (m->op == OP_s2t) read_label(m, number, &label);
  if (from->observer)
    v = policy_may(b->permissions.policy, asking, policy_right_for(m->op),
                   from->uid == geteuid());
  else
    v = policy_ask(b->permissions.policy, asking, &standing_of(b, host)->asked, m->op, &label);
  client_charge(from, v.work / COMPARED_PER_UNIT);
  if (v.allowed) return true;
  snprintf(what, sizeof what, "ask %s for '%s'%s%.*s", hosts_at(&b->hosts, host)->name,
           op_name(m->op), label.text ? " of label " : "", (int)label.size,
           label.text ? label.text : "");
  return decide(from, &v, what);
}

bool permissions_allow(struct client *from, enum policy_right right, const char *what) {
  struct policy_verdict v =
      policy_may(from->broker->permissions.policy, &standing_of(from->broker, from->host)->asking,
                 right, from->uid == geteuid());
  return decide(from, &v, what);
}

bool permission_to_reach(struct client *from, enum policy_right right, const char *what,
                         char why[REACH_TEXT]) {
  unsigned uid = (unsigned)from->uid;
  assert(policy_right_reaches(right));
  const char *because = "without a policy the broker's own user and root may";
  if (from->sandboxed) {
    because = "no sandboxed client may";
  } else if (!from->observer) {
    because = "only observers may";
  } else if (from->broker->permissions.policy) {
    if (permissions_allow(from, right, what)) return true; /* or it is logged with its rule */
    snprintf(why, REACH_TEXT, "user %u may not %s: this broker's policy does not give it the right "
                              "'%s'", uid, what, policy_right_name(right));
    return false;
  } else if (from->uid == geteuid() || from->uid == 0) {
    return true;
  }
  snprintf(why, REACH_TEXT, "user %u may not %s: %s", uid, what, because);
  log_peer(&from->broker->log, LOG_WARN, CAUSE_POLICY, client_about_why(from, because),
           "denied: %s%s (user %u, process %ld) may not %s", from->observer ? "observer " : "",
           from->name, uid, (long)from->pid, what);
  return false;
}

static_assert((int)SEEN_WHY_BYTES == (int)REACH_TEXT, "why one may not monitor is such a text");

bool permission_to_monitor(struct client *from, char why[REACH_TEXT]) {
  return permission_to_reach(from, POLICY_MONITOR, "see what others send", why);
}
